//! Words: every warning is chosen by a typology.

use crate::document::{Document, Problems};
use crate::policy::check::{WARNINGS, Whole};

/// Notes warnings that are never shown.
pub(super) fn check(whole: &Whole<'_, '_>, problems: &Problems) {
    let chosen = |id: &str| whole.stories.iter().any(|story| story.warning == Some(id));
    let unheard = Problems::default();
    for (path, _) in whole.files.iter().filter(|(path, _)| path.starts_with(WARNINGS)) {
        let document = Document::parse(path, whole.text(path), &unheard);
        let root = document.root();
        for section in root.sections("warning").unwrap_or_default() {
            let Some(id) = section.text("id").filter(|id| !chosen(id)) else { continue };
            let message = format!("no typology chooses the warning `{id}`");
            let advice = "name it as the `warning` of a typology in policy.toml, or remove it";
            problems.report(path, section.line_of("id"), message, advice);
        }
    }
}
