//! Api: the rpcs over a real connection, turn and log.

mod abuse;
mod history;
mod iso20022;
mod limits;
mod lists;
mod reports;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::access::{Caller, Rights, Sees};
use crate::account::Tokens;
use crate::calendar::{Span, Time};
use crate::clock::Clock;
use crate::entry::Parameters;
use crate::grpc::Door;
use crate::grpc::call::Patience;
use crate::grpc::guard::Guard;
use crate::grpc::health::Health;
use crate::grpc::pb;
use crate::grpc::pb::get_decision_request::Id;
use crate::grpc::pb::screening_service_client::ScreeningServiceClient;
use crate::grpc::sample::{self, NOW, stamp};
use crate::grpc::screening::Service;
use crate::grpc::serve::{Limits, Stopped, listen, serve};
use crate::log::disk::{Disk, RealDisk};
use crate::log::segments::Settings;
use crate::policy;
use crate::turn::clockwork::Clockwork;
use crate::turn::desk::{Desk, Queue};
use crate::turn::run::run;
use crate::turn::space::Space;
use crate::turn::start::{Plan, Started, start};

/// A clock that stands still a minute after the sample was confirmed.
#[derive(Clone, Copy, Debug)]
struct Still;

impl Clock for Still {
    fn wall(&self) -> Time {
        NOW
    }

    fn steady(&self) -> Span {
        Span(0)
    }
}

/// A server in this process, with a log in a folder of its own.
struct Server {
    address: SocketAddr,
    client: ScreeningServiceClient<Channel>,
    health: Health,
    queue: Arc<Queue>,
    stop: watch::Sender<bool>,
    stopped: tokio::task::JoinHandle<Stopped>,
    begin: Option<Box<dyn FnOnce() -> JoinHandle<()>>>,
    turn: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server whose turn takes what waits.
    async fn start() -> Self {
        Self::open(8_192, true).await
    }

    /// Starts a server whose turn takes nothing before it is begun, with room for `length_max` that
    /// wait.
    async fn stuck(length_max: usize) -> Self {
        Self::open(length_max, false).await
    }

    /// Begins the turn of a server that is stuck.
    fn begin(&mut self) {
        self.turn = self.begin.take().map(|begin| begin());
    }

    async fn open(length_max: usize, turning: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(folder.path()).unwrap());
        let policy = Arc::new(policy::load(policy::standard()).unwrap());
        let plan = Plan {
            origin: "test".to_owned(),
            log: Settings::default(),
            parameters: Parameters {
                window: Span::days(35),
                requests_max: 100_000,
                payments_max: 100_000,
            },
            policy: Arc::clone(&policy),
        };
        let Started { mut engine, tokens, .. } = start(&disk, plan, NOW).unwrap();
        let queue = Arc::new(Queue::new(length_max));
        let reader = engine.log().reader();
        let handing = Desk::new(Arc::clone(&queue), reader, policy, Tokens::clone(&tokens));
        let door = handing.clone();
        tokio::spawn(async move { handing.hand_out().await });
        let taking = Arc::clone(&queue);
        let space = Space::new(Arc::clone(&disk), 0);
        let begin: Box<dyn FnOnce() -> JoinHandle<()>> = Box::new(|| {
            std::thread::spawn(move || {
                let mut clockwork = Clockwork::start(Still, Time::MIN).unwrap();
                let outside = (&mut clockwork, &space);
                run(&mut engine, &taking, outside, |_| {}).unwrap();
            })
        });

        let (stop, stopping) = watch::channel(false);
        let health = Health::new().await;
        let service = Service::new(door, Arc::new(Still), Patience::default(), stopping.clone());
        let anyone = Guard::Plain(Arc::new(anyone()));
        let door = Door::new(service, &health, true, anyone).unwrap();
        let listener = listen("127.0.0.1:0".parse().unwrap(), false).unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits { drain: DRAIN, ..Limits::default() };
        let mut told = stopping;
        let stopped = tokio::spawn(serve(listener, door, limits, None, async move {
            told.wait_for(|told| *told).await.unwrap();
        }));
        let client = ScreeningServiceClient::new(channel(address).await);
        let (begin, turn) = (Some(begin), None);
        let mut server =
            Self { address, client, health, queue, stop, stopped, begin, turn, _folder: folder };
        if turning {
            server.begin();
        }
        server
    }

    async fn screen(
        &mut self,
        message: pb::ScreenTransferRequest,
    ) -> Result<pb::ScreenTransferResponse, Status> {
        self.client.screen_transfer(message).await.map(tonic::Response::into_inner)
    }

    async fn get(&mut self, id: Id) -> Result<pb::Decision, Status> {
        let request = pb::GetDecisionRequest { id: Some(id) };
        let response = self.client.get_decision(request).await?.into_inner();
        Ok(response.decision.unwrap())
    }

    async fn list(
        &mut self,
        request: pb::ListDecisionsRequest,
    ) -> Result<pb::ListDecisionsResponse, Status> {
        self.client.list_decisions(request).await.map(tonic::Response::into_inner)
    }

    async fn tree_size(&mut self) -> i64 {
        self.list(pb::ListDecisionsRequest::default()).await.unwrap().tree_size
    }

    async fn end(mut self) {
        self.queue.stop();
        self.stop.send(true).unwrap();
        drop(self.client);
        assert_eq!(self.stopped.await.unwrap(), Stopped { cut: 0 });
        if let Some(turn) = self.turn.take() {
            turn.join().unwrap();
        }
    }
}

