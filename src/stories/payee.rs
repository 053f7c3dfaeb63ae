//! Payee: who is paid, by what a payment shows of them.
//!
//! What a payee is, is named and stands for a set of ranges, as with a life; a story overrides what
//! its report tells.

use crate::grpc::pb::payee::{Kind, ProviderKind};
use crate::stories::fact::{Choice, Quantity, Table, Unit, Words};
use crate::stories::person::{NAME_CHARS_MAX, OTHERS};

/// Who is paid.
#[derive(Clone, Debug)]
pub(super) struct Payee {
    /// What the story calls them.
    pub(super) id: Box<str>,
    /// What the payer types; absent for the payer's own name.
    pub(super) name: Option<Words>,
    /// What the payer types in the variant with telling words, where that is another name.
    pub(super) telling_name: Option<Words>,
    /// What the payer says it is.
    pub(super) declared: Choice<Kind>,
    /// Whose account it is.
    pub(super) account: Holder,
    pub(super) provider: Choice<ProviderKind>,
    pub(super) check: Choice<Check>,
    /// Whether the bank knows the account as the payer's own.
    pub(super) known_own: Choice<bool>,
    /// How often they were paid in the year before.
    pub(super) paid_before: Quantity,
    /// What each of those payments came to.
    pub(super) paid_amount: Quantity,
    /// Minutes from adding them to paying them, where no step adds them.
    pub(super) added: Quantity,
}

/// Whose account it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Holder {
    /// A person's.
    Personal,
    /// A business's.
    Business,
    /// Somebody's outside the United Kingdom.
    Abroad,
}

/// What the name check answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Check {
    /// The name is that of the account.
    Match,
    /// The name is close.
    CloseMatch,
    /// The name is that of the account, which is of the other kind.
    OtherKind,
    /// The name is another.
    NoMatch,
    /// The account cannot be checked.
    Impossible,
    /// Nobody asked.
    NotAsked,
}

impl Payee {
    /// Reads the payee that the story calls `id`.
    pub(super) fn read(id: &str, table: &Table<'_, '_>) -> Option<Self> {
        let is = table.section.choice("is", &KINDS);
        let usual = is.map_or_else(person, |is| is());
        let name = table.words("name", NAME_CHARS_MAX);
        let telling_name = table.words("telling_name", NAME_CHARS_MAX);
        let declared = table.choice("declared", &DECLARED);
        let account =
            table.section.optional("account", |section, key| section.choice(key, &HOLDERS));
        let provider = table.choice("provider", &PROVIDERS);
        let check = table.choice("name_check", &CHECKS);
        let known_own = table.flag("known_own");
        let paid_before = table.quantity("paid_before", Unit::Whole(0, 100));
        let paid_amount = table.quantity("paid_amount", Unit::Pounds);
        let added = table.quantity("added_before", Unit::Minutes);
        is?;
        Some(Self {
            id: id.into(),
            name: name?.or(usual.name),
            telling_name: telling_name?,
            declared: declared?.unwrap_or(usual.declared),
            account: account?.unwrap_or(usual.account),
            provider: provider?.unwrap_or(usual.provider),
            check: check?.unwrap_or(usual.check),
            known_own: known_own?.unwrap_or(usual.known_own),
            paid_before: paid_before?.unwrap_or(usual.paid_before),
            paid_amount: paid_amount?.unwrap_or(usual.paid_amount),
            added: added?.unwrap_or(usual.added),
        })
    }
}

/// An honest person.
fn person() -> Payee {
    Payee {
        id: "".into(),
        name: Some(Words::of(&OTHERS)),
        telling_name: None,
        declared: Choice::Is(Kind::Person),
        account: Holder::Personal,
        provider: providers(850, 150),
        check: checks(&[
            (Check::Match, "match", 800),
            (Check::CloseMatch, "close_match", 90),
            (Check::NoMatch, "no_match", 30),
            (Check::Impossible, "could_not_check", 40),
            (Check::NotAsked, "not_asked", 40),
        ]),
        known_own: Choice::Is(false),
        paid_before: Quantity::Is(0),
        paid_amount: Quantity::Between { from: 1_000, to: 20_000, by: 500 },
        added: Quantity::Between { from: 1, to: 30, by: 1 },
    }
}

