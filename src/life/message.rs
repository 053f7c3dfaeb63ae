//! Message: a payment put into the words of the API, with what the bank knows and what is missing.
//!
//! One rule for honest payments and scams: the same facts are missing at the same rates, and only what a
//! variant is about is set otherwise.

use prost_types::Timestamp;

use crate::grpc::pb;
use crate::grpc::pb::report_execution_request::Execution;
use crate::life::chance::Chance;
use crate::life::kind::Kind;
use crate::life::parameters::{Channels, Parameters};
use crate::life::payee::{Payee, Sort, digits};
use crate::life::person::{Customer, Way, name};
use crate::life::script::Step;
use crate::life::{Channel, Draft, From, Scales};
use crate::records::pb::honest::Cohort;
use crate::records::pb::scam::Variant;
use crate::records::pb::{Honest, Labelled, Scam, labelled::Truth};

mod session;
mod typed;

/// What one payment is put into words with.
#[derive(Debug)]
pub(crate) struct Scene<'p> {
    seed: u64,
    number: u64,
    parameters: &'p Parameters,
    scales: &'p Scales,
    chance: Chance,
}

/// A call of the payer, as far as the bank can see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Voice {
    Silent,
    Live,
    /// So many seconds ago.
    Ended(i64),
}

impl<'p> Scene<'p> {
    /// Takes the number of the payment in its life, from 1.
    pub(crate) fn new(
        seed: u64,
        number: u64,
        parameters: &'p Parameters,
        scales: &'p Scales,
    ) -> Self {
        let chance = Chance::of(&[seed, MESSAGE, number]);
        Self { seed, number, parameters, scales, chance }
    }

    /// Returns the record of a payment.
    pub(crate) fn labelled(mut self, draft: &Draft) -> Labelled {
        let voice = self.voice(draft);
        let asked = !matches!(draft.channel, Channel::Nobody);
        let stage = if asked { pb::Stage::BeforeConfirmation } else { pb::Stage::AtSubmission };
        let coached =
            matches!(&draft.step, Some(step) if step.variant == Variant::AdaptiveCoachedNo);
        let transfer = self.transfer(draft, voice);
        let request = pb::ScreenTransferRequest {
            request_id: self.request_id(),
            payment_id: ["P", &digits(self.number, 12)].concat(),
            stage: stage.into(),
            can_ask: asked && draft.channel != Channel::OpenBanking,
            answers: if coached { denials(draft.time) } else { Vec::new() },
            request_time: Some(stamp(draft.time)),
            transfer: Some(transfer),
            ..pb::ScreenTransferRequest::default()
        };
        let after = i64::try_from(self.chance.between(1, 40)).unwrap_or(1);
        Labelled {
            request: Some(request),
            execution_if_allowed: draft.execution.into(),
            execute_time: Some(stamp(draft.time.saturating_add(after))),
            truth: Some(match &draft.step {
                Some(step) => Truth::Scam(scam(step)),
                None => Truth::Honest(honest(draft, voice)),
            }),
        }
    }

    fn transfer(&mut self, draft: &Draft, voice: Voice) -> pb::Transfer {
        let from = self.payer(draft);
        let shown = name(self.seed, draft.person.into(), draft.customer);
        let posed = posed(draft);
        let to = self.payee(draft, &shown, posed);
        let there = draft.channel != Channel::Nobody;
        pb::Transfer {
            end_to_end_id: Some(["E", &digits(self.number, 14)].concat()),
            rail: self.rail(draft).into(),
            instruction: Some(instruction(draft, self.number)),
            channel: channel_of(draft).into(),
            initiation: initiation(draft.channel),
            amount: Some(pounds(draft.pence)),
            // A standing order was confirmed when it was set up.
            confirm_time: Some(stamp(if draft.way == Way::Standing {
                draft.known.added.min(draft.time)
            } else {
                draft.time
            })),
            payer: Some(from),
            payee: Some(to),
            name_check: self.name_check(draft, posed),
            texts: self.texts(draft),
            session: there.then(|| self.session(draft, voice)).flatten(),
            gathered: self.gathered(draft),
            ..pb::Transfer::default()
        }
    }

