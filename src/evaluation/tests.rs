//! Tests: what counts for what.

use super::Outcome::{Allowed, Asked, Held};
use super::*;
use crate::decision::{HoldKind, SignalReading};
use crate::signal::Reading;

const AT: Place = Place { file: 0, record: 1, measured: true };

fn decision(outcome: Outcome, fired: &[u32]) -> Decision {
    let hold = match outcome {
        Allowed => None,
        Asked => Some(HoldKind::PendingAnswers),
        Held => Some(HoldKind::PendingReview),
    };
    let reading = |code: &u32| SignalReading {
        code: *code,
        version: 1,
        reading: Reading::Fired("seen".into()),
        points: 1,
    };
    Decision {
        action: if hold.is_some() { Action::Hold } else { Action::Allow },
        hold,
        step: None,
        typology: hold.map(|_| "story".into()),
        warning: None,
        contact: None,
        readings: fired.iter().map(reading).collect(),
        weighed: Vec::new(),
        quiet: Vec::new(),
        unavailable: Vec::new(),
    }
}

fn seen(outcome: Outcome, hold: i64, ask: i64) -> Seen {
    Seen { outcome, asked: false, margins: Margins { hold, ask } }
}

fn honest(tally: &mut Tally, record: u64, outcome: Outcome, hold: i64, ask: i64) {
    let truth = Honest { cohorts: [Cohort::Builder, Cohort::Student].into(), kind: "roof".into() };
    let place = Place { record, ..AT };
    let seen = seen(outcome, hold, ask);
    tally.count(place, (&Truth::Honest(truth), 500), &decision(outcome, &[1]), seen);
}

/// Counts a case of payments of so many pence each, with the outcome of each.
fn case(tally: &mut Tally, (place, case): (Place, u64), payments: &[(u64, Outcome)]) {
    let all = payments.iter().map(|(pence, _)| pence).sum();
    for (step, (pence, outcome)) in (1..).zip(payments) {
        let scam = Scam {
            scam_type: ScamType::PoliceBank,
            script: "fee".into(),
            variant: Variant::BlandSilent,
            case,
            step,
            steps: u32::try_from(payments.len()).unwrap(),
            case_pence: all,
            reaches: true,
        };
        let place = Place { record: place.record.saturating_add(step.into()), ..place };
        // Not over any threshold but as the policy has them.
        let margin = if *outcome == Held { 0 } else { Margins::NONE };
        let seen = seen(*outcome, margin, margin);
        tally.count(place, (&Truth::Scam(scam), *pence), &decision(*outcome, &[2]), seen);
    }
}

fn all(measures: &Measures) -> Worth {
    let all = measures
        .groups
        .iter()
        .find(|group| (group.scam_type, &group.script, group.variant) == (None, &None, None));
    all.map(|group| group.worth).unwrap_or_default()
}

#[test]
fn a_case_ends_with_its_first_hold() {
    // Held before the first pound, before half, at all; held or asked; pence kept; payments made.
    for (payments, want) in [
        (&[(10, Held)][..], (1, 1, 1, 1, 10, 1)),
        (&[(10, Allowed)], (0, 0, 0, 0, 0, 1)),
        (&[(10, Asked)], (0, 0, 0, 1, 0, 1)),
        (&[(4, Allowed), (6, Held)], (0, 1, 1, 1, 6, 2)),
        // Half is not before half.
        (&[(5, Allowed), (5, Held)], (0, 0, 1, 1, 5, 2)),
        (&[(1, Asked), (9, Held), (90, Allowed)], (0, 1, 1, 1, 99, 2)),
        (&[(1, Held), (9, Held), (90, Allowed)], (1, 1, 1, 1, 100, 1)),
        // What does not reach the scammer.
        (&[(0, Allowed), (7, Held)], (1, 1, 1, 1, 7, 2)),
    ] {
        let mut tally = Tally::default();
        case(&mut tally, (AT, 1), payments);
        let Worth { first_pound, half, stopped, touched, pence, payments: made, .. } =
            all(&tally.measures());
        let found =
            (first_pound.count, half.count, stopped.count, touched.count, pence.count, made);
        assert_eq!(found, want, "{payments:?}");
        assert_eq!([first_pound.of, half.of, stopped.of, touched.of], [1; 4]);
    }
}

#[test]
fn a_question_is_worth_what_part_of_payers_admit() {
    let mut tally = Tally::default();
    case(&mut tally, (AT, 1), &[(10, Asked), (30, Allowed)]);
    case(&mut tally, (AT, 2), &[(10, Held), (30, Allowed)]);
    case(&mut tally, (AT, 3), &[(20, Allowed), (20, Asked)]);
    let rate = |count, of| Rate { count, of };
    assert_eq!(
        all(&tally.measures()).admitted,
        [
            (100, rate(100 + 1_000, 3_000), rate(4_000 + 40_000 + 2_000, 120_000)),
            (300, rate(300 + 1_000, 3_000), rate(12_000 + 40_000 + 6_000, 120_000)),
            (500, rate(500 + 1_000, 3_000), rate(20_000 + 40_000 + 10_000, 120_000)),
        ]
    );
}

#[test]
fn cases_cut_off_or_begun_before_measuring_are_left_out() {
    let mut tally = Tally::default();
    case(&mut tally, (Place { measured: false, ..AT }, 1), &[(10, Held)]);
    case(&mut tally, (AT, 2), &[(10, Held)]);
    let mut scam = Tally::default();
    case(&mut scam, (Place { file: 1, ..AT }, 2), &[(10, Allowed), (10, Held)]);
    // One payment of the second file's case is beyond its end.
    for case in scam.cases.values_mut() {
        case.payments.pop();
    }
    tally.add(scam);
    let measures = tally.measures();
    assert_eq!((all(&measures).stopped, measures.cut_off), (Rate { count: 1, of: 1 }, 1));
    assert_eq!((measures.warming, measures.scam_payments), (1, 3));
}

