//! Read: from files to a policy, or to everything that is wrong with them.

use rust_decimal::Decimal;

use crate::document::{Document, Problem, Problems, Section, Text, all, nearest};
use crate::money::Currency;
use crate::policy::check::{self, Whole};
use crate::policy::typology::{self, Story};
use crate::policy::{CannotAsk, Files, Policy, Signals, Typology, WATCHES_MAX, Watch};
use crate::signal::{self, Facts, Family, Look, Reading};
use crate::text::{Draft as Phrases, Lexicon, Listed, PhraseError};
use crate::warning::{Bank, Draft as Scripts, Elsewhere, Warnings};

/// Reads every file, and a policy out of them where none has a problem.
pub(super) fn read(files: Files) -> Result<Policy, Vec<Problem>> {
    let problems = Problems::default();
    let draft = read_files(&files, None, &problems);
    match draft {
        Some(draft) if problems.none() => Ok(draft.complete(files)),
        _ => Err(problems.into_sorted()),
    }
}

/// Reads every file as [`read`] does, and checks what could be read of them as well. Returns a
/// policy wherever [`read`] would.
pub(super) fn admit(files: Files, problems: &Problems) -> Option<Policy> {
    let (unread, unfit) = (Problems::default(), Problems::default());
    let draft = read_files(&files, Some(&unfit), &unread);
    let policy = draft.filter(|_| unread.none()).map(|draft| draft.complete(files));
    for found in [unread, unfit] {
        for Problem { file, line, message, advice } in found.into_sorted() {
            problems.report(&file, line, message, advice);
        }
    }
    policy
}

/// A policy that may have problems.
struct Draft {
    currency: Currency,
    rates: Vec<(Currency, Decimal)>,
    lexicon: Lexicon,
    warnings: Warnings,
    watches: Vec<Watch>,
    typologies: Vec<Typology>,
    cannot_ask: CannotAsk,
    distrusted: Signals,
}

impl Draft {
    fn complete(self, files: Files) -> Policy {
        Policy {
            digest: files.digest(),
            cancelling: cancelling(&self.watches),
            files,
            currency: self.currency,
            rates: self.rates,
            lexicon: self.lexicon,
            warnings: self.warnings,
            watches: self.watches,
            typologies: self.typologies,
            cannot_ask: self.cannot_ask,
            distrusted: self.distrusted,
        }
    }
}

/// Returns the signals that cancel others, and which.
fn cancelling(watches: &[Watch]) -> Vec<(usize, Signals)> {
    let of_group = |group: &str| {
        let watches = watches.iter().enumerate();
        Signals::at(watches.filter(|(_, watch)| watch.kind.group == group).map(|(at, _)| at))
    };
    let cancels = |(at, watch): (usize, &Watch)| Some((at, of_group(watch.kind.cancels()?)));
    watches.iter().enumerate().filter_map(cancels).collect()
}

/// Returns the words that can be read, said by whatever is known of the bank.
pub(super) fn words(files: &Files) -> Warnings {
    let unheard = Problems::default();
    let mut scripts = Scripts::default();
    let mut locales = Vec::new();
    for (path, contents) in files.iter() {
        let Some(locale) = locale_of(path) else { continue };
        let Some(text) = source(path, contents, &unheard) else { continue };
        scripts.read(locale, &Document::parse(path, text, &unheard).root());
        locales.push(locale);
    }
    let policy = files.contents("policy.toml").unwrap_or(&[]);
    let policy = std::str::from_utf8(policy).unwrap_or("");
    let document = Document::parse("policy.toml", policy, &unheard);
    let root = document.root();
    let bank = root.section("bank").and_then(|section| read_bank(&section, &locales));
    let bank = bank.unwrap_or_else(|| Bank::of("your bank", "the number on your card"));
    let locale = root.text("locale").filter(|locale| locales.contains(locale));
    let locale = locale.or_else(|| locales.first().copied()).unwrap_or("");
    scripts.finish(bank, locale, &unheard)
}

