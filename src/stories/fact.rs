//! Fact: a value that a story states, or that is drawn because nobody reported it.
//!
//! In every table of a story a key either stands with its value or, under `drawn`, with the range
//! that its value is drawn from. So whoever reads a story sees what is known and what is assumed.

use crate::document::{Section, Text};
use crate::stories::chance::Chance;

/// A whole number of pence, minutes or things.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Quantity {
    /// Stated.
    Is(i64),
    /// Drawn: `from`, `to`, or whole steps of `by` above `from`, each as likely as the others.
    Between { from: i64, to: i64, by: i64 },
}

/// One of several values that have names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Choice<T: 'static> {
    /// Stated.
    Is(T),
    /// Drawn: each with its name and how often in a thousand it is taken; a thousand in all.
    OneOf(Vec<(T, &'static str, u32)>),
}

/// A text, or several of which one is drawn, each as likely as the others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Words(pub(super) Vec<Box<str>>);

/// What a whole number counts, which is how it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    /// Pence, written as pounds in quotes.
    Pounds,
    /// Minutes, written as `"1d 2h 5m"`.
    Minutes,
    /// Minutes since midnight, written as `"14:05"`.
    Clock,
    /// Things, from the first number up to the second.
    Whole(i64, i64),
}

/// A fact that was drawn, and out of what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drawn {
    /// Which fact, such as `step.3.amount`; a repeated step is numbered behind it.
    pub path: Box<str>,
    /// What came of it.
    pub value: DrawnValue,
}

/// What was drawn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DrawnValue {
    /// A whole number of pence, minutes or things, and the range it is drawn from, both ends
    /// included.
    Number {
        /// What came.
        value: i64,
        /// The least that may come.
        from: i64,
        /// The most that may come.
        to: i64,
    },
    /// One of several names or texts.
    Name {
        /// What came.
        value: Box<str>,
        /// How many there are.
        of: usize,
    },
}

/// What one telling of a story draws.
#[derive(Debug)]
pub(super) struct Draws<'a> {
    story: &'a str,
    seed: u64,
    draw: String,
    noted: Vec<Drawn>,
}

/// A table of a story with what is drawn in it.
#[derive(Debug)]
pub(super) struct Table<'s, 'd> {
    pub(super) section: &'s Section<'d>,
    drawn: Option<Section<'d>>,
}

impl<'a> Draws<'a> {
    pub(super) fn new(story: &'a str, seed: u64, draw: u32) -> Self {
        Self { story, seed, draw: draw.to_string(), noted: Vec::new() }
    }

    /// Returns what was drawn so far.
    pub(super) fn noted(self) -> Vec<Drawn> {
        self.noted
    }

    /// Returns the numbers that belong to `path` in this draw.
    pub(super) fn chance(&self, path: &str) -> Chance {
        Chance::of(self.seed, &[self.story, &self.draw, path])
    }

    pub(super) fn quantity(&mut self, path: &str, quantity: Quantity) -> i64 {
        match quantity {
            Quantity::Is(value) => value,
            Quantity::Between { from, to, by } => {
                let value = self.chance(path).between(from, to, by);
                self.note(path, DrawnValue::Number { value, from, to });
                value
            }
        }
    }

    pub(super) fn choice<T: Copy>(&mut self, path: &str, choice: &Choice<T>) -> Option<T> {
        match choice {
            Choice::Is(value) => Some(*value),
            Choice::OneOf(choices) => {
                let mut at = self.chance(path).below(1000);
                let (value, name, _) = choices.iter().find(|(_, _, often)| {
                    let taken = at < u64::from(*often);
                    at = at.saturating_sub(u64::from(*often));
                    taken
                })?;
                self.note(path, DrawnValue::Name { value: (*name).into(), of: choices.len() });
                Some(*value)
            }
        }
    }

    pub(super) fn flag(&mut self, path: &str, flag: &Choice<bool>) -> bool {
        self.choice(path, flag).unwrap_or(false)
    }

    pub(super) fn words<'w>(&mut self, path: &str, words: &'w Words) -> &'w str {
        match words.0.as_slice() {
            [] => "",
            [word] => word,
            several => {
                let count = u64::try_from(several.len()).unwrap_or(0);
                let at = usize::try_from(self.chance(path).below(count)).unwrap_or(0);
                let value = several.get(at).map_or("", AsRef::as_ref);
                self.note(path, DrawnValue::Name { value: value.into(), of: several.len() });
                value
            }
        }
    }

    fn note(&mut self, path: &str, value: DrawnValue) {
        self.noted.push(Drawn { path: path.into(), value });
    }
}

impl Choice<bool> {
    /// Returns a flag that is up this often in a thousand.
    pub(super) fn often(per_mille: u32) -> Self {
        Self::OneOf(vec![
            (true, "true", per_mille),
            (false, "false", 1000_u32.saturating_sub(per_mille)),
        ])
    }
}

