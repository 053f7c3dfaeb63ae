//! Remembered: what a case states that Clearline itself knows of a payer.
//!
//! In a running service it comes from the log; a case says it, each part by itself. What is left out
//! is not remembered, as of a payer never seen.

use crate::account::Token;
use crate::calendar::Span;
use crate::decision::cases::facts::{DAYS_MAX, NOW, days_ago, few, minutes_ago, money};
use crate::document::Section;
use crate::history::recent::TRIES_MAX;
use crate::history::{Attempt, Clearance, Inflow, Pair, Recall, Stop, Usual};
use crate::money::{Currency, Money};

/// Reads what is remembered; everything else of the recall stays empty.
pub(super) fn remembered(section: &Section<'_>) -> Option<Recall> {
    let payer_first = section.optional("payer_first_days_ago", days_ago);
    // All of it or nothing.
    let stated = ["first_days_ago", "times", "total"].iter().any(|key| section.has(key));
    let pair = if stated { pair(section).map(Some) } else { Some(None) };
    let usual = section.optional("usual", |section, key| usual(&section.section(key)?));
    let attempts = section.optional("attempts", attempts);
    let most_new_payees =
        section.optional("most_new_payees", |section, key| section.whole(key, 0..=u32::MAX));
    let stop = section.optional("stop", |section, key| stop(&section.section(key)?));
    let inflow = section.optional("inflow", |section, key| inflow(&section.section(key)?));
    let gathered = section.optional("gathered", pounds);
    let cleared = section.optional("cleared", |section, key| cleared(&section.section(key)?));
    Some(Recall {
        payer_first: payer_first?,
        pair: pair?,
        usual: usual?,
        attempts: attempts?.unwrap_or_default(),
        most_new_payees: most_new_payees?,
        stop: stop?,
        inflow: inflow?,
        gathered: gathered?,
        cleared: cleared?,
        ..Recall::default()
    })
}

/// Reads what was sent to this payee.
fn pair(section: &Section<'_>) -> Option<Pair> {
    let first = days_ago(section, "first_days_ago");
    let count = section.whole("times", 1..=u32::MAX);
    let total = money(section, "total");
    let begun = Pair::begin(Token([0; 16]), first?, total?);
    Some(Pair { count: count?, ..begun })
}

/// Reads what is usual. A payer of whom this is known has sent something.
fn usual(section: &Section<'_>) -> Option<Usual> {
    let count = section.whole("count", 1..=u32::MAX);
    let (largest, month) = (pounds(section, "largest"), pounds(section, "month"));
    let high = section.optional("high", pounds);
    let last = section.whole("last_days_ago", 0..=DAYS_MAX);
    let adding_minutes =
        section.optional("adding_minutes", |section, key| section.whole(key, 0..=u32::MAX));
    let session_seconds =
        section.optional("session_seconds", |section, key| section.whole(key, 0..=u32::MAX));
    // Days are remembered, and not the hour.
    let last_day = NOW.minus(Span::hours(HOUR)).minus(Span::days(last?));
    Some(Usual {
        count: count?,
        largest: largest?,
        high: high?,
        month: month?,
        last_day,
        adding_minutes: adding_minutes?,
        session_seconds: session_seconds?,
    })
}

/// Reads what the payer tried in other payments, and puts the newest first.
fn attempts(section: &Section<'_>, key: &str) -> Option<Vec<Attempt>> {
    let mut attempts = few(section, key, TRIES_MAX, |attempt| {
        let minutes = attempt.whole("minutes_ago", 0..=DAY_MINUTES);
        let money = pounds(attempt, "amount");
        let payee = attempt.whole("payee", 0..=u8::MAX);
        let flag = |key| attempt.optional(key, Section::flag);
        let (new, allowed, left) = (flag("new"), flag("allowed"), flag("left"));
        let allowed = allowed?.unwrap_or(true);
        Some(Attempt {
            seconds: minutes?.saturating_mul(60),
            pence: money?.amount.hundredths(),
            payee: payee?,
            new: new?.unwrap_or(false),
            allowed,
            left: left?.unwrap_or(allowed),
        })
    })?;
    attempts.sort_by_key(|attempt| attempt.seconds);
    Some(attempts)
}

fn cleared(section: &Section<'_>) -> Option<Clearance> {
    let (sent, money) = (days_ago(section, "days_ago"), pounds(section, "amount"));
    Some(Clearance { sent: sent?, money: money? })
}

fn stop(section: &Section<'_>) -> Option<Stop> {
    let at = minutes_ago(section, "minutes_ago");
    let flag = |key| section.optional(key, Section::flag);
    let payee = flag("another_payee");
    let (amount, channel) = (flag("another_amount"), flag("another_channel"));
    Some(Stop {
        at: at?,
        payee_changed: payee?.unwrap_or(false),
        amount_changed: amount?.unwrap_or(false),
        channel_changed: channel?.unwrap_or(false),
    })
}

