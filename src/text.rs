//! Text: what people type, and the concepts it mentions.
//!
//! A payer who is being told what to type sometimes types it: "legal advice", "warrant". Matching
//! works on whole words and never on parts of them, because "Bailey" is not bail and "Legal &
//! General" is not legal advice. It sees through what people do to words, by accident or so as not
//! to be read: case, letters set apart, words run together, digits and look-alikes for letters, one
//! slip in a long word, and the end of a field that cuts the last word off. A mention is kept with
//! the text it stands in and where, so that staff can see what was read.
//!
//! Never decides what a mention is worth, and never keeps the text itself.

use crate::tagged::{choice, record};

pub mod hazards;
pub mod lexicon;
pub mod plain;
mod row;
mod slips;
mod vocabulary;
pub mod words;

pub use hazards::Hazard;
pub use lexicon::{Draft, Lexicon, Listed, MENTIONS_MAX, PhraseError, Spoken};

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
    /// Somebody's arrest, or the threat of it.
    Arrest,
    /// A fine or penalty to be paid.
    Fine,
    /// The police, one of their ranks or one of their numbers.
    Police,
    /// An authority that callers say they come from: the National Crime Agency, HMRC, the FCA,
    /// Interpol, Action Fraud and Report Fraud, the Home Office, an embassy.
    Agency,
    /// Somebody who works for a bank, its fraud team above all.
    BankStaff,
    /// An investigation, and helping with one.
    Investigation,
    /// An account that keeps money safe from somebody.
    SafeAccount,
    /// Haste.
    Urgency,
    /// That nobody is to know, or what the bank is to be told.
    Secrecy,
    /// A deposit, bond or surety that is held until something is over.
    DepositBond,
    /// Somebody who comes and collects.
    Courier,
    /// Tax that is owed.
    Tax,
    /// Money lost to an earlier scam, and getting it back.
    Recovery,
    /// Visas, leave to remain and deportation.
    Immigration,
    /// Looking into something, and what is found: the police's words, and anybody's.
    Inquiry,
    /// An account of one's own.
    OwnAccount,
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
    9 Arrest,
    10 Fine,
    11 Police,
    12 Agency,
    13 BankStaff,
    14 Investigation,
    15 SafeAccount,
    16 Urgency,
    17 Secrecy,
    18 DepositBond,
    19 Courier,
    20 Tax,
    21 Recovery,
    22 Immigration,
    23 Inquiry,
    24 OwnAccount,
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
        Self::Arrest,
        Self::Fine,
        Self::Police,
        Self::Agency,
        Self::BankStaff,
        Self::Investigation,
        Self::SafeAccount,
        Self::Urgency,
        Self::Secrecy,
        Self::DepositBond,
        Self::Courier,
        Self::Tax,
        Self::Recovery,
        Self::Immigration,
        Self::Inquiry,
        Self::OwnAccount,
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
            Self::Arrest => "arrest",
            Self::Fine => "fine",
            Self::Police => "police",
            Self::Agency => "agency",
            Self::BankStaff => "bank_staff",
            Self::Investigation => "investigation",
            Self::SafeAccount => "safe_account",
            Self::Urgency => "urgency",
            Self::Secrecy => "secrecy",
            Self::DepositBond => "deposit_bond",
            Self::Courier => "courier",
            Self::Tax => "tax",
            Self::Recovery => "recovery",
            Self::Immigration => "immigration",
            Self::Inquiry => "inquiry",
            Self::OwnAccount => "own_account",
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
            Self::Arrest => "an arrest",
            Self::Fine => "a fine",
            Self::Police => "the police",
            Self::Agency => "an authority",
            Self::BankStaff => "bank staff",
            Self::Investigation => "an investigation",
            Self::SafeAccount => "a safe account",
            Self::Urgency => "haste",
            Self::Secrecy => "secrecy",
            Self::DepositBond => "a deposit or bond",
            Self::Courier => "a courier",
            Self::Tax => "tax",
            Self::Recovery => "the recovery of lost money",
            Self::Immigration => "immigration",
            Self::Inquiry => "an inquiry",
            Self::OwnAccount => "an own account",
        }
    }

    /// Returns the concept of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|concept| concept.name() == name)
    }
}

impl Source {
    /// Tells whether a text of so many characters fills its field, so that its last word may be cut
    /// off.
    pub const fn filled(self, chars: usize) -> bool {
        match self {
            // Faster Payments, and the structured reference of ISO 20022.
            Self::Reference => chars == 18 || 35 <= chars,
            Self::Remittance | Self::Purpose | Self::Answer => 140 <= chars,
        }
    }

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
    fn a_field_is_filled_at_its_length() {
        for (source, chars, want) in [
            (Source::Reference, 17, false),
            (Source::Reference, 18, true),
            (Source::Reference, 19, false),
            (Source::Reference, 34, false),
            (Source::Reference, 35, true),
            (Source::Remittance, 139, false),
            (Source::Remittance, 140, true),
            (Source::Purpose, 140, true),
            (Source::Answer, 140, true),
        ] {
            assert_eq!(source.filled(chars), want, "{source:?} {chars}");
        }
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
