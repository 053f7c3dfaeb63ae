//! Policy: everything that fraud teams decide, checked and immutable.
//!
//! A policy is a folder of TOML files: `policy.toml` (signals, typologies, limits), `lexicon.toml`
//! (phrases), `warnings/<locale>.toml` (words) and `cases.toml` (stories with the decision they must
//! get). [`load`] alone makes a [`Policy`], and only out of files without a single problem, so code
//! that holds one never meets a name that leads nowhere.
//!
//! The digest of all files names a policy everywhere. It is never put together from layers or
//! overridden from outside: what decided must be what was checked.
//!
//! Never decides: that is `decision`'s.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::document::{Problem, Problems};
use crate::money::{Amount, Currency, Money};
use crate::signal::{Kind, Look};
use crate::text::{Concept, Lexicon, Mention, Source};
use crate::transfer::{Answer, Texts};
use crate::warning::Warnings;

mod check;
mod files;
mod read;
mod typology;

pub use files::Files;

/// A policy without problems.
#[derive(Debug)]
pub struct Policy {
    digest: [u8; 32],
    files: Files,
    currency: Currency,
    /// Units of `currency` that one unit of another is worth.
    rates: Vec<(Currency, Decimal)>,
    lexicon: Lexicon,
    warnings: Warnings,
    watches: Vec<Watch>,
    typologies: Vec<Typology>,
    cannot_ask: CannotAsk,
    distrusted: Signals,
    /// Signals that cancel others where they fire, and which.
    cancelling: Vec<(usize, Signals)>,
}

/// A signal as a policy watches for it.
#[derive(Debug)]
pub struct Watch {
    /// What is the same of it under every policy.
    pub kind: &'static Kind,
    /// How to look for it.
    pub look: Box<dyn Look>,
    /// What it weighs where a typology does not say otherwise; never above zero for a protective
    /// one.
    pub points: i64,
    /// What it weighs where a fact was missing.
    pub unavailable: i64,
}

/// A story with thresholds.
#[derive(Debug)]
pub struct Typology {
    /// Permanent name. Shared with every decision that it is weighed in.
    pub id: Arc<str>,
    /// Of several that reach the same step, the lowest leads. No two have the same.
    pub priority: u32,
    /// UK Finance's category.
    pub scam_type: Box<str>,
    /// Of each of these, one signal at least must have fired.
    pub needs: Vec<Signals>,
    /// Of these concepts one at least must be mentioned; where it is empty, none.
    pub mentions: Vec<Concept>,
    /// What each signal that it counts weighs, by evidence group.
    pub groups: Vec<Group>,
    /// The signals that it counts.
    pub counted: Signals,
    /// Those of them that weigh something where a fact was missing.
    pub misses: Signals,
    /// Those of them that speak against a transfer: all but protection.
    pub suspicious: Signals,
    /// Points from which to inform, inclusive.
    pub inform_from: i64,
    /// Points from which to ask, inclusive.
    pub ask_from: i64,
    /// Points from which no answer releases, inclusive.
    pub review_from: i64,
    /// Points from which to hold, inclusive.
    pub hold_from: i64,
    /// What becomes of its hold for answers where nobody can be asked; absent where the policy says it
    /// for all.
    pub cannot_ask: Option<CannotAsk>,
    /// Smallest amount it speaks of, inclusive, in the policy's currency.
    pub amount_min: Amount,
    /// The warning that tells the story.
    pub warning: Box<str>,
}

impl Typology {
    /// Returns what becomes of its hold for answers where nobody can be asked: of one whose screen is
    /// `distrusted` it is what the policy says for all.
    pub fn cannot_ask(&self, distrusted: bool, policy: &Policy) -> CannotAsk {
        self.cannot_ask.filter(|_| !distrusted).unwrap_or(policy.cannot_ask())
    }
}

/// What the signals of one evidence group weigh in one typology.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// The signals in it: nearly always none of them speaks.
    pub members: Signals,
    /// What each of them weighs, in the order of the signals.
    pub weights: Vec<Weight>,
}

/// What one signal weighs in one typology.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Weight {
    /// Place of the signal among the policy's watches.
    pub watch: usize,
    /// Number of its evidence group; those of one group stand together.
    pub group: usize,
    /// What it weighs where it fired.
    pub points: i64,
    /// What it weighs where a fact was missing.
    pub unavailable: i64,
}

/// A set of signals: a bit for each place among the policy's watches.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Signals(u64);

/// What becomes of a hold for answers where nobody can be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CannotAsk {
    /// It is kept for a person.
    Review,
    /// It may leave.
    Allow,
}

/// Reads a policy.
///
/// What decided once must be readable as long as its decisions are, so this asks for no more than
/// that every name leads somewhere and every value is one. Whether a policy is fit to decide is
/// asked once, before it is activated, by [`admit`].
///
/// # Errors
///
/// Every problem of every file, by file and line.
pub fn load(files: Files) -> Result<Policy, Vec<Problem>> {
    read::read(files)
}

/// Returns the words of files that need not be a policy, as far as they can be read, so that a draft
/// can be looked at. What is wrong with them is [`load`]'s to tell.
pub fn words(files: &Files) -> Warnings {
    read::words(files)
}

