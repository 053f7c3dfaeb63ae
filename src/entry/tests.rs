//! Tests of entries: the bytes of every kind, with every fact there is.
//!
//! The golden files are added to, never edited: logs of today are read for as long as banks must
//! keep them. A fact, reading or kind that is new goes into a golden file of its own.

use std::fmt::Write as _;

use crate::account::{Token, Tokens};
use crate::calendar::{Span, Time};
use crate::decision::{
    Action, ContactRoute, Decision, HoldKind, QuietSignal, SignalReading, Step, UnavailableSignal,
    WarningRef, Weighed,
};
use crate::entry::{
    Activated, Decided, DecidedPersonal, DecidedPublic, Entry, EntryError, Executed,
    ExecutedPersonal, ExecutedPublic, Execution, Identity, Listed, Parameters, Parts, Read,
    UnscreenedReason, decision_id, decision_position,
};
use crate::history::{Attempt, Clearance, Earlier, Inflow, Listing, Pair, Recall, Stop, Usual};
use crate::lists::PART_ROWS_MAX;
use crate::signal::{Facts, Mode, Reading};
use crate::testing::{pounds, request, time};
use crate::text::{Concept, Mention, Source};
use crate::transfer::{
    AccountKind, Answer, Arrival, ArrivalSource, Batch, Call, CallDirection, CallSource, CallState,
    Channel, Dismissal, Dismissed, Fact, Gathered, Inherited, Initiation, Initiator, Instruction,
    InstructionKind, Marker, NameCheck, NameResult, PayeeKind, ProviderKind, Rail, Rejected,
    Reputation, Risk, Score, Segment, Session, Stage, Texts, Transfer,
};
use crate::warning::{Choice, Question, Words};

#[track_caller]
fn check(entry: &Entry, name: &str, golden: &str) {
    let parts = entry.parts(at());
    assert_eq!(Entry::read(&parts).as_ref(), Ok(entry), "{name} does not come back");
    let mut found = format!("kind {} slot {}\n", parts.kind, parts.slot);
    for (part, bytes) in [("public", Some(&parts.public)), ("personal", parts.personal.as_ref())] {
        let _ = writeln!(found, "{part}");
        for line in bytes.map_or(&[][..], Vec::as_slice).chunks(32) {
            for byte in line {
                let _ = write!(found, "{byte:02x}");
            }
            found.push('\n');
        }
    }
    assert_eq!(found, golden, "{name}: golden bytes are added, never edited");
}

macro_rules! golden {
    ($name:literal) => {
        ($name, include_str!(concat!("../../tests/golden/", $name)))
    };
}

#[test]
fn parameters_have_these_bytes() {
    let (name, golden) = golden!("entry_parameters.hex");
    check(&Entry::Parameters(Parameters::FIRST), name, golden);
}

#[test]
fn an_activation_has_these_bytes() {
    let (name, golden) = golden!("entry_activated.hex");
    let activated =
        Activated { policy: [0xab; 32], by: "start".into(), build: "clearline 0.1.0".into() };
    check(&Entry::Activated(activated), name, golden);
}

#[test]
fn a_decision_with_every_fact_has_these_bytes() {
    let (name, golden) = golden!("entry_decided.hex");
    check(&Entry::Decided(Box::new(decided())), name, golden);
}

#[test]
fn a_report_has_these_bytes() {
    let (name, golden) = golden!("entry_executed.hex");
    let executed = Executed {
        time: at(),
        slot: 7,
        public: ExecutedPublic {
            payment: Token([1; 16]),
            customer: Token([2; 16]),
            payee: Token([3; 16]),
            execution: Execution::SentUnscreened,
            unscreened: Some(UnscreenedReason::NoAnswer),
            decision: Some(300),
            caller: None,
        },
        personal: Some(ExecutedPersonal {
            payment_id: "payment-1".into(),
            money: pounds("3200.50"),
            executed: at(),
            reason: Some("AC04".into()),
        }),
    };
    check(&Entry::Executed(Box::new(executed)), name, golden);
}

