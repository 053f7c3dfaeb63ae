//! Fuzz corpus: what the fuzzer holds of every parser, tried on every run of the tests.
//!
//! The targets in `fuzz/` are called with inputs that are right and must be accepted, with the
//! corpus that is kept there, and with mutations of both that a seed makes: no search, but enough
//! to notice soon when a parser has begun to panic. `WRITE_CORPUS=1` writes the inputs that are
//! right into the corpus, for when a format has changed.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[expect(unreachable_pub, reason = "a library to the fuzzer")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use targets::disk::Random;

type Target = (&'static str, fn(&[u8]) -> bool);

#[test]
fn requests_of_any_bytes_are_read_or_refused() {
    replay(("request", targets::request));
}

#[test]
fn payment_messages_of_any_bytes_are_read_or_refused() {
    replay(("iso20022", targets::iso20022));
}

#[test]
fn segments_of_any_bytes_are_read_mended_or_refused() {
    replay(("frame", targets::frame));
}

#[test]
fn snapshots_of_any_bytes_are_read_or_passed_over() {
    replay(("snapshot", targets::snapshot));
}

#[test]
fn texts_of_any_bytes_are_read_with_any_lexicon() {
    replay(("lexicon", targets::lexicon));
}

#[test]
fn policies_of_any_bytes_are_read_or_have_problems() {
    replay(("policy", targets::policy));
}

#[test]
fn lists_of_any_bytes_are_read_or_have_problems() {
    replay(("list", targets::list));
}

#[test]
fn past_payments_of_any_bytes_are_read_or_left_out() {
    replay(("past", targets::past));
}

/// Tries a target with all that is known and with mutations of it.
fn replay((name, target): Target) {
    let folder = Path::new("fuzz/corpus").join(name);
    let right = targets::right(name);
    if std::env::var("WRITE_CORPUS").is_ok() {
        fs::create_dir_all(&folder).unwrap();
        for (input, bytes) in right.iter().filter(|(_, bytes)| bytes.len() < WRITTEN_BYTES_MAX) {
            fs::write(folder.join(input), bytes).unwrap();
        }
    }
    for (input, bytes) in &right {
        assert!(target(bytes), "{name}: `{input}` is right");
    }
    let mut inputs: Vec<Vec<u8>> = right.into_iter().map(|(_, bytes)| bytes).collect();
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let bytes = fs::read(path).unwrap();
        target(&bytes);
        inputs.push(bytes);
    }

    let (began, mut tried, mut accepted) = (Instant::now(), 0, 0);
    let mut random = Random::new(1);
    while tried < MUTATIONS && began.elapsed() < TIME_MAX {
        let mutated = mutated(&inputs, &mut random);
        tried += 1;
        accepted += u32::from(target(&mutated));
    }
    println!("{name}: {tried} mutations, {accepted} of them accepted");
    // Mutations that are all turned away at the door try nothing behind it.
    assert!(0 < accepted, "{name}: {tried} mutations, none accepted");
}

/// Returns one of the inputs with a few changes.
fn mutated(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut below =
        |end: usize| usize::try_from(random.below(u64::try_from(end.max(1)).unwrap())).unwrap();
    let mut bytes = inputs[below(inputs.len())].clone();
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        let until = (at + below(40)).min(bytes.len());
        let value = [0, 1, 0x7f, 0x80, 0xff, b'"', b'\n', u8::try_from(below(256)).unwrap()];
        let value = value[below(8)];
        match below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..until)),
            2 => bytes.insert(at, value),
            3 => bytes.extend_from_within(at..until),
            4 => {
                let other = &inputs[below(inputs.len())];
                let from = below(other.len());
                let part = other[from..(from + below(200)).min(other.len())].to_vec();
                drop(bytes.splice(at..until, part));
            }
            5 => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << below(8)),
            _ => bytes.get_mut(at).into_iter().for_each(|byte| *byte = value),
        }
    }
    bytes
}

/// A few thousand in all, in the time that a test may take.
const MUTATIONS: u32 = 2_000;
/// On a machine where even these are slow, the rest is left to the fuzzer.
const TIME_MAX: Duration = Duration::from_secs(3);
/// Larger inputs are made when they are needed and not kept.
const WRITTEN_BYTES_MAX: usize = 12_000;
