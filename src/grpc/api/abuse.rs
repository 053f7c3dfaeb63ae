//! Abuse: more than there is room for, callers that do not read, and callers that take back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::StreamExt as _;
use h2::Reason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::Status;
use tonic::transport::Endpoint;
use tonic_types::StatusExt as _;

use crate::grpc::api::limits::{ask, plain};
use crate::grpc::api::{DRAIN, Server, reason, request};
use crate::grpc::pb;
use crate::grpc::pb::screen_transfers_response::Answer;
use crate::grpc::pb::screening_service_client::ScreeningServiceClient;
use crate::grpc::serve::Stopped;

#[tokio::test]
async fn of_ten_thousand_calls_at_once_the_surplus_is_refused_and_the_rest_expire() {
    let mut server = Server::stuck(8_192).await;
    let before = server.tree_size().await;
    let connections: Vec<_> = (0..5_u32)
        .map(|connection| {
            let address = server.address;
            tokio::spawn(async move {
                // A connection holds 2,048 calls at most.
                let mut client = plain(address).await;
                let mut calls = Vec::new();
                for number in 0..2_000 {
                    let message = request(connection * 2_000 + number);
                    calls.push(ask(&mut client, &message, "3S").await.unwrap());
                }
                let mut outcomes = BTreeMap::<(String, bool), u32>::new();
                for (response, _body) in calls {
                    let response = response.await.unwrap();
                    let status = Status::from_header_map(response.headers()).unwrap();
                    let retried = status.get_error_details().retry_info().is_some();
                    *outcomes.entry((reason(&status), retried)).or_default() += 1;
                }
                outcomes
            })
        })
        .collect();
    let mut outcomes = BTreeMap::new();
    for connection in connections {
        for (outcome, count) in connection.await.unwrap() {
            *outcomes.entry(outcome).or_default() += count;
        }
    }
    let outcomes: Vec<((String, bool), u32)> = outcomes.into_iter().collect();
    let want = [
        (("EXPIRED_BEFORE_DECIDING".to_owned(), true), 8_192),
        (("QUEUE_FULL".to_owned(), true), 1_808),
    ];
    assert_eq!(outcomes, want);
    // Every one of them was there at once, and given up.
    assert_eq!(server.queue.len(), 8_192);

    // And the server goes on as if nothing had been.
    server.begin();
    while !server.queue.is_empty() {
        tokio::task::yield_now().await;
    }
    server.screen(request(1)).await.unwrap();
    assert_eq!(server.tree_size().await, before + 1);
    server.end().await;
}

#[tokio::test]
async fn a_caller_that_never_reads_holds_up_nobody_but_itself() {
    let mut server = Server::start().await;
    let before = server.tree_size().await;
    let sent = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&sent);
    let questions = tokio_stream::iter(0..QUESTIONS).map(move |number| {
        counted.fetch_add(1, Ordering::Relaxed);
        pb::ScreenTransfersRequest { request: Some(request(number)), timeout: None }
    });
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    // As little as HTTP/2 begins with, so that the answers have nowhere else to go.
    let channel = endpoint
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535)
        .connect()
        .await
        .unwrap();
    let mut deaf = ScreeningServiceClient::new(channel);
    let mut answers = deaf.screen_transfers(questions).await.unwrap().into_inner();

    // Others are answered all the while, and that is how we know that time passes.
    let (mut seen, mut unchanged, mut other) = (0, 0, QUESTIONS);
    while unchanged < 50 {
        other += 1;
        server.screen(request(other)).await.unwrap();
        let now = sent.load(Ordering::Relaxed);
        unchanged = if now == seen && now != 0 { unchanged + 1 } else { 0 };
        seen = now;
    }
    // What the windows and one batch hold is far less than what was asked.
    assert!(seen < QUESTIONS / 2, "{seen} questions were taken");
    let decided = server.tree_size().await - before - i64::from(other - QUESTIONS);
    assert!(decided <= i64::from(seen), "{decided} of {seen} questions were decided");

    // Once it reads, it is owed nothing.
    let mut answered = BTreeMap::<String, u32>::new();
    while let Some(answer) = answers.message().await.unwrap() {
        assert!(matches!(answer.answer, Some(Answer::Response(_))));
        *answered.entry(answer.request_id).or_default() += 1;
    }
    assert_eq!(answered.len(), usize::try_from(QUESTIONS).unwrap());
    assert!(answered.values().all(|count| *count == 1));
    drop((answers, deaf));
    server.end().await;
}