impl Words {
    pub(super) fn of(words: &[&str]) -> Self {
        Self(words.iter().map(|word| (*word).into()).collect())
    }
}

#[expect(clippy::option_option, reason = "what is wrong is told apart from what is absent")]
impl<'s, 'd> Table<'s, 'd> {
    pub(super) fn of(section: &'s Section<'d>) -> Self {
        let drawn = section.optional("drawn", Section::section).flatten();
        Self { section, drawn }
    }

    /// Reads a whole number: `Some(None)` where it is absent, `None` where it is wrong.
    pub(super) fn quantity(&self, key: &str, unit: Unit) -> Option<Option<Quantity>> {
        self.fact(
            key,
            |section| unit.read(section, key).map(Quantity::Is),
            |range| {
                let (from, to) = (unit.read(range, "from"), unit.read(range, "to"));
                let by = range.optional("by", |range, by| match unit {
                    Unit::Clock => Unit::Minutes.read(range, by),
                    unit => unit.read(range, by),
                });
                let (from, to) = (from?, to?);
                let by = by?.unwrap_or(match unit {
                    Unit::Pounds => 100,
                    Unit::Minutes | Unit::Clock | Unit::Whole(..) => 1,
                });
                let whole = to.saturating_sub(from).checked_rem(by) == Some(0);
                if to <= from || !whole {
                    let advice =
                        "let `to` lie whole steps of `by` above `from`, so that both can come";
                    range.report("to", format!("`{key}` is no such range"), advice);
                    return None;
                }
                Some(Quantity::Between { from, to, by })
            },
        )
    }

    /// Reads one of the names in `choices`; drawn, each name that may come with its per mille.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&'static str, T)],
    ) -> Option<Option<Choice<T>>> {
        self.fact(
            key,
            |section| section.choice(key, choices).map(Choice::Is),
            |shares| {
                let mut found = Vec::new();
                let mut sum = 0_u32;
                let mut wrong = false;
                for name in shares.keys() {
                    let Some((known, value)) =
                        choices.iter().find(|(known, _)| *known == name.text)
                    else {
                        continue;
                    };
                    match shares.whole(name.text, 1..=1000_u32) {
                        Some(often) => {
                            found.push((*value, *known, often));
                            sum = sum.saturating_add(often);
                        }
                        None => wrong = true,
                    }
                }
                if wrong {
                    return None;
                }
                if sum != 1000 || found.len() < 2 {
                    let message = format!("`{key}` comes to {sum} per mille in all");
                    let names: Vec<_> = choices.iter().map(|(known, _)| *known).collect();
                    let advice = format!("give two or more of {} 1000 in all", names.join(", "));
                    shares.report_at(shares.line(), message, advice);
                    return None;
                }
                Some(Choice::OneOf(found))
            },
        )
    }

    /// Reads `true` or `false`; drawn, `{ per_mille = … }`.
    pub(super) fn flag(&self, key: &str) -> Option<Option<Choice<bool>>> {
        self.fact(
            key,
            |section| section.flag(key).map(Choice::Is),
            |often| often.whole("per_mille", 1..=999_u32).map(Choice::often),
        )
    }

    /// Reads a text of at most `chars_max` characters; drawn, `{ one_of = […] }`.
    pub(super) fn words(&self, key: &str, chars_max: usize) -> Option<Option<Words>> {
        let fits = |section: &Section<'_>, text: Text<'_>| {
            let fits = text.text.chars().count() <= chars_max;
            if !fits {
                let advice = format!("keep to {chars_max} characters, as the API does");
                section.report_at(text.line, format!("`{key}` is too long"), advice);
            }
            fits
        };
        self.fact(
            key,
            |section| {
                let text = Text { text: section.text(key)?, line: section.line_of(key) };
                fits(section, text).then(|| Words(vec![text.text.into()]))
            },
            |words| {
                let texts = words.texts("one_of")?;
                if texts.len() < 2 {
                    let advice = "give two or more, or state the one outside `drawn`";
                    words.report("one_of", format!("`{key}` leaves no choice"), advice);
                    return None;
                }
                // Every text is looked at, so that each that is too long is named.
                let long = texts.iter().filter(|text| !fits(words, **text)).count();
                (long == 0).then(|| Words(texts.iter().map(|text| text.text.into()).collect()))
            },
        )
    }

    fn fact<T>(
        &self,
        key: &str,
        stated: impl FnOnce(&Section<'d>) -> Option<T>,
        drawn: impl FnOnce(&Section<'d>) -> Option<T>,
    ) -> Option<Option<T>> {
        let range = match &self.drawn {
            Some(section) if section.has(key) => Some(section),
            _ => None,
        };
        match (self.section.has(key), range) {
            (false, None) => Some(None),
            (true, None) => stated(self.section).map(Some),
            (false, Some(section)) => drawn(&section.section(key)?).map(Some),
            (true, Some(section)) => {
                let message = format!("`{key}` is both stated and drawn");
                section.report(key, message, "keep what the report says, or the range");
                // Looked at all the same, so that what is wrong in it is named as well.
                let _ = section.section(key).and_then(|section| drawn(&section));
                None
            }
        }
    }
}

impl Unit {
    fn read(self, section: &Section<'_>, key: &str) -> Option<i64> {
        match self {
            Self::Pounds => {
                let amount = section.amount(key, "pounds in quotes, such as \"3200.00\"")?;
                let pence = amount.value().checked_mul(rust_decimal::Decimal::ONE_HUNDRED);
                let pence = pence.filter(rust_decimal::Decimal::is_integer);
                let pence = pence.and_then(|pence| i64::try_from(pence).ok());
                let pence = pence.filter(|pence| *pence <= PENCE_MAX);
                if pence.is_none() {
                    let advice = "write whole pence, at most 10,000,000 pounds";
                    section.report(key, format!("`{key}` is no amount of a story"), advice);
                }
                pence
            }
            Self::Minutes => section.parsed(
                key,
                "a length of time up to 100 days, such as \"1d 2h 5m\"",
                minutes,
            ),
            Self::Clock => section.parsed(key, "a time of day, such as \"14:05\"", clock),
            Self::Whole(from, to) => section.whole(key, from..=to),
        }
    }
}

/// Reads `1d 2h 5m`.
fn minutes(text: &str) -> Option<i64> {
    let mut sum = 0_i64;
    let mut units = "dhm".chars();
    for part in text.split(' ') {
        let unit = part.chars().last()?;
        // Each unit once and in falling order, so that one length has few spellings.
        units.find(|left| *left == unit)?;
        let number = part.strip_suffix(unit).filter(|digits| digits.len() <= 5)?;
        let number = number.bytes().all(|byte| byte.is_ascii_digit()).then_some(number)?;
        let number: i64 = number.parse().ok()?;
        let each = match unit {
            'd' => MINUTES_A_DAY,
            'h' => 60,
            _ => 1,
        };
        sum = sum.checked_add(number.checked_mul(each)?)?;
    }
    (sum <= MINUTES_MAX).then_some(sum)
}

/// Reads `14:05`.
fn clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = hours < 24 && minutes < 60;
    fits.then(|| hours.saturating_mul(60).saturating_add(minutes))
}

