//! Life: payments as people make them, honest ones and scams, each with the truth about it.
//!
//! ```text
//! parameters   how often what happens, with sources       kind, script   what happens, to whom
//! person       what one customer has and knows            event          plans that one event makes
//! life         day by day: plans → drafts, in time order  message        a draft → what the bank sends
//! ```
//!
//! A day is made for all customers before the next one, and handed out in the order of time. What is kept
//! grows with customers, not with days. All chance comes from one seed, and each customer's day and each
//! payment has a stream of its own: the same seed, size and parameters give the same bytes.
//!
//! Simplified, and known: all times are UTC; a payment is looked at once; nobody changes after a scam or
//! a warning; balances are what pay and card spending leave, not a ledger; cash, cards and direct debits
//! are not there; scores of providers are not there, markers are; customers do not pay each other.
//!
//! Pure like the core, though it stands below `grpc`, whose messages it makes. Never decides.

use std::collections::VecDeque;

use crate::grpc::pb::report_execution_request::Execution;
use crate::life::chance::Chance;
use crate::life::kind::Kind;
use crate::life::message::Scene;
use crate::life::person::{Customer, DAY, Known, Monthly, Person, Plan, Way};
use crate::life::script::Step;
use crate::records::pb::{Header, Labelled};

mod chance;
mod event;
mod kind;
mod message;
mod parameters;
mod payee;
mod person;
mod script;
#[cfg(test)]
mod tests;
mod words;

pub use parameters::{Parameters, STANDARD, Scale};

/// How much life, and from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// What all chance is drawn from.
    pub seed: u64,
    /// Customers, up to [`CUSTOMERS_MAX`].
    pub customers: u32,
    /// Days, up to [`DAYS_MAX`].
    pub days: u32,
}

/// By what three kinds of rates are multiplied.
#[derive(Clone, Copy, Debug)]
pub struct Scales {
    /// Honest calls, going on and ended.
    pub calls: Scale,
    /// Payees that were never paid before.
    pub new_payees: Scale,
    /// Facts that are missing.
    pub missing: Scale,
}

/// Labelled payments in the order of time.
#[derive(Debug)]
pub struct Life {
    size: Size,
    scales: Scales,
    parameters: Parameters,
    people: Vec<Person>,
    /// For each kind of customer, what may happen on a day, with cumulated rates.
    rates: Vec<Vec<(Kind, u64)>>,
    day: u32,
    today: VecDeque<Draft>,
    cases: u64,
    written: u64,
}

/// A payment before it is put into words.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Seconds since 1970 at which the bank asks.
    pub(crate) time: i64,
    pub(crate) person: u32,
    pub(crate) customer: Customer,
    pub(crate) kind: Kind,
    /// What the ledger had before.
    pub(crate) known: Known,
    pub(crate) pence: u64,
    pub(crate) balance: u64,
    pub(crate) limit: u64,
    pub(crate) raised: Option<i64>,
    pub(crate) phone: i64,
    pub(crate) month: usize,
    pub(crate) arrivals: [Option<Arrival>; 2],
    pub(crate) way: Way,
    pub(crate) channel: Channel,
    pub(crate) chaps: bool,
    /// What becomes of it where it is allowed.
    pub(crate) execution: Execution,
    pub(crate) step: Option<Box<Step>>,
}

/// Money that came in before a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) pence: u64,
    /// Seconds since 1970.
    pub(crate) time: i64,
    pub(crate) from: From,
}

/// Where money came from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum From {
    #[default]
    Savings,
    OwnAccount,
    Elsewhere,
    Loan,
}

/// How an order is given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Channel {
    App,
    Web,
    Telephone,
    #[default]
    Branch,
    OpenBanking,
    /// A standing order or a file: nobody is there.
    Nobody,
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Today {
    /// Days since the first.
    pub(crate) day: u32,
    /// Its first second since 1970.
    pub(crate) midnight: i64,
    /// Day of the month, from 1.
    pub(crate) date: u8,
    /// Month, from 0.
    pub(crate) month: usize,
    /// Monday is 1.
    pub(crate) weekday: u8,
    /// Days until self-assessment is due next: 31 January or 31 July.
    pub(crate) to_tax: u32,
    /// Days until the next term begins: 10 January, 20 April or 1 October.
    pub(crate) to_term: u32,
}

