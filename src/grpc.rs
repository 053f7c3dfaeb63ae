//! Grpc: the door. Messages come in, answers go out.
//!
//! [`serve`](serve::serve) keeps connections, [`Door`] sends each call where it belongs, and
//! [`screening::Service`] answers ours. `read` and `write` are the only places where messages and
//! core types meet.
//!
//! Never decides, and never answers with a decision that the log does not hold.

#[cfg(test)]
mod api;
pub mod bearer;
pub(crate) mod browse;
pub mod call;
mod fields;
pub mod guard;
pub mod health;
pub mod history;
mod iso20022;
pub mod lists;
pub mod look;
pub mod read;
#[cfg(test)]
pub(crate) mod sample;
pub mod screening;
pub mod serve;
pub mod share;
pub mod status;
pub mod stream;
pub mod tls;
pub mod write;

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either};
use http::{Request, Response};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service as _;

use crate::account::Token;
use crate::grpc::call::{MESSAGE_BYTES_MAX, Patience};
pub use crate::grpc::fields::fields;
use crate::grpc::guard::{Guard, Who};
use crate::grpc::health::Health;
use crate::grpc::pb::history_service_server::HistoryServiceServer;
use crate::grpc::pb::list_service_server::ListServiceServer;
use crate::grpc::pb::screening_service_server::ScreeningServiceServer;
use crate::grpc::screening::{Deadline, Service, Traced};
use crate::grpc::serve::{Arriving, HEADERS_BYTES_MAX, Peer, Reply, Serve};
use crate::grpc::share::{Connected, Over, Taken};
use crate::grpc::status::CallError;
use crate::grpc::stream::{Answers, Asker};
use crate::telemetry::count::{self, Limit, Rpc, Step};
use crate::telemetry::trace::{Origin, Trace};
use crate::turn::desk::Seat;

/// Types generated from `proto/`.
pub mod pb {
    #![expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        clippy::as_conversions,
        clippy::doc_lazy_continuation,
        clippy::large_enum_variant,
        clippy::pedantic,
        unused_qualifications,
        reason = "written by build.rs, not by us"
    )]

    tonic::include_proto!("clearline.screening.v1");
}

/// Every service of one door.
#[derive(Clone, Debug)]
pub struct Door {
    screening: Arc<Service>,
    routes: Routes,
    guard: Guard,
    /// The number of what was in force when it was found out whom the connection is from.
    edition: u64,
    /// What the connection shows of whom it is from; `None` before there is one.
    peer: Option<Peer>,
    /// Whom the connection is from that this answers.
    who: Who,
    /// Its place among the connections of its caller, where those are bounded.
    place: Option<Result<Arc<Connected>, Over>>,
    /// Tells the streams of the connection that it is to end; `None` before there is one.
    retiring: Option<watch::Sender<bool>>,
    headers_bytes_max: u32,
}

impl Door {
    /// Takes what answers our own calls, what tells our health, and who knows who may call. With
    /// `reflection` it also describes itself to callers.
    pub fn new(
        screening: Service,
        health: &Health,
        reflection: bool,
        guard: Guard,
    ) -> Result<Self, tonic_reflection::server::Error> {
        let screening = Arc::new(screening);
        let server = ScreeningServiceServer::from_arc(Arc::clone(&screening))
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let lists = ListServiceServer::from_arc(Arc::clone(&screening))
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let history = HistoryServiceServer::from_arc(Arc::clone(&screening))
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let mut routes = Routes::new(server)
            .add_service(lists)
            .add_service(history)
            .add_service(health.server());
        if reflection {
            let builder = || {
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(DESCRIPTORS)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            };
            // Clients in use ask for one or the other.
            routes = routes.add_service(builder().build_v1()?);
            routes = routes.add_service(builder().build_v1alpha()?);
        }
        Ok(Self {
            screening,
            routes: routes.prepare(),
            guard,
            edition: 0,
            peer: None,
            who: Who::Nobody,
            place: None,
            retiring: None,
            headers_bytes_max: HEADERS_BYTES_MAX,
        })
    }

    /// Takes how many bytes the headers of a call may have.
    #[must_use]
    pub fn with_headers(self, headers_bytes_max: u32) -> Self {
        Self { headers_bytes_max, ..self }
    }

