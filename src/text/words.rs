//! Words: a text cut into them, each in lower case and without what people put between letters.
//!
//! Text from banks is nearly always ASCII, so ASCII takes a table and everything else the general
//! path; both cut the same words out of the same ASCII text.
//!
//! Never allocates: a word is lent out, folded, in a buffer that the next one overwrites.

/// Longest folded word that is told apart, in bytes. A longer one is no word of any lexicon.
pub const WORD_BYTES_MAX: usize = 32;

/// A word of a text.
#[derive(Debug)]
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
    let mut open = Open { folded: [0; WORD_BYTES_MAX], length: 0, span: None };
    if text.is_ascii() {
        for (at, byte) in text.bytes().enumerate() {
            match ASCII.get(usize::from(byte)).copied().unwrap_or(GAP) {
                GAP => open.close(&mut each),
                JOIN => {}
                folded => open.push(folded, at, at.saturating_add(1)),
            }
        }
    } else {
        for (at, character) in text.char_indices() {
            let until = at.saturating_add(character.len_utf8());
            if joins(character) {
                continue;
            }
            if !character.is_alphanumeric() {
                open.close(&mut each);
                continue;
            }
            for folded in character.to_lowercase() {
                for byte in folded.encode_utf8(&mut [0; 4]).bytes() {
                    open.push(byte, at, until);
                }
            }
        }
    }
    open.close(&mut each);
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
    fn other_scripts_are_folded_and_what_prints_nothing_is_passed_over() {
        check("TŶ Cyfreithiwr", &[("tŷ", 0, 3), ("cyfreithiwr", 4, 15)]);
        check("ba\u{200b}il", &[("bail", 0, 7)]);
        check("\u{202e}bail\u{202c}", &[("bail", 3, 7)]);
        check("£500 bail", &[("500", 2, 5), ("bail", 6, 10)]);
    }

    #[test]
    fn both_paths_cut_the_same_words() {
        for text in ["LEGAL ADVICE 4 me", "it's", "a--b", "x"] {
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
    fn a_word_too_long_for_any_lexicon_is_empty() {
        let longest = "x".repeat(WORD_BYTES_MAX);
        check(&longest, &[(&longest, 0, WORD_BYTES_MAX)]);
        let longer = "x".repeat(WORD_BYTES_MAX + 1);
        check(&longer, &[("", 0, WORD_BYTES_MAX + 1)]);
        let far_longer = format!("{} y", "x".repeat(500));
        check(&far_longer, &[("", 0, 500), ("y", 501, 502)]);
    }
}
