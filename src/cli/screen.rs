//! Screen: sends requests to a running server and prints the answers.

pub(crate) mod message;

use std::fs;
use std::io::{self, Read as _};

use serde::de::IgnoredAny;
use uuid::Uuid;

use crate::calendar::Time;
use crate::cli::remote::{At, Remote, message_from_json, message_to_json};
use crate::cli::{CliError, page, print};
use crate::clock::{Clock as _, RealClock};
use crate::grpc::pb;

/// Sends requests to a running server and prints the answers.
///
/// A file holds one `ScreenTransferRequest` or several, one after the other, as JSON; or an ISO 20022
/// message, pain.001 or pacs.008, as XML. A request without a `request_id` gets a new one, and one
/// without a `confirm_time` is confirmed now.
#[derive(Debug, clap::Args)]
pub struct Screen {
    /// Files of requests; `-` is standard input.
    #[arg(required_unless_present = "example", value_name = "FILE")]
    files: Vec<String>,
    /// What is known beyond a message: a `ScreenIso20022Request` as JSON, without its message. Needed
    /// where a file is XML (deploy/examples/tonbridge-road.known.json).
    #[arg(long, value_name = "FILE", conflicts_with = "example")]
    known: Option<String>,
    /// Sends a transfer that somebody was talked into (deploy/examples/tonbridge-road.json).
    #[arg(long, conflicts_with = "files")]
    example: bool,
    #[command(flatten)]
    at: At,
    /// Also prints why: findings, points, missing facts.
    #[arg(long)]
    explain: bool,
    /// Prints each answer as JSON, one a line.
    #[arg(long)]
    json: bool,
}

/// What is sent to the server.
enum Question<'a> {
    /// A request as it is in a file.
    Transfer(Box<pb::ScreenTransferRequest>),
    /// A message, and the file it is in.
    Message(&'a str, Box<pb::ScreenIso20022Request>),
}

