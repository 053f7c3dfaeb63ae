//! Plain words: English and Welsh words and names that mean nothing but themselves.
//!
//! A word that is one letter away from a word of a phrase is a slip only where it is no word itself:
//! "count" is not a court, nor "policy" the police. So what is listed here is never read as a slip,
//! as letters that belong together, or as words that ran together.
//!
//! The English words come from SCOWL by way of Debian's `wbritish` 2020.12.07 (`plain_words.txt`: its
//! words of four letters and more, folded; its notice is `plain_words.copyright.txt`). The Welsh ones
//! and further names are our own (`plain_more.txt`).
//!
//! Never decides what is a phrase: a word that is listed here and in a lexicon is the lexicon's.

/// Words in order, one a line.
const LISTS: [&str; 2] = [include_str!("plain_words.txt"), include_str!("plain_more.txt")];

/// Tells whether `word`, folded, is listed.
pub fn is_plain(word: &[u8]) -> bool {
    LISTS.iter().any(|list| from(list.as_bytes(), word).next() == Some(word))
}

/// Tells whether a listed word begins with `beginning` and does not go on as `word` does.
pub fn begins_others(beginning: &[u8], word: &[u8]) -> bool {
    LISTS.iter().any(|list| {
        let words = from(list.as_bytes(), beginning).take(BEGINNINGS_MAX);
        let mut words = words.take_while(|listed| listed.starts_with(beginning));
        words.any(|listed| !listed.starts_with(word) && !word.starts_with(listed))
    })
}

/// Returns the words of `list` from the first that is not before `word`.
fn from<'l>(list: &'l [u8], word: &[u8]) -> impl Iterator<Item = &'l [u8]> + use<'l> {
    // Everything before `low` is before the word, everything from `high` on is not.
    let (mut low, mut high) = (0_usize, list.len());
    while low < high {
        let middle = low.midpoint(high);
        let begin = list.get(..middle).unwrap_or(&[]).iter().rposition(|byte| *byte == b'\n');
        let begin = begin.map_or(0, |end| end.saturating_add(1)).max(low);
        let line = first_line(list.get(begin..).unwrap_or(&[]));
        if line < word {
            low = begin.saturating_add(line.len()).saturating_add(1);
        } else {
            high = begin;
        }
    }
    let rest = list.get(low..).unwrap_or(&[]);
    rest.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'\n').next().unwrap_or(&[])
}

/// How many words of one beginning are looked at. Of four letters, `over` begins the most: 379.
const BEGINNINGS_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order_and_folded() {
        for list in LISTS {
            let words: Vec<_> = list.lines().collect();
            assert!(words.is_sorted_by(|one, next| one < next));
            for word in words {
                assert!(word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
            }
        }
    }

    #[test]
    fn every_listed_word_is_found_and_no_other() {
        for list in LISTS {
            for word in list.lines() {
                assert!(is_plain(word.as_bytes()), "{word}");
                let longer = format!("{word}zq");
                assert!(!is_plain(longer.as_bytes()), "{longer}");
            }
        }
        for word in ["", "zzzq", "warrent", "polic"] {
            assert!(!is_plain(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn the_words_next_to_ours_are_plain() {
        for word in ["count", "policy", "refined", "sawyer", "simmons", "llys", "farrant"] {
            assert!(is_plain(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn a_beginning_may_be_that_of_others() {
        assert!(begins_others(b"poli", b"police"));
        assert!(begins_others(b"refu", b"refund"));
        assert!(!begins_others(b"lawy", b"lawyer"));
    }
}