/// Reads a policy that has not decided yet, and checks whether it is fit to: that its thresholds
/// are within reach, its typologies tell themselves apart and need evidence of more than one kind,
/// its phrases and words are used and can be understood.
///
/// Every problem is noted, those of [`load`] as well. Returns a policy wherever [`load`] would, so
/// that its cases can be run and told in the same breath; it is to be used where nothing was noted.
/// Does not run its cases: those need deciding, and `decision::check` runs them.
pub fn admit(files: Files, problems: &Problems) -> Option<Policy> {
    read::admit(files, problems)
}

/// Returns the files of the policy that is compiled in.
pub fn standard() -> Files {
    let mut files = Files::default();
    for (path, contents) in STANDARD {
        files.insert(path, contents.as_bytes());
    }
    files
}

impl Policy {
    /// Returns SHA-256 of the files' canonical bytes.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Returns the files it was read from.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Returns its phrases.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// Returns its words.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Returns the signals it watches for, in the order of the list of signals.
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// Returns its typologies, in the order of the file.
    pub fn typologies(&self) -> &[Typology] {
        &self.typologies
    }

    /// Returns what becomes of a hold for answers where nobody can be asked.
    pub fn cannot_ask(&self) -> CannotAsk {
        self.cannot_ask
    }

    /// Returns the signals that say the screen cannot be trusted.
    pub fn distrusted(&self) -> Signals {
        self.distrusted
    }

    /// Returns the signals that cancel others where they fire, and which others.
    pub fn cancelling(&self) -> &[(usize, Signals)] {
        &self.cancelling
    }

    /// Returns what `money` is worth in the policy's currency; `None` without a rate.
    pub fn worth(&self, money: Money) -> Option<Decimal> {
        if money.currency == self.currency {
            return Some(money.amount.value());
        }
        let (_, rate) = self.rates.iter().find(|(currency, _)| *currency == money.currency)?;
        Some(money.amount.value().checked_mul(*rate).unwrap_or(Decimal::MAX))
    }

    /// Returns what the texts of a transfer and the payer's answers mention.
    pub fn mentions(&self, texts: &Texts, answers: &[Answer]) -> Vec<Mention> {
        let mut mentions = Vec::new();
        for (source, text) in [
            (Source::Reference, &texts.reference),
            (Source::Remittance, &texts.remittance),
            (Source::Purpose, &texts.purpose),
        ] {
            if let Some(text) = text {
                self.lexicon.mentions(source, text, &mut mentions);
            }
        }
        for text in answers.iter().filter_map(|answer| answer.text.as_deref()) {
            self.lexicon.mentions(Source::Answer, text, &mut mentions);
        }
        mentions
    }
}

impl Typology {
    /// Returns what everything that it counts comes to at once, with nothing that speaks for the
    /// payment.
    pub fn most(&self) -> i64 {
        let strongest = |group: &Group| group.weights.iter().map(|weight| weight.points).max();
        let strongest = self.groups.iter().filter_map(strongest);
        strongest.fold(0, |sum: i64, points| sum.saturating_add(points.max(0)))
    }

    /// Tells whether what it wants mentioned is.
    pub fn is_told(&self, mentions: &[Mention]) -> bool {
        let told = |concept: &Concept| mentions.iter().any(|mention| mention.concept == *concept);
        self.mentions.is_empty() || self.mentions.iter().any(told)
    }
}

impl Signals {
    /// Tells whether every signal of it is one of `other`.
    pub fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Returns those at these places among the watches.
    pub fn at(watches: impl IntoIterator<Item = usize>) -> Self {
        let mut signals = Self::default();
        watches.into_iter().for_each(|watch| signals.add(watch));
        signals
    }

    /// Adds the signal at that place among the watches.
    pub fn add(&mut self, watch: usize) {
        self.0 |= bit(watch);
    }

    /// Tells whether the two sets share a signal.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Tells whether it holds the signal at that place.
    pub fn has(self, watch: usize) -> bool {
        self.0 & bit(watch) != 0
    }

    /// Returns those of them that are not in `other`.
    pub fn less(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns those of them that are in `other` too.
    pub fn of(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns them and those of `other`.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether it holds no signal.
    pub fn none(self) -> bool {
        self.0 == 0
    }
}

/// Returns the bit of a place; a policy has at most [`WATCHES_MAX`] of them.
fn bit(watch: usize) -> u64 {
    u32::try_from(watch).ok().and_then(|watch| 1_u64.checked_shl(watch)).unwrap_or(0)
}

/// Most signals that one policy can watch for.
pub const WATCHES_MAX: usize = 64;

const STANDARD: [(&str, &str); 9] = [
    ("policy.toml", include_str!("../deploy/policy/standard/policy.toml")),
    ("lexicon.toml", include_str!("../deploy/policy/standard/lexicon.toml")),
    ("cases.toml", include_str!("../deploy/policy/standard/cases.toml")),
    ("warnings/cy.toml", include_str!("../deploy/policy/standard/warnings/cy.toml")),
    (
        "warnings/cy-x-large.toml",
        include_str!("../deploy/policy/standard/warnings/cy-x-large.toml"),
    ),
    (
        "warnings/cy-x-phone.toml",
        include_str!("../deploy/policy/standard/warnings/cy-x-phone.toml"),
    ),
    ("warnings/en.toml", include_str!("../deploy/policy/standard/warnings/en.toml")),
    (
        "warnings/en-x-large.toml",
        include_str!("../deploy/policy/standard/warnings/en-x-large.toml"),
    ),
    (
        "warnings/en-x-phone.toml",
        include_str!("../deploy/policy/standard/warnings/en-x-phone.toml"),
    ),
];

#[cfg(test)]
mod tests;