/// Reads every file. Checks them as well where `unfit` takes what the checks find.
fn read_files(files: &Files, unfit: Option<&Problems>, problems: &Problems) -> Option<Draft> {
    let mut policy = None;
    let mut lexicon = None;
    let mut cases = false;
    let mut scripts = Scripts::default();
    let mut locales = Vec::new();
    for (path, contents) in files.iter() {
        let locale = locale_of(path);
        let Some(text) = source(path, contents, problems) else { continue };
        match (path, locale) {
            ("policy.toml", _) => policy = Some(text),
            ("cases.toml", _) => cases = true,
            ("lexicon.toml", _) => lexicon = read_lexicon(path, text, problems),
            (_, Some(locale)) => {
                scripts.read(locale, &Document::parse(path, text, problems).root());
                locales.push(locale);
            }
            _ => {
                let known = ["policy.toml", "lexicon.toml", "cases.toml", "warnings/en.toml"];
                let advice = nearest(path, known.into_iter());
                problems.report(path, 0, "no policy has such a file", advice);
            }
        }
    }
    for (path, there) in [
        ("policy.toml", files.contents("policy.toml").is_some()),
        ("lexicon.toml", files.contents("lexicon.toml").is_some()),
        ("cases.toml", cases || files.contents("cases.toml").is_some()),
        ("warnings/en.toml", !locales.is_empty()),
    ] {
        if !there {
            let advice = "add it: deploy/policy/standard/ has one to begin from";
            problems.report(path, 0, "the file is missing", advice);
        }
    }
    let document = Document::parse("policy.toml", policy?, problems);
    read_policy(&document.root(), scripts, &locales, lexicon, Reader { files, unfit, problems })
}

/// What a policy is read from, and who is told of what is wrong with it.
#[derive(Clone, Copy)]
struct Reader<'r> {
    files: &'r Files,
    unfit: Option<&'r Problems>,
    problems: &'r Problems,
}

/// Returns a file as text, noting where it is too large or none.
fn source<'f>(path: &str, contents: &'f [u8], problems: &Problems) -> Option<&'f str> {
    if FILE_BYTES_MAX < contents.len() {
        let advice = format!("keep it to {FILE_BYTES_MAX} bytes");
        problems.report(path, 0, "the file is too large", advice);
        return None;
    }
    let text = std::str::from_utf8(contents).ok();
    if text.is_none() {
        problems.report(path, 0, "the file is no text", "save it as UTF-8");
    }
    text
}

fn read_policy(
    root: &Section<'_>,
    mut scripts: Scripts,
    locales: &[&str],
    lexicon: Option<Lexicon>,
    reader: Reader<'_>,
) -> Option<Draft> {
    root.whole("schema", 1..=1_i64);
    let expected = "three letters of ISO 4217, such as \"GBP\"";
    let currency = root.parsed("currency", expected, Currency::from_code);
    let rates = root.optional("rates", |root, key| read_rates(&root.section(key)?));
    let choices: Vec<_> = locales.iter().map(|locale| (*locale, *locale)).collect();
    let locale = root.choice("locale", &choices);
    if read_required(root, locales) {
        scripts.state();
    }
    let bank = root.section("bank").and_then(|section| read_bank(&section, locales));

    let known = bank.clone().unwrap_or_else(|| Bank::of("", ""));
    let warnings = scripts.finish(known, locale.unwrap_or(""), reader.problems);

    let signals = root.section("signal");
    let watches = signals.as_ref().map(read_watches).unwrap_or_default();
    let cannot_ask = root
        .section("asking")
        .and_then(|section| section.choice("cannot_ask", &typology::CANNOT_ASK));
    let distrusted =
        root.section("contact").and_then(|section| read_distrusted(&section, &watches));
    let stories = read_typologies(root, &watches, &warnings);
    if let Some(unfit) = reader.unfit {
        let whole = Whole {
            files: reader.files,
            watches: &watches,
            stories: stories.as_deref().unwrap_or_default(),
            warnings: &warnings,
            lexicon: lexicon.as_ref(),
        };
        check::check(&whole, unfit);
    }
    if let (Some(signals), Some(stories)) = (&signals, &stories) {
        weighs_something(signals, &watches, stories);
    }
    let typologies = stories.map(|stories| all(stories.into_iter().map(|story| story.typology)));

    bank?;
    locale?;
    Some(Draft {
        currency: currency?,
        rates: rates?.unwrap_or_default(),
        lexicon: lexicon?,
        warnings,
        watches,
        typologies: typologies??,
        cannot_ask: cannot_ask?,
        distrusted: distrusted?,
    })
}

