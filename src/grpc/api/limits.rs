//! Limits: streams, deadlines, odd messages and health over a real connection.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use prost::Message as _;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::grpc::SCREEN_TRANSFER;
use crate::grpc::api::{Server, channel, reason, request};
use crate::grpc::pb;
use crate::grpc::pb::screen_transfers_response::Answer;
use crate::grpc::sample::{NOW, stamp};

#[tokio::test]
async fn a_stream_answers_every_question_once() {
    let mut server = Server::start().await;
    let questions = (0..3_000_u32).map(|number| {
        let mut message = request(number % 2_000);
        if number % 10 == 3 {
            message.payment_id = String::new();
        }
        // Longer than a crowded machine takes: how calls expire is for other tests.
        let timeout = Some(prost_types::Duration { seconds: 10, nanos: 0 });
        pb::ScreenTransfersRequest { request: Some(message), timeout }
    });
    let stream = tokio_stream::iter(questions.collect::<Vec<_>>());
    let mut answers = server.client.screen_transfers(stream).await.unwrap().into_inner();
    let mut seen = BTreeMap::<String, Vec<pb::ScreenTransfersResponse>>::new();
    while let Some(answer) = answers.message().await.unwrap() {
        seen.entry(answer.request_id.clone()).or_default().push(answer);
    }
    assert_eq!(seen.len(), 2_000);
    for (number, (_, answers)) in seen.iter().enumerate() {
        assert_eq!(answers.len(), if number < 1_000 { 2 } else { 1 });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{number}");
        match &answers[0].answer {
            Some(Answer::Response(response)) => assert_ne!(response.action, 0),
            Some(Answer::Error(error)) => {
                assert_eq!(number % 10, 3);
                assert_eq!((error.code, error.reason.as_str()), (3, "TRANSFER_MALFORMED"));
                assert_eq!(error.field_violations[0].field, "payment_id");
            }
            None => panic!("an answer says something"),
        }
    }
    server.end().await;
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops_and_owes_nothing_then() {
    let mut server = Server::start().await;
    let (send, questions) = tokio::sync::mpsc::channel(4);
    let stream = tokio_stream::wrappers::ReceiverStream::new(questions);
    let question = pb::ScreenTransfersRequest { request: Some(request(1)), timeout: None };
    send.send(question).await.unwrap();
    let mut answers = server.client.screen_transfers(stream).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
    server.stop.send(true).unwrap();
    let status = answers.message().await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "STOPPING".into()));
    drop(send);
    server.end().await;
}

#[tokio::test]
async fn messages_that_are_none_are_refused_with_details() {
    let mut server = Server::start().await;
    let mut large = request(1);
    large.payment_id = "p".repeat(70_000);
    let status = server.screen(large.clone()).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::InvalidArgument, "MESSAGE_TOO_LARGE".into())
    );
    let list = pb::ListDecisionsRequest { page_token: "p".repeat(70_000), ..Default::default() };
    let status = server.list(list).await.unwrap_err();
    assert_eq!(reason(&status), "MESSAGE_TOO_LARGE");
    let question = pb::ScreenTransfersRequest { request: Some(large), timeout: None };
    let stream = tokio_stream::iter([question]);
    let mut answers = server.client.screen_transfers(stream).await.unwrap().into_inner();
    assert_eq!(reason(&answers.message().await.unwrap_err()), "MESSAGE_TOO_LARGE");

    // `ScreenTransfers` reads this as text that is not UTF-8, and so do the others.
    let mut raw = tonic::client::Grpc::new(channel(server.address).await);
    let calls = [
        (SCREEN_TRANSFER, "MESSAGE_MALFORMED"),
        ("/clearline.screening.v1.ScreeningService/GetDecision", "MESSAGE_MALFORMED"),
        ("/clearline.screening.v1.ScreeningService/Unknown", "METHOD_UNKNOWN"),
        ("/other.Service/Get", "METHOD_UNKNOWN"),
    ];
    for (path, want) in calls {
        raw.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<Odd, Odd>::default();
        let odd = Odd { bytes: vec![0xff] };
        let status = raw.unary(Request::new(odd), path.parse().unwrap(), codec).await.unwrap_err();
        assert_eq!(reason(&status), want, "{path}");
    }

    let mut request = Request::new(request(2));
    request.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    let status = server.client.screen_transfer(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unimplemented, "ENCODING_UNKNOWN".into()));
    server.end().await;
}

