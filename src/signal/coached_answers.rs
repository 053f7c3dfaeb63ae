//! Coached answers: the payer says that somebody told them what to say, or to keep it secret.
//!
//! Nobody outside the story has a reason to say yes: no builder and no solicitor tells a customer
//! what to tell the bank. Few victims admit it, and those who do are right.
//!
//! Quiet where nobody was asked: a question that was not put is no fact that the bank lacks. A no is
//! worth nothing either way, because victims are told to say it.

use std::borrow::Cow;

use crate::document::{Section, all};
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "coached_answers",
    code: 23,
    version: 1,
    family: Family::Coercion,
    group: "admission",
    recalls: false,
    settings: |section| Some(Box::new(Settings { admits: Admits::read(section)? })),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is an admission.
    pub admits: Admits,
}

impl Look for Settings {
    /// Looks for an admission.
    fn look(&self, facts: &Facts) -> Reading {
        self.admits.look(facts, "the payer was told what to say")
    }
}

/// Which answers admit something.
#[derive(Clone, Debug)]
pub struct Admits {
    /// Ids of the questions, in whatever warning they stand.
    pub questions: Vec<Box<str>>,
    /// Id of the option that admits it.
    pub option: Box<str>,
}

impl Admits {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let questions = section.texts("questions").and_then(|ids| {
            if ids.is_empty() {
                let advice = "name a question of the warnings";
                section.report("questions", "`questions` is empty", advice);
                return None;
            }
            all(ids.iter().map(|id| {
                if !is_id(id.text) {
                    let message = format!("`{}` is no id of a question", id.text);
                    section.report_at(id.line, message, ID_ADVICE);
                    return None;
                }
                Some(id.text.into())
            }))
        });
        let option = section.parsed("option", "the id of an option, such as \"yes\"", |id| {
            is_id(id).then(|| id.into())
        });
        Some(Self { questions: questions?, option: option? })
    }

    /// Looks for the option chosen under one of the questions.
    pub(super) fn look(&self, facts: &Facts, what: &str) -> Reading {
        let admitted = facts.answers.iter().find(|answer| {
            let chosen = answer.option.as_deref() == Some(&*self.option);
            chosen && self.questions.contains(&answer.question)
        });
        match admitted {
            Some(answer) => {
                let (question, option) = (&answer.question, &self.option);
                Reading::Fired(Cow::Owned(format!("{what} (`{question}`: {option})")))
            }
            None => Reading::Quiet,
        }
    }
}

/// Tells whether a text is an id as the API writes them.
fn is_id(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(sound)
}

/// Longest id of a question or an option: what the API takes.
const ID_BYTES_MAX: usize = 64;
const ID_ADVICE: &str = "write lower-case letters, digits and underscores, at most 64";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answer, facts, read_section};

    #[track_caller]
    fn check(answers: &[(&str, &str)], want: &Reading) {
        let admits = Admits {
            questions: vec!["told_what_to_say".into(), "told_to_keep_secret".into()],
            option: "yes".into(),
        };
        let mut facts = facts();
        facts.answers = answers.iter().map(|(question, option)| answer(question, option)).collect();
        assert_eq!(&Settings { admits }.look(&facts), want);
    }

    #[test]
    fn one_admission_is_enough_and_is_not_taken_back() {
        let said = Reading::Fired("the payer was told what to say (`told_what_to_say`: yes)".into());
        let secret =
            Reading::Fired("the payer was told what to say (`told_to_keep_secret`: yes)".into());
        check(&[("told_what_to_say", "yes")], &said);
        check(&[("told_to_keep_secret", "yes"), ("told_what_to_say", "no")], &secret);
        check(&[("told_what_to_say", "yes"), ("told_what_to_say", "no")], &said);
    }

    #[test]
    fn a_denial_another_question_and_no_answer_say_nothing() {
        check(&[], &Reading::Quiet);
        check(&[("told_what_to_say", "no"), ("told_to_keep_secret", "no")], &Reading::Quiet);
        check(&[("told_to_hurry", "yes")], &Reading::Quiet);
        check(&[("told_what_to_say", "perhaps")], &Reading::Quiet);
    }

    #[test]
    fn settings_name_questions_and_an_option() {
        let read = |text| {
            let (admits, problems) = read_section(text, Admits::read);
            (admits.is_some(), problems)
        };
        assert_eq!(read("questions = [\"a_1\"]\noption = \"yes\""), (true, vec![]));
        for (text, problem) in [
            (
                "questions = []\noption = \"yes\"",
                "a.toml:1: `questions` is empty: name a question of the warnings",
            ),
            (
                "questions = [\"Told?\"]\noption = \"yes\"",
                "a.toml:1: `Told?` is no id of a question: write lower-case letters, digits and \
                 underscores, at most 64",
            ),
            (
                "questions = [\"a\"]\noption = \"Yes!\"",
                "a.toml:2: `option` cannot be read: write the id of an option, such as \"yes\"",
            ),
        ] {
            assert_eq!(read(text), (false, vec![problem.to_owned()]));
        }
    }
}
