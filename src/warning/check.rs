//! Check: whether words are fit to be shown.
//!
//! A policy that is stored must be read for ever, whatever we learn about wording, so none of this
//! keeps one from loading: it keeps one from being put to use. Everything that is wrong is told at
//! once, with its line.
//!
//! What a list of words can find is found here: words that blame or claim how likely something is,
//! numbers that are nobody's, sentences too long to be read. That a warning is true and kind is for
//! the people who approve it.

use std::collections::BTreeSet;

use minijinja::Value;

use crate::document::Problems;
use crate::money::{Amount, Currency, Money};
use crate::warning::locale::Tag;
use crate::warning::plain::{hardness, sentences_of};
use crate::warning::script::{Script, Warnings, of};
use crate::warning::template::{Text, said, values};
use crate::warning::{Bank, Blanks, Step};

/// A warning that a typology chooses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chosen<'a> {
    /// The warning's id.
    pub id: &'a str,
    /// Whether the policy states that the typology was measured to be right more often than not.
    pub likely: bool,
}

/// Notes everything that makes words unfit to be shown. `chosen` names what the typologies choose.
pub fn check(warnings: &Warnings, chosen: &[Chosen<'_>], problems: &Problems) {
    for locale in warnings.locales().into_iter().filter(|_| !warnings.stated) {
        let language = Tag::of(locale).language;
        for form in FORMS.iter().filter(|_| locale == language) {
            let wanted = format!("{language}-x-{form}");
            if !warnings.locales().contains(&&*wanted) {
                let file = format!("warnings/{language}.toml");
                let advice =
                    format!("add warnings/{wanted}.toml, or state what there is in `locales`");
                problems.report(&file, 0, format!("there are no words in `{wanted}`"), advice);
            }
        }
    }
    for (id, steps) in &warnings.scripts {
        let chosen: Vec<_> = chosen.iter().filter(|chosen| chosen.id == &**id).collect();
        let all = Step::ALL.map(|step| (step, of(steps, step)));
        let first = all.iter().find_map(|(_, locales)| {
            locales.get(&warnings.locale).or_else(|| locales.values().next())
        });
        let Some(first) = first else { continue };
        let note = |message: String, advice: &str| {
            problems.report(&first.file, first.line, message, advice);
        };
        if chosen.is_empty() {
            let advice = "name it as the `warning` of a typology, or remove it";
            note(format!("`{id}` is chosen by no typology"), advice);
        }
        let missing = all.iter().filter(|(_, locales)| locales.is_empty());
        for (step, _) in missing.filter(|(step, _)| !warnings.is_faulty(id, *step)) {
            let advice = format!("add [warning.{}] to it, in every language", step.name());
            note(format!("`{id}` has no words to {}", step.name()), &advice);
        }
        let likely = !chosen.is_empty() && chosen.iter().all(|chosen| chosen.likely);
        for (step, locales) in all {
            for (locale, script) in locales {
                Reader { warnings, id, step, locale, script, likely, problems }.read();
            }
        }
    }
}

/// One script being read, as its payer would.
struct Reader<'a> {
    warnings: &'a Warnings,
    id: &'a str,
    step: Step,
    locale: &'a str,
    script: &'a Script,
    likely: bool,
    problems: &'a Problems,
}