impl Screen {
    /// Sends every request, in order. Not as expected where one of them gets no decision.
    pub fn run(&self) -> Result<(), CliError> {
        let questions = self.questions(RealClock::start().wall())?;
        let mut remote = self.at.connect()?;
        let (mut count, mut refused) = (0_usize, 0_usize);
        let mut refuse = |why: String| {
            refused = refused.saturating_add(1);
            print(&why)
        };
        for question in questions {
            count = count.saturating_add(1);
            match question {
                Question::Transfer(request) => {
                    let id = request.request_id.clone();
                    match remote.screen(*request) {
                        Ok(answer) => self.show(&mut remote, &answer)?,
                        Err(CliError::Refused(why)) => {
                            refuse(format!("NO DECISION about {id}: {why}\n"))?;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Question::Message(file, message) => match remote.screen_message(*message) {
                    Ok(pb::ScreenIso20022Response { answers }) => {
                        // The message itself counts as its first transfer, which it always has.
                        count = count.saturating_add(answers.len().saturating_sub(1));
                        for answer in answers {
                            match message::taken(answer) {
                                Ok((heading, answer)) => {
                                    let heading = if self.json { "" } else { &*heading };
                                    print(heading)?;
                                    self.show(&mut remote, &answer)?;
                                }
                                Err(why) => refuse(why)?,
                            }
                        }
                    }
                    Err(CliError::Refused(why)) => {
                        refuse(format!("NO DECISION about `{file}`: {why}\n"))?;
                    }
                    Err(error) => return Err(error),
                },
            }
        }
        if refused == 0 {
            return Ok(());
        }
        Err(CliError::NotAsExpected(format!("{refused} of {count} requests got no decision")))
    }

    /// Reads every file, and fills in what a person need not write.
    fn questions(&self, now: Time) -> Result<Vec<Question<'_>>, CliError> {
        let transfer = |request| Question::Transfer(Box::new(filled(request, now)));
        let mut questions = Vec::new();
        if self.example {
            questions.extend(requests(EXAMPLE).map_err(CliError::Usage)?.into_iter().map(transfer));
        }
        let mut messages = false;
        for file in &self.files {
            let contents = contents(file)?;
            let wrong = |why| CliError::Usage(format!("`{file}`, {why}"));
            if message::is_xml(&contents) {
                messages = true;
                questions.push(Question::Message(file, Box::new(self.message(contents, now)?)));
            } else {
                let text = String::from_utf8(contents).map_err(|_| wrong(NOT_UTF_8.to_owned()))?;
                questions.extend(requests(&text).map_err(wrong)?.into_iter().map(transfer));
            }
        }
        if self.known.is_some() && !messages {
            return Err(CliError::Usage("`--known` goes with a message, and there is none".into()));
        }
        Ok(questions)
    }

    /// Adds what is known to a message.
    fn message(&self, message: Vec<u8>, now: Time) -> Result<pb::ScreenIso20022Request, CliError> {
        let Some(file) = &self.known else { return Err(CliError::Usage(NO_KNOWN.to_owned())) };
        let wrong = |why| CliError::Usage(format!("`{file}`, {why}"));
        let text = String::from_utf8(contents(file)?).map_err(|_| wrong(NOT_UTF_8.to_owned()))?;
        let mut request = message::request(message, &text).map_err(wrong)?;
        let mut known = request.known.unwrap_or_default();
        known.transfer.get_or_insert_default();
        request.known = Some(filled(known, now));
        Ok(request)
    }

    fn show(
        &self,
        remote: &mut Remote,
        answer: &pb::ScreenTransferResponse,
    ) -> Result<(), CliError> {
        let explained = if self.explain {
            let id = pb::get_decision_request::Id::Decision(answer.decision.clone());
            remote.decision(id)?.decision
        } else {
            None
        };
        if self.json {
            print(&json_line("ScreenTransferResponse", answer)?)?;
            return match explained {
                Some(decision) => print(&json_line("Decision", &decision)?),
                None => Ok(()),
            };
        }
        let mut text = page::answer(answer);
        if let Some(decision) = explained {
            page::reasons(&mut text, &decision);
        }
        print(&format!("{text}\n"))
    }
}

/// Returns `message` as one line of JSON.
pub fn json_line<M: prost::Message>(name: &str, message: &M) -> Result<String, CliError> {
    let json = message_to_json(name, message).map_err(CliError::NotAsExpected)?;
    Ok(format!("{json}\n"))
}

/// Reads a whole file.
fn contents(file: &str) -> Result<Vec<u8>, CliError> {
    let unreadable = |source| CliError::Unreadable { path: file.to_owned(), source };
    let mut contents = Vec::new();
    if file == "-" {
        io::stdin().lock().read_to_end(&mut contents).map_err(unreadable)?;
    } else {
        contents = fs::read(file).map_err(unreadable)?;
    }
    Ok(contents)
}

/// Reads requests that stand one after the other.
pub fn requests(text: &str) -> Result<Vec<pb::ScreenTransferRequest>, String> {
    let mut found = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut start = 0;
    while let Some(value) = values.next() {
        let number = found.len().saturating_add(1);
        let end = values.byte_offset();
        value.map_err(|error| format!("request {number}: {error}"))?;
        let json = text.get(start..end).unwrap_or_default();
        let request = message_from_json("ScreenTransferRequest", json)
            .map_err(|error| format!("request {number}: {error}"))?;
        found.push(request);
        start = end;
    }
    if found.is_empty() {
        return Err("no request in it".to_owned());
    }
    Ok(found)
}

/// Fills in what a person need not write by hand.
fn filled(mut request: pb::ScreenTransferRequest, now: Time) -> pb::ScreenTransferRequest {
    if request.request_id.is_empty() {
        request.request_id = Uuid::new_v4().to_string();
    }
    if let Some(transfer) = &mut request.transfer
        && transfer.confirm_time.is_none()
    {
        let (seconds, nanos) = now.parts();
        transfer.confirm_time = Some(prost_types::Timestamp { seconds, nanos });
    }
    request
}

const NOT_UTF_8: &str = "not UTF-8";
const NO_KNOWN: &str = "a message needs `--known FILE` beside it: who pays, the stage, the payment id \
                        (deploy/examples/tonbridge-road.known.json)";
const EXAMPLE: &str = include_str!("../../deploy/examples/tonbridge-road.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stand_one_after_the_other() {
        for (text, ids) in [
            ("{\"requestId\": \"a\"}", &["a"][..]),
            (" {\"request_id\": \"a\"}\n\n{\"requestId\": \"b\"} ", &["a", "b"]),
            ("{}{}", &["", ""]),
        ] {
            let read: Vec<_> =
                requests(text).unwrap().into_iter().map(|one| one.request_id).collect();
            assert_eq!(read, ids, "{text}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_number() {
        for (text, want) in [
            ("", "no request in it"),
            ("{} {\"request\": 1}", "request 2: unrecognized field"),
            ("{\"requestId\": 7}", "request 1: "),
            ("{\"stage\": \"STAGE_LATE\"}", "request 1: "),
            ("{} {", "request 2: EOF"),
            ("[]", "request 1: "),
        ] {
            let error = requests(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }

    #[test]
    fn only_what_is_left_out_is_filled_in() {
        let now = Time::from_micros(5_000_001);
        let empty = pb::ScreenTransferRequest {
            transfer: Some(pb::Transfer::default()),
            ..pb::ScreenTransferRequest::default()
        };
        let request = filled(empty, now);
        assert_eq!(request.request_id.len(), 36);
        let confirmed = request.transfer.as_ref().unwrap().confirm_time;
        assert_eq!(confirmed, Some(prost_types::Timestamp { seconds: 5, nanos: 1000 }));
        assert_eq!(filled(request.clone(), Time::from_micros(0)), request);
    }
}
