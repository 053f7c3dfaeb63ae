//! Tell: a story becomes questions, in the order of time, each with what is true of it.

use jiff::civil::Date;

use crate::calendar::Time;
use crate::grpc::pb;
use crate::grpc::pb::call::Direction;
use crate::grpc::pb::transfer::Channel;
use crate::stories::chance::Chance;
use crate::stories::fact::{Choice, Draws, Words};
use crate::stories::life::{Acquainted, Year, untold, year};
use crate::stories::message::{
    Account, Paid, Past, Payer, name_check, pounds, span, stamp, texts, uuid,
};
use crate::stories::payee::{Check, Payee};
use crate::stories::session::{State, gathered};
use crate::stories::step::{Does, Pays, Step};
use crate::stories::{Label, Order, Part, Story, Telling, Told, Variant};

/// What is the same at every payment of one telling.
#[derive(Debug)]
pub(super) struct Teller<'a> {
    draws: Draws<'a>,
    pub(super) payer: Payer,
    pub(super) channel: Channel,
    pub(super) knows: Knows,
    pub(super) variant: Variant,
    /// Begins every id of this telling.
    prefix: String,
    pub(super) asked: u32,
}

/// What the bank states in this telling.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each fact is stated or not, whatever the others"
)]
pub(super) struct Knows {
    pub(super) customer: bool,
    pub(super) balance: bool,
    permitted: bool,
    gathered: bool,
    pub(super) added: bool,
    pub(super) paid_before: bool,
    pub(super) provider: bool,
    purpose: bool,
    pub(super) device: bool,
    pub(super) operator: bool,
    pub(super) limit: bool,
}

/// Somebody whom the story pays.
#[derive(Debug)]
struct Party<'a> {
    payee: &'a Payee,
    paid: Paid,
    check: Check,
    /// Minutes from adding to paying, where no step adds them.
    added: i64,
}

/// A step of this telling, at its time.
#[derive(Debug)]
struct Moment<'a> {
    at: Time,
    number: usize,
    step: &'a Step,
    /// Each amount that moves, in pence, and when.
    amounts: Vec<(Time, i64)>,
}

/// Tells `story`.
pub(super) fn tell(story: &Story, order: Order) -> Telling {
    let mut draws = Draws::new(&story.id, order.seed, order.draw);
    let person = &story.person;
    let mut knows = knows(story, &mut draws);
    match order.variant {
        Variant::Telling => {}
        Variant::BlandCall => knows.device = true,
        Variant::BlandSilent => (knows.device, knows.operator) = (false, false),
    }
    let name = draws.words("person.name", &person.name).to_owned();
    let channel = draws.choice("person.channel", &person.channel);
    let channel = channel.unwrap_or(Channel::MobileApp);
    // Each variant is told of other people, so that all can be told to one memory.
    let variant = order.variant.name();
    let prefix = format!("{}-{variant}-{}-{}", story.id, order.seed, order.draw);
    let mut accounts = Chance::of(order.seed, &["accounts", &prefix]);
    let payer = Payer {
        customer: format!("story-{prefix}"),
        account: Account::uk(&mut accounts),
        name,
        segment: person.segment,
    };
    let savings = Account::uk(&mut accounts);
    let mut parties = Vec::new();
    for payee in &story.payees {
        parties.push(party(payee, &payer, &mut draws, (&mut accounts, order.variant)));
    }
    let variant = order.variant;
    let mut teller = Teller { draws, payer, channel, knows, variant, prefix, asked: 0 };

    let (day, begins) = teller.begins(story);
    let moments = teller.moments(story, begins);
    let balance = teller.draws.quantity("person.balance", person.balance);
    let mut told = teller.life(story, &mut parties, balance, (order.life, day, begins));
    let mut state = State {
        balance: teller.balance(story, balance, &moments),
        permitted: teller.permitted(story, &moments),
        ..State::default()
    };
    let device = teller.draws.quantity("person.device_days", person.device);
    state.device = Some(begins.minus(span(device.saturating_mul(1_440))));
    if !story.has_call() && teller.draws.flag("call", &Choice::often(CALLS_PER_MILLE)) {
        state.call = Some((Direction::Unspecified, true, None));
    }
    for moment in &moments {
        teller.happen(story, moment, (&mut state, &mut parties, &savings), &mut told);
    }
    number(&mut told);
    Telling { told, drawn: teller.draws.noted() }
}

