//! Story: the payments that are shown. All of them are made now.

use uuid::Uuid;

use crate::calendar::{Span, Time};
use crate::cli::CliError;
use crate::cli::screen::message;
use crate::grpc::pb;
use crate::grpc::pb::{call, payee, transfer};

/// A payment, what happened around it, and what must come of it.
#[derive(Clone, Debug)]
pub(super) struct Story {
    /// One line.
    pub(super) title: &'static str,
    /// What nobody at the bank can see.
    pub(super) told: &'static str,
    /// What the bank asks.
    pub(super) request: pb::ScreenTransferRequest,
    /// What must come of it.
    pub(super) want: Want,
}

/// What must come of a payment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Want {
    /// It may leave.
    Allowed,
    /// It may not leave now.
    Held,
    /// It may not leave until a person has decided.
    HeldForReview,
}

/// The one the service exists for, with the words in the payment.
pub(super) fn tonbridge_road(now: Time) -> Story {
    let mut request = request("tonbridge-road-1", "3200.00", now);
    let transfer = request.transfer.get_or_insert_default();
    transfer.payer = Some(payer("woman-near-tonbridge-road", "31926819", Some("3450.00")));
    transfer.payee = Some(stranger("10765543", "J Harris", now));
    transfer.texts = Some(pb::Texts {
        reference: Some("LEGAL ADVICE".to_owned()),
        remittance: Some("legal advice, will be refunded by cheque tomorrow".to_owned()),
        ..pb::Texts::default()
    });
    Story {
        title: "Tonbridge Road, Maidstone, a Friday",
        told: "A caller says he is a police officer and that she is wanted on a warrant. She is to\n\
               pay for legal advice, and is promised a cheque tomorrow. She writes just that.",
        request,
        want: Want::HeldForReview,
    }
}

/// The first one as a message: what the payer's app sends, and what is known beside it.
pub(super) fn message(
    customer: &str,
    locale: Option<&str>,
    now: Time,
) -> Result<pb::ScreenIso20022Request, CliError> {
    let wrong = |why: String| CliError::NotAsExpected(format!("the example's {why}"));
    let mut request = message::request(MESSAGE.to_vec(), KNOWN).map_err(wrong)?;
    let known = request.known.get_or_insert_default();
    known.request_id = Uuid::new_v4().to_string();
    known.payment_id = format!("{customer}-1");
    let transfer = known.transfer.get_or_insert_default();
    transfer.confirm_time = Some(timestamp(now));
    transfer.payee.get_or_insert_default().add_time = Some(timestamp(now.minus(Span::minutes(6))));
    let payer = transfer.payer.get_or_insert_default();
    customer.clone_into(&mut payer.customer_key);
    payer.locale = locale.map(str::to_owned);
    Ok(request)
}

/// The same call, with a reference that says nothing.
pub(super) fn bland_on_a_call(now: Time) -> Story {
    let mut request = request("tonbridge-road-2", "3200.00", now);
    let transfer = request.transfer.get_or_insert_default();
    transfer.payer = Some(payer("another-near-tonbridge-road", "31926827", Some("3450.00")));
    transfer.payee = Some(stranger("10765544", "J Harris", now));
    transfer.texts = Some(pb::Texts { reference: Some("FAMILY".to_owned()), ..Default::default() });
    transfer.session = Some(pb::Session {
        start_time: Some(timestamp(now.minus(Span::minutes(9)))),
        call: Some(pb::Call {
            state: call::State::InProgress.into(),
            direction: call::Direction::Incoming.into(),
            source: call::Source::Device.into(),
            ..pb::Call::default()
        }),
        ..pb::Session::default()
    });
    Story {
        title: "The same caller, who now says what to write",
        told: "He stays on the line and tells her to write FAMILY. The words are gone; that\n\
               somebody is on the line is not.",
        request,
        want: Want::Held,
    }
}

