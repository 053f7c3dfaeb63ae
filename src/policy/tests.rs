//! What is wrong with policies, all at once, and what the shipped one reads.

use proptest::prelude::*;

use super::*;
use crate::money::Money;

/// Reads the shipped policy with `from` replaced by `to` in `file`, and returns its problems.
#[track_caller]
fn changed(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = standard();
    let text = std::str::from_utf8(files.contents(file).unwrap()).unwrap().to_owned();
    assert!(text.contains(from), "{from}");
    files.insert(file, text.replacen(from, to, 1).as_bytes());
    problems(files)
}

fn problems(files: Files) -> Vec<String> {
    match load(files) {
        Ok(_) => Vec::new(),
        // Without the line: the shipped files change.
        Err(problems) => problems
            .iter()
            .map(|problem| format!("{}: {}: {}", problem.file, problem.message, problem.advice))
            .collect(),
    }
}

#[track_caller]
fn check(file: &str, from: &str, to: &str, want: &[&str]) {
    assert_eq!(changed(file, from, to), want, "{from} → {to}");
}

#[test]
fn the_shipped_policy_has_no_problem() {
    assert_eq!(problems(standard()), [""; 0]);
    let policy = load(standard()).unwrap();
    let watched: Vec<_> = policy.watches().iter().map(|watch| watch.kind.id).collect();
    let listed: Vec<_> = crate::signal::ALL.iter().map(|kind| kind.id).collect();
    assert_eq!(watched, listed);
    assert_eq!(policy.digest(), policy.files().digest());
}

#[test]
fn names_that_lead_nowhere_are_found() {
    let file = "policy.toml";
    check(
        file,
        "[signal.new_payee]",
        "[signal.new_paye]",
        &["policy.toml: `new_paye` is unknown here: did you mean `new_payee`?"],
    );
    check(
        file,
        "warning     = \"police_legal_fee\"",
        "warning = \"police_legal_fees\"",
        &["policy.toml: there is no warning `police_legal_fees`: did you mean `police_legal_fee`?"],
    );
    check(
        file,
        "[\"control\"]",
        "[\"contrl\"]",
        &[
            "policy.toml: no signal of this policy is of the group `contrl`: did you mean `control`?",
        ],
    );
    check(
        file,
        "needs     = [\n  [\"payee\"],\n  [\"legal_pretext\"],",
        "needs = [\n  [\"paye\"],\n  [\"legal_pretext\"],",
        &[
            "policy.toml: no signal of this policy is or is of the group `paye`: did you mean `payee`?",
        ],
    );
    check(
        file,
        "locale   = \"en\"",
        "locale = \"fr\"",
        &[
            "policy.toml: `fr` is no locale: known here: `cy-x-large`, `cy-x-phone`, `cy`, `en-x-large`, `en-x-phone`, `en`",
        ],
    );
    check(
        "lexicon.toml",
        "id = \"bail\"",
        "id = \"bale\"",
        &["lexicon.toml: `bale` is no concept: did you mean `bail`?"],
    );
}

#[test]
fn a_language_that_goes_missing_is_missed() {
    let without = |path: &str| {
        let mut rest = Files::default();
        for (path, contents) in standard().iter().filter(|(other, _)| *other != path) {
            rest.insert(path, contents);
        }
        problems(rest)
    };
    let want = "policy.toml: there are no words in `cy-x-large`: add warnings/cy-x-large.toml, or \
                take it out of `locales`";
    assert_eq!(without("warnings/cy-x-large.toml"), [want]);
    check("policy.toml", "\"en-x-large\", ", "", &[]);
    let known = "known here: `cy-x-large`, `cy-x-phone`, `cy`, `en-x-large`, `en-x-phone`, `en`";
    let want = format!("policy.toml: there are no words in `gd`: {known}");
    check("policy.toml", "[bank.in.cy]", "[bank.in.gd]", &[&want]);
    check(
        "policy.toml",
        "name  = \"eich banc\"",
        "",
        &["policy.toml: `name` is missing: add `name = …`"],
    );
}

#[test]
fn a_policy_of_one_language_that_says_nothing_of_others_is_still_read() {
    let mut old = Files::default();
    let shipped = standard();
    for (path, contents) in shipped
        .iter()
        .filter(|(path, _)| !path.starts_with("warnings/") || *path == "warnings/en.toml")
    {
        old.insert(path, contents);
    }
    let text = std::str::from_utf8(shipped.contents("policy.toml").unwrap()).unwrap();
    let (before, after) = text.split_once("[bank.in.cy]").unwrap();
    let (_, after) = after.split_once("\n\n").unwrap();
    let kept = before.lines().filter(|line| !line.starts_with("locales"));
    let kept = kept.collect::<Vec<_>>().join("\n");
    old.insert("policy.toml", format!("{kept}\n\n{after}").as_bytes());
    assert_eq!(problems(old), [""; 0]);
}

#[test]
fn what_is_needed_is_counted() {
    check(
        "policy.toml",
        "counts    = [\n  \"payee\", \"size\", \"name\", \"voice\"",
        "counts = [\n  \"payee\", \"size\", \"name\"",
        &["policy.toml: `voice` is needed and not counted: add `voice` to `counts`"],
    );
}

#[test]
fn thresholds_stand_in_order() {
    let want = &["policy.toml: the thresholds are out of order: write them so that inform_from < \
                  ask_from < hold_from, and review_from from ask_from to hold_from"][..];
    check("policy.toml", "inform_from = 55", "inform_from = 64", &[]);
    check("policy.toml", "inform_from = 55", "inform_from = 65", want);
    check("policy.toml", "review_from = 75", "review_from = 65", &[]);
    check("policy.toml", "review_from = 75", "review_from = 64", want);
    check("policy.toml", "review_from = 75", "review_from = 86", &[]);
    check("policy.toml", "review_from = 75", "review_from = 87", want);
}

