//! Cell: numbers that one thread counts up and others read.
//!
//! Each thread that counts has cells of its own, so that counting is a load, an addition and a store:
//! no lock, no map, nothing that two threads write. What is shown is the sum over the threads.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that goes up. Only one thread may write to it.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub(crate) fn add(&self, more: u64) {
        self.set(self.read().wrapping_add(more));
    }

    /// Sets it.
    pub(crate) fn set(&self, to: u64) {
        self.0.store(to, Ordering::Relaxed);
    }

    /// Reads it, from any thread.
    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something came to how much. Only one thread may write to it.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Upper ends of the buckets, inclusive, lowest first. One more bucket takes what is above.
    bounds: &'static [u64],
    buckets: Vec<Count>,
    sum: Count,
}

/// What histograms of several threads come to together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Total {
    /// Upper ends of the buckets.
    pub(crate) bounds: &'static [u64],
    /// What is in each, and above the last.
    pub(crate) buckets: Vec<u64>,
    /// Everything added together.
    pub(crate) sum: u64,
}

impl Histogram {
    /// Makes an empty one.
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        let buckets = bounds.iter().map(|_| Count::default()).chain([Count::default()]).collect();
        Self { bounds, buckets, sum: Count::default() }
    }

    /// Counts `value` once.
    pub(crate) fn add(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.add(1);
        }
        self.sum.add(value);
    }
}

impl Total {
    /// Adds up histograms of the same bounds.
    pub(crate) fn of<'h>(
        bounds: &'static [u64],
        histograms: impl Iterator<Item = &'h Histogram>,
    ) -> Self {
        let length = bounds.len().saturating_add(1);
        let mut sum = Self { bounds, buckets: vec![0; length], sum: 0 };
        for histogram in histograms {
            for (all, bucket) in sum.buckets.iter_mut().zip(&histogram.buckets) {
                *all = all.saturating_add(bucket.read());
            }
            sum.sum = sum.sum.saturating_add(histogram.sum.read());
        }
        sum
    }

    /// Returns how many values were counted.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |all, bucket| all.saturating_add(*bucket))
    }
}

/// Upper ends for lengths of time, in nanoseconds: from a quarter of a microsecond, which reading a
/// short message takes, to the 10 s that a call may last. Closest where the floors and objectives
/// are, between 100 µs and 50 ms.
pub(crate) const NANOS: &[u64] = &[
    250,
    500,
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    32_000,
    64_000,
    100_000,
    200_000,
    300_000,
    500_000,
    750_000,
    1_000_000,
    1_500_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];

/// Upper ends for batches: powers of two up to the largest.
pub(crate) const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_a_bound_is_within_it() {
        let histogram = Histogram::new(SIZES);
        for value in [0, 1, 2, 3, 1_024, 1_025] {
            histogram.add(value);
        }
        let sum = Total::of(SIZES, [&histogram].into_iter());
        assert_eq!(sum.buckets, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((sum.sum, sum.count()), (2_055, 6));
    }

    #[test]
    fn histograms_of_several_threads_add_up() {
        let (one, other) = (Histogram::new(SIZES), Histogram::new(SIZES));
        one.add(1);
        other.add(1);
        other.add(2_000);
        let sum = Total::of(SIZES, [&one, &other].into_iter());
        assert_eq!((sum.buckets[0], sum.buckets[11], sum.count(), sum.sum), (2, 1, 3, 2_002));
    }

    #[test]
    fn bounds_rise() {
        for bounds in [NANOS, SIZES] {
            assert!(bounds.is_sorted_by(|one, next| one < next));
        }
    }
}
