//! Remote: a running server, as the commands talk to it.
//!
//! One call after the other: whoever needs speed uses the API itself.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde::Serialize as _;
use tokio::runtime::{Builder, Runtime};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::cli::credentials::Credentials;
use crate::cli::{CliError, causes};
use crate::grpc::DESCRIPTORS;
use crate::grpc::pb;
use crate::grpc::pb::history_service_client::HistoryServiceClient;
use crate::grpc::pb::list_service_client::ListServiceClient;
use crate::grpc::pb::screening_service_client::ScreeningServiceClient;
use crate::grpc::tls::{SecretError, read_secret};

/// Where a server is, and who calls it.
#[derive(Clone, Debug, clap::Args)]
pub struct At {
    /// Where the server listens; by TLS its name must be in the server's certificate.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
    address: String,
    #[command(flatten)]
    credentials: Credentials,
    /// A person's token, in a file that nobody else may read.
    #[arg(long, value_name = "FILE", requires = "ca")]
    token: Option<PathBuf>,
}

/// How calls go to a server.
pub(super) type Wire = InterceptedService<Channel, Carries>;

/// Puts a person's token into every call.
#[derive(Clone, Debug)]
pub(super) struct Carries(Option<MetadataValue<Ascii>>);

impl Interceptor for Carries {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Remote {
    runtime: Runtime,
    client: ScreeningServiceClient<Wire>,
    lists: ListServiceClient<Wire>,
    history: HistoryServiceClient<Wire>,
    address: String,
    secured: bool,
}

/// What a server said instead of a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The status code.
    pub code: Code,
    /// One of the reasons that the API lists; empty where the server gave none.
    pub reason: String,
    /// What happened, in the server's words.
    pub message: String,
    /// Fields at fault, and what was expected there.
    pub fields: Vec<(String, String)>,
    /// How long to wait before a retry.
    pub retry: Option<Duration>,
}

impl At {
    /// Connects to the server.
    pub fn connect(&self) -> Result<Remote, CliError> {
        let address = &self.address;
        let secured = self.credentials.secured();
        let scheme = if secured { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{address}")).map_err(|_| {
            CliError::Usage(format!("`{address}` is no address: write 127.0.0.1:50051"))
        })?;
        let mut endpoint = endpoint.connect_timeout(CONNECT_WAIT);
        // Says which file is faulty, which the client below does not.
        self.credentials.for_connection()?;
        if let Some(tls) = self.credentials.for_client()? {
            let wrong = |error| CliError::Usage(format!("the certificates: {}", causes(&error)));
            endpoint = endpoint.tls_config(tls).map_err(wrong)?;
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let channel = runtime.block_on(endpoint.connect()).map_err(|error| {
            if secured {
                return no_connection(address, &error);
            }
            CliError::NoServer(address.clone())
        })?;
        let carries = self.carries()?;
        let lists = ListServiceClient::with_interceptor(channel.clone(), carries.clone());
        let history = HistoryServiceClient::with_interceptor(channel.clone(), carries.clone());
        let client = ScreeningServiceClient::with_interceptor(channel, carries);
        Ok(Remote { runtime, client, lists, history, address: address.clone(), secured })
    }

    fn carries(&self) -> Result<Carries, CliError> {
        let Some(path) = &self.token else { return Ok(Carries(None)) };
        let refused = |error: SecretError| CliError::NotAsExpected(error.to_string());
        let bytes = read_secret(path, None, TOKEN_BYTES_MAX).map_err(refused)?;
        let token = std::str::from_utf8(&bytes).ok().map(|text| format!("Bearer {}", text.trim()));
        let mut value: MetadataValue<Ascii> =
            token.and_then(|token| token.parse().ok()).ok_or_else(|| {
                CliError::NotAsExpected(format!("`{}` holds no token", path.display()))
            })?;
        value.set_sensitive(true);
        Ok(Carries(Some(value)))
    }

    /// Where a server listens, and who calls it.
    pub fn new(address: &str, credentials: Credentials) -> Self {
        Self { address: address.to_owned(), credentials, token: None }
    }
}

impl Remote {
    /// Connects to the server at `address`, such as `127.0.0.1:50051`, without TLS.
    pub fn connect(address: &str) -> Result<Self, CliError> {
        At::new(address, Credentials::default()).connect()
    }

    /// Asks whether a transfer may leave.
    pub fn screen(
        &mut self,
        request: pb::ScreenTransferRequest,
    ) -> Result<pb::ScreenTransferResponse, CliError> {
        let answer = self.runtime.block_on(self.client.screen_transfer(timed(request)));
        self.taken(answer)
    }

