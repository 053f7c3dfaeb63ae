//! Chance: numbers that look thrown and are the same each time.
//!
//! A number follows from a seed and the name of what it is for, so that a fact is drawn alike
//! whatever else is drawn before it, and in every variant of a story.
//!
//! The mixing is `SplitMix64` (Steele, Lea, Flood 2014) over FNV-1a. Good enough to spread draws, and
//! never used for anything that has to be secret.

/// A sequence of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// Begins the sequence that belongs to `seed` and these names, in their order.
    pub(super) fn of(seed: u64, names: &[&str]) -> Self {
        let mut state = FNV_BASIS ^ mixed(seed);
        for name in names {
            // A byte that no text holds keeps "ab", "c" apart from "a", "bc".
            for byte in name.bytes().chain([0xff]) {
                state = (state ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
            }
        }
        Self(mixed(state))
    }

    /// Returns the next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mixed(self.0)
    }

    /// Returns a number from 0 up to but without `count`; 0 where `count` is 0.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        // Off by less than one part in 2^40 for the small counts that are asked for here.
        self.next().checked_rem(count).unwrap_or(0)
    }

    /// Returns `from`, `to`, or one of the numbers that lie whole steps of `by` above `from`.
    pub(super) fn between(&mut self, from: i64, to: i64, by: i64) -> i64 {
        let steps = to.saturating_sub(from).checked_div(by).unwrap_or(0);
        let count = u64::try_from(steps).unwrap_or(0).saturating_add(1);
        let step = i64::try_from(self.below(count)).unwrap_or(0);
        from.saturating_add(step.saturating_mul(by))
    }

    /// Tells whether something happens that does so this often in a thousand.
    pub(super) fn per_mille(&mut self, often: u32) -> bool {
        self.below(1000) < u64::from(often)
    }

    /// Returns one of `items`.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        let count = u64::try_from(items.len()).unwrap_or(0);
        items.get(usize::try_from(self.below(count)).unwrap_or(0)).copied()
    }
}

const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_follows_from_seed_and_names_and_from_nothing_else() {
        let first = |seed, names: &[&str]| Chance::of(seed, names).next();
        assert_eq!(first(1, &["a", "b"]), first(1, &["a", "b"]));
        assert_ne!(first(1, &["a", "b"]), first(2, &["a", "b"]));
        assert_ne!(first(1, &["a", "b"]), first(1, &["ab"]));
        assert_ne!(first(1, &["a", "b"]), first(1, &["b", "a"]));
    }

    #[test]
    fn both_ends_of_a_range_occur_and_nothing_outside() {
        let mut chance = Chance::of(7, &["ends"]);
        let thrown: Vec<_> = (0..200).map(|_| chance.between(10, 25, 5)).collect();
        for number in [10, 15, 20, 25] {
            let times = thrown.iter().filter(|thrown| **thrown == number).count();
            assert!((30..=70).contains(&times), "{number} {times} times");
        }
        assert!(thrown.iter().all(|number| [10, 15, 20, 25].contains(number)));
    }

    #[test]
    fn per_mille_is_never_at_none_and_always_at_a_thousand() {
        let mut chance = Chance::of(7, &["often"]);
        let mut times = |often| (0..1000).filter(|_| chance.per_mille(often)).count();
        assert_eq!((times(0), times(1000)), (0, 1000));
        assert!((250..=350).contains(&times(300)));
    }
}
