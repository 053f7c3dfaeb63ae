//! What the checks find: one change at a time to a policy that is fit, and forty things at once.

use crate::document::Problems;
use crate::policy::{Files, admit, load, standard};

/// Returns the problems of the smallest policy with `from` replaced by `to` in `file`.
#[track_caller]
fn changed(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = small();
    let text = std::str::from_utf8(files.contents(file).unwrap()).unwrap().to_owned();
    assert!(text.contains(from), "{from}");
    files.insert(file, text.replacen(from, to, 1).as_bytes());
    problems(files)
}

#[track_caller]
fn check(file: &str, from: &str, to: &str, want: &[&str]) {
    assert_eq!(changed(file, from, to), want, "{from} → {to}");
}

/// Returns the problems of the smallest policy with a change to policy.toml.
#[track_caller]
fn policy(from: &str, to: &str, want: &[&str]) {
    check("policy.toml", from, to, want);
}

fn problems(files: Files) -> Vec<String> {
    let problems = Problems::default();
    let policy = admit(files.clone(), &problems);
    assert_eq!(policy.is_some(), load(files).is_ok(), "whatever loads can be run");
    // Without the line: the small policy may grow.
    let told = problems
        .into_sorted()
        .into_iter()
        .map(|problem| format!("{}: {}: {}", problem.file, problem.message, problem.advice));
    told.collect()
}

fn small() -> Files {
    folder([
        ("policy.toml", include_str!("../../../tests/policy/small/policy.toml")),
        ("lexicon.toml", include_str!("../../../tests/policy/small/lexicon.toml")),
        ("cases.toml", include_str!("../../../tests/policy/small/cases.toml")),
        ("warnings/en.toml", include_str!("../../../tests/policy/small/warnings/en.toml")),
    ])
}

fn folder(contents: [(&str, &str); 4]) -> Files {
    let mut files = Files::default();
    for (path, text) in contents {
        files.insert(path, text.as_bytes());
    }
    files
}

#[test]
fn a_policy_that_is_fit_has_no_problem() {
    assert_eq!(problems(small()), [""; 0]);
    assert_eq!(problems(standard()), [""; 0]);
}

#[test]
fn a_threshold_is_within_reach_of_the_evidence() {
    // 15 + 20 + 30 + 30 + 25 = 120.
    policy("hold_from   = 85", "hold_from = 120", &[]);
    policy(
        "hold_from   = 85",
        "hold_from = 121",
        &["policy.toml: `hold_from` is 121 and everything counted comes to 120 points, so it is \
           out of reach: lower it to 120 or less, or count more groups"],
    );
    let points = "inform_from = 55\nask_from    = 65\nreview_from = 75\nhold_from   = 85";
    policy(
        points,
        "inform_from = 121\nask_from = 122\nreview_from = 123\nhold_from = 124",
        &["policy.toml: `inform_from` is 121 and everything counted comes to 120 points, so it \
           never fires: lower it to 120 or less, or count more groups"],
    );
}

#[test]
fn somebody_is_asked_before_everything_is_held() {
    // A stranger 15, legal words 30, the weaker of promise 25 and call 30: 70.
    let points = "inform_from = 55\nask_from    = 65\nreview_from = 75\nhold_from   = 85";
    let with = |hold: u32| {
        format!("inform_from = 55\nask_from = 60\nreview_from = 65\nhold_from = {hold}")
    };
    policy(points, &with(71), &[]);
    policy(
        points,
        &with(70),
        &["policy.toml: what is needed comes to 70 points already, so it always holds and \
           nobody is asked first: raise `hold_from` above 70, or need less"],
    );
}

#[test]
fn one_sign_alone_is_no_story() {
    let from = "needs       = [[\"payee\"], [\"legal_pretext\"], [\"refund_promise\", \"voice\"]]";
    let to = "needs = [[\"voice\"]]\npoints = { call_in_progress = 54 }";
    policy(from, to, &[]);
    policy(
        from,
        "needs = [[\"voice\"]]\npoints = { call_in_progress = 55 }",
        &["policy.toml: `voice` alone reaches `inform_from`: need another group as well: no \
           single sign is rare among honest people"],
    );
}

