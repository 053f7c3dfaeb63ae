//! Vocabulary: the words of all phrases, numbered, and a text read as a row of those numbers.
//!
//! A word of a text is, in this order: a word of the vocabulary as it stands; the beginning of one
//! where the text fills its field; one with digits for letters; one with a slip; several that ran
//! together. Letters set apart and a word in two pieces are put together first. What is a plain word
//! by itself is never any of the last three.
//!
//! Never looks inside a word: "bailey" is unknown, because nothing is left over only where a word is
//! words of the vocabulary from end to end.

use std::ops::Range;

use crate::text::plain::is_plain;
use crate::text::slips::{Hashes, Slips};
use crate::text::words::{WORD_BYTES_MAX, Word, each_word};

/// Most words of one text that are looked at. A remittance of 140 characters holds 70.
pub const WORDS_MAX: usize = 80;

/// Stands for every word that no phrase has.
pub(super) const UNKNOWN: u16 = u16::MAX;

/// Words by their numbers.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// In order, so that the words of one beginning stand together.
    words: Vec<Box<str>>,
    /// Open addressing over `words`: number of the word plus one, 0 for a free place.
    places: Vec<u16>,
    /// For each small letter, the words that begin with it.
    initials: [(u16, u16); 26],
    slips: Slips,
}

/// One word of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Its number, or [`UNKNOWN`].
    pub(super) word: u16,
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
    seen: [Seen; WORDS_MAX],
    length: usize,
    known: bool,
}

impl Row {
    pub(super) const EMPTY: Self = Self { seen: [Seen::NONE; WORDS_MAX], length: 0, known: false };

    /// Returns the words, or none where no word is of the vocabulary.
    pub(super) fn words(&self) -> &[Seen] {
        if self.known { self.seen.get(..self.length).unwrap_or(&[]) } else { &[] }
    }

    fn push(&mut self, seen: Seen) {
        if let Some(slot) = self.seen.get_mut(self.length) {
            self.known |= seen.word != UNKNOWN || seen.cut.0 < seen.cut.1;
            *slot = seen;
            self.length = self.length.saturating_add(1);
        }
    }
}

impl Seen {
    const NONE: Self = Self { word: UNKNOWN, cut: (0, 0), letters: 0, from: 0, until: 0 };

    /// Tells whether it is `word`, or was going to be.
    pub(super) fn begins(&self, word: u16) -> bool {
        self.word == word || (self.cut.0 <= word && word < self.cut.1)
    }
}

/// Words that one word of a text is made of, by the letters they cover.
struct Pieces {
    list: [Piece; PIECES_MAX],
    length: usize,
}

#[derive(Clone, Copy)]
struct Piece {
    word: u16,
    cut: (u16, u16),
    from: usize,
    until: usize,
}

/// Letters that stand one by one: "L E G A L".
struct Apart {
    letters: [u8; WORD_BYTES_MAX],
    spans: [(usize, usize); WORD_BYTES_MAX],
    length: usize,
    /// Length of the row before the first of them.
    row: usize,
}

/// The word before this one.
struct Before {
    folded: [u8; WORD_BYTES_MAX],
    length: usize,
}

impl Vocabulary {
    /// Numbers `words`, which are in order.
    pub(super) fn of(words: Vec<Box<str>>) -> Self {
        // Three places in four stay free, so that a word that is not here is soon known not to be.
        let mut places = vec![0_u16; words.len().saturating_mul(4).next_power_of_two().max(4)];
        let mask = places.len().saturating_sub(1);
        for (number, word) in (1_u16..).zip(&words) {
            let mut at = wide(Hashes::of(word.as_bytes()).whole()) & mask;
            while places.get(at).is_some_and(|taken| *taken != 0) {
                at = at.wrapping_add(1) & mask;
            }
            if let Some(place) = places.get_mut(at) {
                *place = number;
            }
        }
        let mut initials = [(0, 0); 26];
        for (letter, initials) in (b'a'..).zip(&mut initials) {
            let before = |limit: u8| {
                let count = words.partition_point(|word| word.as_bytes().first() < Some(&limit));
                u16::try_from(count).unwrap_or(UNKNOWN)
            };
            *initials = (before(letter), before(letter.saturating_add(1)));
        }
        let slips = Slips::of(&words);
        Self { words, places, initials, slips }
    }

