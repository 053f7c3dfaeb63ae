//! Step: one thing that happens in a story.

use crate::document::Section;
use crate::grpc::pb::arrival::Source;
use crate::grpc::pb::call::Direction;
use crate::grpc::pb::instruction::Kind as Instruction;
use crate::grpc::pb::transfer::{Channel, Rail};
use crate::stories::fact::{Choice, Quantity, Table, Unit, Words};
use crate::stories::payee::Payee;
use crate::stories::person::CHANNELS;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// What expectations call it.
    pub(super) name: Option<Box<str>>,
    /// Where it begins in its file.
    pub(super) line: u32,
    /// Minutes after the step before.
    pub(super) after: Quantity,
    /// Whether it happens in this draw.
    pub(super) happens: Choice<bool>,
    pub(super) does: Does,
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum Does {
    /// The payer pays.
    Pays(Box<Pays>),
    /// Own money or borrowed money comes into the account.
    Gathers(Gathers),
    /// A payee is added: its place among the story's payees.
    Adds(usize),
    /// A call begins.
    Calls(Call),
    /// The call ends.
    HangsUp,
    /// Somebody else gets to see the screen.
    SharesScreen,
    /// Somebody else gets to control the device, and so to see it.
    GivesControl,
    /// Nobody else sees or controls the device any more.
    EndsControl,
    /// A limit is raised.
    RaisesLimit,
    /// A telephone or computer is registered.
    NewDevice,
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) direction: Direction,
    /// Whether it is on the telephone that the bank's app is on.
    pub(super) mobile: Choice<bool>,
}

/// Money that comes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gathers {
    pub(super) amount: Quantity,
    pub(super) source: Source,
    /// Whether it leaves an account at this bank, so that the bank asks about it.
    pub(super) here: bool,
}

/// One payment, or several alike.
#[derive(Clone, Debug)]
pub(super) struct Pays {
    /// Places among the story's payees, taken in turn.
    pub(super) to: Vec<usize>,
    pub(super) amount: Quantity,
    pub(super) times: Quantity,
    /// Minutes from one to the next.
    pub(super) between: Quantity,
    /// Whether each goes to another account.
    pub(super) anew: bool,
    pub(super) channel: Option<Choice<Channel>>,
    pub(super) rail: Choice<Rail>,
    pub(super) instruction: Instruction,
    pub(super) telling: Option<Texts>,
    pub(super) bland: Option<Texts>,
    /// Seconds that a warning of the bank's own was looked at.
    pub(super) warning: Option<Quantity>,
    pub(super) ends: Ends,
    /// Whether it is none of the scam's.
    pub(super) honest: bool,
}

/// What is typed with a payment.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub(super) reference: Option<Words>,
    pub(super) remittance: Option<Words>,
    pub(super) purpose: Option<Words>,
}

/// What became of a payment in the story, without us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ends {
    /// It arrived where it was meant to.
    Arrived,
    /// It left, and the money is gone.
    Lost,
    /// It left, and the money came back.
    Recovered,
    /// The bank did not let it leave.
    Stopped,
    /// The payer called it off.
    GivenUp,
}

impl Ends {
    /// Tells whether the money left the account.
    pub const fn left(self) -> bool {
        matches!(self, Self::Arrived | Self::Lost | Self::Recovered)
    }
}

impl Step {
    /// Reads a step of a story whose payees are `payees`; `scam` says what its payments usually are.
    pub(super) fn read(section: &Section<'_>, payees: &[Payee], scam: bool) -> Option<Self> {
        let table = Table::of(section);
        let name = section.optional("name", Section::text);
        let after = table.quantity("after", Unit::Minutes);
        let happens = table.flag("happens");
        let does = does(&table, payees, scam);
        Some(Self {
            name: name?.map(Into::into),
            line: section.line(),
            after: after?.unwrap_or(Quantity::Is(0)),
            happens: happens?.unwrap_or(Choice::Is(true)),
            does: does?,
        })
    }

    /// Returns the payments it makes.
    pub(super) fn pays(&self) -> Option<&Pays> {
        match &self.does {
            Does::Pays(pays) => Some(pays),
            _ => None,
        }
    }
}

