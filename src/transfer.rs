//! Transfer: what the bank says about money that is about to leave.
//!
//! Every optional fact is absent until someone states it: absent is neither `false` nor zero, and
//! signals say so by reading *unavailable*. One payment is looked at more than once, by parts of the
//! bank that know different things; a later look inherits what an earlier one said ([`Transfer::
//! inherit`]), each fact with the stage and time it was said at.
//!
//! Never judges: whether a fact is worrying is a signal's matter.

use crate::account::Account;
use crate::calendar::{Span, Time};
use crate::money::Money;
use crate::tagged::{choice, record};

/// A bank's question about one transfer, read and bounded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The caller's id of the question, the same on every retry.
    pub id: [u8; 16],
    /// The bank's id of the payment, the same at every look.
    pub payment_id: Box<str>,
    /// When the caller first asked; the confirmation time where the caller does not say.
    pub requested: Time,
    /// Where in the payment's life the bank asks.
    pub stage: Stage,
    /// Whether the payer can be asked a question now.
    pub can_ask: bool,
    /// The earlier decision that this one goes on from, as the UUID of its name.
    pub continues: Option<[u8; 16]>,
    /// The transfer. In a box, because it is large and goes through many hands.
    pub transfer: Box<Transfer>,
    /// What the payer answered.
    pub answers: Vec<Answer>,
    /// What was stated in a form that could not be read.
    pub rejected: Vec<Rejected>,
}

impl Request {
    /// Returns what a later look at the payment inherits of it.
    pub fn stated(&mut self) -> (&mut Transfer, &mut Vec<Answer>) {
        (&mut self.transfer, &mut self.answers)
    }
}

/// Money about to leave an account. Not a payment order: nothing is moved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transfer {
    /// ISO 20022 `EndToEndId`.
    pub end_to_end_id: Option<Box<str>>,
    /// ISO 20022 `InstrId`.
    pub instruction_id: Option<Box<str>>,
    /// Unique end-to-end transaction reference.
    pub uetr: Option<[u8; 16]>,
    /// The scheme it would travel by.
    pub rail: Option<Rail>,
    /// What kind of order it is.
    pub instruction: Option<Instruction>,
    /// Where the payer gave the order.
    pub channel: Option<Channel>,
    /// Who gave the order.
    pub initiation: Option<Initiation>,
    /// How much, above zero.
    pub money: Money,
    /// When the payer confirmed it, or asked to.
    pub confirmed: Time,
    /// When it is due to leave, where that is not at once.
    pub due: Option<Time>,
    /// Who pays.
    pub payer: Payer,
    /// Who would be paid.
    pub payee: Payee,
    /// What Confirmation of Payee answered.
    pub name_check: Option<NameCheck>,
    /// What was typed or chosen to say what it is for.
    pub texts: Texts,
    /// What the channel saw while the payer gave the order.
    pub session: Session,
    /// Money that came from the payer's own accounts or from loans just before.
    pub gathered: Option<Gathered>,
}

/// Who pays.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Payer {
    /// The bank's key for the customer, across accounts.
    pub customer: Box<str>,
    /// The account the money would leave.
    pub account: Account,
    /// Name, as the bank holds it.
    pub name: Option<Box<str>>,
    /// What kind of customer.
    pub segment: Option<Segment>,
    /// Available balance before this transfer.
    pub balance: Option<Money>,
    /// The largest transfer that this payer's limits permit now.
    pub permitted: Option<Money>,
    /// The language and form that the payer reads or hears: a BCP 47 tag in lower case, such as
    /// `cy` or `en-x-large`.
    pub locale: Option<Box<str>>,
}

/// Who would be paid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Payee {
    /// The account the money would reach.
    pub account: Account,
    /// Name, as the payer typed it.
    pub name: Option<Box<str>>,
    /// What the payer says the payee is.
    pub declared: Option<PayeeKind>,
    /// What kind of provider holds the account.
    pub provider: Option<ProviderKind>,
    /// Whether the bank knows the account to be the payer's own.
    pub own: Option<bool>,
    /// When the payer added the payee.
    pub added: Option<Time>,
    /// When the payer first paid the payee, by the bank's ledger.
    pub first_paid: Option<Time>,
    /// How often the payer has paid the payee, by the bank's ledger; 0 says never.
    pub times_paid: Option<u32>,
    /// How much the payer has paid the payee in all, by the bank's ledger.
    pub total_paid: Option<Money>,
    /// What others say of the account; without markers or scores where they know nothing of it.
    pub reputation: Option<Reputation>,
}

