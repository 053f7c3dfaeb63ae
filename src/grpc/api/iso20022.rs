//! Iso20022: payment messages over a real connection.

use tonic::{Code, Request, Status};

use crate::grpc::api::{Server, reason};
use crate::grpc::pb;
use crate::grpc::pb::get_decision_request::Id;
use crate::grpc::pb::iso20022_answer::Answer;
use crate::grpc::sample::{self, pounds};

impl Server {
    async fn screen_message(
        &mut self,
        message: pb::ScreenIso20022Request,
    ) -> Result<Vec<pb::Iso20022Answer>, Status> {
        let response = self.client.screen_iso20022(message).await?;
        Ok(response.into_inner().answers)
    }
}

fn response(answer: &pb::Iso20022Answer) -> &pb::ScreenTransferResponse {
    match &answer.answer {
        Some(Answer::Response(response)) => response,
        other => panic!("a decision, not {other:?}"),
    }
}

fn error(answer: &pb::Iso20022Answer) -> &pb::Error {
    match &answer.answer {
        Some(Answer::Error(error)) => error,
        other => panic!("an error, not {other:?}"),
    }
}

/// Returns the sample with two more orders, each for another amount.
fn three() -> pb::ScreenIso20022Request {
    let mut message = sample::message();
    let text = String::from_utf8(message.message).unwrap();
    let (above, rest) = text.split_once("<CdtTrfTxInf>").unwrap();
    let (order, below) = rest.split_once("</CdtTrfTxInf>").unwrap();
    let order = |amount| format!("<CdtTrfTxInf>{}</CdtTrfTxInf>", order.replace("3200.00", amount));
    let orders = [order("10.00"), order("-20"), order("30.00")].concat();
    message.message = format!("{above}{orders}{below}").into_bytes();
    message
}

#[tokio::test]
async fn an_order_is_decided_as_the_same_transfer_is() {
    let mut server = Server::start().await;
    let mut message = sample::message();
    let transfer = message.known.as_mut().unwrap().transfer.as_mut().unwrap();
    transfer.payee = Some(pb::Payee { times_paid: Some(0), ..pb::Payee::default() });
    let answers = server.screen_message(message.clone()).await.unwrap();
    let [answer] = answers.as_slice() else { panic!("one answer") };
    assert_eq!(answer.path, "CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1]");
    assert_eq!(answer.request_id, sample::REQUEST_ID);
    assert_eq!(answer.payment_id, "payment-1");
    let decided = response(answer);
    assert_eq!(decided.rejected_facts, []);
    assert_eq!(decided.action(), pb::Action::Hold);
    // Whoever asks again gets the same answer, and whoever asks without the message as well.
    assert_eq!(server.screen_message(message).await.unwrap(), answers);
    let mut alone = sample::request();
    let transfer = alone.transfer.as_mut().unwrap();
    let payee = transfer.payee.as_mut().unwrap().account.as_mut().unwrap();
    payee.sort_code = "204514".to_owned();
    payee.account_number = "10765543".to_owned();
    assert_eq!(server.screen(alone).await.unwrap(), *decided);

    let decision = server.get(Id::EndToEndId("TONBRIDGE-ROAD-1".to_owned())).await.unwrap();
    assert_eq!(decision.name, decided.decision);
    assert_eq!(decision.uetr, "6d7a0c5e-93a4-4c55-8f0d-2f6a9be1c3d7");
    server.end().await;
}