impl Texts {
    /// Reads the table `key` of texts, where it is there.
    #[expect(clippy::option_option, reason = "what is wrong is told apart from what is absent")]
    pub(super) fn read(section: &Section<'_>, key: &str) -> Option<Option<Self>> {
        section.optional(key, |section, key| {
            let section = section.section(key)?;
            let table = Table::of(&section);
            let reference = table.words("reference", REFERENCE_CHARS_MAX);
            let remittance = table.words("remittance", TEXT_CHARS_MAX);
            let purpose = table.words("purpose", TEXT_CHARS_MAX);
            let (reference, remittance, purpose) = (reference?, remittance?, purpose?);
            Some(Self { reference, remittance, purpose })
        })
    }
}

fn does(table: &Table<'_, '_>, payees: &[Payee], scam: bool) -> Option<Does> {
    let section = table.section;
    match section.choice("does", &VERBS)? {
        Verb::Pays => pays(table, payees, scam).map(Box::new).map(Does::Pays),
        Verb::Gathers => {
            let amount = required(table, "amount", table.quantity("amount", Unit::Pounds));
            let source = section.choice("from", &SOURCES);
            let (amount, (source, here)) = (amount?, source?);
            Some(Does::Gathers(Gathers { amount, source, here }))
        }
        Verb::Adds => {
            payee(section, section.text("payee")?, section.line_of("payee"), payees).map(Does::Adds)
        }
        Verb::IsCalled => call(table, Direction::Incoming),
        Verb::Calls => call(table, Direction::Outgoing),
        Verb::HangsUp => Some(Does::HangsUp),
        Verb::SharesScreen => Some(Does::SharesScreen),
        Verb::GivesControl => Some(Does::GivesControl),
        Verb::EndsControl => Some(Does::EndsControl),
        Verb::RaisesLimit => Some(Does::RaisesLimit),
        Verb::NewDevice => Some(Does::NewDevice),
    }
}

fn call(table: &Table<'_, '_>, direction: Direction) -> Option<Does> {
    let mobile = table.flag("on_mobile")?;
    // Older people are called at home; ours.
    let mobile = mobile.unwrap_or_else(|| Choice::often(700));
    Some(Does::Calls(Call { direction, mobile }))
}

fn pays(table: &Table<'_, '_>, payees: &[Payee], scam: bool) -> Option<Pays> {
    let section = table.section;
    let to = section.texts("to");
    let to = to.and_then(|names| {
        let found = names.iter().map(|name| payee(section, name.text, name.line, payees));
        crate::document::all(found)
    });
    let amount = required(table, "amount", table.quantity("amount", Unit::Pounds));
    let times = table.quantity("times", Unit::Whole(1, TIMES_MAX));
    let between = table.quantity("between", Unit::Minutes);
    let anew = section.optional("anew", Section::flag);
    let channel = table.choice("channel", &CHANNELS);
    let rail = table.choice("rail", &RAILS);
    let instruction =
        section.optional("instruction", |section, key| section.choice(key, &INSTRUCTIONS));
    let (telling, bland) = (Texts::read(section, "telling"), Texts::read(section, "bland"));
    let warning = table.quantity("warning_seconds", Unit::Whole(0, 600));
    let ends = section.optional("ends", |section, key| section.choice(key, &ENDS));
    let honest = section.optional("honest", Section::flag);
    let honest = honest?.unwrap_or(!scam);
    if !scam && section.has("honest") {
        section.report("honest", "`honest` in an honest story", "leave it out");
    }
    let usual = if honest { Ends::Arrived } else { Ends::Lost };
    let ends = ends?.unwrap_or(usual);
    let fits = match ends {
        Ends::Arrived => honest,
        Ends::Lost | Ends::Recovered => !honest,
        Ends::Stopped | Ends::GivenUp => true,
    };
    if !fits {
        let advice = "an honest payment can have \"arrived\", one of a scam be \"lost\" or \
                      \"recovered\", either \"stopped\" or \"given_up\"";
        section.report("ends", "the payment cannot have ended so", advice);
        return None;
    }
    let to = to?;
    if to.is_empty() {
        section.report("to", "`to` names nobody", "name a payee of the story");
        return None;
    }
    Some(Pays {
        to,
        amount: amount?,
        times: times?.unwrap_or(Quantity::Is(1)),
        between: between?.unwrap_or(Quantity::Between { from: 2, to: 12, by: 1 }),
        anew: anew?.unwrap_or(false),
        channel: channel?,
        rail: rail?.unwrap_or(Choice::Is(Rail::FasterPayments)),
        instruction: instruction?.unwrap_or(Instruction::Single),
        telling: telling?,
        bland: bland?,
        warning: warning?,
        ends,
        honest,
    })
}

