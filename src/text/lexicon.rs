//! Lexicon: phrases and the concepts they mention, compiled once and looked up ever after.
//!
//! The words of all phrases are numbered, a text becomes a row of those numbers, and phrases are
//! compared as rows. An exception is a phrase in which the concept is not meant ("Legal & General"):
//! a mention that lies inside one is dropped.
//!
//! Never allocates for a text that mentions nothing, and never looks at more than
//! [`WORDS_MAX`] words of one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::text::words::{WORD_BYTES_MAX, each_word};
use crate::text::{Concept, Mention, Source};

/// Most words of one text that are looked at. A remittance of 140 characters holds 70.
pub const WORDS_MAX: usize = 80;

/// Most mentions taken from one text: more tell nothing new.
pub const MENTIONS_MAX: usize = 16;

/// Phrases being collected.
#[derive(Debug, Default)]
pub struct Draft {
    words: BTreeMap<Box<str>, u16>,
    phrases: BTreeSet<Phrase>,
}

/// Compiled phrases.
#[derive(Debug)]
pub struct Lexicon {
    words: Vec<Box<str>>,
    /// Open addressing over `words`: number of the word plus one, 0 for a free place.
    places: Vec<u16>,
    /// Sorted by first word, so that the phrases of one first word stand together.
    phrases: Vec<Phrase>,
    /// For each word, the phrases that begin with it.
    first: Vec<Range<usize>>,
}

/// Why a phrase cannot be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PhraseError {
    /// Nothing in it is a letter or digit.
    #[error("a phrase needs at least one word")]
    Empty,
    /// A word of it is longer than words are compared.
    #[error("a word of a phrase may have at most {WORD_BYTES_MAX} letters")]
    WordTooLong,
    /// It has more words than phrases may have.
    #[error("a phrase may have at most {PHRASE_WORDS_MAX} words")]
    TooLong,
    /// The concept has it already.
    #[error("the concept has this phrase already")]
    Twice,
    /// The lexicon is full.
    #[error("a lexicon may have at most {LEXICON_PHRASES_MAX} phrases")]
    Full,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Phrase {
    words: Vec<u16>,
    concept: Concept,
    excepted: bool,
}

impl Draft {
    /// Adds a phrase that mentions `concept`.
    pub fn phrase(&mut self, concept: Concept, text: &str) -> Result<(), PhraseError> {
        self.add(concept, text, false)
    }

    /// Adds a phrase in which `concept` is not meant.
    pub fn exception(&mut self, concept: Concept, text: &str) -> Result<(), PhraseError> {
        self.add(concept, text, true)
    }

    /// Compiles what was added.
    pub fn compile(self) -> Lexicon {
        let phrases = Vec::from_iter(self.phrases);
        let mut words = vec![Box::default(); self.words.len()];
        for (word, number) in self.words {
            if let Some(place) = words.get_mut(usize::from(number)) {
                *place = word;
            }
        }

        let mut first = vec![0..0; words.len()];
        for (at, phrase) in phrases.iter().enumerate() {
            let word = phrase.words.first().copied().map_or(usize::MAX, usize::from);
            if let Some(range) = first.get_mut(word) {
                let from = if range.start == range.end { at } else { range.start };
                *range = from..at.saturating_add(1);
            }
        }

        // Three places in four stay free, so that a word that is not here is soon known not to be.
        let mut places = vec![0_u16; words.len().saturating_mul(4).next_power_of_two().max(4)];
        let mask = places.len().saturating_sub(1);
        for (number, word) in (1_u16..).zip(&words) {
            let mut at = hash(word.as_bytes()) & mask;
            while places.get(at).is_some_and(|taken| *taken != 0) {
                at = at.wrapping_add(1) & mask;
            }
            if let Some(place) = places.get_mut(at) {
                *place = number;
            }
        }
        Lexicon { words, places, phrases, first }
    }

    fn add(&mut self, concept: Concept, text: &str, excepted: bool) -> Result<(), PhraseError> {
        if LEXICON_PHRASES_MAX <= self.phrases.len() {
            return Err(PhraseError::Full);
        }
        let mut spelled: Vec<Box<str>> = Vec::new();
        let mut too_long = false;
        each_word(text, |word| match std::str::from_utf8(word.folded) {
            Ok(folded) if !folded.is_empty() => spelled.push(folded.into()),
            _ => too_long = true,
        });
        match spelled.len() {
            _ if too_long => return Err(PhraseError::WordTooLong),
            0 => return Err(PhraseError::Empty),
            1..=PHRASE_WORDS_MAX => {}
            _ => return Err(PhraseError::TooLong),
        }
        let words = spelled.into_iter().map(|word| self.number(word)).collect();
        let phrase = Phrase { words, concept, excepted };
        let opposite = Phrase { excepted: !excepted, ..phrase.clone() };
        if self.phrases.contains(&opposite) || !self.phrases.insert(phrase) {
            return Err(PhraseError::Twice);
        }
        Ok(())
    }

