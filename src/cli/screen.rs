//! Screen: sends requests to a running server and prints the answers.

use std::fs;
use std::io::{self, Read as _};

use serde::de::IgnoredAny;
use uuid::Uuid;

use crate::calendar::Time;
use crate::cli::remote::{Remote, message_from_json, message_to_json};
use crate::cli::{CliError, page, print};
use crate::clock::{Clock as _, RealClock};
use crate::grpc::pb;

/// Sends requests to a running server and prints the answers.
///
/// A file holds one `ScreenTransferRequest` or several, one after the other, as JSON. A request
/// without a `request_id` gets a new one, and one without a `confirm_time` is confirmed now.
#[derive(Debug, clap::Args)]
pub struct Screen {
    /// Files of requests; `-` is standard input.
    #[arg(required_unless_present = "example", value_name = "FILE")]
    files: Vec<String>,
    /// Sends a transfer that somebody was talked into (deploy/examples/tonbridge-road.json).
    #[arg(long, conflicts_with = "files")]
    example: bool,
    /// Where the server listens.
    #[arg(long, default_value = "127.0.0.1:50051")]
    address: String,
    /// Also prints why: findings, points, missing facts.
    #[arg(long)]
    explain: bool,
    /// Prints each answer as JSON, one a line.
    #[arg(long)]
    json: bool,
}

impl Screen {
    /// Sends every request, in order. Not as expected where one of them gets no decision.
    pub fn run(&self) -> Result<(), CliError> {
        let now = RealClock::start().wall();
        let mut asked = Vec::new();
        if self.example {
            asked.extend(requests(EXAMPLE).map_err(CliError::Usage)?);
        }
        for file in &self.files {
            asked.extend(read(file)?);
        }

        let mut remote = Remote::connect(&self.address)?;
        let mut refused = 0_usize;
        let count = asked.len();
        for request in asked {
            let request = filled(request, now);
            let id = request.request_id.clone();
            match remote.screen(request) {
                Ok(answer) => self.show(&mut remote, &answer)?,
                Err(CliError::Refused(why)) => {
                    refused = refused.saturating_add(1);
                    print(&format!("NO DECISION about {id}: {why}\n"))?;
                }
                Err(error) => return Err(error),
            }
        }
        if refused == 0 {
            return Ok(());
        }
        Err(CliError::NotAsExpected(format!("{refused} of {count} requests got no decision")))
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

/// Reads the requests of a file.
fn read(file: &str) -> Result<Vec<pb::ScreenTransferRequest>, CliError> {
    let unreadable = |source| CliError::Unreadable { path: file.to_owned(), source };
    let text = if file == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map_err(unreadable)?;
        text
    } else {
        fs::read_to_string(file).map_err(unreadable)?
    };
    requests(&text).map_err(|why| CliError::Usage(format!("`{file}`, {why}")))
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
