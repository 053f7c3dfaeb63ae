//! Script: scams as they are played: who is chosen, what is asked for, in how many payments and when.

use crate::life::chance::Chance;
use crate::life::kind::Kind;
use crate::life::parameters::Parameters;
use crate::life::payee::{Payee, Sort};
use crate::life::person::{Customer, Person, Plan, Way, rounded};
use crate::records::pb::scam::{Timeline, Type, Variant};

/// Declares the scripts: name in the parameters, kind of scam, who is chosen.
macro_rules! scripts {
    ($($script:ident $name:literal $scam:ident $victim:ident,)*) => {
        /// The story that a scam tells.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Script { $($script,)* }

        /// All scripts, in the order of the parameters.
        pub(crate) const ALL: &[Script] = &[$(Script::$script,)*];

        impl Script {
            /// Returns its name in the parameters and in labels.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$script => $name,)* }
            }

            pub(crate) const fn scam(self) -> Type {
                match self { $(Self::$script => Type::$scam,)* }
            }

            const fn victim(self) -> Victim {
                match self { $(Self::$script => Victim::$victim,)* }
            }
        }
    };
}

scripts! {
    PoliceLegalFee "police_legal_fee" ImpersonationPoliceBank Person,
    PoliceSafeAccount "police_safe_account" ImpersonationPoliceBank Person,
    PoliceInvestigation "police_investigation" ImpersonationPoliceBank Person,
    ClonedCard "cloned_card" ImpersonationPoliceBank Person,
    BailDeposit "bail_deposit" ImpersonationPoliceBank Young,
    AgencyChain "agency_chain" ImpersonationPoliceBank Person,
    BankSafeAccount "bank_safe_account" ImpersonationPoliceBank Person,
    CourierTopUp "courier_top_up" ImpersonationPoliceBank Old,
    TaxArrest "tax_arrest" ImpersonationOther Person,
    TechSupport "tech_support" ImpersonationOther Person,
    RegulatorRecovery "regulator_recovery" ImpersonationOther Person,
    RelativeInNeed "relative_in_need" ImpersonationOther Person,
    Purchase "purchase" Purchase Person,
    InvestmentScam "investment_scam" Investment Person,
    Romance "romance" Romance Person,
    AdvanceFee "advance_fee" AdvanceFee Person,
    InvoiceRedirected "invoice_redirected" InvoiceAndMandate Anybody,
    HeadOfBusiness "head_of_business" Ceo Business,
}

/// Whom a script is played on.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Anybody,
    Person,
    /// Students, and workers among whom parents and the young are.
    Young,
    /// Workers and pensioners.
    Old,
    Business,
}

/// One payment of a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) script: Script,
    pub(crate) variant: Variant,
    pub(crate) timeline: Timeline,
    pub(crate) case: u64,
    /// Which payment of the case, from 1.
    pub(crate) number: u32,
    pub(crate) steps: u32,
    pub(crate) case_pence: u64,
    /// False where the other bank stops it or the payer gives up.
    pub(crate) reaches: bool,
    /// Whether savings are moved in first, for all to see.
    pub(crate) gathers: bool,
    /// Whether the payer was told to add the payee so many seconds before.
    pub(crate) added_before: i64,
}

impl Script {
    fn suits(self, customer: Customer) -> bool {
        let business = matches!(customer, Customer::Company | Customer::Charity);
        match self.victim() {
            Victim::Anybody => true,
            Victim::Person => !business,
            Victim::Young => matches!(customer, Customer::Student | Customer::Worker),
            Victim::Old => matches!(customer, Customer::Pensioner | Customer::Worker),
            Victim::Business => business || customer == Customer::SoleTrader,
        }
    }
}

/// Returns the variants that a script can be played in: what hangs on a call needs a caller.
pub(crate) const fn variants(call: bool) -> &'static [Variant] {
    if call {
        &[
            Variant::TellingWords,
            Variant::BlandLiveCall,
            Variant::BlandSilent,
            Variant::AdaptiveCallEnded,
            Variant::AdaptiveWaitADay,
            Variant::AdaptiveOwnName,
            Variant::AdaptiveSmall,
            Variant::AdaptiveWeb,
            Variant::AdaptiveCoachedNo,
        ]
    } else {
        &[
            Variant::TellingWords,
            Variant::BlandSilent,
            Variant::AdaptiveWaitADay,
            Variant::AdaptiveSmall,
            Variant::AdaptiveWeb,
            Variant::AdaptiveCoachedNo,
        ]
    }
}

