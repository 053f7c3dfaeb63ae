//! Lexicon: phrases and the concepts they mention, compiled once and looked up ever after.
//!
//! The words of all phrases are numbered, a text becomes a row of those numbers, and phrases are
//! compared as rows. An exception is a phrase in which the concept is not meant ("Legal & General"):
//! a mention that lies inside one is dropped. So is one behind a word that denies it ("not police").
//!
//! Where a text fills its field, its last word may be cut off: a phrase then needs four letters of
//! it, an exception needs one, because what might have been harmless is.
//!
//! Never allocates for a text that mentions nothing, and never looks at more than [`WORDS_MAX`]
//! words of one. Compiling is bounded too: the phrase after the 4,000th is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::text::plain::begins_others;
use crate::text::row::{Row, Seen, UNKNOWN};
use crate::text::vocabulary::Vocabulary;
use crate::text::words::each_word;
use crate::text::{Concept, Hazard, Mention, Source};

pub use crate::text::row::WORDS_MAX;

/// Most mentions taken from one text: more tell nothing new.
pub const MENTIONS_MAX: usize = 16;

/// Phrases being collected.
#[derive(Debug, Default)]
pub struct Draft {
    phrases: BTreeMap<Spelled, Origin>,
    negations: BTreeSet<Box<str>>,
    added: usize,
}

/// Compiled phrases.
#[derive(Debug)]
pub struct Lexicon {
    vocabulary: Vocabulary,
    /// Sorted by first word, so that the phrases of one first word stand together.
    phrases: Vec<Phrase>,
    /// For each word, the phrases that begin with it.
    first: Vec<Range<usize>>,
    /// Words that deny what follows them, in order.
    negations: Vec<u16>,
}

/// A phrase as a lexicon lists it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listed<'a> {
    /// What it mentions.
    pub concept: Concept,
    /// As it is written there.
    pub text: &'a str,
    /// Whether the concept is not meant in it.
    pub excepted: bool,
    /// Line of the file it stands on, from 1; 0 where it stands in none.
    pub line: u32,
}

/// A mention and the phrase that makes it one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spoken<'a> {
    /// Where.
    pub mention: Mention,
    /// By which phrase; by the longest where several of a concept overlap.
    pub phrase: Listed<'a>,
}

/// Why a phrase cannot be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PhraseError {
    /// Nothing in it is a letter or digit.
    #[error("a phrase needs at least one word")]
    Empty,
    /// A word of it is longer than words are compared.
    #[error("a word of a phrase may have at most {PHRASE_WORD_BYTES_MAX} letters")]
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
    /// It is to deny what follows, and is not one word.
    #[error("what denies a phrase is one word")]
    NotOneWord,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Spelled {
    words: Vec<Box<str>>,
    concept: Concept,
}

/// Where a phrase comes from.
#[derive(Debug)]
struct Origin {
    text: Box<str>,
    line: u32,
    excepted: bool,
}

#[derive(Debug)]
struct Phrase {
    words: Vec<u16>,
    concept: Concept,
    origin: Origin,
}

impl Draft {
    /// Adds a phrase that mentions `concept`.
    pub fn phrase(&mut self, concept: Concept, text: &str) -> Result<(), PhraseError> {
        self.add(Listed { concept, text, excepted: false, line: 0 })
    }

    /// Adds a phrase in which `concept` is not meant.
    pub fn exception(&mut self, concept: Concept, text: &str) -> Result<(), PhraseError> {
        self.add(Listed { concept, text, excepted: true, line: 0 })
    }

    /// Adds a phrase with the line it stands on.
    pub fn add(&mut self, listed: Listed<'_>) -> Result<(), PhraseError> {
        if LEXICON_PHRASES_MAX <= self.added {
            return Err(PhraseError::Full);
        }
        let Listed { concept, text, excepted, line } = listed;
        let words = match spelled(text) {
            Ok(words) => words,
            // Texts are folded further than they once were, and what was a phrase stays one: in a
            // form that nothing is folded to, it is found in no text.
            Err(_) if plainly(text).is_ok() => vec![format!(" {text}").into()],
            Err(error) => return Err(error),
        };
        let spelled = Spelled { words, concept };
        if let Some(known) = self.phrases.get(&spelled) {
            let same = (text.is_ascii() && known.text.is_ascii()) || *known.text == *text;
            return if same { Err(PhraseError::Twice) } else { Ok(()) };
        }
        self.phrases.insert(spelled, Origin { text: text.into(), line, excepted });
        self.added = self.added.saturating_add(1);
        Ok(())
    }

