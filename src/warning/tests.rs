//! What is wrong with scripts, and what they say once their blanks are filled in.

use proptest::prelude::*;

use super::*;
use crate::document::{Document, Problem, Problems};
use crate::money::{Amount, Currency};
use crate::testing::pounds;

/// Reads scripts, each as (locale, text), and returns them and their problems.
fn read(files: &[(&str, &str)]) -> (Warnings, Vec<String>) {
    let problems = Problems::default();
    let mut draft = Draft::default();
    for (locale, text) in files {
        let text = format!("schema = 1\n{text}");
        draft.read(locale, &Document::parse(locale, &text, &problems).root());
    }
    let bank = Bank { on_159: true, ..Bank::of("Oak Bank", "0800 1") };
    let warnings = draft.finish(bank, "en", &problems);
    (warnings, problems.into_sorted().iter().map(Problem::to_string).collect())
}

/// Returns a warning to hold with `paragraph`, and to ask with `questions`.
fn script(paragraph: &str, questions: &str) -> String {
    let hold = format!(
        "[[warning]]\nid = \"fee\"\nversion = 3\n[warning.hold]\ntitle = \"Stop\"\nsafe_action = \
         \"Cancel\"\nparagraphs = [\"{paragraph}\"]\n"
    );
    if questions.is_empty() {
        return hold;
    }
    let ask = "[warning.ask]\ntitle = \"Stop\"\nsafe_action = \"Cancel\"\nparagraphs = [\"x\"]\n";
    format!("{hold}{ask}{questions}")
}

const QUESTION: &str = "[[warning.ask.question]]\nid = \"told\"\nwordings = [\"Told?\", \
                        \"Really?\"]\noption = [{ id = \"yes\", text = \"Yes\", admits = true }, \
                        { id = \"no\", text = \"No\" }]\n";

fn pick<'a>(id: &'a str, step: Step, variant: u32, locale: &'a str) -> Pick<'a> {
    Pick { id, step, variant, locale }
}

const BLANKS: Blanks<'_> =
    Blanks { money: Money { amount: Amount::ZERO, currency: Currency::GBP }, deadline: None };

#[test]
fn blanks_are_filled_in() {
    let text = "{{ amount }} at {{ bank_name }}, {{ bank_phone }}{% if bank_on_159 %} or 159{% \
                endif %}{% if deadline %} by {{ deadline }}{% endif %}.";
    let (warnings, problems) = read(&[("en", &script(text, ""))]);
    assert_eq!(problems, [""; 0]);
    let fill = |deadline| {
        let blanks = Blanks { money: pounds("1250.5"), deadline };
        let words = warnings.words(pick("fee", Step::Hold, 0, "en"), &blanks).unwrap();
        words.paragraphs[0].to_string()
    };
    assert_eq!(fill(None), "£1,250.50 at Oak Bank, 0800 1 or 159.");
    assert_eq!(fill(Some("Tuesday")), "£1,250.50 at Oak Bank, 0800 1 or 159 by Tuesday.");
}

#[test]
fn only_what_is_the_banks_may_be_filled_in() {
    for (text, want) in [
        (
            "{{ reference }}",
            "`{{ reference }}` cannot be filled in: known here: `amount`, \
          `bank_name`, `bank_on_159`, `bank_phone`, `deadline`",
        ),
        ("{{ amont }}", "`{{ amont }}` cannot be filled in: did you mean `amount`?"),
        (
            "{{ deadline }}",
            "`paragraphs` cannot be filled in every time: write {% if deadline %} … \
          {% endif %} around deadlines",
        ),
        ("{{ amount", "`paragraphs` is no template: syntax error: write blanks as {{ amount }}"),
        (
            "{{ amount|upper }}",
            "`paragraphs` cannot be filled in every time: write {% if deadline \
          %} … {% endif %} around deadlines",
        ),
        (
            "{% set amount = 1 %}{{ amount }}",
            "`paragraphs` has a statement `set`: write {% if … %}, {% else %} and {% endif %} only",
        ),
        (
            "{{ 'scam' * 1000000 }}",
            "`paragraphs` takes too long to fill in: say it in fewer and plainer blanks",
        ),
    ] {
        let (_, problems) = read(&[("en", &script(text, ""))]);
        assert_eq!(problems, [format!("en:8: {want}")], "{text}");
    }
}

