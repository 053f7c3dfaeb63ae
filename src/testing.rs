//! Testing: shorthand for tests.

use crate::account::{Account, Token, Tokens};
use crate::calendar::Time;
use crate::decision::{Action, Decision};
use crate::document::{Document, Problems, Section};
use crate::entry::{
    Decided, DecidedPersonal, DecidedPublic, Executed, ExecutedPersonal, ExecutedPublic, Execution,
    Identity, Imported, ImportedPersonal, ImportedPublic, Listed, PartEnd, Past,
};
use crate::history::Recall;
use crate::money::{Amount, Currency, Money, Share};
use crate::signal::{Facts, Mode};
use crate::text::{Concept, Mention, Source};
use crate::transfer::{
    Answer, NameCheck, NameResult, Payee, Payer, Rail, Request, Session, Stage, Texts, Transfer,
};

/// Reads an amount.
pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse(text).expect("an amount")
}

/// Reads an amount of pounds.
pub(crate) fn pounds(text: &str) -> Money {
    Money { amount: amount(text), currency: Currency::GBP }
}

/// Reads a share.
pub(crate) fn share(text: &str) -> Share {
    Share::new(text.parse().expect("a decimal")).expect("a share")
}

/// Reads an instant, such as `2026-11-20T15:04:05Z`.
pub(crate) fn time(text: &str) -> Time {
    Time::parse(text).expect("an instant")
}

/// Returns a transfer of £3,200.00 with no optional fact, confirmed on a Friday afternoon.
pub(crate) fn transfer() -> Transfer {
    let account = |number| Account::uk("601613", number, "").expect("an account");
    Transfer {
        end_to_end_id: None,
        instruction_id: None,
        uetr: None,
        rail: None,
        instruction: None,
        channel: None,
        initiation: None,
        money: pounds("3200.00"),
        confirmed: time("2026-11-20T15:04:05Z"),
        due: None,
        payer: Payer {
            customer: "customer-1".into(),
            account: account("31926819"),
            name: None,
            segment: None,
            balance: None,
            permitted: None,
            locale: None,
        },
        payee: Payee {
            account: account("55779911"),
            name: None,
            declared: None,
            provider: None,
            own: None,
            added: None,
            first_paid: None,
            times_paid: None,
            total_paid: None,
            reputation: None,
        },
        name_check: None,
        texts: Texts::default(),
        session: Session::default(),
        gathered: None,
    }
}

/// Returns the facts of [`transfer`], asked about in the app before it is confirmed, by a payer
/// nothing is known of.
pub(crate) fn facts() -> Facts {
    let transfer = transfer();
    Facts {
        decided: transfer.confirmed,
        transfer: Box::new(transfer),
        stage: Stage::BeforeConfirmation,
        can_ask: true,
        answers: Vec::new(),
        mentions: Vec::new(),
        recall: Recall::default(),
        inherited: Vec::new(),
        mode: Mode::Normal,
        seed: 0,
        rejected: Vec::new(),
    }
}

/// Returns what a name check answered, and no more; an empty reason is none.
pub(crate) fn name_check(result: Option<NameResult>, reason: &str) -> NameCheck {
    let reason = (!reason.is_empty()).then(|| reason.into());
    NameCheck { result, reason, asked: None, reported: None, checked: None }
}

/// Returns a mention at the beginning of the reference.
pub(crate) fn mention(concept: Concept) -> Mention {
    Mention { concept, source: Source::Reference, from: 0, until: 4 }
}

/// Returns an option chosen under a question.
pub(crate) fn answer(question: &str, option: &str) -> Answer {
    Answer { question: question.into(), option: Some(option.into()), text: None, answered: None }
}