    /// Adds a word that denies what follows it, such as "not".
    pub fn negation(&mut self, word: &str) -> Result<(), PhraseError> {
        if NEGATIONS_MAX <= self.negations.len() {
            return Err(PhraseError::Full);
        }
        let words = spelled(word)?;
        let [word] = &*words else { return Err(PhraseError::NotOneWord) };
        if self.negations.insert(word.clone()) { Ok(()) } else { Err(PhraseError::Twice) }
    }

    /// Compiles what was added.
    pub fn compile(self) -> Lexicon {
        let spoken = self.phrases.keys().flat_map(|phrase| &phrase.words);
        let mut words: BTreeSet<Box<str>> = spoken.chain(&self.negations).cloned().collect();
        words.extend(FILLERS.iter().map(|filler| (*filler).into()));
        let words = Vec::from_iter(words);
        let number = |word: &str| {
            let place = words.binary_search_by(|known| (**known).cmp(word)).ok();
            // INVARIANT: 4,000 phrases of 8 words are 32,000 words, which a u16 holds.
            place.and_then(|place| u16::try_from(place).ok()).unwrap_or(UNKNOWN)
        };
        let negations = self.negations.iter().map(|word| number(word)).collect();

        // In the order of their words, which is that of the numbers of their words.
        let phrases: Vec<_> = self
            .phrases
            .into_iter()
            .map(|(Spelled { words, concept }, origin)| Phrase {
                words: words.iter().map(|word| number(word)).collect(),
                concept,
                origin,
            })
            .collect();
        let mut first = vec![0..0; words.len()];
        for (at, phrase) in phrases.iter().enumerate() {
            let word = phrase.words.first().copied().map_or(usize::MAX, usize::from);
            if let Some(range) = first.get_mut(word) {
                let from = if range.start == range.end { at } else { range.start };
                *range = from..at.saturating_add(1);
            }
        }
        Lexicon { vocabulary: Vocabulary::of(words), phrases, first, negations }
    }
}

/// Returns the words of a phrase.
fn spelled(text: &str) -> Result<Vec<Box<str>>, PhraseError> {
    let mut words: Vec<Box<str>> = Vec::new();
    let mut too_long = PHRASE_TEXT_BYTES_MAX < text.len();
    each_word(text, |word| match std::str::from_utf8(word.folded) {
        Ok(folded) if !folded.is_empty() && folded.len() <= PHRASE_WORD_BYTES_MAX => {
            words.push(folded.into());
        }
        _ => too_long = true,
    });
    match words.len() {
        _ if too_long => Err(PhraseError::WordTooLong),
        0 => Err(PhraseError::Empty),
        1..=PHRASE_WORDS_MAX => Ok(words),
        _ => Err(PhraseError::TooLong),
    }
}

/// Tells whether `text` is a phrase where letters are put in lower case and not folded further.
fn plainly(text: &str) -> Result<(), PhraseError> {
    let words = text.split(|part: char| !part.is_alphanumeric());
    let mut count = 0_usize;
    for word in words.filter(|word| !word.is_empty()) {
        count = count.saturating_add(1);
        if PHRASE_WORD_BYTES_MAX < word.to_lowercase().len() {
            return Err(PhraseError::WordTooLong);
        }
    }
    match count {
        0 => Err(PhraseError::Empty),
        1..=PHRASE_WORDS_MAX => Ok(()),
        _ => Err(PhraseError::TooLong),
    }
}

impl Lexicon {
    /// Appends what `text` mentions, in the order of where it begins, at most [`MENTIONS_MAX`].
    pub fn mentions(&self, source: Source, text: &str, mentions: &mut Vec<Mention>) {
        self.speak(source, text, mentions, |_, mention| mention);
    }

