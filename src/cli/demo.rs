//! Demo: the whole service at work on a few payments, and a check of everything it shows.
//!
//! A real server in a process of its own, asked over gRPC, with its data in a temporary folder. It is
//! killed in the middle and started again. Ends with an error that names the first thing that is not
//! as expected.

use std::env;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::calendar::Time;
use crate::cli::bench::server::{Folder, Server, ServerError};
use crate::cli::decisions::replay;
use crate::cli::remote::Remote;
use crate::cli::screen::message;
use crate::cli::{CliError, page, print};
use crate::clock::{Clock as _, RealClock};
use crate::grpc::pb;
use crate::grpc::pb::get_decision_request::Id;

mod story;
mod tls;

use story::{Story, Want};

/// Shows the whole service at work, and checks what it shows.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Shows who may call instead: callers with other rights, by TLS with certificates made now.
    #[arg(long)]
    tls: bool,
}

/// A question and the answer that was acknowledged.
#[derive(Clone, Debug)]
struct Asked {
    question: Question,
    answer: pb::ScreenTransferResponse,
}

/// What the bank asks about one transfer, in either of the forms it may ask in.
#[derive(Clone, Debug)]
enum Question {
    Transfer(pb::ScreenTransferRequest),
    Message(pb::ScreenIso20022Request),
}

/// Requests that were under way when the server was killed.
#[derive(Debug)]
struct Burst {
    answered: Vec<Asked>,
    in_doubt: Option<pb::ScreenTransferRequest>,
}

impl Demo {
    /// Runs it.
    pub fn run(&self) -> Result<(), CliError> {
        let folder = Folder::new(&env::temp_dir()).map_err(failed)?;
        let shown = if self.tls { tls::show(&folder) } else { show(&folder) };
        if shown.is_err() {
            let kept = folder.keep();
            writeln!(io::stderr(), "clearline: what the server wrote is in {}", kept.display())?;
        }
        shown
    }
}

fn show(folder: &Folder) -> Result<(), CliError> {
    let now = RealClock::start().wall();
    let program = env::current_exe()?;
    print(OPENING)?;
    let mut server = Server::start(&program, folder).map_err(failed)?;
    let mut remote = Remote::connect(&server.address.to_string())?;

    let telling = tell(&mut remote, &story::tonbridge_road(now))?;
    explain(&mut remote, &telling)?;
    let bland = tell(&mut remote, &story::bland_on_a_call(now))?;
    let message = tell_message(&mut remote, &telling, now)?;
    let welsh = tell_in_welsh(&mut remote, &telling, now)?;
    print("--- The first request again, as after a broken connection\n\n")?;
    same_answer(&mut remote, &telling)?;
    let deposit = tell(&mut remote, &story::house_deposit(now))?;
    let mut asked = vec![telling, bland, message, welsh, deposit];

    print("--- The server is killed (kill -9) while payments come in\n\n")?;
    let burst = burst_and_kill(server, now)?;
    asked.extend(burst.answered);
    server = Server::start(&program, folder).map_err(failed)?;
    remote = Remote::connect(&server.address.to_string())?;
    nothing_is_lost(&mut remote, &asked)?;
    if let Some(request) = burst.in_doubt {
        // It may have been decided or not; asking again with the same id settles it.
        let answer = remote.screen(request.clone())?;
        asked.push(Asked { question: Question::Transfer(request), answer });
        print("  One was under way when it died: it has its answer now.\n\n")?;
    }

    let paid = tell(&mut remote, &story::rent(now))?;
    report(&mut remote, &paid, now)?;
    asked.push(paid);
    count(&mut remote, asked.len())?;
    // Nobody attends to the connection from here on, so the server would wait for it in vain.
    drop(remote);
    server.stop().map_err(failed)?;
    replayed(&folder.path().join("data"), asked.len())
}

/// Asks, prints question and answer, and holds the answer to what the story wants.
fn tell(remote: &mut Remote, story: &Story) -> Result<Asked, CliError> {
    print(&format!("--- {}\n\n{}\n", story.title, page::indented(2, story.told)))?;
    print(&page::request(&story.request))?;
    let answer = remote.screen(story.request.clone())?;
    print(&format!("\n{}\n", page::answer(&answer)))?;

    let title = story.title;
    match story.want {
        Want::HeldForReview => {
            expect(answer.action() == pb::Action::Hold, || format!("{title}: it was not held"))?;
            expect(answer.hold_kind() == pb::HoldKind::PendingReview, || {
                format!("{title}: it was not held for a person")
            })?;
        }
        Want::Held => {
            expect(answer.action() == pb::Action::Hold, || format!("{title}: it was not held"))?;
        }
        Want::Allowed => {
            expect(answer.action() == pb::Action::Allow, || format!("{title}: it was held"))?;
        }
    }
    if story.want != Want::Allowed {
        let words = answer.warning.as_ref().is_some_and(|warning| !warning.paragraphs.is_empty());
        expect(words, || format!("{title}: there is no warning to show"))?;
    }
    expect(answer.rejected_facts.is_empty(), || format!("{title}: a fact was not read"))?;
    expect(answer.receipt.is_some(), || format!("{title}: there is no receipt"))?;
    Ok(Asked { question: Question::Transfer(story.request.clone()), answer })
}

