//! Progress: how far a load is, for whoever watches.
//!
//! A bar that is drawn over itself on a terminal, a line now and then elsewhere. Counts only, never
//! anything of a row.

use std::io::{self, IsTerminal as _, Write as _};

use crate::calendar::Span;
use crate::clock::{Clock as _, RealClock};

/// Tells on standard error how far a load is.
#[derive(Debug)]
pub struct Progress {
    clock: RealClock,
    terminal: bool,
    all: u64,
    told: Span,
}

impl Progress {
    /// Takes how much there is to read.
    pub fn start(all: u64) -> Self {
        let terminal = io::stderr().is_terminal();
        Self { clock: RealClock::start(), terminal, all, told: Span(0) }
    }

    /// Returns how long it has gone on.
    pub fn passed(&self) -> Span {
        self.clock.steady()
    }

    /// Tells that so much was read and so many rows are settled, if it is time to.
    pub fn tell(&mut self, read: u64, rows: u64) {
        let now = self.passed();
        let every = if self.terminal { DRAWN_EVERY } else { TOLD_EVERY };
        if now.0.saturating_sub(self.told.0) < every.0 {
            return;
        }
        self.told = now;
        let line = line(read, self.all, rows, now);
        // Nobody may be watching any more.
        let _ = if self.terminal {
            let bar = bar(read, self.all);
            write!(io::stderr(), "\r\x1b[2K{bar} {line}")
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }

    /// Clears the bar.
    pub fn end(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

fn line(read: u64, all: u64, rows: u64, passed: Span) -> String {
    let percent = part(read, all, 100);
    format!("{percent:>3}%  {} rows  {} rows/s", grouped(rows), grouped(rate(rows, passed)))
}

fn bar(read: u64, all: u64) -> String {
    let full = usize::try_from(part(read, all, BAR_CHARS)).unwrap_or(0);
    let chars = usize::try_from(BAR_CHARS).unwrap_or(0);
    format!("[{}{}]", "#".repeat(full), "-".repeat(chars.saturating_sub(full)))
}

fn part(read: u64, all: u64, whole: u64) -> u64 {
    read.saturating_mul(whole).checked_div(all).unwrap_or(whole).min(whole)
}

/// Returns how many rows a second, rounded down.
pub fn rate(rows: u64, passed: Span) -> u64 {
    let micros = u64::try_from(passed.0).unwrap_or(1).max(1);
    rows.saturating_mul(1_000_000).checked_div(micros).unwrap_or(0)
}

/// Returns a number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(at);
        if at != 0 && left.is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const BAR_CHARS: u64 = 30;
const DRAWN_EVERY: Span = Span(200_000);
const TOLD_EVERY: Span = Span::seconds(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_part_the_rows_and_the_rate() {
        for (read, all, rows, want) in [
            (0, 10, 0, "  0%  0 rows  0 rows/s"),
            (5, 10, 1_234_567, " 50%  1,234,567 rows  617,283 rows/s"),
            (11, 10, 7, "100%  7 rows  3 rows/s"),
            (0, 0, 0, "100%  0 rows  0 rows/s"),
        ] {
            assert_eq!(line(read, all, rows, Span::seconds(2)), want);
        }
        assert_eq!(bar(1, 2), format!("[{}{}]", "#".repeat(15), "-".repeat(15)));
        assert_eq!(rate(5, Span(0)), 5_000_000);
    }
}
