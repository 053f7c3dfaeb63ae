//! Phrases: each can be found in a text, none is found where it is not meant, and every concept is
//! looked for by somebody.

use crate::document::{Document, Problems};
use crate::policy::check::signals::{SPOKEN, named, sections};
use crate::policy::check::{LEXICON, POLICY, Whole};
use crate::text::{Concept, Lexicon, hazards};

/// Notes phrases that no text can match or that honest texts do, and concepts that nobody looks for.
pub(super) fn check(whole: &Whole<'_, '_>, problems: &Problems) {
    if let Some(lexicon) = whole.lexicon {
        found(lexicon, problems);
        hit(lexicon, problems);
    }
    wanted(whole, problems);
}

/// Notes phrases that no text can match.
fn found(lexicon: &Lexicon, problems: &Problems) {
    for phrase in lexicon.listed() {
        let text = phrase.text;
        let concept = phrase.concept.name();
        if !phrase.excepted && !lexicon.speaks(&phrase) {
            let message = format!("no text can mention `{concept}` by \"{text}\"");
            let advice = "it stands in one of the exceptions or denies itself: remove one of them";
            problems.report(LEXICON, phrase.line, message, advice);
        }
    }
}

/// Notes phrases that mention something in an honest text, each phrase once, by the first text.
fn hit(lexicon: &Lexicon, problems: &Problems) {
    let mut told = Vec::new();
    for hazard in hazards::all() {
        for spoken in lexicon.hits(&hazard) {
            let phrase = spoken.phrase;
            if told.contains(&(phrase.concept, phrase.text)) {
                continue;
            }
            told.push((phrase.concept, phrase.text));
            let message = format!(
                "\"{}\" is found in \"{}\", which is {}",
                phrase.text, hazard.text, hazard.what
            );
            let advice = format!(
                "make the phrase longer, or add \"{}\" to the exceptions of `{}`",
                hazard.text.to_lowercase(),
                phrase.concept.name()
            );
            problems.report(LEXICON, phrase.line, message, advice);
        }
    }
}

/// Notes concepts that no signal and no typology looks for.
fn wanted(whole: &Whole<'_, '_>, problems: &Problems) {
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
        // One that is no concept is told of already.
        let id = section.text("id").filter(|id| Concept::named(id).is_some());
        let Some(id) = id.filter(|id| !wanted.contains(id)) else { continue };
        let message = format!("no signal and no typology looks for `{id}`");
        let advice = "name it in the `concepts` of a signal, or remove its phrases";
        problems.report(LEXICON, section.line_of("id"), message, advice);
    }
}