fn payee(section: &Section<'_>, name: &str, line: u32, payees: &[Payee]) -> Option<usize> {
    let found = payees.iter().position(|payee| &*payee.id == name);
    if found.is_none() {
        let names = payees.iter().map(|payee| &*payee.id);
        let advice = match payees {
            [] => "describe them under [payee.…]".to_owned(),
            _ => crate::document::nearest(name, names),
        };
        section.report_at(line, format!("`{name}` is no payee of this story"), advice);
    }
    found
}

/// Notes a fact that must be there and is not.
#[expect(clippy::option_option, reason = "what is wrong is told apart from what is absent")]
fn required<T>(table: &Table<'_, '_>, key: &str, read: Option<Option<T>>) -> Option<T> {
    let read = read?;
    if read.is_none() {
        let advice = format!("state it, or its range under `drawn`: drawn = {{ {key} = … }}");
        table.section.report(key, format!("`{key}` is missing"), advice);
    }
    read
}

#[derive(Clone, Copy, Debug)]
enum Verb {
    Pays,
    Gathers,
    Adds,
    IsCalled,
    Calls,
    HangsUp,
    SharesScreen,
    GivesControl,
    EndsControl,
    RaisesLimit,
    NewDevice,
}

const VERBS: [(&str, Verb); 11] = [
    ("pays", Verb::Pays),
    ("gathers", Verb::Gathers),
    ("adds", Verb::Adds),
    ("is_called", Verb::IsCalled),
    ("calls", Verb::Calls),
    ("hangs_up", Verb::HangsUp),
    ("shares_screen", Verb::SharesScreen),
    ("gives_control", Verb::GivesControl),
    ("ends_control", Verb::EndsControl),
    ("raises_limit", Verb::RaisesLimit),
    ("new_device", Verb::NewDevice),
];

const SOURCES: [(&str, (Source, bool)); 5] = [
    ("savings", (Source::Savings, true)),
    ("own_account", (Source::OwnAccount, true)),
    ("savings_elsewhere", (Source::Savings, false)),
    ("own_account_elsewhere", (Source::OwnAccountElsewhere, false)),
    ("loan", (Source::Loan, false)),
];
const RAILS: [(&str, Rail); 5] = [
    ("faster_payments", Rail::FasterPayments),
    ("chaps", Rail::Chaps),
    ("bacs", Rail::Bacs),
    ("internal", Rail::Internal),
    ("international", Rail::International),
];
const INSTRUCTIONS: [(&str, Instruction); 4] = [
    ("single", Instruction::Single),
    ("standing_order", Instruction::StandingOrder),
    ("forward_dated", Instruction::ForwardDated),
    ("file", Instruction::File),
];
const ENDS: [(&str, Ends); 5] = [
    ("arrived", Ends::Arrived),
    ("lost", Ends::Lost),
    ("recovered", Ends::Recovered),
    ("stopped", Ends::Stopped),
    ("given_up", Ends::GivenUp),
];

/// ISO 20022 `Max35Text`.
const REFERENCE_CHARS_MAX: usize = 35;
/// ISO 20022 `Max140Text`.
const TEXT_CHARS_MAX: usize = 140;
/// More payments than any reported case of one victim: 40.
const TIMES_MAX: i64 = 64;

/// Returns every name that a story may write here.
#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    names.extend(VERBS.map(|(name, _)| name));
    names.extend(SOURCES.map(|(name, _)| name));
    names.extend(RAILS.map(|(name, _)| name));
    names.extend(INSTRUCTIONS.map(|(name, _)| name));
    names.extend(ENDS.map(|(name, _)| name));
    names
}
