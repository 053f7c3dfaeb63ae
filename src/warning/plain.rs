//! Plain: how hard words are to read, in whole numbers.
//!
//! A warning is read in a hurry by somebody who is frightened, in a second language or tired. So
//! its words are measured by the formulas that the field uses, one a language, because each was
//! fitted to one; a language without one is not measured.
//!
//! **English: the grade of Flesch and Kincaid**, 0.39 words a sentence + 11.8 syllables a word −
//! 15.59. A grade is a year of school; five more is the age. Syllables are counted by groups of
//! vowels without the silent e, which is right for nine words in ten and wrong both ways.
//!
//! **Welsh: LIX**, words a sentence + long words of a hundred, where long is more than six letters.
//! It needs no syllables, for which no rule we trust is at hand. Welsh writes `dd`, `ff`, `ll`, `ch`
//! for single letters and counts them as two here, which makes the measure the stricter.
//!
//! What holds a digit is read as a picture: it counts as no word. Never says what words mean.

/// How hard a text is, beside how hard it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hardness {
    /// What is measured, as people call it.
    pub(super) measure: &'static str,
    /// In tenths.
    pub(super) tenths: i64,
    /// The most that is plain, in tenths, inclusive.
    pub(super) tenths_max: i64,
}

/// Measures texts, each of which ends a sentence; `None` where the language has no formula.
pub(super) fn hardness<'t>(
    language: &str,
    texts: impl Iterator<Item = &'t str>,
) -> Option<Hardness> {
    let (mut sentences, mut words, mut syllables, mut long) = (0_i64, 0_i64, 0_i64, 0_i64);
    for word in texts.flat_map(sentences_of).inspect(|_| sentences = sentences.saturating_add(1)) {
        for word in word.into_iter().filter(|word| is_word(word)) {
            words = words.saturating_add(1);
            syllables = syllables.saturating_add(syllables_of(word));
            long = long.saturating_add(i64::from(LONG_LETTERS_MAX < letters(word).count()));
        }
    }
    let per = |times: i64, count: i64, each: i64| {
        times.saturating_mul(count).checked_div(each).unwrap_or(0)
    };
    match language {
        "en" => {
            let hundredths = per(39, words, sentences)
                .saturating_add(per(1_180, syllables, words))
                .saturating_sub(1_559);
            let tenths = hundredths.checked_div(10).unwrap_or(0);
            Some(Hardness { measure: "grade", tenths, tenths_max: GRADE_TENTHS_MAX })
        }
        "cy" => {
            let tenths = per(10, words, sentences).saturating_add(per(1_000, long, words));
            Some(Hardness { measure: "LIX", tenths, tenths_max: LIX_TENTHS_MAX })
        }
        _ => None,
    }
}

/// Returns the sentences of a text, each as its words. A colon ends one too: what follows is read
/// anew.
pub(super) fn sentences_of(text: &str) -> Vec<Vec<&str>> {
    let mut sentences = vec![Vec::new()];
    for word in text.split_whitespace() {
        if let Some(sentence) = sentences.last_mut() {
            sentence.push(word);
        }
        if word.trim_end_matches(['"', '\'', ')', '”', '’']).ends_with(['.', '?', '!', ':', ';'])
        {
            sentences.push(Vec::new());
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Tells whether it is read letter by letter: it has a letter and no digit.
fn is_word(word: &str) -> bool {
    word.chars().any(char::is_alphabetic) && !word.chars().any(|part| part.is_ascii_digit())
}

fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|part| part.is_alphabetic())
}

/// Counts the syllables of an English word; one at least.
fn syllables_of(word: &str) -> i64 {
    let word: String = letters(word).map(|letter| letter.to_ascii_lowercase()).collect();
    let mut count = 0_i64;
    let mut before = false;
    for letter in word.chars() {
        let vowel = "aeiouy".contains(letter);
        count = count.saturating_add(i64::from(vowel && !before));
        before = vowel;
    }
    let silent = ends_silent(&word, "e", &["le", "ee", "oe", "ye", "ie", "ue"])
        || ends_silent(
            &word,
            "es",
            &["ses", "ces", "ges", "xes", "zes", "shes", "ches", "les", "ies"],
        )
        || ends_silent(&word, "ed", &["ted", "ded", "led", "ied", "eed"]);
    count.saturating_sub(i64::from(silent)).max(1)
}

fn ends_silent(word: &str, end: &str, but: &[&str]) -> bool {
    word.ends_with(end) && !but.iter().any(|but| word.ends_with(but))
}

/// Grade 6, a reading age of eleven: leaving primary school. Advice to write for nine is out of
/// reach where a story has to be named by words such as "solicitor" and "investigation"; the
/// shipped words stay below with a grade to spare.
const GRADE_TENTHS_MAX: i64 = 60;
/// Prose is easy from 30 to 40 by the measure's own scale, children's books lie below. The shipped
/// words reach 31 with the names of agencies in them.
const LIX_TENTHS_MAX: i64 = 350;
/// Longer words are long, by the measure's definition.
const LONG_LETTERS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_counted() {
        for (word, want) in [
            ("police", 2),
            ("scam", 1),
            ("criminals", 3),
            ("solicitor", 4),
            ("embassy", 3),
            ("safe", 1),
            ("minutes", 2),
            ("asked", 1),
            ("needed", 2),
            ("people", 2),
            ("notice", 2),
            ("offices", 3),
            ("see", 1),
            ("the", 1),
            ("\"You!\"", 1),
            ("x", 1),
        ] {
            assert_eq!(syllables_of(word), want, "{word}");
        }
    }

    #[test]
    fn a_sentence_ends_where_a_reader_takes_a_breath() {
        for (text, want) in [
            ("Hang up. Call 101.", 2),
            ("Stop: hang up", 2),
            ("See GOV.UK for £1,250.50", 1),
            ("Is it?) So", 2),
            ("", 0),
            (" . ", 1),
        ] {
            assert_eq!(sentences_of(text).len(), want, "{text}");
        }
    }

    #[test]
    fn english_is_measured_by_grade_and_welsh_by_lix() {
        let measured = |language, text: &str| {
            hardness(language, [text].into_iter()).map(|hardness| hardness.tenths)
        };
        // 5 words, 6 syllables: 1.95 + 14.16 - 15.59.
        assert_eq!(measured("en", "The cat sat on mothers."), Some(5));
        assert_eq!(measured("en", "The cat sat on mothers 159."), Some(5));
        // 5 words, one of them long.
        assert_eq!(measured("cy", "Mae y gath yn cysgodi."), Some(250));
        assert_eq!(measured("de", "Die Katze"), None);
        assert_eq!(measured("en", ""), Some(-155));
        let hard = "Notwithstanding institutional representations, authorisation necessitates \
                    comprehensive identification documentation.";
        let hardness = hardness("en", [hard].into_iter()).unwrap();
        assert!(hardness.tenths_max < hardness.tenths, "{hardness:?}");
    }
}
