//! Curve: what other thresholds had stopped, and at what price in honest payments.
//!
//! Every threshold of the policy is moved by the same number of points, up or down; see
//! [`Margins`](crate::evaluation::Margins) for what is moved and what stays.

use std::collections::BTreeMap;

use crate::evaluation::cases::{Case, Step};
use crate::evaluation::tally::Tally;
use crate::evaluation::{Outcome, Rate, ScamType, Variant};

/// What was found at every place of the thresholds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Curve {
    /// From the highest thresholds to the lowest, without those that change nothing.
    pub points: Vec<Point>,
    /// The lowest thresholds that keep within so many honest payments in a million.
    pub budgets: Vec<Budget>,
}

/// One place of the thresholds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Point {
    /// By how many points every threshold is higher than the policy has it; below 0 lower.
    pub offset: i64,
    /// Honest payments held, or asked about.
    pub honest: Rate,
    /// Cases of this scam stopped (held, or held or asked about), and those of them before half the money, by group.
    pub found: Vec<(&'static str, Rate, Rate)>,
}

/// What is found within a number of honest payments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Budget {
    /// At most so many honest payments in a million.
    pub per_million: u64,
    /// Where that is; `None` where no threshold keeps within it.
    pub point: Option<Point>,
}

/// Tells whether cases of a variant are of a group.
type Of = fn(Variant) -> bool;

/// Names of the groups of cases on a curve: each variant, the adaptive ones together, and all.
const GROUPS: [(&str, Of); 11] = [
    ("telling_words", |variant| matches!(variant, Variant::TellingWords)),
    ("bland_live_call", |variant| matches!(variant, Variant::BlandLiveCall)),
    ("bland_silent", |variant| matches!(variant, Variant::BlandSilent)),
    ("adaptive", Variant::is_adaptive),
    ("adaptive_call_ended", |variant| matches!(variant, Variant::CallEnded)),
    ("adaptive_wait_a_day", |variant| matches!(variant, Variant::WaitADay)),
    ("adaptive_own_name", |variant| matches!(variant, Variant::OwnName)),
    ("adaptive_small", |variant| matches!(variant, Variant::Small)),
    ("adaptive_web", |variant| matches!(variant, Variant::Web)),
    ("adaptive_coached_no", |variant| matches!(variant, Variant::CoachedNo)),
    ("all", |_| true),
];

/// Returns the curve over what it takes to hold.
pub(super) fn holds(tally: &Tally) -> Curve {
    curve(tally, &tally.over_hold, HOLD_BUDGETS, |offset, step| offset <= step.margins.hold)
}

/// Returns the curve over what it takes to ask, holds staying as they are: what was found is held or asked
/// about.
pub(super) fn asks(tally: &Tally) -> Curve {
    curve(tally, &tally.over_ask, ASK_BUDGETS, |offset, step| {
        step.outcome == Outcome::Held || offset <= step.margins.ask
    })
}

fn curve(
    tally: &Tally,
    honest: &BTreeMap<i64, u64>,
    budgets: [u64; 4],
    stops: impl Fn(i64, &Step) -> bool,
) -> Curve {
    let whole =
        |case: &&Case| case.measured && case.is_whole() && case.scam_type == ScamType::PoliceBank;
    let cases: Vec<&Case> = tally.cases.values().filter(whole).collect();
    let mut points: Vec<Point> = Vec::new();
    let mut within = budgets.map(|per_million| Budget { per_million, point: None });
    for offset in (-OFFSET_MAX..=OFFSET_MAX).rev() {
        let count =
            honest.range(offset..).fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        let rate = Rate { count, of: tally.honest.payments };
        let found = GROUPS.map(|(name, of)| {
            let cases = || cases.iter().filter(|case| of(case.variant));
            let of = u64::try_from(cases().count()).unwrap_or(u64::MAX);
            let mut found = (name, Rate { count: 0, of }, Rate { count: 0, of });
            for case in cases() {
                let end = case.end(|step| stops(offset, step));
                let add = |rate: &mut Rate, so: bool| {
                    rate.count = rate.count.saturating_add(u64::from(so));
                };
                add(&mut found.1, end.stopped);
                add(&mut found.2, end.before_half(case.pence));
            }
            found
        });
        let point = Point { offset, honest: rate, found: found.into() };
        for budget in &mut within {
            // In whole numbers, so that nothing is rounded into the budget.
            let most = u128::from(budget.per_million).saturating_mul(rate.of.into());
            if u128::from(count).saturating_mul(1_000_000) <= most {
                budget.point = Some(point.clone());
            }
        }
        let same = points.last().is_some_and(|last| {
            last.honest == point.honest && last.found == point.found && offset != 0
        });
        let beyond = rate.per_million().is_some_and(|rate| POINT_PER_MILLION_MAX < rate);
        if !same && (!beyond || offset == 0) {
            points.push(point);
        }
    }
    Curve { points, budgets: within.into() }
}

/// Holds and asks in a million honest payments at which a curve is read.
const HOLD_BUDGETS: [u64; 4] = [20, 40, 80, 160];
const ASK_BUDGETS: [u64; 4] = [250, 500, 1_000, 2_000];
/// Farthest that thresholds are moved: most policies have none above it.
const OFFSET_MAX: i64 = 150;
/// Beyond it no bank would go: one payment in twenty.
const POINT_PER_MILLION_MAX: u64 = 50_000;
