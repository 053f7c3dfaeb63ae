//! Screening: the rpcs of `ScreeningService`.
//!
//! Each reads its message, asks the turn or the log, and writes the answer; nothing is decided and
//! nothing is remembered here. What the texts mention is found before the turn is asked, so that the
//! one writer does not read texts.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use crate::access::Right;
use crate::account::{Realm, Token};
use crate::calendar::Time;
use crate::clock::{Clock, Stopwatch};
use crate::entry::{BUILD, Entry, Executed, Identity, IndexKey, Read};
use crate::grpc::REPORT_EXECUTION;
use crate::grpc::browse;
use crate::grpc::call::Patience;
use crate::grpc::guard::{self, Calling};
use crate::grpc::pb;
use crate::grpc::pb::screening_service_server::ScreeningService;
use crate::grpc::read::{self, Asked, NotAsked, Report};
use crate::grpc::status::CallError;
use crate::grpc::write;
use crate::log::Receipt;
use crate::log::reader::{Query, Reader};
use crate::telemetry::count::{self, Step};
use crate::telemetry::line;
use crate::telemetry::trace::{Origin, Trace};
use crate::transfer;
use crate::turn::desk::{Desk, Seat};
use crate::turn::{Answer, Execute, Refusal, Screen, Subject, Task};

/// Serves the public API of one door. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    desk: Desk,
    clock: Arc<dyn Clock>,
    patience: Patience,
    /// Reads of the log under way, so that lists cannot take the processor from decisions.
    reads: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Service {
    /// Takes the door's desk, how long callers wait, and what turns true when the server is to
    /// stop.
    pub fn new(
        desk: Desk,
        clock: Arc<dyn Clock>,
        patience: Patience,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { desk, clock, patience, reads: Arc::new(Semaphore::new(READS_MAX)), stopping }
    }

    /// Returns how long callers wait.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Returns what the calendar says.
    pub(crate) fn now(&self) -> Time {
        self.clock.wall()
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    /// Screens one transfer for a caller who waits until `deadline`.
    pub(crate) async fn screen(
        &self,
        question: Task,
        seat: Seat,
        deadline: Instant,
    ) -> Result<pb::ScreenTransferResponse, CallError> {
        let answer = self.desk.ask(question, seat, deadline).await?;
        self.screened(answer, deadline).await
    }

    /// Makes a question ready for the turn, or names everything wrong with it.
    pub(crate) fn question(
        &self,
        message: pb::ScreenTransferRequest,
        caller: Option<Token>,
    ) -> Result<Task, CallError> {
        Ok(self.task(self.read(message)?, caller))
    }

    /// Reads a question, or names everything wrong with it.
    pub(crate) fn read(
        &self,
        message: pb::ScreenTransferRequest,
    ) -> Result<transfer::Request, CallError> {
        read::request(message, self.clock.wall()).map_err(CallError::TransferMalformed)
    }

    /// Reads a question for each transfer of a payment message.
    pub(crate) fn orders(
        &self,
        message: pb::ScreenIso20022Request,
    ) -> Result<Vec<Asked>, CallError> {
        read::orders(message, self.clock.wall()).map_err(|error| match error {
            NotAsked::Document(problem) => CallError::DocumentMalformed(problem),
            NotAsked::Known(problems) => CallError::RequestMalformed(problems),
        })
    }

    /// Makes a question ready for the turn.
    pub(crate) fn task(&self, request: transfer::Request, caller: Option<Token>) -> Task {
        let policy = self.desk.policy();
        Task::Screen(Box::new(Screen {
            identity: Identity { caller, ..Identity::of(&request, self.desk.tokens()) },
            mentions: policy.mentions(&request.transfer.texts, &request.answers),
            policy: policy.digest(),
            request,
            trace: None,
        }))
    }

    /// Writes what a question came to, reading it back if it was answered before.
    pub(crate) async fn screened(
        &self,
        answer: Answer,
        deadline: Instant,
    ) -> Result<pb::ScreenTransferResponse, CallError> {
        match answer {
            Answer::Decided(decided, receipt) => {
                let writing = count::sample(Step::Answer);
                let response = write::screened(&decided, &receipt);
                count::step(Step::Answer, writing);
                line::decided(&decided, &response.decision);
                Ok(response)
            }
            Answer::Earlier(position) => {
                let read = move |reader: &Reader| browse::decided(reader, position);
                // In a box: few calls are retries, and each would be as large as one.
                let (decided, receipt) = Box::pin(self.look(read, deadline)).await?;
                Ok(write::screened(&decided, &receipt))
            }
            // INVARIANT: the turn answers a question with a decision.
            _ => Err(Refusal::Unreadable.into()),
        }
    }

    /// Reads the log off this thread, until `deadline`.
    async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, CallError> + Send + 'static,
        deadline: Instant,
    ) -> Result<T, CallError> {
        let reader = self.desk.reader().clone();
        let reads = Arc::clone(&self.reads);
        let looked = async move {
            let place = reads.acquire_owned().await;
            let looking = tokio::task::spawn_blocking(move || {
                let found = read(&reader);
                drop(place);
                found
            });
            // It fails only where the runtime is going away, and this call with it.
            looking.await.unwrap_or(Err(Refusal::Stopping.into()))
        };
        tokio::time::timeout_at(deadline, looked).await.unwrap_or(Err(CallError::Expired))
    }

    async fn report(
        &self,
        message: pb::ReportExecutionRequest,
        deadline: Instant,
        calling: &Calling,
        trace: Option<&Arc<Trace>>,
    ) -> Result<pb::ReportExecutionResponse, CallError> {
        let report =
            read::report(message, self.clock.wall()).map_err(CallError::RequestMalformed)?;
        let (caller, seat) = (calling.token, calling.seat());
        let task = self.execute(&report, None, caller).traced(trace);
        let answer = match self.desk.ask(task, seat, deadline).await {
            // It may have left what is remembered; then the log still has it.
            Err(Refusal::NotFound) => {
                let payment = self.desk.tokens().token(Realm::Payment, &report.payment_id);
                let find = move |reader: &Reader| subject(reader, IndexKey::payment(payment));
                let subject = self.look(find, deadline).await?;
                let task = self.execute(&report, Some(subject), caller).traced_again(trace);
                self.desk.ask(task, seat, deadline).await?
            }
            answer => answer?,
        };
        let (executed, receipt) = match answer {
            Answer::Executed(executed, receipt) => (executed, receipt),
            Answer::Earlier(position) => {
                let read = move |reader: &Reader| executed(reader, position);
                self.look(read, deadline).await?
            }
            // INVARIANT: the turn answers a report with a report.
            _ => return Err(Refusal::Unreadable.into()),
        };
        Ok(write::reported(&executed, &receipt, &report.rejected))
    }

    fn execute(&self, report: &Report, found: Option<Subject>, caller: Option<Token>) -> Task {
        let tokens = self.desk.tokens();
        let stated = report.transfer.as_ref().map(|transfer| Subject {
            customer: tokens.token(Realm::Customer, &transfer.payer.customer),
            payee: tokens.token(Realm::Account, transfer.payee.account.key()),
            money: transfer.money,
            decision: None,
        });
        Task::Execute(Box::new(Execute {
            payment_id: report.payment_id.clone(),
            payment: tokens.token(Realm::Payment, &report.payment_id),
            decision: report.decision,
            execution: report.execution,
            unscreened: report.unscreened,
            executed: report.executed,
            reason: report.reason.clone(),
            subject: found.or(stated),
            caller,
            trace: None,
        }))
    }
}

