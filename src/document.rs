//! Document: a TOML file read strictly, with every problem at once.
//!
//! People fix a policy by its list of problems, so reading never stops at the first: each accessor
//! notes what is wrong, with file, line and advice, and answers `None`; the caller reads everything
//! it wants first and combines after. A [`Section`] remembers which keys were asked for and notes
//! the others as unknown when it goes out of use, so no key can be forgotten on either side.
//!
//! Decimals stand in quotes: a TOML float is a binary fraction, and 0.1 is not one.
//!
//! Never opens a file and never fills in a default.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::money::{Amount, Share};

mod nearest;

pub use nearest::{nearest, nearest_of_few, slip};

/// One thing that is wrong with a file, and what to do about it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem {
    /// Path of the file inside its folder, such as `warnings/en.toml`.
    pub file: Box<str>,
    /// Line it stands on, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// What is wrong, lower case and without a full stop.
    pub message: String,
    /// What to do, in the same form.
    pub advice: String,
}

/// Problems being collected while files are read.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

/// One parsed file.
#[derive(Debug)]
pub struct Document<'a> {
    origin: Origin<'a>,
    root: Spanned<DeTable<'a>>,
}

/// One table of a file.
///
/// Notes the keys nobody asked for when it is dropped.
#[derive(Debug)]
pub struct Section<'d> {
    origin: &'d Origin<'d>,
    table: &'d DeTable<'d>,
    /// Where the table begins, which is where a missing key is reported.
    at: usize,
    known: RefCell<Vec<Box<str>>>,
}

/// A text of a file and the line it stands on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Text<'d> {
    /// The text itself.
    pub text: &'d str,
    /// Line, from 1.
    pub line: u32,
}

/// What a place in a file is found by.
#[derive(Debug)]
struct Origin<'a> {
    file: &'a str,
    /// Byte at which each line but the first begins.
    lines: Vec<usize>,
    problems: &'a Problems,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, message, advice } = self;
        match line {
            0 => write!(f, "{file}: {message}: {advice}"),
            _ => write!(f, "{file}:{line}: {message}: {advice}"),
        }
    }
}

impl Problems {
    /// Notes a problem of `file`; `line` is 0 where the whole file is meant.
    pub fn report(
        &self,
        file: &str,
        line: u32,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let (message, advice) = (message.into(), advice.into());
        self.0.borrow_mut().push(Problem { file: file.into(), line, message, advice });
    }

    /// Tells whether nothing was wrong so far.
    pub fn none(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Returns what was noted, by file and line, each problem once. Of a line that is no TOML nothing
    /// else is told: it follows from that.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort();
        problems.dedup();
        let broken: BTreeSet<_> = problems
            .iter()
            .filter(|problem| problem.message.starts_with(NO_TOML))
            .map(|problem| (problem.file.clone(), problem.line))
            .collect();
        problems.retain(|problem| {
            problem.message.starts_with(NO_TOML)
                || !broken.contains(&(problem.file.clone(), problem.line))
        });
        problems
    }
}

impl<'a> Document<'a> {
    /// Parses `text`, noting whatever is no TOML and keeping the rest.
    pub fn parse(file: &'a str, text: &'a str, problems: &'a Problems) -> Self {
        let line_ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = line_ends.map(|(at, _)| at.saturating_add(1)).collect();
        let origin = Origin { file, lines, problems };

        let (root, errors) = DeTable::parse_recoverable(text);
        // One fault has several errors follow it on its line.
        let mut told = BTreeSet::new();
        let mut errors: Vec<_> =
            errors.iter().map(|error| (error.span().map_or(0, |span| span.start), error)).collect();
        errors.sort_by_key(|(at, _)| *at);
        for (at, error) in errors {
            if told.insert(origin.line(at)) {
                let message = format!("{NO_TOML}: {}", error.message().replace('\n', ", "));
                origin.report(at, message, NO_TOML_ADVICE);
            }
        }
        Self { origin, root }
    }

    /// Returns the outermost table.
    pub fn root(&self) -> Section<'_> {
        Section::new(&self.origin, self.root.get_ref(), 0)
    }
}

impl<'d> Section<'d> {
    fn new<'a: 'd>(origin: &'d Origin<'a>, table: &'d DeTable<'a>, at: usize) -> Self {
        Self { origin, table, at, known: RefCell::default() }
    }

