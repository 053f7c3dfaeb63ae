//! Stories: cases.toml tells what each typology is for, and of honest people as often as of
//! victims.
//!
//! What the policy makes of them is found out by deciding, which is done elsewhere.

use crate::document::{Document, Problems};
use crate::policy::check::{CASES, POLICY, Whole};

/// Notes typologies without a story, stories of one name, and too few honest ones.
pub(super) fn check(whole: &Whole<'_, '_>, problems: &Problems) {
    let unheard = Problems::default();
    let document = Document::parse(CASES, whole.text(CASES), &unheard);
    let root = document.root();
    let mut names: Vec<&str> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    let (mut held, mut allowed) = (0_usize, 0_usize);
    for case in root.sections("case").unwrap_or_default() {
        if let Some(name) = case.text("name") {
            if names.contains(&name) {
                let message = format!("`{name}` is there twice");
                problems.report(CASES, case.line_of("name"), message, "give one another name");
            }
            names.push(name);
        }
        let Some(want) = case.section("want") else { continue };
        match want.text("action") {
            Some("hold") => {
                held = held.saturating_add(1);
                told.extend(want.has("typology").then(|| want.text("typology")).flatten());
            }
            Some("allow") => allowed = allowed.saturating_add(1),
            Some(_) | None => {}
        }
    }
    for story in whole.stories.iter().filter(|story| !story.id.is_empty()) {
        if !told.contains(&story.id) {
            let message = format!("no case wants a hold by `{}`", story.id);
            let advice = "tell its story in cases.toml, with the typology it must lead to";
            problems.report(POLICY, story.section.line_of("id"), message, advice);
        }
    }
    if allowed < held {
        let message = format!("the cases tell of {held} held payments and {allowed} honest ones");
        let advice = "tell of honest people who look alike, as many as of victims";
        problems.report(CASES, 0, message, advice);
    }
}
