//! Warning: what the payer is shown.
//!
//! A warning that says "this may be a scam" is clicked away; one that tells the story the payer is in
//! breaks it. So each typology has a script of its own, in a version, for each step: inform, ask,
//! hold. Scripts are words of a policy: complete in every language, checked and compiled before the
//! policy exists.
//!
//! A script may fill in the amount and what the bank says of itself, and nothing else: never a word
//! that was typed into the transfer, because a scammer dictated it.

use crate::money::Money;
use crate::tagged::{choice, record};

mod check;
mod locale;
mod missing;
mod plain;
mod script;
mod template;

pub use check::{Chosen, check};
pub use locale::Tag;
pub use script::{Answered, Draft, Warnings, name};

/// How far to go with a payer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Show a warning and let it leave.
    Inform,
    /// Interrupt with questions.
    Ask,
    /// Keep it for a person.
    Hold,
}

choice!(Step { 1 Inform, 2 Ask, 3 Hold });

impl Step {
    /// Every step, weakest first.
    pub const ALL: [Self; 3] = [Self::Inform, Self::Ask, Self::Hold];

    /// Returns its name in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inform => "inform",
            Self::Ask => "ask",
            Self::Hold => "hold",
        }
    }
}

/// Chooses one script and one of its wordings.
#[derive(Clone, Copy, Debug)]
pub struct Pick<'a> {
    /// The script's id.
    pub id: &'a str,
    /// For which step.
    pub step: Step,
    /// Which wording of its questions, from 0; counts on from the first after the last.
    pub variant: u32,
    /// BCP 47 language tag; the nearest words there are stand in for those there are not: those of
    /// the same language in the same form (`cy-GB-x-large` → `cy-x-large`), of the language (`cy`),
    /// of the policy's own language in that form, of the policy's own language.
    pub locale: &'a str,
}

/// What may be filled in, besides what the bank says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Blanks<'a> {
    /// What is to be sent.
    pub money: Money,
    /// Until when it is kept, as the payer would say it; absent where that is not known.
    pub deadline: Option<&'a str>,
}

/// What a bank says of itself in its warnings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bank {
    /// What it calls itself.
    pub name: Box<str>,
    /// The number to call it on, or where to find it.
    pub phone: Box<str>,
    /// Whether 159 reaches it.
    pub on_159: bool,
    /// What it says of itself in other languages.
    pub elsewhere: Vec<Elsewhere>,
}

/// What a bank says of itself in one more language.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Elsewhere {
    /// The language, such as `cy`: of every form that its words are given in.
    pub language: Box<str>,
    /// What it calls itself.
    pub name: Box<str>,
    /// The number to call it on, or where to find it.
    pub phone: Box<str>,
}

impl Bank {
    /// Returns a bank that says the same of itself in every language and is not on 159.
    pub fn of(name: &str, phone: &str) -> Self {
        Self { name: name.into(), phone: phone.into(), on_159: false, elsewhere: Vec::new() }
    }

    /// Returns its name and number as they are said in a language.
    pub fn named(&self, language: &str) -> (&str, &str) {
        let found = self.elsewhere.iter().find(|elsewhere| *elsewhere.language == *language);
        found.map_or((&self.name, &self.phone), |found| (&found.name, &found.phone))
    }
}

/// A warning as the payer reads it, every blank filled in. Recorded before it is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Words {
    /// The script's id.
    pub id: Box<str>,
    /// The script's version.
    pub version: u32,
    /// BCP 47 language tag, such as `en`.
    pub locale: Box<str>,
    /// One line.
    pub title: Box<str>,
    /// What to read, in order.
    pub paragraphs: Vec<Box<str>>,
    /// The label of the most prominent button: what is safe to do.
    pub safe_action: Box<str>,
    /// What to ask, in order; empty where nothing is asked.
    pub questions: Vec<Question>,
    /// SHA-256 of the script as the policy has it, before blanks are filled in.
    pub digest: [u8; 32],
}

/// One closed question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// Its id, to which an answer refers.
    pub id: Box<str>,
    /// What to ask.
    pub text: Box<str>,
    /// What may be answered, in order; two at least. None of them says which one admits anything.
    pub options: Vec<Choice>,
}

/// One answer that may be chosen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// Its id, such as `yes`.
    pub id: Box<str>,
    /// What the button says.
    pub text: Box<str>,
}

record!(Words {
    1 id, 2 version, 3 locale, 4 title, 5 paragraphs, 6 safe_action, 7 questions, 8 digest,
});
record!(Question { 1 id, 2 text, 3 options });
record!(Choice { 1 id, 2 text });

#[cfg(test)]
mod tests;
