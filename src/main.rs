//! Clearline, the command.

use std::process::ExitCode;

// Every decision allocates and frees a few hundred times, on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    clearline::cli::main()
}
