#!/usr/bin/env bash
# Builds the program so that the same source and toolchain give the same bytes wherever it is built:
# no path of this machine and no moment is in it.
#
#     deploy/build.sh           # target/release/clearline, as `cargo build --release --locked` makes it
set -euo pipefail
cd "$(dirname "$0")/.."

cargo_home=${CARGO_HOME:-$HOME/.cargo}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
# Ours, the libraries', and those of the allocator, which is C.
export RUSTFLAGS="--remap-path-prefix=$PWD=/source --remap-path-prefix=$cargo_home=/cargo"
export CFLAGS="-ffile-prefix-map=$PWD=/source -ffile-prefix-map=$cargo_home=/cargo"
export CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$PWD/target"
exec cargo build --release --locked --bin clearline "$@"
