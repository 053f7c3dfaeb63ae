//! Measures: what was counted, as shares with intervals and as what it means at the frequency of scams in
//! life.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::evaluation::cases::Case;
use crate::evaluation::curve::{self, Curve};
use crate::evaluation::tally::{Counts, Tally};
use crate::evaluation::{Cohort, Example, Margins, Outcome, Rate, ScamType, Variant};
use crate::signal;

/// Everything measured under one policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Measures {
    /// Payments before measuring began.
    pub warming: u64,
    /// Measured payments of scams that were made.
    pub scam_payments: u64,
    /// Cases whose last payments lie beyond the end of their file, left out.
    pub cut_off: u64,
    /// Cases by what they are: of each kind, story and variant, and of them together.
    pub groups: Vec<Group>,
    /// Honest payments.
    pub harm: Harm,
    /// By signal, in the order of the signals; those that never fired are left out.
    pub signs: Vec<Sign>,
    /// By typology, in the order of their names; those that never led are left out.
    pub leads: Vec<Lead>,
    /// Payments that were not held though a story was over what it takes, because another led and a no
    /// released it, or the other way round: the curves count them by what it takes.
    pub otherwise: u64,
    /// Over what it takes to hold.
    pub holds: Curve,
    /// Over what it takes to ask.
    pub asks: Curve,
    /// Honest payments held or asked about, those farthest over their thresholds first.
    pub honest_examples: Vec<Example>,
    /// Payments of this scam that were allowed, those nearest below their thresholds first.
    pub missed_examples: Vec<Example>,
}

/// Cases that are alike.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// Their kind; `None` where they are of all kinds.
    pub scam_type: Option<ScamType>,
    /// Their story; `None` where they are of all stories.
    pub script: Option<Box<str>>,
    /// Their variant, or `adaptive` for all of those together; `None` where they are of all variants.
    pub variant: Option<&'static str>,
    /// What was found.
    pub worth: Worth,
}

/// What was found in cases.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Worth {
    /// Held before the scammer got anything; of all cases.
    pub first_pound: Rate,
    /// Held before the scammer got half of what the case comes to.
    pub half: Rate,
    /// Held at all.
    pub stopped: Rate,
    /// Held or asked about.
    pub touched: Rate,
    /// Pence that holds kept from the scammer; of all pence. The cases are not alike, so its interval means
    /// nothing.
    pub pence: Rate,
    /// Payments that were made.
    pub payments: u64,
    /// What holds and questions are worth together, where so many in a thousand payers admit the story at the
    /// first question and the rest at none: our assumption. Cases in thousandths stopped before half the money,
    /// and thousandths of pence kept.
    pub admitted: [(u64, Rate, Rate); 3],
}

/// Honest payments and what became of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Harm {
    /// Held for a person.
    pub held: Rate,
    /// Of those held, the ones that a "no" to a question did not release.
    pub held_after_no: u64,
    /// Asked about, and released by a "no".
    pub asked: Rate,
    /// By cohort: held and asked about.
    pub cohorts: Vec<(Cohort, Rate, Rate)>,
    /// Hundredths of honest payments held for each case of this scam that is; `None` where none is.
    pub false_per_true: Option<u64>,
    /// The same for each case of any scam.
    pub false_per_true_all: Option<u64>,
}

/// A signal and how often it fired.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sign {
    /// Its id.
    pub id: &'static str,
    /// In honest payments.
    pub honest: Rate,
    /// In payments of this scam.
    pub scams: Rate,
    /// The same by variant.
    pub variants: Vec<(Variant, Rate)>,
    /// In payments of other scams.
    pub others: Rate,
    /// Parts of a million of the payments in which it fires that are of this scam, at its frequency in life.
    pub precision: u64,
}

/// A typology and what it led to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lead {
    /// Its id.
    pub typology: Arc<str>,
    /// Honest payments held and asked about.
    pub honest: (u64, u64),
    /// Payments of this scam held and asked about.
    pub scams: (u64, u64),
    /// Payments of other scams held and asked about.
    pub others: (u64, u64),
    /// Parts of a million of its holds that are of any scam, at their frequency in life; `None` where it held
    /// nothing.
    pub precision: Option<u64>,
}