/// What others say of a payee's account.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reputation {
    /// Markers, at most [`MARKS_MAX`].
    pub markers: Vec<Marker>,
    /// Scores, at most [`MARKS_MAX`].
    pub scores: Vec<Score>,
}

/// A marker that someone has set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Marker {
    /// The provider's code; unknown ones are kept as they are.
    pub code: Box<str>,
    /// Who set it.
    pub provider: Box<str>,
    /// When.
    pub marked: Option<Time>,
}

/// A score that someone gives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Score {
    /// As the provider writes it.
    pub value: Box<str>,
    /// Who gives it.
    pub provider: Box<str>,
    /// By which model.
    pub model: Box<str>,
    /// In which version.
    pub version: Box<str>,
    /// The provider's own name for what the value means.
    pub band: Option<Box<str>>,
}

/// What Confirmation of Payee answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameCheck {
    /// What came of it.
    pub result: Option<NameResult>,
    /// The scheme's reason code, such as `ANNM`; unknown ones are kept as they are.
    pub reason: Option<Box<str>>,
    /// The kind of account the payer said it was.
    pub asked: Option<AccountKind>,
    /// The kind of account the payee's bank said it is.
    pub reported: Option<AccountKind>,
    /// When it was asked.
    pub checked: Option<Time>,
}

/// What was typed or chosen to say what the transfer is for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Texts {
    /// What the payee will read: 18 characters on Faster Payments, 35 structured.
    pub reference: Option<Box<str>>,
    /// Unstructured remittance information, 140 characters.
    pub remittance: Option<Box<str>>,
    /// What the payer told the bank it is for.
    pub purpose: Option<Box<str>>,
    /// The bank's own code for what the payer chose.
    pub purpose_code: Option<Box<str>>,
    /// ISO 20022 `Purp/Cd`.
    pub iso_purpose: Option<Box<str>>,
    /// ISO 20022 `CtgyPurp/Cd`.
    pub iso_category: Option<Box<str>>,
}

/// What the channel saw while the payer gave the order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Session {
    /// When the payer opened it.
    pub started: Option<Time>,
    /// Whether the payer was on the telephone.
    pub call: Option<Call>,
    /// Whether somebody could control the payer's device.
    pub remote_access: Option<bool>,
    /// Whether somebody could see the payer's screen.
    pub screen_sharing: Option<bool>,
    /// When the device was registered.
    pub device_registered: Option<Time>,
    /// When the payer's limit was last raised.
    pub limit_raised: Option<Time>,
    /// The warnings that the payer dismissed in this session.
    pub dismissed: Option<Dismissed>,
    /// Whether the bank's own dialler has the payer on the line.
    pub bank_on_line: Option<bool>,
    /// What others read from the payer's behaviour; at most [`MARKS_MAX`].
    pub scores: Vec<Score>,
}

/// The warnings that a payer dismissed in one session; none where every one was heeded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dismissed {
    /// Each of them, in order, at most [`DISMISSALS_MAX`].
    pub warnings: Vec<Dismissal>,
}

/// One warning dismissed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dismissal {
    /// Digest of the warning, where it was one of ours.
    pub digest: Option<Box<str>>,
    /// How long it was on the screen.
    pub shown: Option<Span>,
}

/// A telephone call of the payer's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Call {
    /// Whether there was one.
    pub state: CallState,
    /// When it ended, for one that did.
    pub ended: Option<Time>,
    /// Who called whom.
    pub direction: Option<CallDirection>,
    /// Who knows it.
    pub source: Option<CallSource>,
}

/// What kind of order it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Instruction {
    /// Single, standing, dated, variable or one of a file.
    pub kind: Option<InstructionKind>,
    /// The file it is one of.
    pub batch: Option<Batch>,
}

/// A file of orders.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// The bank's id of the file.
    pub id: Option<Box<str>>,
    /// How many orders it holds.
    pub size: Option<u32>,
    /// What they come to.
    pub total: Option<Money>,
}

/// Who gave the order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Initiation {
    /// Their role.
    pub by: Option<Initiator>,
    /// What a payment initiation service says of it (Open Banking `OBRisk1`).
    pub risk: Option<Risk>,
}

/// What a payment initiation service says of a payment (Open Banking `OBRisk1`, v4.0).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Risk {
    /// Which service, by its registration.
    pub provider: Option<Box<str>>,
    /// `PaymentContextCode`.
    pub context: Option<Box<str>>,
    /// `MerchantCategoryCode`, 3 or 4 digits.
    pub merchant_category: Option<Box<str>>,
    /// `MerchantCustomerIdentification`.
    pub merchant_customer: Option<Box<str>>,
    /// `ContractPresentIndicator`.
    pub contract_present: Option<bool>,
    /// `BeneficiaryPrepopulatedIndicator`.
    pub payee_prepopulated: Option<bool>,
    /// `BeneficiaryAccountType`.
    pub payee_account_type: Option<Box<str>>,
    /// `PaymentPurposeCode`.
    pub purpose_code: Option<Box<str>>,
    /// `CategoryPurposeCode`.
    pub category_code: Option<Box<str>>,
}

