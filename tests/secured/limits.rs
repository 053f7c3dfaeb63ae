//! Limits: what a caller may use, and what becomes of the others when it asks for more.

use std::collections::BTreeMap;
use std::time::Duration;

use clearline::clock::{Clock as _, RealClock};
use clearline::grpc::pb;
use pb::screen_transfers_response::Answer;
use pb::screening_service_client::ScreeningServiceClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::authority::Name;
use crate::server::Secured;
use crate::{ACCESS, healthy, runtime};

pub(crate) type Client = ScreeningServiceClient<Channel>;

pub(crate) const FASTER: Name<'_> = Name::Host("faster.bank.example");
pub(crate) const CHAPS: Name<'_> = Name::Host("chaps.bank.example");

/// Starts a server with more settings, where one caller has these limits.
fn start(limits: &str, settings: &str) -> Secured {
    let host = "dns = [\"chaps.bank.example\"]";
    assert!(ACCESS.contains(host));
    let access = ACCESS.replacen(host, &format!("{host}\nlimits = {{ {limits} }}"), 1);
    let mut secured = Secured::prepare(&access, settings);
    secured.server = Some(secured.run().expect("a server"));
    secured
}

pub(crate) async fn channel(secured: &Secured, name: Name<'_>) -> Channel {
    let leaf = secured.someone(name);
    let channel = secured.channel(&leaf, &secured.authority.certificate).await;
    channel.expect("a connection")
}

pub(crate) async fn client(secured: &Secured, name: Name<'_>) -> Client {
    ScreeningServiceClient::new(channel(secured, name).await)
}

pub(crate) fn request(number: u64) -> pb::ScreenTransferRequest {
    let account = |number: u64| pb::Account {
        sort_code: "601613".to_owned(),
        account_number: format!("{number:08}"),
        ..Default::default()
    };
    let seconds = RealClock::start().wall().micros().div_euclid(1_000_000);
    let now = prost_types::Timestamp { seconds, nanos: 0 };
    pb::ScreenTransferRequest {
        request_id: format!("00000000-0000-4000-8000-{number:012x}"),
        payment_id: format!("payment-{number}"),
        stage: pb::Stage::AtSubmission.into(),
        transfer: Some(pb::Transfer {
            amount: Some(pb::Money { currency_code: "GBP".to_owned(), value: "12.50".to_owned() }),
            confirm_time: Some(now),
            payer: Some(pb::Payer {
                customer_key: format!("customer-{}", number.checked_rem(9).expect("one of nine")),
                account: Some(account(1)),
                ..Default::default()
            }),
            payee: Some(pb::Payee { account: Some(account(2)), ..Default::default() }),
            ..Default::default()
        }),
        request_time: Some(now),
        ..Default::default()
    }
}

/// Returns the reason, and how long to wait, of a refusal.
pub(crate) fn told(status: &Status) -> (Code, String, Option<Duration>) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
    (status.code(), reason, details.retry_info().and_then(|retry| retry.retry_delay))
}

#[test]
fn a_caller_over_its_rate_is_told_when_to_come_again_and_others_are_not_concerned() {
    let secured = start("per_second = 1, burst = 3", "");
    runtime().block_on(async {
        let (mut chaps, mut faster) =
            (client(&secured, CHAPS).await, client(&secured, FASTER).await);
        let mut refused = None;
        for number in 0..9 {
            match chaps.screen_transfer(request(number)).await {
                Ok(_) => assert!(refused.is_none() || 3 <= number, "{number}"),
                Err(status) => refused = Some((number, told(&status))),
            }
            faster.screen_transfer(request(number)).await.expect("nobody else's limit");
        }
        let (number, (code, reason, wait)) = refused.expect("nine are more than three");
        assert!(3 <= number, "{number}");
        assert_eq!((code, &*reason), (Code::ResourceExhausted, "CALLER_RATE_EXCEEDED"));
        let wait = wait.expect("a time to wait");
        assert!(wait <= Duration::from_millis(1_001), "{wait:?}");
        // A connection of its own is no way around it.
        let mut again = client(&secured, CHAPS).await;
        let mut refusals = 0_u32;
        for number in 20..30 {
            refusals = refusals
                .saturating_add(u32::from(again.screen_transfer(request(number)).await.is_err()));
        }
        assert!(5 < refusals, "{refusals}");
    });
}

#[test]
fn each_question_of_a_stream_counts_and_one_over_the_rate_is_refused_by_itself() {
    let secured = start("per_second = 1, burst = 3", "");
    runtime().block_on(async {
        for (name, fewest, most) in [(CHAPS, 3, 5), (FASTER, 9, 9)] {
            let mut client = client(&secured, name).await;
            let questions = (0..9).map(|number| pb::ScreenTransfersRequest {
                request: Some(request(number)),
                timeout: Some(prost_types::Duration { seconds: 10, nanos: 0 }),
            });
            let questions = tokio_stream::iter(questions.collect::<Vec<_>>());
            let answers = client.screen_transfers(questions).await.expect("a stream");
            let mut answers = answers.into_inner();
            let (mut decided, mut refused) = (0, 0);
            while let Some(answer) = answers.message().await.expect("an answer") {
                match answer.answer.expect("something") {
                    Answer::Response(_) => decided += 1,
                    Answer::Error(error) => {
                        assert_eq!(error.reason, "CALLER_RATE_EXCEEDED");
                        assert_eq!(error.code, i32::from(Code::ResourceExhausted));
                        assert!(error.retry_delay.is_some());
                        refused += 1;
                    }
                }
            }
            assert!((fewest..=most).contains(&decided), "{decided}");
            assert_eq!(decided + refused, 9);
        }
    });
}

