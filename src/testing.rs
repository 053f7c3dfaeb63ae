//! Testing: shorthand for tests.

use crate::account::Account;
use crate::calendar::Time;
use crate::document::{Document, Problems, Section};
use crate::history::Recall;
use crate::money::{Amount, Currency, Money, Share};
use crate::signal::{Facts, Mode};
use crate::transfer::{Payee, Payer, Session, Stage, Texts, Transfer};

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
        transfer,
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