/// Money that came in just before from the payer's own accounts or loans; none where none did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Gathered {
    /// Each of them, at most [`GATHERED_MAX`].
    pub arrivals: Vec<Arrival>,
}

/// One sum of money that came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// How much.
    pub money: Money,
    /// When.
    pub arrived: Option<Time>,
    /// Where from.
    pub source: Option<ArrivalSource>,
}

/// What the payer answered to a question of a warning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The question's id in its warning.
    pub question: Box<str>,
    /// The id of the option that was chosen, such as `yes`.
    pub option: Option<Box<str>>,
    /// What was typed or said instead.
    pub text: Option<Box<str>>,
    /// When.
    pub answered: Option<Time>,
}

/// A fact in the request that could not be read, dropped and decided as missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rejected {
    /// Path in the request, such as `transfer.payee.added_time`.
    pub field: Box<str>,
    /// What was expected; never what was found.
    pub expected: Box<str>,
}

/// A fact that an earlier look at the same payment stated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Inherited {
    /// Which fact.
    pub fact: Fact,
    /// At which stage it was stated.
    pub stage: Stage,
    /// When the look that stated it was decided.
    pub stated: Time,
}

/// Where in a payment's life the bank asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// The payer has not confirmed yet: a warning can still be shown.
    BeforeConfirmation,
    /// The payment engine is about to send it.
    AtSubmission,
    /// It was looked at before and is looked at again, such as when a dated one falls due.
    Rescreen,
}

/// The scheme a transfer would travel by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rail {
    /// Faster Payments.
    FasterPayments,
    /// CHAPS.
    Chaps,
    /// Bacs direct credit.
    Bacs,
    /// Between two accounts of the same provider.
    Internal,
    /// Across a border, by whatever route.
    International,
}

/// What kind of order a transfer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InstructionKind {
    /// A single immediate payment.
    Single,
    /// One of a standing order.
    StandingOrder,
    /// A forward-dated payment.
    ForwardDated,
    /// Under a variable recurring payment mandate.
    VariableRecurring,
    /// One of a file.
    File,
}

/// Where the payer gave the order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Channel {
    /// The bank's app.
    MobileApp,
    /// The bank's website.
    Web,
    /// By telephone with staff or a machine.
    Telephone,
    /// In a branch.
    Branch,
    /// Open banking, through another provider.
    OpenBanking,
    /// A file that a business sent.
    File,
    /// A letter.
    Post,
}

/// Who gave an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Initiator {
    /// The account holder.
    Holder,
    /// Somebody with a power of attorney or a third-party mandate.
    Attorney,
    /// Bank staff, for the holder.
    Staff,
    /// A payment initiation service.
    InitiationService,
}

/// What kind of customer a payer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Segment {
    /// A person.
    Consumer,
    /// A business small enough to be protected as a person is.
    MicroEnterprise,
    /// A charity.
    Charity,
    /// Any other business.
    Corporate,
}

/// What a payee is said to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PayeeKind {
    /// A person.
    Person,
    /// A business.
    Business,
}

/// What kind of provider holds an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProviderKind {
    /// A bank or building society.
    Bank,
    /// An e-money or payment institution.
    EMoney,
    /// A crypto-asset platform.
    Crypto,
}

/// What kind of account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AccountKind {
    /// A person's.
    Personal,
    /// A business's.
    Business,
}

/// What came of a name check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameResult {
    /// The name is the account's.
    Match,
    /// The name is nearly the account's.
    CloseMatch,
    /// The name is not the account's.
    NoMatch,
    /// Nobody could tell.
    CouldNotCheck,
}

/// Whether there was a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallState {
    /// There was none.
    NoCall,
    /// There is one now.
    InProgress,
    /// There was one and it ended.
    Ended,
    /// This channel or device cannot know.
    NotSupported,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallDirection {
    /// The payer was called.
    Incoming,
    /// The payer called.
    Outgoing,
}

/// Who knows of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallSource {
    /// The bank's app on the payer's telephone.
    Device,
    /// The operator of the payer's telephone network.
    Operator,
}