impl Tally {
    /// Returns what the counts come to.
    pub fn measures(&self) -> Measures {
        let made = self.scams.values().fold(Counts::default(), |mut sum, counts| {
            sum.add(*counts);
            sum
        });
        let measured = || self.cases.values().filter(|case| case.measured);
        let cut_off = measured().filter(|case| !case.is_whole()).count();
        let (honest_examples, missed_examples) = self.examples();
        Measures {
            warming: self.warming,
            scam_payments: made.payments.saturating_add(self.others.payments),
            cut_off: u64::try_from(cut_off).unwrap_or(u64::MAX),
            groups: groups(measured().filter(|case| case.is_whole())),
            harm: self.harm(),
            signs: self.signs(made),
            leads: self.leads(made),
            otherwise: self.otherwise,
            holds: curve::holds(self),
            asks: curve::asks(self),
            honest_examples,
            missed_examples,
        }
    }

    fn harm(&self) -> Harm {
        let rates = |counts: &Counts| {
            let Counts { payments: of, held, asked, .. } = *counts;
            (Rate { count: held, of }, Rate { count: asked, of })
        };
        let (held, asked) = rates(&self.honest);
        let stopped = |this: bool| {
            let mut rate = Rate::default();
            for case in self.cases.values().filter(|case| case.measured && case.is_whole()) {
                if (case.scam_type == ScamType::PoliceBank) == this {
                    rate.count = rate.count.saturating_add(u64::from(case.held().stopped));
                    rate.of = rate.of.saturating_add(1);
                }
            }
            rate
        };
        let (this, others) = (stopped(true), stopped(false));
        // Cases in a million payments, times a million for what is divided.
        let found = |rate: Rate, per_million: u64| {
            let found = u128::from(rate.count).saturating_mul(per_million.into());
            found.saturating_mul(1_000_000).checked_div(rate.of.into()).unwrap_or(0)
        };
        let this = found(this, CASES_PER_MILLION);
        let all = this.saturating_add(found(others, OTHER_CASES_PER_MILLION));
        let per = |found: u128| {
            let wrong = u128::from(held.count).saturating_mul(100_000_000_000_000);
            let wrong = wrong.checked_div(held.of.into())?;
            u64::try_from(wrong.checked_div(found)?).ok()
        };
        Harm {
            held,
            held_after_no: self.honest.held_after_no,
            asked,
            cohorts: self
                .cohorts
                .iter()
                .map(|(cohort, counts)| {
                    let (held, asked) = rates(counts);
                    (*cohort, held, asked)
                })
                .collect(),
            false_per_true: per(this),
            false_per_true_all: per(all),
        }
    }

    fn signs(&self, made: Counts) -> Vec<Sign> {
        let listed =
            signal::ALL.iter().filter_map(|kind| Some((kind.id, self.signs.get(&kind.code)?)));
        let sign = |(id, signs): (&'static str, &super::tally::Signs)| {
            let scams = signs.scams.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
            let (honest, scams) = (
                Rate { count: signs.honest, of: self.honest.payments },
                Rate { count: scams, of: made.payments },
            );
            let of = |(variant, counts): (&Variant, &Counts)| {
                let count = signs.scams.get(variant).copied().unwrap_or(0);
                (*variant, Rate { count, of: counts.payments })
            };
            Sign {
                id,
                honest,
                scams,
                variants: self.scams.iter().map(of).collect(),
                others: Rate { count: signs.others, of: self.others.payments },
                precision: precision(honest, &[(scams, PAYMENTS_PER_MILLION)]).unwrap_or(0),
            }
        };
        listed.map(sign).collect()
    }

    fn leads(&self, made: Counts) -> Vec<Lead> {
        let lead = |(typology, leads): (&Arc<str>, &super::tally::Leads)| {
            let both = |counts: Counts| (counts.held, counts.asked);
            let of = |counts: Counts, of: u64| Rate { count: counts.held, of };
            Lead {
                typology: Arc::clone(typology),
                honest: both(leads.honest),
                scams: both(leads.scams),
                others: both(leads.others),
                precision: precision(
                    of(leads.honest, self.honest.payments),
                    &[
                        (of(leads.scams, made.payments), PAYMENTS_PER_MILLION),
                        (of(leads.others, self.others.payments), OTHER_PAYMENTS_PER_MILLION),
                    ],
                ),
            }
        };
        self.leads.iter().map(lead).collect()
    }

    fn examples(&self) -> (Vec<Example>, Vec<Example>) {
        let mut honest: Vec<_> = self.noted.iter().filter(|noted| noted.scam.is_none()).collect();
        honest.sort_by_key(|noted| {
            std::cmp::Reverse((noted.outcome, noted.margins.hold, noted.margins.ask))
        });
        let missed = |noted: &&super::Noted| {
            let this = matches!(noted.scam, Some((ScamType::PoliceBank, _, _)));
            this && noted.outcome == Outcome::Allowed
        };
        let mut missed: Vec<_> = self.noted.iter().filter(missed).collect();
        // Those of which nothing at all was seen say nothing; they come last.
        missed.sort_by_key(|noted| {
            let none = noted.margins.hold == Margins::NONE;
            (none, std::cmp::Reverse((noted.margins.hold, noted.fired.len())))
        });
        let first = |noted: Vec<&super::Noted>| {
            noted.into_iter().take(EXAMPLES_MAX).map(Example::of).collect()
        };
        (first(honest), first(missed))
    }
}