fn read_rates(section: &Section<'_>) -> Option<Vec<(Currency, Decimal)>> {
    let mut rates = Vec::new();
    for key in section.keys() {
        let currency = Currency::from_code(key.text);
        if currency.is_none() {
            let advice = "write three letters of ISO 4217, such as EUR";
            section.report(key.text, format!("`{}` is no currency", key.text), advice);
        }
        let expected = "a decimal above 0, such as \"0.86\"";
        let rate = section.parsed(key.text, expected, |text| {
            text.parse().ok().filter(|rate: &Decimal| Decimal::ZERO < *rate)
        });
        rates.push((currency?, rate?));
    }
    Some(rates)
}

/// Checks that there are words in every language that the policy says there are: a file that went
/// missing must not pass for a decision to do without it. Tells whether the policy says so at all.
fn read_required(root: &Section<'_>, locales: &[&str]) -> bool {
    let required = root.optional("locales", Section::texts).flatten().unwrap_or_default();
    for locale in required.iter().filter(|locale| !locales.contains(&locale.text)) {
        let message = format!("there are no words in `{}`", locale.text);
        let advice = format!("add warnings/{}.toml, or take it out of `locales`", locale.text);
        root.report_at(locale.line, message, advice);
    }
    root.has("locales")
}

fn read_bank(section: &Section<'_>, locales: &[&str]) -> Option<Bank> {
    let name = section.text("name");
    let phone = section.text("phone");
    let on_159 = section.flag("on_159");
    let elsewhere = section.optional("in", |section, key| {
        let languages = section.section(key)?;
        all(languages.keys().iter().map(|language| {
            let language = language.text;
            if !locales.contains(&language) {
                let message = format!("there are no words in `{language}`");
                languages.report(language, message, nearest(language, locales.iter().copied()));
            }
            let section = languages.section(language)?;
            let name = section.text("name");
            let phone = section.text("phone");
            Some(Elsewhere { language: language.into(), name: name?.into(), phone: phone?.into() })
        }))
    });
    let elsewhere = elsewhere?.unwrap_or_default();
    Some(Bank { name: name?.into(), phone: phone?.into(), on_159: on_159?, elsewhere })
}

/// Reads the signals it watches for. A signal without a section is not watched for, so that a
/// policy of an older release is still the same policy under a newer one.
fn read_watches(signals: &Section<'_>) -> Vec<Watch> {
    let mut watches = Vec::new();
    for kind in signal::ALL.iter().take(WATCHES_MAX).filter(|kind| signals.has(kind.id)) {
        let Some(section) = signals.section(kind.id) else { continue };
        let points = typology::points_of(&section, "points", kind);
        let most = points.unwrap_or(0).max(0);
        let unavailable =
            section.optional("unavailable", |section, key| section.whole(key, 0..=most));
        let look = (kind.settings)(&section).unwrap_or_else(|| Box::new(Unread));
        // Some points, so that nothing is said of a signal that weighs nothing.
        let points = points.unwrap_or(if kind.family == Family::Protective { -1 } else { 1 });
        let unavailable = unavailable.flatten().unwrap_or(0);
        watches.push(Watch { kind, look, points, unavailable });
    }
    watches
}

/// Stands in for a signal whose settings could not be read, so that its name still leads somewhere
/// and one problem is not reported as many. No policy ever holds one.
#[derive(Debug)]
struct Unread;

impl Look for Unread {
    fn look(&self, _facts: &Facts) -> Reading {
        Reading::Quiet
    }
}

fn read_distrusted(section: &Section<'_>, watches: &[Watch]) -> Option<Signals> {
    let mut signals = Signals::default();
    for group in section.texts("registered_number")? {
        let before = signals;
        for (at, watch) in watches.iter().enumerate() {
            if watch.kind.group == group.text {
                signals.add(at);
            }
        }
        if signals == before {
            let known = signal::ALL.iter().map(|kind| kind.group);
            let message = format!("no signal of this policy is of the group `{}`", group.text);
            section.report_at(group.line, message, nearest(group.text, known));
        }
    }
    Some(signals)
}

