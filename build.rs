//! Compiles the public API in `proto/` and keeps its descriptors for reflection.
//!
//! In pure Rust: a build needs neither `protoc` nor a network.

use std::path::PathBuf;
use std::{env, error, fs};

use prost::Message as _;

const ROOT: &str = "proto";
const PACKAGES: [&str; 2] = ["proto/clearline/evaluation/v1", "proto/clearline/screening/v1"];

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through variables")]
fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed={ROOT}");

    let mut files = Vec::new();
    for package in PACKAGES {
        for entry in fs::read_dir(package)? {
            files.push(entry?.path());
        }
    }
    // Sorted, so that two builds of one commit generate the same bytes.
    files.sort();

    // The comments stay in: they are the manual that reflection hands out.
    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let descriptors = compiler.file_descriptor_set();

    let kept = PathBuf::from(env::var("OUT_DIR")?).join("clearline.bin");
    fs::write(kept, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