    /// Returns the number of `word`, new or not.
    fn number(&mut self, word: Box<str>) -> u16 {
        // INVARIANT: 4,000 phrases of 8 words are 32,000 words, which a u16 holds.
        let next = u16::try_from(self.words.len()).unwrap_or(UNKNOWN);
        *self.words.entry(word).or_insert(next)
    }
}

impl Lexicon {
    /// Appends what `text` mentions, in the order of where it begins, at most [`MENTIONS_MAX`].
    pub fn mentions(&self, source: Source, text: &str, mentions: &mut Vec<Mention>) {
        let mut row = [Seen { word: UNKNOWN, from: 0, until: 0 }; WORDS_MAX];
        let mut length = 0_usize;
        let mut known = false;
        each_word(text, |word| {
            if let Some(seen) = row.get_mut(length) {
                let number = self.find(word.folded);
                known |= number != UNKNOWN;
                let (from, until) = (narrow(word.from), narrow(word.until));
                *seen = Seen { word: number, from, until };
                length = length.saturating_add(1);
            }
        });
        if known {
            self.compare(source, row.get(..length).unwrap_or(&[]), mentions);
        }
    }

    /// Counts phrases, exceptions included.
    pub fn phrases(&self) -> usize {
        self.phrases.len()
    }

    /// Compares phrases at every word of `row`.
    fn compare(&self, source: Source, row: &[Seen], mentions: &mut Vec<Mention>) {
        let before = mentions.len();
        for at in 0..row.len() {
            for phrase in self.beginning(row, at).filter(|phrase| !phrase.excepted) {
                let spoken = at..at.saturating_add(phrase.words.len());
                let found = mentions.len().saturating_sub(before);
                if self.excepts(row, &spoken, phrase.concept) || MENTIONS_MAX <= found {
                    continue;
                }
                let from = row.get(at).map_or(0, |seen| seen.from);
                let last = row.get(spoken.end.saturating_sub(1));
                let until = last.map_or(from, |seen| seen.until);
                let mention = Mention { concept: phrase.concept, source, from, until };
                add(mention, before, mentions);
            }
        }
    }

    /// Tells whether the words `spoken` lie inside an exception to `concept`.
    fn excepts(&self, row: &[Seen], spoken: &Range<usize>, concept: Concept) -> bool {
        let earliest = spoken.end.saturating_sub(PHRASE_WORDS_MAX);
        (earliest..=spoken.start).any(|at| {
            self.beginning(row, at).any(|phrase| {
                let end = at.saturating_add(phrase.words.len());
                phrase.excepted && phrase.concept == concept && spoken.end <= end
            })
        })
    }

    /// Returns the phrases that the words of `row` from `at` on spell.
    fn beginning<'a>(
        &'a self,
        row: &'a [Seen],
        at: usize,
    ) -> impl Iterator<Item = &'a Phrase> + use<'a> {
        let rest = row.get(at..).unwrap_or(&[]);
        let word = rest.first().map_or(UNKNOWN, |seen| seen.word);
        let range = self.first.get(usize::from(word)).cloned().unwrap_or(0..0);
        let phrases = self.phrases.get(range).unwrap_or(&[]);
        phrases.iter().filter(move |phrase| {
            phrase.words.len() <= rest.len()
                && phrase.words.iter().zip(rest).all(|(word, seen)| *word == seen.word)
        })
    }

    /// Returns the number of a folded word, or [`UNKNOWN`].
    fn find(&self, folded: &[u8]) -> u16 {
        let mask = self.places.len().saturating_sub(1);
        let mut at = hash(folded) & mask;
        loop {
            let Some(number) = self.places.get(at).and_then(|place| place.checked_sub(1)) else {
                return UNKNOWN;
            };
            let word = self.words.get(usize::from(number));
            if word.is_some_and(|word| word.as_bytes() == folded) {
                return number;
            }
            at = at.wrapping_add(1) & mask;
        }
    }
}

/// One word of a text.
#[derive(Clone, Copy)]
struct Seen {
    word: u16,
    from: u32,
    until: u32,
}

/// Adds `mention` unless a longer one of the same concept already covers it; replaces the ones that
/// it covers. Only mentions from `before` on are of this text.
fn add(mention: Mention, before: usize, mentions: &mut Vec<Mention>) {
    let covers = |one: &Mention, other: &Mention| {
        one.concept == other.concept && one.from <= other.from && other.until <= one.until
    };
    let this_text = mentions.get_mut(before..).unwrap_or(&mut []);
    if this_text.iter().any(|known| covers(known, &mention)) {
        return;
    }
    match this_text.iter_mut().find(|known| covers(&mention, known)) {
        Some(known) => *known = mention,
        None => mentions.push(mention),
    }
}

