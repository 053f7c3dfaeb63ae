//! Script: the words of one warning for one step, in one language.
//!
//! Every language has the same scripts in the same versions, asking the same questions: which words
//! were offered must not depend on the language they were offered in. An answer that admits
//! something is marked in the script, because only its author knows what a yes means.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::document::{Problems, Section, all};
use crate::tagged::{Tagged as _, put_sized};
use crate::transfer::Answer;
use crate::warning::locale::{Tag, nearest};
use crate::warning::missing;
use crate::warning::template::{Place, Templates, Text, values};
use crate::warning::{Bank, Blanks, Choice, Pick, Question, Step, Words};

/// The scripts of a policy, complete in every language.
#[derive(Debug)]
pub struct Warnings {
    pub(super) bank: Bank,
    pub(super) locale: Box<str>,
    /// Whether the policy states in which languages and forms there are words.
    pub(super) stated: bool,
    pub(super) templates: Templates,
    pub(super) scripts: Scripts,
    faulty: Faulty,
}

/// Scripts being read.
#[derive(Debug, Default)]
pub struct Draft {
    templates: Templates,
    locales: Vec<Box<str>>,
    stated: bool,
    scripts: Scripts,
    faulty: Faulty,
}

/// By id, step and locale: scripts that are there and could not be read, which is told of where it
/// is found. They are not missing.
type Faulty = Vec<(Box<str>, Step, Box<str>)>;

/// By id, by step in their order, by locale: found by what is asked for without taking memory, for
/// every decision asks.
pub(super) type Scripts = BTreeMap<Box<str>, [Locales; 3]>;
pub(super) type Locales = BTreeMap<Box<str>, Script>;

/// The words of one warning for one step, in one language.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) file: Box<str>,
    pub(super) line: u32,
    pub(super) version: u32,
    pub(super) title: Text,
    pub(super) paragraphs: Vec<Text>,
    pub(super) safe_action: Text,
    pub(super) questions: Vec<Asked>,
    pub(super) digest: [u8; 32],
}

#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: Box<str>,
    /// Wordings that mean the same.
    pub(super) wordings: Vec<Text>,
    pub(super) options: Vec<Offered>,
}

#[derive(Debug)]
pub(super) struct Offered {
    pub(super) id: Box<str>,
    pub(super) text: Text,
    pub(super) admits: bool,
}

/// What somebody answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answered {
    /// To one question at least, that something is as the script's story has it.
    Admission,
    /// To every question, that nothing is.
    Denial,
    /// Not every question, and no admission.
    Open,
}

impl Draft {
    /// Reads the scripts of one language, noting every problem.
    pub fn read(&mut self, locale: &str, root: &Section<'_>) {
        self.locales.push(locale.into());
        root.whole("schema", 1..=1_i64);
        for section in root.sections("warning").unwrap_or_default() {
            let id = name(&section, "id");
            let version = section.whole("version", 1..=u32::MAX);
            let mut steps = 0_usize;
            for step in Step::ALL {
                if !section.has(step.name()) {
                    continue;
                }
                steps = steps.saturating_add(1);
                let Some(words) = section.section(step.name()) else { continue };
                let Some(id) = id else { continue };
                let script =
                    version.and_then(|version| self.script((id, step, locale), version, &words));
                if script.is_none() {
                    self.faulty.push((id.into(), step, locale.into()));
                }
                let locales = of_mut(self.scripts.entry(id.into()).or_default(), step);
                if locales.contains_key(locale) {
                    let message = format!("`{id}` is there twice");
                    section.report("id", message, "give one of them another id");
                }
                if let Some(script) = script {
                    locales.insert(locale.into(), script);
                }
            }
            if steps == 0 {
                let steps = Step::ALL.map(Step::name).join("] or [warning.");
                let message = "the warning has no words";
                section.report_at(section.line(), message, format!("add [warning.{steps}]"));
            }
        }
    }

    /// Notes that the policy states in which languages and forms there are words, so that none it
    /// does without is missed.
    pub fn state(&mut self) {
        self.stated = true;
    }

    /// Completes the scripts, noting what some language lacks. `locale` stands in for languages
    /// there are no words in.
    pub fn finish(self, bank: Bank, locale: &str, problems: &Problems) -> Warnings {
        let Self { templates, locales, stated, mut scripts, faulty } = self;
        let slips = missing::slips(&scripts, problems);
        for (id, steps) in &scripts {
            let steps = Step::ALL.map(|step| (step, of(steps, step)));
            let all = missing::Missing { id, steps, locale, slips: &slips, problems };
            all.tell(&locales, |step, other| is_faulty(&faulty, id, step, Some(other)));
        }
        scripts.retain(|id, _| slips.get(id).is_none_or(|languages| !languages.is_empty()));
        let own = locales.iter().find(|own| ***own == *locale).or_else(|| locales.first());
        if let Some(own) = own {
            for other in locales.iter().filter(|other| *other != own) {
                for (id, steps) in &scripts {
                    differing(id, steps, (own, other), problems);
                }
            }
        }
        Warnings { bank, locale: locale.into(), stated, templates, scripts, faulty }
    }

