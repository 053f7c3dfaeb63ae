//! Sheet: every text of a policy on one page of HTML, to be read, printed and signed.
//!
//! The page holds everything it needs and asks the network for nothing, so that it can be sent,
//! kept and opened again in ten years. It says nothing of when it was written: the digest says of
//! what policy it is, and the same policy gives the same page.
//!
//! Never trusts a text: everything is escaped by the template library.

use minijinja::{AutoEscape, Environment, Value, context};

use crate::cli::CliError;
use crate::money::Money;
use crate::policy::Policy;
use crate::telemetry::state::hex;
use crate::warning::{Blanks, Pick, Question, Step, Tag, Warnings, Words};

/// Lays out every text of a policy.
pub(super) fn sheet(
    policy: &Policy,
    money: Money,
    deadline: Option<&str>,
) -> Result<String, CliError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let failed = |error: minijinja::Error| {
        CliError::NotAsExpected(format!("the page cannot be laid out: {error}"))
    };
    environment.add_template("sheet", TEMPLATE).map_err(failed)?;
    let template = environment.get_template("sheet").map_err(failed)?;

    let warnings = policy.warnings();
    let layout = Layout { warnings, money, deadline };
    let stories: Vec<Value> =
        warnings.ids().into_iter().map(|id| layout.story(id, policy)).collect();
    let languages: Vec<_> = layout.languages().into_iter().map(language).collect();
    let page = context! {
        digest => format!("sha256:{}", hex(&policy.digest())),
        texts => warnings.count(),
        languages => languages.join(", "),
        locales => warnings.locales().join(", "),
        amount => money.to_string(),
        deadline => deadline.unwrap_or(DEADLINE),
        stories => stories,
    };
    template.render(page).map_err(failed)
}

/// What a page is laid out from.
struct Layout<'a> {
    warnings: &'a Warnings,
    money: Money,
    deadline: Option<&'a str>,
}

impl Layout<'_> {
    /// Returns the languages there are words in: the policy's own first.
    fn languages(&self) -> Vec<&str> {
        let own = Tag::of(self.warnings.locale()).language;
        let mut languages: Vec<_> =
            self.warnings.locales().into_iter().map(|locale| Tag::of(locale).language).collect();
        languages.sort_by_key(|language| (*language != own, *language));
        languages.dedup();
        languages
    }

    /// Returns the forms that words are given in: the plain one first.
    fn forms(&self) -> Vec<&str> {
        let mut forms: Vec<_> =
            self.warnings.locales().into_iter().map(|locale| Tag::of(locale).form).collect();
        forms.sort_unstable();
        forms.dedup();
        forms
    }

    fn story(&self, id: &str, policy: &Policy) -> Value {
        let chosen = policy.typologies().iter().filter(|typology| &*typology.warning == id);
        let chosen: Vec<&str> = chosen.map(|typology| &*typology.id).collect();
        let steps: Vec<Value> = Step::ALL
            .into_iter()
            .filter(|step| self.warnings.has(id, *step))
            .map(|step| {
                let forms: Vec<Value> =
                    self.forms().into_iter().map(|form| self.form(id, step, form)).collect();
                context! {
                    name => step.name(),
                    meaning => meaning(step),
                    anchor => format!("{id}-{}", step.name()),
                    forms => forms,
                }
            })
            .collect();
        context! { id => id, chosen => chosen.join(", "), steps => steps }
    }

    /// Returns the texts of one form, a language beside the other.
    fn form(&self, id: &str, step: Step, form: &str) -> Value {
        let locales = self.warnings.locales();
        let texts: Vec<Value> = self
            .languages()
            .into_iter()
            .flat_map(|language| {
                let fits = move |locale: &&str| {
                    let tag = Tag::of(locale);
                    tag.language == language && tag.form == form
                };
                locales.iter().copied().filter(fits)
            })
            .filter_map(|locale| self.text(id, step, locale))
            .collect();
        let name = match form {
            "" => "On a screen",
            "large" => "In large print",
            "phone" => "Read out on the telephone",
            other => other,
        };
        context! { form => form, name => name, texts => texts }
    }

    fn text(&self, id: &str, step: Step, locale: &str) -> Option<Value> {
        let tag = Tag::of(locale);
        let deadline =
            self.deadline.unwrap_or(if tag.language == "cy" { DEADLINE_WELSH } else { DEADLINE });
        let words = |variant| {
            let blanks = Blanks { money: self.money, deadline: Some(deadline) };
            self.warnings.words(Pick { id, step, variant, locale }, &blanks)
        };
        let shown = words(0)?;
        let others: Vec<Words> = (1..self.warnings.variants(id, step)).filter_map(words).collect();
        let amount = self.money.to_string();
        let parts = |text: &str| parts(text, &[&amount, deadline]);
        let paragraphs: Vec<Value> = shown.paragraphs.iter().map(|text| parts(text)).collect();
        let questions: Vec<Value> = shown
            .questions
            .iter()
            .enumerate()
            .map(|(at, question)| {
                asked(question, others.iter().filter_map(|words| words.questions.get(at)))
            })
            .collect();
        Some(context! {
            id => id,
            version => shown.version,
            locale => &*shown.locale,
            language => language(tag.language),
            tag => tag.language,
            digest => hex(&shown.digest),
            title => parts(&shown.title),
            safe_action => parts(&shown.safe_action),
            paragraphs => paragraphs,
            questions => questions,
            spoken => count(&shown),
        })
    }
}

