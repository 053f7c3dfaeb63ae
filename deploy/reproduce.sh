#!/usr/bin/env bash
# Builds the program twice, in two folders of other names and lengths, and compares the bytes.
#
#     deploy/reproduce.sh       # what stands in the work tree, tracked files only
#
# By itself without optimising and without LTO, which takes minutes less and shows a path or a moment
# that got in just as well. `deploy/reproduce.sh release` builds as a release is built.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ${1:-} != release ]]; then
    export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0
    export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
fi
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
places=("$work/a" "$work/another-place/with/a-longer-name")
for place in "${places[@]}"; do
    mkdir -p "$place"
    git ls-files -z | xargs -0 cp --parents --target-directory "$place"
    "$place/deploy/build.sh" --quiet
    cp "$place/target/release/clearline" "$place/program"
    rm -rf "$place/target"
    sha256sum "$place/program" | cut -d' ' -f1
done

if ! cmp "${places[0]}/program" "${places[1]}/program"; then
    echo "two builds of one source differ" >&2
    exit 1
fi
if grep -q -a -F -e "$work" -e "$HOME/.cargo" "${places[0]}/program"; then
    echo "the program names a folder of the machine that built it" >&2
    exit 1
fi
echo "two builds in two folders give the same $(stat -c %s "${places[0]}/program") bytes"
