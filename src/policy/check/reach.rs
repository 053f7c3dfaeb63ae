//! Reach: what the evidence that a typology counts can come to.
//!
//! All of it is arithmetic over what is written: which signals fire together in life, nobody knows
//! here. So the most is never too low and the least never too high, and a threshold outside them is
//! wrong whatever life brings.

use crate::policy::Watch;
use crate::policy::typology::Need;
use crate::policy::{Signals, Weight};

/// The evidence that one typology counts.
#[derive(Clone, Copy)]
pub(super) struct Reach<'p> {
    pub(super) watches: &'p [Watch],
    pub(super) weights: &'p [Weight],
    pub(super) needs: &'p [Need<'p>],
}

impl Reach<'_> {
    /// Returns the most points there can be.
    pub(super) fn most(&self) -> i64 {
        self.sum(|_| true)
    }

    /// Returns the most points that signals chosen by `may_fire` can come to; `None` where they do
    /// not meet what is needed.
    pub(super) fn most_of(&self, may_fire: impl Fn(&Watch) -> bool) -> Option<i64> {
        let mut firing = Signals::default();
        for (at, watch) in self.watches.iter().enumerate() {
            if may_fire(watch) {
                firing.add(at);
            }
        }
        let met = self.needs.iter().all(|need| firing.meets(need.signals));
        met.then(|| self.sum(may_fire))
    }

    /// Returns the fewest points at which everything needed has fired and nothing else has, nothing
    /// protective either; `None` where the ways to meet the needs are too many to try.
    pub(super) fn least(&self) -> Option<i64> {
        let mut tries = TRIES_MAX;
        let mut chosen = Vec::new();
        self.cheapest(self.needs, &mut chosen, &mut tries)
    }

    /// Adds up, of each group, the strongest signal chosen by `may_fire`.
    pub(super) fn sum(&self, may_fire: impl Fn(&Watch) -> bool) -> i64 {
        let mut groups: Vec<(usize, i64)> = Vec::new();
        for weight in self.weights {
            if self.watches.get(weight.watch).is_some_and(&may_fire) {
                raise(&mut groups, weight.group, weight.points);
            }
        }
        total(&groups)
    }

    /// Meets the first of `needs` in every way, and the rest after it in the cheapest.
    fn cheapest(
        &self,
        needs: &[Need<'_>],
        chosen: &mut Vec<(usize, i64)>,
        tries: &mut u32,
    ) -> Option<i64> {
        *tries = tries.checked_sub(1)?;
        let Some((need, rest)) = needs.split_first() else { return Some(total(chosen)) };
        let mut least = None;
        for (group, points) in self.ways(need.signals) {
            let before = chosen.clone();
            raise(chosen, group, points);
            let points = self.cheapest(rest, chosen, tries)?;
            *chosen = before;
            least = Some(least.map_or(points, |least: i64| least.min(points)));
        }
        least
    }

    /// Returns the weakest of `signals` in each evidence group: any of them meets the need.
    fn ways(&self, signals: Signals) -> Vec<(usize, i64)> {
        let mut ways: Vec<(usize, i64)> = Vec::new();
        for weight in self.weights.iter().filter(|weight| signals.has(weight.watch)) {
            match ways.iter_mut().find(|(group, _)| *group == weight.group) {
                Some((_, points)) => *points = (*points).min(weight.points),
                None => ways.push((weight.group, weight.points)),
            }
        }
        ways
    }
}

/// Lets `points` count for `group` where they are the strongest so far.
fn raise(groups: &mut Vec<(usize, i64)>, group: usize, points: i64) {
    match groups.iter_mut().find(|(known, _)| *known == group) {
        Some((_, strongest)) => *strongest = (*strongest).max(points),
        None => groups.push((group, points.max(0))),
    }
}

fn total(groups: &[(usize, i64)]) -> i64 {
    groups.iter().fold(0_i64, |sum, (_, points)| sum.saturating_add(*points))
}

/// Most ways of meeting the needs that are tried: five lists of six groups each, and some.
const TRIES_MAX: u32 = 20_000;
