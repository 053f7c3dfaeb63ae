#!/usr/bin/env bash
# Writes target/sbom/clearline.cdx.json (CycloneDX 1.5): every library that the program is built from,
# with version, licence and hash; those that only build it are marked `excluded`. The same bytes for the
# same commit.
#
#     deploy/sbom.sh            # needs cargo-cyclonedx: cargo install --locked cargo-cyclonedx@0.5.9
set -euo pipefail
cd "$(dirname "$0")/.."

# Dated by the commit, where there is one, and without a number drawn by chance.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

written=clearline.cdx.json
trap 'rm -f "$written"' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --target x86_64-unknown-linux-gnu \
    --override-filename clearline.cdx
mkdir -p target/sbom
# Where it was built is nobody's business, and would make each place's file another.
sed "s#path+file://$PWD\##clearline:#g" "$written" >target/sbom/clearline.cdx.json

if grep -q -e "$PWD" -e '"serialNumber"' target/sbom/clearline.cdx.json; then
    echo "target/sbom/clearline.cdx.json depends on where or when it was made" >&2
    exit 1
fi
# What Cargo says that the program needs must all be there, by name and version.
missing=0
while read -r name version; do
    if ! grep -q "pkg:cargo/$name@${version#v}[\"?]" target/sbom/clearline.cdx.json; then
        echo "not in the list: $name $version" >&2
        missing=1
    fi
done < <(cargo tree --locked --edges normal,build --target x86_64-unknown-linux-gnu --prefix none |
    sed 's/ (.*//' | sort -u)
((missing == 0))
echo "target/sbom/clearline.cdx.json: $(grep -c '"purl": "pkg:cargo/' target/sbom/clearline.cdx.json) components"
