//! Changes: the file of callers changes while they call.

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use clearline::grpc::pb;
use pb::screen_transfers_response::Answer;

use crate::limits::{CHAPS, Client, FASTER, client, request, told};
use crate::server::Secured;
use crate::{ACCESS, runtime};

const FASTER_LISTED: &str =
    "[[caller]]\nname = \"faster\"\nrole = \"asker-reader\"\ndns = [\"faster.bank.example\"]\n";
const CHAPS_HOST: &str = "dns = [\"chaps.bank.example\"]";

/// Calls until the answer is as wanted, for as long as it takes a change to be seen.
async fn until(
    client: &mut Client,
    numbers: &mut impl Iterator<Item = u64>,
    wanted: impl Fn(&Result<(), Status>) -> bool,
    secured: &Secured,
) {
    let mut tries = 0..20_000;
    loop {
        let number = numbers.next().expect("a number");
        let answer = client.screen_transfer(request(number)).await.map(drop);
        if wanted(&answer) {
            return;
        }
        assert!(tries.next().is_some(), "{answer:?} {}", secured.said());
    }
}

fn is_refused(answer: &Result<(), Status>, code: Code, reason: &str) -> bool {
    answer.as_ref().is_err_and(|status| {
        let (got, why, _) = told(status);
        got == code && why == reason
    })
}

#[test]
fn whoever_is_taken_off_the_file_is_refused_on_its_open_connection_and_stream() {
    let secured = Secured::start();
    let numbers = &mut (0..);
    runtime().block_on(async {
        let (mut faster, mut chaps) =
            (client(&secured, FASTER).await, client(&secured, CHAPS).await);
        let (ask, questions) = tokio::sync::mpsc::channel(1);
        let question = |number| pb::ScreenTransfersRequest {
            request: Some(request(number)),
            timeout: Some(prost_types::Duration { seconds: 10, nanos: 0 }),
        };
        ask.send(question(1_000_000)).await.expect("room");
        let stream = faster.screen_transfers(ReceiverStream::new(questions)).await;
        let mut answers = stream.expect("a stream").into_inner();
        let first = answers.message().await.expect("an answer").expect("an answer");
        assert!(matches!(first.answer, Some(Answer::Response(_))));

        assert!(ACCESS.contains(FASTER_LISTED));
        secured.put("access.toml", &ACCESS.replacen(FASTER_LISTED, "", 1));
        let gone = |answer: &_| is_refused(answer, Code::PermissionDenied, "CALLER_UNKNOWN");
        until(&mut faster, numbers, gone, &secured).await;
        for _ in 0..3 {
            let number = numbers.next().expect("a number");
            assert!(gone(&faster.screen_transfer(request(number)).await.map(drop)));
            chaps.screen_transfer(request(number)).await.expect("nothing changed for it");
        }
        // The question is answered, and the stream ends.
        ask.send(question(1_000_001)).await.expect("room");
        let last = answers.message().await.expect("an answer").expect("an answer");
        let Some(Answer::Error(error)) = last.answer else {
            panic!("not an error: {last:?}");
        };
        assert_eq!(error.reason, "CALLER_UNKNOWN");
        let end = answers.message().await.expect_err("the end of the stream");
        assert_eq!((end.code(), &*told(&end).1), (Code::PermissionDenied, "CALLER_UNKNOWN"));

        // A faulty file changes nothing, and is told of once with what is wrong in it.
        secured.put("access.toml", &format!("{ACCESS}typo = 1\n"));
        let mut tries = 0..20_000;
        while !secured.said().contains("callers refused") {
            assert!(tries.next().is_some(), "{}", secured.said());
            let number = numbers.next().expect("a number");
            assert!(gone(&faster.screen_transfer(request(number)).await.map(drop)));
            chaps.screen_transfer(request(number)).await.expect("nothing changed for it");
        }
        let said = secured.said();
        assert!(said.contains("typo") && said.contains("access.toml"), "{said}");

        // Back on the list, by the same connection; and with another role, without the right.
        secured.put("access.toml", ACCESS);
        until(&mut faster, numbers, Result::is_ok, &secured).await;
        let reports = FASTER_LISTED.replace("asker-reader", "reporter");
        secured.put("access.toml", &ACCESS.replacen(FASTER_LISTED, &reports, 1));
        let misses = |answer: &_| is_refused(answer, Code::PermissionDenied, "RIGHT_MISSING");
        until(&mut faster, numbers, misses, &secured).await;
        let said = secured.said();
        assert_eq!(said.matches("\"message\":\"callers refused\"").count(), 1, "{said}");
        assert_eq!(said.matches("\"message\":\"callers taken\"").count(), 3, "{said}");
    });
}

#[test]
fn changed_limits_hold_on_open_connections() {
    let secured = Secured::start();
    let numbers = &mut (0..);
    let limited = |limits: &str| {
        assert!(ACCESS.contains(CHAPS_HOST));
        let host = format!("{CHAPS_HOST}\nlimits = {{ {limits} }}");
        secured.put("access.toml", &ACCESS.replacen(CHAPS_HOST, &host, 1));
    };
    runtime().block_on(async {
        let (mut chaps, mut faster) =
            (client(&secured, CHAPS).await, client(&secured, FASTER).await);
        for _ in 0..2 {
            limited("per_second = 1, burst = 1");
            let over =
                |answer: &_| is_refused(answer, Code::ResourceExhausted, "CALLER_RATE_EXCEEDED");
            until(&mut chaps, numbers, over, &secured).await;
            limited("per_second = 1_000_000");
            until(&mut chaps, numbers, Result::is_ok, &secured).await;
            for _ in 0..9 {
                let number = numbers.next().expect("a number");
                chaps.screen_transfer(request(number)).await.expect("as many as it likes");
                faster.screen_transfer(request(number)).await.expect("nobody else's limit");
            }
        }
    });
}
