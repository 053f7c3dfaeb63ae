//! Traced: every rpc that is traced, and what is beyond the rate of traces that callers ask for.

use std::fs;

use clearline::cli::remote::message_from_json;
use clearline::grpc::pb;
use clearline::grpc::pb::report_execution_request::Execution;
use clearline::grpc::pb::screening_service_client::ScreeningServiceClient;
use tonic::Request;
use tonic::transport::Channel;

use crate::collector::{Collector, attribute};
use crate::{STEPS, Server, check_spans, now, of_rpc, value};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Runs calls on a connection to a server.
fn calling<T>(server: &Server, calls: impl AsyncFnOnce(ScreeningServiceClient<Channel>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let address = format!("http://{}", server.address);
        calls(ScreeningServiceClient::connect(address).await.expect("a server")).await
    })
}

/// Returns a call within a trace that is sampled.
fn sampled<T>(message: T) -> Request<T> {
    let mut call = Request::new(message);
    let parent = format!("00-{TRACE}-{PARENT}-01");
    call.metadata_mut().insert("traceparent", parent.parse().expect("a header"));
    call
}

/// The example of a payment message, confirmed now.
fn message() -> pb::ScreenIso20022Request {
    let [xml, known] = ["pain.001.xml", "known.json"]
        .map(|end| fs::read(format!("deploy/examples/tonbridge-road.{end}")).expect("an example"));
    let json = String::from_utf8(known).expect("text");
    let mut request: pb::ScreenIso20022Request =
        message_from_json("ScreenIso20022Request", &json).expect("a request");
    request.message = xml;
    let known = request.known.as_mut().expect("what is known");
    known.request_id = uuid::Uuid::new_v4().to_string();
    known.transfer.as_mut().expect("a transfer").confirm_time = Some(now());
    request
}

#[test]
fn transfers_of_a_message_and_reports_are_traced_in_their_callers_trace() {
    let collector = Collector::start();
    let at = format!("CLEARLINE__TELEMETRY__TRACES={}", collector.address);
    let server = Server::start(&[&at]);
    let decision = calling(&server, async |mut client| {
        let answers = client.screen_iso20022(sampled(message())).await.expect("answers");
        let answer = answers.into_inner().answers.remove(0).answer;
        let Some(pb::iso20022_answer::Answer::Response(response)) = answer else {
            panic!("{answer:?}")
        };
        let mut report = pb::ReportExecutionRequest {
            payment_id: "example-tonbridge-road".to_owned(),
            decision: Some(response.decision.clone()),
            execute_time: Some(now()),
            ..Default::default()
        };
        report.set_execution(Execution::Cancelled);
        client.report_execution(sampled(report)).await.expect("a receipt");
        response.decision
    });
    let spans = collector.take(STEPS.len() + STEPS.len() + 2);
    server.end();
    assert_eq!(collector.rest(), []);

    let (whole, transfer) = of_rpc(&spans, "ScreenIso20022");
    check_spans(&transfer, &STEPS, &decision);
    let (report, steps) = of_rpc(&spans, "ReportExecution");
    assert_eq!(report.name, "report");
    assert_eq!(attribute(&report, "clearline.decision"), None, "{report:?}");
    let mut names: Vec<_> = steps.iter().filter(|step| step.name != "report").collect();
    names.sort_by_key(|step| step.start_time_unix_nano);
    assert_eq!(names.iter().map(|step| &*step.name).collect::<Vec<_>>(), STEPS);
    let parent = u64::from_str_radix(PARENT, 16).expect("an id").to_be_bytes();
    let trace = u128::from_str_radix(TRACE, 16).expect("an id").to_be_bytes();
    for span in [&whole, &report] {
        assert_eq!((&*span.parent_span_id, &*span.trace_id), (&parent[..], &trace[..]));
    }
    // Nothing that the message or the report says.
    let said = format!("{spans:?}");
    for part in ["tonbridge-road", "Harris", "LEGAL", "31926819", "example-1", "3200.00"] {
        assert!(!said.contains(part), "{part}");
    }
}

#[test]
fn what_callers_want_traced_beyond_the_rate_is_answered_and_counted() {
    let collector = Collector::start();
    let at = format!("CLEARLINE__TELEMETRY__TRACES={}", collector.address);
    let server = Server::start(&[&at, "CLEARLINE__TELEMETRY__TRACE_ASKED=0"]);
    // By a call, and by a stream.
    server.ask("payment-1", Some(&format!("00-{TRACE}-{PARENT}-01")));
    let metrics = server.get("/metrics");
    server.end();
    assert_eq!(value(&metrics, "clearline_traces_over_rate_total").as_deref(), Some("2"));
    assert_eq!(collector.rest(), []);
}
