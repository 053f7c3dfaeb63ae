//! Row: a text as numbers of the words of a vocabulary, with where each stands.
//!
//! Never holds the text itself, and never more than [`WORDS_MAX`] words of it.

/// Most words of one text that are looked at. A remittance of 140 characters holds 70.
pub const WORDS_MAX: usize = 80;

/// Stands for every word that no phrase has.
pub(super) const UNKNOWN: u16 = u16::MAX;

/// One word of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Its number, or [`UNKNOWN`].
    pub(super) word: u16,
    /// Another that may as well be meant, or [`UNKNOWN`].
    pub(super) other: u16,
    /// Words that it is the beginning of, where the text is cut off in it; else none.
    pub(super) cut: (u16, u16),
    /// Counts the letters that are there.
    pub(super) letters: u16,
    /// First byte in the text, inclusive.
    pub(super) from: u32,
    /// First byte after it.
    pub(super) until: u32,
}

/// The words of one text.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seen: [Seen; WORDS_MAX],
    pub(super) length: usize,
    known: bool,
}

impl Row {
    /// A row without words.
    pub(super) const EMPTY: Self = Self { seen: [Seen::NONE; WORDS_MAX], length: 0, known: false };

    /// Returns the words, or none where no word is of the vocabulary.
    pub(super) fn words(&self) -> &[Seen] {
        if self.known { self.seen.get(..self.length).unwrap_or(&[]) } else { &[] }
    }

    /// Adds a word, unless there are [`WORDS_MAX`] already.
    pub(super) fn push(&mut self, seen: Seen) {
        if let Some(slot) = self.seen.get_mut(self.length) {
            self.known |= seen.word != UNKNOWN || seen.cut.0 < seen.cut.1;
            *slot = seen;
            self.length = self.length.saturating_add(1);
        }
    }
}

impl Seen {
    /// A word that is unknown and nowhere.
    pub(super) const NONE: Self =
        Self { word: UNKNOWN, other: UNKNOWN, cut: (0, 0), letters: 0, from: 0, until: 0 };

    /// Tells whether it is `word`, or was going to be.
    pub(super) fn begins(&self, word: u16) -> bool {
        self.word == word || self.other == word || (self.cut.0 <= word && word < self.cut.1)
    }
}