#[tonic::async_trait]
impl ScreeningService for Service {
    type ScreenTransfersStream =
        futures_util::stream::Empty<Result<pb::ScreenTransfersResponse, Status>>;

    async fn screen_transfer(
        &self,
        request: Request<pb::ScreenTransferRequest>,
    ) -> Result<Response<pb::ScreenTransferResponse>, Status> {
        let deadline = deadline(&request)?;
        let calling = guard::caller(&request)?;
        let question = self.question(request.into_inner(), calling.token)?;
        Ok(Response::new(self.screen(question, calling.seat(), deadline).await?))
    }

    async fn screen_transfers(
        &self,
        _request: Request<Streaming<pb::ScreenTransfersRequest>>,
    ) -> Result<Response<Self::ScreenTransfersStream>, Status> {
        // The door does not let tonic answer these: see `stream`.
        Err(CallError::MethodUnknown.into())
    }

    async fn screen_iso20022(
        &self,
        request: Request<pb::ScreenIso20022Request>,
    ) -> Result<Response<pb::ScreenIso20022Response>, Status> {
        let deadline = deadline(&request)?;
        let calling = guard::caller(&request)?;
        let origin = request.extensions().get().cloned();
        let by = (&*calling, origin);
        Ok(Response::new(self.screen_orders(request.into_inner(), deadline, by).await?))
    }