/// Reads `text` as TOML and returns what `read` makes of it, and the problems, a line each.
pub(crate) fn read_section<T>(
    text: &str,
    read: impl FnOnce(&Section<'_>) -> T,
) -> (T, Vec<String>) {
    let problems = Problems::default();
    let document = Document::parse("a.toml", text, &problems);
    let value = read(&document.root());
    drop(document);
    (value, problems.into_sorted().iter().map(ToString::to_string).collect())
}

/// Returns a request about [`transfer`], id and payment numbered.
pub(crate) fn request(number: u64) -> Request {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    Request {
        id,
        payment_id: format!("payment-{number}").into(),
        requested: time("2026-11-20T15:04:05Z"),
        stage: Stage::BeforeConfirmation,
        can_ask: true,
        continues: None,
        transfer: Box::new(transfer()),
        answers: Vec::new(),
        rejected: Vec::new(),
    }
}

/// Returns the entry of an allowed request, decided at `time`.
pub(crate) fn allowed(request: Request, slot: u32, time: Time) -> Decided {
    let identity = Identity::of(&request, &Tokens::new(&[7; 32]));
    let decision = Decision {
        action: Action::Allow,
        hold: None,
        step: None,
        typology: None,
        warning: None,
        contact: None,
        readings: Vec::new(),
        weighed: Vec::new(),
        quiet: Vec::new(),
        unavailable: Vec::new(),
    };
    let facts = Facts {
        transfer: request.transfer,
        stage: request.stage,
        can_ask: request.can_ask,
        answers: request.answers,
        decided: time,
        rejected: request.rejected,
        ..facts()
    };
    Decided {
        time,
        slot,
        public: DecidedPublic::of(identity, &facts, &decision, [9; 32]),
        personal: Some(DecidedPersonal {
            payment_id: request.payment_id,
            facts,
            decision,
            words: None,
        }),
    }
}

/// Returns one part, numbered among all, of a list of client accounts with these tokens.
pub(crate) fn listed(version: u32, (part, parts): (u32, u32), tokens: &[u8]) -> Listed {
    Listed {
        version,
        owner: "payments risk".into(),
        content: [7; 16],
        part,
        parts,
        client_accounts: tokens.iter().map(|token| Token([*token; 16])).collect(),
        billers: Vec::new(),
        build: "clearline 0.1.0".into(),
        by: None,
    }
}

/// Returns the only entry of the rows from `from` to before `until` of a file: payments of 10 pounds
/// to one payee, sent at these times.
pub(crate) fn imported(file: u8, (from, until): (u64, u64), sent: &[&str]) -> Imported {
    let past = |at: &&str| Past {
        payee: 0,
        money: pounds("10"),
        sent: time(at),
        rail: Some(Rail::FasterPayments),
        added: None,
    };
    let rows: Vec<_> = sent.iter().map(past).collect();
    let count = u32::try_from(rows.len()).expect("a few rows");
    let all = u32::try_from(until.saturating_sub(from)).expect("a few rows");
    let end = PartEnd {
        from,
        until,
        left_out: all.saturating_sub(count),
        build: "clearline 0.1.0".into(),
    };
    Imported {
        time: time("2026-11-20T15:04:05Z"),
        slot: 3,
        public: ImportedPublic {
            import: [file; 16],
            customer: Some(Token([9; 16])),
            payees: vec![Token([2; 16])],
            rows: count,
            end: Some(end),
            caller: None,
        },
        personal: Some(ImportedPersonal { rows }),
    }
}

/// Returns the report that the payment of `decided` was sent at the time it was decided.
pub(crate) fn sent(decided: &Decided, position: u64) -> Executed {
    let identity = &decided.public.identity;
    let personal = decided.personal.as_ref().expect("a personal part");
    Executed {
        time: decided.time,
        slot: decided.slot,
        public: ExecutedPublic {
            payment: identity.payment,
            customer: identity.customer,
            payee: identity.payee,
            execution: Execution::Sent,
            unscreened: None,
            decision: Some(position),
            caller: None,
        },
        personal: Some(ExecutedPersonal {
            payment_id: personal.payment_id.clone(),
            money: personal.facts.transfer.money,
            executed: decided.time,
            reason: None,
        }),
    }
}
