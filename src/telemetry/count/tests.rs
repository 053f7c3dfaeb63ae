//! Tests of counting: what a thread counts, and what is shown of it.

use std::time::Duration;

use super::*;
use crate::clock::{Clock as _, RealClock};
use crate::telemetry::metrics::{Metrics, Sample, Value};
use crate::telemetry::sample::metrics;
use crate::testing::{allowed, request};
use crate::transfer::Rejected;

/// Runs `work` on a thread that counts, and returns the metrics.
fn counted(labels: Labels, work: impl FnOnce() + Send + 'static) -> Metrics {
    let metrics = metrics(labels);
    let counts = metrics.counts();
    let thread = std::thread::spawn(move || {
        counts.enter();
        work();
    });
    thread.join().unwrap();
    metrics
}

/// Returns the number behind a name and its labels.
#[track_caller]
fn number(metrics: &Metrics, name: &str, labels: &[&str]) -> u64 {
    let samples = metrics.samples();
    let found = |sample: &&Sample| sample.family.name == name && sample.labels == labels;
    match &samples.iter().find(found).expect(name).value {
        Value::Count(count) | Value::Hundredths(count) => *count,
        Value::Gauge(value) => u64::try_from(*value).unwrap(),
        Value::Time(sum) | Value::Sizes(sum) => sum.count(),
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A decision of now.
fn decided(number: u64) -> Decided {
    allowed(request(number), 1, RealClock::start().wall())
}

#[test]
fn a_thread_that_does_not_count_reads_no_clock() {
    assert!(timer().is_none() && sample(Step::Read).is_none());
    assert!(step(Step::Sync, Some(Stopwatch::start())).is_none());
    drop(connection());
    drop(call(Rpc::ScreenTransfer));
    batch(1);
    refused("QUEUE_FULL");
    limited(Limit::Silent);
    made(&Entry::Decided(Box::new(decided(1))));
}

#[test]
fn decisions_are_counted_by_what_they_ask_for_and_where() {
    let metrics = counted(Labels::default(), || {
        for (number, hold, stage) in [
            (1, None, Stage::BeforeConfirmation),
            (2, Some(HoldKind::PendingAnswers), Stage::BeforeConfirmation),
            (3, Some(HoldKind::PendingReview), Stage::AtSubmission),
            (4, Some(HoldKind::PendingReview), Stage::Rescreen),
        ] {
            let mut decided = decided(number);
            decided.public.hold = hold;
            decided.public.stage = stage;
            made(&Entry::Decided(Box::new(decided)));
        }
    });
    for (kind, stage, want) in [
        (0, 0, 1),
        (0, 1, 0),
        (0, 2, 0),
        (1, 0, 1),
        (1, 1, 0),
        (1, 2, 0),
        (2, 0, 0),
        (2, 1, 1),
        (2, 2, 1),
    ] {
        let (action, hold) = KINDS[kind];
        let labels = [action, hold, STAGES[stage]];
        assert_eq!(number(&metrics, "clearline_decisions", &labels), want, "{labels:?}");
    }
    assert_eq!(number(&metrics, "clearline_window_decisions", &["hour"]), 4);
    let per_million = |hold| number(&metrics, "clearline_holds_per_million", &[hold, "day"]);
    assert_eq!((per_million("pending_answers"), per_million("pending_review")), (250_000, 500_000));
}

#[test]
fn a_typology_that_the_policy_does_not_have_is_counted_with_the_rest() {
    let labels = Labels { typologies: vec!["one".into(), "two".into()], ..Labels::default() };
    let metrics = counted(labels, || {
        for (number, typology, step) in [
            (1, Some("two"), Some(warning::Step::Ask)),
            (2, Some("two"), Some(warning::Step::Hold)),
            (3, Some("three"), Some(warning::Step::Inform)),
            (4, None, None),
        ] {
            let mut decided = decided(number);
            decided.public.typology = typology.map(Into::into);
            decided.public.step = step;
            made(&Entry::Decided(Box::new(decided)));
        }
    });
    for (typology, step, want) in
        [("one", "hold", 0), ("two", "ask", 1), ("two", "hold", 1), ("other", "inform", 1)]
    {
        assert_eq!(number(&metrics, "clearline_typologies", &[typology, step]), want, "{typology}");
    }
}

#[test]
fn dropped_facts_are_counted_by_a_field_of_the_list() {
    let fields = vec!["answers.option_id".to_owned(), "transfer.uetr".to_owned()];
    let metrics = counted(Labels { fields, ..Labels::default() }, || {
        let mut decided = decided(1);
        let personal = decided.personal.as_mut().unwrap();
        for field in
            ["transfer.uetr", "known.transfer.uetr", "answers[17].option_id", "Document/X[2]"]
        {
            let expected = "something else".into();
            personal.facts.rejected.push(Rejected { field: field.into(), expected });
        }
        made(&Entry::Decided(Box::new(decided)));
    });
    for (field, want) in [("transfer.uetr", 2), ("answers.option_id", 1), ("other", 1)] {
        assert_eq!(number(&metrics, "clearline_rejected_facts", &[field]), want, "{field}");
    }
}

#[test]
fn refusals_are_counted_by_a_reason_of_the_list() {
    let reasons = vec!["EXPIRED", "QUEUE_FULL"];
    let metrics = counted(Labels { reasons, ..Labels::default() }, || {
        refused("QUEUE_FULL");
        refused("QUEUE_FULL");
        refused("NEW_REASON");
    });
    for (reason, want) in [("EXPIRED", 0), ("QUEUE_FULL", 2), ("other", 1)] {
        assert_eq!(number(&metrics, "clearline_refused", &[reason]), want, "{reason}");
    }
}

#[test]
fn what_is_under_way_is_begun_and_not_ended() {
    let metrics = counted(Labels::default(), || {
        let _open = std::mem::ManuallyDrop::new((connection(), call(Rpc::ScreenTransfers)));
        drop((connection(), call(Rpc::ScreenTransfers)));
    });
    assert_eq!(number(&metrics, "clearline_connections", &[]), 1);
    assert_eq!(number(&metrics, "clearline_connections_opened", &[]), 2);
    assert_eq!(number(&metrics, "clearline_calls_under_way", &["screen_transfers"]), 1);
    assert_eq!(number(&metrics, "clearline_calls_begun", &["screen_transfers"]), 2);
    assert_eq!(number(&metrics, "clearline_calls_begun", &["screen_transfer"]), 0);
}

#[test]
fn cheap_steps_are_measured_once_in_64_times() {
    let metrics = counted(Labels::default(), || {
        for _ in 0..129 {
            step(Step::Decide, sample(Step::Decide));
            step(Step::Answer, sample(Step::Answer));
        }
        let measured = step(Step::Write, timer());
        step(Step::Sync, measured);
        step(Step::Turn, None);
    });
    for (step, want) in [("decide", 3), ("answer", 3), ("write", 1), ("sync", 1), ("turn", 0)] {
        assert_eq!(number(&metrics, "clearline_step_seconds", &[step]), want, "{step}");
    }
}

#[test]
fn the_slowest_of_64_calls_is_shown_with_its_decision() {
    let metrics = counted(Labels::default(), || {
        for number in 0..64_u64 {
            let nanos = if number == 40 { 7_000_000 } else { 1_000_000 };
            let since = now().checked_sub(Duration::from_nanos(nanos)).unwrap();
            let began = Stopwatch::from(since);
            answered(
                Rpc::ScreenTransfer,
                began,
                Stopwatch::from(now()),
                &format!("decisions/{number}"),
            );
        }
    });
    let text = metrics.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("decision_id")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains("# {decision_id=\"40\"} 0.00"), "{lines:?}");
    assert!(lines[0].contains("le=\"0.01\""), "{lines:?}");
    assert_eq!(number(&metrics, "clearline_call_seconds", &["screen_transfer"]), 64);
}

#[test]
fn a_lone_slow_call_is_shown_with_the_first_one_a_second_later() {
    let metrics = counted(Labels::default(), || {
        let start = now();
        let at = |millis| Stopwatch::from(start + Duration::from_millis(millis));
        answered(Rpc::ScreenTransfers, at(0), at(300), "decisions/slow");
        answered(Rpc::ScreenTransfers, at(1_298), at(1_299), "decisions/early");
        answered(Rpc::ScreenTransfers, at(1_299), at(1_300), "decisions/late");
    });
    let text = metrics.text();
    assert!(text.contains("decision_id=\"slow\"} 0.3"), "{text}");
    assert!(text.contains("clearline_slowest_call_seconds_count 1\n"), "{text}");
}

#[test]
fn what_has_no_decision_is_no_exemplar() {
    let metrics = counted(Labels::default(), || {
        for _ in 0..200 {
            call(Rpc::Other).answered("");
        }
    });
    assert!(!metrics.text().contains("decision_id"));
    assert_eq!(number(&metrics, "clearline_call_seconds", &["other"]), 200);
}

#[test]
fn a_path_names_its_rpc() {
    for (path, want) in [
        ("/clearline.screening.v1.ScreeningService/ScreenTransfer", Rpc::ScreenTransfer),
        ("/clearline.screening.v1.ScreeningService/ScreenTransfers", Rpc::ScreenTransfers),
        ("/clearline.screening.v1.ScreeningService/ScreenIso20022", Rpc::ScreenIso20022),
        ("/clearline.screening.v1.ScreeningService/ReportExecution", Rpc::ReportExecution),
        ("/clearline.screening.v1.ScreeningService/ListDecisions", Rpc::Browse),
        ("/grpc.health.v1.Health/Check", Rpc::Other),
        ("", Rpc::Other),
    ] {
        assert_eq!(Rpc::of(path), want, "{path}");
    }
}