    async fn get_decision(
        &self,
        request: Request<pb::GetDecisionRequest>,
    ) -> Result<Response<pb::GetDecisionResponse>, Status> {
        let deadline = deadline(&request)?;
        let calling = guard::caller(&request)?;
        let (personal, finds) = (calling.has(Right::ReadPersonal), calling.finds());
        let wanted = read::wanted(request.into_inner()).map_err(CallError::RequestMalformed)?;
        let tokens = self.desk.tokens().clone();
        let policy = Arc::clone(self.desk.policy());
        let get = move |reader: &Reader| {
            let view = browse::View { tokens: &tokens, policy: &policy, personal, finds };
            browse::get(reader, &wanted, &view)
        };
        let (response, read) = self.look(get, deadline).await?;
        if let Some(decision) = read {
            let by = calling.caller.name.clone();
            let read = Task::Read(Box::new(Read { by, decision, build: BUILD.into() }));
            match self.desk.ask(read, calling.seat(), deadline).await.map_err(CallError::from)? {
                Answer::Noted(_receipt) => {}
                // INVARIANT: the turn answers a reading with its receipt.
                _ => return Err(CallError::from(Refusal::Unreadable).into()),
            }
        }
        Ok(Response::new(response))
    }

    async fn list_decisions(
        &self,
        request: Request<pb::ListDecisionsRequest>,
    ) -> Result<Response<pb::ListDecisionsResponse>, Status> {
        let deadline = deadline(&request)?;
        let finds = guard::caller(&request)?.finds();
        let page = read::page(request.into_inner()).map_err(CallError::RequestMalformed)?;
        let tokens = self.desk.tokens().clone();
        let list = move |reader: &Reader| browse::list(reader, &page, &tokens, finds);
        Ok(Response::new(self.look(list, deadline).await?))
    }

    async fn report_execution(
        &self,
        request: Request<pb::ReportExecutionRequest>,
    ) -> Result<Response<pb::ReportExecutionResponse>, Status> {
        let deadline = deadline(&request)?;
        let calling = guard::caller(&request)?;
        let traced: Option<&Traced> = request.extensions().get();
        let trace = traced.and_then(|traced| traced.begin(REPORT_EXECUTION));
        let reported = self.report(request.into_inner(), deadline, &calling, trace.as_ref()).await;
        if let Some(trace) = trace {
            trace.answered(reported.as_ref().map(|_| "").map_err(CallError::reason));
        }
        Ok(Response::new(reported?))
    }
}

/// Where a call comes from, as the door read it, and when it came; absent where nothing is traced.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    origin: Origin,
    begun: Stopwatch,
}

impl Traced {
    /// Reads it from the headers of a call that came at `now`.
    pub(crate) fn of(headers: &HeaderMap, now: Instant) -> Option<Self> {
        let origin = Origin::of(headers);
        let traced = !matches!(origin, Origin::Off);
        traced.then(|| Self { origin, begun: now.into_std().into() })
    }

    /// Begins to trace what came by this call, if that is to be.
    pub(crate) fn begin(&self, rpc: &'static str) -> Option<Arc<Trace>> {
        self.origin.begin(rpc, Some(self.begun))
    }
}

/// Until when a call is waited for, as the door found it when the call came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// Returns the end of a call that came at `now` and may take `patience`.
    pub(crate) fn of(now: Instant, patience: Duration) -> Result<Self, CallError> {
        if patience.is_zero() {
            return Err(Refusal::ExpiredBeforeDeciding.into());
        }
        Ok(Self(now.checked_add(patience).unwrap_or(now)))
    }

    /// Returns when that is.
    pub(crate) fn at(self) -> Instant {
        self.0
    }
}

/// Returns until when a request that was let in is waited for.
pub(crate) fn deadline<T>(request: &Request<T>) -> Result<Instant, CallError> {
    // INVARIANT: the door puts it there.
    let deadline: Option<&Deadline> = request.extensions().get();
    deadline.map(|deadline| deadline.at()).ok_or(CallError::Expired)
}

/// Finds in the log the payment that a report is about.
fn subject(reader: &Reader, payment: IndexKey) -> Result<Subject, CallError> {
    let query = Query { keys: vec![payment], from: None, until: None, below: u64::MAX, limit: 1 };
    let found = browse::listed(reader, &query)?;
    let (decided, receipt) = found.into_iter().next().ok_or(Refusal::NotFound)?;
    let identity = decided.public.identity;
    // Without the amount of a payer who was erased there is nothing left to count.
    let personal = decided.personal.ok_or(Refusal::NotFound)?;
    Ok(Subject {
        customer: identity.customer,
        payee: identity.payee,
        money: personal.facts.transfer.money,
        decision: Some(receipt.index()),
    })
}

fn executed(reader: &Reader, position: u64) -> Result<(Box<Executed>, Receipt), CallError> {
    match browse::entry(reader, position)? {
        (Entry::Executed(executed), receipt) => Ok((executed, receipt)),
        _ => Err(Refusal::Unreadable.into()),
    }
}

/// Reads of the log at once by one door. Each is mostly waiting for a disk or opening entries, at
/// about 10 µs an entry.
const READS_MAX: usize = 4;