    fn script(
        &mut self,
        (id, step, locale): (&str, Step, &str),
        version: u32,
        section: &Section<'_>,
    ) -> Option<Script> {
        let mut bytes = Vec::new();
        for part in [id, locale] {
            put_sized(&mut bytes, |bytes| bytes.extend_from_slice(part.as_bytes()));
        }
        step.put(&mut bytes);
        version.put(&mut bytes);

        let title = self.text(section, "title", TITLE_CHARS_MAX, &mut bytes);
        let paragraphs = self.paragraphs(section, &mut bytes);
        let safe_action = self.text(section, "safe_action", LABEL_CHARS_MAX, &mut bytes);
        let questions = match step {
            Step::Ask => self.questions(section, &mut bytes),
            Step::Inform | Step::Hold => Some(Vec::new()),
        };
        Some(Script {
            file: section.file().into(),
            line: section.line(),
            version,
            title: title?,
            paragraphs: paragraphs?,
            safe_action: safe_action?,
            questions: questions?,
            digest: Sha256::digest(&bytes).into(),
        })
    }

    fn text(
        &mut self,
        section: &Section<'_>,
        key: &str,
        chars_max: usize,
        bytes: &mut Vec<u8>,
    ) -> Option<Text> {
        let source = section.text(key)?;
        put_sized(bytes, |bytes| bytes.extend_from_slice(source.as_bytes()));
        let place = Place { section, line: section.line_of(key), key, chars_max };
        Some(self.templates.compile(place, source))
    }

    fn paragraphs(&mut self, section: &Section<'_>, bytes: &mut Vec<u8>) -> Option<Vec<Text>> {
        let key = "paragraphs";
        let sources = section.texts(key)?;
        if !(1..=PARAGRAPHS_MAX).contains(&sources.len()) {
            let advice = format!("write 1 to {PARAGRAPHS_MAX}");
            section.report(key, "this is no number of paragraphs that people read", advice);
        }
        let texts = sources.iter().map(|source| {
            put_sized(bytes, |bytes| bytes.extend_from_slice(source.text.as_bytes()));
            let place = Place { section, line: source.line, key, chars_max: PARAGRAPH_CHARS_MAX };
            self.templates.compile(place, source.text)
        });
        Some(texts.collect())
    }

    fn questions(&mut self, section: &Section<'_>, bytes: &mut Vec<u8>) -> Option<Vec<Asked>> {
        let sections = section.optional("question", Section::sections)?.unwrap_or_default();
        if sections.is_empty() {
            let advice = "add one to three [[warning.ask.question]] below it";
            section.report("question", "the ask step has no question", advice);
            return None;
        }
        if QUESTIONS_MAX < sections.len() {
            let advice = format!("ask 1 to {QUESTIONS_MAX}");
            section.report("question", "this is no number of questions to ask", advice);
        }
        let asked = all(sections.iter().map(|section| self.question(section, bytes)))?;
        let wordings = |asked: &Asked| asked.wordings.len();
        if asked.iter().map(wordings).min() != asked.iter().map(wordings).max() {
            let message = "the questions have different numbers of wordings";
            section.report("question", message, "give each question as many");
        }
        Some(asked)
    }

    fn question(&mut self, section: &Section<'_>, bytes: &mut Vec<u8>) -> Option<Asked> {
        let id = name(section, "id");
        let key = "wordings";
        let wordings = section.texts(key);
        if wordings.as_ref().is_some_and(Vec::is_empty) {
            section.report(key, "the question is not worded", "write it in quotes");
        }
        let wordings = wordings.map(|sources| {
            let texts = sources.iter().map(|source| {
                put_sized(bytes, |bytes| bytes.extend_from_slice(source.text.as_bytes()));
                let place =
                    Place { section, line: source.line, key, chars_max: QUESTION_CHARS_MAX };
                self.templates.compile(place, source.text)
            });
            texts.collect()
        });

        let options = section.sections("option").and_then(|options| {
            all(options.iter().map(|option| {
                let id = name(option, "id");
                let text = self.text(option, "text", LABEL_CHARS_MAX, bytes);
                let admits = option.optional("admits", Section::flag);
                let admits = admits?.unwrap_or(false);
                put_sized(bytes, |bytes| bytes.extend_from_slice(id.unwrap_or("").as_bytes()));
                admits.put(bytes);
                Some(Offered { id: id?.into(), text: text?, admits })
            }))
        });
        if let Some(options) = &options {
            let admitting = options.iter().filter(|option| option.admits).count();
            if admitting == 0 || admitting == options.len() {
                let message = "the options do not tell an admission from a denial";
                let advice = "mark the one that admits with `admits = true`, and offer another";
                section.report("option", message, advice);
            }
        }
        put_sized(bytes, |bytes| bytes.extend_from_slice(id.unwrap_or("").as_bytes()));
        Some(Asked { id: id?.into(), wordings: wordings?, options: options? })
    }
}

