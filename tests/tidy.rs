//! Tidy: rules about the code itself that no lint knows.

#![expect(clippy::expect_used, reason = "a test that cannot read the sources has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Marks of the world outside. A core that holds none of them can be replayed.
const BANNED_IN_CORE: &[&str] =
    &["Instant", "SystemTime", "async ", "std::env", "std::fs", "std::net", "tokio", "tracing"];

/// Twice what a file should have: what is longer holds two things, and is read as neither.
const FILE_LINES_MAX: usize = 600;

/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] =
    &[("src/transfer.rs", "a vocabulary: short types one after the other, none with a logic")];

/// Words that we have a better one for: one word an idea.
const BANNED_WORDS: &[(&str, &str)] = &[
    ("beneficiary", "payee"),
    ("blacklist", "a list named after what is on it"),
    ("dbg", "an event"),
    ("fixme", "an issue"),
    ("hack", "the reason why it must be so"),
    ("journal", "log"),
    ("ruleset", "policy"),
    ("sanity", "what is checked"),
    ("simply", "nothing"),
    ("todo", "an issue"),
    ("txn", "transfer"),
    ("verdict", "decision"),
    ("whitelist", "a list named after what is on it"),
    ("xxx", "an issue"),
];

/// Names that say nothing of what a file holds.
const BANNED_FILES: &[&str] =
    &["common", "helper", "helpers", "manager", "misc", "mod", "models", "types", "util", "utils"];

#[test]
fn a_room_imports_only_from_rooms_above_its_own() {
    let rooms: Vec<String> = [rooms("// The core"), rooms("// The shell")].concat();
    assert!(20 < rooms.len(), "src/lib.rs lists the rooms: {rooms:?}");
    let mut problems = Vec::new();
    for (path, text) in sources().filter(|(path, _)| !path.ends_with("tests.rs")) {
        let room = room_of(&path);
        let Some(own) = rooms.iter().position(|listed| *listed == room) else { continue };
        for line in code(untested(&text)) {
            for after in line.split("crate::").skip(1) {
                // A grouped import has no room that could be read here.
                let import = after.split(|part: char| !is_word(part)).next().unwrap_or(after);
                let above = rooms.iter().take(own).any(|listed| listed == import);
                if !above && room != import && import != "testing" {
                    problems.push(format!("{}: `{import}` does not stand above", path.display()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_core_does_not_reach_outside() {
    let mut core = rooms("// The core");
    // It makes messages of the door's, and stands below it for that alone.
    core.push("life".to_owned());
    for (path, text) in sources().filter(|(path, _)| core.contains(&room_of(path))) {
        for line in code(&text) {
            for mark in BANNED_IN_CORE {
                assert!(!line.contains(mark), "{}: `{mark}` in the core", path.display());
            }
        }
    }
}

#[test]
fn every_file_is_short_and_says_what_it_is() {
    for (path, text) in sources().chain(files("tests", "rs")).chain(files("benches", "rs")) {
        let lines = text.lines().count();
        let name = path.display();
        let long = LONG_FILES.iter().any(|(long, _)| Path::new(long) == path);
        let fits = lines <= FILE_LINES_MAX || long;
        assert!(fits, "{name}: {lines} lines; {FILE_LINES_MAX} at most, or a reason");
        assert!(text.starts_with("//! "), "{name}: starts without `//!`");
    }
}

#[test]
fn files_are_named_after_what_they_hold() {
    for (path, _) in sources() {
        let stem = path.file_stem().expect("a name").to_string_lossy();
        assert!(!BANNED_FILES.contains(&&*stem), "{}: name it after its noun", path.display());
        let depth = path.components().count();
        assert!(depth <= 4, "{}: deeper than three folders", path.display());
    }
}

#[test]
fn one_word_is_used_for_one_idea() {
    let papers = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "deploy/README.md"];
    let papers = papers.into_iter().filter_map(|path| {
        let path = PathBuf::from(path);
        fs::read_to_string(&path).ok().map(|text| (path, text))
    });
    let texts = sources().chain(files("proto", "proto")).chain(files("benches", "rs"));
    for (path, text) in texts.chain(papers) {
        for (number, line) in text.lines().enumerate() {
            for word in line.split(|part: char| !part.is_alphanumeric()) {
                let word = word.to_lowercase();
                let better = BANNED_WORDS.iter().find(|(banned, _)| *banned == word);
                if let Some((_, better)) = better {
                    let line = number.saturating_add(1);
                    panic!("{}:{line}: `{word}` is banned, use {better}", path.display());
                }
            }
        }
    }
}

#[test]
fn every_event_is_in_the_table_with_its_level() {
    let listed = fs::read_to_string("src/telemetry.rs").expect("src/telemetry.rs");
    let rows: Vec<&str> = listed.lines().filter(|line| line.starts_with("//! | `")).collect();
    let mut events = vec!["error", "warn", "info", "debug"];
    let texts: Vec<_> = sources().collect();
    for (path, text) in &texts {
        for call in text.split("tracing::").skip(1) {
            let Some((level, call)) = call.split_once("!(") else { continue };
            if !["error", "warn", "info", "debug"].contains(&level) {
                continue;
            }
            // Fields hold no text of their own, so the first one is the event.
            let event = call.split('"').nth(1).expect("an event");
            let row = format!("//! | `{event}` | {level} | ");
            let known = rows.iter().any(|listed| listed.starts_with(&row));
            assert!(known, "{}: `{event}` is not in src/telemetry.rs", path.display());
            events.push(event);
        }
    }
    for row in rows {
        let event = row.split('`').nth(1).expect("an event");
        assert!(events.contains(&event), "src/telemetry.rs: nobody tells `{event}`");
    }
}

/// Returns what stands before the tests, which may reach for anything.
fn untested(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

/// Returns the lines that are no comment.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn is_word(part: char) -> bool {
    part.is_alphanumeric() || part == '_'
}

/// Returns the rooms that `src/lib.rs` lists after `heading`, in its order.
fn rooms(heading: &str) -> Vec<String> {
    let lib = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let (_, listed) = lib.split_once(heading).expect("a heading");
    let listed = listed.split("\n\n").next().unwrap_or(listed);
    let named = listed.lines().filter_map(|line| line.strip_prefix("pub mod "));
    named.map(|name| name.trim_end_matches(';').to_owned()).collect()
}

/// Returns the room that a file below `src` belongs to.
fn room_of(path: &Path) -> String {
    let below = path.strip_prefix("src").expect("a path below src");
    let first = below.components().next().expect("a first part");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// Returns every source file, in a fixed order.
fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    files("src", "rs")
}

/// Returns every file below `folder` whose name ends so, in a fixed order.
fn files(folder: &str, extension: &str) -> impl Iterator<Item = (PathBuf, String)> {
    let mut folders = vec![PathBuf::from(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("a text file");
        (path, text)
    })
}
