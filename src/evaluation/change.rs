//! Change: what another policy decides otherwise.

use std::collections::BTreeMap;

use crate::evaluation::noted::{Example, Noted};
use crate::evaluation::tally::Tally;
use crate::evaluation::{Outcome, ScamType};

/// What a second policy decides otherwise than a first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Change {
    /// Honest payments that only the second holds, and only the first.
    pub honest_held: (u64, u64),
    /// Honest payments that only the second asks about, and only the first; one held by the other counts.
    pub honest_asked: (u64, u64),
    /// Cases of this scam that only the second stops, and only the first.
    pub cases: (u64, u64),
    /// Cases of other scams that only the second stops, and only the first.
    pub other_cases: (u64, u64),
    /// Payments of this scam that only the second holds or asks about, and only the first.
    pub touched: (u64, u64),
    /// Whether payments were too many to be noted, so that honest ones are counted too low.
    pub incomplete: bool,
    /// Payments worth a look: honest ones that the second stops more than the first, then those of this scam
    /// that it stops less, at most so many of either.
    pub examples: Vec<Changed>,
}

/// One payment, as decided by both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Changed {
    /// By the first; `None` where it let the payment pass unnoted, or it was not made.
    pub before: Option<Example>,
    /// By the second, in the same way.
    pub after: Option<Example>,
}

impl Change {
    /// Returns each count in words: what only the second policy does, and what only the first.
    pub fn counts(&self) -> [(&'static str, (u64, u64)); 5] {
        [
            ("honest payments held", self.honest_held),
            ("honest payments asked about", self.honest_asked),
            ("cases of police and bank impersonation held", self.cases),
            ("cases of other scams held", self.other_cases),
            ("payments of police and bank impersonation held or asked about", self.touched),
        ]
    }
}

/// Compares what two policies came to, over the same files in the same order.
pub fn compare(first: &Tally, second: &Tally) -> Change {
    let mut change =
        Change { incomplete: first.unnoted != 0 || second.unnoted != 0, ..Change::default() };
    let mut both: BTreeMap<(u32, u64), [Option<&Noted>; 2]> = BTreeMap::new();
    for noted in &first.noted {
        both.entry((noted.file, noted.record)).or_default()[0] = Some(noted);
    }
    for noted in &second.noted {
        both.entry((noted.file, noted.record)).or_default()[1] = Some(noted);
    }
    let (mut harmed, mut missed) = (Vec::new(), Vec::new());
    for [before, after] in both.values() {
        let Some(any) = before.or(*after) else { continue };
        let outcome = |noted: Option<&Noted>| noted.map_or(Outcome::Allowed, |noted| noted.outcome);
        let (was, is) = (outcome(*before), outcome(*after));
        if was == is {
            continue;
        }
        let changed = || Changed { before: before.map(Example::of), after: after.map(Example::of) };
        match any.scam {
            None => {
                count(&mut change.honest_held, is == Outcome::Held, was == Outcome::Held);
                count(&mut change.honest_asked, is == Outcome::Asked, was == Outcome::Asked);
                if was < is && harmed.len() < EXAMPLES_MAX {
                    harmed.push(changed());
                }
            }
            Some((ScamType::PoliceBank, ..)) => {
                let stops = |outcome| outcome != Outcome::Allowed;
                count(&mut change.touched, stops(is), stops(was));
                if is < was && after.is_some() && missed.len() < EXAMPLES_MAX {
                    missed.push(changed());
                }
            }
            Some(_) => {}
        }
    }
    for (key, case) in first.cases.iter().filter(|(_, case)| case.measured && case.is_whole()) {
        let was = case.held().stopped;
        let is = second.cases.get(key).is_some_and(|case| case.held().stopped);
        let this = case.scam_type == ScamType::PoliceBank;
        count(if this { &mut change.cases } else { &mut change.other_cases }, is, was);
    }
    harmed.append(&mut missed);
    change.examples = harmed;
    change
}

fn count((second, first): &mut (u64, u64), is: bool, was: bool) {
    *second = second.saturating_add(u64::from(is && !was));
    *first = first.saturating_add(u64::from(was && !is));
}

/// As many as a person looks at in a sitting.
const EXAMPLES_MAX: usize = 20;
