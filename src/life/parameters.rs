//! Parameters: how often what happens, how much it comes to, and where each number is from.
//!
//! Read strictly: an unknown key, a missing one, a number out of range or a section without a `source`
//! is a problem, and all are named at once. `standard.toml` beside this file is compiled in; a file given
//! in its place is complete as well, nothing is laid over it.

use crate::document::{Document, Problem, Problems, Section};
use crate::life::chance::Chance;
use crate::life::kind::{self, Kind};
use crate::life::script::{self, Script};

/// The parameters that are compiled in.
pub const STANDARD: &str = include_str!("standard.toml");

/// All parameters, checked.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Midnight (UTC) that begins the first day, in seconds since 1970.
    pub(crate) start: i64,
    pub(crate) shares: Shares,
    pub(crate) money: Means,
    pub(crate) payees: Payees,
    pub(crate) name_check: NameChecks,
    pub(crate) channels: Channels,
    pub(crate) session: Sessions,
    pub(crate) missing: Missing,
    kinds: Vec<KindOf>,
    pub(crate) scams: Scams,
    pressed: Timelines,
    patient: Timelines,
    scripts: Vec<ScriptOf>,
}

/// By what rates are multiplied, to see how much hangs on them: a whole number or a fraction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scale {
    times: u64,
    over: u64,
}

impl Scale {
    /// As the parameters say.
    pub const ONE: Self = Self { times: 1, over: 1 };

    /// Reads `3` or `1/3`: numbers from 1 to 100.
    pub fn parse(text: &str) -> Option<Self> {
        let (times, over) = text.split_once('/').unwrap_or((text, "1"));
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && (1..=100).contains(number))
        };
        Some(Self { times: number(times)?, over: number(over)? })
    }

    /// Returns `rate` multiplied, at most `whole`.
    pub(crate) fn of(self, rate: u64, whole: u64) -> u64 {
        let scaled = rate.saturating_mul(self.times).checked_div(self.over);
        scaled.unwrap_or(rate).min(whole)
    }
}

impl std::fmt::Display for Scale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.over {
            1 => write!(f, "{}", self.times),
            over => write!(f, "{}/{over}", self.times),
        }
    }
}

/// Amounts in pence at five points: the least, a quarter, the middle, three quarters, the most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Spread([u64; 5]);

impl Spread {
    fn parse(text: &str) -> Option<Self> {
        let pounds = text.split(' ').map(|part| part.parse::<u64>().ok());
        let pounds: Vec<u64> = pounds.collect::<Option<_>>()?;
        let points: [u64; 5] = pounds.try_into().ok()?;
        let rising = points.windows(2).all(|two| two.first() <= two.last());
        let fits = points.iter().all(|point| *point <= POUNDS_MAX);
        (rising && fits).then_some(Self(points.map(|point| point.saturating_mul(100))))
    }

    /// Draws an amount in pence.
    pub(crate) fn draw(self, chance: &mut Chance) -> u64 {
        let [least, quarter, middle, upper, most] = self.0;
        let part = chance.below(PART);
        let (from, until, part) = match chance.below(4) {
            0 => (least, quarter, part),
            1 => (quarter, middle, part),
            2 => (middle, upper, part),
            // The cube makes the largest rare.
            _ => (upper, most, (part.saturating_mul(part) >> 16).saturating_mul(part) >> 16),
        };
        let more = until.saturating_sub(from).saturating_mul(part) >> 16;
        from.saturating_add(more)
    }

    /// Returns the amount in pence that half stay under.
    #[cfg(test)]
    pub(crate) fn middle(self) -> u64 {
        let [_, _, middle, _, _] = self.0;
        middle
    }
}

/// Declares a section of whole numbers and how it is read.
macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $range:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name { $(pub(crate) $field: u64,)* }

        impl $name {
            fn read(section: &Section<'_>) -> Option<Self> {
                let source = section.text("source");
                $(let $field = section.whole::<u64>(stringify!($field), $range);)*
                source?;
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}

numbers! {
    /// Which customers there are.
    #[expect(clippy::struct_field_names, reason = "fields are the keys of the file, with their unit")]
    Shares {
        students_per_mille: 0..=200,
        pensioners_per_mille: 0..=400,
        sole_traders_per_mille: 0..=200,
        companies_per_mille: 0..=100,
        charities_per_mille: 0..=100,
        joint_per_mille: 0..=1_000,
        welsh_per_mille: 0..=1_000,
    }
}

/// What people have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means {
    pub(crate) wage: Spread,
    pub(crate) pension: Spread,
    pub(crate) student: Spread,
    pub(crate) turnover: Spread,
    pub(crate) savings: Spread,
    pub(crate) limit: Spread,
    pub(crate) spent_by_card_per_mille: u64,
    pub(crate) loan_per_mille: u64,
}

numbers! {
    /// Whom people pay.
    Payees {
        friends_least: 1..=30,
        friends_most: 1..=30,
        business_in_file_per_mille: 0..=1_000,
        pay_at_once_per_mille: 0..=1_000,
        inside_bank_per_mille: 0..=1_000,
        e_money_per_mille: 0..=1_000,
    }
}