impl Reader<'_> {
    fn read(&self) {
        let Tag { language, form, .. } = Tag::of(self.locale);
        let longest = self.values(true);
        let unknown = self.values(false);
        for text in self.texts() {
            self.words(text, language, form);
            self.numbers(text, &unknown);
            if form == LARGE {
                self.sentences(text, &longest);
            }
        }
        self.wordings();
        self.reach(&longest);
        if form == PHONE {
            self.length(&longest);
        }
        let filled: Vec<_> = self.texts().map(|text| self.fill(text, &longest)).collect();
        let hardness = hardness(language, filled.iter().map(AsRef::as_ref));
        if let Some(hard) = hardness.filter(|hard| hard.tenths_max < hard.tenths) {
            let message = format!(
                "{} is too hard to read: {} {}",
                self.whole(),
                hard.measure,
                tenths(hard.tenths)
            );
            let most = tenths(hard.tenths_max);
            self.note(message, &format!("write shorter sentences and words: {most} at most"));
        }
    }

    /// Returns what blanks are filled with: as long as it comes, or as little as is known.
    fn values(&self, longest: bool) -> Value {
        let language = Tag::of(self.locale).language;
        let amount =
            if longest { Amount::parse(AMOUNT).unwrap_or(Amount::ZERO) } else { Amount::ZERO };
        let deadline = if language == "cy" { DEADLINE_WELSH } else { DEADLINE };
        let blanks = Blanks {
            money: Money { amount, currency: Currency::GBP },
            deadline: longest.then_some(deadline),
        };
        let bank = Bank { on_159: longest, ..self.warnings.bank.clone() };
        values(&bank, language, &blanks)
    }

    fn fill(&self, text: &Text, values: &Value) -> Box<str> {
        self.warnings.templates.fill(text, values)
    }

    /// Returns every text there is, in the order of reading.
    fn texts(&self) -> impl Iterator<Item = &Text> {
        let Script { title, paragraphs, safe_action, questions, .. } = self.script;
        let questions = questions.iter().flat_map(|asked| {
            asked.wordings.iter().chain(asked.options.iter().map(|option| &option.text))
        });
        [title].into_iter().chain(paragraphs).chain(questions).chain([safe_action])
    }

    /// Notes words that must not be said.
    fn words(&self, text: &Text, language: &str, form: &str) {
        let said = said(&text.source);
        if said.contains("://") || said.contains("www.") {
            let advice = "say where to look without a link: links are what scams are made of";
            self.note_at(text, "this has a link".to_owned(), advice);
        }
        let words = spaced(&said);
        for (of, form_only, phrases, advice) in UNFIT {
            let unless = *of == LIKELY && self.likely;
            if unless || form_only.is_some_and(|only| only != form) {
                continue;
            }
            let found = phrases
                .iter()
                .find(|(of, phrase)| *of == language && words.contains(&format!(" {phrase} ")));
            if let Some((_, phrase)) = found {
                self.note_at(text, format!("`{phrase}` {of}"), advice);
            }
        }
    }

    /// Notes telephone numbers that are neither the bank's nor everybody's.
    fn numbers(&self, text: &Text, unknown: &Value) {
        for number in numbers(&said(&text.source)).difference(&known_numbers()) {
            let advice = "use {{ bank_phone }}, or one of 159, 101, 999 and 0300 123 2040";
            self.note_at(text, format!("{number} is no number we know"), advice);
        }
        if !text.unsound() && numbers(&self.fill(text, unknown)).contains(ON_159) {
            let advice = "write {% if bank_on_159 %} … {% endif %} around it";
            self.note_at(
                text,
                "159 is said even where it does not reach the bank".to_owned(),
                advice,
            );
        }
    }

    /// Notes sentences that run over more lines than are taken in at once.
    fn sentences(&self, text: &Text, longest: &Value) {
        let filled = self.fill(text, longest);
        let most = sentences_of(&filled).iter().map(Vec::len).max().unwrap_or(0);
        if LARGE_SENTENCE_WORDS_MAX < most {
            let message = format!("a sentence in large print has {most} words");
            self.note_at(text, message, &format!("keep each to {LARGE_SENTENCE_WORDS_MAX}"));
        }
    }

    /// Notes what is longer than people listen.
    fn length(&self, longest: &Value) {
        let count = |text: &Text| self.fill(text, longest).split_whitespace().count();
        let Script { title, paragraphs, safe_action, questions, .. } = self.script;
        let asked = questions.iter().flat_map(|asked| {
            let longest = asked.wordings.iter().map(count).max();
            longest.into_iter().chain(asked.options.iter().map(|option| count(&option.text)))
        });
        let words: usize =
            [title, safe_action].into_iter().chain(paragraphs).map(count).chain(asked).sum();
        if PHONE_WORDS_MAX < words {
            let message = format!("{} takes {words} words to read out", self.whole());
            self.note(message, &format!("keep it to {PHONE_WORDS_MAX}, questions included"));
        }
    }

    /// Notes questions that are always worded the same: whoever coaches payers learns them.
    fn wordings(&self) {
        for asked in self.script.questions.iter().filter(|asked| asked.wordings.len() < 2) {
            let Some(text) = asked.wordings.first() else { continue };
            let message = format!("`{}` is worded in one way only", asked.id);
            self.note_at(text, message, "word it in two ways at least, in every language");
        }
    }

    /// Notes a hold that does not say how to reach the bank, or until when it lasts. What a text that
    /// cannot be filled in would have said is not known.
    fn reach(&self, longest: &Value) {
        if self.step != Step::Hold || self.script.paragraphs.iter().any(Text::unsound) {
            return;
        }
        let language = Tag::of(self.locale).language;
        let (_, phone) = self.warnings.bank.named(language);
        let deadline = if language == "cy" { DEADLINE_WELSH } else { DEADLINE };
        for (part, advice) in [
            (phone, "say how to reach the bank: {{ bank_phone }}"),
            (deadline, "say until when: {% if deadline %} … {{ deadline }} … {% endif %}"),
        ] {
            if !self.texts().any(|text| self.fill(text, longest).contains(part)) {
                self.note(
                    format!("{} leaves the payer without what comes next", self.whole()),
                    advice,
                );
            }
        }
    }

    fn whole(&self) -> String {
        format!("`{}` to {} in `{}`", self.id, self.step.name(), self.locale)
    }

    fn note(&self, message: String, advice: &str) {
        self.problems.report(&self.script.file, self.script.line, message, advice);
    }

    fn note_at(&self, text: &Text, message: String, advice: &str) {
        self.problems.report(&self.script.file, text.line, message, advice);
    }
}

