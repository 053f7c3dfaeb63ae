//! Payee type mismatch: the payer was told to pay a business, and the account is a person's.
//!
//! "A solicitor will take your payment": the scheme's name check knows whether an account belongs to
//! a business, and answers with a code of its own where the name fits and the kind does not. Mules
//! are people. So are many honest traders who are paid into their own account, which is why this is
//! worth little alone.
//!
//! Quiet when the payee is the payer: what kind of account they keep is their own affair.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::payee_name_mismatch::found;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{AccountKind, Fact, NameCheck, NameResult, PayeeKind};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "payee_type_mismatch",
    code: 16,
    version: 1,
    family: Family::Structural,
    group: "name",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether a business's account counts where a person was named.
    pub business_counts: bool,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { business_counts: section.flag("business_counts")? })
    }
}

impl Look for Settings {
    /// Looks for an account of another kind than the payer was told.
    fn look(&self, facts: &Facts) -> Reading {
        if facts.transfer.payee.own == Some(true) {
            return Reading::Quiet;
        }
        let Some(account) = account_kind(facts) else {
            return Reading::Unavailable(Fact::NameCheck);
        };
        let Some(stated) = stated_kind(facts) else {
            return Reading::Unavailable(Fact::PayeeDeclared);
        };
        match (stated, account) {
            (AccountKind::Business, AccountKind::Personal) => Reading::Fired(Cow::Borrowed(
                "the payee is said to be a business, and the account is a person's",
            )),
            (AccountKind::Personal, AccountKind::Business) if self.business_counts => {
                Reading::Fired(Cow::Borrowed(
                    "the payee is said to be a person, and the account is a business's",
                ))
            }
            _ => Reading::Quiet,
        }
    }
}

/// Returns what kind of account the name check found, where it tells. A scheme that finds the name
/// and says nothing of the kind confirms the kind that it was asked for.
pub(super) fn account_kind(facts: &Facts) -> Option<AccountKind> {
    let check = facts.transfer.name_check.as_ref()?;
    let reason = reason_kind(check);
    if reason.is_some() {
        return reason;
    }
    match found(check)? {
        NameResult::CouldNotCheck => None,
        NameResult::NoMatch => check.reported,
        NameResult::Match | NameResult::CloseMatch => {
            check.reported.or(check.asked).or_else(|| declared_kind(facts))
        }
    }
}

/// Returns what the payer said; what the check was asked for where the payer's word is not known;
/// and where that is not known either, the opposite of what the reason corrects it to.
fn stated_kind(facts: &Facts) -> Option<AccountKind> {
    let check = facts.transfer.name_check.as_ref();
    declared_kind(facts).or_else(|| check?.asked).or_else(|| {
        Some(match reason_kind(check?)? {
            AccountKind::Personal => AccountKind::Business,
            AccountKind::Business => AccountKind::Personal,
        })
    })
}

fn declared_kind(facts: &Facts) -> Option<AccountKind> {
    Some(match facts.transfer.payee.declared? {
        PayeeKind::Person => AccountKind::Personal,
        PayeeKind::Business => AccountKind::Business,
    })
}

/// Returns the kind that the scheme's reason corrects the question to.
fn reason_kind(check: &NameCheck) -> Option<AccountKind> {
    match check.reason.as_deref()? {
        "PANM" | "PAMM" => Some(AccountKind::Personal),
        "BANM" | "BAMM" => Some(AccountKind::Business),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, name_check};

    /// Looks at a payee declared so, under a check that was asked for one kind and answered with a
    /// result, a reason and perhaps a kind; business accounts counting not and counting.
    #[track_caller]
    fn check(
        declared: Option<PayeeKind>,
        asked: Option<AccountKind>,
        answer: (Option<NameResult>, &str, Option<AccountKind>),
        want: [&Reading; 2],
    ) {
        let (result, reason, reported) = answer;
        let mut facts = facts();
        facts.transfer.payee.declared = declared;
        facts.transfer.name_check =
            Some(NameCheck { asked, reported, ..name_check(result, reason) });
        let look = |facts: &Facts| {
            [false, true].map(|business_counts| Settings { business_counts }.look(facts))
        };
        assert_eq!(look(&facts).each_ref(), want);
        facts.transfer.payee.own = Some(true);
        assert_eq!(look(&facts), [Quiet, Quiet]);
    }

    const PERSON: Option<PayeeKind> = Some(PayeeKind::Person);
    const BUSINESS: Option<PayeeKind> = Some(PayeeKind::Business);
    const PERSONAL: Option<AccountKind> = Some(AccountKind::Personal);
    const COMPANY: Option<AccountKind> = Some(AccountKind::Business);
    const CLOSE: Option<NameResult> = Some(NameResult::CloseMatch);
    const MATCH: Option<NameResult> = Some(NameResult::Match);

    #[test]
    fn the_schemes_own_codes_tell_the_kind() {
        let personal = &Reading::Fired(
            "the payee is said to be a business, and the account is a person's".into(),
        );
        let business = &Reading::Fired(
            "the payee is said to be a person, and the account is a business's".into(),
        );
        for reason in ["PANM", "PAMM"] {
            check(BUSINESS, COMPANY, (CLOSE, reason, None), [personal, personal]);
            check(None, COMPANY, (CLOSE, reason, None), [personal, personal]);
            check(None, None, (None, reason, None), [personal, personal]);
            // The bank asked for another kind than the payer said.
            check(PERSON, COMPANY, (CLOSE, reason, None), [&Quiet, &Quiet]);
        }
        for reason in ["BANM", "BAMM"] {
            check(PERSON, PERSONAL, (CLOSE, reason, None), [&Quiet, business]);
            check(None, None, (CLOSE, reason, None), [&Quiet, business]);
            check(BUSINESS, PERSONAL, (CLOSE, reason, None), [&Quiet, &Quiet]);
        }
    }

    #[test]
    fn a_kind_that_is_told_back_is_compared_with_what_was_said() {
        let personal = &Reading::Fired(
            "the payee is said to be a business, and the account is a person's".into(),
        );
        check(BUSINESS, None, (MATCH, "", PERSONAL), [personal, personal]);
        check(BUSINESS, COMPANY, (MATCH, "", PERSONAL), [personal, personal]);
        check(BUSINESS, COMPANY, (MATCH, "", COMPANY), [&Quiet, &Quiet]);
        check(BUSINESS, COMPANY, (MATCH, "", None), [&Quiet, &Quiet]);
        check(BUSINESS, None, (CLOSE, "MBAM", None), [&Quiet, &Quiet]);
        check(PERSON, PERSONAL, (MATCH, "", None), [&Quiet, &Quiet]);
        // A man declared a business, and the check asked for a person and found one.
        check(BUSINESS, PERSONAL, (MATCH, "", None), [personal, personal]);
    }

    #[test]
    fn needs_a_check_that_tells_and_somebodys_word() {
        let no_check = &Unavailable(Fact::NameCheck);
        let other = Some(NameResult::NoMatch);
        let unknown = Some(NameResult::CouldNotCheck);
        check(BUSINESS, COMPANY, (other, "ANNM", None), [no_check, no_check]);
        check(BUSINESS, COMPANY, (unknown, "", None), [no_check, no_check]);
        check(BUSINESS, COMPANY, (CLOSE, "OPTO", None), [no_check, no_check]);
        check(None, None, (MATCH, "", None), [no_check, no_check]);
        let no_word = &Unavailable(Fact::PayeeDeclared);
        check(None, None, (MATCH, "", PERSONAL), [no_word, no_word]);
        assert_eq!(Settings { business_counts: false }.look(&facts()), *no_check);
    }
}
