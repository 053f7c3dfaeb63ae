//! Collector: takes spans as a collector of OpenTelemetry does, on loopback.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A collector that runs as long as the tests.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    spans: Receiver<Span>,
}

struct Taking(Sender<Span>);

#[tonic::async_trait]
impl TraceService for Taking {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = &resource.resource.as_ref().expect("a resource").attributes;
            assert!(attributes.iter().any(|it| it.key == "service.name"), "{attributes:?}");
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                // Nobody receives what comes after a test has seen enough.
                let _ = self.0.send(span);
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (sender, spans) = channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        // It ends with the process.
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let incoming = TcpIncoming::from(listener);
                let service = TraceServiceServer::new(Taking(sender));
                Server::builder().add_service(service).serve_with_incoming(incoming).await
            })
        });
        Self { address, spans }
    }

    /// Waits for so many spans.
    pub(crate) fn take(&self, count: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        while spans.len() < count {
            let span = self.spans.recv_timeout(Duration::from_secs(30));
            assert!(span.is_ok(), "only {} came: {spans:?}", spans.len());
            spans.extend(span);
        }
        spans
    }

    /// Returns what is there.
    pub(crate) fn rest(&self) -> Vec<Span> {
        self.spans.try_iter().collect()
    }
}

/// Returns an attribute of a span as text.
pub(crate) fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        // None of ours is of another kind.
        _ => None,
    }
}