impl Warnings {
    /// Returns the words picked, every blank filled in.
    pub fn words(&self, pick: Pick<'_>, blanks: &Blanks<'_>) -> Option<Words> {
        let (locale, script) = self.pick(pick)?;
        let values = values(&self.bank, Tag::of(locale).language, blanks);
        let fill = |text: &Text| self.templates.fill(text, &values);
        let question = |asked: &Asked| {
            let variant = usize::try_from(pick.variant).unwrap_or(0);
            let wording = asked.wordings.get(variant).or_else(|| asked.wordings.first());
            let choice =
                |option: &Offered| Choice { id: option.id.clone(), text: fill(&option.text) };
            Question {
                id: asked.id.clone(),
                text: wording.map(fill).unwrap_or_default(),
                options: asked.options.iter().map(choice).collect(),
            }
        };
        Some(Words {
            id: pick.id.into(),
            version: script.version,
            locale: locale.into(),
            title: fill(&script.title),
            paragraphs: script.paragraphs.iter().map(fill).collect(),
            safe_action: fill(&script.safe_action),
            questions: script.questions.iter().map(question).collect(),
            digest: script.digest,
        })
    }

    /// Tells whether there are words for `step`.
    pub fn has(&self, id: &str, step: Step) -> bool {
        self.any(id, step).is_some()
    }

    /// Tells whether there are words for `step` that could not be read.
    pub fn is_faulty(&self, id: &str, step: Step) -> bool {
        is_faulty(&self.faulty, id, step, None)
    }

    /// Returns the ids of all warnings, each once.
    pub fn ids(&self) -> Vec<&str> {
        self.scripts.keys().map(AsRef::as_ref).collect()
    }

    /// Returns the languages there are words in.
    pub fn locales(&self) -> Vec<&str> {
        let steps = self.scripts.values().flatten();
        let mut locales: Vec<&str> = steps.flat_map(BTreeMap::keys).map(AsRef::as_ref).collect();
        locales.sort_unstable();
        locales.dedup();
        locales
    }

    /// Returns the language that stands in for those there are no words in.
    pub fn locale(&self) -> &str {
        &self.locale
    }

    /// Counts scripts: warnings, times their steps, times the languages.
    pub fn count(&self) -> usize {
        self.scripts.values().flatten().map(BTreeMap::len).sum()
    }

    /// Returns the version of the words for `step`.
    pub fn version(&self, id: &str, step: Step) -> Option<u32> {
        self.any(id, step).map(|script| script.version)
    }

    /// Returns which wording of the questions `seed` chooses; 0 where nothing is asked.
    pub fn variant(&self, id: &str, step: Step, seed: u64) -> u32 {
        let variant = seed.checked_rem(u64::from(self.variants(id, step)));
        variant.and_then(|variant| u32::try_from(variant).ok()).unwrap_or(0)
    }

    /// Counts the wordings of the questions; 1 where nothing is asked.
    pub fn variants(&self, id: &str, step: Step) -> u32 {
        let asked = self.any(id, step).and_then(|script| script.questions.first());
        asked.and_then(|asked| u32::try_from(asked.wordings.len()).ok()).unwrap_or(1)
    }

    /// Returns what answers come to under the questions of a warning. An admission is not taken
    /// back by a later answer to the same question.
    pub fn answered(&self, id: &str, answers: &[Answer]) -> Answered {
        let questions = self.any(id, Step::Ask).map_or(&[][..], |script| &script.questions);
        let mut open = questions.is_empty();
        for asked in questions {
            let mut denied = false;
            for answer in answers.iter().filter(|answer| answer.question == asked.id) {
                let options = &asked.options;
                match options.iter().find(|option| Some(&option.id) == answer.option.as_ref()) {
                    Some(option) if option.admits => return Answered::Admission,
                    Some(_) => denied = true,
                    None => {}
                }
            }
            open |= !denied;
        }
        if open { Answered::Open } else { Answered::Denial }
    }

