//! Tests of access: who may call what, and files that say so.

use super::*;

const FILE: &str = r#"schema = 1
[[role]]
name = "asker"
rights = ["screen", "report"]
sees = "own"
[[role]]
name = "reader"
rights = ["read"]
sees = "all"
[[role]]
name = "nobody"
rights = []
sees = "own"
[[caller]]
name = "payments"
role = "asker"
spiffe = ["spiffe://bank.example/payments"]
dns = ["Payments.bank.example"]
[[caller]]
name = "analysts"
role = "reader"
groups = ["analysts", "leads"]
[[caller]]
name = "askers"
role = "asker"
groups = ["askers"]
[[caller]]
name = "one-person"
role = "nobody"
subjects = ["9b2f"]
"#;

fn access() -> Access {
    Access::read("access.toml", FILE).unwrap()
}

fn spiffe_id(text: &str) -> Identity {
    Identity::Spiffe(text.into())
}

#[test]
fn a_certificate_is_a_caller_by_any_of_its_names() {
    let access = access();
    let id = spiffe_id("spiffe://bank.example/payments");
    let host = Identity::Dns("payments.bank.example".into());
    let other = Identity::Dns("other.bank.example".into());
    for names in [vec![id.clone()], vec![host.clone()], vec![other.clone(), host, id]] {
        let caller = access.by_certificate(&names).unwrap();
        assert_eq!(&*caller.name, "payments", "{names:?}");
        assert_eq!(caller.rights, Rights::of(&[Right::Screen, Right::Report]));
        assert_eq!(caller.sees, Sees::Own);
    }
}

#[test]
fn whoever_is_not_listed_is_a_stranger() {
    let access = access();
    for names in [
        vec![],
        vec![spiffe_id("spiffe://bank.example/payment")],
        vec![spiffe_id("spiffe://bank.example/payments/")],
        vec![Identity::Dns("bank.example".into())],
        // A group's name proves nothing in a certificate, nor a subject's.
        vec![Identity::Dns("analysts".into())],
        vec![Identity::Dns("9b2f".into())],
    ] {
        assert_eq!(access.by_certificate(&names), Err(Stranger::Unlisted), "{names:?}");
    }
    assert_eq!(access.by_token("9b2", &["analyst"]), Err(Stranger::Unlisted));
    assert_eq!(access.by_token("payments", &[]), Err(Stranger::Unlisted));
    assert_eq!(Access::default().by_certificate(&[]), Err(Stranger::Unlisted));
}

#[test]
fn a_certificate_of_two_callers_is_neither() {
    let text = FILE.replace("groups = [\"askers\"]", "dns = [\"b.example\"]");
    let access = Access::read("access.toml", &text).unwrap();
    let names = [spiffe_id("spiffe://bank.example/payments"), Identity::Dns("b.example".into())];
    assert_eq!(access.by_certificate(&names), Err(Stranger::Ambiguous));
}

#[test]
fn a_token_is_its_subject_or_has_the_rights_of_its_groups() {
    let access = access();
    let one = access.by_token("9b2f", &["analysts"]).unwrap();
    assert_eq!((&*one.name, one.rights), ("one-person", Rights::default()));
    for (groups, rights, sees) in [
        (vec!["leads"], vec![Right::Read], Sees::All),
        (vec!["askers"], vec![Right::Screen, Right::Report], Sees::Own),
        (
            vec!["askers", "other", "analysts"],
            vec![Right::Screen, Right::Report, Right::Read],
            Sees::All,
        ),
    ] {
        let person = access.by_token("alice", &groups).unwrap();
        assert_eq!(&*person.name, "person/alice");
        assert_eq!((person.rights, person.sees), (Rights::of(&rights), sees), "{groups:?}");
    }
}

