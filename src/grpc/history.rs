//! History: the rpcs of `HistoryService`.
//!
//! Customers and accounts become tokens here, before the turn sees them. One part of a stream is at
//! the turn at a time, and the next is read when it is recorded: so a file holds up nobody, and its
//! sender waits by the stream's own window.

use std::pin::Pin;

use futures_util::Stream;
use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use crate::account::{Realm, Token, Tokens};
use crate::entry::Past;
use crate::grpc::call::Patience;
use crate::grpc::guard::{self, Calling};
use crate::grpc::pb;
use crate::grpc::pb::history_service_server::HistoryService;
use crate::grpc::read::{self, PastPart};
use crate::grpc::screening::{Service, deadline};
use crate::grpc::status::CallError;
use crate::turn::import::{Part, PayerRows, RowRefusal, Settled};
use crate::turn::{Answer, Refusal, Task};

type Answers = Pin<Box<dyn Stream<Item = Result<pb::ImportPaymentsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl HistoryService for Service {
    type ImportPaymentsStream = Answers;

    async fn import_payments(
        &self,
        request: Request<Streaming<pb::ImportPaymentsRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let calling = guard::caller(&request)?;
        let waits = Patience::of_stream(request.metadata().as_ref());
        let expires = waits.and_then(|waits| Instant::now().checked_add(waits));
        let state = Some((self.clone(), request.into_inner(), (calling, expires)));
        let answers = stream::unfold(state, async |state| {
            let (service, mut parts, (calling, expires)) = state?;
            match service.next_part(&mut parts, &calling, expires).await {
                Ok(answer) => Some((Ok(answer?), Some((service, parts, (calling, expires))))),
                Err(error) => Some((Err(error.into()), None)),
            }
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn get_import(
        &self,
        request: Request<pb::GetImportRequest>,
    ) -> Result<Response<pb::GetImportResponse>, Status> {
        let deadline = deadline(&request)?;
        let seat = guard::caller(&request)?.seat();
        let content =
            read::content(&request.into_inner().content).map_err(CallError::RequestMalformed)?;
        let import = keyed(self.desk().tokens(), &content);
        let answer = self.desk().ask(Task::Imported(import), seat, deadline).await;
        match answer.map_err(CallError::from)? {
            Answer::Import(progress) => Ok(Response::new(pb::GetImportResponse {
                rows_settled: progress.until,
                rows_recorded: progress.taken,
            })),
            // INVARIANT: the turn answers this question with how far the file is recorded.
            _ => Err(CallError::from(Refusal::Unreadable).into()),
        }
    }
}

impl Service {
    /// Reads the next part and has it recorded; `None` at the end of the stream.
    async fn next_part(
        &self,
        parts: &mut Streaming<pb::ImportPaymentsRequest>,
        calling: &Calling,
        expires: Option<Instant>,
    ) -> Result<Option<pb::ImportPaymentsResponse>, CallError> {
        let mut stopping = self.stopping();
        let over = async {
            match expires {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let mut over = std::pin::pin!(over);
        let next = tokio::select! {
            biased;
            () = &mut over => return Err(CallError::Expired),
            // A sender that is gone stops the server as well.
            _ = stopping.wait_for(|stopping| *stopping) => return Err(Refusal::Stopping.into()),
            next = parts.message() => next,
        };
        let message = match next {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(None),
            Err(status) => return Err(CallError::of_tonic(status.code())),
        };
        let part = read::past_part(message).map_err(CallError::RequestMalformed)?;
        let caller = calling.token;
        let task = Task::Import(Box::new(Part { caller, ..ready(&part, self.desk().tokens()) }));
        let now = Instant::now();
        let deadline = now.checked_add(PATIENCE).unwrap_or(now);
        let answer = tokio::select! {
            biased;
            answer = self.desk().ask(task, calling.seat(), deadline) => answer?,
            // What is at the turn may be recorded all the same: the next load finds out.
            () = &mut over => return Err(CallError::Expired),
            _ = stopping.wait_for(|stopping| *stopping) => return Err(Refusal::Stopping.into()),
        };
        match answer {
            Answer::Part(settled, _receipt) => Ok(Some(settled_message(&settled))),
            Answer::Import(progress) => Ok(Some(pb::ImportPaymentsResponse {
                rows_settled: progress.until,
                rows_recorded: progress.taken,
                refused_rows: Vec::new(),
            })),
            // INVARIANT: the turn answers a part with how far its file is recorded.
            _ => Err(Refusal::Unreadable.into()),
        }
    }
}

/// Makes a part ready for the turn.
fn ready(part: &PastPart, tokens: &Tokens) -> Part {
    let keys = part.customers.iter();
    let mut payers: Vec<_> = keys
        .map(|key| PayerRows {
            customer: tokens.token(Realm::Customer, key),
            payees: Vec::new(),
            rows: Vec::new(),
        })
        .collect();
    let mut last: Option<(&str, Token)> = None;
    for row in &part.rows {
        let Some(payer) = payers.get_mut(row.payer) else { continue };
        // Rows of one payer to one payee often stand together.
        let key = row.payee.key();
        let token = match last {
            Some((before, token)) if before == key => token,
            _ => tokens.token(Realm::Account, key),
        };
        last = Some((key, token));
        let at = payer.payees.iter().position(|payee| *payee == token);
        let at = at.unwrap_or_else(|| {
            payer.payees.push(token);
            payer.payees.len().saturating_sub(1)
        });
        let payment = Past {
            payee: u32::try_from(at).unwrap_or(u32::MAX),
            money: row.money,
            sent: row.sent,
            rail: row.rail,
            added: row.added,
        };
        payer.rows.push((row.row, payment));
    }
    Part {
        import: keyed(tokens, &part.content),
        from: part.first_row,
        until: part.first_row.saturating_add(u64::from(part.count)),
        also_live: part.also_live,
        payers,
        caller: None,
    }
}

/// Returns a digest of a file that nobody can compare with the file without the key.
fn keyed(tokens: &Tokens, content: &[u8; 32]) -> [u8; 16] {
    let mut keyed = [0; 16];
    keyed.iter_mut().zip(tokens.seal(content)).for_each(|(to, from)| *to = from);
    keyed
}

fn settled_message(settled: &Settled) -> pb::ImportPaymentsResponse {
    let refused = settled.refused.iter().map(|(row, reason)| {
        let reason = match reason {
            RowRefusal::PayerLive => pb::RowRefusal::PayerLive,
            RowRefusal::TooOld => pb::RowRefusal::TooOld,
            RowRefusal::InFuture => pb::RowRefusal::InFuture,
        };
        pb::RefusedRow { row: *row, reason: reason.into() }
    });
    pb::ImportPaymentsResponse {
        rows_settled: settled.progress.until,
        rows_recorded: settled.progress.taken,
        refused_rows: refused.collect(),
    }
}

/// A part waits for whatever else does, which on a busy day is hours; whoever sends it is a command
/// that a person watches and may end.
const PATIENCE: std::time::Duration = std::time::Duration::from_hours(24);
