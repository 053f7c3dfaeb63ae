//! Page: answers laid out for a person.
//!
//! The words of a warning stand as the payer would see them, set apart from what is ours.

use std::fmt::Write as _;

use crate::calendar::Time;
use crate::grpc::pb;

/// Lays out what a bank asks, as far as it was stated.
pub fn request(request: &pb::ScreenTransferRequest) -> String {
    let mut page = String::new();
    let transfer = request.transfer.clone().unwrap_or_default();
    let balance = transfer.payer.and_then(|payer| payer.available_balance);
    let payee = transfer.payee.unwrap_or_default();
    let mut to = account(payee.account.as_ref());
    if let Some(name) = &payee.name {
        to = format!("{name}, {to}");
    }
    let texts = transfer.texts.unwrap_or_default();
    let on_a_call = transfer
        .session
        .and_then(|session| session.call)
        .map(|call| plain(call.state().as_str_name(), "STATE_"));
    let stated = [
        ("Amount", Some(transfer.amount.as_ref().map(money).unwrap_or_default())),
        ("To", Some(to)),
        ("Paid before", payee.times_paid.map(times)),
        ("Balance before", balance.as_ref().map(money)),
        ("Reference", texts.reference),
        ("Remittance", texts.remittance),
        ("Telephone call", on_a_call),
    ];
    for (label, text) in stated {
        if let Some(text) = text {
            line(&mut page, 2, &format!("{label:<16}{text}"));
        }
    }
    page
}

/// Lays out the answer to one request.
pub fn answer(answer: &pb::ScreenTransferResponse) -> String {
    let mut page = String::new();
    line(&mut page, 0, &action(answer.action(), answer.hold_kind()));
    let when = time(answer.decide_time.as_ref());
    line(&mut page, 2, &format!("{}, decided {when}", answer.decision));
    if answer.contact_route() == pb::ContactRoute::RegisteredNumber {
        line(&mut page, 2, "The screen cannot be trusted: call the number on record.");
    }
    if answer.mode() == pb::Mode::Degraded {
        line(&mut page, 2, "Decided without the shared log (degraded).");
    }
    if let Some(warning) = &answer.warning {
        warned(&mut page, warning);
    }
    rejected(&mut page, &answer.rejected_facts);
    if let Some(receipt) = &answer.receipt {
        line(&mut page, 2, &recorded(receipt));
    }
    page
}

/// Lays out what staff may see of a decision.
pub fn decision(decision: &pb::Decision) -> String {
    let mut page = String::new();
    let when = time(decision.decide_time.as_ref());
    line(&mut page, 0, &action(decision.action(), decision.hold_kind()));
    line(&mut page, 2, &format!("{}, decided {when}", decision.name));
    if decision.erased {
        line(&mut page, 2, "The payer was erased: only the public part is left.");
    }
    let about = [
        ("Request", decision.request_id.clone()),
        ("Payment", decision.payment_id.clone()),
        ("End-to-end id", decision.end_to_end_id.clone()),
        ("Instruction id", decision.instruction_id.clone()),
        ("Stage", plain(decision.stage().as_str_name(), "STAGE_")),
        ("Goes on from", decision.continues.clone()),
        ("Policy", decision.policy_digest.clone()),
    ];
    for (label, text) in about.iter().filter(|(_, text)| !text.is_empty()) {
        line(&mut page, 2, &format!("{label:<15}{text}"));
    }
    reasons(&mut page, decision);
    if let Some(warning) = &decision.warning {
        warned(&mut page, warning);
    }
    rejected(&mut page, &decision.rejected_facts);
    for report in &decision.executions {
        let what = plain(report.execution().as_str_name(), "EXECUTION_");
        line(&mut page, 2, &format!("Reported {what} at {}", time(report.execute_time.as_ref())));
    }
    if let Some(receipt) = &decision.receipt {
        line(&mut page, 2, &recorded(receipt));
        let checkpoint = receipt.checkpoint.trim_end();
        if !checkpoint.is_empty() {
            line(&mut page, 2, "Signed checkpoint of the log:");
            checkpoint.lines().for_each(|text| line(&mut page, 4, text));
        }
    }
    page
}

