//! Matching: what it costs to read a text with the shipped lexicon.
//!
//! `18` are references, payees' names cut to 18 characters; `140` fill a whole remittance, purposes
//! one after the other; both are honest, as nearly all are. `telling` are references that mention
//! something, `odd` are those that take the most work. At most 0.8 and 3 microseconds are wanted of
//! the first two.

#![expect(clippy::expect_used, reason = "a bench that cannot run has failed")]

use std::fs;
use std::hint::black_box;

use clearline::policy;
use clearline::text::{MENTIONS_MAX, Source};
use criterion::{Criterion, criterion_group, criterion_main};

fn matching(criterion: &mut Criterion) {
    let policy = policy::load(policy::standard()).expect("the shipped policy");
    let list = fs::read_to_string("tests/text/payments.tsv").expect("a list of payments");
    let rows = list.lines().filter(|row| !row.starts_with('#'));
    let fields: Vec<Vec<&str>> = rows.map(|row| row.split('\t').collect()).collect();
    let column = |at: usize| fields.iter().filter_map(move |row| row.get(at).copied());

    let references: Vec<String> = column(1).map(|payee| cut(payee, 18)).collect();
    let purposes: Vec<&str> = column(2).collect();
    let remittances: Vec<String> =
        purposes.chunks(12).map(|some| cut(&some.join(" "), 140)).collect();
    let remittances = remittances.into_iter().filter(|text| text.len() == 140).collect();
    let telling = ["LEGAL ADVICE FEES", "REFND CHQ", "L E G A L FEE", "WARRENT", "LEGALADVICEFEE"];
    let odd = ["a b c d e f g h i j", "LEGALLEGALLEGALLEG", "C0URT5 W4RR4N7 B4I", "ĹÉǴÁĹ ÁĎVIĆÉ"];

    let mut group = criterion.benchmark_group("matching");
    for (name, source, texts) in [
        ("18", Source::Reference, references),
        ("140", Source::Remittance, remittances),
        ("telling", Source::Reference, telling.map(str::to_owned).to_vec()),
        ("odd", Source::Reference, odd.map(str::to_owned).to_vec()),
    ] {
        let mut texts = texts.iter().cycle();
        let mut mentions = Vec::with_capacity(MENTIONS_MAX);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                mentions.clear();
                let text = texts.next().expect("a text");
                policy.lexicon().mentions(source, black_box(text), &mut mentions);
                mentions.len()
            });
        });
    }
    group.finish();
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

criterion_group!(benches, matching);
criterion_main!(benches);