#[test]
fn a_part_of_a_list_has_these_bytes() {
    let (name, golden) = golden!("entry_listed.hex");
    let listed =
        Listed { billers: vec![Token([9; 16])], ..crate::testing::listed(7, (2, 64), &[1, 2]) };
    check(&Entry::Listed(Box::new(listed)), name, golden);
}

#[test]
fn who_asked_reported_loaded_or_read_has_these_bytes() {
    let caller = Some(Token([0xca; 16]));
    let (name, golden) = golden!("entry_decided_caller.hex");
    let mut asked = decided();
    asked.public.identity.caller = caller;
    asked.personal = None;
    check(&Entry::Decided(Box::new(asked.clone())), name, golden);

    let (name, golden) = golden!("entry_executed_caller.hex");
    let identity = asked.public.identity;
    let public = ExecutedPublic {
        payment: identity.payment,
        customer: identity.customer,
        payee: identity.payee,
        execution: Execution::Sent,
        unscreened: None,
        decision: Some(300),
        caller,
    };
    let executed = Executed { time: at(), slot: 7, public, personal: None };
    check(&Entry::Executed(Box::new(executed)), name, golden);

    let (name, golden) = golden!("entry_listed_by.hex");
    let by = Some("fraud-lead".into());
    let listed = Listed { by, ..crate::testing::listed(7, (2, 64), &[1]) };
    check(&Entry::Listed(Box::new(listed)), name, golden);

    let (name, golden) = golden!("entry_imported_caller.hex");
    let mut imported = crate::testing::imported(7, (0, 1), &["2026-05-01T09:00:00Z"]);
    (imported.public.caller, imported.personal) = (caller, None);
    check(&Entry::Imported(Box::new(imported)), name, golden);

    let (name, golden) = golden!("entry_read.hex");
    let by = "person/9b2f4c1e".into();
    let read = Read { by, decision: 300, build: "clearline 0.1.0".into() };
    check(&Entry::Read(Box::new(read)), name, golden);
}

#[test]
fn past_payments_of_one_payer_have_these_bytes() {
    let (name, golden) = golden!("entry_imported.hex");
    let mut imported = crate::testing::imported(
        7,
        (256, 512),
        &["2026-05-01T09:00:00Z", "2026-01-01T09:00:00.5Z"],
    );
    imported.public.payees.push(Token([4; 16]));
    let rows = &mut imported.personal.as_mut().unwrap().rows;
    rows[1].payee = 1;
    rows[1].rail = None;
    rows[1].added = Some(at());
    imported.time = at();
    check(&Entry::Imported(Box::new(imported)), name, golden);
}

#[test]
fn the_end_of_a_part_that_speaks_of_nobody_has_these_bytes() {
    let (name, golden) = golden!("entry_imported_nobody.hex");
    let mut imported = crate::testing::imported(7, (512, 513), &[]);
    (imported.time, imported.slot, imported.personal) = (at(), 0, None);
    (imported.public.customer, imported.public.payees) = (None, Vec::new());
    check(&Entry::Imported(Box::new(imported)), name, golden);
}

#[test]
fn a_decision_about_a_listed_account_has_these_bytes() {
    let (name, golden) = golden!("entry_decided_listed.hex");
    let mut decided = decided();
    let recall = &mut decided.personal.as_mut().unwrap().facts.recall;
    recall.client_account = Some(Listing { version: 7, loaded: at() });
    recall.biller = Some(Listing { version: u32::MAX, loaded: Time::MIN });
    check(&Entry::Decided(Box::new(decided)), name, golden);
}

