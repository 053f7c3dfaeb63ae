//! Words: numbers and payments as a person reads them.

use crate::evaluation::{Example, Rate};

/// Describes a payment: what it is, what was decided, and which signals fired.
pub(super) fn described(example: &Example) -> (String, String, String) {
    let noted = &example.noted;
    let kind = plain(&noted.kind);
    let what = match noted.scam {
        None => format!("honest, {kind}"),
        Some((_, variant, step)) => format!("{kind}, {}, payment {step}", plain(variant.name())),
    };
    let led = match (&noted.typology, noted.points) {
        (Some(typology), Some(points)) => format!(" by {typology} at {points}"),
        _ => String::new(),
    };
    let signals = if example.signals.is_empty() {
        "no signal".to_owned()
    } else {
        example.signals.join(", ")
    };
    (what, format!("{}{led}", noted.outcome.name()), signals)
}

/// Returns a share as a percentage with one decimal.
pub(super) fn share(rate: Rate) -> String {
    rate.per_million().map_or_else(|| "-".to_owned(), percent)
}

/// Returns parts of a million as a percentage with one decimal.
pub(super) fn percent(per_million: u64) -> String {
    let tenths = per_million.saturating_add(500).checked_div(1_000).unwrap_or(0);
    let (whole, rest) = (tenths.checked_div(10).unwrap_or(0), tenths.checked_rem(10).unwrap_or(0));
    format!("{whole}.{rest}%")
}

/// Returns a share with its interval, in whole percents.
pub(super) fn between(rate: Rate) -> String {
    [share(rate), range(rate)].join(" ")
}

/// Returns the interval of a share, in whole percents; nothing of none.
pub(super) fn range(rate: Rate) -> String {
    let whole =
        |per_million: u64| per_million.saturating_add(5_000).checked_div(10_000).unwrap_or(0);
    let text = |(low, high)| format!("({}-{})", whole(low), whole(high));
    rate.interval().map_or_else(String::new, text)
}

/// Returns a rate as parts of a million, with its interval.
pub(super) fn million(rate: Rate) -> String {
    let (Some(share), Some((low, high))) = (rate.per_million(), rate.interval()) else {
        return "-".to_owned();
    };
    format!("{} ({}-{})", grouped(share), grouped(low), grouped(high))
}

/// Returns a rate as parts of a million.
pub(super) fn million_only(rate: Rate) -> String {
    rate.per_million().map_or_else(|| "-".to_owned(), grouped)
}

/// Returns how many of a thousand, with two decimals.
pub(super) fn thousand(rate: Rate) -> String {
    let hundredths = |per_million: u64| per_million.saturating_add(5).checked_div(10).unwrap_or(0);
    rate.per_million().map_or_else(|| "-".to_owned(), |share| self::hundredths(hundredths(share)))
}

/// Writes hundredths with two decimals.
pub(super) fn hundredths(number: u64) -> String {
    let (whole, rest) =
        (number.checked_div(100).unwrap_or(0), number.checked_rem(100).unwrap_or(0));
    format!("{}.{rest:02}", grouped(whole))
}

/// Returns a number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a name as words.
pub(super) fn plain(name: &str) -> String {
    name.replace('_', " ")
}