/// Asks about the first transfer as the message that a payer's app would send, which must come to
/// the same words.
fn tell_message(remote: &mut Remote, telling: &Asked, now: Time) -> Result<Asked, CliError> {
    print("--- The same order as an ISO 20022 message (pain.001), of another payer\n\n")?;
    let question = Question::Message(story::message("message", None, now)?);
    let answer = question.ask(remote)?;
    expect(answer.hold_kind() == pb::HoldKind::PendingReview, || {
        "the message was not held for a person".to_owned()
    })?;
    expect(answer.warning.is_some() && answer.warning == telling.answer.warning, || {
        "the message got other words than the request".to_owned()
    })?;
    print("  HOLD for a person as well, with the same words as above.\n\n")?;
    Ok(Asked { question, answer })
}

/// Asks about it once more, for a payer who reads Welsh.
fn tell_in_welsh(remote: &mut Remote, telling: &Asked, now: Time) -> Result<Asked, CliError> {
    print("--- The same message, of a payer who reads Welsh\n\n")?;
    let question = Question::Message(story::message("welsh-message", Some("cy"), now)?);
    let answer = question.ask(remote)?;
    print(&format!("{}\n", page::answer(&answer)))?;
    let (welsh, english) = (answer.warning.clone(), telling.answer.warning.clone());
    let (welsh, english) = (welsh.unwrap_or_default(), english.unwrap_or_default());
    expect(welsh.locale == "cy" && welsh.id == english.id && welsh.title != english.title, || {
        "the warning is not in Welsh".to_owned()
    })?;
    Ok(Asked { question, answer })
}

impl Question {
    /// Asks. A message must come to one answer, and that to a decision.
    fn ask(&self, remote: &mut Remote) -> Result<pb::ScreenTransferResponse, CliError> {
        let request = match self {
            Self::Transfer(request) => return remote.screen(request.clone()),
            Self::Message(request) => request.clone(),
        };
        let mut answers = remote.screen_message(request)?.answers;
        match (answers.pop(), answers.pop()) {
            (Some(answer), None) => match message::taken(answer) {
                Ok((_, answer)) => Ok(answer),
                Err(why) => Err(not_as_expected(&why)),
            },
            _ => Err(not_as_expected("a message of one transfer got another number of answers")),
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Transfer(request) => &request.request_id,
            Self::Message(request) => request.known.as_ref().map_or("", |known| &known.request_id),
        }
    }

    fn payment(&self) -> &str {
        match self {
            Self::Transfer(request) => &request.payment_id,
            Self::Message(request) => request.known.as_ref().map_or("", |known| &known.payment_id),
        }
    }
}

/// Prints what staff may see of a decision.
fn explain(remote: &mut Remote, asked: &Asked) -> Result<(), CliError> {
    let found = remote.decision(Id::Decision(asked.answer.decision.clone()))?;
    let decision = found.decision.unwrap_or_default();
    let mut text = "  Why, for staff only:\n".to_owned();
    page::reasons(&mut text, &decision);
    print(&format!("{text}\n"))?;
    expect(!decision.findings.is_empty(), || "a hold without a finding".to_owned())
}

/// Asks the same again, which must get the same answer and the same receipt.
fn same_answer(remote: &mut Remote, asked: &Asked) -> Result<(), CliError> {
    let again = asked.question.ask(remote)?;
    expect(again == asked.answer, || {
        format!("{} got another answer at its retry", asked.question.id())
    })?;
    let index = again.receipt.map_or(0, |receipt| receipt.index);
    print(&format!("  The same answer and the same receipt: entry {index}.\n\n"))
}

/// Lets payments come in and kills the server in the middle of them.
fn burst_and_kill(server: Server, now: Time) -> Result<Burst, CliError> {
    let answered = Arc::new(AtomicUsize::new(0));
    let asking = ask_on(server.address.to_string(), now, Arc::clone(&answered));
    while answered.load(Ordering::Relaxed) < BURST_ANSWERS && !asking.is_finished() {
        thread::sleep(Duration::from_millis(1));
    }
    server.kill().map_err(failed)?;
    let burst = asking.join().map_err(|_| not_as_expected("the caller fell over"))?;
    let answered = burst.answered.len();
    expect(BURST_ANSWERS <= answered, || format!("only {answered} payments were answered"))?;
    print(&format!("  {answered} more had their answers when it died.\n"))?;
    Ok(burst)
}