    /// Returns the script in the nearest language.
    fn pick(&self, pick: Pick<'_>) -> Option<(&str, &Script)> {
        let there = of(self.scripts.get(pick.id)?, pick.step);
        let locale = nearest(pick.locale, &self.locale, there.keys().map(AsRef::as_ref))?;
        Some((locale, there.get(locale)?))
    }

    /// Returns a script in whatever language: what is asked of it is the same in all.
    fn any(&self, id: &str, step: Step) -> Option<&Script> {
        of(self.scripts.get(id)?, step).values().next()
    }
}

/// Tells whether a script could not be read, in whatever language where none is named.
fn is_faulty(faulty: &Faulty, id: &str, step: Step, locale: Option<&str>) -> bool {
    let mut scripts = faulty.iter().filter(|(other, at, _)| **other == *id && *at == step);
    scripts.any(|(_, _, other)| locale.is_none_or(|locale| **other == *locale))
}

/// Returns what belongs to a step.
pub(super) fn of<T>(steps: &[T; 3], step: Step) -> &T {
    let [inform, ask, hold] = steps;
    match step {
        Step::Inform => inform,
        Step::Ask => ask,
        Step::Hold => hold,
    }
}

fn of_mut<T>(steps: &mut [T; 3], step: Step) -> &mut T {
    let [inform, ask, hold] = steps;
    match step {
        Step::Inform => inform,
        Step::Ask => ask,
        Step::Hold => hold,
    }
}

/// Notes, once, whatever a warning says otherwise in another language than in the policy's own.
fn differing(id: &str, steps: &[Locales; 3], (own, other): (&str, &str), problems: &Problems) {
    let mut differences: Vec<String> = Vec::new();
    let mut at = None;
    for locales in steps {
        let (Some(script), Some(translated)) = (locales.get(own), locales.get(other)) else {
            continue;
        };
        for difference in script.differences(translated) {
            at.get_or_insert(translated);
            if !differences.contains(&difference) {
                differences.push(difference);
            }
        }
    }
    if let Some(Script { file, line, .. }) = at {
        let message =
            format!("`{id}` in `{other}` differs from `{own}`: {}", differences.join("; "));
        problems.report(file, *line, message, "make them the same");
    }
}

impl Script {
    /// Returns what of the words to come must be as it is here and is not.
    fn differences(&self, other: &Self) -> Vec<String> {
        fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        }
        let mut differences = Vec::new();
        let mut compare = |what: &str, here: String, there: String| {
            if here != there {
                differences.push(format!("{what} {there} and not {here}"));
            }
        };
        compare("it has version", self.version.to_string(), other.version.to_string());
        let ids = |script: &Self| list(script.questions.iter().map(|asked| &*asked.id));
        compare("it asks", ids(self), ids(other));
        for asked in &self.questions {
            let Some(also) = other.questions.iter().find(|also| also.id == asked.id) else {
                continue;
            };
            let count = |asked: &Asked| asked.wordings.len().to_string();
            let id = &asked.id;
            compare(&format!("the number of wordings of `{id}` is"), count(asked), count(also));
            let options = |asked: &Asked| list(asked.options.iter().map(|option| &*option.id));
            compare(&format!("the options of `{id}` are"), options(asked), options(also));
            let admitting = |asked: &Asked| {
                let options = asked.options.iter().filter(|option| option.admits);
                list(options.map(|option| &*option.id))
            };
            let (here, there) = (admitting(asked), admitting(also));
            // Where the options differ it is those that are to be mended.
            if options(asked) == options(also) {
                compare(&format!("to `{id}` admits"), here, there);
            }
        }
        differences
    }
}

/// Reads a permanent name: lower-case letters, digits and underscores.
pub fn name<'d>(section: &Section<'d>, key: &str) -> Option<&'d str> {
    let name = section.text(key)?;
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if NAME_BYTES_MAX < name.len() || !name.bytes().all(sound) {
        let advice =
            format!("write at most {NAME_BYTES_MAX} lower-case letters, digits and underscores");
        section.report(key, format!("`{name}` is no name"), advice);
        return None;
    }
    Some(name)
}

// What fits a telephone's screen without scrolling past the button, by trying.
const TITLE_CHARS_MAX: usize = 100;
const PARAGRAPH_CHARS_MAX: usize = 400;
const PARAGRAPHS_MAX: usize = 8;
const QUESTION_CHARS_MAX: usize = 200;
const LABEL_CHARS_MAX: usize = 60;
// More than three questions are answered without reading.
const QUESTIONS_MAX: usize = 3;
/// As long as the API lets an id be.
const NAME_BYTES_MAX: usize = 64;