    /// Reads `text` into `row`; `filled` says that its last word may be cut off.
    pub(super) fn read(&self, text: &str, filled: bool, row: &mut Row) {
        let mut apart = Apart {
            letters: [0; WORD_BYTES_MAX],
            spans: [(0, 0); WORD_BYTES_MAX],
            length: 0,
            row: 0,
        };
        let mut before = Before { folded: [0; WORD_BYTES_MAX], length: 0 };
        each_word(text, |word| {
            let cut = filled && word.until == text.len();
            if let [letter] = word.folded {
                let number = self.find(word.folded);
                row.push(Seen { word: number, ..seen(&word, word.from, word.until) });
                if apart.length == 0 && self.join(&before, &word, row) {
                    before.length = 0;
                    return;
                }
                apart.push(*letter, &word, row);
                before.length = 0;
                if apart.length == 1 {
                    before.set(&word);
                }
                return;
            }
            self.put_together(&mut apart, false, row);
            let length = row.length;
            self.read_word(&word, cut, row);
            let whole = row.length == length.saturating_add(1);
            if whole && !self.join(&before, &word, row) {
                before.set(&word);
            } else {
                before.length = 0;
            }
        });
        self.put_together(&mut apart, filled, row);
    }

    /// Returns the number of a folded word, or [`UNKNOWN`].
    pub(super) fn find(&self, folded: &[u8]) -> u16 {
        self.find_hashed(folded, Hashes::of(folded).whole())
    }

