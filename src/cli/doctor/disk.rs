//! Disk: the data folder, what is in it, and how long the disk below takes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calendar::Time;
use crate::cli::bench::report::{grouped, milliseconds};
use crate::cli::doctor::Check;
use crate::clock::Stopwatch;
use crate::log::disk::{Disk, RealDisk};
use crate::log::folder::{Folder, OpenError};
use crate::log::reader::Reader;
use crate::turn::clockwork::JUMP_MAX;

/// Looks at the data folder as it is at `now`, which is to hold the log called `origin`.
pub(super) fn checks(data: &Path, origin: &str, now: Time) -> Vec<Check> {
    let there = data.is_dir();
    let place = if there { data.to_owned() } else { above(data) };
    let mut checks = vec![folder(data, there), space(&place), sync(&place)];
    if there {
        checks.extend(log(data, origin, now));
    } else {
        checks.push(Check::skipped("keys", "there are none before the first start"));
        checks.push(Check::skipped("clock", "there is no log to hold it against"));
    }
    checks
}

/// Returns the folder in which a folder would be made.
fn above(data: &Path) -> PathBuf {
    let there = data.ancestors().skip(1).find(|above| above.is_dir());
    match there {
        Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn folder(data: &Path, there: bool) -> Check {
    let name = data.display();
    if !there {
        return Check::well("folder", format!("`{name}` is made at the first start"));
    }
    let mode = data.metadata().map(|metadata| metadata.mode() & 0o777);
    match mode {
        Ok(mode) if mode % 0o100 == 0 => {
            Check::well("folder", format!("`{name}` is its owner's alone"))
        }
        Ok(mode) => Check::wrong(
            "folder",
            format!("`{name}` has mode {mode:03o}, so that others can read it"),
            format!("chmod 700 {name}"),
        ),
        Err(error) => Check::wrong(
            "folder",
            format!("`{name}` cannot be looked at: {error}"),
            "run this as the user that the service runs as",
        ),
    }
}

fn space(place: &Path) -> Check {
    let found = match rustix::fs::statvfs(place) {
        Ok(found) => found,
        Err(error) => {
            let says = format!("the disk of `{}` cannot be asked: {error}", place.display());
            return Check::warning("space", says, "look at it by hand");
        }
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    judge_space(free, found.f_favail)
}

fn judge_space(free: u64, names: u64) -> Check {
    let says = format!("{} MiB are free", grouped(free / 1_048_576));
    let advice = "make room: a log that cannot be written ends the service";
    if free < SPACE_LEAST || names < NAMES_LEAST {
        Check::wrong("space", says, advice)
    } else if free < SPACE_FEW {
        Check::warning("space", says, advice)
    } else {
        Check::well("space", says)
    }
}

fn sync(place: &Path) -> Check {
    match synced(place) {
        Ok(times) => judge_sync(times),
        Err(error) => Check::wrong(
            "sync",
            format!("`{}` cannot be written: {error}", place.display()),
            "run this as the user that the service runs as; if that is so, the disk refuses",
        ),
    }
}

/// Writes and syncs as the log does, in a file that is removed, and returns the microseconds of each.
fn synced(place: &Path) -> io::Result<Vec<u64>> {
    let path = place.join(format!(".clearline-doctor-{}", std::process::id()));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
    let measured = (0..SYNCS)
        .map(|_| {
            let watch = Stopwatch::start();
            file.write_all(&[0; SYNC_BYTES])?;
            file.sync_data()?;
            Ok(watch.nanos() / 1_000)
        })
        .collect();
    fs::remove_file(&path)?;
    measured
}

fn judge_sync(mut times: Vec<u64>) -> Check {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let most = times.last().copied().unwrap_or_default();
    let says = format!(
        "{} syncs of {SYNC_BYTES} bytes took {} at the median and {} at most",
        times.len(),
        milliseconds(median),
        milliseconds(most)
    );
    if SYNC_WRONG <= median {
        let advice = "no decision within a payer's patience: put the data on a local disk with a cache \
                      that survives a loss of power";
        Check::wrong("sync", says, advice)
    } else if SYNC_SLOW <= median || SYNC_WRONG <= most {
        Check::warning("sync", says, "see what else uses the disk; every call waits for one sync")
    } else {
        Check::well("sync", says)
    }
}

/// Opens the log to read it, as far as it is durable.
fn log(data: &Path, origin: &str, now: Time) -> Vec<Check> {
    let disk: Arc<dyn Disk> = match RealDisk::open_read_only(data) {
        Ok(disk) => Arc::new(disk),
        Err(error) => {
            let says = format!("`{}` cannot be read: {error}", data.display());
            return vec![Check::wrong(
                "keys",
                says,
                "run this as the user that the service runs as",
            )];
        }
    };
    let name = Folder::stored_origin(&*disk).ok().flatten().map(|held| judge_name(&held, origin));
    let folder = match Folder::open_read_only(disk) {
        Ok(folder) => folder,
        Err(OpenError::Empty) => {
            let says = "there is no log yet";
            return vec![Check::skipped("keys", says), Check::skipped("clock", says)];
        }
        Err(error @ OpenError::VersionMissing) => {
            let advice = "it has two lines: `clearline data 1`, and the log's `data.origin`";
            return vec![Check::wrong("log", told(&error), advice)];
        }
        Err(error) => {
            let advice = "nobody but the service's user may read keys (chmod 600), and without them \
                          nothing of the log opens: restore them from their copy";
            return vec![Check::wrong("keys", told(&error), advice)];
        }
    };
    let keys = Check::well("keys", "the keys are there, and nobody else's to read");
    let last = Reader::open(&folder).map_err(|error| told(&error)).and_then(|reader| {
        let Some(last) = reader.durable().checked_sub(1) else { return Ok(None) };
        reader.read(last).map(|stored| Some(stored.parts.time)).map_err(|error| told(&error))
    });
    let clock = match last {
        Ok(Some(last)) => judge_clock(last, now),
        Ok(None) => Check::skipped("clock", "the log is empty"),
        Err(says) => {
            let advice = "restore the file it names from a copy, and never change one by hand";
            Check::wrong("log", says, advice)
        }
    };
    name.into_iter().chain([keys, clock]).collect()
}

fn judge_name(held: &str, origin: &str) -> Check {
    if held == origin {
        return Check::well("name", format!("the log is `{held}`, as `data.origin` says"));
    }
    let says = format!("the folder holds the log `{held}`, and `data.origin` says `{origin}`");
    Check::wrong("name", says, "set `data.origin` as it was, or choose another folder")
}

fn judge_clock(last: Time, now: Time) -> Check {
    let behind = last.since(now);
    let advice = "set the clock right, and keep it so with a time daemon";
    if JUMP_MAX < behind {
        let says = format!("the clock is {} s behind the log: no start", behind.whole_seconds());
        return Check::wrong("clock", says, advice);
    }
    if CLOCK_BEHIND < behind.whole_seconds() {
        let says = format!("the clock is {} s behind the log", behind.whole_seconds());
        return Check::warning("clock", says, advice);
    }
    let says = format!("the last entry was made at {last}, and it is {now}");
    Check::well("clock", says)
}

fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// As much as one segment, its index and a snapshot being written may need at once.
pub(super) const SPACE_LEAST: u64 = 256 * 1_048_576;
/// Some two million decisions.
pub(super) const SPACE_FEW: u64 = 4_096 * 1_048_576;
/// Files are made a few at a time.
pub(super) const NAMES_LEAST: u64 = 64;
const SYNCS: usize = 32;
/// A batch of a few decisions.
const SYNC_BYTES: usize = 4_096;
/// Ten times what a local disk was measured to take, in microseconds.
const SYNC_SLOW: u64 = 5_000;
/// With a batch before it in the way, a call then waits a tenth of a second, in microseconds.
const SYNC_WRONG: u64 = 50_000;
/// Time daemons step by less, in seconds.
const CLOCK_BEHIND: i64 = 1;

#[cfg(test)]
mod tests {
    use super::super::Finding;
    use super::*;
    use crate::calendar::Span;

    #[test]
    fn room_is_judged_on_both_sides_of_its_limits() {
        for (free, names, want) in [
            (SPACE_LEAST.saturating_sub(1), 1_000, Finding::Wrong),
            (SPACE_LEAST, 1_000, Finding::Warning),
            (SPACE_FEW.saturating_sub(1), 1_000, Finding::Warning),
            (SPACE_FEW, NAMES_LEAST, Finding::Well),
            (SPACE_FEW, NAMES_LEAST.saturating_sub(1), Finding::Wrong),
        ] {
            assert_eq!(judge_space(free, names).finding, want, "{free} {names}");
        }
    }

    #[test]
    fn a_sync_is_judged_by_its_median_and_its_worst() {
        for (times, want) in [
            ([400, 300, 500], Finding::Well),
            ([4_999, 4_999, 49_999], Finding::Well),
            ([5_000, 5_000, 1], Finding::Warning),
            ([300, 300, 50_000], Finding::Warning),
            ([50_000, 50_000, 1], Finding::Wrong),
        ] {
            assert_eq!(judge_sync(times.to_vec()).finding, want, "{times:?}");
        }
    }

    #[test]
    fn a_clock_is_held_against_the_log() {
        let last = Time::from_micros(1_000_000_000_000);
        for (behind, want) in [
            (Span::hours(-9), Finding::Well),
            (Span::seconds(1), Finding::Well),
            (Span::seconds(2), Finding::Warning),
            (JUMP_MAX, Finding::Warning),
            (Span(JUMP_MAX.0.saturating_add(1)), Finding::Wrong),
        ] {
            assert_eq!(judge_clock(last, last.minus(behind)).finding, want, "{behind:?}");
        }
    }

    #[test]
    fn a_folder_is_held_against_the_log_that_it_is_to_hold() {
        let root = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(root.path()).unwrap());
        let found = |origin| {
            let checks = log(root.path(), origin, Time::from_micros(0));
            let first = checks.first().cloned().unwrap();
            (first.name, first.finding)
        };
        assert_eq!(found("bank.example/a"), ("keys", Finding::Skipped));
        drop(Folder::open(disk, "bank.example/a").unwrap());
        assert_eq!(found("bank.example/a"), ("name", Finding::Well));
        assert_eq!(found("bank.example/b"), ("name", Finding::Wrong));

        fs::write(root.path().join("log/00000000000000000000.segment"), "").unwrap();
        fs::remove_file(root.path().join("version")).unwrap();
        assert_eq!(found("bank.example/a"), ("log", Finding::Wrong));
    }

    #[test]
    fn a_disk_is_measured_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(synced(folder.path()).unwrap().len(), SYNCS);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        assert!(synced(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn a_folder_that_is_not_there_is_looked_for_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(above(&folder.path().join("a/b/c")), folder.path());
        assert_eq!(above(Path::new("data")), Path::new("."));
    }
}
