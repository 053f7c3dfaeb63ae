//! Payee name mismatch: the account belongs to somebody else than the payer thinks.
//!
//! The payer is told a name that sounds right and an account that belongs to a mule, and that the
//! bank's check "is bound to fail, the account is not set up yet". Maiden names, trading names and
//! slips fail the check as well, so near matches count only where a policy says so.
//!
//! A check that could not be made is a missing fact, never a mismatch: the payee's bank may be down,
//! opted out or have moved the account.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{Fact, NameCheck, NameResult};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "payee_name_mismatch",
    code: 4,
    version: 1,
    family: Family::Structural,
    group: "name",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether a near match counts as well.
    pub close_counts: bool,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { close_counts: section.flag("close_counts")? })
    }
}

impl Look for Settings {
    /// Looks for a name check that found another name.
    fn look(&self, facts: &Facts) -> Reading {
        let result = facts.transfer.name_check.as_ref().and_then(found);
        match result {
            Some(NameResult::NoMatch) => {
                Reading::Fired(Cow::Borrowed("the account is in another name"))
            }
            Some(NameResult::CloseMatch) if self.close_counts => {
                Reading::Fired(Cow::Borrowed("the account is in a similar name"))
            }
            Some(NameResult::Match | NameResult::CloseMatch) => Reading::Quiet,
            Some(NameResult::CouldNotCheck) | None => Reading::Unavailable(Fact::NameCheck),
        }
    }
}

/// Returns what the check found. The reason decides where it says that nothing could be checked,
/// because providers report those reasons under different results; the result decides otherwise.
pub(super) fn found(check: &NameCheck) -> Option<NameResult> {
    match (check.reason.as_deref(), check.result) {
        (Some("IVCR" | "ACNS" | "OPTO" | "CASS" | "SCNS"), _) => Some(NameResult::CouldNotCheck),
        (_, Some(result)) => Some(result),
        (Some("ANNM" | "AC01"), None) => Some(NameResult::NoMatch),
        (Some("MBAM" | "BANM" | "PANM" | "BAMM" | "PAMM"), None) => Some(NameResult::CloseMatch),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::facts;

    /// Looks at a check with `result` and `reason`, near matches counting not and counting.
    #[track_caller]
    fn check(result: Option<NameResult>, reason: Option<&str>, want: [&Reading; 2]) {
        let mut facts = facts();
        facts.transfer.name_check = Some(NameCheck {
            result,
            reason: reason.map(Into::into),
            asked: None,
            reported: None,
            checked: None,
        });
        let readings = [false, true].map(|close_counts| Settings { close_counts }.look(&facts));
        assert_eq!(readings.each_ref(), want);
    }

    #[test]
    fn another_name_fires_and_a_near_one_where_the_policy_says_so() {
        let other = &Reading::Fired("the account is in another name".into());
        let close = &Reading::Fired("the account is in a similar name".into());
        check(Some(NameResult::Match), None, [&Quiet, &Quiet]);
        check(Some(NameResult::NoMatch), Some("ANNM"), [other, other]);
        check(Some(NameResult::NoMatch), Some("NEW1"), [other, other]);
        check(Some(NameResult::CloseMatch), Some("MBAM"), [&Quiet, close]);
        check(None, Some("ANNM"), [other, other]);
        check(None, Some("AC01"), [other, other]);
        check(None, Some("PANM"), [&Quiet, close]);
    }

    #[test]
    fn a_check_that_could_not_be_made_is_a_missing_fact() {
        let missing = &Unavailable(Fact::NameCheck);
        for reason in ["IVCR", "ACNS", "OPTO", "CASS", "SCNS"] {
            check(Some(NameResult::NoMatch), Some(reason), [missing, missing]);
            check(None, Some(reason), [missing, missing]);
        }
        check(Some(NameResult::CouldNotCheck), None, [missing, missing]);
        check(None, Some("NEW1"), [missing, missing]);
        check(None, None, [missing, missing]);
        assert_eq!(Settings { close_counts: true }.look(&facts()), *missing);
    }
}