    fn payer(&mut self, draft: &Draft) -> pb::Payer {
        let index = u64::from(draft.person);
        let mut own = Chance::of(&[self.seed, ACCOUNT, index]);
        let number = digits(own.below(100_000_000), 8);
        let sort_code = digits(own.below(90).saturating_add(200_000), 6);
        let shares = &self.parameters.shares;
        let joint = own.per_mille(shares.joint_per_mille);
        let welsh = own.per_mille(shares.welsh_per_mille);
        let business =
            !matches!(draft.customer, Customer::Worker | Customer::Pensioner | Customer::Student);
        let mut shown = name(self.seed, index, draft.customer);
        if joint && matches!(draft.customer, Customer::Worker | Customer::Pensioner) {
            let other = crate::life::payee::person(&mut own);
            shown = [&shown, "and", &other].join(" ");
        }
        let segment = match draft.customer {
            Customer::Charity => pb::payer::Segment::Charity,
            _ if business => pb::payer::Segment::MicroEnterprise,
            _ => pb::payer::Segment::Consumer,
        };
        let missing = self.parameters.missing;
        let limited = matches!(draft.channel, Channel::App | Channel::Web | Channel::OpenBanking);
        pb::Payer {
            customer_key: ["C", &digits(index, 9)].concat(),
            account: Some(pb::Account {
                sort_code,
                account_number: number,
                ..pb::Account::default()
            }),
            name: self.told(missing.names).then_some(shown),
            segment: if self.told(missing.segment) { segment.into() } else { 0 },
            available_balance: self.told(missing.balance).then(|| pounds(draft.balance)),
            largest_permitted: (limited && self.told(missing.largest_permitted))
                .then(|| pounds(draft.limit)),
            locale: welsh.then(|| "cy".to_owned()),
        }
    }

    fn payee(&mut self, draft: &Draft, own_name: &str, posed: bool) -> pb::Payee {
        let known = &draft.known;
        let payee = known.payee;
        let missing = self.parameters.missing;
        let (sort_code, account_number) = payee.account(self.seed);
        let kind = if posed { pb::payee::Kind::Business } else { pb::payee::Kind::Person };
        let ledger = self.told(missing.ledger);
        let own = match payee.sort {
            // The bank has learned so by then.
            Sort::Own => 2 < known.times,
            _ => false,
        };
        pb::Payee {
            account: Some(pb::Account { sort_code, account_number, ..pb::Account::default() }),
            name: self.told(missing.names).then(|| payee.name(self.seed, own_name)),
            declared_kind: if self.told(missing.declared_kind) { kind.into() } else { 0 },
            provider_kind: if self.told(missing.provider_kind) {
                self.provider(payee).into()
            } else {
                0
            },
            own_account: self.told(missing.own_account).then_some(own),
            add_time: self.told(missing.add_time).then(|| stamp(known.added)),
            first_pay_time: (ledger && 0 < known.times).then(|| stamp(known.first)),
            times_paid: ledger.then(|| i32::try_from(known.times).unwrap_or(i32::MAX)),
            total_paid: ledger.then(|| pounds(known.total)),
            reputation: self.told(missing.reputation).then(|| self.reputation(payee, draft.time)),
        }
    }

    fn provider(&self, payee: Payee) -> pb::payee::ProviderKind {
        use pb::payee::ProviderKind;
        let mut always = Chance::of(&[self.seed, PROVIDER, payee.number]);
        let e_money = match payee.sort {
            Sort::Exchange => return ProviderKind::Crypto,
            sort if sort.mule() => self.parameters.scams.e_money_per_mille,
            sort if sort.well_known() => 0,
            _ => self.parameters.payees.e_money_per_mille,
        };
        if always.per_mille(e_money) { ProviderKind::EMoney } else { ProviderKind::Bank }
    }

