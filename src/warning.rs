//! Warning: what the payer is shown.

use crate::tagged::record;

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
    /// What may be answered, in order; two at least.
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