#[test]
fn a_template_cannot_loop() {
    for text in [
        "{% for x in amount %}{{ x }}{% endfor %}",
        "{%for x in amount%}x{%endfor%}",
        "{%- for x in amount -%}x{%- endfor -%}",
        "{%+ for x in amount %}x{% endfor %}",
        "{% if amount %}{% for x in amount %}x{% endfor %}{% endif %}",
        "{# {% for x in amount %} #}",
    ] {
        let (_, problems) = read(&[("en", &script(text, ""))]);
        let want = "en:8: `paragraphs` has a statement `for`: write {% if … %}, {% else %} and \
                    {% endif %} only";
        assert_eq!(problems.first().map(String::as_str), Some(want), "{text}");
    }
    for text in ["{% if bank_on_159 %}x{% elif deadline %}y{% else %}z{% endif %}", "{{ '{% if' }}"]
    {
        assert_eq!(read(&[("en", &script(text, ""))]).1, [""; 0], "{text}");
    }
}

#[test]
fn the_bank_is_named_in_the_language_of_the_words() {
    let text = "{{ bank_name }}, {{ bank_phone }}";
    let (mut warnings, _) = read(&[
        ("en", &script(text, "")),
        ("cy", &script(text, "")),
        ("cy-x-phone", &script(text, "")),
    ]);
    let (language, name, phone) = ("cy".into(), "Banc y Dderwen".into(), "0800 2".into());
    warnings.bank.elsewhere = vec![Elsewhere { language, name, phone }];
    for (locale, want) in [
        ("en", "Oak Bank, 0800 1"),
        ("fr", "Oak Bank, 0800 1"),
        ("cy", "Banc y Dderwen, 0800 2"),
        ("cy-x-phone", "Banc y Dderwen, 0800 2"),
    ] {
        let words = warnings.words(pick("fee", Step::Hold, 0, locale), &BLANKS).unwrap();
        assert_eq!(&*words.paragraphs[0], want, "{locale}");
    }
}

#[test]
fn an_answer_that_admits_is_told_from_one_that_denies() {
    let (_, problems) = read(&[("en", &script("x", &QUESTION.replace(", admits = true", "")))]);
    let want = "en:16: the options do not tell an admission from a denial: mark the one that admits \
                with `admits = true`, and offer another";
    assert_eq!(problems, [want]);
    let (warnings, problems) = read(&[("en", &script("x", QUESTION))]);
    assert_eq!(problems, [""; 0]);

    let answer = |question: &str, option: Option<&str>| crate::transfer::Answer {
        question: question.into(),
        option: option.map(Into::into),
        text: None,
        answered: None,
    };
    let (yes, no) = (answer("told", Some("yes")), answer("told", Some("no")));
    let other = answer("other", Some("yes"));
    for (answers, want) in [
        (&[][..], Answered::Open),
        (&[other.clone()][..], Answered::Open),
        (&[answer("told", None)][..], Answered::Open),
        (&[answer("told", Some("maybe"))][..], Answered::Open),
        (&[no.clone()][..], Answered::Denial),
        (&[other, no.clone()][..], Answered::Denial),
        (&[yes.clone()][..], Answered::Admission),
        (&[yes.clone(), no.clone()][..], Answered::Admission),
        (&[no, yes][..], Answered::Admission),
    ] {
        assert_eq!(warnings.answered("fee", answers), want, "{answers:?}");
    }
    assert_eq!(warnings.answered("none", &[]), Answered::Open);
}

#[test]
fn to_ask_is_to_have_a_question() {
    let question = QUESTION.replace("[[warning.ask.question]]", "[[warning.ask.questions]]");
    let told = "the ask step has no question: add one to three [[warning.ask.question]] below it";
    let ask = script("x", "\n");
    let (warnings, problems) = read(&[("en", &ask), ("cy", &script("y", QUESTION))]);
    assert_eq!(problems, [format!("en:9: {told}")]);
    assert_eq!(
        (warnings.has("fee", Step::Ask), warnings.is_faulty("fee", Step::Ask)),
        (true, true)
    );
    assert!(!warnings.is_faulty("fee", Step::Hold));

    let (_, problems) = read(&[("en", &script("x", &question))]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.ends_with(told)), "{problems:?}");
    let (_, problems) = read(&[("en", &script("x", &QUESTION.repeat(4)))]);
    assert_eq!(problems, ["en:13: this is no number of questions to ask: ask 1 to 3"]);
    assert_eq!(read(&[("en", &script("x", &QUESTION.repeat(3)))]).1, [""; 0]);
}

