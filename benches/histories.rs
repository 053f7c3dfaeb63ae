//! Histories: what payers with a year behind them cost, and whether a million of them are slower than few.
//!
//! `cargo bench --bench histories` fills a memory with a million payers of one payee, one with a million and
//! one with ten thousand payers of fifty payees, each paid over a year, and tells what the process grew by for each payer. Then
//! it recalls, decides, encodes and remembers transfers of both in turns, as the turn does but without a log: a
//! payer makes one a day, so that a day is ten thousand transfers long for the one and a million for the
//! other.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot run has failed"
)]

use std::process::{self, Command};
use std::time::{Duration, Instant};

use clearline::account::{Realm, Token};
use clearline::calendar::{Span, Time};
use clearline::cli::bench::machine::memory;
use clearline::cli::bench::requests::Mix;
use clearline::decision::decide;
use clearline::entry::{
    Decided, DecidedPersonal, DecidedPublic, Entry, Executed, ExecutedPersonal, ExecutedPublic,
    Execution, Identity, Parameters,
};
use clearline::memory::{Known, Memory};
use clearline::money::{Amount, Currency, Money};
use clearline::signal::{Facts, Mode};
use clearline::transfer::Request;

use crate::steps::{KINDS, Steps};

#[path = "steps/steps.rs"]
mod steps;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // `cargo test --benches` would run this too; it takes minutes and asserts nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let steps = Steps::begin();
    if std::env::args().any(|argument| argument == ALONE) {
        filled(&steps, MANY, 1);
        return;
    }
    // Each in memory that nothing was freed in: what a process has once taken may stay with it.
    let program = std::env::current_exe().expect("this program");
    let alone = Command::new(program).args(["--bench", ALONE]).status();
    assert!(alone.expect("this program again").success(), "it ended well");
    let many = filled(&steps, MANY, PAYEES);
    let few = filled(&steps, FEW, PAYEES);
    compare(&steps, few, many);
}

/// Decides about transfers of few payers and of many in turns.
fn compare(steps: &Steps, few: Memory, many: Memory) {
    let mut banks = [(FEW, few), (MANY, many)].map(|(payers, memory)| Bank {
        payers,
        memory,
        took: Vec::new(),
        made: 0,
    });
    for round in 0..ROUNDS {
        for bank in &mut banks {
            bank.round(steps, 100 + round);
        }
    }
    let medians = banks.map(|mut bank| {
        bank.took.sort_unstable();
        let each = |took: &Duration| took.as_nanos() / u128::from(ROUND);
        let ends = [bank.took.first(), bank.took.last()].map(|took| took.map_or(0, each));
        let median = bank.took.get(bank.took.len() / 2).map_or(0, each);
        println!(
            "{} payers of {PAYEES} payees: {median} ns a transfer ({} to {} in {ROUNDS} rounds), \
             {} a second",
            bank.payers,
            ends[0],
            ends[1],
            1_000_000_000 / median.max(1)
        );
        median
    });
    let [few, many] = medians;
    println!("the throughput of many is {} per mille of that of few", few * 1000 / many.max(1));
}

/// Payers and what is remembered of them.
struct Bank {
    payers: u32,
    memory: Memory,
    took: Vec<Duration>,
    made: i64,
}

impl Bank {
    /// Decides about a round of transfers that were read beforehand.
    fn round(&mut self, steps: &Steps, run: u32) {
        let mix = Mix { payers: self.payers, texts_per_mille: 300, ..KINDS[0].1 };
        let between = Span::hours(24).0 / i64::from(self.payers);
        let first = u64::from(run).saturating_mul(ROUND);
        let messages = steps.messages(mix, run, first..first.saturating_add(ROUND));
        let tasks: Vec<(Identity, Request)> = messages
            .iter()
            .map(|message| {
                let mut request = steps.request(message);
                self.made += 1;
                let now = steps.now.plus(Span(self.made * between));
                (request.requested, request.transfer.confirmed) = (now, now);
                (Identity::of(&request, &steps.tokens), request)
            })
            .collect();
        drop(messages);
        let from = Instant::now();
        let mut tasks = tasks.into_iter();
        loop {
            let batch: Vec<_> = tasks.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            self.memory.warm(&batch.iter().map(|(identity, _)| identity).collect::<Vec<_>>());
            for (identity, request) in batch {
                self.pay(steps, identity, request);
            }
        }
        self.took.push(from.elapsed());
    }