/// Plans case number `case` for a customer, beginning on `day`; nothing where they own too little.
pub(crate) fn plan(
    person: &Person,
    parameters: &Parameters,
    (case, day): (u64, u32),
    chance: &mut Chance,
) -> Vec<Plan> {
    let suits = ALL.iter().map(|script| {
        if script.suits(person.customer) { parameters.script(*script).share } else { 0 }
    });
    let Some(script) = ALL.get(chance.weighted(suits)).copied() else { return Vec::new() };
    let of = parameters.script(script);
    let variant = chance.pick(variants(of.call));
    let timeline = timeline(parameters, script, chance);

    let means = person.balance.saturating_add(person.savings);
    let most = means.saturating_mul(9).checked_div(10).unwrap_or(0);
    let total = of.amount.draw(chance).min(most);
    if total < PENCE_MIN {
        return Vec::new();
    }
    let round = chance.per_mille(parameters.scams.round_per_mille);
    let amounts = Amounts { total, round, limit: person.limit };
    let mut parts = amounts.parts(timeline, chance);
    if variant == Variant::AdaptiveSmall {
        // A fifth under the most that was ever sent.
        let most = person.largest.saturating_mul(4).checked_div(5).unwrap_or(0).max(PENCE_MIN);
        parts = parts.into_iter().flat_map(|part| split(part, most)).take(STEPS_MAX).collect();
    }
    let posed = chance.per_mille(of.posed_business_per_mille);
    let sort = match variant {
        Variant::AdaptiveOwnName => Sort::MuleOwnName,
        _ if script == Script::CourierTopUp => Sort::MuleOwnName,
        _ if posed && chance.per_mille(250) => Sort::MuleCompany,
        _ => Sort::Mule,
    };
    let stopped = timeline == Timeline::SecondPayee;
    // Some come to their senses before the last payment.
    let gives_up =
        1 < parts.len() && !stopped && chance.per_mille(parameters.scams.given_up_per_mille);
    let lost = parts.len().saturating_sub(usize::from(gives_up));
    let lost = parts.iter().take(lost).skip(usize::from(stopped));
    let case = Case {
        script,
        variant,
        timeline,
        number: case,
        pence: lost.fold(0_u64, |sum, part| sum.saturating_add(*part)),
        sort,
        kind: if posed { Kind::Legal } else { Kind::Friends },
        gives_up,
    };
    case.plans(&parts, day, parameters, chance)
}

/// A case, before its payments are given their times.
struct Case {
    script: Script,
    variant: Variant,
    timeline: Timeline,
    number: u64,
    pence: u64,
    sort: Sort,
    kind: Kind,
    gives_up: bool,
}

impl Case {
    fn plans(&self, parts: &[u64], day: u32, of: &Parameters, chance: &mut Chance) -> Vec<Plan> {
        let waits = self.variant == Variant::AdaptiveWaitADay;
        let stopped = self.timeline == Timeline::SecondPayee;
        let steps = u32::try_from(parts.len()).unwrap_or(1);
        let mut payee = mule(self.sort, of, chance);
        let first = (day.saturating_add(u32::from(waits)), start_second(chance));
        let mut at = first;
        let mut plans = Vec::new();
        for (number, pence) in (1..=steps).zip(parts) {
            if number == 2 && stopped {
                payee = mule(self.sort, of, chance);
            }
            let new = number == 1 || (number == 2 && stopped);
            let added_before = match (new, waits) {
                (true, true) => i64::try_from(chance.between(80_000, 90_000)).unwrap_or(DAY),
                (true, false) => i64::try_from(chance.between(30, 900)).unwrap_or(60),
                (false, _) => 0,
            };
            let step = Step {
                script: self.script,
                variant: self.variant,
                timeline: self.timeline,
                case: self.number,
                number,
                steps,
                case_pence: self.pence,
                reaches: !(stopped && number == 1 || self.gives_up && number == steps),
                gathers: self.timeline == Timeline::Gathered && number == 1,
                added_before,
            };
            plans.push(Plan {
                day: at.0,
                second: Some(at.1),
                payee,
                kind: self.kind,
                pence: *pence,
                way: Way::Now,
                step: Some(Box::new(step)),
            });
            at = next(self.timeline, at, first, chance);
        }
        plans
    }
}

/// Returns when the payment after one at `at` is made.
fn next(timeline: Timeline, at: (u32, i64), first: (u32, i64), chance: &mut Chance) -> (u32, i64) {
    let (day, second) = at;
    let days = |chance: &mut Chance, least, most| {
        let days = u32::try_from(chance.between(least, most)).unwrap_or(1);
        (day.saturating_add(days), start_second(chance))
    };
    let minutes = match timeline {
        Timeline::DrawnOut => return days(chance, 2, 12),
        Timeline::Rising if chance.per_mille(400) => return days(chance, 1, 2),
        Timeline::Slices if chance.per_mille(200) => return days(chance, 1, 1),
        Timeline::TestThenDrain => chance.between(5, 90),
        Timeline::SecondPayee => chance.between(8, 150),
        _ => chance.between(4, 45),
    };
    let gap = i64::try_from(minutes).unwrap_or(5).saturating_mul(60);
    let second = second.saturating_add(gap);
    // Past bedtime it goes on the next morning; but a case that began late goes on.
    if LAST_SECOND < second && day == first.0 {
        (day.saturating_add(1), NINE.saturating_add(second.rem_euclid(3_600)))
    } else if DAY <= second.saturating_add(60) {
        days(chance, 1, 1)
    } else {
        (day, second)
    }
}

