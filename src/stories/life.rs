//! Life: a year of what a person pays when nobody deceives them.
//!
//! What comes in is not seen by a service that is asked about what goes out. Rent goes by standing
//! order, the card is paid, something is put aside after pay day, friends and family get theirs, now
//! and then a tradesperson or a shop is paid for the first time. Nothing here is drawn from real
//! people: it is a background for stories, plain and quick, and no model of a population.

use jiff::civil::Date;

use crate::calendar::Time;
use crate::grpc::pb;
use crate::stories::chance::Chance;
use crate::stories::message::{Account, Paid, Past, Payer, name_check, pounds, span, stamp, texts};
use crate::stories::payee::{Check, Holder};
use crate::stories::person::OTHERS;
use crate::stories::tell::{Knows, Teller};

/// One payment of the year.
#[derive(Debug)]
struct Ordinary {
    at: Time,
    pence: i64,
    /// Place among the payees of the year.
    to: usize,
    kind: pb::instruction::Kind,
    rail: pb::transfer::Rail,
}

/// What the year comes to, apart from what a story draws of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Year {
    /// Days that it lasts.
    pub(super) days: i64,
    pub(super) salary_day: i64,
    pub(super) rent: i64,
    pub(super) bill: i64,
    /// Payments to friends and shops a month.
    pub(super) friends: i64,
    pub(super) gift: i64,
    pub(super) saving: i64,
    pub(super) balance: i64,
}

/// Somebody of the story who was paid in the year.
#[derive(Debug)]
pub(super) struct Acquainted<'a> {
    pub(super) paid: &'a mut Paid,
    pub(super) holder: Holder,
    pub(super) times: i64,
    pub(super) pence: i64,
}

/// Notes with each acquainted payee what it was paid in the year before `until`, and returns the
/// payments to it, in the order of time.
fn met(
    teller: &Teller<'_>,
    days: i64,
    known: &mut Acquainted<'_>,
    (to, until): (usize, Time),
) -> Vec<Ordinary> {
    // Numbers of its own: the same whether the rest of the year is told or not.
    let mut chance = teller.chance(&format!("life.{to}"));
    let mut payments = acquaintance(known, to, days, &mut chance, until);
    payments.sort_by_key(|payment| payment.at);
    if let Some(first) = payments.first() {
        // A payee is added when it is first paid.
        known.paid.added = Some(first.at.minus(span(chance.between(1, 20, 1))));
    }
    for payment in &payments {
        known.paid.past.add(payment.at, payment.pence);
    }
    payments
}