    fn reputation(&self, payee: Payee, time: i64) -> pb::Reputation {
        let mut always = Chance::of(&[self.seed, MARK, payee.number]);
        let scams = &self.parameters.scams;
        let marked = if payee.sort.mule() {
            always.per_mille(scams.marked_mules_per_mille)
        } else {
            !payee.sort.well_known() && always.below(100_000) < scams.marked_honest_per_100k
        };
        let ago = i64::try_from(always.between(3_600, 4_000_000)).unwrap_or(3_600);
        let mark = marked.then(|| pb::Marker {
            code: "mule_suspected".to_owned(),
            provider: "network".to_owned(),
            mark_time: Some(stamp(time.saturating_sub(ago))),
        });
        pb::Reputation { markers: mark.into_iter().collect(), scores: Vec::new() }
    }

    fn name_check(&mut self, draft: &Draft, posed: bool) -> Option<pb::NameCheck> {
        use pb::name_check::{AccountKind, Result};
        let missing = self.parameters.missing;
        let lacks =
            if draft.known.times == 0 { missing.name_check } else { missing.name_check_of_known };
        let there = draft.way == Way::Now && draft.channel != Channel::OpenBanking;
        if !there || !self.told(lacks) {
            return None;
        }
        let payee = draft.known.payee;
        let mut always = Chance::of(&[self.seed, NAME_CHECK, payee.number]);
        let rates = &self.parameters.name_check;
        let business = payee.sort.business();
        let (close, no, could_not) = match payee.sort {
            Sort::MuleOwnName => (30, 0, 20),
            Sort::Mule | Sort::MuleCompany => {
                let some = [rates.scam_match, rates.scam_close, rates.scam_could_not];
                let some = some.iter().fold(0_u64, |sum, rate| sum.saturating_add(*rate));
                (rates.scam_close, 1_000_u64.saturating_sub(some), rates.scam_could_not)
            }
            sort if sort.well_known() => (20, 4, rates.business_could_not),
            _ if business => {
                (rates.business_close, rates.business_no_match, rates.business_could_not)
            }
            _ => (rates.person_close, rates.person_no_match, rates.person_could_not),
        };
        let matches =
            [close, no, could_not].iter().fold(1_000_u64, |rest, rate| rest.saturating_sub(*rate));
        // A business that keeps a person's account, and a mule who poses as one.
        let small = matches!(payee.sort, Sort::Trader | Sort::Builder);
        let personal = !business || (small && always.per_mille(rates.business_on_personal));
        let (asked, is) = (kind_of(posed), kind_of(!personal));
        let (result, reason) = match always.weighted([close, no, could_not, matches].into_iter()) {
            0 if asked != is && personal => (Result::CloseMatch, Some("PAMM")),
            0 => (Result::CloseMatch, Some("MBAM")),
            1 => (Result::NoMatch, Some("ANNM")),
            2 => (Result::CouldNotCheck, Some(always.pick(&["OPTO", "ACNS", "SCNS", "CASS"]))),
            _ if asked != is && personal => (Result::CloseMatch, Some("PANM")),
            _ if asked != is => (Result::CloseMatch, Some("BANM")),
            _ => (Result::Match, None),
        };
        let known = matches!(result, Result::Match | Result::CloseMatch);
        Some(pb::NameCheck {
            result: result.into(),
            reason_code: reason.map(str::to_owned),
            asked_account_kind: asked.into(),
            reported_account_kind: if known { is } else { AccountKind::Unspecified }.into(),
            check_time: Some(stamp(draft.time.saturating_sub(20).max(draft.known.added))),
        })
    }

    fn gathered(&mut self, draft: &Draft) -> Option<pb::Gathered> {
        let missing = self.parameters.missing.gathered;
        if !self.told(missing) {
            return None;
        }
        let arrivals = draft.arrivals.iter().flatten().map(|arrival| pb::Arrival {
            amount: Some(pounds(arrival.pence)),
            arrive_time: Some(stamp(arrival.time)),
            source: match arrival.from {
                From::Savings => pb::arrival::Source::Savings,
                From::OwnAccount => pb::arrival::Source::OwnAccount,
                From::Elsewhere => pb::arrival::Source::OwnAccountElsewhere,
                From::Loan => pb::arrival::Source::Loan,
            }
            .into(),
        });
        Some(pb::Gathered { arrivals: arrivals.collect() })
    }