impl Life {
    /// Begins a life of `size` under `parameters`; sizes beyond their bounds are brought inside.
    pub fn new(size: Size, scales: Scales, parameters: Parameters) -> Self {
        let customers = size.customers.clamp(1, CUSTOMERS_MAX);
        let size = Size { customers, days: size.days.clamp(1, DAYS_MAX), ..size };
        let rates = CUSTOMERS.iter().map(|customer| rates(*customer, &parameters)).collect();
        let mut life = Self {
            size,
            scales,
            parameters,
            people: Vec::new(),
            rates,
            day: 0,
            today: VecDeque::new(),
            cases: 0,
            written: 0,
        };
        let today = Today::new(life.parameters.start, 0);
        for index in 0..size.customers {
            let mut person = Person::new(size.seed, u64::from(index), &life.parameters);
            let mut chance = Chance::of(&[size.seed, UNDER_WAY, u64::from(index)]);
            event::under_way(&mut person, &life.parameters, &today, &mut chance);
            life.people.push(person);
        }
        life
    }

    /// Returns what a file of this life begins with; `digest` is that of the parameters' text.
    pub fn header(&self, digest: [u8; 32]) -> Header {
        let start = prost_types::Timestamp { seconds: self.parameters.start, nanos: 0 };
        Header {
            generator: env!("CARGO_PKG_VERSION").to_owned(),
            seed: self.size.seed,
            parameters_digest: digest.to_vec(),
            customers: self.size.customers,
            days: self.size.days,
            start_time: Some(start),
            calls_scale: self.scales.calls.to_string(),
            new_payees_scale: self.scales.new_payees.to_string(),
            missing_scale: self.scales.missing.to_string(),
        }
    }

    /// Returns how many days were made so far, of how many.
    pub fn progress(&self) -> (u32, u32) {
        (self.day, self.size.days)
    }

    /// Makes the next day.
    fn live(&mut self) {
        let today = Today::new(self.parameters.start, self.day);
        self.day = self.day.saturating_add(1);
        let mut drafts = Vec::new();
        let mut people = std::mem::take(&mut self.people);
        for (index, person) in (0..).zip(&mut people) {
            self.live_one(index, person, &today, &mut drafts);
        }
        self.people = people;
        // Stable, so that one customer's payments of a second stay in their order.
        drafts.sort_by_key(|draft| (draft.time, draft.person));
        self.today = drafts.into();
    }

    fn live_one(
        &mut self,
        index: u32,
        person: &mut Person,
        today: &Today,
        drafts: &mut Vec<Draft>,
    ) {
        let parameters = &self.parameters;
        let mut chance = Chance::of(&[self.size.seed, LIFE, u64::from(index), today.day.into()]);
        person.pass(today, parameters, &mut chance);
        let mut plans = person.due(today.day);
        plans.extend(person.monthly(today, self.scales.new_payees, parameters, &mut chance));
        if let Some(rates) = self.rates.get(person.customer.place()) {
            for _ in 0..SLOTS {
                let hit = chance.below(SLOTS_A_YEAR);
                // Nearly always nothing does.
                if rates.last().is_none_or(|(_, until)| *until <= hit) {
                    continue;
                }
                let Some((kind, _)) = rates.iter().find(|(_, until)| hit < *until) else {
                    continue;
                };
                event::happen(
                    person,
                    *kind,
                    (parameters, self.scales.new_payees),
                    today,
                    &mut chance,
                );
            }
        }
        let rate = parameters.scams.cases_per_1000_customers_a_year;
        if person.scam_free <= today.day && chance.below(365_000) < rate {
            let case = (self.cases.saturating_add(1), today.day);
            let case = script::plan(person, parameters, case, &mut chance);
            if !case.is_empty() {
                self.cases = self.cases.saturating_add(1);
                person.scam_free = today.day.saturating_add(SCAM_DAYS);
                person.plans.extend(case);
            }
        }
        plans.extend(person.due(today.day));
        for plan in &mut plans {
            if plan.second.is_none() {
                plan.second = Some(second(plan, &mut chance));
            }
        }
        plans.sort_by_key(|plan| plan.second);
        for plan in plans {
            let draft = self.pay((index, person), &plan, today, &mut chance);
            drafts.extend(draft);
        }
    }

