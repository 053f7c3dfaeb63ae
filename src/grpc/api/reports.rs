//! Reports: what became of payments, over a real connection.

use tonic::Code;
use tonic_types::StatusExt as _;

use crate::grpc::api::{Server, reason, request};
use crate::grpc::pb;
use crate::grpc::pb::get_decision_request::Id;
use crate::grpc::pb::report_execution_request::{Execution, UnscreenedReason};
use crate::grpc::sample::{self, NOW, stamp};

#[tokio::test]
async fn what_became_of_a_payment_is_reported_once() {
    let mut server = Server::start().await;
    let response = server.screen(request(1)).await.unwrap();
    let report = pb::ReportExecutionRequest {
        payment_id: "payment-1".to_owned(),
        decision: Some(response.decision),
        execution: Execution::Sent.into(),
        execute_time: Some(stamp(NOW.parts().0)),
        ..Default::default()
    };
    let reported = server.client.report_execution(report.clone()).await.unwrap().into_inner();
    let again = server.client.report_execution(report.clone()).await.unwrap().into_inner();
    assert_eq!(again, reported);

    let other =
        pb::ReportExecutionRequest { execution: Execution::Cancelled.into(), ..report.clone() };
    let status = server.client.report_execution(other).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::FailedPrecondition, "EXECUTION_CONFLICT".into())
    );
    let returned = pb::ReportExecutionRequest {
        execution: Execution::Returned.into(),
        reason_code: Some("AC04".to_owned()),
        decision: None,
        ..report.clone()
    };
    server.client.report_execution(returned).await.unwrap();
    let decision = server.get(Id::PaymentId("payment-1".to_owned())).await.unwrap();
    let codes: Vec<_> = decision.executions.iter().map(|it| it.reason_code.as_str()).collect();
    assert_eq!(codes, ["", "AC04"]);

    let unknown = pb::ReportExecutionRequest {
        payment_id: "payment-2".to_owned(),
        decision: None,
        ..report.clone()
    };
    let status = server.client.report_execution(unknown.clone()).await.unwrap_err();
    assert_eq!(reason(&status), "DECISION_NOT_FOUND");
    let unscreened = pb::ReportExecutionRequest {
        execution: Execution::SentUnscreened.into(),
        unscreened_reason: UnscreenedReason::NoAnswer.into(),
        transfer: sample::request().transfer,
        ..unknown
    };
    server.client.report_execution(unscreened).await.unwrap();

    let status = server.client.report_execution(pb::ReportExecutionRequest::default()).await;
    let status = status.unwrap_err();
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["payment_id", "execution", "execute_time"]);
    server.end().await;
}