/// Lays out why a decision was reached: stories, findings, missing facts.
pub fn reasons(page: &mut String, decision: &pb::Decision) {
    let mut untold = Vec::new();
    for story in &decision.typologies {
        let step = match story.step() {
            pb::typology_reading::Step::Hold => "hold",
            pb::typology_reading::Step::Ask => "ask",
            pb::typology_reading::Step::Inform => "inform",
            pb::typology_reading::Step::None | pb::typology_reading::Step::Unspecified => {
                untold.push(format!("{} {}", story.id, story.points));
                continue;
            }
        };
        line(page, 2, &format!("Story {}: {} points, enough to {step}", story.id, story.points));
    }
    if !untold.is_empty() {
        let text = format!("Not told, lacking points or what they need: {}", untold.join(", "));
        for text in wrapped(&text, REASON_CHARS_MAX) {
            line(page, 2, &text);
        }
    }
    for finding in &decision.findings {
        let text =
            format!("{:>+4}  {:<22} {}", finding.points, finding.signal_id, finding.evidence);
        line(page, 2, &text);
    }
    for missing in &decision.missing_facts {
        let signals = missing.signal_ids.join(", ");
        line(page, 2, &format!("   ?  {} is not known: {signals} could not look", missing.fact));
    }
    for fact in &decision.inherited_facts {
        let stage = plain(fact.stage().as_str_name(), "STAGE_");
        line(page, 2, &format!("      {} comes from the look {stage}", fact.fact));
    }
}

/// Lays out one line of a list.
pub fn summary(decision: &pb::DecisionSummary) -> String {
    let asked = match (decision.action(), decision.hold_kind()) {
        (pb::Action::Hold, pb::HoldKind::PendingAnswers) => "HOLD answers",
        (pb::Action::Hold, _) => "HOLD review",
        (pb::Action::Allow, _) => "ALLOW",
        (pb::Action::Unspecified, _) => "?",
    };
    let story = if decision.typology_id.is_empty() { "-" } else { &decision.typology_id };
    let when = time(decision.decide_time.as_ref());
    format!("{when:<27}  {asked:<12}  {story:<24}  {}\n", decision.name)
}

/// Returns what the bank is asked to do, as a sentence.
pub fn action(action: pb::Action, hold: pb::HoldKind) -> String {
    match (action, hold) {
        (pb::Action::Allow, _) => "ALLOW: it may leave now",
        (pb::Action::Hold, pb::HoldKind::PendingAnswers) => {
            "HOLD: show the warning and come back with the answers"
        }
        (pb::Action::Hold, _) => "HOLD: it does not leave until a person has decided",
        (pb::Action::Unspecified, _) => "an action that this release does not know",
    }
    .to_owned()
}

/// Returns an instant as RFC 3339, to the second.
pub fn time(at: Option<&prost_types::Timestamp>) -> String {
    at.and_then(|at| Time::from_parts(at.seconds, 0))
        .map_or_else(|| "at a time not known".to_owned(), |at| at.to_string())
}

/// Indents every line of a text.
pub fn indented(indent: usize, text: &str) -> String {
    let mut page = String::new();
    text.lines().for_each(|text| line(&mut page, indent, text));
    page
}

fn money(money: &pb::Money) -> String {
    format!("{} {}", money.value, money.currency_code)
}

fn account(account: Option<&pb::Account>) -> String {
    match account {
        Some(account) if account.iban.is_empty() => {
            format!("{} {}", account.sort_code, account.account_number)
        }
        Some(account) => account.iban.clone(),
        None => String::new(),
    }
}

fn times(times: i32) -> String {
    match times {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        _ => format!("{times} times"),
    }
}

/// Lays out words in a frame, broken into lines.
pub(crate) fn warned(page: &mut String, warning: &pb::Warning) {
    let name = format!("{}, version {}, {}", warning.id, warning.version, warning.locale);
    line(page, 2, &format!("The payer is shown ({name}):"));
    let mut framed = |text: &str| {
        for part in wrapped(text, WARNING_CHARS) {
            line(page, 4, &format!("| {part}"));
        }
    };
    framed(&warning.title.to_uppercase());
    framed("");
    framed(&format!("[ {} ]", warning.safe_action));
    for paragraph in &warning.paragraphs {
        framed("");
        framed(paragraph);
    }
    for question in &warning.questions {
        framed("");
        framed(&question.text);
        for choice in &question.choices {
            framed(&format!("  ( ) {}", choice.text));
        }
    }
}

fn rejected(page: &mut String, facts: &[pb::RejectedFact]) {
    for fact in facts {
        line(page, 2, &format!("Not read: {}, expected {}", fact.field, fact.expected));
    }
}

