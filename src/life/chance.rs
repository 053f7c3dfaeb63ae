//! Chance: numbers that look drawn and are computed.
//!
//! `SplitMix64` (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"): one word of
//! state, passes `BigCrush`, and a new stream is made from any number, so that each customer's day and
//! each payment have one of their own. That is why the same seed gives the same bytes however the work is
//! ordered. Nothing secret hangs on it.
//!
//! Integers only. A number below `n` is taken from the high half of a product, whose bias is `n` in 2^64.

/// A stream of numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Returns the stream that `parts` name, and no other parts do.
    pub(crate) fn of(parts: &[u64]) -> Self {
        let mut state = GAMMA;
        for part in parts {
            state = mix(state ^ mix(part.wrapping_add(GAMMA)));
        }
        Self(state)
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// Returns a number from 0 to below `n`; 0 where there is none.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        let product = u128::from(self.next()).wrapping_mul(u128::from(n));
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// Returns a number from `least` to `most`, both inclusive.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        let n = most.saturating_sub(least).saturating_add(1);
        least.saturating_add(self.below(n))
    }

    /// Tells whether something happens that does so in `rate` of 1,000 cases.
    pub(crate) fn per_mille(&mut self, rate: u64) -> bool {
        self.below(1_000) < rate
    }

    /// Tells whether something happens that does so in `rate` of 10,000 cases.
    pub(crate) fn per_10k(&mut self, rate: u64) -> bool {
        self.below(10_000) < rate
    }

    /// Returns one of `items`, or the fallback of their type where there is none.
    pub(crate) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let count = u64::try_from(items.len()).unwrap_or(0);
        let at = usize::try_from(self.below(count)).unwrap_or(0);
        items.get(at).copied().unwrap_or_default()
    }

    /// Returns which of `weights` was hit, counted from 0; the more likely the heavier.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let total = weights.clone().fold(0_u64, u64::saturating_add);
        let mut left = self.below(total);
        for (at, weight) in weights.enumerate() {
            if left < weight {
                return at;
            }
            left = left.saturating_sub(weight);
        }
        0
    }
}

/// The finaliser of `SplitMix64`.
pub(crate) const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// 2^64 divided by the golden ratio, made odd: what `SplitMix64` steps by.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_paper() {
        // From the reference implementation, seeded with 1234567.
        let mut chance = Chance(1_234_567);
        assert_eq!(chance.next(), 6_457_827_717_110_365_317);
        assert_eq!(chance.next(), 3_203_168_211_198_807_973);
        assert_eq!(chance.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn every_number_below_is_reached_and_none_above() {
        let mut chance = Chance::of(&[1]);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[usize::try_from(chance.below(7)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!((chance.below(0), chance.below(1)), (0, 0));
        assert!((0..1000).all(|_| (3..=4).contains(&chance.between(3, 4))));
    }

    #[test]
    fn streams_differ_by_any_part_and_by_their_order() {
        let first = |parts: &[u64]| Chance::of(parts).next();
        let all = [first(&[1, 2]), first(&[2, 1]), first(&[1]), first(&[1, 2, 0]), first(&[])];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one));
        }
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
    }

    #[test]
    fn weights_decide_how_often() {
        let mut chance = Chance::of(&[3]);
        let mut counts = [0_u32; 3];
        for _ in 0..40_000 {
            counts[chance.weighted([1, 0, 3].into_iter())] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((9_500..10_500).contains(&counts[0]), "{counts:?}");
    }
}
