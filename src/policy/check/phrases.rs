//! Phrases: every concept is looked for by somebody.

use crate::document::{Document, Problems};
use crate::policy::check::signals::{SPOKEN, named, sections};
use crate::policy::check::{LEXICON, POLICY, Whole};

/// Notes concepts that no signal and no typology looks for.
pub(super) fn check(whole: &Whole<'_, '_>, problems: &Problems) {
    let unheard = Problems::default();
    let document = Document::parse(POLICY, whole.text(POLICY), &unheard);
    let root = document.root();
    let settings = sections(whole, &root);
    let lists = settings.iter().flat_map(|section| SPOKEN.map(|key| named(section, key)));
    let told = whole.stories.iter().map(|story| story.mentions.clone());
    let wanted: Vec<&str> = lists.chain(told).flatten().map(|name| name.text).collect();

    let phrases = Document::parse(LEXICON, whole.text(LEXICON), &unheard);
    let lexicon = phrases.root();
    for section in lexicon.sections("concept").unwrap_or_default() {
        let Some(id) = section.text("id").filter(|id| !wanted.contains(id)) else { continue };
        let message = format!("no signal and no typology looks for `{id}`");
        let advice = "name it in the `concepts` of a signal, or remove its phrases";
        problems.report(LEXICON, section.line_of("id"), message, advice);
    }
}
