//! Facts of a case: from what a story states to what deciding reads.
//!
//! Every fact of a transfer that a signal looks at has a key here; `deploy/policy/README.md` lists
//! them. A key that is left out is a missing fact, a list that is empty says that there was none.
//! Times are stated as how long before the case they were, so that a story reads the same in any
//! year.
//!
//! Never fills in what a story leaves out, except who pays and from where.

use crate::account::Account;
use crate::calendar::{Span, Time};
use crate::document::{Section, all};
use crate::history::{Listing, Recall};
use crate::money::{Currency, Money};
use crate::policy::Policy;
use crate::signal::{Facts, Mode};
use crate::transfer::{
    AccountKind, Answer, Arrival, ArrivalSource, Call, CallDirection, CallSource, CallState,
    Channel, Dismissal, Dismissed, GATHERED_MAX, Gathered, Initiation, Initiator, Instruction,
    InstructionKind, MARKS_MAX, Marker, NameCheck, NameResult, Payee, PayeeKind, Payer,
    ProviderKind, Rail, Reputation, Score, Segment, Session, Stage, Texts, Transfer,
};

use crate::decision::cases::remembered::remembered;

/// Reads the facts of one case, noting every problem.
pub(super) fn facts(case: &Section<'_>, policy: &Policy) -> Option<Facts> {
    let transfer = case.section("transfer").and_then(|section| transfer(&section));
    let pays = case.optional("payer", |case, key| payer(&case.section(key)?));
    let paid = case.optional("payee", |case, key| payee(&case.section(key)?));
    let name_check = case.optional("name_check", |case, key| name_check(&case.section(key)?));
    let session = case.optional("session", |case, key| session(&case.section(key)?));
    let gathered = case.optional("gathered", gathered);
    let known = case.optional("remembered", |case, key| remembered(&case.section(key)?));
    let asked = case.optional("asked", |case, key| asked(&case.section(key)?));

    let (paid, verified) = match paid? {
        Some(stated) => stated,
        None => (stranger()?, None),
    };
    let payer = match pays? {
        Some(stated) => stated,
        None => holder()?,
    };
    let (stage, can_ask, answers) = asked?.unwrap_or((Stage::BeforeConfirmation, true, Vec::new()));
    let transfer = Transfer {
        payer,
        payee: paid,
        name_check: name_check?,
        session: session?.unwrap_or_default(),
        gathered: gathered?,
        ..transfer?
    };
    let loaded = NOW.minus(LISTED_BEFORE);
    let listing = |kind| (verified == Some(kind)).then_some(Listing { version: 1, loaded });
    Some(Facts {
        mentions: policy.mentions(&transfer.texts, &answers),
        transfer: Box::new(transfer),
        stage,
        can_ask,
        answers,
        recall: Recall {
            client_account: listing(Verified::ClientAccount),
            biller: listing(Verified::Biller),
            ..known?.unwrap_or_default()
        },
        inherited: Vec::new(),
        decided: NOW,
        mode: Mode::Normal,
        seed: 0,
        rejected: Vec::new(),
    })
}

/// Which list of the bank's the payee's account stands on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verified {
    ClientAccount,
    Biller,
}

/// Reads what the order itself says.
fn transfer(section: &Section<'_>) -> Option<Transfer> {
    let money = money(section, "amount");
    let texts = texts(section);
    let rail = section.optional("rail", |section, key| section.choice(key, &RAILS));
    let kind = section.optional("instruction", |section, key| section.choice(key, &INSTRUCTIONS));
    let channel = section.optional("channel", |section, key| section.choice(key, &CHANNELS));
    let by = section.optional("initiation", |section, key| section.choice(key, &INITIATORS));
    let due = section.optional("due_in_days", |section, key| {
        let days = section.whole(key, 0..=DAYS_MAX)?;
        Some(NOW.plus(Span::days(days)))
    });
    Some(Transfer {
        end_to_end_id: None,
        instruction_id: None,
        uetr: None,
        rail: rail?,
        instruction: kind?.map(|kind| Instruction { kind: Some(kind), batch: None }),
        channel: channel?,
        initiation: by?.map(|by| Initiation { by: Some(by), risk: None }),
        money: money?,
        confirmed: NOW,
        due: due?,
        payer: holder()?,
        payee: stranger()?,
        name_check: None,
        texts: texts?,
        session: Session::default(),
        gathered: None,
    })
}

