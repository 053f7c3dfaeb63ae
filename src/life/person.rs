//! Person: one customer: what they have, whom they pay, and what they are about to pay.

use crate::life::chance::Chance;
use crate::life::kind::{self, Kind};
use crate::life::parameters::Parameters;
use crate::life::payee::{Payee, Sort, person};
use crate::life::script::Step;

/// What kind of customer somebody is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Customer {
    Worker,
    Pensioner,
    Student,
    SoleTrader,
    Company,
    Charity,
}

/// A customer.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) customer: Customer,
    /// Pence in the account.
    pub(crate) balance: u64,
    /// Pence in savings.
    pub(crate) savings: u64,
    /// Pence that come in each month.
    pub(crate) income: u64,
    /// Day of the month on which they come in.
    pub(crate) payday: u8,
    /// Most pence that one transfer may come to in app and web.
    pub(crate) limit: u64,
    /// When that was last raised, in seconds since 1970.
    pub(crate) raised: Option<i64>,
    /// Most pence that were sent at once.
    pub(crate) largest: u64,
    /// Second since 1970 at which the telephone was registered.
    pub(crate) phone: i64,
    pub(crate) known: Vec<Known>,
    pub(crate) monthly: Vec<Monthly>,
    pub(crate) plans: Vec<Plan>,
    /// First day on which another scam may begin.
    pub(crate) scam_free: u32,
}

/// What the bank's ledger has on a payee.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) payee: Payee,
    pub(crate) kind: Kind,
    /// Seconds since 1970.
    pub(crate) added: i64,
    /// Seconds since 1970; the same as `added` where never paid.
    pub(crate) first: i64,
    pub(crate) times: u32,
    /// Pence.
    pub(crate) total: u64,
}

/// A payment of every month.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Monthly {
    pub(crate) payee: Payee,
    pub(crate) kind: Kind,
    pub(crate) pence: u64,
    /// 1 to 28.
    pub(crate) day: u8,
}

/// A payment that somebody is about to make.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Days since the first.
    pub(crate) day: u32,
    /// Second of the day; `None` leaves it to chance.
    pub(crate) second: Option<i64>,
    pub(crate) payee: Payee,
    pub(crate) kind: Kind,
    pub(crate) pence: u64,
    pub(crate) way: Way,
    /// The scam that it is part of.
    pub(crate) step: Option<Box<Step>>,
}

/// How a payment comes to be ordered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// By somebody, now.
    Now,
    /// By a standing order.
    Standing,
    /// In a file of so many payments that come to so many pence.
    File(u32, u64),
}

impl Person {
    /// Returns customer `index` as they are when the first day begins.
    pub(crate) fn new(seed: u64, index: u64, parameters: &Parameters) -> Self {
        let mut chance = Chance::of(&[seed, PERSON, index]);
        let customer = customer(&mut chance, parameters);
        let money = &parameters.money;
        let income = match customer {
            Customer::Worker => money.wage,
            Customer::Pensioner => money.pension,
            Customer::Student => money.student,
            Customer::SoleTrader | Customer::Company | Customer::Charity => money.turnover,
        };
        let income = income.draw(&mut chance);
        let saved = money.savings.draw(&mut chance);
        // Whole thousands, as banks set them.
        let limit = money.limit.draw(&mut chance).next_multiple_of(100_000);
        let past = i64::try_from(chance.between(1, 1_100)).unwrap_or(1).saturating_mul(DAY);
        let mut person = Self {
            customer,
            balance: chance.below(income.saturating_add(1)),
            savings: if customer == Customer::Student { saved >> 3 } else { saved },
            income,
            payday: day_of_month(&mut chance),
            limit,
            raised: None,
            largest: 0,
            phone: parameters.start.saturating_sub(past),
            known: Vec::new(),
            monthly: Vec::new(),
            plans: Vec::new(),
            scam_free: 0,
        };
        for kind in kind::ALL.iter().filter(|kind| kind.of(customer)) {
            person.begin(*kind, &mut chance, parameters);
        }
        person
    }

    /// Adds the payees that a customer has of a kind when the first day begins.
    fn begin(&mut self, kind: Kind, chance: &mut Chance, parameters: &Parameters) {
        let of = parameters.kind(kind);
        if kind.monthly() {
            // One a month makes 12,000 per 1,000 a year.
            let whole = of.per_1000_a_year.checked_div(12_000).unwrap_or(0);
            let part = of.per_1000_a_year.checked_rem(12_000).unwrap_or(0);
            let more = u64::from(chance.below(12_000) < part);
            // Staff are paid on one day.
            let together = day_of_month(chance);
            for _ in 0..whole.saturating_add(more) {
                let day = if kind == Kind::Payroll { together } else { day_of_month(chance) };
                let payee = kind.sort().draw(chance);
                let pence = rounded(of.amount.draw(chance), of.round_to_pounds);
                self.monthly.push(Monthly { payee, kind, pence, day });
                self.meet((payee, kind), pence, chance, parameters.start);
            }
            return;
        }
        let count = if kind == Kind::Friends {
            chance.between(parameters.payees.friends_least, parameters.payees.friends_most)
        } else {
            // More of them the more often somebody pays such people, and the more often the same ones.
            let again = 1_000_u64.saturating_sub(of.new_payee_per_mille);
            let rate = of.per_1000_a_year.saturating_mul(again);
            let met = rate.checked_div(400_000).unwrap_or(0);
            met.min(6).saturating_add(u64::from(chance.below(400_000) < rate))
        };
        for _ in 0..count.min(PAYEES_A_KIND) {
            let payee = kind.sort().draw(chance);
            let pence = rounded(of.amount.draw(chance), of.round_to_pounds);
            self.meet((payee, kind), pence, chance, parameters.start);
        }
    }