#[test]
fn a_decision_with_history_has_these_bytes() {
    let (name, golden) = golden!("entry_decided_history.hex");
    let mut decided = decided();
    let personal = decided.personal.as_mut().unwrap();
    let recall = &mut personal.facts.recall;
    recall.usual = Some(Usual {
        count: 300,
        largest: pounds("5000"),
        high: Some(pounds("737.28")),
        month: pounds("1234.56"),
        last_day: at(),
        adding_minutes: Some(4),
        session_seconds: Some(64),
    });
    let attempt =
        Attempt { seconds: 90, pence: 1, payee: 0, new: true, allowed: false, left: false };
    let other = Attempt { payee: 9, new: false, allowed: true, left: true, ..attempt };
    recall.attempts = vec![attempt, other];
    recall.most_new_payees = Some(3);
    recall.stop =
        Some(Stop { at: at(), payee_changed: true, amount_changed: false, channel_changed: true });
    recall.inflow = Some(Inflow { hour: 1, day: 2, week: 3, held: 130 });
    recall.gathered = Some(pounds("21000"));
    personal.decision.readings.push(SignalReading {
        code: 33,
        version: 1,
        reading: Reading::Unavailable(Fact::PayerHistory),
        points: 0,
    });
    check(&Entry::Decided(Box::new(decided)), name, golden);
}

#[test]
fn a_decision_about_a_cleared_payee_has_these_bytes() {
    let (name, golden) = golden!("entry_decided_cleared.hex");
    let mut decided = decided();
    let recall = &mut decided.personal.as_mut().unwrap().facts.recall;
    recall.cleared = Some(Clearance { sent: at(), money: pounds("3200") });
    check(&Entry::Decided(Box::new(decided)), name, golden);
}

#[test]
fn a_decision_with_signals_that_could_not_look_has_these_bytes() {
    let (name, golden) = golden!("entry_decided_unavailable.hex");
    let mut decided = decided();
    let decision = &mut decided.personal.as_mut().unwrap().decision;
    let unavailable = |code, points, fact| UnavailableSignal { code, version: 1, points, fact };
    decision.quiet =
        vec![QuietSignal { code: 2, version: 1 }, QuietSignal { code: 300, version: 2 }];
    decision.unavailable =
        vec![unavailable(3, 0, Fact::PayerBalance), unavailable(301, -5, Fact::PayerHistory)];
    check(&Entry::Decided(Box::new(decided)), name, golden);
}

#[test]
fn the_largest_part_of_a_list_fits_an_entry() {
    let token = |number: u32| {
        let mut token = [0xff; 16];
        token[..4].copy_from_slice(&number.to_be_bytes());
        Token(token)
    };
    let rows = u32::try_from(PART_ROWS_MAX).unwrap();
    let listed = Listed {
        client_accounts: (0..rows).map(token).collect(),
        owner: "\u{1f600}".repeat(64).into(),
        ..crate::testing::listed(u32::MAX, (64, 64), &[])
    };
    let parts = Entry::Listed(Box::new(listed)).parts(at());
    // A quarter of what a public part may hold, see `lists`.
    assert!(parts.public.len() < 18_000, "{}", parts.public.len());
}

#[test]
fn an_entry_without_its_person_still_reads() {
    let mut decided = decided();
    decided.personal = None;
    let entry = Entry::Decided(Box::new(decided));
    assert_eq!(Entry::read(&entry.parts(at())), Ok(entry));
}

#[test]
fn every_byte_of_a_decision_means_something() {
    let parts = decided().parts();
    let entry = Entry::read(&parts);
    for at in 0..parts.public.len() {
        let mut other = parts.clone();
        other.public[at] ^= 1;
        assert_ne!(Entry::read(&other), entry, "public byte {at}");
    }
    let personal = parts.personal.clone().unwrap();
    for at in 0..personal.len() {
        let mut other = parts.clone();
        other.personal.as_mut().unwrap()[at] ^= 1;
        assert_ne!(Entry::read(&other), entry, "personal byte {at}");
    }
}

