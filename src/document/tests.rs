//! Rows of wrong and right documents.

use super::*;
use crate::testing::read_section as read;

#[track_caller]
fn check<T: PartialEq + fmt::Debug>(
    text: &str,
    reading: impl FnOnce(&Section<'_>) -> T,
    want: T,
    problems: &[&str],
) {
    assert_eq!(read(text, reading), (want, problems.iter().map(ToString::to_string).collect()));
}

#[test]
fn whole_numbers_have_bounds() {
    let whole = |section: &Section<'_>| section.whole("n", 1..=100_u32);
    check("n = 1", whole, Some(1), &[]);
    check("n = 100", whole, Some(100), &[]);
    let wrong = "a.toml:1: `n` is no such number: write a whole number from 1 to 100";
    for text in ["n = 0", "n = 101", "n = -1", "n = 1.0", "n = \"1\"", "n = 99999999999999999999"] {
        check(text, whole, None, &[wrong]);
    }
    check("", whole, None, &["a.toml:1: `n` is missing: add `n = …`"]);
}

#[test]
fn decimals_stand_in_quotes() {
    let decimal = |section: &Section<'_>| section.decimal("d");
    check("d = \"0.90\"", decimal, Some(Decimal::new(90, 2)), &[]);
    let quote = "a.toml:1: `d` cannot be read: put it in quotes: a decimal, such as \"0.90\"";
    check("d = 0.90", decimal, None, &[quote]);
    check("d = 1", decimal, None, &[quote]);
    let other = "a.toml:1: `d` cannot be read: write a decimal, such as \"0.90\"";
    check("d = \"0,90\"", decimal, None, &[other]);
    check("d = true", decimal, None, &[other]);
}

#[test]
fn an_optional_key_may_be_absent_but_not_wrong() {
    let text = |section: &Section<'_>| {
        let text = section.optional("t", |section, key| section.text(key).map(str::len));
        // Told apart: wrong, absent, there.
        text.map_or("wrong".to_owned(), |text| text.map_or("absent".to_owned(), |n| n.to_string()))
    };
    check("t = \"x\"", text, "1".to_owned(), &[]);
    check("", text, "absent".to_owned(), &[]);
    let wrong = "a.toml:1: `t` is no text: write some text in quotes";
    check("t = \" \"", text, "wrong".to_owned(), &[wrong]);
}

#[test]
fn a_name_is_one_of_those_known() {
    let choice = |section: &Section<'_>| section.choice("step", &[("ask", 1), ("hold", 2)]);
    check("step = \"hold\"", choice, Some(2), &[]);
    let near = "a.toml:1: `holds` is no step: did you mean `hold`? known here: `ask`, `hold`";
    check("step = \"holds\"", choice, None, &[near]);
    let far = "a.toml:1: `block` is no step: known here: `ask`, `hold`";
    check("step = \"block\"", choice, None, &[far]);
    for wrong in ["step = true", "step = 1", "step = \"\""] {
        let told = "a.toml:1: `step` is no text: write one of \"ask\", \"hold\", with its quotes";
        check(wrong, choice, None, &[told]);
    }
}

#[test]
fn an_amount_is_bare_digits() {
    let amount = |section: &Section<'_>| section.amount("a", "an amount").is_some();
    check("a = \"2400.00\"", amount, true, &[]);
    let dressed =
        "a.toml:1: `a` cannot be read: write it without £ and commas, such as \"3200.00\"";
    for text in ["£2,400.00", "2,400", "£ 5"] {
        check(&format!("a = \"{text}\""), amount, false, &[dressed]);
    }
    check("a = \"lots, £\"", amount, false, &["a.toml:1: `a` cannot be read: write an amount"]);
    let bare = "a.toml:1: `a` cannot be read: put it in quotes: an amount";
    check("a = 2400", amount, false, &[bare]);
}

#[test]
fn lists_are_read_to_their_end() {
    let count = |section: &Section<'_>| section.texts("l").map(|texts| texts.len());
    check("l = [\"a\", \"b\"]", count, Some(2), &[]);
    check("l = []", count, Some(0), &[]);
    let wrong =
        |line| format!("a.toml:{line}: `l` holds something else: write texts in quotes only");
    check("l = [\n1,\n\"a\",\n2]", count, None, &[&wrong(2), &wrong(4)]);
    check("l = 1", count, None, &["a.toml:1: `l` is no list: write a list in brackets"]);

    let lists = |section: &Section<'_>| section.text_lists("l").map(|lists| lists.len());
    check("l = [[\"a\"], [\"b\", \"c\"]]", lists, Some(2), &[]);
    let wrong = "a.toml:1: `l` holds something else: write a list of lists, such as \
                 [[\"payee\"], [\"voice\", \"control\"]]";
    check("l = [\"a\"]", lists, None, &[wrong]);
}

#[test]
fn what_nobody_asked_for_is_unknown() {
    let text = "n = 1\nm = 2\n\n[inner]\npionts = 3\n";
    let reading = |section: &Section<'_>| {
        section.whole("n", 0..=9_i64);
        section.section("inner").map(|inner| inner.has("points"))
    };
    let want = [
        "a.toml:2: `m` is unknown here: did you mean `n`?",
        "a.toml:5: `pionts` is unknown here: did you mean `points`?",
    ];
    check(text, reading, Some(false), &want);
}

#[test]
fn every_problem_is_there_at_once() {
    let text = "[[item]]\nn = 100\n".repeat(40);
    let ((), problems) = read(&text, |section| {
        for item in section.sections("item").unwrap() {
            item.whole("n", 0..=99_i64);
        }
    });
    assert_eq!(problems.len(), 40);
    assert!(problems[39].starts_with("a.toml:80: "), "{}", problems[39]);
}

#[test]
fn what_is_no_toml_is_reported_where_it_stands() {
    let (value, problems) = read("n = 1\nm = = 2\nk = 3\n", |section| {
        (section.whole("n", 0..=9_i64), section.has("m"), section.whole("k", 0..=9_i64))
    });
    assert_eq!((value.0, value.2), (Some(1), Some(3)));
    assert!(problems[0].starts_with("a.toml:2: this is no TOML: "), "{problems:?}");
    let (_, problems) = read("n = 1\nn = 2\n", |section| section.has("n"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("a.toml:2: this is no TOML: "), "{problems:?}");
}

#[test]
fn of_a_line_that_is_no_toml_one_thing_is_told_and_others_are_read_on() {
    let text = "[a]\nb = { n = \"1, m = \"x y\", k = 2 }\nl = 1\n[c]\nn = { }\n";
    let ((), problems) = read(text, |section| {
        let inner = section.section("a").unwrap();
        if let Some(inner) = inner.section("b") {
            inner.text("n");
            inner.text("o");
        }
        section.section("c").unwrap().text("n");
    });
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].starts_with("a.toml:2: this is no TOML: "), "{problems:?}");
    assert!(problems[1].starts_with("a.toml:3: `l` is unknown here: "), "{problems:?}");
    assert!(problems[2].starts_with("a.toml:5: `n` is no text: "), "{problems:?}");
}
