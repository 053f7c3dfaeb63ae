//! Slips: which word was meant where one letter is missing, too many, wrong or out of turn.
//!
//! Two words are one slip apart only if leaving out at most one letter of each makes them equal. So
//! every word is listed under the hashes of itself and of itself without each of its letters, a word
//! of a text is looked up under its own, and whatever is found is compared letter by letter.
//!
//! Never corrects a short word: "bail" is one letter from "ball", "mail" and "sail". Never takes a
//! wrong first letter for a slip: fingers slip anywhere, but Farrant, Segal and Sawyer are names.

/// Longest word, in bytes, that hashes are made of.
const BYTES_MAX: usize = crate::text::words::WORD_BYTES_MAX;

/// Hashes of the beginnings of a word, which those of the word without one letter are made from.
#[derive(Debug)]
pub(super) struct Hashes {
    /// At `n`, that of the first `n` bytes.
    beginnings: [u32; BYTES_MAX + 1],
    length: usize,
}

/// Words by the hashes of what a slip leaves of them.
#[derive(Debug)]
pub(super) struct Slips {
    /// A bit for each hash, so that most words of a text are known at once to be far from all.
    filter: Vec<u64>,
    /// Hash and number, in order.
    listed: Vec<(u32, u16)>,
}

impl Hashes {
    /// Hashes a word of at most [`BYTES_MAX`] bytes; of a longer one its beginning.
    pub(super) fn of(word: &[u8]) -> Self {
        let mut beginnings = [0; BYTES_MAX + 1];
        let mut hash = 0_u32;
        let mut length = 0_usize;
        for ((byte, power), slot) in word.iter().zip(POWERS).zip(beginnings.iter_mut().skip(1)) {
            hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(power));
            *slot = hash;
            length = length.saturating_add(1);
        }
        Self { beginnings, length }
    }

    /// Returns the hash of the whole word.
    pub(super) fn whole(&self) -> u32 {
        mix(self.open())
    }

    /// Returns the hash of the word as it goes on in a longer one.
    pub(super) fn open(&self) -> u32 {
        self.beginning(self.length)
    }

    /// Returns the hash of the word behind another of so many letters, run together.
    pub(super) fn behind(&self, open: u32, letters: usize) -> u32 {
        let power = POWERS.get(letters).copied().unwrap_or(0);
        mix(open.wrapping_add(power.wrapping_mul(self.open())))
    }

    /// Returns the hash of the word without its letter at `at`.
    fn without(&self, at: usize) -> u32 {
        let before = self.beginning(at);
        let after = self
            .beginning(self.length)
            .wrapping_sub(self.beginning(at.saturating_add(1)))
            .wrapping_mul(BASE_INVERSE);
        mix(before.wrapping_add(after))
    }

    fn beginning(&self, length: usize) -> u32 {
        self.beginnings.get(length).copied().unwrap_or(0)
    }

    /// Returns the hash of the word, and of it without each of its letters.
    fn slipped(&self) -> impl Iterator<Item = u32> + use<'_> {
        std::iter::once(self.whole()).chain((0..self.length).map(|at| self.without(at)))
    }
}

impl Slips {
    /// Lists the words that are long enough, under their places.
    pub(super) fn of(words: &[Box<str>]) -> Self {
        let mut listed = Vec::new();
        for (number, word) in (0_u16..).zip(words) {
            if LETTERS_MIN <= word.len() && word.bytes().all(|byte| byte.is_ascii_lowercase()) {
                let hashes = Hashes::of(word.as_bytes());
                listed.extend(hashes.slipped().map(|hash| (hash, number)));
            }
        }
        listed.sort_unstable();
        listed.dedup();
        // One bit in sixteen is set, so one word of a text in two passes none of its hashes on.
        let length = listed.len().saturating_mul(16).div_ceil(64).next_power_of_two();
        let mut filter = vec![0_u64; length];
        for (hash, _) in &listed {
            let (place, bit) = place(*hash, length);
            if let Some(bits) = filter.get_mut(place) {
                *bits |= bit;
            }
        }
        Self { filter, listed }
    }

    /// Returns the words, two at most, that `word` is one slip away from; those that begin as it does
    /// before others. "Investigaton" may have been going to be an investigation or an investigator.
    pub(super) fn find(
        &self,
        hashes: &Hashes,
        word: &[u8],
        words: &[Box<str>],
    ) -> [Option<u16>; 2] {
        let mut found = [None; 2];
        if word.len().saturating_add(1) < LETTERS_MIN || self.listed.is_empty() {
            return found;
        }
        for hash in hashes.slipped() {
            let (place, bit) = place(hash, self.filter.len());
            if self.filter.get(place).is_none_or(|bits| bits & bit == 0) {
                continue;
            }
            let from = self.listed.partition_point(|(listed, _)| *listed < hash);
            let same = self.listed.get(from..).unwrap_or(&[]).iter();
            for (_, number) in same.take(SAME_MAX).take_while(|(listed, _)| *listed == hash) {
                let meant =
                    words.get(usize::from(*number)).map_or(&[][..], |meant| meant.as_bytes());
                if found.contains(&Some(*number)) || !is_one_slip(word, meant) {
                    continue;
                }
                match found {
                    _ if meant.first() == word.first() => found = [Some(*number), found[0]],
                    [None, _] => found[0] = Some(*number),
                    [_, None] => found[1] = Some(*number),
                    _ => {}
                }
            }
        }
        found
    }
}