    fn pay(&mut self, steps: &Steps, identity: Identity, mut request: Request) {
        let now = self.memory.time().max(request.requested);
        let known = self.memory.known(&identity, request.requested, now);
        assert_eq!(known, Known::New, "another round's");
        let recalled = self.memory.recall(&identity, request.stated(), now);
        let mentions = steps.policy.mentions(&request.transfer.texts, &request.answers);
        let facts = Facts {
            transfer: request.transfer,
            stage: request.stage,
            can_ask: request.can_ask,
            answers: request.answers,
            mentions,
            recall: recalled.recall,
            inherited: recalled.inherited,
            decided: now,
            mode: Mode::Normal,
            seed: 0,
            rejected: request.rejected,
        };
        let decision = decide(&facts, &steps.policy);
        let words = decision.words(&facts, &steps.policy);
        let public = DecidedPublic::of(identity, &facts, &decision, steps.policy.digest());
        let payment_id = request.payment_id;
        let decided = Decided {
            time: now,
            slot: self.memory.slot(identity.customer),
            public,
            personal: Some(DecidedPersonal { payment_id, facts, decision, words }),
        };
        let entry = Entry::Decided(Box::new(decided));
        self.memory.apply_written(&entry, &entry.parts(now));
    }
}

/// Fills a memory with payers of so many payees, each paid once a quarter over a year, and tells what each
/// payer costs.
fn filled(steps: &Steps, payers: u32, each: u32) -> Memory {
    let before = memory(process::id()).expect("the memory of this process");
    let from = Instant::now();
    let mut remembered = Memory::new();
    // Few payments, so that what grows is what is remembered of payers.
    let few = Parameters { payments_max: 20_000, requests_max: 100_000_000, ..Parameters::FIRST };
    remembered.apply(&Entry::Parameters(few), steps.now.minus(Span::days(1)));
    let known = known(steps);
    let mut number = 0_u64;
    for payer in 0..payers {
        let customer = steps.tokens.token(Realm::Customer, &format!("customer-{payer:08}"));
        for paid in 0..each {
            // The first ones are those that transfers go to.
            let account = if u32::try_from(known.len()).is_ok_and(|known| paid < known) {
                steps.tokens.token(Realm::Account, &account(&known, payer, paid))
            } else {
                token(3, u64::from(payer) * u64::from(PAYEES) + u64::from(paid))
            };
            let days = i64::from(paid * 97 % 360);
            number += 1;
            let executed = executed(&remembered, steps.now, (customer, account), (number, days));
            remembered.apply(&executed, steps.now);
        }
    }
    let grown = memory(process::id()).expect("the memory of this process").saturating_sub(before);
    println!(
        "{payers} payers of {each} payees: {} bytes for each payer, filled in {} s",
        grown / u64::from(payers),
        from.elapsed().as_secs()
    );
    remembered
}

/// Returns the account keys that the load's payer zero pays, by number.
fn known(steps: &Steps) -> Vec<String> {
    let mix = Mix { payers: 1, ..KINDS[0].1 };
    let messages = steps.messages(mix, 99, 0..200);
    let keys = messages.iter().map(|message| steps.request(message).transfer.payee.account);
    let mut keys: Vec<String> = keys.map(|account| account.key().to_owned()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Returns the account key of one of a payer's payees: eight numbers on for each payer.
fn account(known: &[String], payer: u32, paid: u32) -> String {
    let key = known.get(usize::try_from(paid).expect("a place")).expect("a payee");
    let (bank, number) = key.split_at(key.len() - 8);
    let number: u32 = number.parse().expect("eight digits");
    format!("{bank}{:08}", number + 8 * payer)
}

fn executed(
    memory: &Memory,
    now: Time,
    (customer, payee): (Token, Token),
    (number, days): (u64, i64),
) -> Entry {
    let money =
        Money { amount: Amount::from_hundredths(1_000 + number % 90_000), currency: Currency::GBP };
    Entry::Executed(Box::new(Executed {
        time: now,
        slot: memory.slot(customer),
        public: ExecutedPublic {
            payment: token(2, number),
            customer,
            payee,
            execution: Execution::Sent,
            unscreened: None,
            decision: None,
            caller: None,
        },
        personal: Some(ExecutedPersonal {
            payment_id: "".into(),
            money,
            executed: now.minus(Span::days(1 + days)),
            reason: None,
        }),
    }))
}

/// Returns a token that is spread as real ones are.
fn token(realm: u8, number: u64) -> Token {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [realm; 16];
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes[8..].copy_from_slice(
        &(mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes(),
    );
    bytes[15] = realm;
    Token(bytes)
}

/// Fills one memory with payers of one payee and does no more.
const ALONE: &str = "--alone";
const FEW: u32 = 10_000;
const MANY: u32 = 1_000_000;
/// Payees of a payer.
const PAYEES: u32 = 50;
/// Transfers of a round: a fifth of a second.
const ROUND: u64 = 50_000;
const ROUNDS: u32 = 15;
/// As many as the turn reads ahead for.
const BATCH: usize = 64;