/// How long these servers wait for calls when they stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Returns somebody who may do everything.
fn anyone() -> Caller {
    Caller { name: "test".into(), rights: Rights::ALL, sees: Sees::All, listed: None }
}

async fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Returns the sample under another request and payment id.
fn request(number: u32) -> pb::ScreenTransferRequest {
    let mut message = sample::request();
    message.request_id = format!("6f9619ff-8b86-4011-b42d-{number:012x}");
    message.payment_id = format!("payment-{number}");
    message
}

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.domain, "screening.clearline");
    info.reason.clone()
}

#[tokio::test]
async fn a_transfer_is_decided_found_again_and_listed() {
    let mut server = Server::start().await;
    let mut message = sample::full();
    message.continues = None;
    let response = server.screen(message.clone()).await.unwrap();
    assert_ne!(response.action, i32::from(pb::Action::Unspecified));
    assert_eq!(response.rejected_facts, []);
    assert_eq!(response.mode, i32::from(pb::Mode::Normal));
    assert!(response.policy_digest.starts_with("sha256:"));
    let receipt = response.receipt.clone().unwrap();
    assert_eq!((receipt.leaf_hash.len(), receipt.checkpoint.as_str()), (32, ""));
    assert!(receipt.index < receipt.tree_size);

    // The same question gets the same answer, whatever its facts say now.
    let mut again = message.clone();
    again.transfer.as_mut().unwrap().texts = None;
    assert_eq!(server.screen(again).await.unwrap(), response);
    // Another payment does not.
    let mut other = message.clone();
    other.transfer.as_mut().unwrap().amount = Some(sample::pounds("9.99"));
    let status = server.screen(other).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));

    let name = response.decision.clone();
    let decision = server.get(Id::Decision(name.clone())).await.unwrap();
    for id in [
        Id::RequestId(message.request_id.clone()),
        Id::PaymentId(message.payment_id.clone()),
        Id::EndToEndId("E2E 1".to_owned()),
        Id::InstructionId("INSTR-1".to_owned()),
    ] {
        assert_eq!(server.get(id).await.unwrap(), decision);
    }
    assert_eq!(decision.name, name);
    assert_eq!(decision.warning, response.warning);
    assert_eq!(decision.action, response.action);
    assert_eq!(decision.end_to_end_id, "E2E 1");
    assert_eq!(decision.uetr, "eb6305c9-1f7f-49de-aed0-16487c27b42d");
    assert!(!decision.findings.is_empty());
    assert!(decision.receipt.unwrap().checkpoint.starts_with("test\n"));

    let list = server.list(pb::ListDecisionsRequest::default()).await.unwrap();
    assert_eq!(list.decisions.len(), 1);
    assert_eq!(list.decisions[0].name, name);
    // Each of the five readings is an entry.
    assert_eq!(list.tree_size, receipt.tree_size + 5);
    assert_eq!((list.next_page_token.as_str(), list.as_of), ("", response.decide_time));
    server.end().await;
}

#[tokio::test]
async fn a_malformed_transfer_is_refused_by_name_and_leaves_no_trace() {
    let mut server = Server::start().await;
    let before = server.tree_size().await;
    let mut message = sample::request();
    message.request_id = String::new();
    message.transfer.as_mut().unwrap().amount = Some(sample::pounds("-1"));
    let status = server.screen(message).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(reason(&status), "TRANSFER_MALFORMED");
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["request_id", "transfer.amount.value"]);
    assert_eq!(server.tree_size().await, before);

    // A faulty fact is no reason to refuse.
    let mut message = sample::request();
    message.transfer.as_mut().unwrap().rail = 99;
    let response = server.screen(message).await.unwrap();
    assert_eq!(response.rejected_facts[0].field, "transfer.rail");

    let mut old = request(1);
    old.request_time = Some(stamp(NOW.minus(Span::days(36)).parts().0));
    let status = server.screen(old).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::FailedPrecondition, "REQUEST_TOO_OLD".into())
    );
    server.end().await;
}

