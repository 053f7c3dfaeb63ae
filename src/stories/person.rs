//! Person: who pays, how they live, and what their bank knows of a payment.
//!
//! A life is named and stands for a set of ranges; a story overrides what its report tells. The
//! ranges are our assumptions, drawn wide on purpose: a story is about the scam, not about how much
//! rent somebody pays.

use crate::grpc::pb::payer::Segment;
use crate::grpc::pb::transfer::Channel;
use crate::stories::fact::{Choice, Quantity, Table, Unit, Words};

/// Who pays.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// The name on the account.
    pub(super) name: Words,
    pub(super) segment: Segment,
    /// How payments are ordered where a step does not say.
    pub(super) channel: Choice<Channel>,
    /// Days that the bank has known them through us.
    pub(super) known: Quantity,
    /// Day of the month on which the pay comes; the savings go out the day after.
    pub(super) salary_day: Quantity,
    /// A month's rent, by standing order; 0 for none.
    pub(super) rent: Quantity,
    /// What a card or household bill comes to, once a month; 0 for none.
    pub(super) bill: Quantity,
    /// How many payments to friends, family and tradespeople a month brings.
    pub(super) friends: Quantity,
    /// What such a payment comes to.
    pub(super) gift: Quantity,
    /// What is put aside every month into own savings at this bank; 0 for nothing.
    pub(super) saving: Quantity,
    /// What lies in the account before the first step.
    pub(super) balance: Quantity,
    /// What remains after the last payment where the story pays more than the balance.
    pub(super) left: Quantity,
    /// The most that one payment may come to.
    pub(super) permitted: Quantity,
    /// Days since the telephone or computer was registered.
    pub(super) device: Quantity,
}

/// What the bank states of a payment: each as often as said. A fact that is not stated is missing.
#[derive(Clone, Debug)]
pub(super) struct Bank {
    /// Name and kind of the customer.
    pub(super) customer: Choice<bool>,
    /// What lay in the account.
    pub(super) balance: Choice<bool>,
    /// The most that was permitted.
    pub(super) permitted: Choice<bool>,
    /// What came in from own accounts and loans.
    pub(super) gathered: Choice<bool>,
    /// When the payee was added.
    pub(super) added: Choice<bool>,
    /// How often the payee was paid, since when and how much.
    pub(super) paid_before: Choice<bool>,
    /// Who keeps the payee's account.
    pub(super) provider: Choice<bool>,
    /// What the payer told the bank the payment is for.
    pub(super) purpose: Choice<bool>,
    /// The session, whether the device is on a call, shared or controlled.
    pub(super) device: Choice<bool>,
    /// Whether the telephone network says that the payer is on a call.
    pub(super) operator: Choice<bool>,
    /// When a limit was last raised.
    pub(super) limit: Choice<bool>,
}

impl Person {
    /// Reads who pays: a life by name, and what of it is otherwise.
    pub(super) fn read(table: &Table<'_, '_>) -> Option<Self> {
        let life = table.section.choice("life", &LIVES);
        let usual = life.map_or_else(worker, |life| life());
        let pounds = |key| table.quantity(key, Unit::Pounds);
        let name = table.words("name", NAME_CHARS_MAX);
        let segment =
            table.section.optional("segment", |section, key| section.choice(key, &SEGMENTS));
        let channel = table.choice("channel", &CHANNELS);
        let known = table.quantity("known_days", Unit::Whole(0, KNOWN_DAYS_MAX));
        let salary_day = table.quantity("salary_day", Unit::Whole(1, 28));
        let friends = table.quantity("payments_a_month", Unit::Whole(0, 60));
        let device = table.quantity("device_days", Unit::Whole(0, 3_650));
        let (rent, bill, gift) = (pounds("rent"), pounds("bill"), pounds("gift"));
        let (saving, balance) = (pounds("saving"), pounds("balance"));
        let (left, permitted) = (pounds("left"), pounds("permitted"));
        life?;
        Some(Self {
            name: name?.unwrap_or(usual.name),
            segment: segment?.unwrap_or(usual.segment),
            channel: channel?.unwrap_or(usual.channel),
            known: known?.unwrap_or(usual.known),
            salary_day: salary_day?.unwrap_or(usual.salary_day),
            rent: rent?.unwrap_or(usual.rent),
            bill: bill?.unwrap_or(usual.bill),
            friends: friends?.unwrap_or(usual.friends),
            gift: gift?.unwrap_or(usual.gift),
            saving: saving?.unwrap_or(usual.saving),
            balance: balance?.unwrap_or(usual.balance),
            left: left?.unwrap_or(usual.left),
            permitted: permitted?.unwrap_or(usual.permitted),
            device: device?.unwrap_or(usual.device),
        })
    }
}