/// Where money came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ArrivalSource {
    /// An account of the payer's at this bank.
    OwnAccount,
    /// An account of the payer's at another bank.
    OwnAccountElsewhere,
    /// Savings or an investment that was broken.
    Savings,
    /// A loan, overdraft or credit card.
    Loan,
}

record!(Transfer {
    1 end_to_end_id, 2 instruction_id, 3 uetr, 4 rail, 5 instruction, 6 channel, 7 initiation,
    8 money, 9 confirmed, 10 due, 11 payer, 12 payee, 13 name_check, 14 texts, 15 session,
    16 gathered,
});
record!(Payer { 1 customer, 2 account, 3 name, 4 segment, 5 balance, 6 permitted, 7 locale });
record!(Payee {
    1 account, 2 name, 3 declared, 4 provider, 5 own, 6 added, 7 first_paid, 8 times_paid,
    9 total_paid, 10 reputation,
});
record!(Reputation { 1 markers, 2 scores });
record!(Marker { 1 code, 2 provider, 3 marked });
record!(Score { 1 value, 2 provider, 3 model, 4 version, 5 band });
record!(NameCheck { 1 result, 2 reason, 3 asked, 4 reported, 5 checked });
record!(Texts {
    1 reference, 2 remittance, 3 purpose, 4 purpose_code, 5 iso_purpose, 6 iso_category,
});
record!(Session {
    1 started, 2 call, 3 remote_access, 4 screen_sharing, 5 device_registered, 6 limit_raised,
    7 dismissed, 8 bank_on_line, 9 scores,
});
record!(Dismissed { 1 warnings });
record!(Dismissal { 1 digest, 2 shown });
record!(Call { 1 state, 2 ended, 3 direction, 4 source });
record!(Instruction { 1 kind, 2 batch });
record!(Batch { 1 id, 2 size, 3 total });
record!(Initiation { 1 by, 2 risk });
record!(Risk {
    1 provider, 2 context, 3 merchant_category, 4 merchant_customer, 5 contract_present,
    6 payee_prepopulated, 7 payee_account_type, 8 purpose_code, 9 category_code,
});
record!(Gathered { 1 arrivals });
record!(Arrival { 1 money, 2 arrived, 3 source });
record!(Answer { 1 question, 2 option, 3 text, 4 answered });
record!(Rejected { 1 field, 2 expected });
record!(Inherited { 1 fact, 2 stage, 3 stated });

choice!(Stage { 1 BeforeConfirmation, 2 AtSubmission, 3 Rescreen });
choice!(Rail { 1 FasterPayments, 2 Chaps, 3 Bacs, 4 Internal, 5 International });
choice!(InstructionKind { 1 Single, 2 StandingOrder, 3 ForwardDated, 4 VariableRecurring, 5 File });
choice!(Channel { 1 MobileApp, 2 Web, 3 Telephone, 4 Branch, 5 OpenBanking, 6 File, 7 Post });
choice!(Initiator { 1 Holder, 2 Attorney, 3 Staff, 4 InitiationService });
choice!(Segment { 1 Consumer, 2 MicroEnterprise, 3 Charity, 4 Corporate });
choice!(PayeeKind { 1 Person, 2 Business });
choice!(ProviderKind { 1 Bank, 2 EMoney, 3 Crypto });
choice!(AccountKind { 1 Personal, 2 Business });
choice!(NameResult { 1 Match, 2 CloseMatch, 3 NoMatch, 4 CouldNotCheck });
choice!(CallState { 1 NoCall, 2 InProgress, 3 Ended, 4 NotSupported });
choice!(CallDirection { 1 Incoming, 2 Outgoing });
choice!(CallSource { 1 Device, 2 Operator });
choice!(ArrivalSource { 1 OwnAccount, 2 OwnAccountElsewhere, 3 Savings, 4 Loan });

/// Lists every optional fact: its permanent number, its place in a [`Transfer`] and its name.
macro_rules! facts {
    (
        $($number:literal $variant:ident $($place:ident).+ $name:literal;)*
        remembered: $($known:literal $memory:ident $called:literal;)*
    ) => {
        /// An optional fact of a transfer, by name, or something that is remembered and may not reach
        /// back far enough.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Fact {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
            $(#[doc = concat!("`", $called, "`")] $memory,)*
        }

        choice!(Fact { $($number $variant,)* $($known $memory,)* });

        impl Fact {
            /// Every fact that a transfer can state, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns its path in the API's `Transfer`, such as `payer.available_balance`; what is
            /// remembered has a name that is none.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    $(Self::$memory => $called,)*
                }
            }
        }

        impl Transfer {
            /// Takes over each fact that this look lacks and `earlier` has, and names it to
            /// `taken`.
            pub fn inherit(&mut self, earlier: &Self, mut taken: impl FnMut(Fact)) {
                $(
                    if absent(&self.$($place).+) && !absent(&earlier.$($place).+) {
                        self.$($place).+.clone_from(&earlier.$($place).+);
                        taken(Fact::$variant);
                    }
                )*
            }
        }
    };
}

