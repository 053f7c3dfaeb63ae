//! Signal: the signs of a scam, what they look at and what can come of looking.
//!
//! A signal reads one of three things: **fired**, with evidence for staff; **quiet**; or
//! **unavailable**, naming the fact that was missing. Each lives in a file of its own below and owns
//! its settings; it knows nothing of points, typologies or other signals. Signals that see the same
//! event share an evidence group, of which a policy counts only the strongest.
//!
//! To add one: write its file, add its line to the list below, give it settings and points in a
//! policy.

use std::borrow::Cow;
use std::fmt;

use crate::calendar::Time;
use crate::document::Section;
use crate::history::Recall;
use crate::tagged::{choice, record};
use crate::text::Mention;
use crate::transfer::{Answer, Fact, Inherited, Rejected, Stage, Transfer};

/// Everything that deciding reads besides the policy. Written to the log whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// The transfer, with what earlier looks at the payment stated.
    pub transfer: Box<Transfer>,
    /// Where in the payment's life the bank asks.
    pub stage: Stage,
    /// Whether the payer can be asked a question now.
    pub can_ask: bool,
    /// What the payer answered.
    pub answers: Vec<Answer>,
    /// What the texts mention.
    pub mentions: Vec<Mention>,
    /// What is remembered.
    pub recall: Recall,
    /// Which facts of the transfer an earlier look stated.
    pub inherited: Vec<Inherited>,
    /// Log time of the decision.
    pub decided: Time,
    /// How the service ran.
    pub mode: Mode,
    /// Chooses between equivalent wordings.
    pub seed: u64,
    /// What the request stated in a form that could not be read.
    pub rejected: Vec<Rejected>,
}

record!(Facts {
    1 transfer, 2 stage, 3 can_ask, 4 answers, 5 mentions, 6 recall, 7 inherited, 8 decided,
    9 mode, 10 seed, 11 rejected,
});

impl Facts {
    /// Tells whether the bank itself vouches for the payee's account: as the payer's own, or by one of its lists.
    fn is_vouched(&self) -> bool {
        let listed = self.recall.client_account.is_some() || self.recall.biller.is_some();
        listed || self.transfer.payee.own == Some(true)
    }
}

/// How the service ran when it decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// With everything it remembers.
    Normal,
    /// From the memory it had, into a log of its own.
    Degraded,
}

choice!(Mode { 1 Normal, 2 Degraded });

/// What came of looking.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reading {
    /// The sign is there, with what was seen, in plain English for staff.
    Fired(Cow<'static, str>),
    /// The sign is not there.
    Quiet,
    /// A fact was missing, so nobody can tell.
    Unavailable(Fact),
}

/// A signal with the settings that a policy gives it.
pub trait Look: fmt::Debug + Send + Sync {
    /// Looks at the facts. Never fails, and its work is bounded.
    fn look(&self, facts: &Facts) -> Reading;
}

/// What is the same of a signal under every policy.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Name in policies and answers. Permanent.
    pub id: &'static str,
    /// Number in the log. Permanent.
    pub code: u32,
    /// Raised whenever the same facts and settings may read differently.
    pub version: u32,
    /// What it is a sign of.
    pub family: Family,
    /// The event it sees: signals that see the same one share this.
    pub group: &'static str,
    /// Whether it reads what is remembered or when it is decided, and so cannot look before.
    pub recalls: bool,
    /// Reads its settings, noting every problem; `None` where there was one.
    pub settings: fn(&Section<'_>) -> Option<Box<dyn Look>>,
}

/// What a signal is a sign of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// What the money does.
    Structural,
    /// What is happening to the payer.
    Coercion,
    /// What is said.
    Narrative,
    /// What speaks for the payment; its points are never above zero.
    Protective,
}

impl Kind {
    /// Tells whether protection never takes away from what it says. What the payer admits, a hand on
    /// the device and an account that was reported stand, however long the payee has been known.
    pub fn is_firm(&self) -> bool {
        matches!(self.group, "admission" | "control" | "reputation")
    }

    /// Returns the evidence group that neither counts nor meets a need while this has fired.
    pub fn cancels(&self) -> Option<&'static str> {
        (self.group == "bank_is_calling").then_some("voice")
    }
}