impl Bank {
    /// Reads what the bank states; what is left out is stated as often as usual.
    pub(super) fn read(table: Option<&Table<'_, '_>>) -> Option<Self> {
        let flag = |key: &str, often| {
            let stated = table.map_or(Some(None), |table| table.flag(key))?;
            Some(stated.unwrap_or_else(|| Choice::often(often)))
        };
        // Core banks know their own ledgers; channels and networks are asked less often. Ours.
        let (customer, balance) = (flag("customer", 980), flag("balance", 900));
        let (permitted, gathered) = (flag("permitted", 500), flag("gathered", 600));
        let (added, paid_before) = (flag("added", 850), flag("paid_before", 850));
        let (provider, purpose) = (flag("provider", 700), flag("purpose", 500));
        let (device, operator) = (flag("device", 600), flag("operator", 150));
        let limit = flag("limit", 500);
        Some(Self {
            customer: customer?,
            balance: balance?,
            permitted: permitted?,
            gathered: gathered?,
            added: added?,
            paid_before: paid_before?,
            provider: provider?,
            purpose: purpose?,
            device: device?,
            operator: operator?,
            limit: limit?,
        })
    }
}

fn worker() -> Person {
    Person {
        name: Words::of(&NAMES),
        segment: Segment::Consumer,
        channel: Choice::OneOf(vec![
            (Channel::MobileApp, "mobile_app", 800),
            (Channel::Web, "web", 200),
        ]),
        known: Quantity::Is(365),
        salary_day: whole(24, 28),
        rent: pounds(600, 1_400, 25),
        bill: pounds(150, 900, 10),
        friends: whole(2, 6),
        gift: pounds(8, 120, 1),
        saving: pounds(0, 400, 25),
        balance: pounds(900, 4_000, 10),
        left: pounds(20, 1_500, 5),
        permitted: pounds(10_000, 25_000, 5_000),
        device: whole(20, 900),
    }
}

fn pensioner() -> Person {
    Person {
        channel: Choice::OneOf(vec![
            (Channel::MobileApp, "mobile_app", 350),
            (Channel::Web, "web", 400),
            (Channel::Telephone, "telephone", 100),
            (Channel::Branch, "branch", 150),
        ]),
        salary_day: whole(1, 28),
        rent: Quantity::Is(0),
        bill: pounds(60, 450, 10),
        friends: whole(1, 3),
        gift: pounds(20, 250, 10),
        saving: pounds(0, 300, 50),
        balance: pounds(1_500, 9_000, 50),
        left: pounds(50, 4_000, 10),
        device: whole(60, 1_800),
        ..worker()
    }
}

fn professional() -> Person {
    Person {
        rent: pounds(0, 2_200, 50),
        bill: pounds(400, 2_500, 25),
        friends: whole(3, 9),
        gift: pounds(15, 300, 5),
        saving: pounds(100, 1_500, 50),
        balance: pounds(2_000, 15_000, 100),
        ..worker()
    }
}

fn student() -> Person {
    Person {
        channel: Choice::OneOf(vec![
            (Channel::MobileApp, "mobile_app", 900),
            (Channel::Web, "web", 100),
        ]),
        rent: pounds(450, 800, 10),
        bill: Quantity::Is(0),
        friends: whole(4, 10),
        gift: pounds(4, 60, 1),
        saving: Quantity::Is(0),
        balance: pounds(200, 3_500, 10),
        device: whole(10, 700),
        ..worker()
    }
}

