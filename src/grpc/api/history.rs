//! History: past payments, loaded over a real connection.

use std::time::Duration;

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::calendar::{Span, Time};
use crate::grpc::api::{Server, channel, reason, request};
use crate::grpc::pb;
use crate::grpc::pb::get_decision_request::Id;
use crate::grpc::pb::history_service_client::HistoryServiceClient;
use crate::grpc::sample::NOW;
use crate::memory::AHEAD_MAX;

type Client = HistoryServiceClient<tonic::transport::Channel>;

/// Returns a part of four rows, of which these were sent at these times to the sample's payee, by
/// the sample's payer or by another.
fn part(first_row: u64, payments: &[(u32, u32, Time)]) -> pb::ImportPaymentsRequest {
    let sample = request(1);
    let transfer = sample.transfer.unwrap();
    let payments = payments.iter().map(|(row, payer, sent)| pb::PastPayment {
        row: *row,
        payer: *payer,
        payee_account: transfer.payee.as_ref().unwrap().account.clone(),
        amount: Some(pb::Money { currency_code: "GBP".into(), value: "3200.00".into() }),
        send_time: Some(stamp(*sent)),
        rail: 0,
        payee_add_time: None,
    });
    pb::ImportPaymentsRequest {
        content: vec![1; 32],
        first_row,
        rows: 4,
        also_live: false,
        customer_keys: vec![transfer.payer.unwrap().customer_key, "another".to_owned()],
        payments: payments.collect(),
    }
}

fn stamp(time: Time) -> prost_types::Timestamp {
    let (seconds, nanos) = time.parts();
    prost_types::Timestamp { seconds, nanos }
}

/// Sends parts on one stream and returns the answers up to the end or the first error.
async fn load(
    client: &mut Client,
    parts: Vec<pb::ImportPaymentsRequest>,
) -> (Vec<pb::ImportPaymentsResponse>, Option<Status>) {
    let parts = tokio_stream::iter(parts);
    let mut answers = client.import_payments(parts).await.unwrap().into_inner();
    let mut found = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => found.push(answer),
            Ok(None) => return (found, None),
            Err(status) => return (found, Some(status)),
        }
    }
}

async fn known(client: &mut Client) -> (u64, u64) {
    let request = pb::GetImportRequest { content: vec![1; 32] };
    let known = client.get_import(request).await.unwrap().into_inner();
    (known.rows_settled, known.rows_recorded)
}

fn days_ago(days: i64) -> Time {
    NOW.minus(Span::days(days))
}

fn refused(answer: &pb::ImportPaymentsResponse) -> Vec<(u32, pb::RowRefusal)> {
    answer.refused_rows.iter().map(|row| (row.row, row.reason())).collect()
}

#[tokio::test]
async fn a_payee_who_was_paid_before_is_known_by_the_first_decision() {
    let mut server = Server::start().await;
    let mut client = HistoryServiceClient::new(channel(server.address).await);
    assert_eq!(known(&mut client).await, (0, 0));
    let year: Vec<_> = [(0, 0, days_ago(390)), (1, 0, days_ago(200)), (3, 0, days_ago(30))].into();
    let (answers, error) = load(&mut client, vec![part(0, &year), part(4, &[])]).await;
    assert!(error.is_none(), "{error:?}");
    let settled: Vec<_> =
        answers.iter().map(|answer| (answer.rows_settled, answer.rows_recorded)).collect();
    assert_eq!(settled, [(4, 3), (8, 3)]);
    assert_eq!(known(&mut client).await, (8, 3));

    // Both parts once more, as after an answer that was lost.
    let before = server.tree_size().await;
    let (answers, error) = load(&mut client, vec![part(0, &year), part(4, &[])]).await;
    assert!(error.is_none(), "{error:?}");
    assert!(answers.iter().all(|answer| (answer.rows_settled, answer.rows_recorded) == (8, 3)));
    assert_eq!(server.tree_size().await, before);

    let response = server.screen(request(1)).await.unwrap();
    let decision = server.get(Id::Decision(response.decision)).await.unwrap();
    let fired = |id: &str| decision.findings.iter().any(|finding| finding.signal_id == id);
    assert!(fired("established_payee"), "{:?}", decision.findings);
    assert!(!fired("new_payee"), "{:?}", decision.findings);
    server.end().await;
}

#[tokio::test]
async fn rows_that_may_not_count_are_left_out_by_number_with_the_reason() {
    let mut server = Server::start().await;
    let mut client = HistoryServiceClient::new(channel(server.address).await);
    server.screen(request(1)).await.unwrap();
    let late = NOW.plus(AHEAD_MAX);
    let rows =
        [(0, 0, days_ago(1)), (1, 1, late.plus(Span(1))), (2, 1, late), (3, 1, days_ago(400))];
    let (answers, _) = load(&mut client, vec![part(0, &rows)]).await;
    let live = (0, pb::RowRefusal::PayerLive);
    assert_eq!(refused(&answers[0]), [live, (1, pb::RowRefusal::InFuture)]);
    assert_eq!((answers[0].rows_settled, answers[0].rows_recorded), (4, 2));

    let mut also = part(4, &[(0, 0, days_ago(1)), (1, 1, days_ago(400).minus(Span(1)))]);
    also.also_live = true;
    let (answers, _) = load(&mut client, vec![also]).await;
    assert_eq!(refused(&answers[0]), [(1, pb::RowRefusal::TooOld)]);
    assert_eq!(known(&mut client).await, (8, 3));
    server.end().await;
}

#[tokio::test]
async fn a_part_elsewhere_or_with_faults_ends_the_stream_and_leaves_no_trace() {
    let mut server = Server::start().await;
    let mut client = HistoryServiceClient::new(channel(server.address).await);
    load(&mut client, vec![part(0, &[(0, 1, days_ago(1))])]).await;
    let before = server.tree_size().await;
    let mut faulty = part(4, &[(0, 1, days_ago(1))]);
    faulty.payments[0].payer = 2;
    let mut large = part(4, &[]);
    large.customer_keys = vec!["k".repeat(40_000), "l".repeat(40_000)];
    for (message, code, want) in [
        (part(5, &[]), Code::FailedPrecondition, "IMPORT_PART_ELSEWHERE"),
        (part(3, &[]), Code::FailedPrecondition, "IMPORT_PART_ELSEWHERE"),
        (faulty, Code::InvalidArgument, "REQUEST_MALFORMED"),
        (large, Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
    ] {
        let (answers, error) = load(&mut client, vec![message, part(4, &[])]).await;
        let status = error.unwrap();
        assert_eq!((status.code(), reason(&status)), (code, want.to_owned()));
        assert!(answers.is_empty());
    }
    assert_eq!((known(&mut client).await, server.tree_size().await), ((4, 1), before));
    server.end().await;
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let server = Server::start().await;
    let mut client = HistoryServiceClient::new(channel(server.address).await);
    let (parts, stream) = tokio::sync::mpsc::channel(1);
    parts.send(part(0, &[(0, 1, days_ago(1))])).await.unwrap();
    let mut answers =
        client.import_payments(ReceiverStream::new(stream)).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().rows_settled, 4);
    let waiting = async {
        let told = tokio::time::timeout(Duration::from_secs(5), answers.message()).await;
        assert_eq!(reason(&told.unwrap().unwrap_err()), "STOPPING");
    };
    tokio::join!(server.end(), waiting);
}