/// FNV-1a: a few bytes at a time is all there is, and texts cannot make the words of a lexicon.
fn hash(bytes: &[u8]) -> usize {
    let hash = bytes
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    usize::try_from(hash ^ (hash >> 15)).unwrap_or(0)
}

/// Narrows a place in a text; texts are far shorter than what is cut off here.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Stands for every word that no phrase has.
const UNKNOWN: u16 = u16::MAX;

/// Longest phrase, in words: whole sentences are not looked for.
const PHRASE_WORDS_MAX: usize = 8;
/// Most phrases: ten times what the shipped lexicon of two languages is expected to need.
const LEXICON_PHRASES_MAX: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        let mut draft = Draft::default();
        for (concept, phrase) in [
            (Concept::LegalAdvice, "legal advice"),
            (Concept::LegalAdvice, "legal"),
            (Concept::LegalAdvice, "legal advice fee"),
            (Concept::Bail, "bail"),
            (Concept::Warrant, "warrant"),
            (Concept::Warrant, "warrants"),
            (Concept::RefundPromise, "advice refund"),
        ] {
            draft.phrase(concept, phrase).unwrap();
        }
        draft.exception(Concept::LegalAdvice, "Legal & General").unwrap();
        draft.exception(Concept::Warrant, "share warrants").unwrap();
        draft.compile()
    }

    #[track_caller]
    fn check(text: &str, want: &[(Concept, u32, u32)]) {
        let mut mentions = Vec::new();
        lexicon().mentions(Source::Reference, text, &mut mentions);
        let found: Vec<_> =
            mentions.iter().map(|found| (found.concept, found.from, found.until)).collect();
        assert_eq!(found, want, "{text:?}");
    }

    #[test]
    fn phrases_are_whole_words_in_a_row() {
        check("", &[]);
        check("rent for May", &[]);
        check("BAIL", &[(Concept::Bail, 0, 4)]);
        check("Bailey", &[]);
        check("bailiff", &[]);
        check("for bail, please", &[(Concept::Bail, 4, 8)]);
        check("advice legal", &[(Concept::LegalAdvice, 7, 12)]);
    }

    #[test]
    fn the_longest_phrase_of_a_concept_stands_for_the_shorter_ones() {
        check("Legal-Advice", &[(Concept::LegalAdvice, 0, 12)]);
        check("legal advice fee 3", &[(Concept::LegalAdvice, 0, 16)]);
        check("legal x advice", &[(Concept::LegalAdvice, 0, 5)]);
    }

    #[test]
    fn concepts_may_overlap() {
        check(
            "legal advice refund",
            &[(Concept::LegalAdvice, 0, 12), (Concept::RefundPromise, 6, 19)],
        );
    }

    #[test]
    fn what_lies_inside_an_exception_is_not_meant() {
        check("Legal & General", &[]);
        check("legal general legal", &[(Concept::LegalAdvice, 14, 19)]);
        check("share warrants", &[]);
        check("warrants share", &[(Concept::Warrant, 0, 8)]);
        check("share warrants bail", &[(Concept::Bail, 15, 19)]);
    }

    #[test]
    fn mentions_are_added_after_those_of_other_texts() {
        let mut mentions = Vec::new();
        lexicon().mentions(Source::Reference, "bail", &mut mentions);
        lexicon().mentions(Source::Purpose, "bail", &mut mentions);
        let sources: Vec<_> = mentions.iter().map(|mention| mention.source).collect();
        assert_eq!(sources, [Source::Reference, Source::Purpose]);
    }

    #[test]
    fn a_text_yields_at_most_this_many() {
        let mut mentions = Vec::new();
        lexicon().mentions(Source::Reference, &"bail ".repeat(1000), &mut mentions);
        assert_eq!(mentions.len(), MENTIONS_MAX);
    }

    #[test]
    fn an_unusable_phrase_is_refused() {
        let mut draft = Draft::default();
        let add = |draft: &mut Draft, text: &str| draft.phrase(Concept::Bail, text);
        assert_eq!(add(&mut draft, "a b c d e f g h"), Ok(()));
        assert_eq!(add(&mut draft, "a b c d e f g h i"), Err(PhraseError::TooLong));
        assert_eq!(add(&mut draft, " - "), Err(PhraseError::Empty));
        assert_eq!(add(&mut draft, &"x".repeat(32)), Ok(()));
        assert_eq!(add(&mut draft, &"x".repeat(33)), Err(PhraseError::WordTooLong));
        assert_eq!(add(&mut draft, "Bail"), Ok(()));
        assert_eq!(add(&mut draft, "BAIL!"), Err(PhraseError::Twice));
    }

    #[test]
    fn an_empty_lexicon_finds_nothing() {
        let mut mentions = Vec::new();
        Draft::default().compile().mentions(Source::Reference, "bail", &mut mentions);
        assert_eq!(mentions, []);
    }
}
