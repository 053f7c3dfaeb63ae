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
pub(super) fn prepare(bytes: u64) {
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

/// Touches `bytes` of memory, to whole pieces, and leaves them to the allocator. Returns how many there
/// were: fewer where the system gives no more.
fn take(bytes: u64) -> usize {
    let wanted = usize::try_from(bytes).unwrap_or(usize::MAX).div_euclid(PIECE);
    // All at the same time, or each would be the one before.
    let mut pieces = Vec::new();
    for _ in 0..wanted {
        let mut piece: Vec<u8> = Vec::new();
        if piece.try_reserve_exact(PIECE).is_err() {
            break;
        }
        piece.resize(PIECE, 1);
        // Seen by nobody, and so the compiler would leave it out.
        pieces.push(black_box(piece));
    }
    pieces.len().saturating_mul(PIECE)
}

/// Bytes of one piece: the allocator asks the system for a gibibyte at a time, and what is larger than
/// what is left of that would lie beside it and not be used again.
const PIECE: usize = 32 * 1_048_576;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_pieces_are_taken_and_no_more() {
        let piece = u64::try_from(PIECE).unwrap();
        for (asked, want) in [(0, 0), (piece - 1, 0), (piece, PIECE), (2 * piece + 1, 2 * PIECE)] {
            assert_eq!(take(asked), want, "{asked}");
        }
    }
}