fn timeline(parameters: &Parameters, script: Script, chance: &mut Chance) -> Timeline {
    let weights = parameters.timelines(parameters.script(script));
    let all = [
        (Timeline::Single, weights.single),
        (Timeline::Rising, weights.rising),
        (Timeline::TestThenDrain, weights.test_then_drain),
        (Timeline::Slices, weights.slices),
        (Timeline::SecondPayee, weights.second_payee),
        (Timeline::Gathered, weights.gathered),
        (Timeline::DrawnOut, weights.drawn_out),
    ];
    let hit = chance.weighted(all.iter().map(|(_, weight)| *weight));
    all.get(hit).map_or(Timeline::Single, |(timeline, _)| *timeline)
}

/// What a case comes to, and how it is cut.
struct Amounts {
    total: u64,
    round: bool,
    limit: u64,
}

impl Amounts {
    /// Returns the payments, in pence.
    fn parts(&self, timeline: Timeline, chance: &mut Chance) -> Vec<u64> {
        let total = self.total;
        let part =
            |of: u64, over: u64| self.tidy(total.saturating_mul(of).checked_div(over).unwrap_or(0));
        match timeline {
            Timeline::Rising if chance.per_mille(600) => vec![part(3, 10), part(7, 10)],
            Timeline::Rising => vec![part(1, 6), part(2, 6), part(3, 6)],
            Timeline::TestThenDrain => {
                let test = chance.pick(&[100, 1_000, 5_000, 10_000, 20_000, 100_000_u64]);
                vec![test.min(part(1, 4)), part(9, 10)]
            }
            Timeline::Slices => {
                let count = chance.between(2, 5);
                let each = total.checked_div(count).unwrap_or(total);
                // Just under a limit of the bank's, or of the mind's.
                let limit = chance.pick(&[100_000, 250_000, 500_000, 1_000_000, self.limit]);
                let under = limit.saturating_sub(chance.pick(&[0, 100, 1_000, 5_000, 10_000_u64]));
                let each = if under < each { under } else { self.tidy(each) };
                let count = usize::try_from(count).unwrap_or(2);
                std::iter::repeat_with(|| {
                    each.saturating_sub(chance.below(3).saturating_mul(500)).max(1_000)
                })
                .take(count)
                .collect()
            }
            // What was stopped is tried again, in full or nearly.
            Timeline::SecondPayee => vec![part(1, 1), part(chance.between(7, 10), 10)],
            Timeline::Gathered if chance.per_mille(500) => vec![part(1, 2), part(1, 2)],
            Timeline::DrawnOut => {
                let count = chance.between(3, 7);
                (0..count).map(|_| part(chance.between(5, 15), count.saturating_mul(10))).collect()
            }
            _ => vec![part(1, 1)],
        }
    }

    fn tidy(&self, pence: u64) -> u64 {
        let pounds = match pence {
            _ if !self.round => return pence.max(100),
            200_000.. => 500,
            50_000.. => 50,
            10_000.. => 10,
            _ => 5,
        };
        rounded(pence, pounds)
    }
}

/// Cuts an amount into equal parts of at most `most`.
fn split(pence: u64, most: u64) -> Vec<u64> {
    let count = pence.div_ceil(most.max(1)).max(1);
    let each = pence.checked_div(count).unwrap_or(pence).max(1);
    vec![each; usize::try_from(count).unwrap_or(1).min(STEPS_MAX)]
}

fn mule(sort: Sort, parameters: &Parameters, chance: &mut Chance) -> Payee {
    if sort == Sort::Mule && chance.per_mille(parameters.scams.mules_shared_per_mille) {
        return Payee { sort, number: chance.below(SHARED_MULES) };
    }
    sort.draw(chance)
}

/// Returns the second of a day at which a case begins: from eight to half past eight in the evening, the
/// afternoon most often (Take Five 2024: 43 of 100 in the afternoon).
fn start_second(chance: &mut Chance) -> i64 {
    let (from, until) = if chance.per_mille(430) { (43_200, 61_200) } else { (28_800, 73_800) };
    i64::try_from(chance.between(from, until)).unwrap_or(NINE)
}

const DAY: i64 = 86_400;
const NINE: i64 = 32_400;
/// Half past ten in the evening.
const LAST_SECOND: i64 = 81_000;
/// Less than ten pounds is no case.
const PENCE_MIN: u64 = 1_000;
/// Payments of one case: reported ones have up to 40 in an hour, nearly all have six and fewer.
const STEPS_MAX: usize = 12;
/// Mules that take from several victims.
const SHARED_MULES: u64 = 400;
