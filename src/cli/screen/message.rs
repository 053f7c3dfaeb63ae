//! Message: ISO 20022 messages on the command line.

use crate::cli::page;
use crate::cli::remote::{Refused, message_from_json};
use crate::grpc::pb;
use crate::grpc::pb::iso20022_answer::Answer;

/// Tells whether a file is XML: nothing else that is sent begins with `<`.
pub(crate) fn is_xml(contents: &[u8]) -> bool {
    let contents = contents.strip_prefix(b"\xef\xbb\xbf").unwrap_or(contents);
    contents.trim_ascii_start().starts_with(b"<")
}

/// Returns the question about a message, with what the JSON of a `ScreenIso20022Request` says is
/// known beside it.
pub(crate) fn request(message: Vec<u8>, known: &str) -> Result<pb::ScreenIso20022Request, String> {
    let mut request: pb::ScreenIso20022Request = message_from_json("ScreenIso20022Request", known)?;
    if !request.message.is_empty() {
        return Err("it holds a message of its own".to_owned());
    }
    request.message = message;
    Ok(request)
}

/// Returns the decision about one transfer under a heading, or the page that says why there is none.
pub(crate) fn taken(
    answer: pb::Iso20022Answer,
) -> Result<(String, pb::ScreenTransferResponse), String> {
    let about = format!("{} (payment {})", answer.path, answer.payment_id);
    match answer.answer {
        Some(Answer::Response(response)) => Ok((format!("{about}\n"), response)),
        Some(Answer::Error(error)) => {
            let why = page::indented(2, &Refused::from(error).to_string());
            Err(format!("NO DECISION about {about}:\n{why}"))
        }
        None => Err(format!("NO DECISION about {about}, and no reason\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_told_by_how_it_begins() {
        for (contents, want) in [
            ("<a/>", true),
            ("\u{feff}<a/>", true),
            (" \r\n\t<?xml?>", true),
            ("{}", false),
            ("", false),
            ("a<", false),
        ] {
            assert_eq!(is_xml(contents.as_bytes()), want, "{contents}");
        }
    }

    #[test]
    fn what_is_known_stands_beside_the_message() {
        let known = include_str!("../../../deploy/examples/tonbridge-road.known.json");
        let request = request(b"<a/>".to_vec(), known).unwrap();
        assert_eq!(request.message, b"<a/>");
        assert_eq!(request.known.unwrap().payment_id, "example-tonbridge-road");
        for (known, want) in [
            ("{\"message\": \"YQ==\"}", "a message of its own"),
            ("{\"payment_id\": \"a\"}", "unrecognized field"),
            ("[]", ""),
        ] {
            let error = super::request(Vec::new(), known).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn a_transfer_without_a_decision_says_why() {
        let error = pb::Error {
            code: 3,
            reason: "TRANSFER_MALFORMED".to_owned(),
            message: "the transfer is malformed".to_owned(),
            field_violations: vec![pb::FieldViolation {
                field: "A/B[1]/Amt".to_owned(),
                description: "an amount".to_owned(),
            }],
            retry_delay: None,
        };
        let answer = pb::Iso20022Answer {
            path: "A/B[1]".to_owned(),
            payment_id: "p".to_owned(),
            answer: Some(Answer::Error(error)),
            ..pb::Iso20022Answer::default()
        };
        let want = "NO DECISION about A/B[1] (payment p):\n  TRANSFER_MALFORMED \
                    (InvalidArgument): the transfer is malformed\n    A/B[1]/Amt: an amount\n";
        assert_eq!(taken(answer), Err(want.to_owned()));
    }
}