#[test]
fn a_limit_is_the_callers_or_its_roles_or_that_of_the_file() {
    let allowances = |text: &str| {
        let access = Access::read("access.toml", text).unwrap();
        let all =
            access.allowances().map(|(caller, allowance)| (caller.name.to_string(), allowance));
        all.collect::<Vec<_>>()
    };
    let default = Allowance::default();
    for (name, allowance) in allowances(FILE) {
        assert_eq!(allowance, default, "{name}");
    }
    let text = FILE
        .replacen("schema = 1", "schema = 1\n[limits]\nin_flight = 10\nconnections = 3", 1)
        .replacen("sees = \"own\"", "sees = \"own\"\nlimits = { in_flight = 20, burst = 7 }", 1)
        .replacen("[\"askers\"]", "[\"askers\"]\nlimits = { per_second = 30 }", 1);
    let file = Allowance { in_flight_max: 10, connections_max: 3, ..default };
    let role = Allowance { in_flight_max: 20, burst: 7, ..file };
    // With a rate of its own comes a second's worth at once.
    let caller = Allowance { per_second: 30, burst: 30, ..role };
    let want = [("payments", role), ("analysts", file), ("askers", caller), ("one-person", file)];
    assert_eq!(allowances(&text), want.map(|(name, allowance)| (name.to_owned(), allowance)));
    // A person of a group uses what the group may.
    let access = Access::read("access.toml", &text).unwrap();
    let listed = |groups: &[&str]| access.by_token("alice", groups).unwrap().listed;
    assert_eq!((listed(&["askers", "leads"]), listed(&["leads"])), (Some(2), Some(1)));
    assert_eq!(access.by_token("9b2f", &[]).unwrap().listed, Some(3));
}

#[test]
fn a_limit_is_read_within_its_bounds() {
    for (key, most) in [
        ("in_flight", 65_536),
        ("connections", 65_536),
        ("per_second", 1_000_000),
        ("burst", 1_000_000),
    ] {
        for (value, right) in [(0, false), (1, true), (most, true), (most + 1, false)] {
            let text = FILE.replacen(
                "name = \"analysts\"",
                &format!("name = \"analysts\"\nlimits = {{ {key} = {value} }}"),
                1,
            );
            let problems = Access::read("a.toml", &text).err().unwrap_or_default();
            let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(told.is_empty(), right, "{key} {value} {told:?}");
            let want = format!("a.toml:21: `{key}` is no such number");
            assert!(right || told[0].starts_with(&want), "{told:?}");
        }
    }
}

#[test]
fn each_right_allows_its_own_rpcs_and_no_others() {
    for right in Right::ALL {
        let rights = Rights::of(&[right]);
        let caller = Caller { name: "one".into(), rights, sees: Sees::Own, listed: None };
        for rpc in TABLE {
            let want = match rpc.need {
                Need::Nothing | Need::Caller => true,
                Need::Right(needed) => needed == right,
            };
            assert_eq!(caller.may(rpc.need), want, "{right} {}", rpc.path);
        }
    }
    assert_eq!(Rights::ALL, Rights::of(&Right::ALL));
    assert_eq!(Rights::of(&[Right::Audit, Right::Screen]).to_string(), "screen, audit");
}

#[test]
fn without_credentials_nothing_that_needs_a_name_is_allowed() {
    let dev = Caller::dev();
    for (right, want) in [
        (Right::Screen, true),
        (Right::Report, true),
        (Right::Read, true),
        (Right::ReadPersonal, true),
        (Right::Operate, false),
        (Right::Approve, false),
        (Right::Audit, false),
    ] {
        assert_eq!(dev.rights.has(right), want, "{right}");
    }
}