    /// Returns what `text` mentions, with the phrases that say so, in the same order.
    pub fn spoken(&self, source: Source, text: &str) -> Vec<Spoken<'_>> {
        let mut spoken = Vec::new();
        self.speak(source, text, &mut spoken, |phrase, mention| Spoken {
            mention,
            phrase: phrase.listed(),
        });
        spoken
    }

    /// Returns the phrases and exceptions, in the order of their lines.
    pub fn listed(&self) -> Vec<Listed<'_>> {
        let mut listed: Vec<_> = self.phrases.iter().map(Phrase::listed).collect();
        listed.sort_by_key(|listed| listed.line);
        listed
    }

    /// Tells whether a text that is nothing but `phrase` mentions its concept. A phrase that does
    /// not is one that no text can match: it stands inside an exception, or behind its own denial.
    pub fn speaks(&self, phrase: &Listed<'_>) -> bool {
        let spoken = self.spoken(Source::Answer, phrase.text);
        spoken.iter().any(|spoken| spoken.mention.concept == phrase.concept)
    }

    /// Tells whether some phrase of its concept stands inside `exception`, or could seem to where the
    /// text is cut off in its last word: one in which nothing would be mentioned excepts nothing.
    pub fn excepts_something(&self, exception: &Listed<'_>) -> bool {
        let mut row = Row::EMPTY;
        self.vocabulary.read(exception.text, false, &mut row);
        let row = row.words();
        let last = row.last().map_or(&[][..], |seen| self.vocabulary.word(seen.word));
        let begun = last.get(..CUT_LETTERS_MIN).filter(|_| row.len() == 1);
        let meant =
            |phrase: &&Phrase| !phrase.origin.excepted && phrase.concept == exception.concept;
        let begins = |phrase: &Phrase| match (&*phrase.words, begun) {
            ([word], Some(begun)) => self.vocabulary.word(*word).starts_with(begun),
            _ => false,
        };
        (0..row.len()).any(|at| self.beginning(row, at).any(|phrase| meant(&phrase)))
            || self.phrases.iter().filter(meant).any(begins)
    }

    /// Returns the phrases that mention something in a text in which it is not meant.
    pub fn hits(&self, hazard: &Hazard) -> Vec<Spoken<'_>> {
        let mut spoken = self.spoken(Source::Reference, hazard.text);
        spoken.retain(|spoken| !hazard.allowed.contains(&spoken.mention.concept));
        spoken
    }

    /// Counts phrases, exceptions included.
    pub fn phrases(&self) -> usize {
        self.phrases.len()
    }

    /// Appends what `each` makes of every mention.
    fn speak<'l, T: Speech>(
        &'l self,
        source: Source,
        text: &str,
        found: &mut Vec<T>,
        each: impl Fn(&'l Phrase, Mention) -> T,
    ) {
        let mut row = Row::EMPTY;
        // Longer than any field is filled too; only the end of a text is worth counting it for.
        self.vocabulary.read(text, source.filled(text.chars().count()), &mut row);
        let row = row.words();
        let before = found.len();
        for at in 0..row.len() {
            for phrase in self.beginning(row, at).filter(|phrase| !phrase.origin.excepted) {
                let spoken = at..at.saturating_add(phrase.words.len());
                let full = MENTIONS_MAX <= found.len().saturating_sub(before);
                if full || !self.meant(row, &spoken, phrase) {
                    continue;
                }
                let from = row.get(at).map_or(0, |seen| seen.from);
                let last = row.get(spoken.end.saturating_sub(1));
                let until = last.map_or(from, |seen| seen.until);
                let mention = Mention { concept: phrase.concept, source, from, until };
                add(each(phrase, mention), before, found);
            }
        }
    }

    /// Tells whether the words `spoken` are the phrase, are not denied and lie in no exception.
    fn meant(&self, row: &[Seen], spoken: &Range<usize>, phrase: &Phrase) -> bool {
        let last = row.get(spoken.end.saturating_sub(1));
        let meant = phrase.words.last().copied().unwrap_or(UNKNOWN);
        let cut_off = last.is_some_and(|last| last.word != meant && last.other != meant);
        if let Some(last) = last.filter(|_| cut_off) {
            let word = self.vocabulary.word(meant);
            let letters = usize::from(last.letters);
            let begun = word.get(..letters).unwrap_or(word);
            // Alone, four letters could be the beginning of many a word.
            let alone = phrase.words.len() == 1 && letters == CUT_LETTERS_MIN;
            if letters < CUT_LETTERS_MIN || (alone && begins_others(begun, word)) {
                return false;
            }
        }
        !self.denied(row, spoken.start) && !self.excepts(row, spoken, phrase.concept)
    }

    /// Tells whether a word that denies stands before the word at `at`, with two short words between
    /// them at most: "not police", "not for the police", "no court fee".
    fn denied(&self, row: &[Seen], at: usize) -> bool {
        let denies = |at: usize| {
            let word = row.get(at).map_or(UNKNOWN, |seen| seen.word);
            self.negations.binary_search(&word).is_ok()
        };
        let Some(before) = at.checked_sub(1) else { return false };
        let short = |at: usize| row.get(at).is_some_and(|seen| seen.letters <= SHORT_LETTERS_MAX);
        denies(before)
            || (short(before)
                && before.checked_sub(1).is_some_and(|further| {
                    denies(further)
                        || (short(further) && further.checked_sub(1).is_some_and(denies))
                }))
    }

    /// Tells whether the words `spoken` lie inside an exception to `concept`.
    fn excepts(&self, row: &[Seen], spoken: &Range<usize>, concept: Concept) -> bool {
        let earliest = spoken.end.saturating_sub(PHRASE_WORDS_MAX);
        (earliest..=spoken.start).any(|at| {
            self.beginning(row, at).any(|phrase| {
                let end = at.saturating_add(phrase.words.len());
                phrase.origin.excepted && phrase.concept == concept && spoken.end <= end
            })
        })
    }

    /// Returns the phrases that the words of `row` from `at` on spell, the last word of a text that
    /// is cut off standing for every word that begins with it.
    fn beginning<'l, 'r>(
        &'l self,
        row: &'r [Seen],
        at: usize,
    ) -> impl Iterator<Item = &'l Phrase> + use<'l, 'r> {
        let rest = row.get(at..).unwrap_or(&[]);
        let [begun, other] = rest.first().map_or([0..0, 0..0], |seen| self.begun(seen));
        let phrases = self.phrases.get(begun).unwrap_or(&[]).iter();
        phrases.chain(self.phrases.get(other).unwrap_or(&[])).filter(move |phrase| {
            phrase.words.len() <= rest.len()
                && phrase.words.iter().zip(rest).all(|(word, seen)| seen.begins(*word))
        })
    }

    /// Returns the phrases whose first word `seen` is or begins.
    fn begun(&self, seen: &Seen) -> [Range<usize>; 2] {
        let of = |word: u16| self.first.get(usize::from(word)).cloned().unwrap_or(0..0);
        let (from, until) = seen.cut;
        if until <= from || usize::from(seen.letters) < CUT_LETTERS_MIN {
            return [of(seen.word), of(seen.other)];
        }
        let ranges = (from..until).map(of).filter(|range| !range.is_empty());
        [ranges.reduce(|all, next| all.start..next.end).unwrap_or(0..0), 0..0]
    }
}