    /// Notes a payee that was paid in the years before `start`.
    fn meet(&mut self, (payee, kind): (Payee, Kind), pence: u64, chance: &mut Chance, start: i64) {
        let days = chance.between(20, 1_800);
        let times = chance.between(1, days.checked_div(20).unwrap_or(1).max(1));
        let ago = i64::try_from(days).unwrap_or(1).saturating_mul(DAY);
        let first = start.saturating_sub(ago);
        let before = i64::try_from(chance.below(3_600)).unwrap_or(0);
        self.largest = self.largest.max(pence);
        self.known.push(Known {
            payee,
            kind,
            added: first.saturating_sub(before),
            first,
            times: u32::try_from(times).unwrap_or(1),
            total: pence.saturating_mul(times),
        });
    }

    /// Returns what the ledger has on `payee`.
    pub(crate) fn ledger(&self, payee: Payee) -> Option<Known> {
        self.known.iter().find(|known| known.payee == payee).copied()
    }

    /// Returns one of the payees that were paid for `kind`; `None` where there is none.
    pub(crate) fn known_for(&self, kind: Kind, chance: &mut Chance) -> Option<Payee> {
        let fits = |known: &&Known| {
            let friend = kind.sort() == Sort::Friend && known.payee.sort == Sort::Friend;
            !known.payee.sort.mule() && (known.kind == kind || friend)
        };
        let count = self.known.iter().filter(fits).count();
        let at = chance.below(u64::try_from(count).unwrap_or(0));
        let at = usize::try_from(at).unwrap_or(0);
        self.known.iter().filter(fits).nth(at).map(|known| known.payee)
    }

    /// Notes that a payment left.
    pub(crate) fn paid(&mut self, entry: Known, pence: u64) {
        self.balance = self.balance.saturating_sub(pence);
        self.largest = self.largest.max(pence);
        let entry = Known {
            times: entry.times.saturating_add(1),
            total: entry.total.saturating_add(pence),
            ..entry
        };
        if let Some(known) = self.known.iter_mut().find(|known| known.payee == entry.payee) {
            *known = entry;
            return;
        }
        if KNOWN_MAX <= self.known.len() {
            // Whoever was paid least, the oldest of them first.
            let least = self.known.iter().enumerate().min_by_key(|(_, known)| known.times);
            if let Some((at, _)) = least {
                self.known.remove(at);
            }
        }
        self.known.push(entry);
    }

    /// Takes the plans of `day` out.
    pub(crate) fn due(&mut self, day: u32) -> Vec<Plan> {
        if self.plans.iter().all(|plan| day < plan.day) {
            return Vec::new();
        }
        self.plans.extract_if(.., |plan| plan.day <= day).collect()
    }
}

/// Returns the name of customer `index`.
pub(crate) fn name(seed: u64, index: u64, customer: Customer) -> String {
    let mut chance = Chance::of(&[seed, NAME, index]);
    let name = person(&mut chance);
    match customer {
        Customer::Company => [&name, "Ltd"].join(" "),
        Customer::Charity => [&name, "Memorial Fund"].join(" "),
        _ => name,
    }
}

/// Returns pence rounded to whole `pounds`, at least that much; to the penny where that is 0.
pub(crate) fn rounded(pence: u64, pounds: u64) -> u64 {
    let unit = pounds.saturating_mul(100);
    let units = pence.checked_div(unit).unwrap_or(0);
    if unit == 0 { pence.max(1) } else { units.max(1).saturating_mul(unit) }
}

fn customer(chance: &mut Chance, parameters: &Parameters) -> Customer {
    let shares = &parameters.shares;
    let others = [
        shares.students_per_mille,
        shares.pensioners_per_mille,
        shares.sole_traders_per_mille,
        shares.companies_per_mille,
        shares.charities_per_mille,
    ];
    let some = others.iter().fold(0_u64, |sum, share| sum.saturating_add(*share));
    let rest = [1_000_u64.saturating_sub(some)];
    match chance.weighted(others.iter().chain(&rest).copied()) {
        0 => Customer::Student,
        1 => Customer::Pensioner,
        2 => Customer::SoleTrader,
        3 => Customer::Company,
        4 => Customer::Charity,
        _ => Customer::Worker,
    }
}

fn day_of_month(chance: &mut Chance) -> u8 {
    u8::try_from(chance.between(1, 28)).unwrap_or(1)
}

/// Marks the streams of customers and of their names.
const PERSON: u64 = 1;
const NAME: u64 = 2;

pub(crate) const DAY: i64 = 86_400;
/// Payees of one kind that somebody begins with.
const PAYEES_A_KIND: u64 = 30;
/// Payees that a ledger keeps here; who has more loses the one paid least often.
const KNOWN_MAX: usize = 96;
