//! Stated: what a look at a payment stated, which a later one inherits.

use crate::tagged::{Fields, TaggedError, field_len, put_field_of, record, take_sized};
use crate::transfer::{ANSWERS_MAX, Answer, Inherited, Payee, Transfer};

/// What a look at a payment stated, which a later one inherits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stated {
    pub(super) transfer: Transfer,
    /// Which of its facts were themselves inherited.
    pub(super) inherited: Vec<Inherited>,
    pub(super) answers: Vec<Answer>,
}

record!(Stated { 1 transfer, 2 inherited, 3 answers });

impl Stated {
    /// Returns the bytes of what a look stated, cut out of those of a decision's personal part: a
    /// value has the same encoding wherever it stands.
    pub(super) fn bytes_of(personal: &[u8]) -> Result<Box<[u8]>, TaggedError> {
        let mut personal = Fields::new(personal)?;
        personal.take(1)?;
        let facts = personal.take(2)?.ok_or(TaggedError::Absent(2))?;
        let mut facts = Fields::new(facts)?;
        let transfer = facts.take(1)?;
        facts.take(2)?;
        facts.take(3)?;
        let answers = facts.take(4)?.map(first).transpose()?;
        facts.take(5)?;
        facts.take(6)?;
        let inherited = facts.take(7)?;

        let fields = [(1, transfer), (2, inherited), (3, answers)];
        let there = || fields.iter().filter_map(|(tag, value)| value.map(|value| (*tag, value)));
        let lengths = there().map(|(tag, value)| field_len(tag, value.len()));
        // Just as long as it is: these are kept, and a longer one would be copied to be cut.
        let mut bytes = Vec::with_capacity(lengths.fold(0, usize::saturating_add));
        there().for_each(|(tag, value)| put_field_of(tag, value, &mut bytes));
        Ok(bytes.into())
    }

    /// Forgets what was stated of the payee: it was not stated of another.
    pub(super) fn forget_payee(&mut self) {
        let account = self.transfer.payee.account.clone();
        self.transfer.payee = Payee {
            account,
            name: None,
            declared: None,
            provider: None,
            own: None,
            added: None,
            first_paid: None,
            times_paid: None,
            total_paid: None,
            reputation: None,
        };
        self.transfer.name_check = None;
    }
}

/// Returns the first [`ANSWERS_MAX`] of a list of answers: what was admitted early must not be
/// pushed out later.
fn first(answers: &[u8]) -> Result<&[u8], TaggedError> {
    let mut rest = answers;
    for _ in 0..ANSWERS_MAX {
        if rest.is_empty() {
            break;
        }
        take_sized(&mut rest)?;
    }
    let kept = answers.len().saturating_sub(rest.len());
    Ok(answers.get(..kept).unwrap_or(answers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::DecidedPersonal;
    use crate::signal::Facts;
    use crate::tagged::Tagged as _;
    use crate::testing::{allowed, answer, facts, request, time};
    use crate::transfer::{Fact, Stage};

    /// Cuts what was stated out of a decision about these facts, and reads it.
    fn cut(facts: Facts) -> Stated {
        let decided = allowed(request(1), 1, time("2026-11-20T15:00:00Z"));
        let personal = DecidedPersonal { facts, ..decided.personal.unwrap() };
        Stated::take(&Stated::bytes_of(&personal.to_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn what_is_cut_out_is_what_was_stated() {
        let mut facts = facts();
        let stated = |facts: &Facts| Stated {
            transfer: (*facts.transfer).clone(),
            inherited: facts.inherited.clone(),
            answers: facts.answers.clone(),
        };
        assert_eq!(cut(facts.clone()), stated(&facts));
        facts.transfer.texts.reference = Some("x".repeat(500).into());
        facts.inherited = vec![Inherited {
            fact: Fact::Rail,
            stage: Stage::Rescreen,
            stated: time("2026-11-20T15:00:00Z"),
        }];
        facts.answers = vec![answer("told_what_to_say", "yes")];
        assert_eq!(cut(facts.clone()), stated(&facts));
    }

    #[test]
    fn the_first_answers_are_kept() {
        let mut facts = facts();
        for (count, kept) in [(ANSWERS_MAX, ANSWERS_MAX), (ANSWERS_MAX + 1, ANSWERS_MAX)] {
            facts.answers = (0..count).map(|at| answer(&format!("q{at}"), "no")).collect();
            assert_eq!(cut(facts.clone()).answers, facts.answers[..kept]);
        }
    }

    #[test]
    fn what_is_no_personal_part_states_nothing() {
        assert_eq!(Stated::bytes_of(&[]), Err(TaggedError::Absent(2)));
        assert_eq!(Stated::bytes_of(&[1]), Err(TaggedError::Short));
    }
}