/// Returns words in lower case with a space before and after each.
fn spaced(text: &str) -> String {
    let mut spaced = String::from(" ");
    for word in text.split(|part: char| !part.is_alphanumeric()).filter(|word| !word.is_empty()) {
        spaced.push_str(&word.to_lowercase());
        spaced.push(' ');
    }
    spaced
}

/// Returns what could be dialled, as digits: three of them, or five and more in groups or not.
fn numbers(text: &str) -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    let mut number = String::new();
    for token in text.split_whitespace().chain([""]) {
        let digits = token.trim_matches(|part: char| !part.is_alphanumeric() && part != '£');
        let group =
            !digits.is_empty() && digits.chars().all(|part| part.is_ascii_digit() || part == '-');
        if group {
            number.extend(digits.chars().filter(char::is_ascii_digit));
        }
        if !group || !token.ends_with(|part: char| part.is_ascii_digit()) {
            let dialled = number.len() == 3 || 5 <= number.len();
            let number = std::mem::take(&mut number);
            numbers.extend(dialled.then_some(number));
        }
    }
    numbers
}

fn known_numbers() -> BTreeSet<String> {
    KNOWN_NUMBERS.into_iter().map(str::to_owned).collect()
}

/// Writes tenths as a decimal.
fn tenths(tenths: i64) -> String {
    let whole = tenths.checked_div(10).unwrap_or(0);
    format!("{whole}.{}", tenths.checked_rem(10).unwrap_or(0).abs())
}

/// The forms that words are given in besides the plain one.
const FORMS: [&str; 2] = [LARGE, PHONE];
const LARGE: &str = "large";
const PHONE: &str = "phone";

/// 159, which reaches most banks and not all; the police, in danger or not; Report Fraud, which
/// kept the number of Action Fraud.
const KNOWN_NUMBERS: [&str; 4] = [ON_159, "101", "999", "03001232040"];
const ON_159: &str = "159";

/// What it is about, the form it is unfit in where not all, phrases with their language, advice.
type Unfit =
    (&'static str, Option<&'static str>, &'static [(&'static str, &'static str)], &'static str);