/// Returns a question with its other wordings.
fn asked<'q>(question: &Question, others: impl Iterator<Item = &'q Question>) -> Value {
    let options: Vec<Value> =
        question.options.iter().map(|option| Value::from(&*option.text)).collect();
    let others: Vec<Value> = others.map(|other| Value::from(&*other.text)).collect();
    context! { id => &*question.id, text => &*question.text, options => options, others => others }
}

/// Cuts a text where a blank was filled in, so that the page can mark it.
fn parts(text: &str, filled: &[&str]) -> Value {
    let mut parts = vec![(text, false)];
    for blank in filled.iter().filter(|blank| !blank.is_empty()) {
        parts = parts
            .into_iter()
            .flat_map(|(part, filled)| {
                let mut cut: Vec<(&str, bool)> = Vec::new();
                if filled {
                    cut.push((part, true));
                    return cut;
                }
                for (at, piece) in part.split(blank).enumerate() {
                    cut.extend((0 < at).then_some((*blank, true)));
                    cut.push((piece, false));
                }
                cut
            })
            .collect();
    }
    let parts: Vec<Value> = parts
        .into_iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(text, filled)| context! { text => text, filled => filled })
        .collect();
    Value::from(parts)
}

/// Counts the words that are read out.
fn count(words: &Words) -> usize {
    let questions = words.questions.iter().flat_map(|question| {
        [&question.text].into_iter().chain(question.options.iter().map(|option| &option.text))
    });
    let texts = [&words.title, &words.safe_action].into_iter().chain(&words.paragraphs);
    texts.chain(questions).map(|text| text.split_whitespace().count()).sum()
}

fn meaning(step: Step) -> &'static str {
    match step {
        Step::Inform => "Shown once; the payment may leave afterwards.",
        Step::Ask => "Shown before anything leaves. The answers come back and count.",
        Step::Hold => "Shown while the payment waits for a person.",
    }
}

fn language(language: &str) -> &str {
    match language {
        "en" => "English",
        "cy" => "Cymraeg (Welsh)",
        other => other,
    }
}

const TEMPLATE: &str = include_str!("sheet.html");

/// Filled in where none is given, so that the sentence around it is read as well.
const DEADLINE: &str = "5pm on Tuesday 24 November";
const DEADLINE_WELSH: &str = "5pm ddydd Mawrth 24 Tachwedd";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;
    use crate::testing::pounds;

    fn shipped() -> (Policy, String) {
        let policy = policy::load(policy::standard()).unwrap();
        let page = sheet(&policy, pounds("2500"), None).unwrap();
        (policy, page)
    }

    #[test]
    fn every_text_stands_on_the_page_with_its_digest_and_a_box() {
        let (policy, page) = shipped();
        let warnings = policy.warnings();
        assert!(page.contains(&format!("sha256:{}", hex(&policy.digest()))));
        for id in warnings.ids() {
            for step in Step::ALL {
                for locale in warnings.locales() {
                    let blanks = Blanks { money: pounds("2500"), deadline: None };
                    let pick = Pick { id, step, variant: 0, locale };
                    let words = warnings.words(pick, &blanks).unwrap();
                    assert!(page.contains(&hex(&words.digest)), "{id} {step:?} {locale}");
                }
                assert!(page.contains(&format!("href=\"#{id}-{}\"", step.name())));
                assert!(page.contains(&format!("id=\"{id}-{}\"", step.name())));
            }
        }
        assert_eq!(page.matches("Approved by").count(), warnings.count());
    }

    #[test]
    fn the_page_asks_for_nothing_outside_of_itself() {
        let (_, page) = shipped();
        for mark in ["http:", "https:", "//", "src=", "url(", "<script", "<link", "@import"] {
            assert!(!page.contains(mark), "{mark}");
        }
    }

    #[test]
    fn the_same_policy_gives_the_same_page() {
        assert_eq!(shipped().1, shipped().1);
    }

    #[test]
    fn texts_are_escaped() {
        let mut files = policy::standard();
        let path = "warnings/en.toml";
        let text = std::str::from_utf8(files.contents(path).unwrap()).unwrap();
        let text = text.replacen("You can always pay later.", "<b>&amp;</b>", 1);
        files.insert(path, text.as_bytes());
        let page = sheet(&policy::load(files).unwrap(), pounds("1"), None).unwrap();
        assert!(!page.contains("<b>&amp;</b>"), "escaped");
        assert!(page.contains("&lt;b&gt;&amp;amp;"), "and there");
    }

    #[test]
    fn what_is_filled_in_is_marked() {
        let (_, page) = shipped();
        for mark in ["£2,500.00", DEADLINE, DEADLINE_WELSH] {
            assert!(page.contains(&format!("<mark>{mark}</mark>")), "{mark}");
            assert_eq!(page.matches(mark).count(), page.matches(&format!(">{mark}<")).count());
        }
        let count = |text: &str, filled: &[&str]| parts(text, filled).len();
        assert_eq!(count("", &["£1"]), Some(0));
        assert_eq!(count("£1", &["£1"]), Some(1));
        assert_eq!(count("Your £1 is here until noon.", &["£1", "noon"]), Some(5));
        assert_eq!(count("plain", &["£1", ""]), Some(1));
    }
}