pub(super) fn money(section: &Section<'_>, key: &str) -> Option<Money> {
    let expected = "an amount, such as \"3200.00\"";
    let amount = section.amount(key, expected);
    let expected = "three letters of ISO 4217, such as \"EUR\"";
    let currency = section
        .optional("currency", |section, key| section.parsed(key, expected, Currency::from_code));
    Some(Money { amount: amount?, currency: currency?.unwrap_or(Currency::GBP) })
}

fn texts(section: &Section<'_>) -> Option<Texts> {
    let text = |key| section.optional(key, words);
    let (reference, remittance, purpose) = (text("reference"), text("remittance"), text("purpose"));
    let (purpose_code, iso_purpose) = (text("purpose_code"), text("iso_purpose"));
    let iso_category = text("iso_category");
    Some(Texts {
        reference: reference?,
        remittance: remittance?,
        purpose: purpose?,
        purpose_code: purpose_code?,
        iso_purpose: iso_purpose?,
        iso_category: iso_category?,
    })
}

/// Returns a payer of whom nothing is known.
fn holder() -> Option<Payer> {
    Some(Payer {
        customer: "case".into(),
        account: Account::uk("000000", "00000001", "").ok()?,
        name: None,
        segment: None,
        balance: None,
        permitted: None,
        locale: None,
    })
}

fn payer(section: &Section<'_>) -> Option<Payer> {
    let name = section.optional("name", words);
    let segment = section.optional("segment", |section, key| section.choice(key, &SEGMENTS));
    let balance = section.optional("balance", money);
    let permitted = section.optional("permitted", money);
    let locale = section.optional("locale", words);
    Some(Payer {
        name: name?,
        segment: segment?,
        balance: balance?,
        permitted: permitted?,
        locale: locale?,
        ..holder()?
    })
}

/// Returns a payee of whom nothing is known.
fn stranger() -> Option<Payee> {
    Some(Payee {
        account: Account::uk("000000", "00000002", "").ok()?,
        name: None,
        declared: None,
        provider: None,
        own: None,
        added: None,
        first_paid: None,
        times_paid: None,
        total_paid: None,
        reputation: None,
    })
}

fn payee(section: &Section<'_>) -> Option<(Payee, Option<Verified>)> {
    let name = section.optional("name", words);
    let declared = section.optional("declared", |section, key| section.choice(key, &PAYEES));
    let provider = section.optional("provider", |section, key| section.choice(key, &PROVIDERS));
    let own = section.optional("own", Section::flag);
    let added = section.optional("added_minutes_ago", minutes_ago);
    let first_paid = section.optional("first_paid_days_ago", days_ago);
    let times_paid =
        section.optional("times_paid", |section, key| section.whole(key, 0..=u32::MAX));
    let total_paid = section.optional("total_paid", money);
    let markers = section.optional("markers", markers);
    let scores = section.optional("scores", scores);
    let verified = section.optional("verified", |section, key| section.choice(key, &VERIFIED));
    let (markers, scores) = (markers?, scores?);
    let reputation = (markers.is_some() || scores.is_some()).then(|| Reputation {
        markers: markers.unwrap_or_default(),
        scores: scores.unwrap_or_default(),
    });
    let payee = Payee {
        name: name?,
        declared: declared?,
        provider: provider?,
        own: own?,
        added: added?,
        first_paid: first_paid?,
        times_paid: times_paid?,
        total_paid: total_paid?,
        reputation,
        ..stranger()?
    };
    Some((payee, verified?))
}

fn markers(section: &Section<'_>, key: &str) -> Option<Vec<Marker>> {
    few(section, key, MARKS_MAX, |marker| {
        let code = marker.text("code");
        let provider = marker.text("provider");
        let marked = marker.optional("days_ago", days_ago);
        Some(Marker { code: code?.into(), provider: provider?.into(), marked: marked? })
    })
}

