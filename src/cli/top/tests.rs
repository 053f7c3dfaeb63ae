//! Tests of the screen: what is drawn of what was counted.

use super::*;
use crate::telemetry::count::Labels;
use crate::telemetry::sample::metrics;

#[test]
fn a_screen_shows_what_happened_and_what_waits() {
    let (before, now) = ("clearline_decisions_total", "clearline_call_seconds");
    let scrape = |decided: u32, asked: u32| {
        Scrape::read(&format!(
            "clearline_build_info{{version=\"0.1.0\"}} 1\nclearline_serving 1\n\
             clearline_policy_info{{digest=\"0123456789abcdef0123\"}} 1\n\
             process_start_time_seconds 1000\n\
             {before}{{action=\"allow\",hold=\"none\",stage=\"rescreen\"}} {decided}\n\
             {before}{{action=\"hold\",hold=\"pending_answers\",stage=\"rescreen\"}} {asked}\n\
             clearline_holds_per_million{{hold=\"pending_review\",window=\"day\"}} 40\n\
             clearline_window_decisions{{window=\"day\"}} 1234567\n\
             clearline_typologies_total{{typology=\"police_legal_fee\",step=\"hold\"}} 3\n\
             {now}_bucket{{rpc=\"screen_transfer\",le=\"0.001\"}} {decided}\n\
             {now}_bucket{{rpc=\"screen_transfer\",le=\"+Inf\"}} {decided}\n\
             {now}_count{{rpc=\"screen_transfer\"}} {decided}\n\
             clearline_step_seconds_sum{{step=\"sync\"}} 0.{decided}\n\
             clearline_step_seconds_count{{step=\"sync\"}} {decided}\n\
             clearline_queue_length 7\nclearline_queue_max 8192\n\
             clearline_refused_total{{reason=\"QUEUE_FULL\"}} 12\n\
             process_cpu_seconds_total 0.{decided}\n"
        ))
    };
    let (before, now) = (scrape(1_000, 10), scrape(3_000, 14));
    let passed = Duration::from_secs(2);
    let between = Between { before: Some(&before), now: &now, passed };
    let screen = draw(&between, "127.0.0.1:9464".parse().unwrap(), 1_000 + 3 * 3_600 + 120);
    for part in [
        "clearline 0.1.0 at 127.0.0.1:9464: serving, up 3 h 2 min, policy 0123456789ab\n",
        "decisions   1,002 a second; held for answers 2, for a person 0; errors 0\n",
        "last day    0 in a million held for answers, 40 for a person, of 1,234,567\n",
        "stories     police_legal_fee hold 3\n",
        "calls       1,000 answered a second; half within 1.0 ms, 99 % within 1.0 ms\n",
        "streams     0 answered a second\n",
        "sync 100.0 µs, ",
        "queue       7 of 8,192\n",
        "process     10 % of a core, ",
        "errors      QUEUE_FULL 12\n",
        "dropped     none\n",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
}

#[test]
fn a_server_of_now_shows_every_name_that_is_drawn() {
    let text = metrics(Labels::default()).text();
    // Whatever the source asks for by name is in the text of a server, with its suffix.
    for name in include_str!("../top.rs").split('"').filter(|part| {
        (part.starts_with("clearline_") || part.starts_with("process_")) && !part.contains(' ')
    }) {
        let shown = text.lines().any(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{', '_']))
        });
        let family = text.contains(&format!("# TYPE {} ", name.trim_end_matches("_total")));
        assert!(shown || family, "{name}");
    }
}

#[test]
fn lengths_are_told_in_their_unit() {
    for (seconds, want) in [
        (2.5e-7, "0.2 µs"),
        (5e-4, "500.0 µs"),
        (0.025, "25.0 ms"),
        (2.5, "2.5 s"),
        (f64::INFINITY, "more"),
    ] {
        assert_eq!(length(seconds), want);
    }
    for (seconds, want) in
        [(59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")]
    {
        assert_eq!(lasted(seconds), want);
    }
}