#[tokio::test]
async fn a_stream_that_nobody_reads_does_not_hold_up_a_stop() {
    let server = Server::start().await;
    let questions = tokio_stream::iter(0..QUESTIONS)
        .map(|number| pb::ScreenTransfersRequest { request: Some(request(number)), timeout: None });
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let channel = endpoint
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535)
        .connect()
        .await
        .unwrap();
    let mut deaf = ScreeningServiceClient::new(channel);
    let mut answers = deaf.screen_transfers(questions).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
    // What is owed does not fit into the windows, and nobody takes it.
    server.stop.send(true).unwrap();
    let began = Instant::now();
    let stopped = server.stopped.await.unwrap();
    assert_eq!(stopped, Stopped { cut: 1 });
    assert!(began.elapsed() < DRAIN * 2, "{:?}", began.elapsed());
    server.queue.stop();
    server.turn.unwrap().join().unwrap();
}

#[tokio::test]
async fn calls_that_are_taken_back_leave_nothing_behind() {
    let mut server = Server::stuck(8_192).await;
    let before = server.tree_size().await;
    let mut client = plain(server.address).await;
    let mut calls = Vec::new();
    for number in 0..2_000 {
        calls.push(ask(&mut client, &request(number), "10S").await.unwrap());
    }
    while server.queue.len() < 2_000 {
        tokio::task::yield_now().await;
    }
    for (_, body) in &mut calls {
        body.send_reset(Reason::CANCEL);
    }
    // What comes after them on the same connection is answered after they are gone.
    let (response, _body) =
        ask(&mut client, &pb::ScreenTransferRequest::default(), "10S").await.unwrap();
    let status = Status::from_header_map(response.await.unwrap().headers()).unwrap();
    assert_eq!(reason(&status), "TRANSFER_MALFORMED");
    drop(calls);
    server.begin();
    server.screen(request(9_999)).await.unwrap();
    assert_eq!(server.tree_size().await, before + 1);
    server.end().await;
}

#[tokio::test]
async fn a_client_that_only_opens_and_takes_back_is_shown_out() {
    let mut server = Server::start().await;
    // All in one piece, so that the server finds calls that are gone before it has begun them.
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let mut put = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        bytes.extend_from_slice(&[0, 0, u8::try_from(payload.len()).unwrap(), kind, flags]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
    };
    put(SETTINGS, 0, 0, &[]);
    for stream in (1..200).step_by(2) {
        // POST, http, `/` and an authority, by the numbers that HPACK gives them.
        put(HEADERS, 0x4, stream, &[0x83, 0x86, 0x84, 0x41, 1, b'a']);
        put(RST_STREAM, 0, stream, &u32::from(Reason::CANCEL).to_be_bytes());
    }
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();

    let mut reason = None;
    let mut rest = answer.as_slice();
    while let [_, high, low, kind, _, _, _, _, _, after @ ..] = rest {
        let (payload, after) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        if *kind == GOAWAY {
            reason = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        rest = after;
    }
    assert_eq!(reason.map(Reason::from), Some(Reason::ENHANCE_YOUR_CALM));
    // Others are served.
    server.screen(request(1)).await.unwrap();
    server.end().await;
}

// Frames, by the numbers that HTTP/2 gives them.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// Several times what the windows hold.
const QUESTIONS: u32 = 8_000;