/// Words that must not be said, lower case and without punctuation.
const UNFIT: &[Unfit] = &[
    (
        LIKELY,
        None,
        &[
            ("en", "likely"),
            ("en", "probably"),
            ("en", "chances are"),
            ("cy", "tebygol"),
            ("cy", "debygol"),
            ("cy", "thebygol"),
            ("cy", "nhebygol"),
            ("cy", "mae n debyg"),
        ],
        "say that it has the signs of a scam, or state the measured precision of the typology",
    ),
    (
        "claims to be certain",
        None,
        &[
            ("en", "certainly"),
            ("en", "definitely"),
            ("en", "without doubt"),
            ("cy", "yn bendant"),
            ("cy", "yn sicr"),
            ("cy", "heb os"),
        ],
        "say that it has the signs of a scam: honest payments are stopped as well",
    ),
    (
        "blames the payer",
        None,
        &[
            ("en", "your fault"),
            ("en", "your mistake"),
            ("en", "you should have"),
            ("en", "you should not have"),
            ("en", "you failed"),
            ("en", "you ignored"),
            ("en", "you were warned"),
            ("en", "we warned you"),
            ("en", "you fell"),
            ("en", "fallen for"),
            ("en", "at your own risk"),
            ("en", "careless"),
            ("en", "negligent"),
            ("en", "foolish"),
            ("en", "stupid"),
            ("en", "naive"),
            ("en", "gullible"),
            ("en", "lying"),
            ("en", "you lied"),
            ("en", "honest with us"),
            ("cy", "eich bai"),
            ("cy", "eich camgymeriad"),
            ("cy", "dylech fod wedi"),
            ("cy", "ddylech fod wedi"),
            ("cy", "cawsoch eich rhybuddio"),
            ("cy", "ar eich menter"),
            ("cy", "diofal"),
            ("cy", "esgeulus"),
            ("cy", "ffôl"),
            ("cy", "twp"),
            ("cy", "hygoelus"),
            ("cy", "celwydd"),
            ("cy", "onest gyda ni"),
        ],
        "say what criminals do, never what the payer did",
    ),
    (
        "names an office that is no more",
        None,
        // Only as what was replaced: people look for the name they know.
        &[("en", "to action fraud"), ("en", "call action fraud"), ("cy", "i action fraud")],
        "say Report Fraud, which has replaced it",
    ),
    (
        "tells what the bank knows of the payee",
        None,
        &[
            ("en", "under investigation"),
            ("en", "suspicious activity report"),
            ("en", "mule"),
            ("en", "score"),
            ("en", "threshold"),
            ("cy", "destun ymchwiliad"),
            ("cy", "sgôr"),
            ("cy", "trothwy"),
        ],
        "say what the payer can check: naming it may tip somebody off",
    ),
    (
        "cannot be done on the telephone",
        Some(PHONE),
        &[
            ("en", "press"),
            ("en", "tap"),
            ("en", "click"),
            ("en", "button"),
            ("en", "below"),
            ("en", "screen below"),
            ("cy", "pwyswch"),
            ("cy", "cliciwch"),
            ("cy", "tapiwch"),
            ("cy", "botwm"),
            ("cy", "isod"),
        ],
        "ask for a yes or a no",
    ),
];
const LIKELY: &str = "claims how likely it is, which is not measured";

/// A telephone's line holds five or six words of large print: fifteen are three lines, which is what
/// is still seen at once.
const LARGE_SENTENCE_WORDS_MAX: usize = 15;
/// A minute at the pace of somebody who reads to be understood; after that people stop listening.
const PHONE_WORDS_MAX: usize = 150;

/// As long as what is filled in comes.
const AMOUNT: &str = "12345.67";
const DEADLINE: &str = "5pm on Tuesday 24 November";
const DEADLINE_WELSH: &str = "5pm ddydd Mawrth 24 Tachwedd";

#[cfg(test)]
mod tests;