facts! {
    1 EndToEndId end_to_end_id "end_to_end_id";
    2 InstructionId instruction_id "instruction_id";
    3 Uetr uetr "uetr";
    4 Rail rail "rail";
    5 Instruction instruction "instruction";
    6 Channel channel "channel";
    7 Initiation initiation "initiation";
    8 Due due "due_time";
    9 PayerName payer.name "payer.name";
    10 PayerSegment payer.segment "payer.segment";
    11 PayerBalance payer.balance "payer.available_balance";
    12 PayerPermitted payer.permitted "payer.largest_permitted";
    13 PayeeName payee.name "payee.name";
    14 PayeeDeclared payee.declared "payee.declared_kind";
    15 PayeeProvider payee.provider "payee.provider_kind";
    16 PayeeOwn payee.own "payee.own_account";
    17 PayeeAdded payee.added "payee.add_time";
    18 PayeeFirstPaid payee.first_paid "payee.first_pay_time";
    19 PayeeTimesPaid payee.times_paid "payee.times_paid";
    20 PayeeTotalPaid payee.total_paid "payee.total_paid";
    21 PayeeReputation payee.reputation "payee.reputation";
    22 NameCheck name_check "name_check";
    23 Reference texts.reference "texts.reference";
    24 Remittance texts.remittance "texts.remittance";
    25 Purpose texts.purpose "texts.stated_purpose";
    26 PurposeCode texts.purpose_code "texts.stated_purpose_code";
    27 IsoPurpose texts.iso_purpose "texts.purpose_code";
    28 IsoCategory texts.iso_category "texts.category_purpose_code";
    29 SessionStarted session.started "session.start_time";
    30 Call session.call "session.call";
    31 RemoteAccess session.remote_access "session.remote_access";
    32 ScreenSharing session.screen_sharing "session.screen_sharing";
    33 DeviceRegistered session.device_registered "session.device_register_time";
    34 LimitRaised session.limit_raised "session.limit_raise_time";
    35 Dismissed session.dismissed "session.dismissed_warnings";
    36 BankOnLine session.bank_on_line "session.bank_on_line";
    37 SessionScores session.scores "session.scores";
    38 Gathered gathered "gathered";
    39 PayerLocale payer.locale "payer.locale";
    remembered:
    40 PayerHistory "history.payer";
}

/// A place in a transfer that may hold nothing.
trait Place {
    fn absent(&self) -> bool;
}

impl<T> Place for Option<T> {
    fn absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Place for Vec<T> {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}

fn absent(place: &impl Place) -> bool {
    place.absent()
}

/// Most earlier transfers into the account that are looked at.
pub const GATHERED_MAX: usize = 8;

/// Most answers that one request may carry.
pub const ANSWERS_MAX: usize = 32;

/// Most markers, and most scores, from others. The schemes in use give one each.
pub const MARKS_MAX: usize = 16;

/// Most warnings dismissed in one session that are looked at.
pub const DISMISSALS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagged::Tagged as _;
    use crate::testing::{pounds, transfer};

    #[test]
    fn a_transfer_comes_back_from_its_bytes() {
        let mut full = transfer();
        full.payer.balance = Some(pounds("3450.00"));
        full.texts.reference = Some("LEGAL ADVICE".into());
        full.session.call =
            Some(Call { state: CallState::InProgress, ended: None, direction: None, source: None });
        let bytes = full.to_bytes();
        assert_eq!(Transfer::take(&bytes), Ok(full));
    }

    #[test]
    fn a_later_look_inherits_only_what_it_lacks() {
        let mut earlier = transfer();
        earlier.payer.balance = Some(pounds("100"));
        earlier.session.remote_access = Some(true);
        let mut later = transfer();
        later.payer.balance = Some(pounds("90"));
        let mut taken = Vec::new();
        later.inherit(&earlier, |fact| taken.push(fact));
        assert_eq!(taken, [Fact::RemoteAccess]);
        assert_eq!(later.payer.balance, Some(pounds("90")));
        assert_eq!(later.session.remote_access, Some(true));
    }

    #[test]
    fn no_two_facts_share_a_name() {
        let mut names: Vec<_> = Fact::ALL.iter().map(|fact| fact.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Fact::ALL.len());
    }
}