/// Reads every typology as far as it can be read.
fn read_typologies<'d>(
    root: &Section<'d>,
    watches: &[Watch],
    warnings: &Warnings,
) -> Option<Vec<Story<'d>>> {
    let mut stories: Vec<Story<'d>> = Vec::new();
    for section in root.sections("typology")? {
        let story = typology::read(section, watches, warnings);
        for other in &stories {
            let (Some(one), Some(other)) = (&story.typology, &other.typology) else { continue };
            if other.id == one.id {
                let message = format!("`{}` is there twice", one.id);
                story.section.report("id", message, "give one of them another id");
            }
            if other.priority == one.priority {
                let message = format!("`{}` has this priority as well", other.id);
                story.section.report("priority", message, "say which of the two leads");
            }
        }
        stories.push(story);
    }
    Some(stories)
}

/// Notes signals that no typology gives any points: they would be looked for in vain.
fn weighs_something(signals: &Section<'_>, watches: &[Watch], stories: &[Story<'_>]) {
    if stories.iter().any(|story| story.weights.is_none()) {
        return;
    }
    let counts = |(_, watch): &(usize, &Watch)| watch.kind.cancels().is_none();
    for (at, watch) in watches.iter().enumerate().filter(counts) {
        let mut weights = stories.iter().filter_map(|story| story.weights.as_ref()).flatten();
        if !weights.any(|weight| weight.watch == at && weight.points != 0) {
            let message = format!("`{}` has no points anywhere", watch.kind.id);
            let advice = "give it points, count its group in a typology, or remove it";
            signals.report(watch.kind.id, message, advice);
        }
    }
}

fn read_lexicon(path: &str, text: &str, problems: &Problems) -> Option<Lexicon> {
    let document = Document::parse(path, text, problems);
    let root = document.root();
    root.whole("schema", 1..=1_i64);

    let mut phrases = Phrases::default();
    // Lexicons from before there were any have none.
    for word in root.optional("negations", Section::texts).flatten().unwrap_or_default() {
        if let Err(error) = phrases.negation(word.text) {
            let message = format!("`{}` cannot deny a phrase: {error}", word.text);
            root.report_at(word.line, message, "remove it, or write it otherwise");
        }
    }
    let (mut seen, mut full) = (Vec::new(), false);
    for section in root.sections("concept")? {
        let id = section.text("id").map(|text| Text { text, line: section.line_of("id") });
        let concept = id.and_then(|id| signal::concept(&section, id));
        let spoken = section.texts("phrases");
        let excepted = section.optional("exceptions", Section::texts);
        let Some(concept) = concept else { continue };
        if seen.contains(&concept) {
            section.report("id", "the concept is there twice", "put its phrases together");
        }
        seen.push(concept);
        for (texts, excepted) in [(spoken, false), (excepted.flatten(), true)] {
            for Text { text, line } in texts.unwrap_or_default() {
                match phrases.add(Listed { concept, text, excepted, line }) {
                    Ok(()) => {}
                    // All that follow are too many as well: said once.
                    Err(PhraseError::Full) if full => {}
                    Err(error @ PhraseError::Full) => {
                        full = true;
                        section.report_at(line, error.to_string(), "remove what mentions nothing");
                    }
                    Err(error) => {
                        let message = format!("`{text}` cannot be a phrase: {error}");
                        section.report_at(line, message, "remove it, or write it otherwise");
                    }
                }
            }
        }
    }
    Some(phrases.compile())
}

/// Returns the language of a file of words.
fn locale_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("warnings/")?.strip_suffix(".toml")?;
    Some(name).filter(|name| is_locale(name))
}

/// Tells whether a file name is a BCP 47 language tag, as far as letters go.
fn is_locale(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (2..=35).contains(&name.len()) && name.bytes().all(sound)
}

/// Largest file. The shipped ones together are a tenth of it.
const FILE_BYTES_MAX: usize = 1 << 20;