    fn rail(&self, draft: &Draft) -> pb::transfer::Rail {
        use pb::transfer::Rail;
        let mut always = Chance::of(&[self.seed, RAIL, draft.known.payee.number]);
        match draft.way {
            _ if draft.chaps => Rail::Chaps,
            Way::File(..) => Rail::Bacs,
            _ if always.per_mille(self.parameters.payees.inside_bank_per_mille) => Rail::Internal,
            _ => Rail::FasterPayments,
        }
    }

    /// Tells whether a fact is there that is missing at `rate` per mille.
    fn told(&mut self, rate: u64) -> bool {
        !self.chance.per_mille(self.scales.missing.of(rate, 1_000))
    }

    /// Returns a UUID of version 8.
    fn request_id(&mut self) -> String {
        let (high, low) = (self.chance.next(), self.chance.next());
        let high = (high & !0xf000) | 0x8000;
        let low = (low & (u64::MAX >> 2)) | (1 << 63);
        uuid::Uuid::from_u64_pair(high, low).to_string()
    }
}

/// Draws what becomes of a payment that is allowed.
pub(crate) fn execution(
    step: Option<&Step>,
    parameters: &Parameters,
    chance: &mut Chance,
) -> Execution {
    let session = &parameters.session;
    match step {
        Some(step) if step.reaches => Execution::Sent,
        Some(step) if step.number == 1 => Execution::Rejected,
        Some(_) => Execution::Cancelled,
        None if chance.per_10k(session.rejected_per_10k) => Execution::Rejected,
        None if chance.per_10k(session.cancelled_per_10k) => Execution::Cancelled,
        None => Execution::Sent,
    }
}

/// Draws how an order is given.
pub(crate) fn channel(chance: &mut Chance, channels: &Channels) -> Channel {
    let Channels { app, web, telephone, branch, open_banking } = *channels;
    match chance.weighted([app, web, telephone, branch, open_banking].into_iter()) {
        0 => Channel::App,
        1 => Channel::Web,
        2 => Channel::Telephone,
        3 => Channel::Branch,
        _ => Channel::OpenBanking,
    }
}

/// Draws how a deceived payer gives an order: on the screen where the variant is about it.
pub(crate) fn scam_channel(step: &Step, chance: &mut Chance, channels: &Channels) -> Channel {
    match step.variant {
        Variant::AdaptiveWeb => Channel::Web,
        _ if needs_screen(step) => Channel::App,
        _ => channel(chance, &Channels { open_banking: 0, ..*channels }),
    }
}

/// Tells whether the variant is about what app or web see.
pub(crate) const fn needs_screen(step: &Step) -> bool {
    matches!(
        step.variant,
        Variant::BlandLiveCall | Variant::AdaptiveCallEnded | Variant::AdaptiveWeb
    )
}

/// Tells whether somebody says that the payee is a business.
fn posed(draft: &Draft) -> bool {
    match &draft.step {
        Some(_) => draft.kind == Kind::Legal || draft.known.payee.sort == Sort::MuleCompany,
        None => draft.known.payee.sort.business(),
    }
}

fn scam(step: &Step) -> Scam {
    Scam {
        r#type: step.script.scam().into(),
        script: step.script.name().to_owned(),
        variant: step.variant.into(),
        timeline: step.timeline.into(),
        case_number: step.case,
        step: step.number,
        steps: step.steps,
        case_pence: step.case_pence,
        reaches_scammer: step.reaches,
    }
}

fn honest(draft: &Draft, voice: Voice) -> Honest {
    let mut cohorts = vec![draft.kind.cohort()];
    match draft.customer {
        Customer::Student => cohorts.push(Cohort::Student),
        Customer::SoleTrader | Customer::Company => cohorts.push(Cohort::SoleTrader),
        Customer::Charity => {
            // Kinds of trade are a charity's here.
            cohorts.retain(|cohort| *cohort != Cohort::SoleTrader);
            cohorts.push(Cohort::Charity);
        }
        Customer::Worker | Customer::Pensioner => {}
    }
    if voice != Voice::Silent {
        cohorts.push(Cohort::HonestCall);
    }
    let screen = matches!(draft.channel, Channel::App);
    if screen && draft.time.saturating_sub(draft.phone) < NEW_PHONE_SECONDS {
        cohorts.push(Cohort::NewPhone);
    }
    // Whoever is in another is not only everyday.
    if 1 < cohorts.len() {
        cohorts.retain(|cohort| *cohort != Cohort::Everyday);
    }
    let mut cohorts: Vec<i32> = cohorts.into_iter().map(Into::into).collect();
    cohorts.sort_unstable();
    cohorts.dedup();
    Honest { cohorts, kind: draft.kind.name().to_owned() }
}