#[tokio::test]
async fn a_faulty_order_holds_up_no_other_and_a_retry_repeats_each_answer() {
    let mut server = Server::start().await;
    let before = server.tree_size().await;
    let answers = server.screen_message(three()).await.unwrap();
    assert_eq!(answers.len(), 3);
    let refused = error(&answers[1]);
    assert_eq!((refused.code, refused.reason.as_str()), (3, "TRANSFER_MALFORMED"));
    let fields: Vec<_> = refused.field_violations.iter().map(|at| at.field.as_str()).collect();
    assert_eq!(fields, ["CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[2]/Amt/InstdAmt"]);
    for (at, answer) in answers.iter().enumerate() {
        let number = at + 1;
        assert!(answer.path.ends_with(&format!("/CdtTrfTxInf[{number}]")));
        let payment = if at == 0 { "payment-1".to_owned() } else { format!("payment-1/{number}") };
        assert_eq!(answer.payment_id, payment);
    }
    let [first, last] = [response(&answers[0]), response(&answers[2])];
    assert_ne!(first.decision, last.decision);
    // In the order of the message.
    let index = |response: &pb::ScreenTransferResponse| response.receipt.as_ref().unwrap().index;
    assert!(index(first) < index(last));
    assert_eq!(server.tree_size().await, before + 2);

    assert_eq!(server.screen_message(three()).await.unwrap(), answers);
    assert_eq!(server.tree_size().await, before + 2);
    // Mended, it is decided, and the others are not decided anew.
    let mut mended = three();
    let text = String::from_utf8(mended.message).unwrap();
    mended.message = text.replace("-20", "20.00").into_bytes();
    let again = server.screen_message(mended).await.unwrap();
    assert_eq!((&again[0], &again[2]), (&answers[0], &answers[2]));
    assert!(!response(&again[1]).decision.is_empty());
    // Another transfer under the same ids is not.
    let mut other = three();
    let text = String::from_utf8(other.message).unwrap();
    other.message = text.replace("30.00", "31.00").into_bytes();
    let again = server.screen_message(other).await.unwrap();
    assert_eq!(again[0], answers[0]);
    assert_eq!(error(&again[2]).reason, "REQUEST_ID_REUSED");
    server.end().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_refused_as_a_whole() {
    let mut server = Server::start().await;
    let before = server.tree_size().await;
    let whole = sample::message();
    let text = String::from_utf8(whole.message.clone()).unwrap();
    for (message, field) in [
        (String::new(), "message[0]"),
        (text.replace("pain.001.001.09", "pain.001.001.99"), "message["),
        (text.replace("</Document>", ""), "message["),
    ] {
        let message = pb::ScreenIso20022Request { message: message.into_bytes(), ..whole.clone() };
        let status = server.screen_message(message).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), "DOCUMENT_MALFORMED");
        let details = tonic_types::StatusExt::get_error_details(&status);
        let violation = details.bad_request().unwrap().field_violations.first().unwrap().clone();
        assert!(violation.field.starts_with(field), "{}", violation.field);
    }
    let known_transfers = vec![pb::KnownTransfer { number: 2, known: None }];
    let beyond = pb::ScreenIso20022Request { known_transfers, ..whole.clone() };
    let status = server.screen_message(beyond).await.unwrap_err();
    assert_eq!(reason(&status), "REQUEST_MALFORMED");
    let large = pb::ScreenIso20022Request { message: vec![b' '; 65_536], ..whole };
    let status = server.screen_message(large).await.unwrap_err();
    assert_eq!(reason(&status), "MESSAGE_TOO_LARGE");
    assert_eq!(server.tree_size().await, before);
    server.end().await;
}

#[tokio::test]
async fn a_message_is_answered_by_its_deadline_transfer_by_transfer() {
    let mut server = Server::stuck(2).await;
    let mut request = Request::new(three());
    // The client's own clock must not end it first.
    request.metadata_mut().insert("grpc-timeout", "100m".parse().unwrap());
    let answers = server.client.screen_iso20022(request).await.unwrap().into_inner().answers;
    let reasons: Vec<_> = answers.iter().map(|answer| error(answer).reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["EXPIRED_BEFORE_DECIDING", "TRANSFER_MALFORMED", "EXPIRED_BEFORE_DECIDING"]
    );
    assert!(error(&answers[0]).retry_delay.is_some());
    server.begin();
    while !server.queue.is_empty() {
        tokio::task::yield_now().await;
    }
    let answers = server.screen_message(three()).await.unwrap();
    assert!(!response(&answers[0]).decision.is_empty());
    server.end().await;
}

#[tokio::test]
async fn a_later_look_by_another_message_inherits_what_the_first_one_knew() {
    let mut server = Server::start().await;
    let mut first = sample::message();
    let known = first.known.as_mut().unwrap();
    let session = pb::Session { remote_access: Some(true), ..pb::Session::default() };
    known.transfer.as_mut().unwrap().session = Some(session);
    server.screen_message(first).await.unwrap();

    let mut later = sample::message();
    later.message = include_bytes!("../../../deploy/examples/tonbridge-road.pacs.008.xml").to_vec();
    let known = later.known.as_mut().unwrap();
    known.request_id.replace_range(..1, "7");
    known.stage = pb::Stage::AtSubmission.into();
    known.transfer.as_mut().unwrap().amount = Some(pounds("3200"));
    let answers = server.screen_message(later).await.unwrap();
    let decided = response(&answers[0]);
    let decision = server.get(Id::Decision(decided.decision.clone())).await.unwrap();
    let inherited: Vec<_> =
        decision.inherited_facts.iter().map(|inherited| inherited.fact.as_str()).collect();
    assert_eq!(inherited, ["due_time", "session.remote_access"]);
    server.end().await;
}