#[test]
fn every_language_says_the_same() {
    let (english, other) = (script("x", QUESTION), script("y", QUESTION));
    assert_eq!(read(&[("en", &english), ("cy", &other)]).1, [""; 0]);

    let (_, problems) = read(&[("en", &english), ("cy", &script("y", ""))]);
    assert_eq!(problems, ["en:9: `fee` has no words to ask in `cy`: add them to warnings/cy.toml"]);
    for (from, to, told) in [
        ("version = 3", "version = 4", "it has version 4 and not 3"),
        ("\"told\"", "\"said\"", "it asks `said` and not `told`"),
        (", \"Really?\"", "", "the number of wordings of `told` is 1 and not 2"),
        ("\"no\"", "\"nay\"", "the options of `told` are `yes`, `nay` and not `yes`, `no`"),
        (
            "text = \"Yes\", admits = true }, { id = \"no\", text = \"No\" }",
            "text = \"Yes\" }, { id = \"no\", text = \"No\", admits = true }",
            "to `told` admits `no` and not `yes`",
        ),
    ] {
        assert!(other.contains(from), "{from}");
        let changed = other.replace(from, to);
        let (_, problems) = read(&[("cy", &changed), ("cy-x-phone", &changed), ("en", &english)]);
        let want = ["cy", "cy-x-phone"].map(|locale| {
            let differs = format!("`fee` in `{locale}` differs from `en`");
            format!("{locale}:9: {differs}: {told}: make them the same")
        });
        assert_eq!(problems, want, "{from}");
    }
    let changed = other.replace("version = 3", "version = 4").replace("\"no\"", "\"nay\"");
    let (_, problems) = read(&[("cy", &changed), ("en", &english)]);
    let both = "cy:9: `fee` in `cy` differs from `en`: it has version 4 and not 3; the options of \
                `told` are `yes`, `nay` and not `yes`, `no`: make them the same";
    assert_eq!(problems, [both]);
}

#[test]
fn a_warning_that_languages_lack_is_one_problem() {
    let (here, beside) =
        (script("x", QUESTION), script("y", QUESTION).replace("\"fee\"", "\"bail\""));
    let both = format!("{here}{beside}");
    for (files, want) in [
        (
            [("en", &*both), ("cy", &beside), ("de", &beside)],
            "en:9: `fee` has no words in `cy`, `de`: add it to warnings/cy.toml, warnings/de.toml",
        ),
        (
            [("en", &beside), ("cy", &both), ("de", &both)],
            "cy:9: `fee` has no words in `en`: add it to warnings/en.toml",
        ),
    ] {
        let (_, problems) = read(&files);
        assert_eq!(problems, [want], "{files:?}");
    }
}