#[test]
fn a_caller_has_so_many_connections_and_the_next_is_told_and_ends() {
    let secured = start("connections = 1", "");
    runtime().block_on(async {
        let mut first = client(&secured, CHAPS).await;
        first.screen_transfer(request(1)).await.expect("a decision");
        let mut second = client(&secured, CHAPS).await;
        let status = second.screen_transfer(request(2)).await.expect_err("one too many");
        // It is told, unless it has heard before that the connection ends.
        let (code, reason, _) = told(&status);
        let named = (code, &*reason) == (Code::ResourceExhausted, "CALLER_CONNECTIONS_FULL");
        assert!(named || code == Code::Unavailable, "{status:?}");
        first.screen_transfer(request(3)).await.expect("a decision");
        client(&secured, FASTER).await.screen_transfer(request(4)).await.expect("a decision");
        // As one ends, there is room for another.
        drop(first);
        let mut tries = 0..2_000;
        while second.screen_transfer(request(5)).await.is_err() {
            assert!(tries.next().is_some(), "{}", secured.said());
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_caller_that_asks_for_ten_times_its_share_of_the_queue_is_refused_and_a_good_one_is_not() {
    // The queue has four places for each of two callers; one asks for forty at a time.
    let secured = start("in_flight = 40", "[limits]\nqueue_max = 8\n");
    runtime().block_on(async {
        let bad = client(&secured, CHAPS).await;
        let mut good = client(&secured, FASTER).await;
        let mut asking = JoinSet::new();
        for worker in 0..60_u64 {
            let mut bad = bad.clone();
            asking.spawn(async move {
                let mut outcomes = Vec::new();
                for number in 0..30 {
                    let number = worker.saturating_mul(1_000).saturating_add(number);
                    let answer = bad.screen_transfer(request(number)).await;
                    outcomes.push(answer.map(drop).map_err(|status| told(&status)));
                }
                outcomes
            });
        }
        for number in 0..100 {
            good.screen_transfer(request(number)).await.expect("a decision for the good caller");
        }
        let mut counted = BTreeMap::new();
        for outcome in asking.join_all().await.into_iter().flatten() {
            let reason = match outcome {
                Ok(()) => "decided".to_owned(),
                Err((code, reason, wait)) => {
                    assert_eq!(code, Code::ResourceExhausted, "{reason}");
                    assert!(wait.is_some(), "{reason}");
                    reason
                }
            };
            let count: &mut u32 = counted.entry(reason).or_default();
            *count = count.saturating_add(1);
        }
        let known = ["CALLER_IN_FLIGHT_FULL", "QUEUE_FULL", "QUEUE_SHARE_FULL", "decided"];
        assert!(counted.keys().all(|reason| known.contains(&reason.as_str())), "{counted:?}");
        // Sixty ask at once where forty may, and those that may find eight places.
        assert!(counted.contains_key("CALLER_IN_FLIGHT_FULL"), "{counted:?}");
        assert!(2 < counted.len(), "{counted:?}");
        assert_eq!(counted.values().sum::<u32>(), 1_800);
    });
}

#[test]
fn a_stream_on_an_old_connection_ends_by_name_with_nothing_owed() {
    let secured = start("in_flight = 9", "[limits]\nage_ms = 500\n");
    runtime().block_on(async {
        let mut client = client(&secured, FASTER).await;
        let (send, questions) = tokio::sync::mpsc::channel(4);
        let questions = tokio_stream::wrappers::ReceiverStream::new(questions);
        let mut answers = client.screen_transfers(questions).await.expect("a stream").into_inner();
        for number in 0..3 {
            let question =
                pb::ScreenTransfersRequest { request: Some(request(number)), timeout: None };
            send.send(question).await.expect("a question sent");
            assert!(answers.message().await.expect("an answer").is_some());
        }
        let status = answers.message().await.expect_err("an end");
        let (code, reason, wait) = told(&status);
        assert_eq!((code, &*reason), (Code::Unavailable, "CONNECTION_OLD"));
        assert!(wait.is_some());
        // The client opens another by itself.
        client.screen_transfer(request(9)).await.expect("a decision");
    });
}

#[test]
fn whoever_is_revoked_is_out_once_its_connection_is_old() {
    let secured = start("in_flight = 9", "[limits]\nage_ms = 1_000\n");
    let leaf = secured.authority.leaf(40, &[FASTER], 2100);
    runtime().block_on(async {
        let open = secured.channel(&leaf, &secured.authority.certificate).await;
        let open = open.expect("a connection");
        assert!(healthy(&open).await);
        secured.put("crl.pem", &secured.authority.revoked(&[66, 40]));
        // It would connect again by itself, and cannot.
        let out = async {
            while healthy(&open).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), out).await.expect("the end of it");
        assert!(healthy(&channel(&secured, CHAPS).await).await);
    });
}