#[test]
fn a_decision_is_named_by_its_position_and_request() {
    let request = [0xff; 16];
    for position in [0, 1, 0x0102_0304_0506, 0xffff_ffff_ffff] {
        let id = decision_id(position, request);
        assert_eq!(decision_position(id), position);
        assert_eq!(uuid::Uuid::from_bytes(id).get_version_num(), 8);
    }
    assert_ne!(decision_id(7, [0; 16]), decision_id(7, request));
}

#[test]
fn an_unknown_kind_is_refused() {
    let parts = Parts { kind: 99, time: at(), slot: 0, public: Vec::new(), personal: None };
    assert_eq!(Entry::read(&parts), Err(EntryError::Kind(99)));
}

fn at() -> Time {
    time("2026-11-20T15:05:06.789012Z")
}

/// A decision in which every field is there.
fn decided() -> Decided {
    let asked = request(5);
    let identity = Identity {
        end_to_end: Some(Token([8; 16])),
        instruction: Some(Token([9; 16])),
        ..Identity::of(&asked, &Tokens::new(&[7; 32]))
    };
    let facts = facts();
    let decision = decision();
    let mut public = DecidedPublic::of(identity, &facts, &decision, [0xcd; 32]);
    public.build = "clearline 0.1.0".into();
    public.continues = Some([6; 16]);
    let words = Some(Box::new(words()));
    let personal = DecidedPersonal { payment_id: asked.payment_id, facts, decision, words };
    Decided { time: at(), slot: 3, public, personal: Some(personal) }
}

fn facts() -> Facts {
    Facts {
        transfer: Box::new(transfer()),
        stage: Stage::AtSubmission,
        can_ask: false,
        answers: vec![Answer {
            question: "told_what_to_say".into(),
            option: Some("yes".into()),
            text: Some("an officer".into()),
            answered: Some(at()),
        }],
        mentions: vec![Mention {
            concept: Concept::LegalAdvice,
            source: Source::Reference,
            from: 0,
            until: 12,
        }],
        recall: Recall {
            payer_first: Some(at()),
            pair: Some(Pair::begin(Token([4; 16]), at(), pounds("12.34"))),
            earlier: Some(Earlier {
                stage: Stage::BeforeConfirmation,
                decided: at(),
                looks: 2,
                payee_changed: true,
                amount_changed: false,
                unanswered: true,
            }),
            ..Recall::default()
        },
        inherited: vec![Inherited {
            fact: Fact::RemoteAccess,
            stage: Stage::BeforeConfirmation,
            stated: at(),
        }],
        decided: at(),
        mode: Mode::Degraded,
        seed: u64::MAX,
        rejected: vec![Rejected { field: "transfer.uetr".into(), expected: "a UUID".into() }],
    }
}

fn transfer() -> Transfer {
    let mut transfer = crate::testing::transfer();
    transfer.end_to_end_id = Some("E2E-1".into());
    transfer.instruction_id = Some("INSTR-1".into());
    transfer.uetr = Some([5; 16]);
    transfer.rail = Some(Rail::FasterPayments);
    let batch = Batch { id: Some("B1".into()), size: Some(3), total: Some(pounds("9600")) };
    transfer.instruction =
        Some(Instruction { kind: Some(InstructionKind::File), batch: Some(batch) });
    transfer.channel = Some(Channel::MobileApp);
    transfer.initiation =
        Some(Initiation { by: Some(Initiator::InitiationService), risk: Some(risk()) });
    transfer.due = Some(at());
    transfer.payer.name = Some("Ann Hollis".into());
    transfer.payer.segment = Some(Segment::Consumer);
    transfer.payer.balance = Some(pounds("3450"));
    transfer.payer.permitted = Some(pounds("25000"));
    let payee = &mut transfer.payee;
    payee.name = Some("R Mercer".into());
    payee.declared = Some(PayeeKind::Business);
    payee.provider = Some(ProviderKind::EMoney);
    payee.own = Some(false);
    payee.added = Some(at());
    payee.first_paid = Some(at());
    payee.times_paid = Some(0);
    payee.total_paid = Some(pounds("0"));
    payee.reputation = Some(Reputation {
        markers: vec![Marker {
            code: "MULE".into(),
            provider: "network".into(),
            marked: Some(at()),
        }],
        scores: vec![score()],
    });
    transfer.name_check = Some(NameCheck {
        result: Some(NameResult::CloseMatch),
        reason: Some("PANM".into()),
        asked: Some(AccountKind::Business),
        reported: Some(AccountKind::Personal),
        checked: Some(at()),
    });
    transfer.texts = texts();
    transfer.session = session();
    let arrival = Arrival {
        money: pounds("3000"),
        arrived: Some(at()),
        source: Some(ArrivalSource::Savings),
    };
    transfer.gathered = Some(Gathered { arrivals: vec![arrival] });
    transfer
}