/// Asks about one payment after the other until nobody answers.
fn ask_on(address: String, now: Time, answered: Arc<AtomicUsize>) -> JoinHandle<Burst> {
    thread::spawn(move || {
        let mut burst = Burst { answered: Vec::new(), in_doubt: None };
        let Ok(mut remote) = Remote::connect(&address) else { return burst };
        for number in 0..BURST_MAX {
            let request = story::ordinary(number, now);
            let Ok(answer) = remote.screen(request.clone()) else {
                burst.in_doubt = Some(request);
                break;
            };
            burst.answered.push(Asked { question: Question::Transfer(request), answer });
            answered.fetch_add(1, Ordering::Relaxed);
        }
        burst
    })
}

/// Holds the server that came back to every answer that was given before.
fn nothing_is_lost(remote: &mut Remote, asked: &[Asked]) -> Result<(), CliError> {
    for one in asked {
        let again = one.question.ask(remote)?;
        let id = one.question.id();
        expect(again == one.answer, || format!("{id} got another answer after the restart"))?;
        let found = remote.decision(Id::RequestId(id.to_owned()))?;
        let name = found.decision.map(|decision| decision.name).unwrap_or_default();
        expect(name == one.answer.decision, || {
            format!("{} is gone after the restart", one.answer.decision)
        })?;
    }
    let count = asked.len();
    print(&format!(
        "  Started again: all {count} decisions are there, and each retry gets the same answer\n  \
         and the same receipt.\n"
    ))
}

/// Reports that a payment was sent, twice.
fn report(remote: &mut Remote, paid: &Asked, now: Time) -> Result<(), CliError> {
    print("--- The bank reports that the rent was sent\n\n")?;
    let report = pb::ReportExecutionRequest {
        payment_id: paid.question.payment().to_owned(),
        decision: Some(paid.answer.decision.clone()),
        execution: pb::report_execution_request::Execution::Sent.into(),
        execute_time: Some(story::timestamp(now)),
        ..pb::ReportExecutionRequest::default()
    };
    let first = remote.report(report.clone())?;
    let again = remote.report(report)?;
    expect(first == again, || "the same report got another receipt".to_owned())?;
    let index = first.receipt.map_or(0, |receipt| receipt.index);
    print(&format!("  Recorded as entry {index}; reported again, it is the same entry.\n\n"))?;

    let found = remote.decision(Id::PaymentId(paid.question.payment().to_owned()))?;
    let executions = found.decision.map_or(0, |decision| decision.executions.len());
    expect(executions == 1, || format!("the rent was reported once and shows {executions}"))
}

/// Counts the decisions that the server lists.
fn count(remote: &mut Remote, want: usize) -> Result<(), CliError> {
    let mut request = pb::ListDecisionsRequest { page_size: 100, ..Default::default() };
    let mut listed = 0_usize;
    loop {
        let page = remote.list(request.clone())?;
        listed = listed.saturating_add(page.decisions.len());
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    expect(listed == want, || format!("{want} decisions were made and {listed} are listed"))?;
    print(&format!("--- The list of decisions\n\n  {listed}, each of them once.\n\n"))
}

/// Reaches every decision of the log again.
fn replayed(data: &Path, want: usize) -> Result<(), CliError> {
    print("--- The server has stopped; its log is replayed\n\n")?;
    let replayed = replay::replay(data)?;
    print(&format!("{}\n", page::indented(2, &replayed.to_string())))?;
    expect(replayed.unequal.is_empty(), || "a decision came out otherwise".to_owned())?;
    expect(replayed.equal == u64::try_from(want).unwrap_or(u64::MAX), || {
        format!("{want} decisions were made and {} are in the log", replayed.equal)
    })?;
    print("Everything was as expected.\n")
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), CliError> {
    if holds { Ok(()) } else { Err(not_as_expected(&otherwise())) }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn failed(error: ServerError) -> CliError {
    not_as_expected(&error.to_string())
}

fn not_as_expected(what: &str) -> CliError {
    CliError::NotAsExpected(format!("not as expected: {what}"))
}

const OPENING: &str = "\
Clearline asks of every outgoing transfer whether the payer is being talked out of their
money. A server was started with an empty log; these payments are made now.

";
// Enough that the kill falls between two of them, few enough to take no time.
const BURST_ANSWERS: usize = 100;
const BURST_MAX: usize = 100_000;