/// Returns cases by what they are.
fn groups<'c>(cases: impl Iterator<Item = &'c Case>) -> Vec<Group> {
    type Key<'c> = (Option<ScamType>, Option<&'c str>, Option<&'static str>);
    let mut groups: BTreeMap<Key<'c>, Worth> = BTreeMap::new();
    for case in cases {
        let (kind, script) = (Some(case.scam_type), Some(&*case.script));
        let mut variants = vec![None, Some(case.variant.name())];
        if case.variant.is_adaptive() {
            variants.push(Some("adaptive"));
        }
        for variant in variants {
            for key in [(None, None, variant), (kind, None, variant), (kind, script, variant)] {
                groups.entry(key).or_default().add(case);
            }
        }
    }
    let group = |((scam_type, script, variant), worth): (Key<'_>, Worth)| Group {
        scam_type,
        script: script.map(Into::into),
        variant,
        worth,
    };
    groups.into_iter().map(group).collect()
}

impl Worth {
    fn add(&mut self, case: &Case) {
        let (held, admitted) = (case.held(), case.held_or_admitted());
        let (half, half_admitted) =
            (held.before_half(case.pence), admitted.before_half(case.pence));
        for (rate, so) in [
            (&mut self.first_pound, held.before_first_pound()),
            (&mut self.half, half),
            (&mut self.stopped, held.stopped),
            (&mut self.touched, admitted.stopped),
        ] {
            rate.count = rate.count.saturating_add(u64::from(so));
            rate.of = rate.of.saturating_add(1);
        }
        let kept = |lost: u64| case.pence.saturating_sub(lost);
        let add = |rate: &mut Rate, count: u64, of: u64| {
            rate.count = rate.count.saturating_add(count);
            rate.of = rate.of.saturating_add(of);
        };
        add(&mut self.pence, kept(held.lost), case.pence);
        let made = case.payments.iter().filter(|step| step.made).count();
        self.payments = self.payments.saturating_add(u64::try_from(made).unwrap_or(u64::MAX));
        for ((per_mille, cases, pence), admits) in self.admitted.iter_mut().zip(ADMITS_PER_MILLE) {
            *per_mille = admits;
            let rest = 1_000_u64.saturating_sub(admits);
            let mixed = |held: u64, admitted: u64| {
                held.saturating_mul(rest).saturating_add(admitted.saturating_mul(admits))
            };
            add(cases, mixed(half.into(), half_admitted.into()), 1_000);
            let of = case.pence.saturating_mul(1_000);
            add(pence, mixed(kept(held.lost), kept(admitted.lost)), of);
        }
    }
}

/// Returns parts of a million of what was found that is right: `found` each with how many payments of its
/// kind are in a million; `None` where nothing was found.
fn precision(honest: Rate, found: &[(Rate, u64)]) -> Option<u64> {
    // In a million payments, times 10^9.
    let share = |rate: Rate, per_million: u64| {
        let count = u128::from(rate.count).saturating_mul(per_million.into());
        count.saturating_mul(1_000_000_000).checked_div(rate.of.into()).unwrap_or(0)
    };
    let right = found
        .iter()
        .fold(0_u128, |sum, (rate, per_million)| sum.saturating_add(share(*rate, *per_million)));
    let all = right.saturating_add(share(honest, 1_000_000));
    u64::try_from(right.saturating_mul(1_000_000).checked_div(all)?).ok()
}

/// Cases of this scam in a million payments, and of all others: the Payment Systems Regulator counts 56 of
/// all in 2023, of which about one in twenty is of somebody who poses as the police or a bank.
pub const CASES_PER_MILLION: u64 = 3;
/// Cases of other scams in a million payments.
pub const OTHER_CASES_PER_MILLION: u64 = 53;
/// Payments of this scam in a million: two a case, as the regulator counts 2.04.
const PAYMENTS_PER_MILLION: u64 = 6;
/// Payments of other scams in a million.
const OTHER_PAYMENTS_PER_MILLION: u64 = 109;

/// Rates of admission at which questions are valued: nobody publishes one.
const ADMITS_PER_MILLE: [u64; 3] = [100, 300, 500];
/// As many as a person looks at in a sitting.
const EXAMPLES_MAX: usize = 20;
