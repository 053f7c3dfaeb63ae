//! Template: one text of a script, plain or with blanks.
//!
//! Blanks are filled by a template library in its strictest form: no filter, no function, no
//! statement but `if` and no name but the few below. Every text is filled in once with every kind of
//! value while the policy is checked, and on a budget, so that filling it in for a payer cannot fail
//! and cannot take long.

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};

use crate::document::{Section, nearest};
use crate::money::{Amount, Currency, Money};
use crate::warning::{Bank, Blanks};

/// One text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Text {
    /// Its line in its file.
    pub(super) line: u32,
    /// As it was written; the name of its template as well.
    pub(super) source: Box<str>,
    filled: bool,
}

/// The templates of a policy. Texts that are the same share one.
#[derive(Debug)]
pub(super) struct Templates(Environment<'static>);

/// What a text is checked against while it is read.
#[derive(Clone, Copy)]
pub(super) struct Place<'a, 'd> {
    /// Where it stands.
    pub(super) section: &'a Section<'d>,
    /// Its line.
    pub(super) line: u32,
    /// What it is called in problems.
    pub(super) key: &'a str,
    /// Most characters of its source.
    pub(super) chars_max: usize,
}

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_fuel(Some(FUEL));
        Self(environment)
    }
}

impl Text {
    /// Tells whether it stays as it was written although it was to be filled in.
    pub(super) fn unsound(&self) -> bool {
        !self.filled && self.source.contains(['{', '}'])
    }
}

impl Templates {
    /// Compiles `source`, noting every problem. What has one stays as it was written, so that the
    /// rest of its script is looked at as well; no policy ever holds it.
    pub(super) fn compile(&mut self, place: Place<'_, '_>, source: &str) -> Text {
        let Place { section, line, key, chars_max } = place;
        let mut sound = true;
        let mut report = |message: String, advice: String| {
            section.report_at(line, message, advice);
            sound = false;
        };
        if chars_max < source.chars().count() {
            let message = format!("`{key}` is longer than people read");
            report(message, format!("keep it to {chars_max} characters"));
        }
        let filled = source.contains(['{', '}']);
        if filled && !self.knows(source) {
            for (message, advice) in self.add(source) {
                report(message.replace("{key}", key), advice);
            }
        }
        Text { line, source: source.into(), filled: filled && sound }
    }

    /// Returns `text` with its blanks filled in.
    pub(super) fn fill(&self, text: &Text, values: &Value) -> Box<str> {
        if !text.filled {
            return text.source.clone();
        }
        // INVARIANT: the template was filled in with every kind of value when it was compiled.
        let filled = self.0.get_template(&text.source).and_then(|found| found.render(values));
        filled.unwrap_or_default().into()
    }

    /// Tells whether a text was found sound before.
    fn knows(&self, source: &str) -> bool {
        self.0.get_template(source).is_ok()
    }

    /// Adds a template that is without problems, or returns its problems as message and advice;
    /// `{key}` stands for what the text is called.
    fn add(&mut self, source: &str) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if let Some(word) = statements(source).find(|word| !STATEMENTS.contains(word)) {
            let advice = "write {% if … %}, {% else %} and {% endif %} only".to_owned();
            return vec![(format!("`{{key}}` has a statement `{word}`"), advice)];
        }
        if let Err(error) = self.0.add_template_owned(source.to_owned(), source.to_owned()) {
            let advice = "write blanks as {{ amount }}".to_owned();
            return vec![(format!("`{{key}}` is no template: {}", error.kind()), advice)];
        }
        let Ok(template) = self.0.get_template(source) else { return problems };
        let mut unknown: Vec<_> = template.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| !BLANKS.contains(&&**name));
        unknown.sort();
        for name in &unknown {
            let advice = nearest(name, BLANKS.iter().copied());
            problems.push((format!("`{{{{ {name} }}}}` cannot be filled in"), advice));
        }
        if unknown.is_empty() {
            let error = samples().find_map(|sample| template.render(sample).err());
            problems.extend(error.map(|error| match error.kind() {
                ErrorKind::OutOfFuel => (
                    "`{key}` takes too long to fill in".to_owned(),
                    "say it in fewer and plainer blanks".to_owned(),
                ),
                _ => (
                    "`{key}` cannot be filled in every time".to_owned(),
                    "write {% if deadline %} … {% endif %} around deadlines".to_owned(),
                ),
            }));
        }
        if !problems.is_empty() {
            self.0.remove_template(source);
        }
        problems
    }
}

/// Returns what blanks are filled with, in `language`.
pub(super) fn values(bank: &Bank, language: &str, blanks: &Blanks<'_>) -> Value {
    let (name, phone) = bank.named(language);
    context! {
        amount => blanks.money.to_string(),
        deadline => blanks.deadline.map_or(Value::UNDEFINED, Value::from),
        bank_name => name,
        bank_phone => phone,
        bank_on_159 => bank.on_159,
    }
}

/// Returns what stands outside of blanks and statements: what every payer reads.
pub(super) fn said(source: &str) -> String {
    let mut said = String::new();
    for part in source.split("{{").flat_map(|part| part.split("{%")) {
        let after = part.split_once("}}").or_else(|| part.split_once("%}"));
        said.push_str(after.map_or(part, |(_, after)| after));
        said.push('\u{fffc}');
    }
    said.pop();
    said
}

/// Returns the first word of every statement. The library knows a statement by these two
/// characters wherever they stand, so none can hide.
fn statements(source: &str) -> impl Iterator<Item = &str> {
    source.split("{%").skip(1).map(|statement| {
        let statement = statement.trim_start_matches(['-', '+']).trim_start();
        let word = statement.split(|part: char| !part.is_alphanumeric() && part != '_').next();
        word.unwrap_or(statement)
    })
}

/// Returns one of every kind of value.
fn samples() -> impl Iterator<Item = Value> {
    let money = Money { amount: Amount::ZERO, currency: Currency::GBP };
    let bank = |on_159| Bank { on_159, ..Bank::of("Bank", "0") };
    [None, Some("noon")].into_iter().flat_map(move |deadline| {
        [false, true].map(|on_159| values(&bank(on_159), "", &Blanks { money, deadline }))
    })
}

/// Everything that may be filled in.
const BLANKS: [&str; 5] = ["amount", "deadline", "bank_name", "bank_phone", "bank_on_159"];

/// Every statement there may be. A loop says nothing to a payer, and never has to end.
const STATEMENTS: [&str; 4] = ["if", "elif", "else", "endif"];

/// Steps of the library for one text: several for each of the words that fit into one, and a
/// hundred times fewer than would be felt.
const FUEL: u64 = 2_000;