    /// Finds out whom the connection is from, as the file of callers says it now.
    fn meet_now(&mut self, edition: u64) {
        let Some(peer) = &self.peer else { return };
        self.edition = edition;
        self.who = self.guard.meet(peer, self.screening.desk().tokens());
        let share = match &self.who {
            Who::Known(calling) => calling.share.as_ref(),
            Who::Nobody | Who::Stranger => None,
        };
        self.place = match (share, self.place.take()) {
            (Some(share), Some(Ok(place))) if place.is_of(share) => Some(Ok(place)),
            (share, _) => share.map(|share| share.connect().map(Arc::new)),
        };
    }
}

impl Serve for Door {
    fn meet(&self, peer: &Peer) -> Self {
        let mut met = self.clone();
        met.peer = Some(peer.clone());
        met.retiring = Some(watch::Sender::new(false));
        met.meet_now(self.guard.edition());
        met
    }

    fn retire(&self) {
        if let Some(retiring) = &self.retiring {
            retiring.send_replace(true);
        }
    }

    fn stays(&self) -> bool {
        !matches!(self.place, Some(Err(_)))
    }

    fn seat(&self) -> Seat {
        match &self.who {
            Who::Known(calling) => calling.seat(),
            Who::Nobody | Who::Stranger => Seat::NOBODY,
        }
    }

    fn call(
        &mut self,
        mut request: Request<Arriving>,
    ) -> impl Future<Output = Response<Reply>> + Send + 'static + use<> {
        let screening = Arc::clone(&self.screening);
        if self.headers_bytes_max < headers_bytes(&request) {
            count::limited(Limit::Headers);
            return Either::Right(refused(CallError::HeadersTooLarge, request));
        }
        let edition = self.guard.edition();
        if edition != self.edition {
            self.meet_now(edition);
        }
        let path = request.uri().path();
        let (one, many) = (path == SCREEN_TRANSFER, path == SCREEN_TRANSFERS);
        let traced = [SCREEN_ISO20022, REPORT_EXECUTION].contains(&path);
        let now = || screening.now();
        let carried = self.guard.carried(request.headers(), now, screening.desk().tokens());
        let who = match &carried {
            None => &self.who,
            Some(Ok(who)) => who,
            Some(Err(error)) => return Either::Right(refused(error.clone(), request)),
        };
        let caller = match who.may(path) {
            Ok(caller) => caller,
            Err(error) => return Either::Right(refused(error, request)),
        };
        if let Some(Err(over)) = self.place {
            return Either::Right(refused(CallError::Over(over), request));
        }
        if compressed(&request) {
            return Either::Right(refused(CallError::EncodingUnknown, request));
        }
        let (token, seat, share) = match caller {
            Some(caller) => (caller.token, caller.seat(), caller.share.as_ref()),
            None => (None, Seat::NOBODY, None),
        };
        if let (true, Some(caller)) = (many, caller) {
            // Its questions are counted, and not the stream.
            let origin = Origin::of(request.headers());
            let asker = Asker::new(Arc::clone(caller), (self.guard.clone(), edition), origin);
            let ends = (
                Patience::of_stream(request.headers()),
                self.retiring.as_ref().map(watch::Sender::subscribe),
            );
            let answers = Answers::new((*screening).clone(), request.into_body(), asker, ends);
            let response = call::respond(Reply::Tonic(Body::new(answers)));
            return Either::Right(ready(response).boxed());
        }
        let now = Instant::now();
        let place = match Taken::of(share, now) {
            Ok(place) => place,
            Err(over) => return Either::Right(refused(CallError::Over(over), request)),
        };
        let deadline = match Deadline::of(now, screening.patience().of(request.headers())) {
            Ok(deadline) => deadline,
            Err(error) => return Either::Right(refused(error, request)),
        };
        if one {
            let by = (token, seat, place);
            let trace = Origin::of(request.headers()).begin(SCREEN_TRANSFER, None);
            let body = request.into_body();
            return Either::Left(screened(screening, body, by, deadline.at(), trace));
        }
        request.extensions_mut().insert(deadline);
        if let (true, Some(traced)) = (traced, Traced::of(request.headers(), now)) {
            request.extensions_mut().insert(traced);
        }
        if let Some(caller) = caller {
            request.extensions_mut().insert(Arc::clone(caller));
        }
        // In a box: few calls are of these, and each would be as large as one.
        Either::Right(routed(self.routes.clone(), request, place, deadline).boxed())
    }
}