/// Tells whether one letter inserted, left out, replaced (not the first) or swapped with the next
/// makes `typed` of `meant`.
fn is_one_slip(typed: &[u8], meant: &[u8]) -> bool {
    let same = typed.iter().zip(meant).take_while(|(one, other)| one == other).count();
    let (typed, meant) = (typed.get(same..).unwrap_or(&[]), meant.get(same..).unwrap_or(&[]));
    match (typed, meant) {
        ([], [_]) | ([_], []) => true,
        ([one, two, typed @ ..], [three, four, meant @ ..])
            if one == four && two == three && typed == meant =>
        {
            true
        }
        ([_, typed_rest @ ..], [_, meant_rest @ ..]) => {
            typed_rest == meant || typed == meant_rest || (0 < same && typed_rest == meant_rest)
        }
        _ => false,
    }
}

fn place(hash: u32, length: usize) -> (usize, u64) {
    let mask = length.saturating_sub(1);
    let place = usize::try_from(hash >> 6).unwrap_or(0) & mask;
    (place, 1_u64.checked_shl(hash & 63).unwrap_or(0))
}

/// Spreads a hash over all its bits.
const fn mix(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x7feb_352d);
    (hash ^ (hash >> 15)).wrapping_mul(0x846c_a68b)
}

const POWERS: [u32; BYTES_MAX] = powers();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "worked out while compiling, where a mistake is a compile error"
)]
const fn powers() -> [u32; BYTES_MAX] {
    let mut powers = [1_u32; BYTES_MAX];
    let mut at = 1;
    while at < BYTES_MAX {
        powers[at] = powers[at - 1].wrapping_mul(BASE);
        at += 1;
    }
    powers
}

/// Any odd number has an inverse; this one is large, so that letters reach every bit.
const BASE: u32 = 0x9e37_79b1;
const BASE_INVERSE: u32 = inverse(BASE);

/// Returns the inverse of an odd number among 32-bit numbers: each step doubles the bits that are
/// right, three at first.
const fn inverse(base: u32) -> u32 {
    let mut inverse = base;
    let mut right = 3;
    while right < 32_u32 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(base.wrapping_mul(inverse)));
        right = right.saturating_mul(2);
    }
    inverse
}

/// Shortest word that a slip is seen through in.
pub(super) const LETTERS_MIN: usize = 5;

/// Most words of one hash that are compared: a lexicon's author can make no text slow.
const SAME_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, want: Option<&str>) {
        let words = ["bail", "court", "courts", "legal", "police", "solicitor", "warrant"];
        let words: Vec<Box<str>> = words.into_iter().map(Into::into).collect();
        let slips = Slips::of(&words);
        let found = slips.find(&Hashes::of(typed.as_bytes()), typed.as_bytes(), &words);
        assert_eq!(found[0].map(|number| &*words[usize::from(number)]), want, "{typed}");
    }

    #[test]
    fn one_slip_of_each_kind_is_seen_through() {
        for (typed, want) in [
            ("warant", "warrant"),
            ("warrent", "warrant"),
            ("warrrant", "warrant"),
            ("wararnt", "warrant"),
            ("olice", "police"),
            ("opolice", "police"),
            ("opilce", "police"),
            ("oplice", "police"),
            ("polic", "police"),
            ("policee", "police"),
            ("leagl", "legal"),
            ("lgal", "legal"),
            ("soliciter", "solicitor"),
            ("courrt", "court"),
            ("coutts", "courts"),
        ] {
            let want = (typed != "opilce").then_some(want);
            check(typed, want);
        }
    }

    #[test]
    fn where_two_may_be_meant_both_are() {
        let words = ["gwarant", "warrant", "warrants"].map(Box::from);
        let slips = Slips::of(&words);
        let find = |typed: &[u8]| slips.find(&Hashes::of(typed), typed, &words);
        assert_eq!(find(b"warant"), [Some(1), Some(0)]);
        assert_eq!(find(b"warrans"), [Some(1), Some(2)]);
        assert_eq!(find(b"wararnt"), [Some(1), None]);
    }

    #[test]
    fn two_slips_a_short_word_and_another_first_letter_are_not() {
        for typed in ["warrrent", "woront", "ball", "bial", "bai", "farrant", "segal", "", "xyzzy"]
        {
            check(typed, None);
        }
    }

    #[test]
    fn every_slip_of_every_letter_is_found() {
        let word = b"warrant";
        for at in 0..word.len() {
            let (before, after) = word.split_at(at);
            let rest = &after[1..];
            check(&String::from_utf8([before, rest].concat()).unwrap(), Some("warrant"));
            check(&String::from_utf8([before, b"q", after].concat()).unwrap(), Some("warrant"));
            let other = String::from_utf8([before, b"q", rest].concat()).unwrap();
            check(&other, (0 < at).then_some("warrant"));
        }
    }

    #[test]
    fn hashes_of_two_words_run_together_are_those_of_one() {
        let [one, two] = [b"solici", b"ortors"].map(|word| Hashes::of(word));
        assert_eq!(two.behind(one.open(), 6), Hashes::of(b"soliciortors").whole());
    }

    #[test]
    fn hashes_without_a_letter_are_those_of_the_rest() {
        let word = b"solicitor";
        let hashes = Hashes::of(word);
        for at in 0..word.len() {
            let rest = [&word[..at], &word[at + 1..]].concat();
            assert_eq!(hashes.without(at), Hashes::of(&rest).whole());
        }
    }
}