/// Notes with each acquainted payee what it was paid, and tells nothing of it.
pub(super) fn untold(
    teller: &Teller<'_>,
    days: i64,
    acquainted: &mut [Acquainted<'_>],
    until: Time,
) {
    for (place, known) in acquainted.iter_mut().enumerate() {
        met(teller, days, known, (place, until));
    }
}

/// Returns the year before `until` as questions, in the order of time; notes with each acquainted
/// payee what it was paid.
pub(super) fn year(
    teller: &mut Teller<'_>,
    year: Year,
    acquainted: &mut [Acquainted<'_>],
    until: (Date, Time),
) -> Vec<pb::ScreenTransferRequest> {
    let mut chance = teller.chance("life");
    let mut people = people(&teller.payer, year, &mut chance);
    let mut payments = planned(year, &mut chance, until);
    let story_from = people.len();
    for (place, known) in acquainted.iter_mut().enumerate() {
        let unpaid = known.paid.clone();
        for payment in met(teller, year.days, known, (place, until.1)) {
            payments.push(Ordinary { to: story_from.saturating_add(place), ..payment });
        }
        people.push((Paid { added: known.paid.added, ..unpaid }, known.holder));
    }
    payments.sort_by_key(|payment| payment.at);

    let mut requests = Vec::with_capacity(payments.len());
    for payment in payments {
        let Some((paid, holder)) = people.get_mut(payment.to) else { continue };
        if paid.added.is_none() && paid.own != Some(true) {
            paid.added = Some(payment.at.minus(span(chance.between(1, 20, 1))));
        }
        requests.push(question(teller, &payment, (paid, *holder), year.balance, &mut chance));
        paid.past.add(payment.at, payment.pence);
    }
    requests
}

/// Returns whom the year pays: landlord, card, own savings, friends, and shops paid once each.
fn people(payer: &Payer, year: Year, chance: &mut Chance) -> Vec<(Paid, Holder)> {
    let mut people = Vec::new();
    let mut add = |name: &str, holder, own, chance: &mut Chance| {
        let business = holder == Holder::Business;
        let paid = Paid {
            account: Account::uk(chance),
            name: name.to_owned(),
            declared: if business { pb::payee::Kind::Business } else { pb::payee::Kind::Person },
            provider: pb::payee::ProviderKind::Bank,
            own: Some(own),
            added: None,
            past: Past::default(),
        };
        people.push((paid, holder));
    };
    let landlord = chance.pick(&LANDLORDS).unwrap_or("Landlord");
    let card = chance.pick(&CARDS).unwrap_or("Card");
    add(landlord, Holder::Business, false, chance);
    add(card, Holder::Business, false, chance);
    add(&payer.name, Holder::Personal, true, chance);
    for _ in 0..FRIENDS {
        let friend = chance.pick(&OTHERS).unwrap_or("Friend");
        add(friend, Holder::Personal, false, chance);
    }
    for _ in 0..shops(year.days) {
        let shop = chance.pick(&SHOPS).unwrap_or("Shop");
        add(shop, Holder::Business, false, chance);
    }
    people
}

/// Returns what the months bring.
fn planned(year: Year, chance: &mut Chance, (day, until): (Date, Time)) -> Vec<Ordinary> {
    let mut payments = Vec::new();
    let single = pb::instruction::Kind::Single;
    let faster = pb::transfer::Rail::FasterPayments;
    let mut shop = SHOPS_FROM;
    for back in 0..year.days {
        let date = day.saturating_sub(jiff::Span::new().days(back.saturating_add(1)));
        let midnight = until.minus(span(back.saturating_add(1).saturating_mul(1_440)));
        let mut push = |minute, pence, to, kind, rail| {
            if 0 < pence {
                payments.push(Ordinary { at: midnight.plus(span(minute)), pence, to, kind, rail });
            }
        };
        let of_month = i64::from(date.day());
        if of_month == 1 {
            push(360, year.rent, LANDLORD, pb::instruction::Kind::StandingOrder, faster);
        }
        if of_month == 12 {
            let share = chance.between(600, 1_400, 1);
            let pence = year.bill.saturating_mul(share).checked_div(1_000).unwrap_or(0);
            push(chance.between(420, 1_320, 1), pence, CARD, single, faster);
        }
        if of_month == year.salary_day.saturating_add(1) {
            let at = chance.between(480, 1_200, 1);
            push(at, year.saving, SAVINGS, single, pb::transfer::Rail::Internal);
        }
        // Most months have thirty days, and a day seldom sees more than two such payments.
        for _ in 0..DAILY_MAX {
            let often = year.friends.saturating_mul(1_000).checked_div(30 * DAILY_MAX).unwrap_or(0);
            if chance.per_mille(u32::try_from(often).unwrap_or(0)) {
                let share = chance.between(400, 2_000, 1);
                let pence = year.gift.saturating_mul(share).checked_div(1_000).unwrap_or(0);
                let at = usize::try_from(chance.below(FRIENDS)).unwrap_or(0);
                let friend = FRIENDS_FROM.saturating_add(at);
                push(chance.between(420, 1_380, 1), pence.max(100), friend, single, faster);
            }
        }
        if back.checked_rem(SHOP_DAYS) == Some(SHOP_DAYS / 2) {
            // Now and then something larger: a repair, a holiday, a piece of furniture.
            let pence = year.gift.saturating_mul(chance.between(1, 12, 1));
            push(chance.between(540, 1_200, 1), pence.max(1_000), shop, single, faster);
            shop = shop.saturating_add(1);
        }
    }
    payments
}

/// Returns what somebody of the story was paid, spread over the year and ended a week before.
fn acquaintance(
    known: &Acquainted<'_>,
    to: usize,
    days: i64,
    chance: &mut Chance,
    until: Time,
) -> Vec<Ordinary> {
    let quiet = 7 * 1_440;
    let room = days.saturating_mul(1_440).saturating_sub(quiet).max(1_440);
    let each = room.checked_div(known.times.max(1)).unwrap_or(room).max(1);
    let payment = |number: i64| {
        let slack = chance.between(0, each.saturating_sub(1), 1);
        let back = number.saturating_mul(each).saturating_add(slack).saturating_add(quiet);
        Ordinary {
            at: until.minus(span(back)),
            pence: known.pence,
            to,
            kind: pb::instruction::Kind::Single,
            rail: pb::transfer::Rail::FasterPayments,
        }
    };
    (0..known.times).map(payment).collect()
}

fn question(
    teller: &mut Teller<'_>,
    payment: &Ordinary,
    (paid, holder): (&Paid, Holder),
    balance: i64,
    chance: &mut Chance,
) -> pb::ScreenTransferRequest {
    let Ordinary { at, pence, kind, rail, .. } = *payment;
    let standing = kind == pb::instruction::Kind::StandingOrder;
    let knows = teller.knows;
    let lay = balance.saturating_mul(chance.between(500, 1_500, 1)).checked_div(1_000);
    let lay = lay.unwrap_or(0).max(pence.saturating_add(chance.between(0, 20_000, 1)));
    let mut payer = teller.payer.message(knows.customer);
    payer.available_balance = knows.balance.then(|| pounds(lay));
    let new = paid.past.times == 0 && paid.own != Some(true);
    let check = if new { Some(chance.pick(&CHECKS).unwrap_or(Check::Match)) } else { None };
    let names = check.and_then(|check| name_check(check, holder, paid.declared, at));
    let reference = chance.pick(&REFERENCES).unwrap_or("Thanks");
    let mut shown = paid.message(knows.added, knows.paid_before);
    if !knows.provider {
        shown.provider_kind = pb::payee::ProviderKind::Unspecified.into();
    }
    let transfer = pb::Transfer {
        rail: rail.into(),
        instruction: Some(pb::Instruction { kind: kind.into(), batch: None }),
        channel: if standing { pb::transfer::Channel::Unspecified } else { teller.channel }.into(),
        amount: Some(pounds(pence)),
        confirm_time: Some(stamp(at)),
        payer: Some(payer),
        payee: Some(shown),
        name_check: names,
        texts: texts(Some(reference), None, None),
        session: if standing { None } else { session(knows, at, chance) },
        ..pb::Transfer::default()
    };
    teller.request("l", transfer, !standing)
}

/// Returns a session of an ordinary day: a few minutes, seldom on a call.
fn session(knows: Knows, at: Time, chance: &mut Chance) -> Option<pb::Session> {
    use pb::call::{Direction, Source, State};
    let begun = at.minus(span(chance.between(1, 9, 1)));
    let on_call = chance.per_mille(CALLS_PER_MILLE);
    let direction = if chance.per_mille(500) { Direction::Incoming } else { Direction::Outgoing };
    knows.device.then(|| pb::Session {
        start_time: Some(stamp(begun)),
        call: Some(pb::Call {
            state: if on_call { State::InProgress } else { State::None }.into(),
            end_time: None,
            direction: if on_call { direction } else { Direction::Unspecified }.into(),
            source: Source::Device.into(),
        }),
        remote_access: Some(false),
        screen_sharing: Some(false),
        ..pb::Session::default()
    })
}

const fn shops(days: i64) -> i64 {
    days.saturating_add(SHOP_DAYS).div_euclid(SHOP_DAYS)
}

const LANDLORD: usize = 0;
const CARD: usize = 1;
const SAVINGS: usize = 2;
const FRIENDS_FROM: usize = 3;
const FRIENDS: u64 = 8;
const SHOPS_FROM: usize = 11;
/// A payee of business is new about every seven weeks; ours.
const SHOP_DAYS: i64 = 50;
const DAILY_MAX: i64 = 2;
/// How many of a thousand ordinary sessions are on a call; ours.
const CALLS_PER_MILLE: u32 = 25;

const LANDLORDS: [&str; 4] =
    ["Whitmore Lettings", "Castle Homes Ltd", "Dale Housing Assoc", "Harbour Property"];
const CARDS: [&str; 4] = ["Northway Card", "Credit card", "Beacon Card Services", "Store card"];
const SHOPS: [&str; 8] = [
    "Bryn Plumbing",
    "Oak and Ash Furniture",
    "Lakeside Lodges",
    "Marlow Tyres",
    "Fenn Electrical",
    "Green Gate Gardens",
    "St Mary Playgroup",
    "Hollin Dental",
];
const REFERENCES: [&str; 12] = [
    "Thanks",
    "Dinner",
    "Invoice 2041",
    "Share of bills",
    "Birthday",
    "Subs",
    "Petrol",
    "Tickets",
    "Shopping",
    "Monthly",
    "Lessons",
    "Present",
];
/// Of ten first payments most match, as with the honest payees of stories.
const CHECKS: [Check; 10] = [
    Check::Match,
    Check::Match,
    Check::Match,
    Check::Match,
    Check::Match,
    Check::Match,
    Check::Match,
    Check::CloseMatch,
    Check::Impossible,
    Check::NotAsked,
];