/// Answers a call with an error before its message is read.
fn refused(error: CallError, call: Request<Arriving>) -> BoxFuture<'static, Response<Reply>> {
    ready(call::refuse(error, call.into_body())).boxed()
}

/// Answers a call of one transfer.
async fn screened(
    screening: Arc<Service>,
    body: Arriving,
    (caller, seat, taken): (Option<Token>, Seat, Taken),
    deadline: Instant,
    trace: Option<Arc<Trace>>,
) -> Response<Reply> {
    let call = count::call(Rpc::ScreenTransfer);
    let message = call::read_until(body, deadline).await;
    let reading = count::sample(Step::Read);
    let question = message.and_then(call::decode).and_then(|m| screening.question(m, caller));
    count::step(Step::Read, reading);
    let answer = match question {
        Ok(task) => screening.screen(task.traced(trace.as_ref()), seat, deadline).await,
        Err(error) => Err(error),
    };
    drop(taken);
    if let Ok(answer) = &answer {
        call.answered(&answer.decision);
    }
    if let Some(trace) = trace {
        trace.answered(answer.as_ref().map(|it| &*it.decision).map_err(CallError::reason));
    }
    call::write(answer)
}

/// Lets tonic answer a call. A stream counts until it begins.
async fn routed(
    mut routes: Routes,
    request: Request<Arriving>,
    _taken: Taken,
    deadline: Deadline,
) -> Response<Reply> {
    let ours = !request.uri().path().starts_with(STANDARD);
    let call = count::call(Rpc::of(request.uri().path()));
    // Ours end by their deadline themselves, once their message is there.
    let end = deadline.at().checked_add(LATE).unwrap_or(deadline.at());
    let Ok(answered) = tokio::time::timeout_at(end, routes.call(request.map(Body::new))).await
    else {
        count::limited(Limit::Slow);
        return call::write::<pb::ScreenTransferResponse>(Err(CallError::Expired));
    };
    let Ok(response) = answered;
    if !response.headers().contains_key("grpc-status") {
        call.answered("");
    }
    let response = if ours { call::detailed(response) } else { response };
    response.map(Reply::Tonic)
}