    fn find_hashed(&self, folded: &[u8], hash: u32) -> u16 {
        let mask = self.places.len().saturating_sub(1);
        let mut at = wide(hash) & mask;
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

    /// Returns a word of the vocabulary.
    pub(super) fn word(&self, number: u16) -> &[u8] {
        self.words.get(usize::from(number)).map_or(&[], |word| word.as_bytes())
    }

    fn read_word(&self, word: &Word<'_>, cut: bool, row: &mut Row) {
        let hashes = Hashes::of(word.folded);
        let exact = self.find_hashed(word.folded, hashes.whole());
        if exact != UNKNOWN && !cut {
            return row.push(Seen { word: exact, ..seen(word, word.from, word.until) });
        }
        if cut {
            let range = self.beginning(word.folded);
            if !range.is_empty() {
                let cut = (range.start, range.end);
                return row.push(Seen { word: exact, cut, ..seen(word, word.from, word.until) });
            }
        }
        let pieces = self.spell(word.folded, &hashes, cut);
        if pieces.length == 0 {
            return row.push(seen(word, word.from, word.until));
        }
        // Where something fell away in between, nobody can tell which letter stood where.
        let exactly = word.until.saturating_sub(word.from) == word.folded.len();
        for piece in pieces.iter() {
            let (from, until) = if exactly {
                (word.from.saturating_add(piece.from), word.from.saturating_add(piece.until))
            } else {
                (word.from, word.until)
            };
            row.push(piece.seen(from, until));
        }
    }

    /// Returns the words that `folded`, which is none itself, was meant for.
    fn spell(&self, folded: &[u8], hashes: &Hashes, cut: bool) -> Pieces {
        if folded.iter().any(u8::is_ascii_digit) {
            return self.spell_digits(folded, cut);
        }
        if let Some(meant) = self.slips.find(hashes, folded, &self.words)
            && !is_plain(folded)
        {
            return Pieces::one(meant, folded.len());
        }
        self.split(folded, cut)
    }

    /// Reads digits as the letters they are drawn like, or else as what stands between words.
    fn spell_digits(&self, folded: &[u8], cut: bool) -> Pieces {
        let digits = folded.iter().filter(|byte| byte.is_ascii_digit()).count();
        if 4 <= folded.len() && digits.saturating_mul(2) <= folded.len() {
            for one in [b'i', b'l'] {
                let mut letters = [0; WORD_BYTES_MAX];
                for (letter, byte) in letters.iter_mut().zip(folded) {
                    *letter = drawn_like(*byte, one);
                }
                let letters = letters.get(..folded.len()).unwrap_or(&[]);
                let exact = self.find(letters);
                if exact != UNKNOWN {
                    return Pieces::one(exact, folded.len());
                }
                let split = self.split(letters, cut);
                if split.length != 0 {
                    return split;
                }
            }
        }
        let mut pieces = Pieces::NONE;
        let mut from = 0_usize;
        for run in folded.chunk_by(|one, next| one.is_ascii_digit() == next.is_ascii_digit()) {
            let until = from.saturating_add(run.len());
            let word = self.find(run);
            if word != UNKNOWN {
                pieces.push(Piece { word, cut: (0, 0), from, until });
            } else if run.first().is_some_and(u8::is_ascii_digit) {
                pieces.push(Piece { word: UNKNOWN, cut: (0, 0), from, until });
            } else {
                let split = self.split(run, cut && until == folded.len());
                if split.length == 0 {
                    pieces.push(Piece { word: UNKNOWN, cut: (0, 0), from, until });
                }
                for piece in split.iter() {
                    let (begin, end) = (piece.from, piece.until);
                    let (begin, end) = (from.saturating_add(begin), from.saturating_add(end));
                    pieces.push(Piece { from: begin, until: end, ..*piece });
                }
            }
            from = until;
        }
        if pieces.iter().all(|piece| piece.word == UNKNOWN && piece.cut == (0, 0)) {
            return Pieces::NONE;
        }
        pieces
    }

    /// Splits what ran together into words of the vocabulary, nothing left over but, in a text that
    /// is cut off, the beginning of another.
    fn split(&self, folded: &[u8], cut: bool) -> Pieces {
        let mut pieces = Pieces::NONE;
        let mut dead = 0_u64;
        if SPLIT_LETTERS_MIN <= folded.len()
            && self.split_from(folded, 0, cut, &mut pieces, &mut dead)
            && !is_plain(folded)
        {
            return pieces;
        }
        Pieces::NONE
    }

    /// Splits `folded` from `from` on, the longest word first; `dead` has a bit for each place from
    /// which it is known to go no further.
    fn split_from(
        &self,
        folded: &[u8],
        from: usize,
        cut: bool,
        pieces: &mut Pieces,
        dead: &mut u64,
    ) -> bool {
        if from == folded.len() {
            return 2 <= pieces.length;
        }
        let here = u32::try_from(from).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or(0);
        if *dead & here != 0 || PIECES_MAX <= pieces.length {
            return false;
        }
        let rest = folded.get(from..).unwrap_or(&[]);
        // A bit for each length of a word that stands here.
        let mut lengths = 0_u64;
        let mut range = self.initial(rest);
        for length in 1..=rest.len() {
            let part = rest.get(..length).unwrap_or(&[]);
            if 1 < length {
                range = self.narrow(range, part);
            }
            if range.is_empty() {
                break;
            }
            // In order, the word itself stands before those that go on.
            if self.word(range.start).len() == length && 2 <= length {
                lengths |=
                    u32::try_from(length).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or(0);
            }
        }
        let kept = pieces.length;
        while lengths != 0 {
            let longest = 63_u32.saturating_sub(lengths.leading_zeros());
            lengths &= !1_u64.checked_shl(longest).unwrap_or(0);
            let length = usize::try_from(longest).unwrap_or(0);
            let until = from.saturating_add(length);
            let word = self.find(rest.get(..length).unwrap_or(&[]));
            pieces.length = kept;
            pieces.push(Piece { word, cut: (0, 0), from, until });
            if self.split_from(folded, until, cut, pieces, dead) {
                return true;
            }
        }
        pieces.length = kept;
        if cut && 0 < from {
            let range = self.beginning(rest);
            if 2 < rest.len() && !range.is_empty() {
                let cut = (range.start, range.end);
                pieces.push(Piece { word: UNKNOWN, cut, from, until: folded.len() });
                return true;
            }
            if rest.len() <= 2 && 2 <= kept {
                return true;
            }
        }
        *dead |= here;
        false
    }

    /// Puts letters together that stood one by one, where words come of it.
    fn put_together(&self, apart: &mut Apart, cut: bool, row: &mut Row) {
        let length = std::mem::take(&mut apart.length);
        if length < APART_MIN {
            return;
        }
        let folded = apart.letters.get(..length).unwrap_or(&[]);
        let hashes = Hashes::of(folded);
        let exact = self.find_hashed(folded, hashes.whole());
        let pieces = if exact == UNKNOWN {
            self.spell(folded, &hashes, cut)
        } else {
            Pieces::one(exact, length)
        };
        if pieces.length == 0 {
            return;
        }
        row.length = apart.row;
        for piece in pieces.iter() {
            let from = apart.spans.get(piece.from).map_or(0, |span| span.0);
            let until = piece.until.checked_sub(1).and_then(|last| apart.spans.get(last));
            row.push(piece.seen(from, until.map_or(from, |span| span.1)));
        }
    }

    /// Puts `word` and the one before it together where they are two pieces of one; tells whether.
    fn join(&self, before: &Before, word: &Word<'_>, row: &mut Row) -> bool {
        let length = before.length.saturating_add(word.folded.len());
        if before.length == 0 || !(4..=WORD_BYTES_MAX).contains(&length) {
            return false;
        }
        let Some(at) = row.length.checked_sub(2) else { return false };
        let Some([first, second]) = row.seen.get(at..row.length) else { return false };
        if first.word != UNKNOWN && (second.word != UNKNOWN || second.cut != (0, 0)) {
            return false;
        }
        let mut folded = before.folded;
        let rest = folded.iter_mut().skip(before.length);
        rest.zip(word.folded).for_each(|(slot, byte)| *slot = *byte);
        let number = self.find(folded.get(..length).unwrap_or(&[]));
        if number == UNKNOWN {
            return false;
        }
        // "RE FUND" are two words; "WARR ANT" is one. A short one must be none of both.
        let head = is_plain(before.folded.get(..before.length).unwrap_or(&[]));
        let tail = is_plain(word.folded);
        if (head && tail) || (length < 5 && (head || tail)) {
            return false;
        }
        let (from, until) = (first.from, second.until);
        row.length = at;
        row.push(Seen { word: number, cut: (0, 0), letters: narrow(length), from, until });
        true
    }

    /// Returns the words that begin with `letters`.
    fn beginning(&self, letters: &[u8]) -> Range<u16> {
        self.narrow(self.initial(letters), letters)
    }

    /// Returns the words that begin with the first of `letters`.
    fn initial(&self, letters: &[u8]) -> Range<u16> {
        let letter = letters.first().and_then(|letter| letter.checked_sub(b'a'));
        let initial = letter.and_then(|letter| self.initials.get(usize::from(letter)));
        initial.map_or(0..0, |(from, until)| *from..*until)
    }

    /// Returns the words among `range` that begin with `letters`.
    fn narrow(&self, range: Range<u16>, letters: &[u8]) -> Range<u16> {
        let among = usize::from(range.start)..usize::from(range.end);
        let words = self.words.get(among).unwrap_or(&[]);
        let from = words.partition_point(|word| word.as_bytes() < letters);
        let rest = words.get(from..).unwrap_or(&[]);
        let count = rest.partition_point(|word| word.as_bytes().starts_with(letters));
        let from = range.start.saturating_add(narrow(from));
        from..from.saturating_add(narrow(count))
    }
}

impl Pieces {
    const NONE: Self = Self {
        list: [Piece { word: UNKNOWN, cut: (0, 0), from: 0, until: 0 }; PIECES_MAX],
        length: 0,
    };