fn recorded(receipt: &pb::Receipt) -> String {
    let leaf: String = receipt.leaf_hash.iter().take(8).fold(String::new(), |mut hex, byte| {
        let written = write!(hex, "{byte:02x}");
        debug_assert!(written.is_ok(), "a string takes everything");
        hex
    });
    format!(
        "Recorded as entry {} of {}, leaf {leaf}…, tree of {}",
        receipt.index, receipt.origin, receipt.tree_size
    )
}

/// Returns an enum value as words: `STAGE_AT_SUBMISSION` as `at submission`.
fn plain(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', " ")
}

fn line(page: &mut String, indent: usize, text: &str) {
    page.extend(std::iter::repeat_n(' ', indent));
    page.push_str(text);
    page.truncate(page.trim_end_matches(' ').len());
    page.push('\n');
}

/// Breaks `text` between words, so that no line is longer than `chars_max` unless a word is.
fn wrapped(text: &str, chars_max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines().chain(text.is_empty().then_some("")) {
        // An indent belongs to the first line.
        let indent = paragraph.len().saturating_sub(paragraph.trim_start().len());
        let mut current = " ".repeat(indent);
        let mut words = 0_usize;
        for word in paragraph.split_whitespace() {
            let length = current.chars().count().saturating_add(word.chars().count());
            if 0 < words && chars_max <= length {
                lines.push(std::mem::take(&mut current));
                words = 0;
            }
            if 0 < words {
                current.push(' ');
            }
            current.push_str(word);
            words = words.saturating_add(1);
        }
        lines.push(current);
    }
    lines
}

// Leaves room for the frame on a screen of 80 columns.
const WARNING_CHARS: usize = 72;

// What fits a terminal of 80 columns behind its indent.
const REASON_CHARS_MAX: usize = 76;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        for (text, want) in [
            ("", &[""][..]),
            ("one", &["one"]),
            ("one two", &["one two"]),
            ("one two three", &["one two", "three"]),
            ("abcdefghijk", &["abcdefghijk"]),
            ("a abcdefghijk b", &["a", "abcdefghijk", "b"]),
            ("é é é é éé", &["é é é é", "éé"]),
            ("one\ntwo", &["one", "two"]),
            ("  ( ) yes", &["  ( ) yes"]),
        ] {
            assert_eq!(wrapped(text, 9), want, "{text}");
        }
    }

    #[test]
    fn a_held_transfer_reads_as_a_person_would_want() {
        let warning = pb::Warning {
            id: "police_legal_fee".into(),
            version: 2,
            locale: "en".into(),
            title: "Stop".into(),
            paragraphs: vec!["The police never ask for money.".into()],
            safe_action: "Do not pay".into(),
            questions: vec![pb::Question {
                id: "contacted".into(),
                text: "Did someone call you?".into(),
                choices: vec![pb::Choice { id: "yes".into(), text: "Yes".into() }],
            }],
            digest: String::new(),
        };
        let answered = pb::ScreenTransferResponse {
            decision: "decisions/1".into(),
            action: pb::Action::Hold.into(),
            hold_kind: pb::HoldKind::PendingReview.into(),
            warning: Some(warning),
            contact_route: pb::ContactRoute::RegisteredNumber.into(),
            decide_time: Some(prost_types::Timestamp { seconds: 0, nanos: 5 }),
            rejected_facts: vec![pb::RejectedFact {
                field: "transfer.due_time".into(),
                expected: "at most 400 days ahead".into(),
            }],
            receipt: Some(pb::Receipt {
                origin: "log.example".into(),
                index: 7,
                leaf_hash: vec![0xab; 32],
                tree_size: 9,
                checkpoint: String::new(),
            }),
            ..pb::ScreenTransferResponse::default()
        };
        let want = "\
HOLD: it does not leave until a person has decided
  decisions/1, decided 1970-01-01T00:00:00Z
  The screen cannot be trusted: call the number on record.
  The payer is shown (police_legal_fee, version 2, en):
    | STOP
    |
    | [ Do not pay ]
    |
    | The police never ask for money.
    |
    | Did someone call you?
    |   ( ) Yes
  Not read: transfer.due_time, expected at most 400 days ahead
  Recorded as entry 7 of log.example, leaf abababababababab…, tree of 9
";
        assert_eq!(answer(&answered), want);
    }
}