/// Returns how many bytes the headers of a call have, as HTTP/2 counts them (RFC 9113, 6.5.2).
fn headers_bytes<T>(request: &Request<T>) -> u32 {
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let bytes = request.headers().iter().fold(path, |bytes, (name, value)| {
        bytes.saturating_add(name.as_str().len()).saturating_add(value.len()).saturating_add(32)
    });
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Tells whether a message comes in an encoding; we agree to none.
fn compressed(request: &Request<Arriving>) -> bool {
    request.headers().get("grpc-encoding").is_some_and(|encoding| encoding != "identity")
}

/// Descriptors of the public API, comments included, as reflection serves them.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/clearline.bin"));

/// The call that nearly all are.
const SCREEN_TRANSFER: &str = "/clearline.screening.v1.ScreeningService/ScreenTransfer";
/// The call that brings many.
pub(crate) const SCREEN_TRANSFERS: &str =
    "/clearline.screening.v1.ScreeningService/ScreenTransfers";
/// The call that brings a payment message.
pub(crate) const SCREEN_ISO20022: &str = "/clearline.screening.v1.ScreeningService/ScreenIso20022";
/// The call that says what became of a payment.
pub(crate) const REPORT_EXECUTION: &str =
    "/clearline.screening.v1.ScreeningService/ReportExecution";
/// How long after its deadline a call is ended from outside: long enough to be sure that its own end, which
/// says more, would have come before.
const LATE: Duration = Duration::from_millis(5);
/// Health and reflection: their errors are theirs.
const STANDARD: &str = "/grpc.";

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::source_code_info::Location;
    use prost_types::{
        DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    };

    use super::*;
    use crate::access::{self, Need};

    /// Every path of a message's parts below `path`, as descriptors count them.
    fn message_paths(message: &DescriptorProto, path: &[i32], paths: &mut Vec<Vec<i32>>) {
        let below = |kind: i32, at: usize| [path, &[kind, i32::try_from(at).unwrap()]].concat();
        paths.push(path.to_vec());
        for (at, _) in message.field.iter().enumerate() {
            paths.push(below(2, at));
        }
        for (at, nested) in message.nested_type.iter().enumerate() {
            message_paths(nested, &below(3, at), paths);
        }
        for (at, nested) in message.enum_type.iter().enumerate() {
            enum_paths(nested, &below(4, at), paths);
        }
        for (at, oneof) in message.oneof_decl.iter().enumerate() {
            // An optional field is a choice of one, which nobody wrote down.
            if !oneof.name().starts_with('_') {
                paths.push(below(8, at));
            }
        }
    }

    /// Every path of an enum's parts; its values carry its name, as buf wants them to.
    fn enum_paths(message: &EnumDescriptorProto, path: &[i32], paths: &mut Vec<Vec<i32>>) {
        let mut prefix = String::new();
        for c in message.name().chars() {
            if c.is_ascii_uppercase() && !prefix.is_empty() {
                prefix.push('_');
            }
            prefix.push(c.to_ascii_uppercase());
        }
        paths.push(path.to_vec());
        for (at, value) in message.value.iter().enumerate() {
            assert!(value.name().starts_with(&format!("{prefix}_")), "{}", value.name());
            paths.push([path, &[2, i32::try_from(at).unwrap()]].concat());
        }
        assert_eq!(message.value[0].name(), format!("{prefix}_UNSPECIFIED"));
    }

    #[test]
    fn everything_in_the_api_is_explained() {
        let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
        let files = set.file.iter().filter(|file| file.package().starts_with("clearline."));
        let explained: usize = files.map(explained).sum();
        assert!(300 < explained);
    }

    /// Returns the path of every rpc of these files, with its comment.
    fn rpcs(descriptors: &[u8]) -> Vec<(String, String)> {
        let set = FileDescriptorSet::decode(descriptors).unwrap();
        let mut rpcs = Vec::new();
        for file in set.file {
            let locations = file.source_code_info.clone().unwrap_or_default().location;
            for (at, service) in file.service.iter().enumerate() {
                for (number, method) in service.method.iter().enumerate() {
                    let path = [6, at, 2, number].map(|part| i32::try_from(part).unwrap());
                    let comment = locations.iter().find(|location| location.path == path);
                    let comment = comment.map(|location| location.leading_comments().to_owned());
                    let (package, service, method) =
                        (file.package(), service.name(), method.name());
                    let path = format!("/{package}.{service}/{method}");
                    rpcs.push((path, comment.unwrap_or_default()));
                }
            }
        }
        rpcs
    }

    #[test]
    fn the_table_has_every_rpc_that_is_served_and_each_comment_its_right() {
        let ours = rpcs(DESCRIPTORS);
        for (path, comment) in &ours {
            let Some(Need::Right(right)) = access::need(path) else { panic!("{path}") };
            let line = format!("Right: `{right}`.");
            assert!(comment.contains(&line), "{path}: {comment}");
        }
        let mut served: Vec<String> = ours.into_iter().map(|(path, _)| path).collect();
        for others in [
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ] {
            served.extend(rpcs(others).into_iter().map(|(path, _)| path));
        }
        let mut listed: Vec<&str> = access::TABLE.iter().map(|rpc| rpc.path).collect();
        listed.sort_unstable();
        served.sort_unstable();
        assert_eq!(listed, served);
    }

    /// Checks that everything in one file has a comment, and counts what there is.
    fn explained(file: &FileDescriptorProto) -> usize {
        let mut paths = Vec::new();
        for (at, message) in file.message_type.iter().enumerate() {
            message_paths(message, &[4, i32::try_from(at).unwrap()], &mut paths);
        }
        for (at, message) in file.enum_type.iter().enumerate() {
            enum_paths(message, &[5, i32::try_from(at).unwrap()], &mut paths);
        }
        for (at, service) in file.service.iter().enumerate() {
            let at = i32::try_from(at).unwrap();
            paths.push(vec![6, at]);
            paths
                .extend((0..service.method.len()).map(|it| vec![6, at, 2, it.try_into().unwrap()]));
        }
        let count = paths.len();
        let locations = &file.source_code_info.as_ref().unwrap().location;
        let explained = |location: &&Location| !location.leading_comments().trim().is_empty();
        for path in paths {
            let found = locations.iter().filter(explained).any(|location| location.path == path);
            assert!(found, "{}: {path:?} has no comment", file.name());
        }
        count
    }
}
