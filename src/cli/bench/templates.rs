//! Templates: the transfers that a load repeats, as a bank would send them.
//!
//! Half of them state every optional fact that a bank usually knows, the other half next to none.
//! Names, amounts and references are made up. The ids and accounts are those of number zero, which
//! `requests` writes over.

use prost_types::Timestamp;

use crate::cli::bench::requests::{
    CUSTOMER, PAYEE, PAYER, end_to_end_id, payment_id, request_id, uetr,
};
use crate::grpc::pb;

/// Returns honest transfers without texts.
pub(super) fn plain(run: u32, now: Timestamp) -> Vec<pb::ScreenTransferRequest> {
    honest(run, now, &[None])
}

/// Returns honest transfers whose texts say what they are for.
pub(super) fn with_texts(run: u32, now: Timestamp) -> Vec<pb::ScreenTransferRequest> {
    let texts: Vec<_> = REFERENCES.iter().map(|reference| Some(*reference)).collect();
    honest(run, now, &texts)
}

/// Returns transfers in which a payer on the telephone pays most of the balance to a stranger for
/// legal advice.
pub(super) fn like_the_scam(run: u32, now: Timestamp) -> Vec<pb::ScreenTransferRequest> {
    // The largest amounts: the policy lets small ones pass.
    let each = PRETEXTS.iter().zip(AMOUNTS.iter().rev());
    each.map(|((reference, purpose), amount)| {
        let mut request = bare(run, now, amount);
        if let Some(transfer) = &mut request.transfer {
            state_facts(transfer, run, now);
            transfer.texts = Some(pb::Texts {
                reference: Some((*reference).into()),
                stated_purpose: Some((*purpose).into()),
                ..pb::Texts::default()
            });
            if let Some(payer) = &mut transfer.payer {
                payer.available_balance.clone_from(&transfer.amount);
            }
            if let Some(payee) = &mut transfer.payee {
                payee.add_time = Some(before(now, 120));
                payee.first_pay_time = None;
                payee.times_paid = Some(0);
                payee.total_paid = Some(pounds("0.00"));
            }
            if let Some(session) = &mut transfer.session {
                session.call = Some(pb::Call {
                    state: pb::call::State::InProgress.into(),
                    direction: pb::call::Direction::Incoming.into(),
                    source: pb::call::Source::Device.into(),
                    end_time: None,
                });
            }
        }
        request
    })
    .collect()
}

/// Returns one transfer of each amount for each of `references`, with and without optional facts.
fn honest(run: u32, now: Timestamp, references: &[Option<&str>]) -> Vec<pb::ScreenTransferRequest> {
    let mut requests = Vec::new();
    for (index, amount) in AMOUNTS.iter().enumerate() {
        for reference in references {
            for stated in [false, true] {
                let mut request = bare(run, now, amount);
                if let Some(transfer) = &mut request.transfer {
                    if stated {
                        state_facts(transfer, run, now);
                    }
                    transfer.texts = reference.map(|reference| pb::Texts {
                        reference: Some(reference.into()),
                        remittance: REMITTANCES.get(index).map(|text| (*text).into()),
                        ..pb::Texts::default()
                    });
                }
                requests.push(request);
            }
        }
    }
    requests
}

/// Returns a transfer with its identity fields and little else.
fn bare(run: u32, now: Timestamp, amount: &str) -> pb::ScreenTransferRequest {
    let account = |number: &str| pb::Account {
        sort_code: SORT_CODE.into(),
        account_number: number.into(),
        ..pb::Account::default()
    };
    pb::ScreenTransferRequest {
        request_id: request_id(run),
        payment_id: payment_id(run),
        stage: pb::Stage::BeforeConfirmation.into(),
        can_ask: true,
        transfer: Some(pb::Transfer {
            end_to_end_id: Some(end_to_end_id(run)),
            rail: pb::transfer::Rail::FasterPayments.into(),
            channel: pb::transfer::Channel::MobileApp.into(),
            amount: Some(pounds(amount)),
            confirm_time: Some(now),
            payer: Some(pb::Payer {
                customer_key: CUSTOMER.into(),
                account: Some(account(PAYER)),
                ..pb::Payer::default()
            }),
            payee: Some(pb::Payee {
                account: Some(account(PAYEE)),
                name: Some("Rosalind Achterberg".into()),
                ..pb::Payee::default()
            }),
            ..pb::Transfer::default()
        }),
        ..pb::ScreenTransferRequest::default()
    }
}