    /// Pays what was planned, if there is money for it.
    fn pay(
        &self,
        (index, person): (u32, &mut Person),
        plan: &Plan,
        today: &Today,
        chance: &mut Chance,
    ) -> Option<Draft> {
        let parameters = &self.parameters;
        let time = today.midnight.saturating_add(plan.second.unwrap_or(0));
        let (pence, arrivals) = person.fund(plan, time, parameters, chance)?;
        let chaps = plan.kind == Kind::Completion && CHAPS_PENCE <= pence;
        let channel = self.channel(person, plan, (pence, chaps, time), chance);
        let known = person.ledger(plan.payee).unwrap_or_else(|| {
            let before = match &plan.step {
                Some(step) => step.added_before,
                // Orders for later are given days before.
                None if plan.way != Way::Now => {
                    i64::try_from(chance.between(172_800, 2_592_000)).unwrap_or(172_800)
                }
                None if chance.per_mille(parameters.payees.pay_at_once_per_mille) => {
                    i64::try_from(chance.between(20, 900)).unwrap_or(60)
                }
                None => i64::try_from(chance.between(3_600, 900_000)).unwrap_or(3_600),
            };
            let added = time.saturating_sub(before);
            Known { payee: plan.payee, kind: plan.kind, added, first: time, times: 0, total: 0 }
        });
        let execution = message::execution(plan.step.as_deref(), parameters, chance);
        let draft = Draft {
            time,
            person: index,
            customer: person.customer,
            kind: plan.kind,
            known,
            pence,
            balance: person.balance,
            limit: person.limit.max(pence),
            raised: person.raised,
            phone: person.phone,
            month: today.month,
            arrivals,
            way: plan.way,
            channel,
            chaps,
            execution,
            step: plan.step.clone(),
        };
        if execution == Execution::Sent {
            person.paid(known, pence);
        }
        Some(draft)
    }

    /// Chooses how the order is given, and has the limit raised where that is needed.
    fn channel(
        &self,
        person: &mut Person,
        plan: &Plan,
        (pence, chaps, time): (u64, bool, i64),
        chance: &mut Chance,
    ) -> Channel {
        let Parameters { channels, scams, session, .. } = &self.parameters;
        if plan.way != Way::Now {
            return Channel::Nobody;
        }
        let drawn = match &plan.step {
            Some(step) => message::scam_channel(step, chance, channels),
            None if chaps => chance.pick(&[Channel::Branch, Channel::Telephone, Channel::Web]),
            None => message::channel(chance, channels),
        };
        let remote = matches!(drawn, Channel::App | Channel::Web | Channel::OpenBanking);
        if chaps || !remote || pence <= person.limit {
            return drawn;
        }
        let (rate, within) = match &plan.step {
            Some(step) if message::needs_screen(step) => (1_000, 3_600),
            Some(_) => (scams.limit_raise_per_mille, 3_600),
            None => (session.limit_raise_per_mille, 86_400),
        };
        if chance.per_mille(rate) {
            let before = i64::try_from(chance.between(90, within)).unwrap_or(600);
            person.raised = Some(time.saturating_sub(before));
            person.limit = pence.next_multiple_of(500_000);
            return drawn;
        }
        chance.pick(&[Channel::Telephone, Channel::Branch])
    }
}

/// Each payment, in the order of time.
impl Iterator for Life {
    type Item = Labelled;

    fn next(&mut self) -> Option<Labelled> {
        while self.today.is_empty() {
            if self.size.days <= self.day {
                return None;
            }
            self.live();
        }
        let draft = self.today.pop_front()?;
        self.written = self.written.saturating_add(1);
        let scene = Scene::new(self.size.seed, self.written, &self.parameters, &self.scales);
        Some(scene.labelled(&draft))
    }
}

impl Customer {
    fn place(self) -> usize {
        CUSTOMERS.iter().position(|customer| *customer == self).unwrap_or(0)
    }
}