/// A message whose first field is bytes where ours has text.
#[derive(Clone, PartialEq, prost::Message)]
struct Odd {
    #[prost(bytes = "vec", tag = "1")]
    bytes: Vec<u8>,
}

#[tokio::test]
async fn every_call_ends_by_its_deadline_or_at_once() {
    let server = Server::stuck(2).await;
    for timeout in ["0n", "1m", "50m"] {
        let status = timed(server.address, &request(1), timeout).await;
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(reason(&status), "EXPIRED_BEFORE_DECIDING");
    }
    let status = timed(server.address, &request(9), "24H").await;
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "QUEUE_FULL".into()));
    assert!(status.get_error_details().retry_info().is_some());
    server.end().await;
}

/// Asks with a deadline that only the server keeps, as tonic's client gives up by itself, and
/// returns the error.
async fn timed(
    address: SocketAddr,
    message: &pb::ScreenTransferRequest,
    timeout: &'static str,
) -> Status {
    let mut client = plain(address).await;
    let (response, _body) = ask(&mut client, message, timeout).await.unwrap();
    Status::from_header_map(response.await.unwrap().headers()).unwrap()
}

/// Opens a connection that does just what it is told.
pub(super) async fn plain(address: SocketAddr) -> SendRequest<Bytes> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Sends a whole call, and returns what its answer arrives by and what resets it.
pub(super) async fn ask(
    client: &mut SendRequest<Bytes>,
    message: &pb::ScreenTransferRequest,
    timeout: &'static str,
) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
    let request = http::Request::post(format!("http://localhost{SCREEN_TRANSFER}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(())
        .unwrap();
    std::future::poll_fn(|context| client.poll_ready(context)).await?;
    let (response, mut body) = client.send_request(request, false)?;
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    message.encode(&mut bytes).unwrap();
    body.send_data(bytes.into(), true)?;
    Ok((response, body))
}

#[tokio::test]
async fn a_stream_is_not_read_while_the_queue_is_full() {
    let mut server = Server::stuck(4).await;
    let questions: Vec<_> = (0..20)
        .map(|number| pb::ScreenTransfersRequest {
            request: Some(request(number)),
            timeout: Some(prost_types::Duration { seconds: 0, nanos: 50_000_000 }),
        })
        .collect();
    let stream = tokio_stream::iter(questions);
    let mut answers = server.client.screen_transfers(stream).await.unwrap().into_inner();
    let mut reasons = Vec::new();
    for _ in 0..4 {
        let answer = answers.message().await.unwrap().unwrap().answer.unwrap();
        if let Answer::Error(error) = answer {
            reasons.push(error.reason);
        }
    }
    assert_eq!(reasons, ["EXPIRED_BEFORE_DECIDING"; 4]);
    // The queue is still full of what nobody waits for: nothing more was read, and nothing erred.
    let next = tokio::time::timeout(Duration::from_millis(50), answers.message()).await;
    assert!(next.is_err());
    drop(answers);
    server.end().await;
}

#[tokio::test]
async fn health_says_serving_only_when_told() {
    let server = Server::start().await;
    let mut client = HealthClient::new(channel(server.address).await);
    for service in ["", crate::grpc::health::SERVICE] {
        let ask = HealthCheckRequest { service: service.to_owned() };
        let mut status = async || client.check(ask.clone()).await.unwrap().into_inner().status;
        assert_eq!(status().await, 2);
        server.health.serving().await;
        assert_eq!(status().await, 1);
        server.health.not_serving().await;
        assert_eq!(status().await, 2);
    }
    let ask = HealthCheckRequest { service: "unknown".to_owned() };
    assert_eq!(client.check(ask).await.unwrap_err().code(), Code::NotFound);
    drop(client);
    server.end().await;
}

/// Calls an rpc with a deadline and these bytes of its message; returns the status it ends with.
async fn ends(address: SocketAddr, path: &str, bytes: &[u8], timeout: &'static str) -> Status {
    let mut client = plain(address).await;
    let request = http::Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(())
        .unwrap();
    std::future::poll_fn(|context| client.poll_ready(context)).await.unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    if !bytes.is_empty() {
        body.send_data(bytes.to_vec().into(), true).unwrap();
    }
    let response = response.await.unwrap();
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let mut answer = response.into_body();
    while let Some(data) = answer.data().await {
        data.unwrap();
    }
    let trailers = answer.trailers().await.unwrap().unwrap();
    Status::from_header_map(&trailers).unwrap()
}

fn framed<M: prost::Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    message.encode(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn a_call_whose_message_does_not_come_ends_by_its_deadline() {
    let server = Server::start().await;
    let early = "EXPIRED_BEFORE_DECIDING";
    for (path, want) in [
        ("ScreeningService/ScreenTransfer", early),
        ("ScreeningService/ScreenTransfers", "EXPIRED"),
        ("ScreeningService/ScreenIso20022", "EXPIRED"),
        ("ScreeningService/ReportExecution", "EXPIRED"),
        ("ScreeningService/GetDecision", "EXPIRED"),
        ("ScreeningService/ListDecisions", "EXPIRED"),
        ("ListService/LoadListPart", "EXPIRED"),
        ("HistoryService/ImportPayments", "EXPIRED"),
        ("HistoryService/GetImport", "EXPIRED"),
    ] {
        let path = format!("/clearline.screening.v1.{path}");
        let status = ends(server.address, &path, &[], "50m").await;
        assert_eq!((status.code(), &*reason(&status)), (Code::DeadlineExceeded, want), "{path}");
    }
    server.end().await;
}

#[tokio::test]
async fn whatever_waits_for_the_turn_ends_by_its_deadline_and_says_that_nothing_was_done() {
    let server = Server::stuck(8).await;
    let report = pb::ReportExecutionRequest {
        payment_id: "payment-1".to_owned(),
        execution: pb::report_execution_request::Execution::Sent.into(),
        execute_time: Some(stamp(NOW.parts().0)),
        ..Default::default()
    };
    let import = pb::GetImportRequest { content: vec![7; 32] };
    for (path, bytes) in [
        ("ScreeningService/ScreenTransfer", framed(&request(1))),
        ("ScreeningService/ReportExecution", framed(&report)),
        ("HistoryService/GetImport", framed(&import)),
    ] {
        let path = format!("/clearline.screening.v1.{path}");
        for timeout in ["1m", "50m"] {
            let status = ends(server.address, &path, &bytes, timeout).await;
            let want = (Code::DeadlineExceeded, "EXPIRED_BEFORE_DECIDING");
            assert_eq!((status.code(), &*reason(&status)), want, "{path} {timeout}");
        }
    }
    server.end().await;
}

#[tokio::test]
async fn headers_beyond_their_bound_are_refused_by_name() {
    let mut server = Server::start().await;
    for (bytes, right) in [(15 * 1_024, true), (17 * 1_024, false)] {
        let mut asked = Request::new(request(1));
        asked.metadata_mut().insert("x-filler", "f".repeat(bytes).parse().unwrap());
        let answer = server.client.screen_transfer(asked).await;
        let told = answer.map(drop).map_err(|status| (status.code(), reason(&status)));
        let refused = Err((Code::InvalidArgument, "HEADERS_TOO_LARGE".to_owned()));
        assert_eq!(told, if right { Ok(()) } else { refused }, "{bytes}");
    }
    server.end().await;
}