/// States what a bank usually knows of an honest transfer to a payee that was paid before.
fn state_facts(transfer: &mut pb::Transfer, run: u32, now: Timestamp) {
    transfer.uetr = Some(uetr(run));
    transfer.instruction =
        Some(pb::Instruction { kind: pb::instruction::Kind::Single.into(), batch: None });
    transfer.initiation =
        Some(pb::Initiation { initiator: pb::initiation::Initiator::Holder.into(), risk: None });
    if let Some(payer) = &mut transfer.payer {
        payer.name = Some("Edmund Farthingale".into());
        payer.segment = pb::payer::Segment::Consumer.into();
        payer.available_balance = Some(pounds("48211.07"));
        payer.largest_permitted = Some(pounds("25000.00"));
    }
    if let Some(payee) = &mut transfer.payee {
        payee.declared_kind = pb::payee::Kind::Person.into();
        payee.provider_kind = pb::payee::ProviderKind::Bank.into();
        payee.own_account = Some(false);
        payee.add_time = Some(before(now, 400 * DAY));
        payee.first_pay_time = Some(before(now, 390 * DAY));
        payee.times_paid = Some(11);
        payee.total_paid = Some(pounds("9120.50"));
    }
    transfer.name_check = Some(pb::NameCheck {
        result: pb::name_check::Result::Match.into(),
        reason_code: None,
        asked_account_kind: pb::name_check::AccountKind::Personal.into(),
        reported_account_kind: pb::name_check::AccountKind::Personal.into(),
        check_time: Some(before(now, 40)),
    });
    transfer.session = Some(pb::Session {
        start_time: Some(before(now, 180)),
        call: Some(pb::Call {
            state: pb::call::State::None.into(),
            source: pb::call::Source::Device.into(),
            ..pb::Call::default()
        }),
        remote_access: Some(false),
        screen_sharing: Some(false),
        device_register_time: Some(before(now, 700 * DAY)),
        dismissed_warnings: Some(pb::DismissedWarnings::default()),
        bank_on_line: Some(false),
        ..pb::Session::default()
    });
}

fn pounds(value: &str) -> pb::Money {
    pb::Money { currency_code: "GBP".into(), value: value.into() }
}

fn before(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp { seconds: now.seconds.saturating_sub(seconds), nanos: now.nanos }
}

const DAY: i64 = 86_400;

const SORT_CODE: &str = "040004";

const AMOUNTS: [&str; 8] =
    ["12.50", "40.00", "86.20", "250.00", "640.00", "1250.00", "3200.00", "9875.40"];

/// Ordinary references, some of which a careless matcher would take for the scam.
const REFERENCES: [&str; 12] = [
    "RENT NOV",
    "Invoice 20419",
    "Council tax 8821",
    "Earls Court hotel",
    "Police Mutual prem",
    "Piano lessons",
    "Bailey wedding gift",
    "Legal & General",
    "Kitchen deposit",
    "Swimming club",
    "Window cleaning",
    "Thanks for lunch x",
];

/// What a third of the texts add to the reference.
const REMITTANCES: [&str; 3] = [
    "Invoice 20419 of 3 November, second half, for the garden wall and the gate",
    "Rent for November, flat 3, as agreed with Mr Pemberton by telephone",
    "Share of the holiday house: three nights, two rooms, and the dog",
];

/// References and stated purposes that belong to the scam.
const PRETEXTS: [(&str, &str); 4] = [
    ("Legal advice fee", "Legal advice, to be refunded by cheque tomorrow"),
    ("LEGAL ADVICE", "Solicitor about a warrant in my name"),
    ("legal advice police", "The officer said that I get it back"),
    ("Legal advice 4471", "Legal advice before a court date"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Action, decide};
    use crate::grpc::read;
    use crate::history::Recall;
    use crate::policy;
    use crate::signal::{Facts, Mode};
    use crate::testing::time;

    #[track_caller]
    fn check(requests: Vec<pb::ScreenTransferRequest>, want: Action, warned: bool) {
        let policy = policy::load(policy::standard()).unwrap();
        for message in requests {
            let request = read::request(message, time(NOON)).unwrap();
            assert_eq!(request.rejected, []);
            let mentions = policy.mentions(&request.transfer.texts, &request.answers);
            let facts = Facts {
                transfer: request.transfer,
                stage: request.stage,
                can_ask: request.can_ask,
                answers: request.answers,
                mentions,
                recall: Recall::default(),
                inherited: Vec::new(),
                decided: time(NOON),
                mode: Mode::Normal,
                seed: 0,
                rejected: Vec::new(),
            };
            let decision = decide(&facts, &policy);
            assert_eq!(decision.action, want, "{:?}", facts.transfer.texts);
            assert_eq!(decision.warning.is_some(), warned, "{:?}", facts.transfer.texts);
        }
    }

    fn noon() -> Timestamp {
        let (seconds, nanos) = time(NOON).parts();
        Timestamp { seconds, nanos }
    }

    const NOON: &str = "2026-11-20T12:00:00Z";

    #[test]
    fn what_is_honest_leaves_without_a_warning() {
        check(plain(7, noon()), Action::Allow, false);
        check(with_texts(7, noon()), Action::Allow, false);
    }

    #[test]
    fn what_is_like_the_scam_is_held_with_a_warning() {
        check(like_the_scam(7, noon()), Action::Hold, true);
    }
}
