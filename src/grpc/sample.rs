//! Sample: messages that are right, for tests to break.

use crate::calendar::Time;
use crate::grpc::pb;

/// 2026-11-20T15:05:00Z, a minute after the sample was confirmed.
pub(crate) const NOW: Time = Time::from_micros(1_795_187_100_000_000);

/// The id of the sample request.
pub(crate) const REQUEST_ID: &str = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";

/// Takes whole seconds since 1970.
pub(crate) fn stamp(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

/// Takes a decimal of pounds.
pub(crate) fn pounds(value: &str) -> pb::Money {
    pb::Money { currency_code: "GBP".to_owned(), value: value.to_owned() }
}

/// Returns a question with no optional fact, as `testing::transfer` has it.
pub(crate) fn request() -> pb::ScreenTransferRequest {
    let account = |number: &str| pb::Account {
        sort_code: "601613".to_owned(),
        account_number: number.to_owned(),
        ..pb::Account::default()
    };
    pb::ScreenTransferRequest {
        request_id: REQUEST_ID.to_owned(),
        payment_id: "payment-1".to_owned(),
        stage: pb::Stage::BeforeConfirmation.into(),
        transfer: Some(pb::Transfer {
            amount: Some(pounds("3200.00")),
            confirm_time: Some(stamp(1_795_187_045)),
            payer: Some(pb::Payer {
                customer_key: "customer-1".to_owned(),
                account: Some(account("31926819")),
                ..pb::Payer::default()
            }),
            payee: Some(pb::Payee { account: Some(account("55779911")), ..pb::Payee::default() }),
            ..pb::Transfer::default()
        }),
        ..pb::ScreenTransferRequest::default()
    }
}

/// Returns a question with every optional fact.
pub(crate) fn full() -> pb::ScreenTransferRequest {
    let mut message = request();
    message.can_ask = true;
    message.continues = Some(format!("decisions/{REQUEST_ID}"));
    message.request_time = Some(stamp(BEFORE));
    message.answers = vec![
        pb::Answer {
            question_id: "told_what_to_say".to_owned(),
            choice_id: Some("yes".to_owned()),
            text: None,
            answer_time: Some(stamp(BEFORE)),
        },
        pb::Answer {
            question_id: "what_for".to_owned(),
            choice_id: None,
            text: Some("a solicitor in Maidstone".to_owned()),
            answer_time: None,
        },
    ];
    if let Some(transfer) = &mut message.transfer {
        fill(transfer);
    }
    message
}

/// Returns a question about a message: the example, with what `request` states and it does not.
pub(crate) fn message() -> pb::ScreenIso20022Request {
    let mut known = request();
    let stated = known.transfer.get_or_insert_default();
    stated.amount = None;
    stated.payee = None;
    stated.payer = Some(pb::Payer {
        customer_key: "customer-1".to_owned(),
        available_balance: Some(pounds("3450.00")),
        ..pb::Payer::default()
    });
    let message = include_bytes!("../../deploy/examples/tonbridge-road.pain.001.xml").to_vec();
    pb::ScreenIso20022Request { message, known: Some(known), known_transfers: Vec::new() }
}

fn fill(transfer: &mut pb::Transfer) {
    let text = |text: &str| Some(text.to_owned());
    transfer.end_to_end_id = text("E2E 1");
    transfer.instruction_id = text("INSTR-1");
    transfer.uetr = text("eb6305c9-1f7f-49de-aed0-16487c27b42d");
    transfer.rail = pb::transfer::Rail::FasterPayments.into();
    transfer.instruction = Some(pb::Instruction {
        kind: pb::instruction::Kind::File.into(),
        batch: Some(pb::Batch {
            batch_id: text("B1"),
            payment_count: Some(12),
            total: Some(pounds("4000")),
        }),
    });
    transfer.channel = pb::transfer::Channel::MobileApp.into();
    transfer.initiation = Some(initiation());
    transfer.due_time = Some(stamp(BEFORE + 86_400));
    if let Some(payer) = &mut transfer.payer {
        payer.name = text("A Payer");
        payer.segment = pb::payer::Segment::Consumer.into();
        payer.available_balance = Some(pounds("3450.00"));
        payer.largest_permitted = Some(pounds("10000"));
        payer.locale = text("cy-GB");
    }
    if let Some(payee) = &mut transfer.payee {
        payee.name = text("Kent Legal Advice");
        payee.declared_kind = pb::payee::Kind::Business.into();
        payee.provider_kind = pb::payee::ProviderKind::EMoney.into();
        payee.own_account = Some(false);
        payee.add_time = Some(stamp(BEFORE));
        payee.first_pay_time = Some(stamp(BEFORE));
        payee.times_paid = Some(1);
        payee.total_paid = Some(pounds("1.00"));
        payee.reputation = Some(pb::Reputation {
            markers: vec![pb::Marker {
                code: "mule_suspected".to_owned(),
                provider: "scheme".to_owned(),
                mark_time: Some(stamp(BEFORE)),
            }],
            scores: vec![score()],
        });
    }
    transfer.name_check = Some(pb::NameCheck {
        result: pb::name_check::Result::NoMatch.into(),
        reason_code: text("ANNM"),
        asked_account_kind: pb::name_check::AccountKind::Business.into(),
        reported_account_kind: pb::name_check::AccountKind::Personal.into(),
        check_time: Some(stamp(BEFORE)),
    });
    transfer.texts = Some(pb::Texts {
        reference: text("LEGAL ADVICE"),
        remittance: text("fee for the warrant"),
        stated_purpose: text("paying a solicitor"),
        stated_purpose_code: text("legal_services"),
        purpose_code: text("SERV"),
        category_purpose_code: text("SUPP"),
    });
    transfer.session = Some(session());
    transfer.gathered = Some(pb::Gathered {
        arrivals: vec![pb::Arrival {
            amount: Some(pounds("3000")),
            arrive_time: Some(stamp(BEFORE)),
            source: pb::arrival::Source::Savings.into(),
        }],
    });
}

fn initiation() -> pb::Initiation {
    let text = |text: &str| Some(text.to_owned());
    pb::Initiation {
        initiator: pb::initiation::Initiator::PaymentInitiationService.into(),
        risk: Some(pb::InitiationRisk {
            provider_id: text("PSDGB-FCA-000001"),
            context_code: text("TransferToThirdParty"),
            merchant_category_code: text("8111"),
            merchant_customer_id: text("customer 7"),
            contract_present: Some(true),
            payee_prepopulated: Some(false),
            payee_account_type: text("Business"),
            purpose_code: text("SERV"),
            category_purpose_code: text("SUPP"),
        }),
    }
}

fn session() -> pb::Session {
    pb::Session {
        start_time: Some(stamp(BEFORE)),
        call: Some(pb::Call {
            state: pb::call::State::Ended.into(),
            end_time: Some(stamp(BEFORE)),
            direction: pb::call::Direction::Incoming.into(),
            source: pb::call::Source::Device.into(),
        }),
        remote_access: Some(true),
        screen_sharing: Some(false),
        device_register_time: Some(stamp(BEFORE)),
        limit_raise_time: Some(stamp(BEFORE)),
        dismissed_warnings: Some(pb::DismissedWarnings {
            warnings: vec![pb::DismissedWarning {
                digest: Some(format!("sha256:{}", "0".repeat(64))),
                shown_duration: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
            }],
        }),
        bank_on_line: Some(false),
        scores: vec![score()],
    }
}

fn score() -> pb::Score {
    pb::Score {
        value: "0.87".to_owned(),
        provider: "network".to_owned(),
        model: "risk".to_owned(),
        version: "3".to_owned(),
        band: Some("high".to_owned()),
    }
}

/// A minute before the sample was confirmed.
const BEFORE: i64 = 1_795_186_985;
