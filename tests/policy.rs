//! Policy: a folder with forty problems tells all forty at once, with file, line and advice.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::fs;
use std::path::Path;

use clearline::decision;
use clearline::policy::{Files, load, standard};
use clearline::signal;

/// Returns the files of a policy's folder.
fn folder(name: &str, paths: &[&str]) -> Files {
    let mut files = Files::default();
    for path in paths {
        let contents = fs::read(Path::new("tests/policy").join(name).join(path)).unwrap();
        files.insert(path, &contents);
    }
    files
}

#[test]
fn forty_problems_are_shown_as_forty() {
    let paths = ["policy.toml", "lexicon.toml", "cases.toml", "warnings/en.toml"];
    let problems = decision::check(folder("forty", &paths)).unwrap_err();
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let want = fs::read_to_string("tests/policy/forty/problems.txt").unwrap();
    assert_eq!(told.join("\n"), want.trim_end(), "{} problems", told.len());
    assert_eq!(told.len(), 40);
}

#[test]
fn the_analysts_document_tells_of_every_signal_and_story() {
    let document = fs::read_to_string("deploy/policy/signals.md").unwrap();
    let told = document.split("## Measured").next().unwrap();
    let policy = load(standard()).unwrap();
    let stories = policy.typologies().iter().map(|typology| &*typology.id);
    for id in signal::ALL.iter().map(|kind| kind.id).chain(stories) {
        assert!(told.contains(&format!("`{id}`")), "`{id}` is not told of");
    }
}