/// An honest look-alike: large, new, legal, and on a Friday.
pub(super) fn house_deposit(now: Time) -> Story {
    let mut request = request("house-deposit-1", "42500.00", now);
    let transfer = request.transfer.get_or_insert_default();
    transfer.rail = transfer::Rail::Chaps.into();
    transfer.payer = Some(payer("first-time-buyer", "31926835", Some("44100.00")));
    let mut payee = stranger("00415678", "Whitfield and Crane Solicitors Client Account", now);
    payee.declared_kind = payee::Kind::Business.into();
    transfer.payee = Some(payee);
    transfer.name_check = Some(pb::NameCheck {
        result: pb::name_check::Result::Match.into(),
        asked_account_kind: pb::name_check::AccountKind::Business.into(),
        reported_account_kind: pb::name_check::AccountKind::Business.into(),
        ..pb::NameCheck::default()
    });
    transfer.texts =
        Some(pb::Texts { reference: Some("SOLICITOR DEPOSIT".to_owned()), ..Default::default() });
    Story {
        title: "A house deposit to a solicitor, also a Friday",
        told: "A stranger's account, nearly all she has, and a solicitor in the reference. It is\n\
               how houses are bought, and there is nobody on the line.",
        request,
        want: Want::Allowed,
    }
}

/// An ordinary payment.
pub(super) fn rent(now: Time) -> Story {
    let mut request = request("rent-1", "850.00", now);
    let transfer = request.transfer.get_or_insert_default();
    transfer.payer = Some(payer("tenant", "31926843", Some("910.00")));
    transfer.payee = Some(known("20451412", "Marsh Lettings", now));
    transfer.texts = Some(pb::Texts { reference: Some("RENT".to_owned()), ..Default::default() });
    Story {
        title: "Rent, as every month",
        told: "Most of what is left in the account, to a landlord of two years.",
        request,
        want: Want::Allowed,
    }
}

/// One of many ordinary payments, each of another payer.
pub(super) fn ordinary(number: usize, now: Time) -> pb::ScreenTransferRequest {
    let mut request = request(&format!("ordinary-{number}"), "24.99", now);
    let transfer = request.transfer.get_or_insert_default();
    transfer.payer = Some(payer(&format!("payer-{number}"), "31926851", None));
    transfer.payee = Some(known("20451420", "Weald Gardens", now));
    request
}

/// Returns `time` as the API has it.
pub(super) fn timestamp(time: Time) -> prost_types::Timestamp {
    let (seconds, nanos) = time.parts();
    prost_types::Timestamp { seconds, nanos }
}

fn request(payment: &str, amount: &str, now: Time) -> pb::ScreenTransferRequest {
    pb::ScreenTransferRequest {
        request_id: Uuid::new_v4().to_string(),
        payment_id: payment.to_owned(),
        stage: pb::Stage::BeforeConfirmation.into(),
        can_ask: true,
        transfer: Some(pb::Transfer {
            rail: transfer::Rail::FasterPayments.into(),
            channel: transfer::Channel::MobileApp.into(),
            amount: Some(pounds(amount)),
            confirm_time: Some(timestamp(now)),
            ..pb::Transfer::default()
        }),
        ..pb::ScreenTransferRequest::default()
    }
}

fn payer(customer: &str, number: &str, balance: Option<&str>) -> pb::Payer {
    pb::Payer {
        customer_key: customer.to_owned(),
        account: Some(account(number)),
        segment: pb::payer::Segment::Consumer.into(),
        available_balance: balance.map(pounds),
        ..pb::Payer::default()
    }
}

/// A payee added minutes ago and never paid.
fn stranger(number: &str, name: &str, now: Time) -> pb::Payee {
    pb::Payee {
        account: Some(account(number)),
        name: Some(name.to_owned()),
        add_time: Some(timestamp(now.minus(Span::minutes(6)))),
        times_paid: Some(0),
        ..pb::Payee::default()
    }
}

/// A payee of two years, paid every month.
fn known(number: &str, name: &str, now: Time) -> pb::Payee {
    let first = timestamp(now.minus(Span::days(730)));
    pb::Payee {
        account: Some(account(number)),
        name: Some(name.to_owned()),
        add_time: Some(first),
        first_pay_time: Some(first),
        times_paid: Some(24),
        total_paid: Some(pounds("20400.00")),
        ..pb::Payee::default()
    }
}

fn account(number: &str) -> pb::Account {
    pb::Account {
        sort_code: "601613".to_owned(),
        account_number: number.to_owned(),
        ..pb::Account::default()
    }
}

fn pounds(value: &str) -> pb::Money {
    pb::Money { currency_code: "GBP".to_owned(), value: value.to_owned() }
}

const MESSAGE: &[u8] = include_bytes!("../../../deploy/examples/tonbridge-road.pain.001.xml");
const KNOWN: &str = include_str!("../../../deploy/examples/tonbridge-road.known.json");
