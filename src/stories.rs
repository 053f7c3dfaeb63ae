//! Stories: cases retold as timelines, each told many times with what nobody reported drawn anew.
//!
//! A story is a TOML file that a fraud analyst writes: a person, whom they pay, what happens step by
//! step and what is expected of it. What a report tells is stated, what it leaves open is drawn from
//! a range that stands in the file. [`read`] makes a story of a file or names every problem;
//! [`Story::tell`] makes questions of it, in the order of time, each with what is true of it, and a
//! year of ordinary life before. `tests/stories/README.md` has every key.
//!
//! A function of the file, a seed and a number: the same questions on every machine. Stands below
//! `grpc` because it speaks in its messages; reads no clock and no file, and never decides anything.

use crate::calendar::Time;
use crate::document::{Problem, Problems};
use crate::grpc::pb;

mod chance;
mod fact;
mod life;
mod message;
mod payee;
mod person;
mod reading;
mod session;
mod step;
mod tell;

pub use fact::{Drawn, DrawnValue};
pub use step::Ends;

use fact::{Choice, Quantity};
use payee::Payee;
use person::{Bank, Person};
use step::{Does, Step, Texts};

/// A story without problems.
#[derive(Clone, Debug)]
pub struct Story {
    id: Box<str>,
    title: Box<str>,
    told: Box<str>,
    source: Option<Box<str>>,
    scam: Scam,
    cohort: Option<&'static str>,
    elsewhere: Option<Box<str>>,
    weekday: Choice<i64>,
    time: Quantity,
    person: Person,
    bank: Bank,
    payees: Vec<Payee>,
    telling: Option<Texts>,
    bland: Option<Texts>,
    steps: Vec<Step>,
    expected: Expected,
}

/// What kind of scam a story tells, as UK Finance tells them apart.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Scam {
    /// None: everything in it is honest.
    None,
    /// Somebody poses as the police or the payer's bank.
    ImpersonationPoliceBank,
    /// Somebody poses as a tax office, a firm or another body.
    ImpersonationOther,
    /// The account on an invoice was changed.
    InvoiceAndMandate,
    /// Somebody feigns love.
    Romance,
    /// A fee for something that never comes.
    AdvanceFee,
}

/// How a story is told.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Variant {
    /// The payer writes what it is about; the session is seen as often as the bank sees any. An
    /// honest story is told in this way only.
    Telling,
    /// The payer writes something harmless, and it is seen that they are on a call.
    BlandCall,
    /// The payer writes something harmless, and nothing is seen of the session.
    BlandSilent,
}

/// Which telling is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Order {
    /// Begins everything that is drawn.
    pub seed: u64,
    /// Number of the draw.
    pub draw: u32,
    /// How it is told.
    pub variant: Variant,
    /// Whether the year before is told as well. Without it the same steps are told with the same
    /// facts, for who has no use for a history.
    pub life: bool,
}

/// A story as it was told once.
#[derive(Clone, Debug, PartialEq)]
pub struct Telling {
    /// The questions, in the order of time.
    pub told: Vec<Told>,
    /// What was drawn for it, in the order of drawing.
    pub drawn: Vec<Drawn>,
}

/// One question and what is true of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What the bank asks.
    pub request: pb::ScreenTransferRequest,
    /// When it asks.
    pub at: Time,
    /// What is true of it.
    pub label: Label,
}

/// What is true of a payment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Label {
    /// What it is to the story.
    pub part: Part,
    /// The step that it belongs to, from 1; absent for the year before.
    pub step: Option<usize>,
    /// Which of a step's payments, from 0.
    pub repeat: usize,
    /// What it comes to, in pence.
    pub pence: i64,
    /// What became of it without us.
    pub ends: Ends,
    /// Whether it is the first that the scam takes.
    pub first_pound: bool,
    /// Whether half of what the scam asks for is gone with it.
    pub reaches_half: bool,
    /// What the scam asked for before it, in pence.
    pub pence_before: i64,
    /// What the scam asks for in all, in pence; 0 for what is none of the scam's.
    pub pence_in_all: i64,
}

/// What a payment is to its story.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// Ordinary life, before it.
    Life,
    /// Own money that is gathered, in a scam or out of it: moves nothing out of reach.
    Own,
    /// The scam takes it.
    Scam,
    /// What an honest story is about.
    Honest,
    /// Honest, in the story of a scam.
    Aside,
}

/// What is expected of a story, for a measurement to count.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expected {
    /// Name of the step that takes the first pound.
    pub first_pound: Option<Box<str>>,
    /// Name of the step with which half of the money is gone.
    pub half: Option<Box<str>>,
    /// How many of a thousand tellings of an honest story may be held.
    pub held_per_mille_max: Option<u32>,
}

/// Reads the story in `text`; `file` is what problems call it.
pub fn read(file: &str, text: &str) -> Result<Story, Vec<Problem>> {
    let problems = Problems::default();
    match reading::read(file, text, &problems) {
        Some(story) => Ok(story),
        None => Err(problems.into_sorted()),
    }
}

impl Story {
    /// Returns its id: that of the case it retells.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns its title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns what happened, in a few sentences.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// Returns where it was reported.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Returns what kind of scam it tells.
    pub fn scam(&self) -> Scam {
        self.scam
    }

    /// Tells whether it tells of a scam.
    pub fn is_scam(&self) -> bool {
        self.scam != Scam::None
    }

    /// Returns which group of honest payments an honest story belongs to, such as `builder`.
    pub fn cohort(&self) -> Option<&'static str> {
        self.cohort
    }

    /// Returns how the money left where no transfer took it.
    pub fn elsewhere(&self) -> Option<&str> {
        self.elsewhere.as_deref()
    }

    /// Returns what is expected of it.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Returns the number of the step that it calls `name`, from 1.
    pub fn step(&self, name: &str) -> Option<usize> {
        let at = self.steps.iter().position(|step| step.name.as_deref() == Some(name));
        at.map(|at| at.saturating_add(1))
    }

    /// Returns the ways it can be told.
    pub fn variants(&self) -> &'static [Variant] {
        match (self.is_scam(), self.has_call()) {
            (false, _) => &[Variant::Telling],
            (true, true) => &[Variant::Telling, Variant::BlandCall, Variant::BlandSilent],
            (true, false) => &[Variant::Telling, Variant::BlandSilent],
        }
    }

    /// Tells it once. The same order gives the same questions, whatever was told before.
    pub fn tell(&self, order: Order) -> Telling {
        tell::tell(self, order)
    }

    fn has_call(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.does, Does::Calls(_)))
    }
}

impl Scam {
    /// Returns its name, as a policy's `scam_type` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ImpersonationPoliceBank => "impersonation_police_bank",
            Self::ImpersonationOther => "impersonation_other",
            Self::InvoiceAndMandate => "invoice_and_mandate",
            Self::Romance => "romance",
            Self::AdvanceFee => "advance_fee",
        }
    }
}

impl Variant {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Telling => "telling",
            Self::BlandCall => "bland_call",
            Self::BlandSilent => "bland_silent",
        }
    }
}

impl Label {
    const fn ordinary() -> Self {
        Self {
            part: Part::Life,
            step: None,
            repeat: 0,
            pence: 0,
            ends: Ends::Arrived,
            first_pound: false,
            reaches_half: false,
            pence_before: 0,
            pence_in_all: 0,
        }
    }

    const fn step(number: usize, repeat: usize, pence: i64) -> Self {
        Self { step: Some(number), repeat, pence, ..Self::ordinary() }
    }
}