numbers! {
    /// What name checks answer, per mille.
    NameChecks {
        person_close: 0..=330,
        person_no_match: 0..=330,
        person_could_not: 0..=330,
        business_close: 0..=330,
        business_no_match: 0..=330,
        business_could_not: 0..=330,
        business_on_personal: 0..=1_000,
        scam_match: 0..=330,
        scam_close: 0..=330,
        scam_could_not: 0..=330,
    }
}

numbers! {
    /// How orders are given: weights.
    Channels {
        app: 1..=100_000,
        web: 0..=100_000,
        telephone: 0..=100_000,
        branch: 0..=100_000,
        open_banking: 0..=100_000,
    }
}

numbers! {
    /// What honest sessions are like.
    Sessions {
        call_ended_per_10k: 0..=10_000,
        call_ended_minutes_most: 1..=240,
        outgoing_per_mille: 0..=1_000,
        operator_per_mille: 0..=1_000,
        screen_shared_per_10k: 0..=10_000,
        remote_per_10k: 0..=10_000,
        bank_on_line_per_10k_calls: 0..=10_000,
        new_phone_per_1000_a_year: 0..=100_000,
        limit_raise_per_mille: 0..=1_000,
        warned_per_mille: 0..=1_000,
        rushed_per_mille: 0..=1_000,
        rejected_per_10k: 0..=10_000,
        cancelled_per_10k: 0..=10_000,
        slip_per_mille: 0..=1_000,
    }
}

numbers! {
    /// How often a fact is missing, per mille.
    Missing {
        balance: 0..=1_000,
        largest_permitted: 0..=1_000,
        name_check: 0..=1_000,
        name_check_of_known: 0..=1_000,
        ledger: 0..=1_000,
        add_time: 0..=1_000,
        call: 0..=1_000,
        end_of_call: 0..=1_000,
        remote: 0..=1_000,
        dismissed: 0..=1_000,
        device: 0..=1_000,
        gathered: 0..=1_000,
        declared_kind: 0..=1_000,
        provider_kind: 0..=1_000,
        own_account: 0..=1_000,
        reference: 0..=1_000,
        purpose: 0..=1_000,
        names: 0..=1_000,
        segment: 0..=1_000,
        reputation: 0..=1_000,
    }
}

numbers! {
    /// What all scams have in common.
    Scams {
        cases_per_1000_customers_a_year: 0..=100_000,
        mules_shared_per_mille: 0..=1_000,
        marked_mules_per_mille: 0..=1_000,
        marked_honest_per_100k: 0..=100_000,
        e_money_per_mille: 0..=1_000,
        round_per_mille: 0..=1_000,
        call_seen_per_mille: 0..=1_000,
        limit_raise_per_mille: 0..=1_000,
        warned_per_mille: 0..=1_000,
        rushed_per_mille: 0..=1_000,
        purpose_told_per_mille: 0..=1_000,
        given_up_per_mille: 0..=1_000,
    }
}

numbers! {
    /// How the payments of a case follow each other: weights.
    Timelines {
        single: 1..=100_000,
        rising: 0..=100_000,
        test_then_drain: 0..=100_000,
        slices: 0..=100_000,
        second_payee: 0..=100_000,
        gathered: 0..=100_000,
        drawn_out: 0..=100_000,
    }
}

/// How often a kind of honest payment is made, and what it is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindOf {
    pub(crate) per_1000_a_year: u64,
    pub(crate) amount: Spread,
    pub(crate) new_payee_per_mille: u64,
    pub(crate) call_per_10k: u64,
    pub(crate) round_to_pounds: u64,
}

/// How often a script is played, and what it is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScriptOf {
    pub(crate) share: u64,
    pub(crate) amount: Spread,
    pub(crate) call: bool,
    pub(crate) remote_per_mille: u64,
    pub(crate) posed_business_per_mille: u64,
    patient: bool,
}