fn knows(story: &Story, draws: &mut Draws<'_>) -> Knows {
    let bank = &story.bank;
    Knows {
        customer: draws.flag("bank.customer", &bank.customer),
        balance: draws.flag("bank.balance", &bank.balance),
        permitted: draws.flag("bank.permitted", &bank.permitted),
        gathered: draws.flag("bank.gathered", &bank.gathered),
        added: draws.flag("bank.added", &bank.added),
        paid_before: draws.flag("bank.paid_before", &bank.paid_before),
        provider: draws.flag("bank.provider", &bank.provider),
        purpose: draws.flag("bank.purpose", &bank.purpose),
        device: draws.flag("bank.device", &bank.device),
        operator: draws.flag("bank.operator", &bank.operator),
        limit: draws.flag("bank.limit", &bank.limit),
    }
}

fn party<'s>(
    described: &'s Payee,
    payer: &Payer,
    draws: &mut Draws<'_>,
    (accounts, variant): (&mut Chance, Variant),
) -> Party<'s> {
    let path = |fact: &str| format!("payee.{}.{fact}", described.id);
    let telling = described.telling_name.as_ref().filter(|_| variant == Variant::Telling);
    let name = match (telling, &described.name) {
        (Some(name), _) => draws.words(&path("telling_name"), name).to_owned(),
        (None, Some(name)) => draws.words(&path("name"), name).to_owned(),
        (None, None) => payer.name.clone(),
    };
    let provider = draws.choice(&path("provider"), &described.provider);
    let declared = draws.choice(&path("declared"), &described.declared);
    let check = draws.choice(&path("name_check"), &described.check);
    let paid = Paid {
        account: Account::held_by(described.account, accounts),
        name,
        declared: declared.unwrap_or(pb::payee::Kind::Unspecified),
        provider: provider.unwrap_or(pb::payee::ProviderKind::Unspecified),
        own: Some(draws.flag(&path("known_own"), &described.known_own)),
        added: None,
        past: Past::default(),
    };
    let added = draws.quantity(&path("added_before"), described.added);
    Party { payee: described, paid, check: check.unwrap_or(Check::NotAsked), added }
}

impl<'a> Teller<'a> {
    /// Returns the numbers that belong to `path` in this draw.
    pub(super) fn chance(&self, path: &str) -> Chance {
        self.draws.chance(path)
    }

    /// Makes a question of a transfer.
    ///
    /// `kind` keeps the ids of the year apart from those of the steps.
    pub(super) fn request(
        &mut self,
        kind: &str,
        transfer: pb::Transfer,
        can_ask: bool,
    ) -> pb::ScreenTransferRequest {
        self.asked = self.asked.saturating_add(1);
        let payment_id = format!("{}-{kind}{}", self.prefix, self.asked);
        pb::ScreenTransferRequest {
            request_id: uuid(&mut Chance::of(0, &["request", &payment_id])),
            payment_id,
            // One look, when the bank is about to send it and the payer is still there.
            stage: pb::Stage::AtSubmission.into(),
            can_ask,
            transfer: Some(transfer),
            ..pb::ScreenTransferRequest::default()
        }
    }

    /// Returns the day that the story begins on, and the time.
    fn begins(&mut self, story: &Story) -> (Date, Time) {
        let weekday = self.draws.choice("begins.weekday", &story.weekday).unwrap_or(0);
        let minute = self.draws.quantity("begins.time", story.time);
        let day = WEEK.saturating_add(jiff::Span::new().days(weekday));
        let minutes = weekday.saturating_mul(1_440).saturating_add(minute);
        (day, WEEK_TIME.plus(span(minutes)))
    }

