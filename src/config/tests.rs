//! Settings from each source, and what is refused, by name.

use std::collections::BTreeSet;

use super::*;

/// Loads settings from these lines of a file and from this environment.
fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clearline.toml");
    std::fs::write(&path, file).unwrap();
    let pairs = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::load(Sources {
        file: Some(path),
        environment: Some(pairs.collect()),
        flags: Vec::new(),
    })
}

/// Says what is wrong with these lines: the key and a part of the advice.
#[track_caller]
fn refused(file: &str, want: &[(&str, &str)]) {
    match load(file, &[]) {
        Err(SettingsError::Refused(problems)) => {
            let keys: Vec<_> = problems.iter().map(|problem| &*problem.key).collect();
            assert_eq!(keys, want.iter().map(|(key, _)| *key).collect::<Vec<_>>(), "{file}");
            for (problem, (_, part)) in problems.iter().zip(want) {
                assert!(problem.advice.contains(part), "{problem}");
                assert!(problem.place.ends_with("clearline.toml"), "{problem}");
            }
        }
        other => panic!("{file}: {other:?}"),
    }
}

#[test]
fn nothing_set_is_the_default() {
    assert_eq!(load("", &[]).unwrap(), Config::default());
}

#[test]
fn the_file_in_deploy_lists_every_setting_with_its_default() {
    let text = include_str!("../../deploy/clearline.toml");
    assert_eq!(load(text, &[]).unwrap(), Config::default());

    // A name that is near none is answered with all there are.
    let known = |file: &str| -> BTreeSet<String> {
        let Err(SettingsError::Refused(problems)) = load(file, &[]) else {
            panic!("a setting that nobody knows was taken");
        };
        let (_, known) = problems[0].advice.split_once("known here: ").unwrap();
        known.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
    };
    let nothing = "z".repeat(30);
    let listed: toml::Table = text.parse().unwrap();
    let sections: BTreeSet<String> = listed.keys().cloned().collect();
    assert_eq!(sections, known(&format!("[{nothing}]\n{nothing} = 1")));
    for (section, below) in &listed {
        let listed: BTreeSet<String> = below.as_table().unwrap().keys().cloned().collect();
        assert_eq!(listed, known(&format!("[{section}]\n{nothing} = 1")), "{section}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_a_flag_over_both() {
    let file = "[server]\ndoors = 2\ndrain_ms = 5\n[policy]\nfolder = \"mine\"";
    let environment = [("CLEARLINE__SERVER__DOORS", "3"), ("OTHER__SERVER__DOORS", "4")];
    let config = load(file, &environment).unwrap();
    assert_eq!(config.doors, 3);
    assert_eq!(config.drain, Duration::from_millis(5));
    assert_eq!(config.policy, Some(PathBuf::from("mine")));

    let pairs = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sources = Sources {
        file: None,
        environment: Some(pairs.into()),
        flags: vec![("server.doors", "5".to_owned())],
    };
    assert_eq!(Config::load(sources).unwrap().doors, 5);
}

#[test]
fn a_wrong_setting_is_refused_by_name() {
    for (file, key, advice) in [
        ("[server]\ndoors = 0", "server.doors", "`0` is not a whole number from 1 to 64"),
        ("[server]\ndoors = 65", "server.doors", "`65`"),
        ("[server]\ndoors = -1", "server.doors", "`-1`"),
        ("[server]\ndoors = 1.5", "server.doors", "one text"),
        ("[server]\ndoors = [1]", "server.doors", "one text"),
        ("[server]\ndoors = 99999999999999999999", "", "cannot be read"),
        ("[server]\nlisten = \"here\"", "server.listen", "an address and a port"),
        ("[server]\nlisten = \"0.0.0.0:50051\"", "server.listen", "TLS"),
        ("[server]\nlisten = \"192.0.2.1:1\"", "server.listen", "TLS"),
        ("[server]\nlisten = \"[::]:1\"", "server.listen", "TLS"),
        ("[server]\nready_bytes = 805306369", "server.ready_bytes", "0 to 805306368"),
        ("[server]\nready_bytes = -1", "server.ready_bytes", "`-1`"),
        ("[server]\nawake_us = 10001", "server.awake_us", "0 to 10000"),
        ("[server]\nreflection = \"maybe\"", "server.reflection", "`true` or `false`"),
        ("[server]\ndeadline_default_ms = 10001", "server.deadline_default_ms", "at most"),
        ("[limits]\nqueue_max = 65537", "limits.queue_max", "65536"),
        ("[data]\nfolder = \"\"", "data.folder", "a folder"),
        ("[data]\norigin = \"a b\"", "data.origin", "without spaces"),
        ("[data]\norigin = \"a+b\"", "data.origin", "without spaces"),
        ("[data]\nsegment_bytes_max = 65535", "data.segment_bytes_max", "65536"),
        ("[memory]\nwindow_hours = 745", "memory.window_hours", "744"),
        ("[telemetry]\nlevel = \"loud\"", "telemetry.level", "`info`"),
        ("[telemetry]\ndecision_every = 1000001", "telemetry.decision_every", "1000000"),
        ("[telemetry]\nmetrics = 1", "telemetry.metrics", "`true` or `false`"),
        ("[admin]\nlisten = \"9464\"", "admin.listen", "or empty for none"),
        (
            "[server]\nport = 1",
            "server.port",
            "no such setting: known here: `awake_us`, `deadline_default_ms`, ",
        ),
        ("[server]\ndors = 1", "server.dors", "no such setting: did you mean `doors`?"),
        ("[sever]\ndoors = 1", "sever.doors", "no such setting: did you mean `server`?"),
        ("[http]\nport = 1", "http.port", "no such setting: known here: `access`, `admin`, "),
        ("port = 1", "port", "no such setting: each stands in a section"),
        ("[[server]]\ndoors = 1", "server", "no such setting: each stands in a section"),
    ] {
        if key.is_empty() {
            let error = load(file, &[]).unwrap_err().to_string();
            assert!(error.contains(advice), "{error}");
        } else {
            refused(file, &[(key, advice)]);
        }
    }
}

#[test]
fn the_ends_of_a_range_belong_to_it() {
    let config = load("[server]\ndoors = 64\nlisten = \"[::1]:0\"\ndrain_ms = 0", &[]).unwrap();
    assert_eq!((config.doors, config.drain), (64, Duration::ZERO));
    assert_eq!(config.listen, "[::1]:0".parse().unwrap());
}

#[test]
fn every_problem_is_told_at_once() {
    refused(
        "[server]\ndoors = 0\nlisten = \"\"\n[limits]\nqueue = 5",
        &[("server.listen", ""), ("server.doors", ""), ("limits.queue", "no such")],
    );
}

#[test]
fn a_variable_is_refused_by_its_name_too() {
    for (name, key) in [
        ("CLEARLINE__SERVER__DOOR", "server.door"),
        ("CLEARLINE__LISTEN", "listen"),
        ("CLEARLINE__SERVER__DOORS", "server.doors"),
    ] {
        let error = load("", &[(name, "none")]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{key}` (from the environment): ")), "{error}");
    }
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named() {
    let sources = Sources { file: Some("/nowhere/a.toml".into()), ..Sources::default() };
    let error = Config::load(sources).unwrap_err().to_string();
    assert!(error.contains("/nowhere/a.toml"), "{error}");
    let error = load("[server", &[]).unwrap_err().to_string();
    assert!(error.contains("clearline.toml"), "{error}");
}