fn inflow(section: &Section<'_>) -> Option<Inflow> {
    let count = |key| {
        let count = section.optional(key, |section, key| section.whole(key, 0..=u32::MAX));
        Some(count?.unwrap_or(0))
    };
    let (hour, day, week, held) = (count("hour"), count("day"), count("week"), count("held"));
    Some(Inflow { hour: hour?, day: day?, week: week?, held: held? })
}

/// Reads an amount of pounds: habits are remembered in no other currency.
fn pounds(section: &Section<'_>, key: &str) -> Option<Money> {
    let amount = section.amount(key, "an amount of pounds, such as \"3200.00\"")?;
    Some(Money { amount, currency: Currency::GBP })
}

/// How long a day had lasted when every case takes place.
const HOUR: i64 = 15;

/// Attempts are remembered for 24 hours.
const DAY_MINUTES: u32 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Time;
    use crate::testing::{pounds, read_section, time};

    const FULL: &str = r#"
payer_first_days_ago = 400
first_days_ago = 100
times = 3
total = "90"
usual = { count = 60, largest = "900.00", high = "650", month = "1400", last_days_ago = 2, adding_minutes = 90, session_seconds = 120 }
attempts = [
  { minutes_ago = 50, amount = "2500.00", payee = 1, new = true },
  { minutes_ago = 20, amount = "10", payee = 0, new = true, allowed = false },
]
most_new_payees = 2
stop = { minutes_ago = 30, another_payee = true, another_channel = true }
inflow = { day = 3, held = 1 }
gathered = "5000"
"#;

    #[test]
    fn everything_remembered_can_be_stated() {
        let (recall, problems) = read_section(FULL, remembered);
        assert_eq!(problems, [""; 0]);
        let recall = recall.unwrap();
        assert_eq!(recall.payer_first, Some(NOW.minus(Span::days(400))));
        assert_eq!(recall.pair.map(|pair| (pair.count, pair.total)), Some((3, pounds("90"))));
        let usual = Usual {
            count: 60,
            largest: pounds("900"),
            high: Some(pounds("650")),
            month: pounds("1400"),
            last_day: time("2026-11-18T00:00:00Z"),
            adding_minutes: Some(90),
            session_seconds: Some(120),
        };
        assert_eq!(recall.usual, Some(usual));
        let stopped = Attempt {
            seconds: 1_200,
            pence: 1_000,
            payee: 0,
            new: true,
            allowed: false,
            left: false,
        };
        let allowed =
            Attempt { seconds: 3_000, pence: 250_000, payee: 1, allowed: true, ..stopped };
        assert_eq!(recall.attempts, [stopped, Attempt { left: true, ..allowed }]);
        assert_eq!(recall.most_new_payees, Some(2));
        let stop: Time = NOW.minus(Span::minutes(30));
        let stop =
            Stop { at: stop, payee_changed: true, amount_changed: false, channel_changed: true };
        assert_eq!(recall.stop, Some(stop));
        assert_eq!(recall.inflow, Some(Inflow { hour: 0, day: 3, week: 0, held: 1 }));
        assert_eq!(recall.gathered, Some(pounds("5000")));
    }

    #[test]
    fn what_is_not_said_is_not_remembered() {
        let (recall, problems) = read_section("", remembered);
        assert_eq!((recall, problems), (Some(Recall::default()), Vec::new()));
    }

    #[test]
    fn each_fault_is_told_with_its_line() {
        let many = "{ minutes_ago = 1, amount = \"5\", payee = 0 }, ".repeat(TRIES_MAX + 1);
        let text = format!(
            "times = 2\n\
             usual = {{ count = 0, largest = \"5\", month = \"5\" }}\n\
             attempts = [{many}]\n\
             stop = {{ hours = 2 }}\n\
             inflow = {{ day = -1 }}\n"
        );
        let (recall, problems) = read_section(&text, remembered);
        assert_eq!(recall, None);
        let wanted = [
            (1, "first_days_ago"),
            (1, "total"),
            (2, "count"),
            (2, "last_days_ago"),
            (3, "attempts"),
            (4, "minutes_ago"),
            (4, "hours"),
            (5, "day"),
        ];
        for (line, key) in wanted {
            let named = |problem: &String| {
                problem.starts_with(&format!("a.toml:{line}: ")) && problem.contains(key)
            };
            assert!(problems.iter().any(named), "{line} {key}: {problems:#?}");
        }
        assert_eq!(problems.len(), wanted.len(), "{problems:#?}");
        for (attempt, want) in [
            ("{ minutes_ago = 1440, amount = \"5\", payee = 255 }", 0),
            ("{ minutes_ago = 1441, amount = \"5\", payee = 255 }", 1),
            ("{ minutes_ago = 1440, amount = \"5\", payee = 256 }", 1),
        ] {
            let (_, problems) = read_section(&format!("attempts = [{attempt}]\n"), remembered);
            assert_eq!(problems.len(), want, "{attempt}: {problems:?}");
        }
    }
}