/// Declares one module a signal and lists their kinds in this order.
macro_rules! signals {
    ($($name:ident),* $(,)?) => {
        $(pub mod $name;)*

        /// Every signal, in the order in which readings are written.
        pub static ALL: &[Kind] = &[$($name::KIND),*];
    };
}

signals![
    new_payee,
    paid_on_adding,
    balance_drain,
    payee_name_mismatch,
    call_in_progress,
    remote_access,
    warning_rushed,
    legal_pretext,
    refund_promise,
    established_payee,
    authority_claim,
    safe_account,
    urgency_wording,
    secrecy_wording,
    story_payee_mismatch,
    payee_type_mismatch,
    claims_own_name,
    funds_gathered,
    recent_call,
    screen_shared,
    limit_raised,
    device_new,
    coached_answers,
    contacted_by_authority,
    promised_refund,
    reported_payee,
    network_risk,
    telecom_signal,
    behavioural_biometrics,
    verified_client_account,
    verified_biller,
    bank_is_calling,
    payee_burst,
    rapid_transfers,
    split_transfers,
    test_then_drain,
    retry_after_stop,
    payee_inflow,
    amount_outlier,
    hurried_session,
    dormant_account_wakes,
    round_sum,
    e_money_account,
    paid_again,
    own_account_mismatch,
    cleared_before,
    confirmed_business,
];

mod shape;
mod wording;

pub use wording::concept;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_signals_share_an_id_or_a_number() {
        for (at, kind) in ALL.iter().enumerate() {
            for other in &ALL[..at] {
                assert_ne!(kind.id, other.id);
                assert_ne!(kind.code, other.code);
            }
        }
    }

    #[test]
    fn protection_shares_no_group_with_what_it_speaks_against() {
        for kind in ALL.iter().filter(|kind| kind.family == Family::Protective) {
            let shared = ALL.iter().filter(|other| other.group == kind.group);
            assert!(shared.clone().all(|other| other.family == Family::Protective), "{}", kind.id);
            assert!(!kind.is_firm(), "{}", kind.id);
        }
        for kind in ALL {
            let cancelled = kind.cancels();
            assert!(cancelled.is_none() || kind.family == Family::Protective, "{}", kind.id);
            assert!(cancelled.is_none_or(|group| ALL.iter().any(|kind| kind.group == group)));
        }
    }

    #[test]
    fn ids_and_numbers_are_permanent() {
        let listed: Vec<_> = ALL.iter().map(|kind| (kind.code, kind.id)).collect();
        let permanent = [
            (1, "new_payee"),
            (2, "paid_on_adding"),
            (3, "balance_drain"),
            (4, "payee_name_mismatch"),
            (5, "call_in_progress"),
            (6, "remote_access"),
            (7, "warning_rushed"),
            (8, "legal_pretext"),
            (9, "refund_promise"),
            (10, "established_payee"),
            (11, "authority_claim"),
            (12, "safe_account"),
            (13, "urgency_wording"),
            (14, "secrecy_wording"),
            (15, "story_payee_mismatch"),
            (16, "payee_type_mismatch"),
            (17, "claims_own_name"),
            (18, "funds_gathered"),
            (19, "recent_call"),
            (20, "screen_shared"),
            (21, "limit_raised"),
            (22, "device_new"),
            (23, "coached_answers"),
            (24, "contacted_by_authority"),
            (25, "promised_refund"),
            (26, "reported_payee"),
            (27, "network_risk"),
            (28, "telecom_signal"),
            (29, "behavioural_biometrics"),
            (30, "verified_client_account"),
            (31, "verified_biller"),
            (32, "bank_is_calling"),
            (34, "payee_burst"),
            (35, "rapid_transfers"),
            (36, "split_transfers"),
            (37, "test_then_drain"),
            (38, "retry_after_stop"),
            (39, "payee_inflow"),
            (33, "amount_outlier"),
            (40, "hurried_session"),
            (42, "dormant_account_wakes"),
            (43, "round_sum"),
            (44, "e_money_account"),
            (45, "paid_again"),
            (46, "own_account_mismatch"),
            (47, "confirmed_business"),
            (41, "cleared_before"),
        ];
        for known in permanent {
            assert!(listed.contains(&known), "{known:?}");
        }
    }
}
