//! Ready: memory that is there before the first call, and stays.
//!
//! A page that a process touches for the first time is found and cleared by the system while a payer
//! waits: on a virtual machine that gives its unused pages back to its host, 2.4 µs for 4 KiB and over
//! a millisecond for 2 MiB. While what is remembered grows that is a twentieth of a decision, and as
//! much again where the allocator gives back what a batch no longer needs and the next one needs again.
//! So the process takes what a busy day will want at its start, as what has run for a day has it, and
//! gives nothing back.

use std::env;
use std::ffi::OsString;
use std::hint::black_box;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The allocator's setting that it gives no memory back to the system. It reads it from the
/// environment, before `main`.
pub const KEEP: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "-1");

/// Sees to it that memory is kept, and takes `bytes` of it.
pub(super) fn prepare(bytes: u32) {
    let bytes = usize::try_from(bytes).unwrap_or(0);
    if let Err(error) = keep() {
        tracing::warn!(%error, "memory is given back");
    }
    tracing::info!(bytes = take(bytes), "memory ready");
}

/// Becomes this program once more with an allocator that gives nothing back, unless somebody has said
/// already what it shall do. Comes back only where nothing was to be done or it cannot be.
fn keep() -> io::Result<()> {
    let (name, value) = KEEP;
    if env::var_os(name).is_some() {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let own = arguments.next().unwrap_or_else(|| OsString::from("clearline"));
    Err(Command::new(env::current_exe()?).arg0(own).args(arguments).env(name, value).exec())
}

/// Touches `bytes` of memory and leaves them to the allocator. Returns how many the system gave: all or
/// none.
fn take(bytes: usize) -> usize {
    let mut memory: Vec<u8> = Vec::new();
    if memory.try_reserve_exact(bytes).is_err() {
        return 0;
    }
    memory.resize(bytes, 1);
    // Seen by nobody, and so the compiler would leave it out.
    black_box(memory).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_bytes_are_taken_as_asked_for_or_none() {
        for (asked, want) in [(0, 0), (1, 1), (4_097, 4_097), (usize::MAX, 0)] {
            assert_eq!(take(asked), want, "{asked}");
        }
    }
}