#[test]
fn points_have_the_sign_of_their_family() {
    check(
        "policy.toml",
        "points         = -50",
        "points = 1",
        &["policy.toml: `points` is no such number: write a whole number from -100 to 0"],
    );
    check(
        "policy.toml",
        "points = 45",
        "points = -1",
        &["policy.toml: `points` is no such number: write a whole number from 0 to 100"],
    );
    check(
        "policy.toml",
        "points = 45",
        "points = 45\nunavailable = 46",
        &["policy.toml: `unavailable` is no such number: write a whole number from 0 to 45"],
    );
    check(
        "policy.toml",
        "points = 15             # older",
        "points = 0              # older",
        &[
            "policy.toml: `behavioural_biometrics` has no points anywhere: give it points, count its group in a \
         typology, or remove it",
        ],
    );
}

#[test]
fn an_override_is_of_a_signal_that_is_counted() {
    let needs = "points      = { authority_claim = 15, legal_pretext = 45 }";
    let with =
        |points: &str| format!("points = {{ {points}, authority_claim = 15, legal_pretext = 45 }}");
    check("policy.toml", needs, &with("new_payee = 12"), &[]);
    check(
        "policy.toml",
        needs,
        &with("new_paye = 12"),
        &["policy.toml: `new_paye` is unknown here: did you mean `new_payee`?"],
    );
    check(
        "policy.toml",
        needs,
        &with("new_payee = 101"),
        &["policy.toml: `new_payee` is no such number: write a whole number from 0 to 100"],
    );
    check(
        "policy.toml",
        needs,
        &with("safe_account = 12"),
        &["policy.toml: `safe_account` is weighed and not counted: add `safe_account` to `counts`"],
    );
}

#[test]
fn nothing_is_there_twice() {
    check(
        "policy.toml",
        "id        = \"coached_on_a_call\"",
        "id = \"police_legal_fee\"",
        &["policy.toml: `police_legal_fee` is there twice: give one of them another id"],
    );
    check(
        "policy.toml",
        "priority  = 100",
        "priority = 10",
        &["policy.toml: `police_legal_fee` has this priority as well: say which of the two leads"],
    );
    check(
        "lexicon.toml",
        "  \"bail\", \"bail bond\"",
        "  \"bail\", \"BAIL\", \"bail bond\"",
        &["lexicon.toml: `BAIL` cannot be a phrase: the concept has this phrase already: remove \
         it, or write it otherwise"],
    );
}

#[test]
fn files_are_those_of_a_policy() {
    let mut files = standard();
    files.insert("polcy.toml", b"");
    files.insert("warnings/e n.toml", b"");
    files.insert("lexicon.toml", &[0xff]);
    let mut rest = Files::default();
    for (path, contents) in files.iter().filter(|(path, _)| *path != "cases.toml") {
        rest.insert(path, contents);
    }
    let missing = "the file is missing: add it: deploy/policy/standard/ has one to begin from";
    assert_eq!(
        problems(rest),
        [
            &format!("cases.toml: {missing}"),
            "lexicon.toml: the file is no text: save it as UTF-8",
            "polcy.toml: no policy has such a file: did you mean `policy.toml`?",
            "warnings/e n.toml: no policy has such a file: did you mean `warnings/en.toml`?",
        ]
    );
    let all = ["cases.toml", "lexicon.toml", "policy.toml", "warnings/en.toml"];
    assert_eq!(problems(Files::default()), all.map(|file| format!("{file}: {missing}")));
}

#[test]
fn forty_problems_are_shown_as_forty() {
    let mut files = standard();
    let mut text = String::from("schema = 1\n");
    for _ in 0..40 {
        text.push_str("[[concept]]\nid = \"bale\"\nphrases = [\"bale\"]\n");
    }
    files.insert("lexicon.toml", text.as_bytes());
    assert_eq!(problems(files).len(), 40);
}

#[test]
fn amounts_are_compared_in_the_policys_currency() {
    let policy = load(standard()).unwrap();
    let worth = |amount: &str, code: &str| {
        let amount = crate::testing::amount(amount);
        let currency = Currency::from_code(code).unwrap();
        policy.worth(Money { amount, currency }).map(|worth| worth.normalize().to_string())
    };
    assert_eq!(worth("100.00", "GBP").as_deref(), Some("100"));
    assert_eq!(worth("100.00", "EUR").as_deref(), Some("86"));
    assert_eq!(worth("100.00", "CHF"), None);
}

proptest! {
    #[test]
    fn whatever_the_files_hold_reading_them_ends(
        policy in ".{0,200}",
        lexicon in "(\\[\\[concept\\]\\]\n|id = \"bail\"\n|phrases = \\[\"[a-c ]{0,9}\"\\]\n){0,9}",
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut files = standard();
        files.insert("policy.toml", policy.as_bytes());
        files.insert("lexicon.toml", lexicon.as_bytes());
        prop_assert!(load(files).is_err());
        if let Ok(files) = Files::from_bytes(&bytes) {
            prop_assert_eq!(files.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_policy_with_a_line_less_is_read_to_its_end(
        line in 0_usize..120,
        file in proptest::sample::select(vec!["policy.toml", "lexicon.toml", "warnings/en.toml"]),
    ) {
        let mut files = standard();
        let text = std::str::from_utf8(files.contents(file).unwrap()).unwrap();
        let kept = text.lines().enumerate().filter(|(at, _)| *at != line).map(|(_, text)| text);
        let kept = kept.collect::<Vec<_>>().join("\n");
        files.insert(file, kept.as_bytes());
        if let Err(problems) = load(files) {
            prop_assert!(!problems.is_empty());
        }
    }
}
