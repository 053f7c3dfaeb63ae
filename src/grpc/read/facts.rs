//! Facts: reads what may be absent of a transfer. Nothing here refuses a message.

use crate::calendar::Span;
use crate::grpc::pb;
use crate::grpc::read::faults::{Faults, Place, TEXT_CHARS_MAX};
use crate::grpc::read::form::Form;
use crate::grpc::read::payee;
use crate::transfer::{
    AccountKind, Arrival, ArrivalSource, Batch, Call, CallDirection, CallSource, CallState,
    DISMISSALS_MAX, Dismissal, Dismissed, GATHERED_MAX, Gathered, Initiation, Initiator,
    Instruction, InstructionKind, NameCheck, NameResult, Risk, Session, Texts,
};

/// Reads a unique end-to-end transaction reference: a UUID of version 4 in lower case.
pub(crate) fn uetr(faults: &mut Faults, place: Place, value: Option<&str>) -> Option<[u8; 16]> {
    let value = value?;
    let id = (value.len() == 36).then(|| uuid::Uuid::try_parse(value).ok()).flatten();
    let lower = !value.bytes().any(|byte| byte.is_ascii_uppercase());
    match id {
        Some(id)
            if lower
                && id.get_version() == Some(uuid::Version::Random)
                && id.get_variant() == uuid::Variant::RFC4122 =>
        {
            Some(id.into_bytes())
        }
        _ => faults.drop(place, "uetr", "a UUID of version 4 in lower case"),
    }
}

/// Reads what kind of order a transfer follows from.
pub(crate) fn instruction(
    faults: &mut Faults,
    message: Option<pb::Instruction>,
) -> Option<Instruction> {
    const PLACE: Place = Place::of("transfer.instruction");
    use pb::instruction::Kind as Message;
    let message = message?;
    let mut kind = faults.choice(PLACE, "kind", message.kind, |message| match message {
        Message::Unspecified => None,
        Message::Single => Some(InstructionKind::Single),
        Message::StandingOrder => Some(InstructionKind::StandingOrder),
        Message::ForwardDated => Some(InstructionKind::ForwardDated),
        Message::VariableRecurring => Some(InstructionKind::VariableRecurring),
        Message::File => Some(InstructionKind::File),
    });
    let mut batch = message.batch.and_then(|message| batch(faults, message));
    if batch.is_some() && kind.is_some_and(|kind| kind != InstructionKind::File) {
        faults.drop::<()>(PLACE, "kind", "`KIND_FILE` where there is a batch");
        faults.drop::<()>(PLACE, "batch", "no batch but with `KIND_FILE`");
        (kind, batch) = (None, None);
    }
    (kind.is_some() || batch.is_some()).then_some(Instruction { kind, batch })
}

fn batch(faults: &mut Faults, message: pb::Batch) -> Option<Batch> {
    const PLACE: Place = Place::of("transfer.instruction.batch");
    let id = faults.code(PLACE, "batch_id", message.batch_id, Form::Printable35);
    let size = match message.payment_count {
        Some(0) => faults.drop(PLACE, "payment_count", "a whole number above zero"),
        count => faults.count(PLACE, "payment_count", count, BATCH_MAX),
    };
    let total = faults.money(PLACE, "total", message.total.as_ref());
    let any = id.is_some() || size.is_some() || total.is_some();
    any.then_some(Batch { id, size, total })
}

/// Reads who gave an order.
pub(crate) fn initiation(
    faults: &mut Faults,
    message: Option<pb::Initiation>,
) -> Option<Initiation> {
    const PLACE: Place = Place::of("transfer.initiation");
    use pb::initiation::Initiator as Message;
    let message = message?;
    let mut by = faults.choice(PLACE, "initiator", message.initiator, |message| match message {
        Message::Unspecified => None,
        Message::Holder => Some(Initiator::Holder),
        Message::Attorney => Some(Initiator::Attorney),
        Message::Staff => Some(Initiator::Staff),
        Message::PaymentInitiationService => Some(Initiator::InitiationService),
    });
    let mut risk = message.risk.and_then(|message| risk(faults, message));
    if risk.is_some() && by.is_some_and(|by| by != Initiator::InitiationService) {
        faults.drop::<()>(PLACE, "initiator", "a payment initiation service where there is a risk");
        faults.drop::<()>(PLACE, "risk", "no risk but with a payment initiation service");
        (by, risk) = (None, None);
    }
    (by.is_some() || risk.is_some()).then_some(Initiation { by, risk })
}

