//! Tally: counts payments one by one, as they are decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decision::Decision;
use crate::evaluation::cases::{Case, Step};
use crate::evaluation::{Cohort, Honest, Margins, Noted, Outcome, Scam, ScamType, Truth, Variant};
use crate::signal::Reading;

/// Everything counted under one policy, of one file or of several.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Payments before measuring begins.
    pub(super) warming: u64,
    pub(super) honest: Counts,
    pub(super) cohorts: BTreeMap<Cohort, Counts>,
    /// Payments of this scam that were made, by variant, and those of other scams.
    pub(super) scams: BTreeMap<Variant, Counts>,
    pub(super) others: Counts,
    /// By the signal's code.
    pub(super) signs: BTreeMap<u32, Signs>,
    pub(super) leads: BTreeMap<Arc<str>, Leads>,
    /// By file and number.
    pub(super) cases: BTreeMap<(u32, u64), Case>,
    /// Honest payments by their margins; those that no threshold reaches are left out.
    pub(super) over_hold: BTreeMap<i64, u64>,
    /// Those that were not held.
    pub(super) over_ask: BTreeMap<i64, u64>,
    pub(super) noted: Vec<Noted>,
    /// Measured payments that were held below, or not above, what margins say: a story that leads may be
    /// released by a no where another that does not lead had not been.
    pub(super) otherwise: u64,
    /// Honest payments that were not noted because there are too many.
    pub(super) unnoted: u64,
}

/// Payments, and what became of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) payments: u64,
    pub(super) held: u64,
    /// Of those held, the ones that a "no" to a question did not release.
    pub(super) held_after_no: u64,
    pub(super) asked: u64,
}

/// How often a signal fired.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Signs {
    pub(super) honest: u64,
    /// In payments of this scam, by variant.
    pub(super) scams: BTreeMap<Variant, u64>,
    pub(super) others: u64,
}

/// What a typology led to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Leads {
    pub(super) honest: Counts,
    pub(super) scams: Counts,
    pub(super) others: Counts,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The file, by its place on the command line, from 0.
    pub file: u32,
    /// The record in it, from 1.
    pub record: u64,
    /// Whether measuring has begun.
    pub measured: bool,
}

/// What came of a payment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seen {
    /// What became of it, once every question was answered with a no.
    pub outcome: Outcome,
    /// Whether it was asked about first.
    pub asked: bool,
    /// By how many points it was over what it takes.
    pub margins: Margins,
}

impl Tally {
    /// Tells whether a case has been stopped, so that this payment of it is not made.
    pub fn is_stopped(&self, file: u32, case: u64) -> bool {
        self.cases.get(&(file, case)).is_some_and(Case::is_stopped)
    }

    /// Counts a payment of so many pence, what was decided about it at first, and what came of it.
    pub fn count(
        &mut self,
        place: Place,
        (truth, pence): (&Truth, u64),
        decision: &Decision,
        seen: Seen,
    ) {
        let over = 0 <= seen.margins.hold;
        if place.measured && over != (seen.outcome == Outcome::Held) {
            add_to(&mut self.otherwise, 1);
        }
        match truth {
            Truth::Honest(honest) if place.measured => {
                self.honest(place, honest, decision, seen);
            }
            Truth::Honest(_) => self.warming = self.warming.saturating_add(1),
            Truth::Scam(scam) => self.scam(place, (scam, pence), decision, seen),
        }
    }

    /// Adds what was counted of other files.
    pub fn add(&mut self, other: Self) {
        self.warming = self.warming.saturating_add(other.warming);
        self.honest.add(other.honest);
        self.others.add(other.others);
        for (cohort, counts) in other.cohorts {
            self.cohorts.entry(cohort).or_default().add(counts);
        }
        for (variant, counts) in other.scams {
            self.scams.entry(variant).or_default().add(counts);
        }
        for (code, signs) in other.signs {
            let own = self.signs.entry(code).or_default();
            own.honest = own.honest.saturating_add(signs.honest);
            own.others = own.others.saturating_add(signs.others);
            for (variant, count) in signs.scams {
                add_to(own.scams.entry(variant).or_default(), count);
            }
        }
        for (typology, leads) in other.leads {
            let own = self.leads.entry(typology).or_default();
            own.honest.add(leads.honest);
            own.scams.add(leads.scams);
            own.others.add(leads.others);
        }
        self.cases.extend(other.cases);
        for (margin, count) in other.over_hold {
            add_to(self.over_hold.entry(margin).or_default(), count);
        }
        for (margin, count) in other.over_ask {
            add_to(self.over_ask.entry(margin).or_default(), count);
        }
        let room = NOTED_MAX.saturating_sub(self.noted.len());
        let over = u64::try_from(other.noted.len().saturating_sub(room)).unwrap_or(u64::MAX);
        self.noted.extend(other.noted.into_iter().take(room));
        add_to(&mut self.otherwise, other.otherwise);
        self.unnoted = self.unnoted.saturating_add(other.unnoted).saturating_add(over);
    }