#[test]
fn text_alone_never_holds() {
    let from = "needs       = [[\"payee\"], [\"legal_pretext\"], [\"refund_promise\", \"voice\"]]";
    let with = |points: u32| {
        format!(
            "needs = [[\"legal_pretext\"], [\"voice\", \"refund_promise\"]]\npoints = {{ legal_pretext = {points}, refund_promise = 45 }}"
        )
    };
    policy(from, &with(39), &[]);
    policy(
        from,
        &with(40),
        &["policy.toml: what is written reaches `hold_from` with nothing else: need a group of \
             another kind, such as `payee`: people write anything"],
    );
}

#[test]
fn each_list_of_what_is_needed_asks_something() {
    let from = "[\"refund_promise\", \"voice\"]]";
    policy(
        from,
        "[\"legal_pretext\", \"voice\"]]",
        &["policy.toml: [\"legal_pretext\", \"voice\"] asks nothing more than another list: \
           remove it: whatever meets the narrower list meets this one"],
    );
    policy(
        from,
        "[\"refund_promise\", \"voice\", \"voice\"]]",
        &["policy.toml: `voice` is there twice: name it once"],
    );
    policy(
        from,
        "[\"refund_promise\", \"voice\", \"call_in_progress\"]]",
        &["policy.toml: `call_in_progress` is of the group `voice`, named here too: keep the \
           one you mean"],
    );
    policy(
        from,
        "[\"refund_promise\", \"voice\", \"protective\"]]",
        &["policy.toml: what speaks for a payment is needed for a scam: take the protective \
           group out of `needs`"],
    );
}

#[test]
fn what_is_counted_weighs_something_and_can_be_spoken_against() {
    policy(
        "mentions    =",
        "points = { balance_drain = 0 }\nmentions    =",
        &[
            "policy.toml: `balance_drain` has no points anywhere: give it points, count its \
             group in a typology, or remove it",
            "policy.toml: `size` is counted and weighs nothing: give its signals points, or \
             take the group out of `counts`",
            "policy.toml: what speaks for a payment takes off 50 points, so that even everything \
             together, 100 points, stays below `inform_from`: let it weigh less: a protected payee \
             must not silence all evidence at once",
        ],
    );
    let found = changed("policy.toml", ", \"protective\"]", "]");
    let want = "policy.toml: nothing that speaks for a payment is counted: add `protective` to \
                `counts`, so that known payees are left alone";
    assert!(found.contains(&want.to_owned()), "{found:?}");
    policy("points         = -50", "points = -65", &[]);
    policy(
        "points         = -50",
        "points = -66",
        &["policy.toml: what speaks for a payment takes off 66 points, so that even everything \
           together, 120 points, stays below `inform_from`: let it weigh less: a protected payee \
           must not silence all evidence at once"],
    );
}

#[test]
fn what_is_looked_for_can_be_said_and_what_can_be_said_is_looked_for() {
    let file = "policy.toml";
    check(
        file,
        "concepts = [\"legal_advice\", \"warrant\"]",
        "concepts = [\"legal_advice\", \"warrant\", \"bail\"]",
        &["policy.toml: lexicon.toml has no phrase for `bail`: add phrases for it, or remove \
           it: the signal cannot fire for it"],
    );
    check(
        file,
        "mentions    = [\"legal_advice\"",
        "mentions = [\"bail\"",
        &["policy.toml: lexicon.toml has no phrase for `bail`: add phrases for it, or remove \
           it: no text can mention it"],
    );
    check(
        file,
        "mentions    = [\"legal_advice\"",
        "mentions = [\"bale\"",
        &["policy.toml: `bale` is no concept: did you mean `bail`?"],
    );
    check(
        "lexicon.toml",
        "[[concept]]\nid      = \"refund_promise\"",
        "[[concept]]\nid = \"bail\"\nphrases = [\"bail money\"]\n[[concept]]\nid = \"refund_promise\"",
        &["lexicon.toml: no signal and no typology looks for `bail`: name it in the `concepts` \
           of a signal, or remove its phrases"],
    );
}

