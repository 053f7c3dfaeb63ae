//! Iso20022: the answers about each transfer of a payment message.
//!
//! The transfers go to the turn in the order of the message, so that a later one of the same payer
//! is decided knowing the earlier ones. One that is at fault, or gets no decision, holds up no other.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::time::Instant;

use crate::grpc::SCREEN_ISO20022;
use crate::grpc::guard::Calling;
use crate::grpc::pb;
use crate::grpc::pb::iso20022_answer::Answer as Message;
use crate::grpc::read::Asked;
use crate::grpc::screening::{Service, Traced};
use crate::grpc::share::Taken;
use crate::grpc::status::CallError;
use crate::grpc::stream::ECHO_BYTES_MAX;
use crate::iso20022::ORDERS_MAX;
use crate::telemetry::trace::Trace;
use crate::turn::Refusal;

impl Service {
    /// Screens each transfer of a message for a caller who waits until `deadline`.
    pub(crate) async fn screen_orders(
        &self,
        message: pb::ScreenIso20022Request,
        deadline: Instant,
        (calling, traced): (&Calling, Option<Traced>),
    ) -> Result<pb::ScreenIso20022Response, CallError> {
        let mut answers = Vec::new();
        let mut lane = self.desk().lane(calling.seat(), ORDERS_MAX);
        // Each transfer counts as one that came by itself; the call was the first.
        let mut first = true;
        for (at, asked) in self.orders(message)?.into_iter().enumerate() {
            let Asked { path, request_id, payment_id, request } = asked;
            let mut trace = traced.as_ref().and_then(|traced| traced.begin(SCREEN_ISO20022));
            // Replaced by the outcome of whatever is handed in.
            let mut answer = Err(Refusal::ExpiredBeforeDeciding.into());
            match request {
                Ok(request) => {
                    let share = calling.share.as_ref().filter(|_| !std::mem::take(&mut first));
                    let room = poll_fn(|context| lane.poll_room(context));
                    match Taken::of(share, Instant::now()) {
                        Ok(taken) => {
                            if tokio::time::timeout_at(deadline, room).await.is_ok() {
                                let task = self.task(request, calling.token);
                                let task = task.traced(trace.as_ref());
                                lane.push(task, (at, taken, trace.take()), deadline);
                            }
                        }
                        Err(over) => answer = Err(CallError::Over(over)),
                    }
                }
                Err(problems) => answer = Err(CallError::TransferMalformed(problems)),
            }
            end(trace, &answer);
            answers.push(pb::Iso20022Answer {
                path: path.into(),
                request_id: echoed(request_id),
                payment_id: echoed(payment_id),
                answer: Some(written(answer)),
            });
        }
        while let Some(((at, _taken, trace), outcome)) =
            poll_fn(|context| lane.poll_outcome(context)).await
        {
            let answer = match outcome {
                Ok(answer) => self.screened(answer, deadline).await,
                Err(refusal) => Err(refusal.into()),
            };
            end(trace, &answer);
            if let Some(place) = answers.get_mut(at) {
                place.answer = Some(written(answer));
            }
        }
        Ok(pb::ScreenIso20022Response { answers })
    }
}

/// Ends the trace of a transfer, if it is traced, with what its caller is told.
fn end(trace: Option<Arc<Trace>>, answer: &Result<pb::ScreenTransferResponse, CallError>) {
    if let Some(trace) = trace {
        trace.answered(answer.as_ref().map(|it| &*it.decision).map_err(CallError::reason));
    }
}

fn written(answer: Result<pb::ScreenTransferResponse, CallError>) -> Message {
    match answer {
        Ok(response) => Message::Response(response),
        Err(error) => Message::Error(error.into()),
    }
}

/// Returns an id as it is, so that its caller finds it, and nothing of what is far too long for one.
fn echoed(id: String) -> String {
    if id.len() <= ECHO_BYTES_MAX { id } else { String::new() }
}
