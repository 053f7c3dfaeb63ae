//! Text: what people type, and the concepts it mentions.
//!
//! A payer who is being told what to type sometimes types it: "legal advice", "warrant". Matching
//! works on whole words and never on parts of them, because "Bailey" is not bail and "Legal &
//! General" is not legal advice. A mention is kept with the text it stands in and where, so that
//! staff can see what was read.
//!
//! Never decides what a mention is worth, and never keeps the text itself.

use crate::tagged::{choice, record};

pub mod lexicon;
pub mod words;

pub use lexicon::{Draft, Lexicon, PhraseError};

/// An idea that phrases stand for. Permanent: a number or name is never used for another one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Concept {
    /// Being advised or represented by a lawyer, and paying for it.
    LegalAdvice,
    /// A person or firm of that profession.
    Solicitor,
    /// A warrant for somebody's arrest.
    Warrant,
    /// Money that keeps somebody out of a cell.
    Bail,
    /// The costs, fees and orders of a court.
    Court,
    /// The money is promised back.
    RefundPromise,
    /// A refund, without a promise of one: honest people return money too.
    Refund,
    /// A cheque, which is what the money is promised back by.
    Cheque,
}

choice!(Concept {
    1 LegalAdvice,
    2 Solicitor,
    3 Warrant,
    4 Bail,
    5 Court,
    6 RefundPromise,
    7 Refund,
    8 Cheque,
});

/// Which text a mention stands in. Permanent numbers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// The reference: what the payee reads on a statement, 18 characters on Faster Payments.
    Reference,
    /// The longer remittance information, at most 140 characters.
    Remittance,
    /// The purpose that the payer stated to the bank.
    Purpose,
    /// An answer that the payer typed.
    Answer,
}

choice!(Source { 1 Reference, 2 Remittance, 3 Purpose, 4 Answer });

/// One concept mentioned in one text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mention {
    /// What is mentioned.
    pub concept: Concept,
    /// Where.
    pub source: Source,
    /// First byte of the mention in that text, inclusive.
    pub from: u32,
    /// First byte after the mention in that text.
    pub until: u32,
}

record!(Mention { 1 concept, 2 source, 3 from, 4 until });

impl Concept {
    /// Every concept, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::LegalAdvice,
        Self::Solicitor,
        Self::Warrant,
        Self::Bail,
        Self::Court,
        Self::RefundPromise,
        Self::Refund,
        Self::Cheque,
    ];

    /// Returns its permanent name, as a lexicon writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LegalAdvice => "legal_advice",
            Self::Solicitor => "solicitor",
            Self::Warrant => "warrant",
            Self::Bail => "bail",
            Self::Court => "court",
            Self::RefundPromise => "refund_promise",
            Self::Refund => "refund",
            Self::Cheque => "cheque",
        }
    }

    /// Returns it as staff would say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::LegalAdvice => "legal advice",
            Self::Solicitor => "a solicitor",
            Self::Warrant => "a warrant",
            Self::Bail => "bail",
            Self::Court => "court costs",
            Self::RefundPromise => "money promised back",
            Self::Refund => "a refund",
            Self::Cheque => "a cheque",
        }
    }

    /// Returns the concept of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|concept| concept.name() == name)
    }
}

impl Source {
    /// Returns it as staff would say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reference => "the reference",
            Self::Remittance => "the remittance information",
            Self::Purpose => "the stated purpose",
            Self::Answer => "an answer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagged::Tagged;

    #[test]
    fn every_concept_is_found_by_its_name() {
        for concept in Concept::ALL {
            assert_eq!(Concept::named(concept.name()), Some(*concept));
        }
        assert_eq!(Concept::named("safe"), None);
    }

    #[test]
    fn a_mention_has_these_bytes() {
        let mention =
            Mention { concept: Concept::Cheque, source: Source::Purpose, from: 3, until: 200 };
        let want = [1, 1, 8, 2, 1, 3, 3, 1, 3, 4, 2, 0xc8, 0x01];
        assert_eq!(mention.to_bytes(), want);
        assert_eq!(Mention::take(&want), Ok(mention));
    }
}
