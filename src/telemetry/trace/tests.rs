//! Tests of what is read of callers, and of times. Spans on their way are tried in `tests/telemetry.rs`.

use http::HeaderValue;

use super::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT_SPAN: &str = "b7ad6b7169203331";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

#[test]
fn a_callers_trace_goes_on_where_its_header_is_whole() {
    let traced = |flags: &str| format!("00-{TRACE}-{PARENT_SPAN}-{flags}");
    for (header, want) in [
        (traced("01"), Some(true)),
        (traced("00"), Some(false)),
        // A later version of the standard says more, and this as well.
        (format!("cc-{TRACE}-{PARENT_SPAN}-01-more"), Some(true)),
        (format!("ff-{TRACE}-{PARENT_SPAN}-01"), None),
        (format!("00-{}-{PARENT_SPAN}-01", "0".repeat(32)), None),
        (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
        (format!("00-{TRACE}-{PARENT_SPAN}"), None),
        (traced("0g"), None),
        (String::new(), None),
        ("an account number".to_owned(), None),
    ] {
        let got = match Origin::read(&headers(&[("traceparent", &header)])) {
            Origin::Traced { parent } => {
                assert_eq!(parent.trace_id().to_string(), TRACE, "{header}");
                assert_eq!(parent.span_id().to_string(), PARENT_SPAN, "{header}");
                Some(parent.is_sampled())
            }
            Origin::Untraced | Origin::Off => None,
        };
        assert_eq!(got, want, "{header}");
    }
    let mut opaque = HeaderMap::new();
    opaque.insert(PARENT, HeaderValue::from_bytes(&[0xff; 55]).unwrap());
    assert!(matches!(Origin::read(&opaque), Origin::Untraced));
    assert!(matches!(Origin::read(&HeaderMap::new()), Origin::Untraced));
}

#[test]
fn what_a_caller_adds_to_its_trace_is_not_kept() {
    let parent = format!("00-{TRACE}-{PARENT_SPAN}-01");
    let said = headers(&[("traceparent", &parent), ("tracestate", "payer=mary")]);
    let Origin::Traced { parent } = Origin::read(&said) else { panic!("no trace") };
    assert_eq!(parent.trace_state().header(), "");
}

#[test]
fn nothing_is_traced_where_nobody_collects() {
    let parent = format!("00-{TRACE}-{PARENT_SPAN}-01");
    let origin = Origin::of(&headers(&[("traceparent", &parent)]));
    assert!(matches!(origin, Origin::Off));
    assert!(origin.begin("/a.B/C", None).is_none());
}

#[test]
fn spans_lie_within_the_whole_by_the_steady_clock() {
    let begun = Stopwatch::start();
    let parent = format!("00-{TRACE}-{PARENT_SPAN}-01");
    let origin = Origin::read(&headers(&[("traceparent", &parent)]));
    let trace = origin.trace(RealClock::start(), "/a.B/C", begun).unwrap();
    let whole = trace.span(WHOLE, (0, 5_000), Vec::new());
    let step = trace.span(READ, (1_000, 4_000), Vec::new());
    let nanos = |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap().as_nanos();
    assert_eq!(nanos(whole.start_time, whole.end_time), 5_000);
    assert_eq!(nanos(whole.start_time, step.start_time), 1_000);
    assert_eq!(nanos(step.start_time, step.end_time), 3_000);
    assert_eq!(step.parent_span_id, trace.whole);
    // Times that come in the wrong order make an empty span, not one that ends before it begins.
    let empty = trace.span(READ, (4_000, 1_000), Vec::new());
    assert_eq!(empty.start_time, empty.end_time);
}

#[test]
fn one_in_so_many_is_chosen_and_none_of_zero() {
    for (every, want) in [(0, 0), (1, 12), (3, 4), (12, 1), (13, 0)] {
        TICK.set(0);
        let chosen = (0..12).filter(|_| chosen(every)).count();
        assert_eq!(chosen, want, "{every}");
    }
}