fn sole_trader() -> Person {
    Person {
        segment: Segment::MicroEnterprise,
        bill: pounds(200, 1_500, 25),
        friends: whole(8, 20),
        gift: pounds(30, 1_800, 5),
        saving: pounds(0, 800, 50),
        balance: pounds(2_500, 20_000, 100),
        permitted: pounds(20_000, 100_000, 10_000),
        ..worker()
    }
}

fn firm() -> Person {
    Person {
        segment: Segment::Corporate,
        channel: Choice::OneOf(vec![(Channel::Web, "web", 800), (Channel::File, "file", 200)]),
        rent: pounds(2_000, 9_000, 100),
        bill: pounds(1_000, 8_000, 100),
        friends: whole(20, 45),
        gift: pounds(150, 9_000, 25),
        saving: Quantity::Is(0),
        balance: pounds(60_000, 400_000, 1_000),
        left: pounds(1_000, 60_000, 500),
        permitted: pounds(100_000, 250_000, 50_000),
        ..worker()
    }
}

/// An account kept beside the main one, such as at a bank that lives in an app.
fn second_account() -> Person {
    Person {
        channel: Choice::Is(Channel::MobileApp),
        rent: Quantity::Is(0),
        bill: Quantity::Is(0),
        friends: whole(1, 5),
        gift: pounds(3, 70, 1),
        saving: Quantity::Is(0),
        balance: pounds(5, 400, 1),
        left: pounds(0, 150, 1),
        ..worker()
    }
}

const fn pounds(from: i64, to: i64, by: i64) -> Quantity {
    Quantity::Between {
        from: from.saturating_mul(100),
        to: to.saturating_mul(100),
        by: by.saturating_mul(100),
    }
}

const fn whole(from: i64, to: i64) -> Quantity {
    Quantity::Between { from, to, by: 1 }
}

type Life = fn() -> Person;

const LIVES: [(&str, Life); 7] = [
    ("worker", worker),
    ("pensioner", pensioner),
    ("professional", professional),
    ("student", student),
    ("sole_trader", sole_trader),
    ("firm", firm),
    ("second_account", second_account),
];

const SEGMENTS: [(&str, Segment); 4] = [
    ("consumer", Segment::Consumer),
    ("micro_enterprise", Segment::MicroEnterprise),
    ("charity", Segment::Charity),
    ("corporate", Segment::Corporate),
];

/// How a payment may be ordered.
pub(super) const CHANNELS: [(&str, Channel); 7] = [
    ("mobile_app", Channel::MobileApp),
    ("web", Channel::Web),
    ("telephone", Channel::Telephone),
    ("branch", Channel::Branch),
    ("open_banking", Channel::OpenBanking),
    ("file", Channel::File),
    ("post", Channel::Post),
];

/// Names for payers, common and of nobody in particular.
pub(super) const NAMES: [&str; 12] = [
    "Ann Hollis",
    "Peter Lamb",
    "Grace Amadi",
    "Colin Firthby",
    "Nasreen Aziz",
    "Owen Pritchard",
    "Ruth Calder",
    "Tomasz Zielak",
    "Joan Petrie",
    "Imran Sadiq",
    "Elin Bowen",
    "Mark Sorley",
];

/// Names for those they pay, none of them a payer's: a name of one's own is a fact of a story.
pub(super) const OTHERS: [&str; 14] = [
    "H Yeo",
    "Dennis Marsh",
    "Priya Nairn",
    "Lewis Tait",
    "K Oduya",
    "Sam Whitlock",
    "J Farrier",
    "Mihai Radu",
    "Chloe Denby",
    "R Mercer",
    "Aaron Bright",
    "T Okello",
    "Lena Voss",
    "B Hartnell",
];

/// ISO 20022 `Max140Text`.
pub(super) const NAME_CHARS_MAX: usize = 140;

/// As long as anything is remembered of a payer.
const KNOWN_DAYS_MAX: i64 = 400;

/// Returns every name that a story may write here.
#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    names.extend(LIVES.map(|(name, _)| name));
    names.extend(SEGMENTS.map(|(name, _)| name));
    names.extend(CHANNELS.map(|(name, _)| name));
    names
}