fn risk() -> Risk {
    Risk {
        provider: Some("PISP-1".into()),
        context: Some("TransferToThirdParty".into()),
        merchant_category: Some("8111".into()),
        merchant_customer: Some("C-1".into()),
        contract_present: Some(true),
        payee_prepopulated: Some(false),
        payee_account_type: Some("Personal".into()),
        purpose_code: Some("ADCS".into()),
        category_code: Some("GP2P".into()),
    }
}

fn texts() -> Texts {
    Texts {
        reference: Some("LEGAL ADVICE".into()),
        remittance: Some("refund by cheque tomorrow".into()),
        purpose: Some("solicitor".into()),
        purpose_code: Some("SERVICES".into()),
        iso_purpose: Some("ADCS".into()),
        iso_category: Some("GP2P".into()),
    }
}

fn session() -> Session {
    Session {
        started: Some(at()),
        call: Some(Call {
            state: CallState::Ended,
            ended: Some(at()),
            direction: Some(CallDirection::Incoming),
            source: Some(CallSource::Operator),
        }),
        remote_access: Some(true),
        screen_sharing: Some(false),
        device_registered: Some(at()),
        limit_raised: Some(at()),
        dismissed: Some(Dismissed {
            warnings: vec![Dismissal {
                digest: Some("sha256:00".into()),
                shown: Some(Span::seconds(2)),
            }],
        }),
        bank_on_line: Some(false),
        scores: vec![score()],
    }
}

fn score() -> Score {
    Score {
        value: "0.93".into(),
        provider: "network".into(),
        model: "cfr".into(),
        version: "4".into(),
        band: Some("high".into()),
    }
}

fn decision() -> Decision {
    let reading = |code, reading| SignalReading { code, version: 1, reading, points: 20 };
    Decision {
        action: Action::Hold,
        hold: Some(HoldKind::PendingReview),
        step: Some(Step::Hold),
        typology: Some("police_legal_fee".into()),
        warning: Some(WarningRef { id: "police_legal_fee".into(), version: 1, variant: 2 }),
        contact: Some(ContactRoute::RegisteredNumber),
        readings: vec![
            reading(1, Reading::Fired("never paid before".into())),
            reading(2, Reading::Quiet),
            reading(300, Reading::Unavailable(Fact::PayerBalance)),
        ],
        weighed: vec![Weighed {
            typology: "police_legal_fee".into(),
            points: -5,
            step: Some(Step::Inform),
        }],
        quiet: Vec::new(),
        unavailable: Vec::new(),
    }
}

fn words() -> Words {
    let choice = |id: &str| Choice { id: id.into(), text: id.to_uppercase().into() };
    Words {
        id: "police_legal_fee".into(),
        version: 1,
        locale: "en".into(),
        title: "Stop".into(),
        paragraphs: vec!["One.".into(), "Two.".into()],
        safe_action: "Cancel".into(),
        questions: vec![Question {
            id: "told_what_to_say".into(),
            text: "Were you told?".into(),
            options: vec![choice("yes"), choice("no")],
        }],
        digest: [0xef; 32],
    }
}
