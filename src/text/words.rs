//! Words: a text cut into them, each in lower case and without what people put between letters.
//!
//! Text from banks is nearly always ASCII, so ASCII takes a table and everything else the general
//! path: letters that are drawn alike become the ASCII letter they are drawn like, marks above and
//! below letters fall away. Both cut the same words out of the same ASCII text.
//!
//! Never allocates for ASCII: a word is lent out, folded, in a buffer that the next one overwrites.
//! Never looks further than [`TEXT_BYTES_MAX`] into a text.

use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use unicode_security::skeleton;

/// Longest folded word that is told apart, in bytes: all of a long reference without a space.
pub const WORD_BYTES_MAX: usize = 40;

/// How far into a text is looked, in bytes. Texts have at most 140 characters, of 4 bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// A word of a text.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Its letters and digits, in lower case.
    pub folded: &'a [u8],
    /// First byte of it in the text, inclusive.
    pub from: usize,
    /// First byte after it in the text.
    pub until: usize,
}

/// Hands each word of `text` to `each`, in order. Words longer than [`WORD_BYTES_MAX`] are handed
/// over as an empty one: they stand between their neighbours and mean nothing.
pub fn each_word(text: &str, mut each: impl FnMut(Word<'_>)) {
    let text = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text);
    let mut open = Open { folded: [0; WORD_BYTES_MAX], length: 0, span: None };
    if text.is_ascii() {
        let mut bytes = text.bytes().enumerate().peekable();
        while let Some((at, byte)) = bytes.next() {
            match ASCII.get(usize::from(byte)).copied().unwrap_or(GAP) {
                GAP => open.close(&mut each),
                JOIN => {}
                LIKE => {
                    let next = bytes.peek().map(|(_, next)| char::from(*next));
                    open.like(char::from(byte), next, at..at.saturating_add(1), &mut each);
                }
                folded => open.push(folded, at, at.saturating_add(1)),
            }
        }
    } else {
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let until = at.saturating_add(character.len_utf8());
            let next = characters.peek().map(|(_, next)| *next);
            fold(character, |folded| match folded {
                Folded::Letter(byte) => open.push(byte, at, until),
                Folded::Other(letter) => {
                    for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                        open.push(byte, at, until);
                    }
                }
                Folded::Like(sign) => open.like(sign, next, at..until, &mut each),
                Folded::Gap => open.close(&mut each),
            });
        }
    }
    open.close(&mut each);
}

/// What becomes of one character, or of one part of it.
enum Folded {
    /// A letter or digit of ASCII, in lower case.
    Letter(u8),
    /// A letter that is like none of ASCII.
    Other(char),
    /// A sign that may stand for a letter.
    Like(char),
    /// What stands between words.
    Gap,
}

/// Folds one character; marks and what prints nothing leave nothing behind.
fn fold(character: char, mut each: impl FnMut(Folded)) {
    if joins(character) {
        return;
    }
    decompose_compatible(character, |part| {
        if joins(part) || is_combining_mark(part) {
            return;
        }
        match u8::try_from(part).ok().and_then(|byte| ASCII.get(usize::from(byte)).copied()) {
            Some(GAP) => return each(Folded::Gap),
            Some(JOIN) => return,
            Some(LIKE) => return each(Folded::Like(part)),
            Some(letter) => return each(Folded::Letter(letter)),
            None => {}
        }
        if !part.is_alphanumeric() {
            return each(Folded::Gap);
        }
        // What capitals are drawn like is asked first: the small letter of a Cyrillic В is no b.
        let lower = part.to_lowercase().next().unwrap_or(part);
        match looks_like(part).or_else(|| looks_like(lower)) {
            Some(drawn) => drawn.into_iter().flatten().for_each(|byte| each(Folded::Letter(byte))),
            None => each(Folded::Other(lower)),
        }
    });
}

/// Returns the ASCII letters, at most two, that a letter outside ASCII is drawn like.
fn looks_like(letter: char) -> Option<[Option<u8>; 2]> {
    if let Some((_, byte)) = SMALL_CAPITALS.iter().find(|(capital, _)| *capital == letter) {
        return Some([Some(*byte), None]);
    }
    let mut drawn = [None; 2];
    let mut length = 0_usize;
    for like in skeleton(letter.encode_utf8(&mut [0; 4])) {
        let byte = u8::try_from(like).ok().filter(u8::is_ascii_alphanumeric)?;
        *drawn.get_mut(length)? = Some(byte.to_ascii_lowercase());
        length = length.saturating_add(1);
        // Unicode draws a capital I like a small L: which of the two is meant the small letter tells.
        if byte == b'l' && letter.is_uppercase() {
            return None;
        }
    }
    (0 < length).then_some(drawn)
}