impl Today {
    /// Returns the day that is `day` days after the one that begins at `start`.
    fn new(start: i64, day: u32) -> Self {
        let midnight = start.saturating_add(i64::from(day).saturating_mul(DAY));
        let date = |second: i64| {
            let timestamp = jiff::Timestamp::from_second(second).unwrap_or_default();
            timestamp.to_zoned(jiff::tz::TimeZone::UTC).date()
        };
        let now = date(midnight);
        let until = |days: &[(i8, i8)]| {
            let is = |ahead: &u32| {
                let later = midnight.saturating_add(i64::from(*ahead).saturating_mul(DAY));
                let later = date(later);
                days.contains(&(later.month(), later.day()))
            };
            (0..366).find(is).unwrap_or(0)
        };
        Self {
            day,
            midnight,
            date: now.day().unsigned_abs(),
            month: usize::from(now.month().unsigned_abs()).saturating_sub(1),
            weekday: now.weekday().to_monday_one_offset().unsigned_abs(),
            to_tax: until(&[(1, 31), (7, 31)]),
            to_term: until(&[(1, 10), (4, 20), (10, 1)]),
        }
    }
}

impl Person {
    /// Lets a day pass: money comes in and is spent by card, a telephone may be new.
    fn pass(&mut self, today: &Today, parameters: &Parameters, chance: &mut Chance) {
        let spent = parameters.money.spent_by_card_per_mille;
        let daily = self.income.saturating_mul(spent).checked_div(30_000).unwrap_or(0);
        self.balance = self.balance.saturating_sub(daily);
        if self.payday == today.date {
            // What nobody spends goes into savings.
            let most = self.income.saturating_mul(3);
            let sum = self.balance.saturating_add(self.income);
            self.balance = sum.min(most);
            self.savings = self.savings.saturating_add(sum.saturating_sub(most));
        }
        if chance.below(365_000) < parameters.session.new_phone_per_1000_a_year {
            let second = i64::try_from(chance.below(86_400)).unwrap_or(0);
            // Payments of that day come after, or from the old one.
            self.phone = today.midnight.saturating_sub(second);
        }
    }

    /// Adds the payments that fall on this day of every month.
    fn monthly(
        &mut self,
        today: &Today,
        scale: Scale,
        parameters: &Parameters,
        chance: &mut Chance,
    ) -> Vec<Plan> {
        let staff = |monthly: &Monthly| monthly.kind == Kind::Payroll && monthly.day == today.date;
        let paid = self.monthly.iter().filter(|monthly| staff(monthly));
        let (count, total) = paid.fold((0_u32, 0_u64), |(count, total), monthly| {
            (count.saturating_add(1), total.saturating_add(monthly.pence))
        });
        let in_file = self.customer == Customer::Company
            && chance.per_mille(parameters.payees.business_in_file_per_mille);
        let mut plans = Vec::new();
        for monthly in self.monthly.iter_mut().filter(|monthly| monthly.day == today.date) {
            let of = parameters.kind(monthly.kind);
            let mut way = Way::Standing;
            if monthly.kind == Kind::Payroll {
                way = if in_file { Way::File(count, total) } else { Way::Now };
            } else if monthly.kind == Kind::Bills && chance.per_mille(300) {
                way = Way::Now;
            }
            if chance.per_mille(scale.of(of.new_payee_per_mille, 1_000)) {
                monthly.payee = monthly.kind.sort().draw(chance);
            }
            plans.push(Plan {
                day: today.day,
                second: None,
                payee: monthly.payee,
                kind: monthly.kind,
                pence: monthly.pence,
                way,
                step: None,
            });
        }
        plans
    }