    /// Returns the file it stands in.
    pub fn file(&self) -> &'d str {
        self.origin.file
    }

    /// Returns the line it begins on.
    pub fn line(&self) -> u32 {
        self.origin.line(self.at)
    }

    /// Returns the line of `key`, or that of the section where it is absent.
    pub fn line_of(&self, key: &str) -> u32 {
        self.table
            .get_key_value(key)
            .map_or_else(|| self.line(), |(key, _)| self.origin.line(key.span().start))
    }

    /// Notes a problem with the value of `key`.
    pub fn report(&self, key: &str, message: impl Into<String>, advice: impl Into<String>) {
        self.report_at(self.line_of(key), message, advice);
    }

    /// Notes a problem on `line`.
    pub fn report_at(&self, line: u32, message: impl Into<String>, advice: impl Into<String>) {
        self.origin.problems.report(self.origin.file, line, message, advice);
    }

    /// Tells whether `key` is there; it counts as asked for.
    pub fn has(&self, key: &str) -> bool {
        self.ask(key).is_some()
    }

    /// Returns the keys that are there, by name.
    pub fn keys(&self) -> Vec<Text<'d>> {
        let line = |at| self.origin.line(at);
        let keys = self.table.keys();
        keys.map(|key| Text { text: key.get_ref(), line: line(key.span().start) }).collect()
    }

    /// Reads `key` where it is there: `Some(None)` where it is not, `None` where it is wrong.
    pub fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Self, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.has(key) { read(self, key).map(Some) } else { Some(None) }
    }

    /// Reads a text that is not empty.
    pub fn text(&self, key: &str) -> Option<&'d str> {
        let text = self.required(key)?.get_ref().as_str();
        if text.is_none_or(|text| text.trim().is_empty()) {
            self.report(key, format!("`{key}` is no text"), "write some text in quotes");
            return None;
        }
        text
    }

    /// Reads a whole number inside `range`.
    pub fn whole<T>(&self, key: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + fmt::Display,
    {
        let value = self.required(key)?.get_ref().as_integer();
        let number =
            value.and_then(|value| i64::from_str_radix(value.as_str(), value.radix()).ok());
        let number = number.and_then(|number| T::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let advice = format!("write a whole number from {} to {}", range.start(), range.end());
            self.report(key, format!("`{key}` is no such number"), advice);
        }
        number
    }

    /// Reads `true` or `false`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        let flag = self.required(key)?.get_ref().as_bool();
        if flag.is_none() {
            self.report(key, format!("`{key}` is neither true nor false"), "write one, unquoted");
        }
        flag
    }

    /// Reads a text that `parse` makes something of; `expected` says what, as "a share up to 1,
    /// such as \"0.90\"".
    pub fn parsed<T>(
        &self,
        key: &str,
        expected: &str,
        parse: impl FnOnce(&'d str) -> Option<T>,
    ) -> Option<T> {
        let value = self.required(key)?.get_ref();
        let parsed = value.as_str().and_then(parse);
        if parsed.is_none() {
            let number = value.is_float() || value.is_integer();
            let advice = match value.as_str() {
                None if number => format!("put it in quotes: {expected}"),
                _ => format!("write {expected}"),
            };
            self.report(key, format!("`{key}` cannot be read"), advice);
        }
        parsed
    }

    /// Reads a decimal written in quotes.
    pub fn decimal(&self, key: &str) -> Option<Decimal> {
        self.parsed(key, "a decimal, such as \"0.90\"", |text| Decimal::from_str_exact(text).ok())
    }

    /// Reads an amount written in quotes; `expected` says which, as [`Self::parsed`] wants it.
    pub fn amount(&self, key: &str, expected: &str) -> Option<Amount> {
        let text = self.required(key)?.get_ref().as_str().unwrap_or("");
        let bare: String = text.chars().filter(|char| !DRESSING.contains(char)).collect();
        let dressed = bare != text && Amount::parse(&bare).is_ok();
        let expected =
            if dressed { "it without £ and commas, such as \"3200.00\"" } else { expected };
        self.parsed(key, expected, |text| Amount::parse(text).ok())
    }

    /// Reads a share, above 0 and up to 1.
    pub fn share(&self, key: &str) -> Option<Share> {
        let expected = "a share above 0 and up to 1, such as \"0.90\"";
        self.parsed(key, expected, |text| Share::new(text.parse().ok()?))
    }

    /// Reads one of the names in `choices`.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.required(key)?.get_ref().as_str();
        let Some(name) = text.filter(|text| !text.trim().is_empty()) else {
            let names: Vec<_> = choices.iter().map(|(known, _)| format!("\"{known}\"")).collect();
            let advice = match names.as_slice() {
                [] => "write some text in quotes".to_owned(),
                [name] => format!("write {name}, with its quotes"),
                names => format!("write one of {}, with its quotes", names.join(", ")),
            };
            self.report(key, format!("`{key}` is no text"), advice);
            return None;
        };
        let chosen = choices.iter().find(|(known, _)| *known == name);
        if chosen.is_none() {
            let names = choices.iter().map(|(known, _)| *known);
            self.report(key, format!("`{name}` is no {key}"), nearest_of_few(name, names));
        }
        chosen.map(|(_, value)| *value)
    }

    /// Reads a list of texts that are not empty.
    pub fn texts(&self, key: &str) -> Option<Vec<Text<'d>>> {
        let array = self.array(key)?;
        self.texts_of(key, array)
    }

    /// Reads a list of lists of texts.
    pub fn text_lists(&self, key: &str) -> Option<Vec<Vec<Text<'d>>>> {
        let array = self.array(key)?;
        let wanted = "a list of lists, such as [[\"payee\"], [\"voice\", \"control\"]]";
        let lists = array.iter().map(|item| match item.get_ref().as_array() {
            Some(inner) => self.texts_of(key, inner),
            None => self.wrong_item(key, item, wanted),
        });
        all(lists)
    }

    /// Reads a table.
    pub fn section(&self, key: &str) -> Option<Self> {
        let value = self.required(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            let advice = format!("write its keys below a line [{key}]");
            self.report(key, format!("`{key}` is no section"), advice);
        }
        Some(Self::new(self.origin, table?, value.span().start))
    }

    /// Reads a list of tables.
    pub fn sections(&self, key: &str) -> Option<Vec<Self>> {
        let array = self.array(key)?;
        let sections = array.iter().map(|item| match item.get_ref().as_table() {
            Some(table) => Some(Self::new(self.origin, table, item.span().start)),
            None => self.wrong_item(key, item, "sections headed by double brackets"),
        });
        all(sections)
    }

    fn array(&self, key: &str) -> Option<&'d DeArray<'d>> {
        let array = self.required(key)?.get_ref().as_array();
        if array.is_none() {
            self.report(key, format!("`{key}` is no list"), "write a list in brackets");
        }
        array
    }

    fn texts_of(&self, key: &str, array: &'d DeArray<'d>) -> Option<Vec<Text<'d>>> {
        let texts = array.iter().map(|item| {
            let text = item.get_ref().as_str().filter(|text| !text.trim().is_empty());
            match text {
                Some(text) => Some(Text { text, line: self.origin.line(item.span().start) }),
                None => self.wrong_item(key, item, "texts in quotes only"),
            }
        });
        all(texts)
    }

    fn wrong_item<T>(&self, key: &str, item: &Spanned<DeValue<'_>>, wanted: &str) -> Option<T> {
        let line = self.origin.line(item.span().start);
        self.report_at(line, format!("`{key}` holds something else"), format!("write {wanted}"));
        None
    }

    fn required(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        let value = self.ask(key);
        if value.is_none() {
            self.report(key, format!("`{key}` is missing"), format!("add `{key} = …`"));
        }
        value
    }

    fn ask(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        let mut known = self.known.borrow_mut();
        if !known.iter().any(|known| **known == *key) {
            known.push(key.into());
        }
        self.table.get(key)
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let known = self.known.borrow();
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if !known.iter().any(|known| **known == *name) {
                let line = self.origin.line(key.span().start);
                let advice = nearest(name, known.iter().map(AsRef::as_ref));
                self.report_at(line, format!("`{name}` is unknown here"), advice);
            }
        }
    }
}

impl Origin<'_> {
    fn line(&self, at: usize) -> u32 {
        let before = self.lines.partition_point(|begin| *begin <= at);
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn report(&self, at: usize, message: String, advice: &str) {
        self.problems.report(self.file, self.line(at), message, advice);
    }
}

const NO_TOML: &str = "this is no TOML";
const NO_TOML_ADVICE: &str = "most often a quote, a comma or a bracket is missing here or just before; \
                              https://toml.io says how values are written";

/// What people write around the digits of an amount.
const DRESSING: [char; 3] = ['£', ',', ' '];

/// Returns all items, or `None` where one is; runs through the rest either way, so that each notes
/// its problems.
pub fn all<T>(items: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let mut found = Some(Vec::new());
    for item in items {
        match (item, &mut found) {
            (Some(item), Some(found)) => found.push(item),
            (Some(_), None) => {}
            (None, _) => found = None,
        }
    }
    found
}

#[cfg(test)]
mod tests;
