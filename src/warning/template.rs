//! Template: one text of a script, plain or with blanks.
//!
//! Blanks are filled by a template library in its strictest form: no filter, no function and no
//! name but the few below, and every text is filled in once while the policy is checked, so that
//! filling it in for a payer cannot fail.

use minijinja::{Environment, UndefinedBehavior, Value, context};

use crate::document::{Section, nearest};
use crate::money::{Amount, Currency, Money};
use crate::warning::{Bank, Blanks};

/// One text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Text {
    /// Without blanks.
    Plain(Box<str>),
    /// With blanks; the name of its template.
    Filled(Box<str>),
}

/// The templates of a policy.
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
        Self(environment)
    }
}

impl Templates {
    /// Compiles `source`, noting every problem.
    pub(super) fn compile(&mut self, place: Place<'_, '_>, source: &str) -> Option<Text> {
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
        if let Some(word) = PROBABILITY.iter().find(|word| says(source, word)) {
            let advice = "say that it has the signs of a scam: how often is not measured yet";
            report(format!("`{key}` says `{word}`"), advice.to_owned());
        }
        if !source.contains(['{', '}']) {
            return sound.then(|| Text::Plain(source.into()));
        }

        let name = format!("{}:{line}:{key}:{}", section.file(), self.0.templates().count());
        if let Err(error) = self.0.add_template_owned(name.clone(), source.to_owned()) {
            let message = format!("`{key}` is no template: {}", error.kind());
            report(message, "write blanks as {{ amount }}".to_owned());
            return None;
        }
        let template = self.0.get_template(&name).ok()?;
        let mut unknown: Vec<_> = template.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| !BLANKS.contains(&&**name));
        unknown.sort();
        for name in &unknown {
            let advice = nearest(name, BLANKS.iter().copied());
            report(format!("`{{{{ {name} }}}}` cannot be filled in"), advice);
        }
        if unknown.is_empty() && samples().any(|sample| template.render(sample).is_err()) {
            let message = format!("`{key}` cannot be filled in every time");
            report(message, "write {% if deadline %} … {% endif %} around deadlines".to_owned());
        }
        sound.then(|| Text::Filled(name.into()))
    }

    /// Returns `text` with its blanks filled in.
    pub(super) fn fill(&self, text: &Text, values: &Value) -> Box<str> {
        match text {
            Text::Plain(text) => text.clone(),
            // INVARIANT: the template was filled in with every kind of value when it was compiled.
            Text::Filled(name) => self
                .0
                .get_template(name)
                .and_then(|template| template.render(values))
                .unwrap_or_default()
                .into(),
        }
    }
}

/// Returns what blanks are filled with.
pub(super) fn values(bank: &Bank, blanks: &Blanks<'_>) -> Value {
    context! {
        amount => blanks.money.to_string(),
        deadline => blanks.deadline.map_or(Value::UNDEFINED, Value::from),
        bank_name => &*bank.name,
        bank_phone => &*bank.phone,
        bank_on_159 => bank.on_159,
    }
}

/// Returns one of every kind of value.
fn samples() -> impl Iterator<Item = Value> {
    let money = Money { amount: Amount::ZERO, currency: Currency::GBP };
    let bank = |on_159| Bank { name: "Bank".into(), phone: "0".into(), on_159 };
    [None, Some("noon")].into_iter().flat_map(move |deadline| {
        [false, true].map(|on_159| values(&bank(on_159), &Blanks { money, deadline }))
    })
}

/// Tells whether `text` has `word` as a word of its own.
fn says(text: &str, word: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric())
        .any(|said| said.eq_ignore_ascii_case(word))
}

/// Everything that may be filled in.
const BLANKS: [&str; 5] = ["amount", "deadline", "bank_name", "bank_phone", "bank_on_159"];

/// Words that claim a probability. Refused until it is measured that a typology is right more often
/// than not.
const PROBABILITY: [&str; 4] = ["likely", "probably", "certainly", "definitely"];