#[tokio::test]
async fn decisions_that_are_not_there_are_not_found() {
    let mut server = Server::start().await;
    let response = server.screen(request(1)).await.unwrap();
    let far = "decisions/ffffffff-ffff-8fff-bfff-ffffffffffff".to_owned();
    let mut near = response.decision.clone();
    near.replace_range(near.len() - 1.., if near.ends_with('0') { "1" } else { "0" });
    // Position 0 holds something else.
    let other = "decisions/00000000-0000-8011-b42d-000000000001".to_owned();
    for name in [far, near, other] {
        let status = server.get(Id::Decision(name)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status)), (Code::NotFound, "DECISION_NOT_FOUND".into()));
    }
    let status = server.get(Id::PaymentId("unknown".to_owned())).await.unwrap_err();
    assert_eq!(reason(&status), "DECISION_NOT_FOUND");
    for id in
        [Id::Decision("x".to_owned()), Id::RequestId(String::new()), Id::PaymentId(String::new())]
    {
        let status = server.get(id).await.unwrap_err();
        assert_eq!(reason(&status), "REQUEST_MALFORMED");
    }
    let status = server.client.get_decision(pb::GetDecisionRequest::default()).await.unwrap_err();
    assert_eq!(reason(&status), "REQUEST_MALFORMED");
    server.end().await;
}

#[tokio::test]
async fn a_list_comes_in_pages_that_stand_still() {
    let mut server = Server::start().await;
    for number in 0..5 {
        server.screen(request(number)).await.unwrap();
    }
    let first = pb::ListDecisionsRequest { page_size: 2, ..Default::default() };
    let mut names = Vec::new();
    let mut page = server.list(first.clone()).await.unwrap();
    let as_of = (page.as_of, page.tree_size);
    let token = page.next_page_token.clone();
    server.screen(request(9)).await.unwrap();
    loop {
        names.extend(page.decisions.iter().map(|summary| summary.payment_id.clone()));
        assert_eq!((page.as_of, page.tree_size), as_of);
        if page.next_page_token.is_empty() {
            break;
        }
        let page_token = page.next_page_token;
        page = server.list(pb::ListDecisionsRequest { page_token, ..first.clone() }).await.unwrap();
    }
    assert_eq!(names, ["payment-4", "payment-3", "payment-2", "payment-1", "payment-0"]);

    // A token of one list is not one of another.
    let hold = pb::Action::Hold.into();
    let mut wrong: Vec<_> = [
        pb::ListDecisionsRequest { action: hold, ..first.clone() },
        pb::ListDecisionsRequest { start_time: Some(stamp(1)), ..first.clone() },
        pb::ListDecisionsRequest { typology_id: Some("a".to_owned()), ..first.clone() },
    ]
    .map(|list| pb::ListDecisionsRequest { page_token: token.clone(), ..list })
    .to_vec();
    for page_token in ["x".to_owned(), format!("{token}A"), token.replacen('A', "B", 1)] {
        wrong.push(pb::ListDecisionsRequest { page_token, ..first.clone() });
    }
    for list in wrong {
        let status = server.list(list).await.unwrap_err();
        assert_eq!(reason(&status), "PAGE_TOKEN_MALFORMED");
    }
    // But a page may have another size.
    let larger = pb::ListDecisionsRequest { page_size: 9, page_token: token, ..Default::default() };
    assert_eq!(server.list(larger).await.unwrap().decisions.len(), 3);

    let account = |number: &str| {
        let mut account = pb::Account { sort_code: "601613".to_owned(), ..Default::default() };
        number.clone_into(&mut account.account_number);
        Some(account)
    };
    let now = NOW.parts().0;
    let all = pb::ListDecisionsRequest::default();
    for (list, want) in [
        (all.clone(), 6),
        (pb::ListDecisionsRequest { payer_account: account("31926819"), ..all.clone() }, 6),
        (pb::ListDecisionsRequest { payer_account: account("31926818"), ..all.clone() }, 0),
        (pb::ListDecisionsRequest { payee_account: account("55779911"), ..all.clone() }, 6),
        (pb::ListDecisionsRequest { payee_account: account("31926819"), ..all.clone() }, 0),
        (pb::ListDecisionsRequest { start_time: Some(stamp(now)), ..all.clone() }, 6),
        (pb::ListDecisionsRequest { start_time: Some(stamp(now + 1)), ..all.clone() }, 0),
        (pb::ListDecisionsRequest { end_time: Some(stamp(now)), ..all.clone() }, 0),
        (pb::ListDecisionsRequest { end_time: Some(stamp(now + 1)), ..all.clone() }, 6),
        (pb::ListDecisionsRequest { page_size: 5_000, ..all.clone() }, 6),
    ] {
        assert_eq!(server.list(list).await.unwrap().decisions.len(), want);
    }
    for list in [
        pb::ListDecisionsRequest { page_size: -1, ..all.clone() },
        pb::ListDecisionsRequest { action: 99, ..all.clone() },
        pb::ListDecisionsRequest { payer_account: Some(pb::Account::default()), ..all.clone() },
        pb::ListDecisionsRequest { typology_id: Some(String::new()), ..all.clone() },
        pb::ListDecisionsRequest { start_time: Some(stamp(i64::MAX)), ..all },
    ] {
        let status = server.list(list).await.unwrap_err();
        assert_eq!(reason(&status), "REQUEST_MALFORMED");
    }
    server.end().await;
}
