//! Machine: what the kernel knows of a run. Linux only; elsewhere every reading is `None`.
//!
//! Asks nothing of the server: its processor time and memory are read where any process's are.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::time::Instant;

/// How a core spent its time since the machine started, in ticks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CoreTime {
    /// In all.
    pub all: u64,
    /// Idle, or idle while a disk worked.
    pub idle: u64,
}

/// Returns the processor time that process `pid` has taken, its threads together.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold spaces; after it, user and system time are fields 12 and 13.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks = u128::from(user.checked_add(system)?);
    let second = u128::from(rustix::param::clock_ticks_per_second());
    let nanos = ticks.checked_mul(1_000_000_000)?.checked_div(second)?;
    Some(Duration::from_nanos(u64::try_from(nanos).ok()?))
}

/// Returns how much memory process `pid` keeps, in bytes.
pub fn memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Returns how core `core` has spent its time.
pub fn core_time(core: usize) -> Option<CoreTime> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let name = format!("cpu{core}");
    let line = stat.lines().find(|line| line.split_ascii_whitespace().next() == Some(&name))?;
    // user, nice, system, idle, iowait, irq, softirq, steal: what follows is counted in these.
    let fields = line.split_ascii_whitespace().skip(1).take(8);
    let ticks: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
    let all = ticks.iter().fold(0_u64, |sum, ticks| sum.saturating_add(*ticks));
    let idle = ticks.get(3)?.saturating_add(*ticks.get(4)?);
    Some(CoreTime { all, idle })
}

impl CoreTime {
    /// Returns how many thousandths of the time since `before` the core was busy.
    pub fn busy_per_mille_since(self, before: Self) -> u64 {
        let all = self.all.saturating_sub(before.all);
        let idle = self.idle.saturating_sub(before.idle);
        all.saturating_sub(idle).saturating_mul(1000).checked_div(all).unwrap_or(0)
    }
}

/// Keeps this thread, and the processes and threads that it starts from now on, on core `core`.
pub fn pin(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// Appends `bytes` bytes to a new file in `folder` and syncs it, again and again for `time`; returns
/// how long each took, in microseconds. Removes the file.
pub fn sync_times(folder: &Path, bytes: usize, time: Duration) -> io::Result<Histogram<u64>> {
    let mut times = Histogram::new_with_bounds(1, SYNC_MICROS_MAX, 3).map_err(io::Error::other)?;
    let path = folder.join("sync-probe");
    let mut file = fs::File::create(&path)?;
    let block = vec![0x5a; bytes];
    let start = Instant::now();
    loop {
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        let now = Instant::now();
        let micros = now.saturating_duration_since(begun).as_micros();
        times.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
        if time <= now.saturating_duration_since(start) {
            break;
        }
    }
    drop(file);
    fs::remove_file(&path)?;
    Ok(times)
}

/// Longer than a disk that still works takes.
const SYNC_MICROS_MAX: u64 = 60_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_taken_time_and_memory() {
        let pid = std::process::id();
        assert!(cpu_time(pid).is_some());
        assert!(memory(pid).is_some_and(|bytes| 100_000 < bytes));
        assert!(core_time(0).is_some_and(|time| time.idle <= time.all));
    }

    #[test]
    fn a_core_is_busy_when_it_is_not_idle() {
        let before = CoreTime { all: 1000, idle: 900 };
        for (all, idle, want) in [(1000, 900, 0), (1400, 900, 1000), (1400, 1000, 750)] {
            assert_eq!(CoreTime { all, idle }.busy_per_mille_since(before), want);
        }
    }
}
