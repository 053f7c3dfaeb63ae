//! Text: what the shipped lexicon reads in what people type.
//!
//! Three lists: honest texts that bear the words of the scam (`src/text/hazards.txt`), texts of both
//! kinds as a person types them (`tests/text/typed.tsv`), and honest payments as they were published
//! (`tests/text/payments.tsv`), which say how often each concept is mentioned where no scam is.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;

use clearline::policy::{self, Policy};
use clearline::text::{Concept, Lexicon, Source, hazards};

#[test]
fn no_hazard_is_hit() {
    let policy = shipped();
    let mut problems = String::new();
    for hazard in hazards::all() {
        for hit in policy.lexicon().hits(&hazard) {
            let (line, text, phrase) = (hazard.line, hazard.text, hit.phrase);
            writeln!(problems, "hazards.txt:{line}: {text:?}: {phrase:?}").unwrap();
        }
        let found = concepts(policy.lexicon(), Source::Reference, hazard.text);
        for concept in hazard.allowed.iter().filter(|allowed| !found.contains(allowed)) {
            let (line, concept) = (hazard.line, concept.name());
            writeln!(problems, "hazards.txt:{line}: `{concept}` is not mentioned").unwrap();
        }
    }
    assert!(problems.is_empty(), "\n{problems}");
}

#[test]
fn what_is_typed_mentions_what_it_should() {
    let policy = shipped();
    let (mut problems, mut count) = (String::new(), 0);
    for (line, [text, place, wanted]) in rows("tests/text/typed.tsv") {
        let source = match &*place {
            "ref" => Source::Reference,
            "rem" => Source::Remittance,
            "purpose" => Source::Purpose,
            "answer" => Source::Answer,
            other => panic!("typed.tsv:{line}: {other:?} is no place"),
        };
        let mut wanted: Vec<_> = wanted.split(' ').filter(|name| *name != "-").collect();
        wanted.sort_unstable();
        let found = concepts(policy.lexicon(), source, &text);
        let mut names: Vec<_> = found.iter().map(|concept| concept.name()).collect();
        names.sort_unstable();
        if names != wanted {
            writeln!(problems, "typed.tsv:{line}: {text:?}: {names:?}, not {wanted:?}").unwrap();
        }
        count += 1;
    }
    assert!(problems.is_empty(), "\n{problems}");
    assert!(500 < count, "{count} rows");
}

#[test]
fn every_concept_has_rows_that_mention_it() {
    let rows = rows("tests/text/typed.tsv");
    for concept in Concept::ALL {
        let mentioned = rows
            .iter()
            .filter(|(_, [_, _, wanted])| wanted.split(' ').any(|name| name == concept.name()));
        assert!(3 <= mentioned.count(), "{}", concept.name());
    }
}

#[test]
fn honest_payments_mention_each_concept_this_often() {
    let policy = shipped();
    let payments = rows("tests/text/payments.tsv");
    assert!(2_000 <= payments.len(), "{}", payments.len());
    let count = |of: &dyn Fn(&str, &str) -> (Source, String)| {
        let mut counts = vec![0_u32; Concept::ALL.len()];
        for (_, [_, payee, purpose]) in &payments {
            let (source, text) = of(payee, purpose);
            for concept in concepts(policy.lexicon(), source, &text) {
                let at = Concept::ALL.iter().position(|known| *known == concept).unwrap();
                counts[at] += 1;
            }
        }
        counts
    };
    let purposes = count(&|_, purpose| (Source::Remittance, purpose.to_owned()));
    let payees = count(&|payee, _| (Source::Remittance, payee.to_owned()));
    let cut = count(&|payee, _| (Source::Reference, payee.chars().take(18).collect()));

    let mut table = format!("of {} payments: purpose, payee, payee cut to 18\n", payments.len());
    for (at, concept) in Concept::ALL.iter().enumerate() {
        let (purposes, payees, cut) = (purposes[at], payees[at], cut[at]);
        writeln!(table, "{:<14} {purposes:>3} {payees:>3} {cut:>3}", concept.name()).unwrap();
    }
    assert_eq!(table.trim_end(), RATES.trim(), "\n{table}");
}