    /// Finds the money for a payment: from the account, from savings, by a loan. Returns how much is paid
    /// and what came in for it; `None` where there is too little.
    fn fund(
        &mut self,
        plan: &Plan,
        time: i64,
        parameters: &Parameters,
        chance: &mut Chance,
    ) -> Option<(u64, [Option<Arrival>; 2])> {
        let gathers = plan.step.as_ref().is_some_and(|step| step.gathers);
        let mut arrivals = [None, None];
        let lacks = plan.pence.saturating_sub(self.balance);
        if lacks == 0 && !gathers {
            return Some((plan.pence, arrivals));
        }
        let wanted = if gathers { lacks.max(plan.pence) } else { lacks };
        let wanted = wanted.next_multiple_of(10_000);
        let ago = |chance: &mut Chance| {
            let most = if plan.step.is_some() { 14_400 } else { 400_000 };
            time.saturating_sub(i64::try_from(chance.between(300, most)).unwrap_or(300))
        };
        let from = chance.pick(&[From::Savings, From::OwnAccount, From::Savings, From::Elsewhere]);
        let lent = plan.kind.lent() && plan.step.is_none();
        let loan = lent && chance.per_mille(parameters.money.loan_per_mille);
        let saved = plan.kind.saved_for() && plan.step.is_none();
        let pence = if loan || saved { wanted } else { wanted.min(self.savings) };
        if lacks <= pence && 0 < pence {
            let from = if loan { From::Loan } else { from };
            if !loan {
                self.savings = self.savings.saturating_sub(pence);
            }
            arrivals = [Some(Arrival { pence, time: ago(chance), from }), None];
            if gathers && chance.per_mille(200) {
                let loan = wanted.checked_div(2).unwrap_or(0).next_multiple_of(50_000);
                self.balance = self.balance.saturating_add(loan);
                let last = Arrival { pence: loan, time: ago(chance), from: From::Loan };
                arrivals = [Some(last), arrivals.first().copied().flatten()];
            }
            arrivals.sort_by_key(|arrival| arrival.map_or(i64::MAX, |it| it.time.saturating_neg()));
            self.balance = self.balance.saturating_add(pence);
            return Some((plan.pence, arrivals));
        }
        // A scam takes what the case was planned to come to: an overdraft serves.
        if plan.step.is_some() || plan.way != Way::Now {
            self.balance = self.balance.max(plan.pence);
            return Some((plan.pence, arrivals));
        }
        let some = self.balance.checked_div(3).unwrap_or(0).min(plan.pence);
        let pence =
            if 10_000 < some { some.checked_div(1_000)?.saturating_mul(1_000) } else { some };
        (200 <= pence).then_some((pence, arrivals))
    }
}

/// Returns what may happen to such a customer in a slot, by rates added up.
fn rates(customer: Customer, parameters: &Parameters) -> Vec<(Kind, u64)> {
    let mut sum = 0_u64;
    let kinds = kind::ALL.iter().filter(|kind| kind.of(customer) && !kind.monthly());
    let rates = kinds.map(|kind| {
        sum = sum.saturating_add(parameters.kind(*kind).per_1000_a_year);
        (*kind, sum)
    });
    rates.collect()
}

/// Draws the second of a day at which people pay.
fn second(plan: &Plan, chance: &mut Chance) -> i64 {
    let (from, until) = match plan.way {
        Way::Standing => (3_600, 21_600),
        Way::File(..) => return FILE_SECOND,
        Way::Now if plan.kind == Kind::Completion => (32_400, 54_000),
        Way::Now if chance.per_mille(60) => (0, 86_399),
        Way::Now => (25_200, 80_000),
    };
    i64::try_from(chance.between(from, until)).unwrap_or(FILE_SECOND)
}

/// Most customers of one life: some kilobytes each.
pub const CUSTOMERS_MAX: u32 = 5_000_000;
/// Most days of one life: ten years.
pub const DAYS_MAX: u32 = 3_653;

const CUSTOMERS: [Customer; 6] = [
    Customer::Worker,
    Customer::Pensioner,
    Customer::Student,
    Customer::SoleTrader,
    Customer::Company,
    Customer::Charity,
];

/// Marks the streams of days, and of what is under way when the first begins.
const LIFE: u64 = 3;
const UNDER_WAY: u64 = 5;

/// How often a day asks what happens, so that more than one thing can.
const SLOTS: u64 = 6;
const SLOTS_A_YEAR: u64 = SLOTS * 365 * 1_000;
/// Days after which somebody may be deceived again.
const SCAM_DAYS: u32 = 120;
/// Files are sent at six in the morning.
const FILE_SECOND: i64 = 21_600;
/// Larger payments of a completion go by CHAPS: some banks' limit for Faster Payments in a branch.
const CHAPS_PENCE: u64 = 2_500_000;
