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
use crate::text::row::{Row, Seen, UNKNOWN};
use crate::text::slips::{Hashes, Slips};
use crate::text::words::{WORD_BYTES_MAX, Word, each_word};

/// Words by their numbers.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// In order, so that the words of one beginning stand together.
    words: Vec<Box<str>>,
    /// Open addressing over `words`: number of the word plus one, 0 for a free place.
    places: Vec<u16>,
    /// For each two small letters, the words that begin with them.
    pairs: Vec<(u16, u16)>,
    /// A bit for each three small letters that words begin with: most words of texts end here.
    threes: Vec<u64>,
    slips: Slips,
}

/// Words that one word of a text is made of, by the letters they cover.
struct Pieces {
    list: [Piece; PIECES_MAX],
    length: usize,
    /// A bit for each letter from which nothing is known to go further.
    dead: u64,
}

#[derive(Clone, Copy)]
struct Piece {
    word: u16,
    other: u16,
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
    /// Hash of it, as it goes on in a longer word.
    hash: u32,
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
        let mut pairs = vec![(0, 0); PAIRS];
        let mut threes = vec![0_u64; PAIRS.saturating_mul(26).div_ceil(64)];
        for (number, word) in (0_u16..).zip(&words) {
            if let Some(range) = pair(word.as_bytes()).and_then(|pair| pairs.get_mut(pair)) {
                let from = if range.0 == range.1 { number } else { range.0 };
                *range = (from, number.saturating_add(1));
            }
            if let Some((place, bit)) = three(word.as_bytes())
                && let Some(bits) = threes.get_mut(place)
            {
                *bits |= bit;
            }
        }
        let slips = Slips::of(&words);
        Self { words, places, pairs, threes, slips }
    }

    /// Reads `text` into `row`; `filled` says that its last word may be cut off.
    pub(super) fn read(&self, text: &str, filled: bool, row: &mut Row) {
        let mut apart = Apart {
            letters: [0; WORD_BYTES_MAX],
            spans: [(0, 0); WORD_BYTES_MAX],
            length: 0,
            row: 0,
        };
        let mut before = Before { folded: [0; WORD_BYTES_MAX], length: 0, hash: 0 };
        each_word(text, |word| {
            let cut = filled && word.until == text.len();
            let hashes = Hashes::of(word.folded);
            if let [letter] = word.folded {
                let begun = if cut { self.beginning(word.folded) } else { 0..0 };
                let length = row.length;
                row.push(Seen {
                    word: self.find_hashed(word.folded, hashes.whole()),
                    cut: (begun.start, begun.end),
                    ..seen(&word, word.from, word.until)
                });
                if row.length == length {
                    return;
                }
                if apart.length == 0 && self.join(&before, &word, &hashes, row) {
                    before.length = 0;
                    return;
                }
                apart.push(*letter, &word, row);
                before.length = 0;
                if apart.length == 1 {
                    before.set(&word, &hashes);
                }
                return;
            }
            self.put_together(&mut apart, false, row);
            let length = row.length;
            self.read_word(&word, &hashes, cut, row);
            let whole = row.length == length.saturating_add(1);
            if whole && !self.join(&before, &word, &hashes, row) {
                before.set(&word, &hashes);
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
        let mut at = self.place(hash);
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

    /// Returns where the word of a hash stands, unless others of its place came first.
    fn place(&self, hash: u32) -> usize {
        usize::try_from(hash).unwrap_or(0) & self.places.len().saturating_sub(1)
    }

    /// Returns a word of the vocabulary.
    pub(super) fn word(&self, number: u16) -> &[u8] {
        self.words.get(usize::from(number)).map_or(&[], |word| word.as_bytes())
    }

    fn read_word(&self, word: &Word<'_>, hashes: &Hashes, cut: bool, row: &mut Row) {
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
        let Some(pieces) = self.spell(word.folded, hashes, cut) else {
            return row.push(seen(word, word.from, word.until));
        };
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
    fn spell(&self, folded: &[u8], hashes: &Hashes, cut: bool) -> Option<Pieces> {
        if folded.iter().any(u8::is_ascii_digit) {
            return self.spell_digits(folded, cut);
        }
        if let [Some(meant), other] = self.slips.find(hashes, folded, &self.words)
            && !is_plain(folded)
        {
            let mut pieces = Pieces::one(meant, folded.len());
            if let Some(first) = pieces.list.first_mut() {
                first.other = other.unwrap_or(UNKNOWN);
            }
            return Some(pieces);
        }
        self.split(folded, cut)
    }

    /// Reads digits as the letters they are drawn like, or else as what stands between words.
    fn spell_digits(&self, folded: &[u8], cut: bool) -> Option<Pieces> {
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
                    return Some(Pieces::one(exact, folded.len()));
                }
                let split = self.split(letters, cut);
                if split.is_some() {
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
                pieces.push(Piece { word, from, until, ..Piece::NONE });
            } else if run.first().is_some_and(u8::is_ascii_digit) {
                pieces.push(Piece { from, until, ..Piece::NONE });
            } else if let Some(split) = self.split(run, cut && until == folded.len()) {
                for piece in split.iter() {
                    let (begin, end) = (piece.from, piece.until);
                    let (begin, end) = (from.saturating_add(begin), from.saturating_add(end));
                    pieces.push(Piece { from: begin, until: end, ..*piece });
                }
            } else {
                pieces.push(Piece { from, until, ..Piece::NONE });
            }
            from = until;
        }
        let known = |piece: &Piece| piece.word != UNKNOWN || piece.cut != (0, 0);
        let any = pieces.iter().any(known);
        any.then_some(pieces)
    }

    /// Splits what ran together into words of the vocabulary, nothing left over but, in a text that
    /// is cut off, the beginning of another.
    fn split(&self, folded: &[u8], cut: bool) -> Option<Pieces> {
        let lengths = self.lengths(folded);
        if folded.len() < SPLIT_LETTERS_MIN || lengths == 0 {
            return None;
        }
        let mut pieces = Pieces::NONE;
        let split = self.split_from(folded, (0, lengths), cut, &mut pieces);
        (split && !is_plain(folded)).then_some(pieces)
    }

    /// Splits `folded` from `from` on, where words of `lengths` stand, the longest first.
    fn split_from(
        &self,
        folded: &[u8],
        (from, mut lengths): (usize, u64),
        cut: bool,
        pieces: &mut Pieces,
    ) -> bool {
        if from == folded.len() {
            return 2 <= pieces.length;
        }
        let here = u32::try_from(from).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or(0);
        if pieces.dead & here != 0 || PIECES_MAX <= pieces.length {
            return false;
        }
        let rest = folded.get(from..).unwrap_or(&[]);
        let range = if cut && 0 < from { self.beginning(rest) } else { 0..0 };
        if 2 < rest.len() && !range.is_empty() {
            let cut = (range.start, range.end);
            let word = self.find(rest);
            pieces.push(Piece { word, cut, from, until: folded.len(), ..Piece::NONE });
            return true;
        }
        let kept = pieces.length;
        while lengths != 0 {
            let longest = 63_u32.saturating_sub(lengths.leading_zeros());
            lengths &= !1_u64.checked_shl(longest).unwrap_or(0);
            let length = usize::try_from(longest).unwrap_or(0);
            let until = from.saturating_add(length);
            let word = self.find(rest.get(..length).unwrap_or(&[]));
            pieces.length = kept;
            pieces.push(Piece { word, from, until, ..Piece::NONE });
            let next = self.lengths(folded.get(until..).unwrap_or(&[]));
            if self.split_from(folded, (until, next), cut, pieces) {
                return true;
            }
        }
        pieces.length = kept;
        // One or two letters of the next word are nothing to go by.
        if cut && rest.len() <= 2 && 2 <= kept {
            return true;
        }
        pieces.dead |= here;
        false
    }

    /// Returns a bit for each length of a word that `rest` begins with and that may be a piece.
    fn lengths(&self, rest: &[u8]) -> u64 {
        let mut lengths = 0_u64;
        if is_short_piece(rest) {
            lengths |= 1 << 2;
        }
        let known = |(place, bit): (usize, u64)| self.threes.get(place).map(|bits| bits & bit);
        if three(rest).and_then(known).is_none_or(|bit| bit == 0) {
            return lengths;
        }
        let mut range = self.beginning(rest.get(..2).unwrap_or(&[]));
        for (at, letter) in rest.iter().enumerate().skip(2) {
            range = self.narrow(&range, at, *letter);
            if range.is_empty() {
                break;
            }
            let length = at.saturating_add(1);
            // In order, the word itself stands before those that go on.
            if self.word(range.start).len() == length {
                let bit = u32::try_from(length).ok().and_then(|at| 1_u64.checked_shl(at));
                lengths |= bit.unwrap_or(0);
            }
        }
        lengths
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
            Some(Pieces::one(exact, length))
        };
        let Some(pieces) = pieces else { return };
        row.length = apart.row;
        for piece in pieces.iter() {
            let from = apart.spans.get(piece.from).map_or(0, |span| span.0);
            let until = piece.until.checked_sub(1).and_then(|last| apart.spans.get(last));
            row.push(piece.seen(from, until.map_or(from, |span| span.1)));
        }
    }

    /// Puts `word` and the one before it together where they are two pieces of one; tells whether.
    fn join(&self, before: &Before, word: &Word<'_>, hashes: &Hashes, row: &mut Row) -> bool {
        let length = before.length.saturating_add(word.folded.len());
        if before.length == 0 || !(4..=WORD_BYTES_MAX).contains(&length) {
            return false;
        }
        let hash = hashes.behind(before.hash, before.length);
        if self.places.get(self.place(hash)).is_none_or(|place| *place == 0) {
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
        let number = self.find_hashed(folded.get(..length).unwrap_or(&[]), hash);
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
        row.push(Seen { word: number, letters: narrow(length), from, until, ..Seen::NONE });
        true
    }

    /// Returns the words of two letters or more that begin with `letters`.
    fn beginning(&self, letters: &[u8]) -> Range<u16> {
        let pairs = |from: usize, until: usize| {
            let pairs = self.pairs.get(from..until).unwrap_or(&[]).iter();
            let ranges = pairs.filter(|(from, until)| from < until);
            let whole = ranges.copied().reduce(|all, next| (all.0, next.1)).unwrap_or((0, 0));
            whole.0..whole.1
        };
        match (pair(letters), letters) {
            (Some(at), _) => {
                let further = letters.iter().enumerate().skip(2);
                let begun = pairs(at, at.saturating_add(1));
                further.fold(begun, |range, (at, letter)| self.narrow(&range, at, *letter))
            }
            (None, [letter @ b'a'..=b'z']) => {
                let at = usize::from(letter.saturating_sub(b'a')).saturating_mul(26);
                pairs(at, at.saturating_add(26))
            }
            _ => 0..0,
        }
    }

    /// Returns the words among `range`, all alike before `at`, whose letter there is `letter`.
    fn narrow(&self, range: &Range<u16>, at: usize, letter: u8) -> Range<u16> {
        let among = usize::from(range.start)..usize::from(range.end);
        let words = self.words.get(among).unwrap_or(&[]);
        let letter_of = |word: &str| word.as_bytes().get(at).copied();
        let before = words.partition_point(|word| letter_of(word) < Some(letter));
        let rest = words.get(before..).unwrap_or(&[]);
        let count = rest.partition_point(|word| letter_of(word) == Some(letter));
        let from = range.start.saturating_add(narrow(before));
        from..from.saturating_add(narrow(count))
    }
}

impl Pieces {
    const NONE: Self = Self { list: [Piece::NONE; PIECES_MAX], length: 0, dead: 0 };

    fn one(word: u16, until: usize) -> Self {
        let mut pieces = Self::NONE;
        pieces.push(Piece { word, until, ..Piece::NONE });
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
    const NONE: Self = Self { word: UNKNOWN, other: UNKNOWN, cut: (0, 0), from: 0, until: 0 };

    fn seen(&self, from: usize, until: usize) -> Seen {
        Seen {
            word: self.word,
            other: self.other,
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
    fn set(&mut self, word: &Word<'_>, hashes: &Hashes) {
        if let Some(slots) = self.folded.get_mut(..word.folded.len()) {
            slots.copy_from_slice(word.folded);
        }
        self.length = word.folded.len();
        self.hash = hashes.open();
    }
}

fn seen(word: &Word<'_>, from: usize, until: usize) -> Seen {
    let letters = narrow(word.folded.len());
    Seen { letters, from: narrow_place(from), until: narrow_place(until), ..Seen::NONE }
}

/// Tells whether `letters` begin with two that are typed together with others, as in "SAFEAC" and
/// "REFUNDBYCHEQUE". All other pieces have three or more, because "ARRESTOR" is no arrest.
const fn is_short_piece(letters: &[u8]) -> bool {
    matches!(
        letters,
        [b'a', b'c', ..]
            | [b'b', b'y', ..]
            | [b'c', b'q', ..]
            | [b'm', b'r' | b's' | b'y', ..]
            | [b'o', b'f' | b'n', ..]
            | [b't', b'o', ..]
    )
}

/// Returns the place of the first two letters of `word` among [`PAIRS`].
fn pair(word: &[u8]) -> Option<usize> {
    let [first @ b'a'..=b'z', second @ b'a'..=b'z', ..] = word else { return None };
    let place = |letter: u8| usize::from(letter.saturating_sub(b'a'));
    Some(place(*first).saturating_mul(26).saturating_add(place(*second)))
}

/// Returns the place and the bit of the first three letters of `word`.
fn three(word: &[u8]) -> Option<(usize, u64)> {
    let third = word.get(2).filter(|letter| letter.is_ascii_lowercase())?;
    let third = usize::from(third.saturating_sub(b'a'));
    let number = pair(word)?.saturating_mul(26).saturating_add(third);
    let bit = u32::try_from(number & 63).ok().and_then(|bit| 1_u64.checked_shl(bit))?;
    Some((number >> 6, bit))
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

/// Counts the pairs of small letters.
const PAIRS: usize = 26 * 26;
/// Most words that one is split into: a long reference of short words.
const PIECES_MAX: usize = 8;
/// Shortest word that is split: two of three letters.
const SPLIT_LETTERS_MIN: usize = 6;
/// Fewest letters set apart that are put together: two are somebody's initials.
const APART_MIN: usize = 3;