    /// Returns how many payments were counted, measured or not.
    pub fn payments(&self) -> u64 {
        let made = self
            .scams
            .values()
            .fold(self.others.payments, |sum, one| sum.saturating_add(one.payments));
        self.warming.saturating_add(self.honest.payments).saturating_add(made)
    }

    fn honest(&mut self, place: Place, honest: &Honest, decision: &Decision, seen: Seen) {
        let Seen { outcome, margins, .. } = seen;
        self.honest.count(seen);
        for cohort in &honest.cohorts {
            self.cohorts.entry(*cohort).or_default().count(seen);
        }
        for code in fired(decision) {
            let signs = self.signs.entry(code).or_default();
            add_to(&mut signs.honest, 1);
        }
        if Margins::NONE < margins.hold {
            add_to(self.over_hold.entry(margins.hold).or_default(), 1);
        }
        if Margins::NONE < margins.ask && outcome != Outcome::Held {
            add_to(self.over_ask.entry(margins.ask).or_default(), 1);
        }
        if outcome == Outcome::Allowed {
            return;
        }
        if let Some(leads) = self.leads_of(decision, outcome) {
            leads.honest.count(seen);
        }
        if self.noted.len() < NOTED_MAX {
            self.note(place, (&honest.kind, None), decision, seen);
        } else {
            add_to(&mut self.unnoted, 1);
        }
    }

    fn scam(&mut self, place: Place, (scam, pence): (&Scam, u64), decision: &Decision, seen: Seen) {
        let new = || Case::new(scam, place.measured);
        let case = self.cases.entry((place.file, scam.case)).or_insert_with(new);
        let (made, measured) = (!case.is_stopped(), case.measured);
        let pence = if scam.reaches { pence } else { 0 };
        let Seen { outcome, margins, .. } = seen;
        case.payments.push(Step { pence, margins, outcome, made });
        if !measured {
            add_to(&mut self.warming, 1);
            return;
        }
        if !made {
            return;
        }
        let this = scam.scam_type == ScamType::PoliceBank;
        let counts =
            if this { self.scams.entry(scam.variant).or_default() } else { &mut self.others };
        counts.count(seen);
        for code in fired(decision) {
            let signs = self.signs.entry(code).or_default();
            let count =
                if this { signs.scams.entry(scam.variant).or_default() } else { &mut signs.others };
            add_to(count, 1);
        }
        if let Some(leads) = self.leads_of(decision, outcome) {
            let counts = if this { &mut leads.scams } else { &mut leads.others };
            counts.count(seen);
        }
        let about = Some((scam.scam_type, scam.variant, scam.step));
        self.note(place, (&scam.script, about), decision, seen);
    }

    /// Returns what the typology that leads is counted by, where it stopped anything.
    fn leads_of(&mut self, decision: &Decision, outcome: Outcome) -> Option<&mut Leads> {
        let typology = decision.typology.as_ref().filter(|_| outcome != Outcome::Allowed)?;
        Some(self.leads.entry(Arc::clone(typology)).or_default())
    }

    fn note(
        &mut self,
        place: Place,
        (kind, scam): (&str, Option<(ScamType, Variant, u32)>),
        decision: &Decision,
        seen: Seen,
    ) {
        self.noted.push(Noted {
            file: place.file,
            record: place.record,
            kind: kind.into(),
            scam,
            outcome: seen.outcome,
            typology: decision.typology.clone(),
            points: decision.points(),
            margins: seen.margins,
            fired: fired(decision).collect(),
        });
    }
}

impl Counts {
    fn count(&mut self, seen: Seen) {
        add_to(&mut self.payments, 1);
        match seen.outcome {
            Outcome::Allowed => {}
            Outcome::Asked => add_to(&mut self.asked, 1),
            Outcome::Held => {
                add_to(&mut self.held, 1);
                add_to(&mut self.held_after_no, u64::from(seen.asked));
            }
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        add_to(&mut self.payments, other.payments);
        add_to(&mut self.held, other.held);
        add_to(&mut self.held_after_no, other.held_after_no);
        add_to(&mut self.asked, other.asked);
    }
}

fn fired(decision: &Decision) -> impl Iterator<Item = u32> {
    decision.readings.iter().filter_map(|reading| match reading.reading {
        Reading::Fired(_) => Some(reading.code),
        Reading::Quiet | Reading::Unavailable(_) => None,
    })
}

fn add_to(sum: &mut u64, count: u64) {
    *sum = sum.saturating_add(count);
}

/// Most payments noted: a hundred times what a person could look at, some 200 bytes each. Payments of
/// scams are always noted.
const NOTED_MAX: usize = 200_000;