/// The word being read.
struct Open {
    folded: [u8; WORD_BYTES_MAX],
    length: usize,
    span: Option<(usize, usize)>,
}

impl Open {
    fn push(&mut self, byte: u8, at: usize, until: usize) {
        if let Some(slot) = self.folded.get_mut(self.length) {
            *slot = byte;
        }
        self.length = self.length.saturating_add(1);
        let from = self.span.map_or(at, |(from, _)| from);
        self.span = Some((from, until));
    }

    /// Takes a sign as the letter it stands for where letters stand on both sides: "B@IL".
    fn like(
        &mut self,
        sign: char,
        next: Option<char>,
        span: Range<usize>,
        each: &mut impl FnMut(Word<'_>),
    ) {
        let touches = self.span.is_some_and(|(_, until)| until == span.start);
        let letter = match sign {
            '@' => b'a',
            '$' => b's',
            _ => b'i',
        };
        if touches && next.is_some_and(char::is_alphabetic) {
            self.push(letter, span.start, span.end);
        } else {
            self.close(each);
        }
    }

    fn close(&mut self, each: &mut impl FnMut(Word<'_>)) {
        let Some((from, until)) = self.span.take() else { return };
        let folded = self.folded.get(..self.length).unwrap_or(&[]);
        each(Word { folded, from, until });
        self.length = 0;
    }
}

/// Tells whether `character` neither ends a word nor belongs to it: apostrophes ("solicitor's"),
/// combining marks, and what prints nothing.
fn joins(character: char) -> bool {
    matches!(
        character,
        '\'' | '\u{2018}' | '\u{2019}' | '\u{02bc}'
            | '\u{00ad}'
            | '\u{0300}'..='\u{036f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}

// Marks in the table below that no folded byte is equal to.
const GAP: u8 = 0;
const JOIN: u8 = 1;
const LIKE: u8 = 2;

/// Small letters that are drawn like capitals, which Unicode's table of look-alikes keeps apart.
const SMALL_CAPITALS: &[(char, u8)] = &[
    ('ᴀ', b'a'),
    ('ʙ', b'b'),
    ('в', b'b'),
    ('ᴄ', b'c'),
    ('ᴅ', b'd'),
    ('ᴇ', b'e'),
    ('ε', b'e'),
    ('є', b'e'),
    ('ɛ', b'e'),
    ('ɢ', b'g'),
    ('ʜ', b'h'),
    ('н', b'h'),
    ('ɪ', b'i'),
    ('ᴊ', b'j'),
    ('ᴋ', b'k'),
    ('к', b'k'),
    ('ʟ', b'l'),
    ('ᴍ', b'm'),
    ('м', b'm'),
    ('ɴ', b'n'),
    ('ᴏ', b'o'),
    ('ᴘ', b'p'),
    ('ʀ', b'r'),
    ('ᴛ', b't'),
    ('т', b't'),
    ('τ', b't'),
    ('ᴜ', b'u'),
    ('ᴠ', b'v'),
    ('ᴡ', b'w'),
    ('ʏ', b'y'),
    ('ᴢ', b'z'),
];

const ASCII: [u8; 128] = ascii();

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "worked out while compiling, where a mistake is a compile error"
)]
const fn ascii() -> [u8; 128] {
    let mut table = [GAP; 128];
    let mut at = 0;
    while at < table.len() {
        let byte = at as u8;
        table[at] = match byte {
            b'a'..=b'z' | b'0'..=b'9' => byte,
            b'A'..=b'Z' => byte.to_ascii_lowercase(),
            b'\'' => JOIN,
            b'@' | b'$' | b'!' | b'|' => LIKE,
            _ => GAP,
        };
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[(&str, usize, usize)]) {
        let mut words = Vec::new();
        each_word(text, |word| {
            words.push((String::from_utf8(word.folded.to_vec()).unwrap(), word.from, word.until));
        });
        let words: Vec<_> =
            words.iter().map(|(folded, from, until)| (&**folded, *from, *until)).collect();
        assert_eq!(words, want, "{text:?}");
    }

    #[test]
    fn words_are_cut_at_whatever_is_not_a_letter_or_digit() {
        check("", &[]);
        check(" - ", &[]);
        check("LEGAL ADVICE", &[("legal", 0, 5), ("advice", 6, 12)]);
        check("legal-advice/2", &[("legal", 0, 5), ("advice", 6, 12), ("2", 13, 14)]);
        check("Legal & General", &[("legal", 0, 5), ("general", 8, 15)]);
        check("a\u{0}b\tc", &[("a", 0, 1), ("b", 2, 3), ("c", 4, 5)]);
    }

    #[test]
    fn apostrophes_join() {
        check("solicitor's", &[("solicitors", 0, 11)]);
        check("solicitor\u{2019}s fee", &[("solicitors", 0, 13), ("fee", 14, 17)]);
        check("'bail'", &[("bail", 1, 5)]);
    }

    #[test]
    fn signs_stand_for_letters_between_letters_only() {
        check("B@IL", &[("bail", 0, 4)]);
        check("BA!L", &[("bail", 0, 4)]);
        check("BA|L", &[("bail", 0, 4)]);
        check("ca$h", &[("cash", 0, 4)]);
        check("bail!", &[("bail", 0, 4)]);
        check("bail! now", &[("bail", 0, 4), ("now", 6, 9)]);
        check("bail @5", &[("bail", 0, 4), ("5", 6, 7)]);
        check("!bail", &[("bail", 1, 5)]);
        check("ŷ!l", &[("yil", 0, 4)]);
        check("b＠il", &[("bail", 0, 6)]);
        check("b＠", &[("b", 0, 1)]);
    }

    #[test]
    fn marks_fall_away_and_so_does_what_prints_nothing() {
        check("TŶ Cyfreithiwr", &[("ty", 0, 3), ("cyfreithiwr", 4, 15)]);
        check("ba\u{200b}il", &[("bail", 0, 7)]);
        check("\u{202e}bail\u{202c}", &[("bail", 3, 7)]);
        check("£500 bail", &[("500", 2, 5), ("bail", 6, 10)]);
        check("b\u{301}a\u{20dd}il", &[("bail", 0, 9)]);
    }

    #[test]
    fn letters_that_are_drawn_alike_are_alike() {
        for text in [
            "bаil",
            "ВАІL",
            "ʙᴀɪʟ",
            "ｂａｉｌ",
            "𝐛𝐚𝐢𝐥",
            "ⓑⓐⓘⓛ",
            "ΒΑΙL",
            "bàîl",
            "baіl",
            "BΑIL",
            "𝔅𝔞𝔦𝔩",
        ] {
            check(text, &[("bail", 0, text.len())]);
        }
        check("ﬁne", &[("fine", 0, 5)]);
        check("警察", &[("警察", 0, 6)]);
    }

    #[test]
    fn both_paths_cut_the_same_words() {
        for text in ["LEGAL ADVICE 4 me", "it's", "a--b", "x", "b@il a!b", "c$|d"] {
            let mut short = Vec::new();
            each_word(text, |word| short.push((word.folded.to_vec(), word.from, word.until)));
            let mut long = Vec::new();
            let general = format!("{text} é");
            each_word(&general, |word| long.push((word.folded.to_vec(), word.from, word.until)));
            long.pop();
            assert_eq!(short, long, "{text:?}");
        }
    }

    #[test]
    fn a_word_too_long_to_be_told_apart_is_empty() {
        let longest = "x".repeat(WORD_BYTES_MAX);
        check(&longest, &[(&longest, 0, WORD_BYTES_MAX)]);
        let longer = "x".repeat(WORD_BYTES_MAX + 1);
        check(&longer, &[("", 0, WORD_BYTES_MAX + 1)]);
        let far_longer = format!("{} y", "x".repeat(500));
        check(&far_longer, &[("", 0, 500), ("y", 501, 502)]);
    }

    #[test]
    fn nothing_is_read_beyond_this_far() {
        let text = format!("{}ab", " ".repeat(TEXT_BYTES_MAX - 1));
        check(&text, &[("a", TEXT_BYTES_MAX - 1, TEXT_BYTES_MAX)]);
        let text = format!("{}é", " ".repeat(TEXT_BYTES_MAX - 1));
        check(&text, &[]);
    }
}