    fn one(word: u16, until: usize) -> Self {
        let mut pieces = Self::NONE;
        pieces.push(Piece { word, cut: (0, 0), from: 0, until });
        pieces
    }

    fn push(&mut self, piece: Piece) {
        if let Some(slot) = self.list.get_mut(self.length) {
            *slot = piece;
            self.length = self.length.saturating_add(1);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.list.get(..self.length).unwrap_or(&[]).iter()
    }
}

impl Piece {
    fn seen(&self, from: usize, until: usize) -> Seen {
        Seen {
            word: self.word,
            cut: self.cut,
            letters: narrow(self.until.saturating_sub(self.from)),
            from: narrow_place(from),
            until: narrow_place(until),
        }
    }
}

impl Apart {
    /// Adds a letter that the row already ends with.
    fn push(&mut self, letter: u8, word: &Word<'_>, row: &Row) {
        if self.length == 0 {
            self.row = row.length.saturating_sub(1);
        }
        let slots = (self.letters.get_mut(self.length), self.spans.get_mut(self.length));
        if let (Some(slot), Some(span)) = slots {
            *slot = letter;
            *span = (word.from, word.until);
            self.length = self.length.saturating_add(1);
        }
    }
}

impl Before {
    fn set(&mut self, word: &Word<'_>) {
        for (slot, byte) in self.folded.iter_mut().zip(word.folded) {
            *slot = *byte;
        }
        self.length = word.folded.len();
    }
}

fn seen(word: &Word<'_>, from: usize, until: usize) -> Seen {
    let letters = narrow(word.folded.len());
    Seen { letters, from: narrow_place(from), until: narrow_place(until), ..Seen::NONE }
}

/// Returns the letter that a digit is drawn like; a one may be either of two.
const fn drawn_like(byte: u8, one: u8) -> u8 {
    match byte {
        b'0' => b'o',
        b'1' => one,
        b'3' => b'e',
        b'4' => b'a',
        b'5' => b's',
        b'6' => b'g',
        b'7' => b't',
        b'8' => b'b',
        other => other,
    }
}

/// Narrows a count of letters or of words, all of which are far smaller than what is cut off here.
fn narrow(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(UNKNOWN)
}

/// Narrows a place in a text; texts are far shorter than what is cut off here.
fn narrow_place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn wide(hash: u32) -> usize {
    usize::try_from(hash).unwrap_or(0)
}

/// Most words that one is split into: a long reference of short words.
const PIECES_MAX: usize = 8;
/// Shortest word that is split: two of three letters.
const SPLIT_LETTERS_MIN: usize = 6;
/// Fewest letters set apart that are put together: two are somebody's initials.
const APART_MIN: usize = 3;