#[test]
fn a_concept_that_there_is_not_is_told_of_once() {
    let first = "[[concept]]\nid      = \"refund_promise\"";
    for (id, said) in [
        ("bailiff", "`bailiff` is no concept that this program knows, and a policy cannot add one"),
        ("bale", "`bale` is no concept: did you mean `bail`?"),
    ] {
        let mut files = small();
        let text = std::str::from_utf8(files.contents("lexicon.toml").unwrap()).unwrap();
        let added = format!("[[concept]]\nid = \"{id}\"\nphrases = [\"sealed papers\"]\n{first}");
        let text = text.replacen(first, &added, 1);
        files.insert("lexicon.toml", text.as_bytes());
        let found = problems(files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found.iter().all(|problem| problem.contains(said)), "{found:?}");
    }
}

#[test]
fn a_warning_without_a_question_is_told_of_once() {
    let mut files = small();
    let text = std::str::from_utf8(files.contents("warnings/en.toml").unwrap()).unwrap();
    let mut kept = String::new();
    let mut asking = false;
    for line in text.lines() {
        if line.starts_with('[') {
            asking = line.starts_with("[[warning.ask.question");
        }
        if !asking {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    files.insert("warnings/en.toml", kept.as_bytes());
    assert_eq!(
        problems(files),
        ["warnings/en.toml: the ask step has no question: add one to three \
          [[warning.ask.question]] below it"]
    );
}

#[test]
fn every_warning_is_chosen() {
    policy(
        "warning     = \"legal_fee\"",
        "warning = \"legal_fees\"",
        &[
            "policy.toml: there is no warning `legal_fees`: did you mean `legal_fee`?",
            "warnings/en.toml: `legal_fee` is chosen by no typology: name it as the `warning` of a \
             typology, or remove it",
        ],
    );
}

#[test]
fn two_typologies_tell_themselves_apart() {
    let text = small();
    let text = std::str::from_utf8(text.contents("policy.toml").unwrap()).unwrap();
    let (head, typology) = text.split_once("[[typology]]").unwrap();
    let second = typology.replace("\"legal_fee\"\npriority    = 10", "\"other\"\npriority = 20");
    let with = |second: &str| {
        let mut files = small();
        files.insert(
            "policy.toml",
            [head, "[[typology]]", typology, "[[typology]]", second].concat().as_bytes(),
        );
        let found = problems(files).into_iter();
        found.filter(|problem| !problem.contains("no case wants")).collect::<Vec<_>>()
    };
    let same = "`other` and `legal_fee` need and count the same, and `legal_fee` leads whenever \
                both speak: let them differ in `needs`, `mentions` or `counts`, or keep one";
    assert_eq!(with(&second), [format!("policy.toml: {same}")]);
    assert_eq!(with(&second.replace("ask_from    = 65", "ask_from = 64")), [""; 0]);
    assert_eq!(
        with(&second.replace("[\"legal_advice\", \"warrant\"]\ncounts", "[\"warrant\"]\ncounts")),
        [""; 0]
    );
}

#[test]
fn every_typology_has_its_story_and_honest_people_theirs() {
    check(
        "cases.toml",
        ", typology = \"legal_fee\"",
        "",
        &["policy.toml: no case wants a hold by `legal_fee`: tell its story in cases.toml, \
           with the typology it must lead to"],
    );
    check(
        "cases.toml",
        "\"allow\", warning = false",
        "\"hold\"",
        &[
            "cases.toml: the cases tell of 2 held payments and 0 honest ones: tell of honest people \
           who look alike, as many as of victims",
        ],
    );
    check(
        "cases.toml",
        "\"a deposit to a solicitor on a Friday\"",
        "\"wanted on a warrant, and told what to type\"",
        &["cases.toml: `wanted on a warrant, and told what to type` is there twice: give one \
           another name"],
    );
}