/// Returns a "no" to every question that a bank asks.
fn denials(time: i64) -> Vec<pb::Answer> {
    let each = QUESTIONS.iter().map(|question| pb::Answer {
        question_id: (*question).to_owned(),
        choice_id: Some("no".to_owned()),
        text: None,
        answer_time: Some(stamp(time)),
    });
    each.collect()
}

const fn kind_of(business: bool) -> pb::name_check::AccountKind {
    if business {
        pb::name_check::AccountKind::Business
    } else {
        pb::name_check::AccountKind::Personal
    }
}

fn instruction(draft: &Draft, number: u64) -> pb::Instruction {
    use pb::instruction::Kind;
    match draft.way {
        Way::Now => pb::Instruction { kind: Kind::Single.into(), batch: None },
        Way::Standing => pb::Instruction { kind: Kind::StandingOrder.into(), batch: None },
        Way::File(count, total) => {
            let batch = pb::Batch {
                batch_id: Some(["B", &digits(number, 10)].concat()),
                payment_count: Some(i32::try_from(count.max(1)).unwrap_or(1)),
                total: Some(pounds(total)),
            };
            pb::Instruction { kind: Kind::File.into(), batch: Some(batch) }
        }
    }
}

fn channel_of(draft: &Draft) -> pb::transfer::Channel {
    use pb::transfer::Channel as Message;
    match (draft.channel, draft.way) {
        (Channel::App, _) => Message::MobileApp,
        (Channel::Web, _) => Message::Web,
        (Channel::Telephone, _) => Message::Telephone,
        (Channel::Branch, _) => Message::Branch,
        (Channel::OpenBanking, _) => Message::OpenBanking,
        (Channel::Nobody, Way::File(..)) => Message::File,
        (Channel::Nobody, _) => Message::Unspecified,
    }
}

fn initiation(channel: Channel) -> Option<pb::Initiation> {
    use pb::initiation::Initiator;
    let by = match channel {
        Channel::App | Channel::Web => Initiator::Holder,
        Channel::Telephone | Channel::Branch => Initiator::Staff,
        Channel::OpenBanking => Initiator::PaymentInitiationService,
        Channel::Nobody => return None,
    };
    let risk = (channel == Channel::OpenBanking).then(|| pb::InitiationRisk {
        context_code: Some("TransferToThirdParty".to_owned()),
        ..pb::InitiationRisk::default()
    });
    Some(pb::Initiation { initiator: by.into(), risk })
}

fn stamp(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

/// Returns pounds as a bank writes them: whole pence are exact.
fn pounds(pence: u64) -> pb::Money {
    let (whole, part) = (pence.checked_div(100).unwrap_or(0), pence.checked_rem(100).unwrap_or(0));
    let width = usize::try_from(whole.checked_ilog10().unwrap_or(0)).unwrap_or(0).saturating_add(1);
    let mut value = digits(whole, width);
    value.push('.');
    value.push_str(&digits(part, 2));
    pb::Money { currency_code: "GBP".to_owned(), value }
}

/// What banks ask; the ids are those of the API's examples.
const QUESTIONS: &[&str] = &[
    "contacted_by_authority",
    "caller_is_authority",
    "told_what_to_say",
    "told_to_keep_secret",
    "promised_back",
];

/// Two weeks.
const NEW_PHONE_SECONDS: i64 = 1_209_600;

/// Marks the streams of messages and of what is always the same about an account.
const MESSAGE: u64 = 6;
const ACCOUNT: u64 = 7;
const PROVIDER: u64 = 8;
const MARK: u64 = 9;
const NAME_CHECK: u64 = 10;
const RAIL: u64 = 11;
