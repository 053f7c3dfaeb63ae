//! Evaluation: how much of the truth a policy finds, and whom it hurts.
//!
//! Takes what was decided about payments of which the truth is known, one by one, and counts: cases of
//! scams stopped and money kept, honest payments held and asked about, by whom and by which sign. All in
//! whole numbers; shares are parts of a million with an interval after Wilson.
//!
//! What counts for what:
//! - A **case** ends with the first hold for a person: its later payments are not made. They are decided
//!   all the same, without being remembered, so that a curve can say what other thresholds had stopped.
//! - A **question** is answered with a no, as coached victims and honest payers answer it. Where the policy
//!   then holds all the same, the payment is held; otherwise it goes on and only counts as asked about. What
//!   questions are worth where one payer in ten, three or five admits the story is counted apart.
//! - An honest payment that is held is not made; one that is asked about goes on.
//!
//! Never decides, and never reads a name or an account.

mod cases;
mod change;
mod curve;
mod margin;
mod measures;
mod noted;
mod rate;
mod tally;
#[cfg(test)]
mod tests;

pub use change::{Change, Changed, compare};
pub use curve::{Budget, Curve, Point};
pub use margin::{Margins, margins};
pub use measures::{
    CASES_PER_MILLION, Group, Harm, Lead, Measures, OTHER_CASES_PER_MILLION, Sign, Worth,
};
pub use noted::{Example, Noted};
pub use rate::Rate;
pub use tally::{Place, Seen, Tally};

use crate::decision::{Action, Decision, HoldKind};

/// Declares a complete list of names, in the order of their numbers in the API, which begin at 1.
macro_rules! named {
    ($(#[$doc:meta])* $kind:ident { $($(#[$about:meta])* $variant:ident $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum $kind { $($(#[$about])* $variant,)* }

        impl $kind {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the one with this number in the API; `None` for 0 and what is not known here.
            pub fn numbered(number: i32) -> Option<Self> {
                let place = usize::try_from(number).ok()?.checked_sub(1)?;
                Self::ALL.get(place).copied()
            }

            /// Returns its permanent name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

named! {
    /// The kinds of scams that UK Finance tells apart.
    ScamType {
        /// Goods that do not exist.
        Purchase "purchase",
        /// Investments that do not exist.
        Investment "investment",
        /// Affection that does not exist.
        Romance "romance",
        /// A fee for something that never comes.
        AdvanceFee "advance_fee",
        /// A real invoice with false account details.
        InvoiceMandate "invoice_mandate",
        /// A false order from the head of the payer's own business.
        Ceo "ceo",
        /// Somebody who poses as the police or as the payer's bank: the scam that this service is for.
        PoliceBank "impersonation_police_bank",
        /// Somebody who poses as another body or as a relative.
        ImpersonationOther "impersonation_other",
    }
}

named! {
    /// How the payments of a scam look to the bank.
    Variant {
        /// The texts tell the story.
        TellingWords "telling_words",
        /// The texts are bland, and a call is seen.
        BlandLiveCall "bland_live_call",
        /// The texts are bland, and nothing is known of the session.
        BlandSilent "bland_silent",
        /// The call ended minutes before.
        CallEnded "adaptive_call_ended",
        /// The payee was added a day before.
        WaitADay "adaptive_wait_a_day",
        /// The account is in the payer's name and matches.
        OwnName "adaptive_own_name",
        /// Each payment stays a fifth under the most that the payer sent before.
        Small "adaptive_small",
        /// The web pages, which see no call.
        Web "adaptive_web",
        /// A coached "no" to every question.
        CoachedNo "adaptive_coached_no",
    }
}

named! {
    /// Groups of honest payments that a policy must not hurt more than others. A payment can be in several.
    Cohort {
        /// Whatever is in no other.
        Everyday "everyday",
        /// To a conveyancer.
        Completion "completion",
        /// To HMRC, a court, or a police body.
        CourtsAndTax "courts_and_tax",
        /// To solicitors for anything but a house.
        Legal "legal",
        /// Building work.
        Builder "builder",
        /// A car.
        Car "car",
        /// The suppliers of a wedding.
        Wedding "wedding",
        /// An account of the payer's own, opened elsewhere.
        OwnNewAccount "own_new_account",
        /// Made while on the telephone for honest reasons, or just after.
        HonestCall "honest_call",
        /// Made by a student.
        Student "student",
        /// Made by a sole trader or a small company.
        SoleTrader "sole_trader",
        /// Made by a charity.
        Charity "charity",
        /// Moving house as a tenant.
        Move "move",
        /// Investments that are what they seem.
        Investment "investment",
        /// A gift or loan within a family, an estate, a funeral.
        Family "family",
        /// From a telephone that was new to the bank.
        NewPhone "new_phone",
    }
}

impl Variant {
    /// Tells whether the scammer goes around a sign on purpose.
    pub const fn is_adaptive(self) -> bool {
        !matches!(self, Self::TellingWords | Self::BlandLiveCall | Self::BlandSilent)
    }
}

/// The truth about a payment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Truth {
    /// The payer means it.
    Honest(Honest),
    /// Somebody deceives the payer.
    Scam(Scam),
}

/// An honest payment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Honest {
    /// The groups it belongs to.
    pub cohorts: Box<[Cohort]>,
    /// Its kind, by its name in the parameters of the generator; may be empty.
    pub kind: Box<str>,
}

/// One payment of a scam.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scam {
    /// The kind of scam.
    pub scam_type: ScamType,
    /// The story told, by its name in the parameters of the generator.
    pub script: Box<str>,
    /// How it looks to the bank.
    pub variant: Variant,
    /// The case within its file.
    pub case: u64,
    /// Which payment of the case, from 1.
    pub step: u32,
    /// How many payments the case has.
    pub steps: u32,
    /// What the case comes to, in pence.
    pub case_pence: u64,
    /// Whether this payment brings the scammer money where it is allowed.
    pub reaches: bool,
}

/// What becomes of a payment by a decision, in the order of how much it stops.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// It may leave.
    Allowed,
    /// The payer is asked first.
    Asked,
    /// It waits for a person.
    Held,
}

impl Outcome {
    /// Returns what a decision comes to.
    pub fn of(decision: &Decision) -> Self {
        match (decision.action, decision.hold) {
            (Action::Allow, _) => Self::Allowed,
            (Action::Hold, Some(HoldKind::PendingAnswers)) => Self::Asked,
            (Action::Hold, Some(HoldKind::PendingReview) | None) => Self::Held,
        }
    }

    /// Returns its permanent name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Asked => "asked",
            Self::Held => "held",
        }
    }
}