fn scores(section: &Section<'_>, key: &str) -> Option<Vec<Score>> {
    few(section, key, MARKS_MAX, |score| {
        let (value, provider) = (score.text("value"), score.text("provider"));
        let (model, version) = (score.text("model"), score.optional("version", words));
        let band = score.optional("band", words);
        Some(Score {
            value: value?.into(),
            provider: provider?.into(),
            model: model?.into(),
            version: version?.unwrap_or_else(|| "1".into()),
            band: band?,
        })
    })
}

fn name_check(section: &Section<'_>) -> Option<NameCheck> {
    let result = section.optional("result", |section, key| section.choice(key, &RESULTS));
    let reason = section.optional("reason", words);
    let kind =
        |key| section.optional(key, |section: &Section<'_>, key| section.choice(key, &ACCOUNTS));
    let (asked, reported) = (kind("asked"), kind("reported"));
    Some(NameCheck {
        result: result?,
        reason: reason?,
        asked: asked?,
        reported: reported?,
        checked: None,
    })
}

fn session(section: &Section<'_>) -> Option<Session> {
    let started = section.optional("started_minutes_ago", minutes_ago);
    let state = section.optional("call", |section, key| section.choice(key, &CALLS));
    let ended = section.optional("call_ended_minutes_ago", minutes_ago);
    let direction =
        section.optional("call_direction", |section, key| section.choice(key, &DIRECTIONS));
    let source = section.optional("call_source", |section, key| section.choice(key, &CALL_SOURCES));
    let flag = |key| section.optional(key, Section::flag);
    let (remote_access, screen_sharing) = (flag("remote_access"), flag("screen_sharing"));
    let bank_on_line = flag("bank_on_line");
    let device_registered = section.optional("device_registered_hours_ago", hours_ago);
    let limit_raised = section.optional("limit_raised_hours_ago", hours_ago);
    let dismissed = section.optional("dismissed_seconds", dismissed);
    let scores = section.optional("scores", scores);
    let (state, ended, direction, source) = (state?, ended?, direction?, source?);
    if state.is_none() && (ended.is_some() || direction.is_some() || source.is_some()) {
        let advice = "say `call = \"in_progress\"`, \"ended\", \"none\" or \"not_supported\"";
        section.report("call", "the call is described and not stated", advice);
        return None;
    }
    Some(Session {
        started: started?,
        call: state.map(|state| Call { state, ended, direction, source }),
        remote_access: remote_access?,
        screen_sharing: screen_sharing?,
        device_registered: device_registered?,
        limit_raised: limit_raised?,
        dismissed: dismissed?.map(|warnings| Dismissed { warnings }),
        bank_on_line: bank_on_line?,
        scores: scores?.unwrap_or_default(),
    })
}

fn dismissed(section: &Section<'_>, key: &str) -> Option<Vec<Dismissal>> {
    let seconds = section.texts(key)?;
    all(seconds.iter().map(|text| {
        let seconds = text.text.parse().ok().map(Span::seconds);
        if seconds.is_none() {
            let message = format!("`{}` is no number of seconds", text.text);
            section.report_at(text.line, message, "write whole seconds in quotes");
        }
        Some(Dismissal { digest: None, shown: Some(seconds?) })
    }))
}

fn gathered(section: &Section<'_>, key: &str) -> Option<Gathered> {
    let arrivals = few(section, key, GATHERED_MAX, |arrival| {
        let money = money(arrival, "amount");
        let arrived = arrival.optional("minutes_ago", minutes_ago);
        let source = arrival.optional("source", |arrival, key| arrival.choice(key, &ARRIVALS));
        Some(Arrival { money: money?, arrived: arrived?, source: source? })
    });
    Some(Gathered { arrivals: arrivals? })
}

fn asked(section: &Section<'_>) -> Option<(Stage, bool, Vec<Answer>)> {
    let stage = section.optional("stage", |section, key| section.choice(key, &STAGES));
    let can_ask = section.optional("can_ask", Section::flag);
    let chosen = section.optional("answers", |section, key| {
        let answers = section.section(key)?;
        all(answers.keys().iter().map(|question| {
            let option = answers.text(question.text)?;
            let question = question.text.into();
            Some(Answer { question, option: Some(option.into()), text: None, answered: None })
        }))
    });
    let typed = section.optional("typed", |section, key| {
        let answers = section.section(key)?;
        all(answers.keys().iter().map(|question| {
            let text = answers.text(question.text)?;
            let question = question.text.into();
            Some(Answer { question, option: None, text: Some(text.into()), answered: None })
        }))
    });
    let stage = stage?.unwrap_or(Stage::BeforeConfirmation);
    let mut answers = chosen?.unwrap_or_default();
    answers.extend(typed?.unwrap_or_default());
    Some((stage, can_ask?.unwrap_or(true), answers))
}

fn words(section: &Section<'_>, key: &str) -> Option<Box<str>> {
    section.text(key).map(Into::into)
}

/// Reads a list of at most `count_max` tables.
pub(super) fn few<T>(
    section: &Section<'_>,
    key: &str,
    count_max: usize,
    read: impl FnMut(&Section<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let tables = section.sections(key)?;
    if count_max < tables.len() {
        let message = format!("`{key}` holds {} of them", tables.len());
        section.report(key, message, format!("keep at most {count_max}, as the API does"));
    }
    all(tables.iter().map(read))
}

pub(super) fn minutes_ago(section: &Section<'_>, key: &str) -> Option<Time> {
    let minutes = section.whole(key, 0..=MINUTES_MAX)?;
    Some(NOW.minus(Span::minutes(minutes)))
}

fn hours_ago(section: &Section<'_>, key: &str) -> Option<Time> {
    let hours = section.whole(key, 0..=HOURS_MAX)?;
    Some(NOW.minus(Span::hours(hours)))
}

pub(super) fn days_ago(section: &Section<'_>, key: &str) -> Option<Time> {
    let days = section.whole(key, 0..=DAYS_MAX)?;
    Some(NOW.minus(Span::days(days)))
}

/// When every case takes place: 20 November 2026 at 15:00 UTC, a Friday, like the story this
/// service began with.
pub(super) const NOW: Time = Time::from_micros(1_795_186_800_000_000);

/// How long ago the list was loaded that a verified account stands on: a month, so that a policy
/// which trusts lists for less than that shows it.
const LISTED_BEFORE: Span = Span::days(30);

// A century: longer than any account.
pub(super) const DAYS_MAX: i64 = 36_500;
const HOURS_MAX: i64 = 876_000;
const MINUTES_MAX: i64 = 52_560_000;

const STAGES: [(&str, Stage); 3] = [
    ("before_confirmation", Stage::BeforeConfirmation),
    ("at_submission", Stage::AtSubmission),
    ("rescreen", Stage::Rescreen),
];
const RAILS: [(&str, Rail); 5] = [
    ("faster_payments", Rail::FasterPayments),
    ("chaps", Rail::Chaps),
    ("bacs", Rail::Bacs),
    ("internal", Rail::Internal),
    ("international", Rail::International),
];
const INSTRUCTIONS: [(&str, InstructionKind); 5] = [
    ("single", InstructionKind::Single),
    ("standing_order", InstructionKind::StandingOrder),
    ("forward_dated", InstructionKind::ForwardDated),
    ("variable_recurring", InstructionKind::VariableRecurring),
    ("file", InstructionKind::File),
];
const CHANNELS: [(&str, Channel); 7] = [
    ("mobile_app", Channel::MobileApp),
    ("web", Channel::Web),
    ("telephone", Channel::Telephone),
    ("branch", Channel::Branch),
    ("open_banking", Channel::OpenBanking),
    ("file", Channel::File),
    ("post", Channel::Post),
];
const INITIATORS: [(&str, Initiator); 4] = [
    ("holder", Initiator::Holder),
    ("attorney", Initiator::Attorney),
    ("staff", Initiator::Staff),
    ("initiation_service", Initiator::InitiationService),
];
const SEGMENTS: [(&str, Segment); 4] = [
    ("consumer", Segment::Consumer),
    ("micro_enterprise", Segment::MicroEnterprise),
    ("charity", Segment::Charity),
    ("corporate", Segment::Corporate),
];
const PAYEES: [(&str, PayeeKind); 2] =
    [("person", PayeeKind::Person), ("business", PayeeKind::Business)];
const PROVIDERS: [(&str, ProviderKind); 3] = [
    ("bank", ProviderKind::Bank),
    ("e_money", ProviderKind::EMoney),
    ("crypto", ProviderKind::Crypto),
];
const VERIFIED: [(&str, Verified); 2] =
    [("client_account", Verified::ClientAccount), ("biller", Verified::Biller)];
const ACCOUNTS: [(&str, AccountKind); 2] =
    [("personal", AccountKind::Personal), ("business", AccountKind::Business)];
const RESULTS: [(&str, NameResult); 4] = [
    ("match", NameResult::Match),
    ("close_match", NameResult::CloseMatch),
    ("no_match", NameResult::NoMatch),
    ("could_not_check", NameResult::CouldNotCheck),
];
const CALLS: [(&str, CallState); 4] = [
    ("none", CallState::NoCall),
    ("in_progress", CallState::InProgress),
    ("ended", CallState::Ended),
    ("not_supported", CallState::NotSupported),
];
const DIRECTIONS: [(&str, CallDirection); 2] =
    [("incoming", CallDirection::Incoming), ("outgoing", CallDirection::Outgoing)];
const CALL_SOURCES: [(&str, CallSource); 2] =
    [("device", CallSource::Device), ("operator", CallSource::Operator)];
const ARRIVALS: [(&str, ArrivalSource); 4] = [
    ("own_account", ArrivalSource::OwnAccount),
    ("own_account_elsewhere", ArrivalSource::OwnAccountElsewhere),
    ("savings", ArrivalSource::Savings),
    ("loan", ArrivalSource::Loan),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{load, standard};
    use crate::testing::{pounds, read_section};

    /// Reads one case, and whatever is wrong with it.
    fn read(case: &str) -> (Option<Facts>, Vec<String>) {
        let policy = load(standard()).unwrap();
        read_section(case, |case| facts(case, &policy))
    }

    const FULL: &str = r#"
transfer   = { amount = "3200.00", reference = "LEGAL ADVICE", remittance = "a", purpose = "b", purpose_code = "c", iso_purpose = "ADCS", iso_category = "GP2P", rail = "chaps", instruction = "single", channel = "branch", initiation = "staff", due_in_days = 2 }
payer      = { name = "Ann Hollis", segment = "consumer", balance = "3450", permitted = "25000", locale = "cy" }
payee      = { name = "R Mercer", declared = "business", provider = "e_money", own = false, added_minutes_ago = 6, first_paid_days_ago = 9, times_paid = 2, total_paid = "5", verified = "biller", markers = [{ code = "mule", provider = "network", days_ago = 3 }], scores = [{ value = "0.93", provider = "network", model = "risk", version = "2", band = "high" }] }
name_check = { result = "close_match", reason = "PANM", asked = "business", reported = "personal" }
session    = { started_minutes_ago = 20, call = "ended", call_ended_minutes_ago = 4, call_direction = "incoming", call_source = "operator", remote_access = false, screen_sharing = true, bank_on_line = false, device_registered_hours_ago = 5, limit_raised_hours_ago = 1, dismissed_seconds = ["2"], scores = [{ value = "7", provider = "voice", model = "calls" }] }
gathered   = [{ amount = "3000", source = "savings", minutes_ago = 25 }]
remembered = { first_days_ago = 100, times = 3, total = "90" }
asked      = { stage = "rescreen", can_ask = false, answers = { told_what_to_say = "yes" }, typed = { what_for = "warrant" } }
"#;

    #[test]
    fn every_fact_of_a_transfer_can_be_stated() {
        let (facts, problems) = read(FULL);
        assert_eq!(problems, [""; 0]);
        let facts = facts.unwrap();
        let mut bare = crate::testing::transfer();
        let mut taken = Vec::new();
        bare.inherit(&facts.transfer, |fact| taken.push(fact));
        // The ids of a payment tell nothing of it.
        assert_eq!(taken, crate::transfer::Fact::ALL[3..]);

        let transfer = &facts.transfer;
        assert_eq!(transfer.gathered.as_ref().unwrap().arrivals[0].money, pounds("3000"));
        let ended = transfer.session.call.unwrap().ended.unwrap();
        assert_eq!(NOW.since(ended), Span::minutes(4));
        assert_eq!(NOW.since(transfer.session.limit_raised.unwrap()), Span::hours(1));
        assert_eq!(transfer.session.scores[0].version.as_ref(), "1");
        let listing = Listing { version: 1, loaded: NOW.minus(Span::days(30)) };
        assert_eq!((facts.recall.client_account, facts.recall.biller), (None, Some(listing)));
        assert_eq!((facts.answers.len(), facts.stage), (2, Stage::Rescreen));
        assert!(facts.mentions.iter().any(|found| found.source == crate::text::Source::Answer));
    }

    #[test]
    fn what_is_left_out_is_missing_and_what_is_empty_is_none() {
        let (facts, problems) = read("transfer = { amount = \"5\" }\n");
        assert_eq!(problems, [""; 0]);
        let transfer = facts.unwrap().transfer;
        assert_eq!((transfer.gathered.is_none(), transfer.payee.reputation), (true, None));

        let empty = "transfer = { amount = \"5\" }\npayee = { markers = [] }\ngathered = []\n";
        let (facts, problems) = read(empty);
        assert_eq!(problems, [""; 0]);
        let transfer = facts.unwrap().transfer;
        assert_eq!(transfer.gathered, Some(Gathered::default()));
        assert_eq!(transfer.payee.reputation, Some(Reputation::default()));
    }

    #[test]
    fn a_faulty_key_is_named_with_its_line() {
        let case = "transfer = { amount = \"5\", rail = \"train\" }\n\
                    payee = { verified = \"friend\", market = [] }\n\
                    session = { call_ended_minutes_ago = 4 }\n\
                    gathered = [{ source = \"gift\" }]\n";
        let (facts, problems) = read(case);
        assert!(facts.is_none());
        let begins = [
            "a.toml:1: `train` is no rail: ",
            "a.toml:2: `friend` is no verified: ",
            "a.toml:2: `market` is unknown here: did you mean `markers`?",
            "a.toml:3: the call is described and not stated: ",
            "a.toml:4: `amount` is missing: ",
            "a.toml:4: `gift` is no source: ",
        ];
        assert_eq!(problems.len(), begins.len(), "{problems:?}");
        for (problem, begin) in problems.iter().zip(begins) {
            assert!(problem.starts_with(begin), "{problem}");
        }
    }

    #[test]
    fn the_paper_on_cases_lists_every_name() {
        let paper = include_str!("../../../deploy/policy/README.md");
        let names = |names: &[&str]| {
            for name in names {
                assert!(paper.contains(&format!("`{name}`")), "{name}");
            }
        };
        names(&RAILS.map(|(name, _)| name));
        names(&INSTRUCTIONS.map(|(name, _)| name));
        names(&CHANNELS.map(|(name, _)| name));
        names(&INITIATORS.map(|(name, _)| name));
        names(&SEGMENTS.map(|(name, _)| name));
        names(&PAYEES.map(|(name, _)| name));
        names(&PROVIDERS.map(|(name, _)| name));
        names(&VERIFIED.map(|(name, _)| name));
        names(&ACCOUNTS.map(|(name, _)| name));
        names(&RESULTS.map(|(name, _)| name));
        names(&CALLS.map(|(name, _)| name));
        names(&DIRECTIONS.map(|(name, _)| name));
        names(&CALL_SOURCES.map(|(name, _)| name));
        names(&ARRIVALS.map(|(name, _)| name));
        names(&STAGES.map(|(name, _)| name));
    }
}