impl Parameters {
    /// Reads the parameters in `text`, or names every problem; `file` is what problems call it.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::default();
        let read = Self::of(&Document::parse(file, text, &problems).root());
        match read {
            Some(parameters) if problems.none() => Ok(parameters),
            _ => Err(problems.into_sorted()),
        }
    }

    fn of(root: &Section<'_>) -> Option<Self> {
        fn part<'d, T>(
            root: &Section<'d>,
            key: &str,
            read: impl FnOnce(&Section<'d>) -> Option<T>,
        ) -> Option<T> {
            root.section(key).and_then(|section| read(&section))
        }
        let life = part(root, "life", |life| {
            let day =
                life.parsed("first_day", "a day from 2001 to 2100, such as \"2025-01-06\"", first);
            let shares = Shares::read(life);
            Some((day?, shares?))
        });
        let money = part(root, "money", Means::read);
        let payees = part(root, "payees", Payees::read);
        let name_check = part(root, "name_check", NameChecks::read);
        let channels = part(root, "channels", Channels::read);
        let session = part(root, "session", Sessions::read);
        let missing = part(root, "missing", Missing::read);
        let kinds = part(root, "kinds", |kinds| {
            let all = kind::ALL.iter().map(|kind| part(kinds, kind.name(), KindOf::read));
            crate::document::all(all)
        });
        let scams = part(root, "scams", |scams| {
            let timelines = part(scams, "timelines", |timelines| {
                let pressed = part(timelines, "pressed", Timelines::read);
                let patient = part(timelines, "patient", Timelines::read);
                Some((pressed?, patient?))
            });
            let scripts = part(scams, "scripts", |scripts| {
                let all = script::ALL.iter().map(|one| part(scripts, one.name(), ScriptOf::read));
                crate::document::all(all)
            });
            let common = Scams::read(scams);
            Some((common?, timelines?, scripts?))
        });
        let (start, shares) = life?;
        let (scams, (pressed, patient), scripts) = scams?;
        Some(Self {
            start,
            shares,
            money: money?,
            payees: payees?,
            name_check: name_check?,
            channels: channels?,
            session: session?,
            missing: missing?,
            kinds: kinds?,
            scams,
            pressed,
            patient,
            scripts,
        })
    }

    /// Returns what a kind of payment is like.
    pub(crate) fn kind(&self, kind: Kind) -> KindOf {
        let at = kind::ALL.iter().position(|listed| *listed == kind);
        at.and_then(|at| self.kinds.get(at)).copied().unwrap_or(KindOf::NEVER)
    }

    /// Returns what a script is like.
    pub(crate) fn script(&self, script: Script) -> ScriptOf {
        let at = script::ALL.iter().position(|listed| *listed == script);
        at.and_then(|at| self.scripts.get(at)).copied().unwrap_or(ScriptOf::NEVER)
    }

    /// Returns how the payments of a script follow each other.
    pub(crate) fn timelines(&self, script: ScriptOf) -> Timelines {
        if script.patient { self.patient } else { self.pressed }
    }
}

impl Means {
    fn read(section: &Section<'_>) -> Option<Self> {
        let source = section.text("source");
        let wage = spread(section, "wage_pounds");
        let pension = spread(section, "pension_pounds");
        let student = spread(section, "student_income_pounds");
        let turnover = spread(section, "turnover_pounds");
        let savings = spread(section, "savings_pounds");
        let limit = spread(section, "limit_pounds");
        let spent = section.whole("spent_by_card_per_mille", 0..=1_000);
        let loan = section.whole("loan_per_mille", 0..=1_000);
        source?;
        Some(Self {
            wage: wage?,
            pension: pension?,
            student: student?,
            turnover: turnover?,
            savings: savings?,
            limit: limit?,
            spent_by_card_per_mille: spent?,
            loan_per_mille: loan?,
        })
    }
}

impl KindOf {
    const NEVER: Self = Self {
        per_1000_a_year: 0,
        amount: Spread([0; 5]),
        new_payee_per_mille: 0,
        call_per_10k: 0,
        round_to_pounds: 0,
    };

    fn read(section: &Section<'_>) -> Option<Self> {
        let source = section.text("source");
        let rate = section.whole("per_1000_a_year", 0..=60_000);
        let amount = spread(section, "amount_pounds");
        let new = section.whole("new_payee_per_mille", 0..=1_000);
        let call = section.whole("call_per_10k", 0..=10_000);
        let round = section.whole("round_to_pounds", 0..=1_000);
        source?;
        Some(Self {
            per_1000_a_year: rate?,
            amount: amount?,
            new_payee_per_mille: new?,
            call_per_10k: call?,
            round_to_pounds: round?,
        })
    }
}

impl ScriptOf {
    const NEVER: Self = Self {
        share: 0,
        amount: Spread([0; 5]),
        call: false,
        remote_per_mille: 0,
        posed_business_per_mille: 0,
        patient: false,
    };

    fn read(section: &Section<'_>) -> Option<Self> {
        let source = section.text("source");
        let share = section.whole("share", 0..=100_000);
        let amount = spread(section, "amount_pounds");
        let call = section.flag("call");
        let remote = section.whole("remote_per_mille", 0..=1_000);
        let posed = section.whole("posed_business_per_mille", 0..=1_000);
        let patient = section.choice("timeline", &[("pressed", false), ("patient", true)]);
        source?;
        Some(Self {
            share: share?,
            amount: amount?,
            call: call?,
            remote_per_mille: remote?,
            posed_business_per_mille: posed?,
            patient: patient?,
        })
    }
}

fn spread(section: &Section<'_>, key: &str) -> Option<Spread> {
    let expected = "five whole numbers of pounds, none below the one before and none above \
                    10,000,000, such as \"5 20 40 90 600\"";
    section.parsed(key, expected, Spread::parse)
}

/// Reads a day as its first second.
fn first(text: &str) -> Option<i64> {
    let day: jiff::civil::Date = text.parse().ok()?;
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    (2001..=2100).contains(&day.year()).then_some(midnight)
}

/// No payment of a household or small business is larger.
const POUNDS_MAX: u64 = 10_000_000;
/// How finely amounts are drawn between two points.
const PART: u64 = 1 << 16;