/// More than any person of a story has.
const PENCE_MAX: i64 = 1_000_000_000;
const MINUTES_A_DAY: i64 = 1_440;
/// A second call after a summer's silence, with room.
const MINUTES_MAX: i64 = 100 * MINUTES_A_DAY;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_section;

    #[test]
    fn a_length_of_time_is_read_in_falling_units() {
        for (text, want) in [
            ("5m", Some(5)),
            ("1d 2h 5m", Some(1565)),
            ("2h", Some(120)),
            ("0m", Some(0)),
            ("100d", Some(MINUTES_MAX)),
            ("100d 1m", None),
            ("5m 1h", None),
            ("5m 5m", None),
            ("5", None),
            ("-5m", None),
            ("", None),
            ("m", None),
        ] {
            assert_eq!(minutes(text), want, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_has_two_digits_each() {
        for (text, want) in [
            ("00:00", Some(0)),
            ("23:59", Some(1439)),
            ("24:00", None),
            ("09:60", None),
            ("9:05", None),
            ("0905", None),
        ] {
            assert_eq!(clock(text), want, "{text}");
        }
    }

    #[test]
    fn a_fact_is_stated_or_drawn() {
        let text = "amount = \"12.50\"\nplain = true\n\
                    [drawn]\nafter = { from = \"5m\", to = \"20m\", by = \"5m\" }\n\
                    often = { per_mille = 300 }\nkind = { a = 400, b = 600 }\n\
                    words = { one_of = [\"x\", \"y\"] }\n";
        let (read, problems) = read_section(text, |section| {
            let table = Table::of(section);
            let kinds = [("a", 1), ("b", 2)];
            (
                table.quantity("amount", Unit::Pounds),
                table.quantity("after", Unit::Minutes),
                table.flag("plain"),
                table.flag("often"),
                table.choice("kind", &kinds),
                table.words("words", 5),
            )
        });
        assert_eq!(problems, [""; 0]);
        assert_eq!(read.0, Some(Some(Quantity::Is(1250))));
        assert_eq!(read.1, Some(Some(Quantity::Between { from: 5, to: 20, by: 5 })));
        assert_eq!(read.2, Some(Some(Choice::Is(true))));
        assert_eq!(read.3, Some(Some(Choice::often(300))));
        assert_eq!(read.4, Some(Some(Choice::OneOf(vec![(1, "a", 400), (2, "b", 600)]))));
        assert_eq!(read.5, Some(Some(Words::of(&["x", "y"]))));
    }
}