    /// Asks whether each transfer of a message may leave.
    pub fn screen_message(
        &mut self,
        request: pb::ScreenIso20022Request,
    ) -> Result<pb::ScreenIso20022Response, CliError> {
        let answer = self.runtime.block_on(self.client.screen_iso20022(timed(request)));
        self.taken(answer)
    }

    /// Asks for one decision, with all that staff may see.
    pub fn decision(
        &mut self,
        id: pb::get_decision_request::Id,
    ) -> Result<pb::GetDecisionResponse, CliError> {
        let request = timed(pb::GetDecisionRequest { id: Some(id) });
        let answer = self.runtime.block_on(self.client.get_decision(request));
        self.taken(answer)
    }

    /// Asks for one page of decisions.
    pub fn list(
        &mut self,
        request: pb::ListDecisionsRequest,
    ) -> Result<pb::ListDecisionsResponse, CliError> {
        let answer = self.runtime.block_on(self.client.list_decisions(timed(request)));
        self.taken(answer)
    }

    /// Reports what became of a payment.
    pub fn report(
        &mut self,
        request: pb::ReportExecutionRequest,
    ) -> Result<pb::ReportExecutionResponse, CliError> {
        let answer = self.runtime.block_on(self.client.report_execution(timed(request)));
        self.taken(answer)
    }

    /// Loads one part of a list of accounts.
    pub fn load_list_part(
        &mut self,
        request: pb::LoadListPartRequest,
    ) -> Result<pb::LoadListPartResponse, CliError> {
        let answer = self.runtime.block_on(self.lists.load_list_part(timed(request)));
        self.taken(answer)
    }

    /// Asks how far a file of past payments is recorded.
    pub fn get_import(
        &mut self,
        request: pb::GetImportRequest,
    ) -> Result<pb::GetImportResponse, CliError> {
        let answer = self.runtime.block_on(self.history.get_import(timed(request)));
        self.taken(answer)
    }

    /// Returns what sends past payments, and what runs it.
    pub(super) fn history(&self) -> (&Runtime, HistoryServiceClient<Wire>) {
        (&self.runtime, self.history.clone())
    }

    fn taken<T>(&self, answer: Result<Response<T>, Status>) -> Result<T, CliError> {
        answer.map(Response::into_inner).map_err(|status| self.refused(&status))
    }

    /// Returns what the server said instead of an answer.
    pub(super) fn refused(&self, status: &Status) -> CliError {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        if reason.is_empty() {
            match (self.secured, status.code()) {
                // A server refuses a certificate after its client has done its part.
                (true, Code::Cancelled | Code::Internal | Code::Unavailable | Code::Unknown) => {
                    return no_connection(&self.address, status);
                }
                (false, Code::Unavailable) => return CliError::NoServer(self.address.clone()),
                (false, Code::Cancelled | Code::Internal | Code::Unknown) => {
                    return CliError::NotAsExpected(format!(
                        "`{}` breaks off: {}; if it speaks TLS, say --ca, --cert and --key",
                        self.address,
                        first_cause(status)
                    ));
                }
                _ => {}
            }
        }
        let right = details.error_info().and_then(|info| info.metadata.get("right"));
        let fields = details.bad_request().map(|bad| {
            bad.field_violations.iter().map(|at| (at.field.clone(), at.description.clone()))
        });
        CliError::Refused(Refused {
            code: status.code(),
            reason,
            message: right.map_or_else(
                || status.message().to_owned(),
                |right| format!("{}, which is `{right}`", status.message()),
            ),
            fields: fields.map(Iterator::collect).unwrap_or_default(),
            retry: details.retry_info().and_then(|info| info.retry_delay),
        })
    }
}

/// Says that there is no connection over TLS, and what to do.
fn no_connection(address: &str, error: &dyn Error) -> CliError {
    let cause = first_cause(error);
    let advice = advice(&cause);
    CliError::NotAsExpected(format!("`{address}` gives no connection: {cause}; {advice}"))
}

/// Returns the last error of a chain, which is what happened first.
fn first_cause(error: &dyn Error) -> String {
    let mut first = error;
    while let Some(cause) = first.source() {
        first = cause;
    }
    first.to_string()
}

/// Returns what to do where a connection by TLS ended with `cause`, in the words of the libraries below.
fn advice(cause: &str) -> &'static str {
    let known = ADVICE.iter().find(|(words, _)| words.iter().any(|words| cause.contains(words)));
    known.map_or(ADVICE_OTHERWISE, |(_, advice)| advice)
}

