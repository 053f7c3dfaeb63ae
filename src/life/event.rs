//! Event: what one event of a life makes people pay, now and later.

use crate::life::Today;
use crate::life::chance::Chance;
use crate::life::kind::Kind;
use crate::life::parameters::{Parameters, Scale};
use crate::life::payee::{Payee, Sort};
use crate::life::person::{Person, Plan, Way, rounded};

/// Lets something happen to a customer, and plans what they pay for it.
pub(crate) fn happen(
    person: &mut Person,
    kind: Kind,
    (parameters, new_payees): (&Parameters, Scale),
    today: &Today,
    chance: &mut Chance,
) {
    let of = parameters.kind(kind);
    let pence = rounded(of.amount.draw(chance), of.round_to_pounds);
    let new = chance.per_mille(new_payees.of(of.new_payee_per_mille, 1_000));
    let known = if new { None } else { person.known_for(kind, chance) };
    let payee = known.unwrap_or_else(|| kind.sort().draw(chance));
    let mut made = Made { kind, today: *today, plans: Vec::new() };
    match kind {
        Kind::Completion => made.completion(payee, pence, chance),
        Kind::Builder => made.builder(payee, pence, chance),
        Kind::Wedding => made.wedding(pence, chance),
        Kind::Car => made.car(payee, pence, chance),
        Kind::OwnNewAccount => made.own_new_account(payee, pence, chance),
        Kind::TenantMove => {
            made.add(0, payee, pence);
            made.add(chance.between(3, 14), payee, part(pence, 85, 100));
        }
        Kind::Estate => {
            for _ in 0..chance.between(1, 4) {
                made.add(0, Sort::Friend.draw(chance), pence);
            }
        }
        Kind::Tax if chance.per_mille(650) => {
            let early = chance.below(10);
            made.add(u64::from(today.to_tax).saturating_sub(early), payee, pence);
        }
        Kind::Tuition | Kind::Halls if chance.per_mille(750) => {
            made.add(u64::from(today.to_term).saturating_add(chance.below(8)), payee, pence);
        }
        _ => made.add(0, payee, pence),
    }
    person.plans.extend(made.plans);
}

/// Plans what remains of events that began before the first day.
pub(crate) fn under_way(
    person: &mut Person,
    parameters: &Parameters,
    today: &Today,
    chance: &mut Chance,
) {
    let long = [
        (Kind::Completion, 120),
        (Kind::Builder, 60),
        (Kind::Wedding, 200),
        (Kind::Tax, 180),
        (Kind::Tuition, 110),
        (Kind::Halls, 110),
    ];
    let customer = person.customer;
    for (kind, days) in long.into_iter().filter(|(kind, _)| kind.of(customer)) {
        let rate = parameters.kind(kind).per_1000_a_year.saturating_mul(days);
        let count = rate.checked_div(365_000).unwrap_or(0);
        let more = u64::from(chance.below(365_000) < rate.checked_rem(365_000).unwrap_or(0));
        for _ in 0..count.saturating_add(more) {
            // Dates are fixed; the rest is as far along as chance has it.
            let dated = matches!(kind, Kind::Tax | Kind::Tuition | Kind::Halls);
            // Whole weeks, so that what falls on a Friday still does.
            let weeks = if dated { 0 } else { chance.below(days / 7) };
            let ago = u32::try_from(weeks.saturating_mul(7)).unwrap_or(0);
            let others = std::mem::take(&mut person.plans);
            happen(person, kind, (parameters, Scale::ONE), today, chance);
            let rest = std::mem::replace(&mut person.plans, others);
            let rest = rest.into_iter().filter(|plan| today.day.saturating_add(ago) <= plan.day);
            let rest = rest.map(|plan| Plan { day: plan.day.saturating_sub(ago), ..plan });
            person.plans.extend(rest.filter(|plan| !dated || 0 < plan.day));
        }
    }
}