/// An honest business or public body.
fn firm() -> Payee {
    Payee {
        declared: Choice::Is(Kind::Business),
        account: Holder::Business,
        provider: providers(970, 30),
        check: checks(&[
            (Check::Match, "match", 760),
            (Check::CloseMatch, "close_match", 100),
            (Check::NoMatch, "no_match", 50),
            (Check::Impossible, "could_not_check", 50),
            (Check::NotAsked, "not_asked", 40),
        ]),
        ..person()
    }
}

/// Somebody who lends an account to a scammer. Two fifths of what such accounts pass on goes through
/// electronic money (domain of the field); that the dictated name mostly matches is ours.
fn mule() -> Payee {
    Payee {
        provider: providers(620, 380),
        check: checks(&[
            (Check::Match, "match", 500),
            (Check::CloseMatch, "close_match", 120),
            (Check::NoMatch, "no_match", 180),
            (Check::Impossible, "could_not_check", 120),
            (Check::NotAsked, "not_asked", 80),
        ]),
        added: Quantity::Between { from: 1, to: 15, by: 1 },
        ..person()
    }
}

/// A scammer's account that is said to be in the payer's name.
fn said_to_be_own() -> Payee {
    Payee {
        name: None,
        provider: providers(500, 500),
        check: checks(&[
            (Check::Match, "match", 250),
            (Check::CloseMatch, "close_match", 150),
            (Check::NoMatch, "no_match", 450),
            (Check::Impossible, "could_not_check", 100),
            (Check::NotAsked, "not_asked", 50),
        ]),
        ..mule()
    }
}

/// An account that is the payer's own, at another bank.
fn own_elsewhere() -> Payee {
    Payee {
        name: None,
        provider: providers(350, 650),
        check: checks(&[
            (Check::Match, "match", 860),
            (Check::CloseMatch, "close_match", 90),
            (Check::Impossible, "could_not_check", 50),
        ]),
        known_own: Choice::often(300),
        ..person()
    }
}

fn providers(bank: u32, e_money: u32) -> Choice<ProviderKind> {
    Choice::OneOf(vec![
        (ProviderKind::Bank, "bank", bank),
        (ProviderKind::EMoney, "e_money", e_money),
    ])
}

fn checks(shares: &[(Check, &'static str, u32)]) -> Choice<Check> {
    Choice::OneOf(shares.to_vec())
}

type Kinds = fn() -> Payee;

const KINDS: [(&str, Kinds); 5] = [
    ("person", person),
    ("firm", firm),
    ("mule", mule),
    ("said_to_be_own", said_to_be_own),
    ("own_elsewhere", own_elsewhere),
];

const DECLARED: [(&str, Kind); 3] =
    [("person", Kind::Person), ("business", Kind::Business), ("not_said", Kind::Unspecified)];
const HOLDERS: [(&str, Holder); 3] =
    [("personal", Holder::Personal), ("business", Holder::Business), ("abroad", Holder::Abroad)];
const PROVIDERS: [(&str, ProviderKind); 3] = [
    ("bank", ProviderKind::Bank),
    ("e_money", ProviderKind::EMoney),
    ("crypto", ProviderKind::Crypto),
];
const CHECKS: [(&str, Check); 6] = [
    ("match", Check::Match),
    ("close_match", Check::CloseMatch),
    ("other_kind", Check::OtherKind),
    ("no_match", Check::NoMatch),
    ("could_not_check", Check::Impossible),
    ("not_asked", Check::NotAsked),
];

/// Returns every name that a story may write here.
#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    names.extend(KINDS.map(|(name, _)| name));
    names.extend(DECLARED.map(|(name, _)| name));
    names.extend(HOLDERS.map(|(name, _)| name));
    names.extend(PROVIDERS.map(|(name, _)| name));
    names.extend(CHECKS.map(|(name, _)| name));
    names
}
