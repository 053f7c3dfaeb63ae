//! Tests of the text: bounded, of nobody, and as monitoring reads it.

use super::*;
use crate::grpc;
use crate::policy;
use crate::telemetry::families::FAMILIES;
use crate::telemetry::sample::{NOT_AFTER, metrics};
use crate::telemetry::state::Certificate;

/// Metrics of the shipped policy and of every field and reason, with all that can be shown.
fn whole() -> Metrics {
    let policy = policy::load(policy::standard()).unwrap();
    let metrics = metrics(Labels {
        typologies: policy.typologies().iter().map(|typology| Arc::clone(&typology.id)).collect(),
        fields: grpc::fields(),
        reasons: grpc::status::REASONS.to_vec(),
    });
    let (not_after, loaded) = (NOT_AFTER, NOT_AFTER);
    metrics.state().set_certificate(Certificate { not_after, loaded, digest: String::new() });
    metrics
}

#[test]
fn labels_are_those_of_the_family_and_there_are_few() {
    let metrics = whole();
    // A process with eight doors has no more series than one with one.
    for _ in 0..10 {
        metrics.counts();
    }
    let samples = metrics.samples();
    let mut series = 0;
    for sample in &samples {
        let Sample { family, labels, value } = sample;
        assert_eq!(family.labels.len(), labels.len(), "{}", family.name);
        series += match value {
            Value::Time(sum) | Value::Sizes(sum) => sum.buckets.len() + 2,
            _ => 1,
        };
    }
    assert!(series < SERIES_MAX, "{series}");
    let mut seen: Vec<_> = samples.iter().map(|it| (it.family.name, &it.labels)).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), samples.len(), "two series of one name");
}

/// What every label may say. A label that is not here has not been thought about.
fn allowed(label: &str) -> Box<dyn Fn(&str) -> bool> {
    let name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    match label {
        "action" | "hold" | "stage" | "rpc" | "limit" | "step" | "window" | "typology" => {
            Box::new(name)
        }
        "caller" => Box::new(|text| text.starts_with("caller-")),
        "field" => Box::new(move |text| text.split('.').all(name)),
        "reason" => Box::new(|text| text == REST || grpc::status::REASONS.contains(&text)),
        "outcome" => Box::new(|text| ["sent", "dropped"].contains(&text)),
        "level" => Box::new(|text| ["warn", "error"].contains(&text)),
        "event" => Box::new(|text| events::EVENTS.iter().any(|(_, event)| *event == text)),
        "version" => Box::new(|text| text == env!("CARGO_PKG_VERSION")),
        "digest" => Box::new(|text| text == "07".repeat(32)),
        _ => panic!("nobody has said what `{label}` may say"),
    }
}

#[test]
fn no_label_can_say_anything_of_a_person() {
    let mut words = 0;
    for Sample { family, labels, .. } in whole().samples() {
        for (label, text) in family.labels.iter().zip(&labels) {
            assert!(allowed(label)(text), "{}: {label}=\"{text}\"", family.name);
            assert!(text.len() <= 64, "{}: {label}=\"{text}\"", family.name);
            words += 1;
        }
    }
    assert!(200 < words);
}

#[test]
fn every_family_is_shown_and_none_that_is_not_listed() {
    let text = whole().text();
    let mut shown: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let mut listed: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    shown.sort_unstable();
    listed.sort_unstable();
    assert_eq!(shown, listed);
}

#[test]
fn buckets_are_shown_in_seconds_and_added_up() {
    let metrics = metrics(Labels::default());
    let counts = metrics.counts();
    for nanos in [250, 251, 3_000_000, 20_000_000_000] {
        counts.0.steps[0].add(nanos);
    }
    let text = metrics.text();
    for line in [
        "clearline_step_seconds_bucket{le=\"2.5e-7\",step=\"read\"} 1",
        "clearline_step_seconds_bucket{le=\"5e-7\",step=\"read\"} 2",
        "clearline_step_seconds_bucket{le=\"0.005\",step=\"read\"} 3",
        "clearline_step_seconds_bucket{le=\"10.0\",step=\"read\"} 3",
        "clearline_step_seconds_bucket{le=\"+Inf\",step=\"read\"} 4",
        "clearline_step_seconds_count{step=\"read\"} 4",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
}

#[test]
fn the_last_snapshot_is_the_one_of_the_start_until_another_is_written() {
    let metrics = metrics(Labels::default());
    let counts = metrics.counts();
    assert!(metrics.text().contains("\nclearline_snapshot_lag_entries 400\n"));
    counts.0.snapshot.set(900);
    assert!(metrics.text().contains("\nclearline_snapshot_lag_entries 100\n"));
}

#[test]
fn what_each_caller_used_is_shown_by_its_name() {
    let text = metrics(Labels::default()).text();
    let name = format!("caller-{:0>57}", 3);
    for (series, want) in [
        (format!("clearline_caller_calls_total{{caller=\"{name}\"}}"), 9),
        (format!("clearline_caller_calls_under_way{{caller=\"{name}\"}}"), 1),
        (format!("clearline_caller_limits_met_total{{caller=\"{name}\",limit=\"rate\"}}"), 2),
        (
            format!("clearline_caller_limits_met_total{{caller=\"{name}\",limit=\"queue_share\"}}"),
            4,
        ),
        ("clearline_disk_free_bytes".to_owned(), 1_000),
        ("clearline_disk_needed_bytes".to_owned(), 600),
    ] {
        let line = format!("{series} {want}");
        assert!(text.lines().any(|shown| shown == line), "{line}");
    }
}

/// Ten thousand is what one instance may cost monitoring at most; with as many callers as a file may list
/// there are three quarters of that.
const SERIES_MAX: usize = 7_700;