#[test]
fn every_problem_of_a_file_is_told_with_its_line() {
    let row = |file: &str, want: &[&str]| {
        let problems = Access::read("a.toml", file).unwrap_err();
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), want.len(), "{lines:#?}");
        for (line, want) in lines.iter().zip(want) {
            assert!(line.contains(want), "{line}: {want}");
        }
    };
    let change = |from: &str, to: &str| {
        assert!(FILE.contains(from), "{from}");
        FILE.replacen(from, to, 1)
    };
    for (from, to, want) in [
        ("schema = 1", "schema = 2", "a.toml:1: `schema`"),
        ("\"screen\", ", "\"scren\", ", "a.toml:4: `scren` is no right: did you mean `screen`"),
        ("sees = \"own\"", "sees = \"some\"", "a.toml:5: `some` is no sees"),
        ("sees = \"own\"", "sees = \"own\"\nmay = 1", "a.toml:6: `may` is unknown here"),
        ("sees = \"own\"", "sees = \"own\"\nlimits = 1", "a.toml:6: `limits` is no section"),
        (
            "sees = \"own\"",
            "sees = \"own\"\nlimits = { per_minute = 1 }",
            "a.toml:6: `per_minute` is unknown here: known here: `burst`, `connections`, `in_flight`",
        ),
        ("name = \"reader\"", "name = \"asker\"", "there are two roles `asker`"),
        ("role = \"asker\"", "role = \"askr\"", "there is no role `askr`"),
        ("name = \"analysts\"", "name = \"payments\"", "there are two callers `payments`"),
        ("name = \"analysts\"", "name = \"dev\"", "`name` cannot be read"),
        ("name = \"analysts\"", "name = \"a/b\"", "`name` cannot be read"),
        ("name = \"analysts\"", "name = \"Analysts\"", "`name` cannot be read"),
        ("subjects = [\"9b2f\"]", "subject = [\"9b2f\"]", "nobody is this caller"),
        ("subjects = [\"9b2f\"]", "subjects = [\"9b 2f\"]", "`subjects` has what cannot be read"),
        ("\"askers\"]", "\"leads\"]", "the identity stands on line 22 as well"),
        ("spiffe = [\"spiffe:", "spiffe = [\"https:", "`spiffe` has what cannot be read"),
        ("Payments.bank", "*.bank", "`dns` has what cannot be read"),
    ] {
        let problems = Access::read("a.toml", &change(from, to)).unwrap_err();
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|line| line.contains(want)), "{from} → {to}: {told:#?}");
    }
    row("schema = 1", &["`caller` is missing", "`role` is missing"]);
}

#[test]
fn names_of_certificates_are_read_within_their_bounds() {
    let long = format!("spiffe://a/{}", "b".repeat(2_048 - 11));
    for (text, want) in [
        ("spiffe://bank.example/a", true),
        ("spiffe://bank.example/ns/x/sa/Y_z-1.2", true),
        (&*long, true),
        (&*format!("{long}b"), false),
        ("spiffe://bank.example", false),
        ("spiffe://bank.example/", false),
        ("spiffe://bank.example/a/", false),
        ("spiffe://bank.example/a//b", false),
        ("spiffe://bank.example/a/../b", false),
        ("spiffe://bank.example/./b", false),
        ("spiffe://Bank.example/a", false),
        ("spiffe:///a", false),
        ("spiffe://bank.example/a?b", false),
        ("spiffe://bank.example/a%20", false),
        ("spiffe://bank.example:1/a", false),
        ("SPIFFE://bank.example/a", false),
        ("https://bank.example/a", false),
        ("", false),
    ] {
        assert_eq!(spiffe(text).is_some(), want, "{text}");
    }
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    for (text, want) in [
        ("a", true),
        ("A-1.Example", true),
        (&*longest, true),
        (&*format!("{longest}a"), false),
        (&*format!("{label}a"), false),
        ("", false),
        (".", false),
        ("a.", false),
        ("-a", false),
        ("a-", false),
        ("*.example", false),
        ("a_b", false),
        ("é", false),
    ] {
        assert_eq!(dns(text).is_some(), want, "{text}");
    }
    assert_eq!(dns("A.Example").as_deref(), Some("a.example"));
    for (count, want) in [(0, false), (1, true), (128, true), (129, false)] {
        assert_eq!(subject(&"s".repeat(count)).is_some(), want, "{count}");
    }
    assert_eq!((subject("a b"), subject("a\n"), subject("é")), (None, None, None));
}

#[test]
fn the_example_is_a_file_and_uses_every_right_of_the_table() {
    let text = include_str!("../../deploy/access.toml");
    let access = Access::read("access.toml", text).unwrap();
    for rpc in TABLE {
        assert!(access.callers().iter().any(|caller| caller.may(rpc.need)), "{}", rpc.path);
    }
}

#[test]
fn the_document_shows_the_table() {
    let document = include_str!("../../deploy/access.md");
    assert!(document.contains(&printed()), "deploy/access.md lacks:\n{}", printed());
    for right in Right::ALL {
        assert!(document.contains(&format!("| `{right}` | ")), "{right} is not explained");
    }
}