#[test]
fn a_curve_is_read_at_the_lowest_thresholds_within_a_budget() {
    let mut tally = Tally::default();
    for number in 0..100_000 {
        let (outcome, hold) = match number {
            0 | 1 => (Held, 5),
            2..5 => (Allowed, -4),
            5..8 => (Allowed, -9),
            _ => (Allowed, Margins::NONE),
        };
        honest(&mut tally, number, outcome, hold, hold);
    }
    for (number, margin) in [(1, 7), (2, -4), (3, -5), (4, -9), (5, Margins::NONE)] {
        let record = 200_000 + number * 10;
        case(&mut tally, (Place { record, ..AT }, number), &[(10, Allowed)]);
        let case = tally.cases.get_mut(&(0, number)).unwrap();
        case.payments[0].margins = Margins { hold: margin, ask: margin };
    }
    let measures = tally.measures();
    let read = |curve: &Curve| -> Vec<_> {
        let budgets = curve.budgets.iter().map(|budget| {
            let point = budget.point.as_ref().unwrap();
            let (name, stopped, half) = point.found.last().unwrap();
            assert_eq!((*name, stopped), ("all", half));
            (budget.per_million, point.offset, point.honest.count, stopped.count)
        });
        budgets.collect()
    };
    // 20 in a million are two of them; 50 are five; 80 are eight.
    assert_eq!(
        read(&measures.holds),
        [(20, -3, 2, 1), (40, -3, 2, 1), (80, -150, 8, 4), (160, -150, 8, 4)]
    );
    // Those held are not asked about.
    assert!(
        read(&measures.asks).iter().all(|(_, offset, count, _)| (*offset, *count) == (-150, 6))
    );
    // The shipped thresholds are always a point.
    let shipped = measures.holds.points.iter().find(|point| point.offset == 0).unwrap();
    assert_eq!(shipped.honest, Rate { count: 2, of: 100_000 });
    assert_eq!(measures.harm.held, shipped.honest);
}

#[test]
fn harm_is_told_by_cohort_and_at_the_frequency_of_life() {
    let mut tally = Tally::default();
    for number in 0..1_000 {
        let outcome = if number < 10 { Held } else { Allowed };
        honest(&mut tally, number, outcome, 0, 0);
    }
    case(&mut tally, (Place { record: 5_000, ..AT }, 1), &[(10, Held)]);
    case(&mut tally, (Place { record: 6_000, ..AT }, 2), &[(10, Allowed)]);
    let measures = tally.measures();
    let tenth = Rate { count: 10, of: 1_000 };
    let none = Rate { count: 0, of: 1_000 };
    assert_eq!(
        measures.harm.cohorts,
        [(Cohort::Builder, tenth, none), (Cohort::Student, tenth, none)]
    );
    // 10,000 in a million for half of three cases; no case of another scam.
    assert_eq!(measures.harm.false_per_true, Some(666_666));
    assert_eq!(measures.harm.false_per_true_all, Some(666_666));
    // Fired in every payment of the scam, 6 in a million, and in no honest one; and the other way round.
    let sign = |at: usize| (measures.signs[at].id, measures.signs[at].precision);
    assert_eq!([sign(0), sign(1)], [("new_payee", 0), ("paid_on_adding", 1_000_000)]);
    // Right 3 times in a million of 10,003.
    assert_eq!(measures.leads[0].precision, Some(299));
    assert_eq!((measures.leads[0].honest, measures.leads[0].scams), ((10, 0), (1, 0)));
}

#[test]
fn a_second_policy_is_told_by_what_it_changes() {
    let (mut first, mut second) = (Tally::default(), Tally::default());
    for (record, (was, is)) in
        (1..).zip([(Allowed, Held), (Held, Held), (Held, Allowed), (Held, Asked), (Allowed, Asked)])
    {
        honest(&mut first, record, was, 0, 0);
        honest(&mut second, record, is, 0, 0);
    }
    for (number, (was, is)) in (1..).zip([(Held, Allowed), (Allowed, Held), (Held, Held)]) {
        let place = Place { record: 100 * number, ..AT };
        case(&mut first, (place, number), &[(10, was), (20, Allowed)]);
        case(&mut second, (place, number), &[(10, is), (20, Allowed)]);
    }
    let change = compare(&first, &second);
    assert_eq!((change.honest_held, change.honest_asked), ((1, 2), (2, 0)));
    assert_eq!((change.cases, change.touched), ((1, 1), (1, 1)));
    let records: Vec<_> = change
        .examples
        .iter()
        .map(|one| one.after.as_ref().or(one.before.as_ref()).unwrap().noted.record)
        .collect();
    // Honest ones that the second stops more, then those of the scam that it stops less.
    assert_eq!(records, [1, 5, 101]);
    assert!(!change.incomplete);
}

#[test]
fn names_have_the_numbers_of_the_api() {
    assert_eq!(ScamType::numbered(7), Some(ScamType::PoliceBank));
    assert_eq!(Variant::numbered(9), Some(Variant::CoachedNo));
    assert_eq!(Cohort::numbered(16), Some(Cohort::NewPhone));
    for number in [-1, 0, 17] {
        assert_eq!(Cohort::numbered(number), None, "{number}");
    }
    assert_eq!((ScamType::numbered(9), Variant::numbered(10)), (None, None));
}
