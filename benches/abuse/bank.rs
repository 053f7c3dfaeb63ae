//! Bank: a server with callers of every kind, and ways to call it as one of them.

use clearline::cli::bench::now;
use clearline::cli::bench::requests::{Mix, Number, Requests, Shape};
use clearline::grpc::pb;
use clearline::grpc::pb::screening_service_client::ScreeningServiceClient;
use prost::Message as _;
use tokio::runtime::{Builder, Runtime};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_types::StatusExt as _;

use crate::authority::{Leaf, Name};
use crate::good::RATE;
use crate::server::Secured;

/// Rights, each of which one caller has alone; `everything` has all of them.
pub(crate) const RIGHTS: [&str; 7] =
    ["screen", "report", "read", "read_personal", "operate", "approve", "audit"];

/// A caller with all rights.
pub(crate) const EVERYTHING: &str = "everything";

/// Prepares a server that knows a caller for each right and one with all, and starts it.
pub(crate) fn open(settings: &str) -> Secured {
    let mut bank = Secured::prepare(&access(), settings);
    bank.server = Some(bank.run().expect("a server"));
    bank
}

/// Returns who may call what.
pub(crate) fn access() -> String {
    let all = RIGHTS.map(|right| format!("\"{right}\"")).join(", ");
    let ones = RIGHTS.map(|right| (right, format!("\"{right}\"")));
    let mut text = "schema = 1\n".to_owned();
    for (name, rights) in ones.into_iter().chain([(EVERYTHING, all)]) {
        let role = format!(
            "[[role]]\nname = \"{name}\"\nrights = [{rights}]\nsees = \"own\"\n[[caller]]\nname = \
             \"{name}\"\nrole = \"{name}\"\nspiffe = [\"{}\"]\n",
            id(name)
        );
        text.push_str(&role);
    }
    text.push_str("[[caller]]\nname = \"people\"\nrole = \"read\"\ngroups = [\"people\"]\n");
    text.push_str("[[caller]]\nname = \"greedy\"\nrole = \"screen\"\nspiffe = [\"");
    text.push_str(&id("greedy"));
    // As much as a good caller asks for.
    let limits =
        format!("\"]\nlimits = {{ in_flight = 64, per_second = {RATE}, burst = {RATE} }}\n");
    text.push_str(&limits);
    text
}

/// Makes a certificate of a caller.
pub(crate) fn certificate(bank: &Secured, name: &str) -> Leaf {
    bank.someone(Name::Uri(&id(name)))
}

fn id(name: &str) -> String {
    format!("spiffe://bank.example/{name}")
}

/// Returns what connects with a certificate, or with none, and again by itself. Within a runtime.
pub(crate) fn channel(bank: &Secured, leaf: Option<&Leaf>) -> Channel {
    endpoint(bank, leaf).connect_lazy()
}

/// Says how to connect with a certificate, or with none.
pub(crate) fn endpoint(bank: &Secured, leaf: Option<&Leaf>) -> Endpoint {
    let ca = Certificate::from_pem(&bank.authority.certificate);
    let mut tls = ClientTlsConfig::new().ca_certificate(ca);
    if let Some(leaf) = leaf {
        tls = tls.identity(Identity::from_pem(&leaf.certificate, &leaf.key));
    }
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", bank.port()));
    endpoint.expect("an address").tls_config(tls).expect("certificates")
}

pub(crate) fn client(channel: Channel) -> ScreeningServiceClient<Channel> {
    ScreeningServiceClient::new(channel)
}

/// Questions of one run, no two under the same id.
pub(crate) struct Questions(Requests);

impl Questions {
    pub(crate) fn new(run: u32) -> Self {
        let now = prost_types::Timestamp { seconds: now().seconds, nanos: 0 };
        Self(Requests::new(MIX, Shape::Unary, run, now).expect("requests"))
    }

    pub(crate) fn question(&self, number: u64) -> pb::ScreenTransferRequest {
        let message = self.0.message(Number { sequence: number, slot: 0 });
        // Behind the five bytes that gRPC puts before it.
        pb::ScreenTransferRequest::decode(message.slice(5..)).expect("a request")
    }
}

/// Returns the reason in an error of ours; an error of the client's own library has none.
pub(crate) fn reason(status: &tonic::Status) -> Option<String> {
    status.get_error_details().error_info().map(|info| info.reason.clone())
}

/// A runtime of one thread.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Payers of one small bank; texts and scams are in one payment of a hundred.
const MIX: Mix = Mix { payers: 10_000, payees: 4, texts_per_mille: 100, warnings_per_mille: 10 };