/// What is said of one transfer among others.
impl From<pb::Error> for Refused {
    fn from(error: pb::Error) -> Self {
        let fields = error.field_violations.into_iter().map(|at| (at.field, at.description));
        Self {
            code: Code::from_i32(error.code),
            reason: error.reason,
            message: error.message,
            fields: fields.collect(),
            retry: error.retry_delay.and_then(|delay| delay.try_into().ok()),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = if self.reason.is_empty() { "no reason" } else { &self.reason };
        write!(f, "{reason} ({:?}): {}", self.code, self.message)?;
        for (field, expected) in &self.fields {
            write!(f, "\n  {field}: {expected}")?;
        }
        if let Some(retry) = self.retry {
            write!(f, "\n  retry with the same request_id after {} ms", retry.as_millis())?;
        }
        Ok(())
    }
}

/// Reads one message of the API from its JSON.
pub fn message_from_json<M: Message + Default>(name: &str, json: &str) -> Result<M, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let descriptor = descriptor(name).ok_or_else(|| format!("no message is called {name}"))?;
    let message = DynamicMessage::deserialize(descriptor, &mut reader);
    let message = message.and_then(|message| reader.end().map(|()| message));
    message
        .map_err(|error| error.to_string())
        .and_then(|message| message.transcode_to().map_err(|error| error.to_string()))
}

/// Returns the JSON of one message of the API, on one line. Fields with no value are left out.
pub fn message_to_json<M: Message>(name: &str, message: &M) -> Result<String, String> {
    let descriptor = descriptor(name).ok_or_else(|| format!("no message is called {name}"))?;
    let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|error| error.to_string())?;
    let mut json = Vec::new();
    message
        .serialize(&mut serde_json::Serializer::new(&mut json))
        .map_err(|error| error.to_string())?;
    String::from_utf8(json).map_err(|error| error.to_string())
}

fn descriptor(name: &str) -> Option<MessageDescriptor> {
    // Read once: whoever writes many messages asks for each.
    static POOL: LazyLock<Option<DescriptorPool>> =
        LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());
    let package = if name.contains('.') { "" } else { "clearline.screening.v1." };
    POOL.as_ref()?.get_message_by_name(&format!("{package}{name}"))
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_WAIT);
    request
}

type Advice = (&'static [&'static str], &'static str);

const ADVICE: [Advice; 6] = [
    (
        &["Connection refused", "timed out", "deadline has elapsed"],
        "see that the server runs, and that --address is where it listens",
    ),
    (&["failed to lookup"], "see that the name in --address is one that this machine can find"),
    (&["UnknownIssuer"], "--ca is not the authority of the server's certificate"),
    (&["NotValidForName"], "the name in --address is not in the server's certificate"),
    (
        &["CertificateRequired"],
        "say --cert and --key: the server takes nobody without a certificate",
    ),
    // After the others, as a server that refuses may be heard in many ways.
    (
        &["alert", "connection closed", "broken pipe", "reset"],
        "the server most likely refuses the caller: see that --cert (or --token, where people carry \
         tokens) is there, has not ended, is not revoked and is of an authority of its callers",
    ),
];
const ADVICE_OTHERWISE: &str = "does a server listen there, is --ca its authority, is the name in its \
                                certificate, and does it take the certificate of --cert?";

// A server on the same machine answers at once or not at all.
const CONNECT_WAIT: Duration = Duration::from_secs(2);
/// No server takes longer ones.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
// As long as the server allows any call.
const CALL_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_connection_that_fails_is_told_by_what_happened_first_and_what_to_do() {
        for (cause, want) in [
            ("tcp connect error: Connection refused (os error 111)", "that the server runs"),
            ("failed to lookup address information: Name or service not known", "can find"),
            ("invalid peer certificate: UnknownIssuer", "not the authority"),
            ("invalid peer certificate: NotValidForName", "not in the server's"),
            ("received fatal alert: CertificateRequired", "say --cert and --key"),
            ("received fatal alert: CertificateExpired", "has not ended"),
            ("connection closed", "not revoked"),
            ("stream closed because of a broken pipe", "not revoked"),
            ("invalid peer certificate: BadEncoding", "does a server listen there"),
        ] {
            let within = Status::from_error(io::Error::other(cause).into());
            let CliError::NotAsExpected(told) = no_connection("a:1", &within) else { panic!() };
            assert!(told.starts_with(&format!("`a:1` gives no connection: {cause}; ")), "{told}");
            assert!(told.contains(want), "{cause}: {told}");
        }
    }
}