fn risk(faults: &mut Faults, message: pb::InitiationRisk) -> Option<Risk> {
    const PLACE: Place = Place::of("transfer.initiation.risk");
    let merchant = message.merchant_category_code;
    let customer = message.merchant_customer_id;
    let kind = message.payee_account_type;
    let risk = Risk {
        provider: faults.code(PLACE, "provider_id", message.provider_id, Form::Printable64),
        context: faults.code(PLACE, "context_code", message.context_code, Form::Letters64),
        merchant_category: faults.code(PLACE, "merchant_category_code", merchant, Form::Digits4),
        merchant_customer: faults.text(PLACE, "merchant_customer_id", customer, 70),
        contract_present: message.contract_present,
        payee_prepopulated: message.payee_prepopulated,
        payee_account_type: faults.code(PLACE, "payee_account_type", kind, Form::Letters64),
        purpose_code: faults.code(PLACE, "purpose_code", message.purpose_code, Form::Letters4),
        category_code: faults.code(
            PLACE,
            "category_purpose_code",
            message.category_purpose_code,
            Form::Letters4,
        ),
    };
    (risk != Risk::default()).then_some(risk)
}

/// Reads the answer of a name check.
pub(crate) fn name_check(faults: &mut Faults, message: Option<pb::NameCheck>) -> Option<NameCheck> {
    const PLACE: Place = Place::of("transfer.name_check");
    use pb::name_check::Result as Message;
    let message = message?;
    let result = faults.choice(PLACE, "result", message.result, |message| match message {
        Message::Unspecified => None,
        Message::Match => Some(NameResult::Match),
        Message::CloseMatch => Some(NameResult::CloseMatch),
        Message::NoMatch => Some(NameResult::NoMatch),
        Message::CouldNotCheck => Some(NameResult::CouldNotCheck),
    });
    let reason = faults.code(PLACE, "reason_code", message.reason_code, Form::Letters35);
    let asked =
        faults.choice(PLACE, "asked_account_kind", message.asked_account_kind, account_kind);
    let reported =
        faults.choice(PLACE, "reported_account_kind", message.reported_account_kind, account_kind);
    let checked = faults.past(PLACE, "check_time", message.check_time);
    // When a check was made says nothing of what came of it.
    let any = result.is_some() || reason.is_some() || asked.is_some() || reported.is_some();
    any.then_some(NameCheck { result, reason, asked, reported, checked })
}

const fn account_kind(message: pb::name_check::AccountKind) -> Option<AccountKind> {
    use pb::name_check::AccountKind as Message;
    match message {
        Message::Unspecified => None,
        Message::Personal => Some(AccountKind::Personal),
        Message::Business => Some(AccountKind::Business),
    }
}

/// Reads what people typed or chose.
pub(crate) fn texts(faults: &mut Faults, message: Option<pb::Texts>) -> Texts {
    const PLACE: Place = Place::of("transfer.texts");
    let Some(message) = message else { return Texts::default() };
    let stated = message.stated_purpose_code;
    let category = message.category_purpose_code;
    Texts {
        reference: faults.text(PLACE, "reference", message.reference, 35),
        remittance: faults.text(PLACE, "remittance", message.remittance, TEXT_CHARS_MAX),
        purpose: faults.text(PLACE, "stated_purpose", message.stated_purpose, TEXT_CHARS_MAX),
        purpose_code: faults.code(PLACE, "stated_purpose_code", stated, Form::Printable35),
        iso_purpose: faults.code(PLACE, "purpose_code", message.purpose_code, Form::Letters4),
        iso_category: faults.code(PLACE, "category_purpose_code", category, Form::Letters4),
    }
}

