//! Report: what a run measured, as a person or a program would want to read it.

use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::cli::bench::load::{Load, Measured, Tally};
use crate::cli::bench::machine;
use crate::cli::bench::requests::Shape;

/// What was read of the server when measuring began or ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Its processor time; `None` where its process is not known.
    pub cpu: Option<Duration>,
    /// Its memory in bytes; `None` where its process is not known.
    pub memory: Option<u64>,
}

impl Sample {
    /// Reads what the kernel knows of process `pid`.
    pub fn take(pid: Option<u32>) -> Self {
        Self { cpu: pid.and_then(machine::cpu_time), memory: pid.and_then(machine::memory) }
    }
}

/// What a run measured.
#[derive(Clone, Debug)]
pub struct Report {
    load: Load,
    elapsed: Duration,
    tally: Tally,
    cpu_nanos: Option<u64>,
    memory: Option<u64>,
}

impl Report {
    /// Sums up what was measured under `load`.
    pub fn new(load: &Load, measured: &Measured<Sample>) -> Self {
        let cpu = measured.after.cpu.zip(measured.before.cpu);
        let cpu_nanos = cpu
            .and_then(|(after, before)| each(after.saturating_sub(before), measured.tally.replies));
        Self {
            load: load.clone(),
            elapsed: measured.elapsed,
            tally: measured.tally.clone(),
            cpu_nanos,
            memory: measured.after.memory,
        }
    }

    /// Returns how many decisions a second there were.
    pub fn per_second(&self) -> u64 {
        per_second(self.tally.replies, self.elapsed)
    }

    /// Returns the report as lines for a person.
    pub fn table(&self) -> String {
        let load = &self.load;
        let pace = match load.rate {
            None => "as fast as answers came".to_owned(),
            Some(rate) => format!("{} a second", grouped(u64::from(rate))),
        };
        let seconds = self.elapsed.as_secs();
        let (mode, connections, in_flight) = (mode(load), load.connections, load.in_flight);
        let mut rows = vec![
            ("sent", format!("{mode}, {pace}, for {seconds} s")),
            ("waiting at most", format!("{in_flight} on each of {connections} connections")),
            ("decisions a second", grouped(self.per_second())),
        ];
        for (name, quantile) in QUANTILES {
            rows.push((name, milliseconds(self.tally.latency.value_at_quantile(quantile))));
        }
        rows.push(("slowest", milliseconds(self.tally.latency.max())));
        let held = share(self.tally.held, self.tally.replies);
        let warned = share(self.tally.warned, self.tally.replies);
        rows.push(("held", held));
        rows.push(("warned", warned));
        let unknown = || "not known (give `--pid`)".to_owned();
        rows.push(("server CPU a decision", self.cpu_nanos.map_or_else(unknown, microseconds)));
        rows.push(("server memory", self.memory.map_or_else(unknown, mebibytes)));

        let mut text = String::new();
        for (name, value) in rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<22}  {value}");
        }
        text
    }

    /// Returns the report as one line of JSON. Times are in microseconds, memory in bytes.
    pub fn json(&self) -> String {
        let latency = |quantile| self.tally.latency.value_at_quantile(quantile);
        let [p50, p90, p99, p999] = QUANTILES.map(|(_, quantile)| latency(quantile));
        let report = serde_json::json!({
            "mode": mode(&self.load),
            "connections": self.load.connections,
            "in_flight": self.load.in_flight,
            "rate": self.load.rate,
            "payers": self.load.mix.payers,
            "texts_per_mille": self.load.mix.texts_per_mille,
            "warnings_per_mille": self.load.mix.warnings_per_mille,
            "elapsed_seconds": self.elapsed.as_secs(),
            "decisions": self.tally.replies,
            "decisions_per_second": self.per_second(),
            "held": self.tally.held,
            "warned": self.tally.warned,
            "latency_micros": {
                "p50": p50, "p90": p90, "p99": p99, "p99_9": p999,
                "max": self.tally.latency.max(),
            },
            "server_cpu_nanos_per_decision": self.cpu_nanos,
            "server_memory_bytes": self.memory,
        });
        format!("{report}\n")
    }
}

/// Returns how many of `count` there were a second.
pub fn per_second(count: u64, elapsed: Duration) -> u64 {
    let micros = elapsed.as_micros();
    let scaled = u128::from(count).saturating_mul(1_000_000).checked_div(micros);
    scaled.and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
}

/// Returns the nanoseconds that each of `count` took of `time`; `None` where there were none.
pub fn each(time: Duration, count: u64) -> Option<u64> {
    u64::try_from(time.as_nanos().checked_div(u128::from(count))?).ok()
}

/// Returns the latency below which 99 of 100 lie, in microseconds.
pub fn p99(times: &Histogram<u64>) -> u64 {
    times.value_at_quantile(0.99)
}

/// Writes nanoseconds as microseconds with one decimal.
pub fn microseconds(nanos: u64) -> String {
    format!("{}.{} µs", nanos / 1000, nanos % 1000 / 100)
}

/// Writes microseconds as milliseconds with two decimals.
pub fn milliseconds(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}

/// Writes a whole number in groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && digits.len().saturating_sub(index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", grouped(bytes / 1024 / 1024))
}

fn share(part: u64, whole: u64) -> String {
    let thousandths = part.saturating_mul(1000).checked_div(whole).unwrap_or(0);
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

fn mode(load: &Load) -> &'static str {
    match load.shape {
        Shape::Unary => "unary",
        Shape::Stream => "stream",
    }
}

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        for (number, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), want);
        }
        assert_eq!(microseconds(15_849), "15.8 µs");
        assert_eq!(milliseconds(2_345), "2.34 ms");
        assert_eq!(share(20, 1000), "2.0%");
        assert_eq!(share(1, 0), "0.0%");
    }

    #[test]
    fn a_rate_is_counted_by_the_second() {
        assert_eq!(per_second(50_000, Duration::from_millis(2_500)), 20_000);
        assert_eq!(per_second(1, Duration::ZERO), 0);
        assert_eq!(each(Duration::from_micros(30), 2), Some(15_000));
        assert_eq!(each(Duration::from_micros(30), 0), None);
    }
}
