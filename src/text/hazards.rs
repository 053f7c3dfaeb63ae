//! Hazards: honest texts that bear the words of the scam, which no phrase may mention anything in.
//!
//! Whoever adds a phrase thinks of the scam and seldom of Bailey, Earls Court and Legal & General.
//! The rows of `hazards.txt` think of them: the tests read the shipped lexicon against them, and the
//! check of a policy any other.
//!
//! Never part of a policy: a lexicon that hits one still loads, so that old logs can be read.

use crate::text::Concept;

/// An honest text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hazard {
    /// As it is typed.
    pub text: &'static str,
    /// Concepts that it does mention, and may: a refund to a friend is a refund.
    pub allowed: Vec<Concept>,
    /// What it is.
    pub what: &'static str,
    /// Line of the list, from 1.
    pub line: usize,
}

/// Returns every hazard, in the order of the list.
pub fn all() -> Vec<Hazard> {
    let lines = (1_usize..).zip(LIST.lines());
    let rows = lines.filter(|(_, row)| !row.is_empty() && !row.starts_with('#'));
    rows.map(|(line, row)| {
        let mut fields = row.split('\t');
        let mut field = || fields.next().unwrap_or("");
        let (text, allowed, what) = (field(), field(), field());
        let allowed = allowed.split(' ').filter_map(Concept::named).collect();
        Hazard { text, allowed, what, line }
    })
    .collect()
}

/// Text, concepts that it may mention or `-`, and what it is, with tabs between.
const LIST: &str = include_str!("hazards.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_three_fields_and_concepts_that_there_are() {
        for (line, row) in (1..).zip(LIST.lines()) {
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            let fields: Vec<_> = row.split('\t').collect();
            assert_eq!(fields.len(), 3, "line {line}: {row:?}");
            assert!(!fields[0].is_empty() && !fields[2].is_empty(), "line {line}");
            for name in fields[1].split(' ').filter(|name| *name != "-") {
                assert!(Concept::named(name).is_some(), "line {line}: {name:?}");
            }
        }
        let all = all();
        assert!(100 < all.len(), "{}", all.len());
        for (at, hazard) in all.iter().enumerate() {
            let twice = all[..at].iter().any(|other| other.text == hazard.text);
            assert!(!twice, "{}", hazard.text);
        }
    }
}
