//! What makes words unfit, each rule on both sides of its limit, and the shipped words under all.

use super::*;
use crate::document::{Document, Problem};
use crate::policy;
use crate::warning::Draft;

/// A hold without a problem, in English; `{}` is one more paragraph.
const HOLD: &str = "[[warning]]\nid = \"fee\"\nversion = 1\n[warning.hold]\ntitle = \"Stop\"\n\
                    safe_action = \"Hang up\"\nparagraphs = [\n\"Call us on {{ bank_phone }}.\",\n\
                    \"{% if deadline %}We decide by {{ deadline }}.{% endif %}\",\n\"{}\",\n]\n";

/// Reads scripts, each as (locale, text), and returns what makes them unfit.
#[track_caller]
fn unfit(files: &[(&str, &str)], chosen: &[Chosen<'_>]) -> Vec<String> {
    let problems = Problems::default();
    let mut draft = Draft::default();
    for (locale, text) in files {
        let text = format!("schema = 1\n{text}");
        draft.read(locale, &Document::parse(locale, &text, &problems).root());
    }
    let warnings = draft.finish(Bank::of("Oak Bank", "0800 1"), "en", &problems);
    assert!(problems.none(), "{:?}", problems.into_sorted());
    check(&warnings, chosen, &problems);
    problems.into_sorted().iter().map(Problem::to_string).collect()
}

const CHOSEN: &[Chosen<'_>] = &[Chosen { id: "fee", likely: false }];

/// Returns what is unfit about one paragraph of a hold, in one locale.
#[track_caller]
fn said(locale: &str, paragraph: &str) -> Vec<String> {
    let text = HOLD.replace("{}", paragraph);
    let problems = unfit(&[(locale, &text)], CHOSEN);
    // Not what is missing beside it: other steps, other forms.
    let beside = |problem: &&String| {
        !problem.contains("has no words ") && !problem.contains("there are no words in")
    };
    problems.iter().filter(beside).cloned().collect()
}

#[track_caller]
fn check_said(locale: &str, paragraph: &str, want: Option<&str>) {
    let problems = said(locale, paragraph);
    match want {
        None => assert_eq!(problems, [""; 0], "{locale}: {paragraph}"),
        Some(want) => {
            let found = problems.iter().any(|problem| problem.contains(want));
            assert!(found, "{locale}: {paragraph}: {problems:?}");
            assert!(problems.iter().all(|problem| problem.starts_with(locale)), "{problems:?}");
        }
    }
}

#[test]
fn shipped_words_are_fit_to_be_shown() {
    let policy = policy::load(policy::standard()).unwrap();
    let ids = policy.warnings().ids();
    let chosen: Vec<_> = ids.iter().map(|id| Chosen { id, likely: false }).collect();
    let problems = Problems::default();
    check(policy.warnings(), &chosen, &problems);
    let problems: Vec<_> = problems.into_sorted().iter().map(Problem::to_string).collect();
    assert_eq!(problems, [""; 0]);

    let mut want = [
        "police_legal_fee",
        "coached_on_a_call",
        "police_fine",
        "bail_bond",
        "tax_arrest",
        "student_authority",
        "police_safe_account",
        "bank_safe_account",
        "agency_fee",
        "investigation_bait",
        "loss_recovery",
        "own_name_hop",
    ];
    want.sort_unstable();
    assert_eq!(ids, want);
    let locales = ["cy", "cy-x-large", "cy-x-phone", "en", "en-x-large", "en-x-phone"];
    assert_eq!(policy.warnings().locales(), locales);
    assert_eq!(policy.warnings().count(), 12 * 3 * 6);
}

#[test]
fn every_shipped_text_differs_from_its_translation() {
    let policy = policy::load(policy::standard()).unwrap();
    let warnings = policy.warnings();
    let of = |(id, step, locale): (&str, Step, &str)| {
        let script = &of(&warnings.scripts[id], step)[locale];
        let reader = Reader {
            warnings,
            id,
            step,
            locale,
            script,
            likely: false,
            problems: &Problems::default(),
        };
        reader.texts().map(|text| text.source.clone()).collect::<BTreeSet<_>>()
    };
    for id in warnings.ids() {
        for step in Step::ALL {
            for form in ["", "-x-large", "-x-phone"] {
                let english = of((id, step, &format!("en{form}")));
                let welsh = of((id, step, &format!("cy{form}")));
                let same: Vec<_> = english.intersection(&welsh).collect();
                assert!(same.is_empty(), "{id}: {same:?}");
            }
        }
    }
}

#[test]
fn a_warning_is_chosen_and_complete() {
    let text = HOLD.replace("{}", "x");
    let problems = unfit(&[("en", &text)], &[]);
    let want = [
        "en:5: `fee` has no words to ask: add [warning.ask] to it, in every language",
        "en:5: `fee` has no words to inform: add [warning.inform] to it, in every language",
        "en:5: `fee` is chosen by no typology: name it as the `warning` of a typology, or remove it",
        "warnings/en.toml: there are no words in `en-x-large`: add warnings/en-x-large.toml, or \
         state what there is in `locales`",
        "warnings/en.toml: there are no words in `en-x-phone`: add warnings/en-x-phone.toml, or \
         state what there is in `locales`",
    ];
    assert_eq!(problems, want);
    let whole = unfit(&[("en", &text), ("en-x-large", &text), ("en-x-phone", &text)], CHOSEN);
    assert_eq!(whole, want[..2]);
}

#[test]
fn likely_is_said_only_of_what_was_measured() {
    let text = HOLD.replace("{}", "This is likely a scam.");
    for (chosen, want) in [
        (&[("fee", false)][..], true),
        (&[("fee", true)], false),
        // Every story that is told in these words must have been measured.
        (&[("fee", true), ("fee", false)], true),
        (&[("other", true)], true),
    ] {
        let chosen: Vec<_> =
            chosen.iter().map(|(id, likely)| Chosen { id, likely: *likely }).collect();
        let problems = unfit(&[("en", &text)], &chosen);
        let found = problems.iter().any(|problem| problem.contains("`likely` claims how likely"));
        assert_eq!(found, want, "{chosen:?}");
    }
    for (locale, paragraph, found) in [
        ("en", "Probably a scam.", true),
        ("en", "PROBABLY", true),
        ("en", "an unlikelyhood", false),
        ("cy", "Mae'n debygol o fod yn sgam.", true),
        ("cy", "Mae'n debyg.", true),
        ("cy", "likely", false),
        ("cy", "tebyg", false),
    ] {
        check_said(locale, paragraph, found.then_some("claims how likely it is"));
    }
    check_said("en", "It is definitely a scam.", Some("`definitely` claims to be certain"));
    check_said("cy", "Sgam yw hwn, heb os.", Some("`heb os` claims to be certain"));
}

#[test]
fn nothing_blames_and_nothing_tells_on_the_payee() {
    for (locale, paragraph, want) in [
        ("en", "You should have known.", Some("`you should have` blames the payer")),
        ("en", "You SHOULD, have", Some("blames the payer")),
        ("en", "Do not be careless.", Some("blames the payer")),
        ("en", "Your faulty line.", None),
        ("en", "You have done nothing wrong.", None),
        ("en", "Underlying", None),
        ("cy", "Eich bai chi yw hyn.", Some("`eich bai` blames the payer")),
        ("cy", "Nid ydych wedi gwneud dim o'i le.", None),
        ("en", "That account is under investigation.", Some("tells what the bank knows")),
        ("en", "A money mule.", Some("tells what the bank knows")),
        ("en", "Report it to Action Fraud.", Some("names an office that is no more")),
        ("en", "Report Fraud has replaced Action Fraud.", None),
    ] {
        check_said(locale, paragraph, want);
    }
}

#[test]
fn numbers_are_the_banks_or_everybodys() {
    for (paragraph, want) in [
        ("Call 101, or 999 in danger.", None),
        ("Ring 0300 123 2040.", None),
        ("Ring 03001232040 or 0300-123-2040", None),
        ("Ring 0300 123 2041.", Some("03001232041 is no number we know")),
        ("Ring 020 7946 0000 now", Some("02079460000 is no number we know")),
        ("Text 7726 or 60", None),
        ("Ring 105", Some("105 is no number we know")),
        ("Ring 0800 {{ amount }} 123", Some("0800")),
        ("You lose £500 or £12,500.00 and 5pm", None),
        ("{% if bank_on_159 %}Dial 159.{% endif %}", None),
        ("Dial 159.", Some("159 is said even where it does not reach the bank")),
        ("See https://example.com", Some("this has a link")),
        ("See www.example.com", Some("this has a link")),
        ("See GOV.UK", None),
    ] {
        if want == Some("0800") {
            // Four digits beside a blank are no number: what is filled in is not told apart.
            check_said("en", paragraph, Some("123 is no number we know"));
        } else {
            check_said("en", paragraph, want);
        }
    }
}

#[test]
fn what_cannot_be_filled_in_is_looked_at_all_the_same() {
    let problems = Problems::default();
    let paragraph = "{{ bank_fone }} is likely. {% if bank_on_159 %}Dial 159 or 105.{% endif %}";
    let text = format!("schema = 1\n{}", HOLD.replace("{}", paragraph));
    let mut draft = Draft::default();
    draft.read("en", &Document::parse("en", &text, &problems).root());
    let warnings = draft.finish(Bank::of("Oak Bank", "0800 1"), "en", &problems);
    check(&warnings, CHOSEN, &problems);
    let problems: Vec<_> = problems.into_sorted().iter().map(Problem::to_string).collect();
    let on_line: Vec<_> =
        problems.iter().filter_map(|problem| problem.strip_prefix("en:11: ")).collect();
    assert_eq!(on_line.len(), 3, "{problems:?}");
    assert!(on_line[0].starts_with("105 is no number we know"), "{on_line:?}");
    assert!(on_line[1].starts_with("`likely` claims how likely"), "{on_line:?}");
    assert!(on_line[2].starts_with("`{{ bank_fone }}` cannot be filled in"), "{on_line:?}");
}

#[test]
fn large_print_has_short_sentences() {
    let sentence = |words: usize| vec!["say"; words].join(" ");
    check_said("en-x-large", &format!("{}.", sentence(15)), None);
    check_said("en-x-large", &format!("{}. {}.", sentence(15), sentence(15)), None);
    let want = Some("a sentence in large print has 16 words");
    check_said("en-x-large", &format!("{}.", sentence(16)), want);
    check_said("cy-x-large", &format!("{}.", sentence(16)), want);
    check_said("en", &format!("{}.", sentence(16)), None);
}

#[test]
fn what_is_read_out_is_short_and_needs_no_hands() {
    // Beside the paragraph: a title of 1 word, an action of 2, a number of 5, a deadline of 8.
    let said = |words: usize| {
        let words: Vec<_> = (0..words).map(|at| if at % 2 == 0 { "I" } else { "I." }).collect();
        words.join(" ")
    };
    check_said("en-x-phone", &said(150 - 16), None);
    let want = Some("`fee` to hold in `en-x-phone` takes 151 words to read out: keep it to 150");
    check_said("en-x-phone", &said(150 - 16 + 1), want);
    check_said("en", &said(150), None);
    for (locale, paragraph, found) in [
        ("en-x-phone", "Press the button.", true),
        ("en-x-phone", "pressing matters", false),
        ("en", "Press it.", false),
        ("cy-x-phone", "Pwyswch y botwm.", true),
        ("cy", "Pwyswch y botwm.", false),
    ] {
        check_said(locale, paragraph, found.then_some("cannot be done on the telephone"));
    }
}

#[test]
fn hard_words_are_told_with_their_measure() {
    let hard = "Notwithstanding institutional representations to the contrary, authorisation \
                necessitates comprehensive identification documentation beforehand, irrespective \
                of circumstances.";
    check_said("en", hard, Some("`fee` to hold in `en` is too hard to read: grade "));
    let hard = "Dangosodd ymchwiliadau annibynnol cynhwysfawr ddiffygion sylweddol \
                ddychrynllyd ymhlith sefydliadau cyhoeddus rhyngwladol.";
    check_said("cy", hard, Some("is too hard to read: LIX "));
    check_said("de", hard, None);
}

#[test]
fn a_hold_says_how_to_reach_the_bank_and_until_when() {
    for (from, advice) in
        [("{{ bank_phone }}", "say how to reach the bank"), ("{{ deadline }}", "say until when")]
    {
        let text = HOLD.replace("{}", "x").replace(from, "us");
        let problems = unfit(&[("en", &text)], CHOSEN);
        let want = "`fee` to hold in `en` leaves the payer without what comes next";
        let found = problems.iter().any(|one| one.contains(want) && one.contains(advice));
        assert!(found, "{problems:?}");
    }
}

#[test]
fn a_question_is_worded_in_two_ways() {
    let ask = "[warning.ask]\ntitle = \"Stop\"\nsafe_action = \"Cancel\"\nparagraphs = [\"x\"]\n\
               [[warning.ask.question]]\nid = \"told\"\nwordings = [\"Told?\"]\noption = [{ id = \
               \"yes\", text = \"Yes\", admits = true }, { id = \"no\", text = \"No\" }]\n";
    let text = HOLD.replace("{}", "x") + ask;
    let want = "`told` is worded in one way only";
    assert!(unfit(&[("en", &text)], CHOSEN).iter().any(|one| one.contains(want)));
    let text = text.replace("[\"Told?\"]", "[\"Told?\", \"Did they?\"]");
    assert!(!unfit(&[("en", &text)], CHOSEN).iter().any(|one| one.contains(want)));
}