    /// Puts the steps of this telling at their times.
    fn moments<'s>(&mut self, story: &'s Story, begins: Time) -> Vec<Moment<'s>> {
        let mut at = begins;
        let mut moments = Vec::new();
        for (number, step) in (1_usize..).zip(&story.steps) {
            let path = |fact: &str| format!("step.{number}.{fact}");
            at = at.plus(span(self.draws.quantity(&path("after"), step.after)));
            if !self.draws.flag(&path("happens"), &step.happens) {
                continue;
            }
            let began = at;
            let mut amounts = Vec::new();
            match &step.does {
                Does::Pays(pays) => {
                    let times = self.draws.quantity(&path("times"), pays.times);
                    for time in 1..=times {
                        let path = |fact: &str| match times {
                            1 => format!("step.{number}.{fact}"),
                            _ => format!("step.{number}.{fact}.{time}"),
                        };
                        if 1 < time {
                            let wait = self.draws.quantity(&path("between"), pays.between);
                            at = at.plus(span(wait));
                        }
                        amounts.push((at, self.draws.quantity(&path("amount"), pays.amount)));
                    }
                }
                Does::Gathers(gathers) => {
                    amounts.push((at, self.draws.quantity(&path("amount"), gathers.amount)));
                }
                _ => {}
            }
            moments.push(Moment { at: began, number, step, amounts });
        }
        moments
    }

    /// Returns what lies in the account before the first step: enough for every payment that leaves.
    fn balance(&mut self, story: &Story, usual: i64, moments: &[Moment<'_>]) -> i64 {
        let (mut spent, mut most) = (0_i64, 0_i64);
        for moment in moments {
            for (_, pence) in &moment.amounts {
                match &moment.step.does {
                    Does::Gathers(_) => spent = spent.saturating_sub(*pence),
                    Does::Pays(pays) => {
                        most = most.max(spent.saturating_add(*pence));
                        if pays.ends.left() {
                            spent = spent.saturating_add(*pence);
                        }
                    }
                    _ => {}
                }
            }
        }
        if most <= usual {
            return usual;
        }
        let left = self.draws.quantity("person.left", story.person.left);
        most.saturating_add(left)
    }

    /// Returns the most that one payment may come to: no less than the story's largest.
    fn permitted(&mut self, story: &Story, moments: &[Moment<'_>]) -> i64 {
        let usual = self.draws.quantity("person.permitted", story.person.permitted);
        let paid = moments.iter().filter(|moment| moment.step.pays().is_some());
        let amounts = paid.flat_map(|moment| moment.amounts.iter().map(|(_, pence)| *pence));
        usual.max(amounts.max().unwrap_or(0))
    }

    /// Tells the year before, and how often the parties were paid in it.
    fn life(
        &mut self,
        story: &Story,
        parties: &mut [Party<'_>],
        balance: i64,
        (told, day, begins): (bool, Date, Time),
    ) -> Vec<Told> {
        let person = &story.person;
        let year_of = Year {
            days: self.draws.quantity("person.known_days", person.known),
            salary_day: self.draws.quantity("person.salary_day", person.salary_day),
            rent: self.draws.quantity("person.rent", person.rent),
            bill: self.draws.quantity("person.bill", person.bill),
            friends: self.draws.quantity("person.payments_a_month", person.friends),
            gift: self.draws.quantity("person.gift", person.gift),
            saving: self.draws.quantity("person.saving", person.saving),
            balance,
        };
        let mut acquainted = Vec::new();
        for party in parties {
            let path = |fact: &str| format!("payee.{}.{fact}", party.payee.id);
            let times = self.draws.quantity(&path("paid_before"), party.payee.paid_before);
            if 0 < times {
                let pence = self.draws.quantity(&path("paid_amount"), party.payee.paid_amount);
                let holder = party.payee.account;
                acquainted.push(Acquainted { paid: &mut party.paid, holder, times, pence });
            }
        }
        let minutes = begins.since(WEEK_TIME).whole_seconds().div_euclid(60);
        let midnight = begins.minus(span(minutes.rem_euclid(1_440)));
        if !told {
            untold(self, year_of.days, &mut acquainted, midnight);
            return Vec::new();
        }
        let requests = year(self, year_of, &mut acquainted, (day, midnight));
        // The steps count from 1 again, so that they have the same ids with and without the year.
        self.asked = 0;
        let tell = |request| Told { at: at(&request), request, label: Label::ordinary() };
        requests.into_iter().map(tell).collect()
    }

    fn happen(
        &mut self,
        story: &Story,
        moment: &Moment<'_>,
        (state, parties, savings): (&mut State, &mut [Party<'a>], &Account),
        told: &mut Vec<Told>,
    ) {
        match &moment.step.does {
            Does::Pays(pays) => self.pay(story, (moment, pays), (state, parties), told),
            Does::Gathers(gathers) => {
                for (at, pence) in &moment.amounts {
                    if gathers.here {
                        told.push(self.gather(moment, (*at, *pence), (state, savings)));
                    }
                    state.arrivals.push((*at, *pence, gathers.source));
                    state.balance = state.balance.saturating_add(*pence);
                }
            }
            Does::Adds(place) => {
                if let Some(party) = parties.get_mut(*place) {
                    party.paid.added = Some(moment.at);
                }
            }
            Does::Calls(call) => {
                let path = format!("step.{}.on_mobile", moment.number);
                let mobile = self.draws.flag(&path, &call.mobile);
                state.call = Some((call.direction, mobile, None));
            }
            Does::HangsUp => {
                if let Some((_, _, ended)) = &mut state.call {
                    *ended = Some(moment.at);
                }
            }
            Does::SharesScreen => state.sharing = true,
            Does::GivesControl => (state.control, state.sharing) = (true, true),
            Does::EndsControl => (state.control, state.sharing) = (false, false),
            Does::RaisesLimit => state.limit = Some(moment.at),
            Does::NewDevice => state.device = Some(moment.at),
        }
    }

    fn pay(
        &mut self,
        story: &Story,
        (moment, pays): (&Moment<'_>, &Pays),
        (state, parties): (&mut State, &mut [Party<'a>]),
        told: &mut Vec<Told>,
    ) {
        let number = moment.number;
        let path = |fact: &str| format!("step.{number}.{fact}");
        let channel = match &pays.channel {
            Some(channel) => self.draws.choice(&path("channel"), channel),
            None => None,
        };
        let channel = channel.unwrap_or(self.channel);
        let rail = self.draws.choice(&path("rail"), &pays.rail);
        let rail = rail.unwrap_or(pb::transfer::Rail::FasterPayments);
        let words = self.words(story, number, pays);
        let warned =
            pays.warning.map(|warned| self.draws.quantity(&path("warning_seconds"), warned));
        for (repeat, (at, pence)) in (0_usize..).zip(&moment.amounts) {
            let turn = repeat.checked_rem(pays.to.len()).unwrap_or(0);
            let party = pays.to.get(turn).and_then(|place| parties.get_mut(*place));
            let Some(party) = party else { continue };
            if pays.anew && 0 < repeat {
                let mut chance =
                    Chance::of(0, &["anew", &self.prefix, &path(""), &repeat.to_string()]);
                party.paid.account = Account::held_by(party.payee.account, &mut chance);
                party.paid.added = None;
                party.paid.past = Past::default();
                if party.payee.name.is_some() {
                    let name = chance.pick(&crate::stories::person::OTHERS);
                    name.unwrap_or_default().clone_into(&mut party.paid.name);
                }
            }
            if party.paid.added.is_none() {
                // Of several in a row each is added after the one before was paid.
                let gap = if repeat == 0 { party.added } else { party.added.min(1) };
                party.paid.added = Some(at.minus(span(gap)));
            }
            let session = self.session(state, *at, channel, warned);
            let paid = &party.paid;
            let transfer = self.transfer(state, (*at, *pence), paid, |transfer| {
                transfer.rail = rail.into();
                transfer.channel = channel.into();
                transfer.instruction =
                    Some(pb::Instruction { kind: pays.instruction.into(), batch: None });
                let (holder, declared) = (party.payee.account, paid.declared);
                transfer.name_check = name_check(party.check, holder, declared, *at);
                transfer.texts.clone_from(&words);
                transfer.session = session;
            });
            let request = self.request("s", transfer, channel != Channel::File);
            let part = match (pays.honest, story.is_scam()) {
                (false, _) => Part::Scam,
                (true, true) => Part::Aside,
                (true, false) => Part::Honest,
            };
            told.push(Told {
                request,
                at: *at,
                label: Label { part, ends: pays.ends, ..Label::step(number, repeat, *pence) },
            });
            if pays.ends.left() {
                state.balance = state.balance.saturating_sub(*pence);
                party.paid.past.add(*at, *pence);
            }
        }
    }

    /// Returns a transfer that comes in from an own account at this bank.
    fn gather(
        &mut self,
        moment: &Moment<'_>,
        (at, pence): (Time, i64),
        (state, savings): (&mut State, &Account),
    ) -> Told {
        let channel = self.channel;
        let session = self.session(state, at, channel, None);
        let remains =
            self.chance(&format!("step.{}.remains", moment.number)).between(0, 500_000, 100);
        let mut payer = self.payer.message(self.knows.customer);
        payer.account = Some(savings.message());
        payer.available_balance = self.knows.balance.then(|| pounds(pence.saturating_add(remains)));
        let transfer = pb::Transfer {
            rail: pb::transfer::Rail::Internal.into(),
            channel: channel.into(),
            amount: Some(pounds(pence)),
            confirm_time: Some(stamp(at)),
            payer: Some(payer),
            payee: Some(pb::Payee {
                account: Some(self.payer.account.message()),
                name: Some(self.payer.name.clone()),
                own_account: Some(true),
                provider_kind: pb::payee::ProviderKind::Bank.into(),
                ..pb::Payee::default()
            }),
            session,
            ..pb::Transfer::default()
        };
        let request = self.request("s", transfer, true);
        Told {
            request,
            at,
            label: Label { part: Part::Own, ..Label::step(moment.number, 0, pence) },
        }
    }

    fn transfer(
        &self,
        state: &State,
        (at, pence): (Time, i64),
        paid: &Paid,
        fill: impl FnOnce(&mut pb::Transfer),
    ) -> pb::Transfer {
        let knows = self.knows;
        let mut payer = self.payer.message(knows.customer);
        payer.available_balance = knows.balance.then(|| pounds(state.balance.max(0)));
        payer.largest_permitted = knows.permitted.then(|| pounds(state.permitted));
        let mut to = paid.message(knows.added, knows.paid_before);
        if !knows.provider {
            to.provider_kind = pb::payee::ProviderKind::Unspecified.into();
        }
        let mut transfer = pb::Transfer {
            amount: Some(pounds(pence)),
            confirm_time: Some(stamp(at)),
            payer: Some(payer),
            payee: Some(to),
            gathered: knows.gathered.then(|| gathered(state, at)),
            ..pb::Transfer::default()
        };
        fill(&mut transfer);
        transfer
    }

    /// Returns what is typed with the payments of a step.
    fn words(&mut self, story: &Story, number: usize, pays: &Pays) -> Option<pb::Texts> {
        let telling = self.variant == Variant::Telling;
        let (own, told, kind) = if telling {
            (pays.telling.as_ref(), story.telling.as_ref(), "telling")
        } else {
            (pays.bland.as_ref(), story.bland.as_ref(), "bland")
        };
        let path = |fact: &str| format!("step.{number}.{kind}.{fact}");
        let mut draw = |fact: &str, words: Option<&Words>| {
            words.map(|words| self.draws.words(&path(fact), words).to_owned())
        };
        let Some(words) = own.or(told) else {
            if telling && story.is_scam() {
                return None;
            }
            let reference = draw("reference", Some(&Words::of(&BLAND_REFERENCES)));
            let purpose = draw("purpose", Some(&Words::of(&BLAND_PURPOSES)));
            return texts(
                reference.as_deref(),
                None,
                purpose.as_deref().filter(|_| self.knows.purpose),
            );
        };
        let reference = draw("reference", words.reference.as_ref());
        let remittance = draw("remittance", words.remittance.as_ref());
        let purpose = draw("purpose", words.purpose.as_ref());
        let asked = telling || self.knows.purpose;
        texts(reference.as_deref(), remittance.as_deref(), purpose.as_deref().filter(|_| asked))
    }
}

/// Says of each payment of the scam how much came before it and what it comes to in all.
fn number(told: &mut [Told]) {
    let scams = || |told: &&mut Told| told.label.part == Part::Scam;
    let total: i64 = told.iter_mut().filter(scams()).map(|told| told.label.pence).sum();
    let mut before = 0_i64;
    for told in told.iter_mut().filter(scams()) {
        let label = &mut told.label;
        let after = before.saturating_add(label.pence);
        label.first_pound = before == 0;
        // The payment with which half of the money is gone.
        label.reaches_half = before.saturating_mul(2) < total && total <= after.saturating_mul(2);
        (label.pence_before, label.pence_in_all) = (before, total);
        before = after;
    }
}

fn at(request: &pb::ScreenTransferRequest) -> Time {
    let confirmed = request.transfer.as_ref().and_then(|transfer| transfer.confirm_time);
    let parts = confirmed.and_then(|stamp| Time::from_parts(stamp.seconds, stamp.nanos));
    parts.unwrap_or(Time::MIN)
}

/// The Monday of the week that every story begins in, and its first minute in UTC.
const WEEK: Date = Date::constant(2026, 6, 1);
const WEEK_TIME: Time = Time::from_micros(1_780_272_000_000_000);

/// How many of a thousand payments are made on a call of which no story tells; ours.
const CALLS_PER_MILLE: u32 = 25;

/// What a coached payer writes where a story says nothing better.
const BLAND_REFERENCES: [&str; 10] = [
    "Transfer", "Family", "Gift", "Car", "Holiday", "Deposit", "Invoice", "Payment", "House",
    "Bills",
];
const BLAND_PURPOSES: [&str; 6] = [
    "friends and family",
    "building work",
    "buying a car",
    "something else",
    "my own account",
    "paying a bill",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_begins_on_a_monday_at_midnight() {
        assert_eq!(WEEK.weekday(), jiff::civil::Weekday::Monday);
        assert_eq!(Time::parse("2026-06-01T00:00:00Z"), Some(WEEK_TIME));
    }
}