/// The plans of one event.
struct Made {
    kind: Kind,
    today: Today,
    plans: Vec<Plan>,
}

impl Made {
    fn add(&mut self, days: u64, payee: Payee, pence: u64) {
        let days = u32::try_from(days).unwrap_or(u32::MAX);
        self.plans.push(Plan {
            day: self.today.day.saturating_add(days),
            second: None,
            payee,
            kind: self.kind,
            pence: pence.max(100),
            way: Way::Now,
            step: None,
        });
    }

    /// Searches, fees, a deposit of a tenth, and what the mortgage leaves of the price, on a Friday twice
    /// as often as on each other working day (Land Registry: 40 of 100 completions of 2016).
    fn completion(&mut self, payee: Payee, price: u64, chance: &mut Chance) {
        self.add(chance.between(3, 10), payee, chance.between(25_000, 70_000));
        self.add(chance.between(30, 45), payee, chance.between(90_000, 260_000));
        let exchange = self.working(chance.between(60, 80));
        self.add(exchange, payee, part(price, 10, 100));
        let weekday = if chance.per_mille(400) { 5 } else { chance.between(1, 4) };
        let then = exchange.saturating_add(chance.between(7, 28));
        let on = u64::from(self.today.weekday).saturating_add(then).checked_rem(7).unwrap_or(0);
        let wait = weekday.saturating_add(7).saturating_sub(on).checked_rem(7).unwrap_or(0);
        self.add(then.saturating_add(wait), payee, part(price, chance.between(4, 45), 100));
    }

    /// Returns how many days it is to the first working day from `days` ahead.
    fn working(&self, days: u64) -> u64 {
        let on = u64::from(self.today.weekday).saturating_add(days).checked_rem(7).unwrap_or(0);
        let wait = match on {
            0 => 1,
            6 => 2,
            _ => 0,
        };
        days.saturating_add(wait)
    }

    /// A deposit, stages, and the rest.
    fn builder(&mut self, payee: Payee, pence: u64, chance: &mut Chance) {
        if pence < 250_000 {
            return self.add(0, payee, pence);
        }
        let mut days = 0;
        for share in [25, 30, 30, 15] {
            self.add(days, payee, part(pence, share, 100));
            days = days.saturating_add(chance.between(6, 16));
        }
    }

    /// Four suppliers, each paid a deposit now and the rest in the weeks before.
    fn wedding(&mut self, pence: u64, chance: &mut Chance) {
        let day = chance.between(40, 190);
        for share in [45, 25, 18, 12] {
            let payee = Sort::Company.draw(chance);
            let all = part(pence, share, 100);
            self.add(chance.below(8), payee, part(all, 20, 100));
            self.add(day.saturating_sub(chance.between(7, 30)), payee, part(all, 80, 100));
        }
    }

    fn car(&mut self, payee: Payee, pence: u64, chance: &mut Chance) {
        if chance.per_mille(300) {
            let deposit = chance.pick(&[10_000, 20_000, 50_000_u64]);
            self.add(0, payee, deposit);
            return self.add(chance.between(1, 6), payee, pence.saturating_sub(deposit));
        }
        self.add(0, payee, pence);
    }

    /// Some try a pound first; some move in more than one go.
    fn own_new_account(&mut self, payee: Payee, pence: u64, chance: &mut Chance) {
        let tries = chance.per_mille(300);
        if tries {
            self.add(0, payee, chance.pick(&[100, 500, 1_000_u64]));
        }
        let later = if tries { chance.below(3) } else { 0 };
        self.add(later, payee, pence);
        if chance.per_mille(250) {
            self.add(later.saturating_add(chance.between(1, 20)), payee, pence);
        }
    }
}

/// Returns so many parts of a whole, to the pound.
fn part(pence: u64, of: u64, over: u64) -> u64 {
    rounded(pence.saturating_mul(of).checked_div(over).unwrap_or(0), 1)
}
