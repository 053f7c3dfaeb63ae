//! Echo: the least that a server of this API can do.
//!
//! Decodes each request whole, builds an answer of the usual size and encodes it. Remembers nothing,
//! decides nothing, writes nothing: what it costs is what gRPC costs. In the fastest configuration of
//! tonic that was found: one current-thread runtime, mimalloc, no Nagle, and windows that are never
//! full.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::{fs, io};

use clearline::grpc::pb;
use clearline::grpc::pb::screen_transfers_response::Answer;
use clearline::grpc::pb::screening_service_server::{ScreeningService, ScreeningServiceServer};
use futures_util::{Stream, StreamExt as _};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

/// Serves until killed; by TLS with certificates on both sides, where they are in this folder.
pub(crate) fn serve(certificates: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let tls = certificates.map(tls).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        println!("echo: listening on {}", listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let mut server = Server::builder()
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_concurrent_streams(CALLS_MAX);
        if let Some(tls) = tls {
            server = server.tls_config(tls)?;
        }
        let service = ScreeningServiceServer::new(Echo);
        Ok(server.add_service(service).serve_with_incoming(incoming).await?)
    })
}

/// Reads the files that `clearline::cli::authority` writes.
fn tls(folder: &Path) -> io::Result<ServerTlsConfig> {
    let read = |name: &str| fs::read(folder.join(name));
    let identity = Identity::from_pem(read("echo.pem")?, read("echo.key")?);
    let authority = Certificate::from_pem(read("ca.pem")?);
    Ok(ServerTlsConfig::new().identity(identity).client_ca_root(authority))
}

/// Answers every request with the same decision.
struct Echo;

type Answers = Pin<Box<dyn Stream<Item = Result<pb::ScreenTransfersResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ScreeningService for Echo {
    type ScreenTransfersStream = Answers;

    async fn screen_transfer(
        &self,
        request: Request<pb::ScreenTransferRequest>,
    ) -> Result<Response<pb::ScreenTransferResponse>, Status> {
        Ok(Response::new(answer(&request.into_inner())))
    }

    async fn screen_transfers(
        &self,
        request: Request<Streaming<pb::ScreenTransfersRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let answers = request.into_inner().map(|message| {
            let request = message?.request.unwrap_or_default();
            let response = answer(&request);
            let request_id = request.request_id;
            Ok(pb::ScreenTransfersResponse { request_id, answer: Some(Answer::Response(response)) })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn screen_iso20022(
        &self,
        _request: Request<pb::ScreenIso20022Request>,
    ) -> Result<Response<pb::ScreenIso20022Response>, Status> {
        Err(Status::unimplemented("the echo screens and no more"))
    }

    async fn get_decision(
        &self,
        _request: Request<pb::GetDecisionRequest>,
    ) -> Result<Response<pb::GetDecisionResponse>, Status> {
        Err(Status::unimplemented("the echo screens and no more"))
    }

    async fn list_decisions(
        &self,
        _request: Request<pb::ListDecisionsRequest>,
    ) -> Result<Response<pb::ListDecisionsResponse>, Status> {
        Err(Status::unimplemented("the echo screens and no more"))
    }

    async fn report_execution(
        &self,
        _request: Request<pb::ReportExecutionRequest>,
    ) -> Result<Response<pb::ReportExecutionResponse>, Status> {
        Err(Status::unimplemented("the echo screens and no more"))
    }
}

/// Builds what most transfers get: leave to go, and the receipt.
fn answer(request: &pb::ScreenTransferRequest) -> pb::ScreenTransferResponse {
    pb::ScreenTransferResponse {
        decision: format!("decisions/{}", request.request_id),
        action: pb::Action::Allow.into(),
        mode: pb::Mode::Normal.into(),
        policy_digest: POLICY_DIGEST.to_owned(),
        decide_time: request.transfer.as_ref().and_then(|transfer| transfer.confirm_time),
        receipt: Some(pb::Receipt {
            origin: ORIGIN.to_owned(),
            index: 1_234_567,
            leaf_hash: vec![0x5a; 32],
            tree_size: 1_234_800,
            checkpoint: String::new(),
        }),
        ..pb::ScreenTransferResponse::default()
    }
}

const POLICY_DIGEST: &str =
    "sha256:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
const ORIGIN: &str = "clearline.example/5a5a5a5a5a5a5a5a";

const WINDOW_BYTES: u32 = 16 * 1024 * 1024;
const CALLS_MAX: u32 = 8192;