#[test]
fn an_id_with_a_slip_in_one_language_is_one_problem() {
    let right = script("x", QUESTION);
    let wrong = right.replace("\"fee\"", "\"feee\"");
    let told = |file: &str| {
        format!(
            "{file}:9: `feee` stands where other languages have `fee`: write `fee` here as well"
        )
    };
    for slipped in ["en", "cy", "de"] {
        let files = ["en", "cy", "de"]
            .map(|locale| (locale, if locale == slipped { &*wrong } else { &*right }));
        let (warnings, problems) = read(&files);
        assert_eq!(problems, [told(slipped)]);
        assert_eq!(warnings.ids(), ["fee"]);
    }
    // Of two languages nobody can say which is right; and one that is there twice is another warning.
    let (_, problems) = read(&[("en", &right), ("cy", &wrong)]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    let two = format!("{right}{wrong}");
    let (warnings, problems) = read(&[("en", &two), ("cy", &right), ("de", &right)]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("`feee` has no words in `cy`, `de`"), "{problems:?}");
    assert_eq!(warnings.ids(), ["fee", "feee"]);
}

#[test]
fn the_nearest_language_is_picked() {
    let (warnings, _) = read(&[("en", &script("x", QUESTION)), ("cy", &script("y", QUESTION))]);
    for (locale, want) in [("en", "en"), ("cy", "cy"), ("cy-GB", "cy"), ("fr", "en"), ("", "en")] {
        let words = warnings.words(pick("fee", Step::Hold, 0, locale), &BLANKS).unwrap();
        assert_eq!(&*words.locale, want, "{locale}");
    }
    assert_eq!(warnings.words(pick("fee", Step::Inform, 0, "en"), &BLANKS), None);
    assert_eq!(warnings.locales(), ["cy", "en"]);
    assert_eq!(warnings.ids(), ["fee"]);
}

proptest! {
    #[test]
    fn every_wording_has_its_turn_and_no_question_is_lost(
        seed in any::<u64>(),
        wordings in 1_usize..5,
        questions in 1_usize..=3,
    ) {
        let all: Vec<_> = (0..wordings).map(|at| format!("\"Told {at}?\"")).collect();
        let question = QUESTION.replace("\"Told?\", \"Really?\"", &all.join(", "));
        let questions: String = (0..questions)
            .map(|at| question.replace("id = \"told\"", &format!("id = \"told_{at}\"")))
            .collect();
        let (warnings, problems) = read(&[("en", &script("x", &questions))]);
        prop_assert_eq!(problems, [""; 0]);
        let words = |seed: u64| {
            let variant = warnings.variant("fee", Step::Ask, seed);
            warnings.words(pick("fee", Step::Ask, variant, "en"), &BLANKS).unwrap()
        };
        // The same seed, the same words; as many seeds in a row as wordings, every wording once.
        prop_assert_eq!(words(seed), words(seed));
        let row = u64::try_from(wordings).unwrap();
        let first = seed.min(u64::MAX.saturating_sub(row));
        let mut seen: Vec<_> =
            (0..row).map(|at| words(first.saturating_add(at)).questions[0].text.to_string()).collect();
        seen.sort();
        let want: Vec<_> = (0..wordings).map(|at| format!("Told {at}?")).collect();
        prop_assert_eq!(seen, want);
        // One wording for all of them, ids and options as they are.
        let asked = words(seed).questions;
        prop_assert!(asked.iter().all(|one| one.text == asked[0].text));
        prop_assert!(asked.iter().all(|one| one.options == asked[0].options));
        let ids: Vec<_> = asked.iter().map(|one| one.id.to_string()).collect();
        let want: Vec<_> = (0..ids.len()).map(|at| format!("told_{at}")).collect();
        prop_assert_eq!(ids, want);
    }

    #[test]
    fn whatever_a_text_holds_compiling_it_ends(text in "([{}%#|'()a-z0-9 *+~-]|\\{\\{|\\{%|%\\}|\\}\\}| if | for | in |amount){0,60}") {
        let _ = read(&[("en", &script(&text.replace('\\', ""), ""))]);
    }
}

#[test]
fn a_wording_past_the_last_is_the_first() {
    let (warnings, _) = read(&[("en", &script("x", QUESTION))]);
    let text = |variant| {
        let words = warnings.words(pick("fee", Step::Ask, variant, "en"), &BLANKS).unwrap();
        words.questions[0].text.to_string()
    };
    assert_eq!([text(0), text(1), text(2)], ["Told?", "Really?", "Told?"]);
    let variants = [0, 1, 2].map(|seed| warnings.variant("fee", Step::Ask, seed));
    assert_eq!(variants, [0, 1, 0]);
    assert_eq!(warnings.variant("fee", Step::Hold, 1), 0);
}

#[test]
fn a_digest_is_of_what_the_policy_says() {
    let digest = |text: &str| {
        let (warnings, _) = read(&[("en", &script(text, ""))]);
        warnings.words(pick("fee", Step::Hold, 0, "en"), &BLANKS).unwrap().digest
    };
    assert_eq!(digest("{{ amount }}"), digest("{{ amount }}"));
    assert_ne!(digest("{{ amount }}"), digest("£0.00"));
}

#[test]
fn words_have_bounds() {
    let (_, problems) = read(&[("en", &script(&"x".repeat(400), ""))]);
    assert_eq!(problems, [""; 0]);
    let (_, problems) = read(&[("en", &script(&"x".repeat(401), ""))]);
    assert_eq!(
        problems,
        ["en:8: `paragraphs` is longer than people read: keep it to 400 characters"]
    );
    let (_, problems) = read(&[("en", &script("x", &QUESTION.repeat(4)))]);
    assert_eq!(problems, ["en:13: this is no number of questions to ask: ask 1 to 3"]);
}
