//! Rate: a count of many, as parts of a million, with its interval.

/// A count of so many.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// Of how many. Where it is below `count`, nothing can be said.
    pub of: u64,
}

impl Rate {
    /// Returns parts of a million, the nearest; `None` of none.
    pub fn per_million(self) -> Option<u64> {
        let whole = u128::from(self.count).checked_mul(MILLION)?;
        let half = u128::from(self.of) / 2;
        let rounded = whole.checked_add(half)?.checked_div(u128::from(self.of))?;
        u64::try_from(rounded).ok()
    }

    /// Returns the interval after Wilson in which the true rate lies 95 times of 100, as parts of a million;
    /// `None` of none, or where `count` is more than `of`.
    ///
    /// The cases are taken to be independent. Payments of one payer are not quite, so where they are few the
    /// true interval is wider.
    pub fn interval(self) -> Option<(u64, u64)> {
        let (count, of) = (u128::from(self.count), u128::from(self.of));
        let rest = of.checked_sub(count)?;
        // (k + z²/2 ± z √(k (n - k) / n + z²/4)) / (n + z²), where z is 1.96. All times 10,000, so z² is 38,416;
        // below the root times 10^16, so z²/4 is 9,604 × 10^12.
        let below = of.checked_mul(10_000)?.checked_add(38_416)?;
        let spread =
            count.checked_mul(rest)?.checked_mul(10_000_000_000_000_000)?.checked_div(of)?;
        let root = spread.checked_add(9_604_000_000_000_000)?.isqrt();
        let half = root.checked_mul(196)?;
        let middle = count.checked_mul(10_000)?.checked_add(19_208)?.checked_mul(MILLION)?;
        let low = middle.saturating_sub(half).checked_div(below)?;
        let high = middle.checked_add(half)?.checked_div(below)?;
        // Where none or all are counted, the formula meets the end, less what was rounded away.
        let low = if count == 0 { 0 } else { low };
        let high = if rest == 0 { MILLION } else { high.min(MILLION) };
        Some((u64::try_from(low).ok()?, u64::try_from(high).ok()?))
    }
}

const MILLION: u128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_to_the_nearest_part_of_a_million() {
        for (count, of, want) in [
            (0, 0, None),
            (0, 3, Some(0)),
            (1, 3, Some(333_333)),
            (2, 3, Some(666_667)),
            (3, 3, Some(1_000_000)),
            (40, 1_000_000, Some(40)),
            (1, 2_000_001, Some(0)),
            (1, 2_000_000, Some(1)),
        ] {
            assert_eq!(Rate { count, of }.per_million(), want, "{count} of {of}");
        }
    }

    #[test]
    fn intervals_are_those_of_wilson() {
        // Reckoned with floating point numbers elsewhere; whole numbers may fall short by a part.
        for (count, of, low, high) in [
            (0, 10, 0, 277_540),
            (1, 3, 61_490, 792_345),
            (5, 10, 236_590, 763_410),
            (10, 10, 722_460, 1_000_000),
            (95, 100, 888_248, 978_457),
            (40, 1_000_000, 29, 54),
            (u64::from(u32::MAX), u64::from(u32::MAX), 999_999, 1_000_000),
        ] {
            let found = Rate { count, of }.interval().unwrap();
            assert!(found.0.abs_diff(low) <= 1, "{count} of {of}: {found:?}");
            assert!(found.1.abs_diff(high) <= 1, "{count} of {of}: {found:?}");
        }
        assert_eq!(Rate { count: 0, of: 0 }.interval(), None);
        assert_eq!(Rate { count: 2, of: 1 }.interval(), None);
    }
}