#[test]
fn every_phrase_can_be_matched_and_every_exception_excepts_something() {
    let policy = shipped();
    let lexicon = policy.lexicon();
    for listed in lexicon.listed() {
        let line = listed.line;
        assert!(0 < line);
        if listed.excepted {
            assert!(lexicon.excepts_something(&listed), "lexicon.toml:{line}: {}", listed.text);
        } else {
            assert!(lexicon.speaks(&listed), "lexicon.toml:{line}: {}", listed.text);
        }
    }
}

#[test]
fn a_lexicon_from_before_there_were_negations_is_still_read() {
    let before = "schema = 1\n[[concept]]\nid = \"bail\"\nphrases = [\"bail\", \"tŷ\", \"ty\", \
                  \"½ ½ ½ ½ ½ ½ ½ ½\", \"it's\", \"a@b\"]\n";
    let mut files = policy::standard();
    files.insert("lexicon.toml", before.as_bytes());
    let policy = policy::load(files).unwrap();
    assert_eq!(concepts(policy.lexicon(), Source::Reference, "not bail"), [Concept::Bail]);
}

#[test]
fn a_lexicon_of_a_hundred_thousand_phrases_is_refused_with_one_problem() {
    let phrases: Vec<_> = (0..100_000).map(|number| format!("\"{number:x}\"")).collect();
    let text =
        format!("schema = 1\n[[concept]]\nid=\"bail\"\nphrases=[\n{}\n]", phrases.join(",\n"));
    let mut files = policy::standard();
    files.insert("lexicon.toml", text.as_bytes());
    let problems = policy::load(files).unwrap_err();
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let want = "lexicon.toml:4005: a lexicon may have at most 4000 phrases: remove what mentions \
                nothing";
    assert_eq!(problems, [want]);
}

/// What a phrase costs honest people, concept by concept. Councils pay solicitors and courts more
/// than any customer does. Who changes the lexicon changes these, and says why.
const RATES: &str = "
of 3000 payments: purpose, payee, payee cut to 18
legal_advice     0   0   0
solicitor       39  51  37
warrant          0   0   0
bail             0   0   0
court            1   3   3
refund_promise   0   0   0
refund           3   1   0
cheque           0   0   0
arrest           0   0   0
fine             0   0   0
police           0   0   0
agency           0   1   0
bank_staff       0   0   0
investigation    0   0   1
safe_account     0   1   1
urgency          0   1   1
secrecy          0   0   0
deposit_bond     0   0   0
courier          0   1   1
tax              0   0   0
recovery         0   0   0
immigration      1   1   1
inquiry          1   0   1
own_account      0   0   0
";

fn shipped() -> Policy {
    policy::load(policy::standard()).unwrap()
}

/// Returns the concepts that a text mentions, each once.
fn concepts(lexicon: &Lexicon, source: Source, text: &str) -> Vec<Concept> {
    let mut mentions = Vec::new();
    lexicon.mentions(source, text, &mut mentions);
    let mut found: Vec<_> = mentions.iter().map(|mention| mention.concept).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns the rows of a list with their lines.
fn rows(path: &str) -> Vec<(usize, [String; 3])> {
    let text = fs::read_to_string(path).unwrap();
    let lines = (1..).zip(text.lines());
    let rows = lines.filter(|(_, row)| !row.is_empty() && !row.starts_with("# "));
    let read = |row: &str| {
        let fields: Vec<_> = row.split('\t').map(ToOwned::to_owned).collect();
        fields.try_into().unwrap_or_else(|_| panic!("{path}: {row:?} has three fields"))
    };
    rows.filter(|(_, row)| *row != "#").map(|(line, row)| (line, read(row))).collect()
}