impl Phrase {
    fn listed(&self) -> Listed<'_> {
        let Origin { text, line, excepted } = &self.origin;
        Listed { concept: self.concept, text, excepted: *excepted, line: *line }
    }
}

/// What holds a mention.
trait Speech {
    fn mention(&self) -> &Mention;
}

impl Speech for Mention {
    fn mention(&self) -> &Mention {
        self
    }
}

impl Speech for Spoken<'_> {
    fn mention(&self) -> &Mention {
        &self.mention
    }
}

/// Adds `new` unless a longer mention of the same concept already covers it; replaces the ones that
/// it covers. Only mentions from `before` on are of this text.
fn add<T: Speech>(new: T, before: usize, mentions: &mut Vec<T>) {
    let covers = |one: &T, other: &T| {
        let (one, other) = (one.mention(), other.mention());
        one.concept == other.concept && one.from <= other.from && other.until <= one.until
    };
    let this_text = mentions.get_mut(before..).unwrap_or(&mut []);
    if this_text.iter().any(|known| covers(known, &new)) {
        return;
    }
    match this_text.iter_mut().find(|known| covers(&new, known)) {
        Some(known) => *known = new,
        None => mentions.push(new),
    }
}

/// Longest phrase, in words: whole sentences are not looked for.
const PHRASE_WORDS_MAX: usize = 8;
/// Longest word of a phrase, in bytes. The longest Welsh one so far has 13.
const PHRASE_WORD_BYTES_MAX: usize = 32;
/// Longest phrase, in bytes: the longest words, and as much between them.
const PHRASE_TEXT_BYTES_MAX: usize = 512;
/// Most phrases: ten times what the first lexicon of two languages was expected to need.
const LEXICON_PHRASES_MAX: usize = 4_000;
/// Most words that deny: a dozen a language.
const NEGATIONS_MAX: usize = 64;
/// Fewest letters of a word that is cut off: "warr" may be a warrant, "war" is anything.
const CUT_LETTERS_MIN: usize = 4;
/// Longest word that may stand between a denial and what it denies: "not for the police".
const SHORT_LETTERS_MAX: u16 = 3;

/// Words that run together with those of phrases and mean nothing: "PAYFORLEGALADVICE".
const FILLERS: &[&str] = &[
    "and", "by", "for", "from", "mr", "mrs", "ms", "my", "of", "on", "our", "pay", "paying",
    "payment", "ref", "the", "to", "with", "your",
];

#[cfg(test)]
mod tests;
