//! Usage: what the process uses of the machine, as Linux tells.

use std::fs;

/// What is known of it; a field that the system does not tell is absent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Used {
    /// Processor time, in hundredths of a second.
    pub(crate) cpu_hundredths: Option<u64>,
    /// Memory in use, in bytes.
    pub(crate) resident_bytes: Option<u64>,
    /// Open files.
    pub(crate) open_files: Option<u64>,
    /// Most files that may be open.
    pub(crate) files_max: Option<u64>,
    /// Threads.
    pub(crate) threads: Option<u64>,
}

/// Asks the system.
pub(crate) fn used() -> Used {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = rustix::param::clock_ticks_per_second();
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4_096);
    let mut used = read(&stat, ticks, page);
    used.open_files = fs::read_dir("/proc/self/fd").ok().map(|files| {
        // The folder is open itself while it is read.
        u64::try_from(files.count()).unwrap_or(u64::MAX).saturating_sub(1)
    });
    used.files_max = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    used
}

/// Reads a line of `/proc/<pid>/stat`. The name of the process is in brackets and may hold anything,
/// so fields are counted from the last closing one.
fn read(stat: &str, ticks: u64, page: u64) -> Used {
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
    let field = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let cpu = field(UTIME).zip(field(STIME)).map(|(user, system)| user.saturating_add(system));
    Used {
        cpu_hundredths: cpu.and_then(|cpu| cpu.saturating_mul(100).checked_div(ticks)),
        resident_bytes: field(RSS).map(|pages| pages.saturating_mul(page)),
        threads: field(THREADS),
        ..Used::default()
    }
}

// Places after the name, as proc(5) numbers them less three.
const UTIME: usize = 11;
const STIME: usize = 12;
const THREADS: usize = 17;
const RSS: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_process_is_called() {
        let line = "7 (a ) b) S 1 7 7 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 4 0 100 9999 12 1";
        let want = Used {
            cpu_hundredths: Some(300),
            resident_bytes: Some(12 * 4_096),
            threads: Some(4),
            ..Used::default()
        };
        assert_eq!(read(line, 100, 4_096), want);
        assert_eq!(read("", 100, 4_096), Used::default());
        assert_eq!(read("7 (x) S 1", 100, 4_096), Used::default());
    }

    #[test]
    fn this_process_uses_something() {
        let used = used();
        assert!(used.resident_bytes.is_some_and(|bytes| 100_000 < bytes), "{used:?}");
        assert!(used.open_files.is_some_and(|files| 2 < files), "{used:?}");
        assert!(used.threads.is_some_and(|threads| 0 < threads), "{used:?}");
    }
}