/// Reads what the payer's device and network tell.
pub(crate) fn session(faults: &mut Faults, message: Option<pb::Session>) -> Session {
    const PLACE: Place = Place::of("transfer.session");
    let Some(message) = message else { return Session::default() };
    let registered = message.device_register_time;
    Session {
        started: faults.past(PLACE, "start_time", message.start_time),
        call: message.call.and_then(|message| call(faults, message)),
        remote_access: message.remote_access,
        screen_sharing: message.screen_sharing,
        device_registered: faults.past(PLACE, "device_register_time", registered),
        limit_raised: faults.past(PLACE, "limit_raise_time", message.limit_raise_time),
        dismissed: message.dismissed_warnings.map(|message| dismissed(faults, message)),
        bank_on_line: message.bank_on_line,
        scores: payee::scores(faults, "transfer.session.scores", message.scores),
    }
}

fn call(faults: &mut Faults, message: pb::Call) -> Option<Call> {
    const PLACE: Place = Place::of("transfer.session.call");
    use pb::call::{Direction, Source, State};
    let state = faults.choice(PLACE, "state", message.state, |message| match message {
        State::Unspecified => None,
        State::None => Some(CallState::NoCall),
        State::InProgress => Some(CallState::InProgress),
        State::Ended => Some(CallState::Ended),
        State::NotSupported => Some(CallState::NotSupported),
    });
    let ended = faults.past(PLACE, "end_time", message.end_time);
    let direction = faults.choice(PLACE, "direction", message.direction, |message| match message {
        Direction::Unspecified => None,
        Direction::Incoming => Some(CallDirection::Incoming),
        Direction::Outgoing => Some(CallDirection::Outgoing),
    });
    let source = faults.choice(PLACE, "source", message.source, |message| match message {
        Source::Unspecified => None,
        Source::Device => Some(CallSource::Device),
        Source::Operator => Some(CallSource::Operator),
    });
    let Some(state) = state else {
        // An unknown value was noted where it was read.
        if message.state == 0 {
            faults.drop::<()>(PLACE, "state", "a known value");
        }
        return None;
    };
    if ended.is_some() && state != CallState::Ended {
        faults.drop::<()>(PLACE, "state", "`STATE_ENDED` where there is an end");
        return faults.drop(PLACE, "end_time", "no end but with `STATE_ENDED`");
    }
    Some(Call { state, ended, direction, source })
}

fn dismissed(faults: &mut Faults, message: pb::DismissedWarnings) -> Dismissed {
    let each = |faults: &mut Faults, place, message: pb::DismissedWarning| {
        let digest = faults.code(place, "digest", message.digest, Form::Digest);
        let shown = faults.span(place, "shown_duration", message.shown_duration, Span::days(1));
        // One that says nothing more was dismissed all the same.
        Some(Dismissal { digest, shown })
    };
    let list = "transfer.session.dismissed_warnings.warnings";
    Dismissed { warnings: faults.list(list, message.warnings, DISMISSALS_MAX, each) }
}

/// Reads the money that came in shortly before.
pub(crate) fn gathered(faults: &mut Faults, message: Option<pb::Gathered>) -> Option<Gathered> {
    use pb::arrival::Source as Message;
    let message = message?;
    let stated = message.arrivals.len();
    let each = |faults: &mut Faults, place, message: pb::Arrival| {
        let money = faults.money(place, "amount", message.amount.as_ref());
        let arrived = faults.past(place, "arrive_time", message.arrive_time);
        let source = faults.choice(place, "source", message.source, |message| match message {
            Message::Unspecified => None,
            Message::OwnAccount => Some(ArrivalSource::OwnAccount),
            Message::OwnAccountElsewhere => Some(ArrivalSource::OwnAccountElsewhere),
            Message::Savings => Some(ArrivalSource::Savings),
            Message::Loan => Some(ArrivalSource::Loan),
        });
        if message.amount.is_none() || money.is_some_and(|money| money.amount.is_zero()) {
            return faults.drop(place, "amount", "an amount above zero");
        }
        Some(Arrival { money: money?, arrived, source })
    };
    let arrivals = faults.list("transfer.gathered.arrivals", message.arrivals, GATHERED_MAX, each);
    // Arrivals that could not be read are not the same as none.
    (stated == 0 || !arrivals.is_empty()).then_some(Gathered { arrivals })
}

/// More payments than any file of one customer; also what `size` can hold on every rail.
const BATCH_MAX: u32 = 1_000_000;
