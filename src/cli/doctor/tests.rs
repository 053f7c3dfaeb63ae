//! Tests of the checks: each on both sides of what it judges by.

use super::*;
use crate::calendar::Time;

#[test]
fn a_check_is_one_line_or_one_object() {
    let check = Check::wrong("port", "taken", "take another");
    assert_eq!(check.line(false), "port        wrong   taken\n                    take another\n");
    let object: Value = serde_json::from_str(&check.line(true)).unwrap();
    assert_eq!(object["finding"], "wrong");
    assert_eq!(object["advice"], "take another");
    assert_eq!(Check::well("port", "free").line(false), "port        well    free\n");
}

#[test]
fn a_port_is_wrong_where_it_is_taken_by_nobody_of_ours_or_free_while_a_server_runs() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    assert_eq!(port(address, true).finding, Finding::Well);
    assert_eq!(port(address, false).finding, Finding::Wrong);
    drop(taken);
    assert_eq!(port(address, false).finding, Finding::Well);
    assert_eq!(port(address, true).finding, Finding::Wrong);
}

#[test]
fn memory_is_wrong_below_what_is_taken_and_worth_a_look_below_twice_as_much() {
    for (there, want) in [
        (1_023, Finding::Wrong),
        (1_024, Finding::Warning),
        (2_047, Finding::Warning),
        (2_048, Finding::Well),
    ] {
        assert_eq!(memory(1_024, there).finding, want, "{there}");
    }
    assert_eq!(memory(0, memory_there()).finding, Finding::Well);
    let told = memory(512 * 1_048_576, 256 * 1_048_576);
    assert_eq!(told.says, "512 MiB are taken at a start, of 256 MiB");
    assert!(told.advice.contains("`server.ready_bytes`"), "{told:?}");
}

#[test]
fn settings_that_are_refused_are_the_only_thing_that_is_looked_at() {
    let doctor = Doctor {
        config: None,
        data: None,
        policy: None,
        listen: Some("nowhere".to_owned()),
        admin: None,
        ca: None,
        json: false,
    };
    let checks = doctor.checks();
    assert_eq!(checks.len(), 1);
    assert_eq!((checks[0].name, checks[0].finding), ("settings", Finding::Wrong));
    assert!(checks[0].says.contains("server.listen"), "{checks:?}");
}

#[test]
fn a_running_server_is_judged_by_its_state() {
    let address = "127.0.0.1:1".parse().unwrap();
    let state = |serving: bool, waiting: u64| json!({ "serving": serving, "queue": { "waiting": waiting, "max": 8 }, "certificate": null });
    for (state, want) in [
        (state(true, 0), [Finding::Well, Finding::Well, Finding::Skipped]),
        (state(true, 3), [Finding::Well, Finding::Well, Finding::Skipped]),
        (state(true, 4), [Finding::Well, Finding::Warning, Finding::Skipped]),
        (state(false, 0), [Finding::Wrong, Finding::Well, Finding::Skipped]),
    ] {
        let checks = admin_listener(Some(address), Some(Ok(state)));
        let found: Vec<_> = checks.iter().map(|check| check.finding).collect();
        assert_eq!(found, want, "{checks:?}");
    }
    let checks = admin_listener(Some(address), Some(Err("refused".to_owned())));
    assert_eq!(checks[0].finding, Finding::Skipped);
    assert_eq!(admin_listener(None, None)[0].finding, Finding::Skipped);
}

#[test]
fn a_server_with_another_folder_is_not_the_one_that_is_asked_about() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let state = json!({ "log": { "folder": data.path().canonicalize().unwrap() } });
    assert_eq!(ours(state.clone(), data.path()), Ok(state.clone()));
    for folder in [other.path(), &data.path().join("not-there")] {
        assert!(ours(state.clone(), folder).is_err_and(|why| why.contains("other settings")));
    }
    assert!(ours(json!({}), data.path()).is_err(), "an earlier build does not say");
}

#[test]
fn a_certificate_is_wrong_after_its_end_and_a_warning_two_weeks_before() {
    let ends = Time::parse("2026-06-01T00:00:00Z").unwrap();
    let state = json!({ "certificate": { "not_after": ends.to_string() } });
    for (left, want) in [
        (CERTIFICATE_LEFT, Finding::Well),
        (Span(CERTIFICATE_LEFT.0.saturating_sub(1)), Finding::Warning),
        (Span(0), Finding::Warning),
        (Span(-1), Finding::Wrong),
    ] {
        assert_eq!(certificate(&state, ends.minus(left)).finding, want, "{left:?}");
    }
    assert_eq!(certificate(&json!({}), ends).finding, Finding::Skipped);
}

#[test]
fn files_are_few_where_connections_need_more() {
    assert_eq!(files(u32::MAX).finding, Finding::Warning);
    assert_eq!(files(1).finding, Finding::Well);
}

#[test]
fn a_policy_that_does_not_check_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(policy(Some(folder.path())).finding, Finding::Wrong);
    assert_eq!(policy(None).finding, Finding::Well);
}
