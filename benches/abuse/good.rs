//! Good: a caller that does everything right, while others do not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use clearline::grpc::pb;
use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::bank::{self, EVERYTHING, Questions};
use crate::server::Secured;

/// A caller at work.
pub(crate) struct Good {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
    /// Calls that were answered until now.
    pub(crate) answered: Arc<AtomicU64>,
}

/// What it saw.
pub(crate) struct Seen {
    /// Its answers: which decision was made under which request id.
    pub(crate) decisions: BTreeMap<String, String>,
    /// Calls that had no answer, all retries included.
    pub(crate) failed: u64,
    /// Retries.
    pub(crate) retried: u64,
    latency: Histogram<u64>,
}

impl Seen {
    /// The 99th percentile of the time from when a call was due to its answer, in microseconds.
    pub(crate) fn p99(&self) -> u64 {
        self.latency.value_at_quantile(0.99)
    }
}

impl Good {
    /// Begins to ask, [`RATE`] times a second whether or not answers come, on connections that are
    /// open before this returns.
    pub(crate) fn start(bank: &Secured, run: u32) -> Self {
        let leaf = bank::certificate(bank, EVERYTHING);
        let endpoint = bank::endpoint(bank, Some(&leaf));
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&answered));
        let (ready, begun) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = bank::runtime();
            let questions = Questions::new(run);
            runtime.block_on(async {
                let channels: Vec<_> = (0..CONNECTIONS).map(|_| endpoint.connect_lazy()).collect();
                for channel in &channels {
                    let warm = questions.question(0);
                    let answer = ask(channel.clone(), warm).await;
                    answer.0.expect("a first answer");
                }
                let _ = ready.send(());
                work(&channels, &questions, &stopped, &counted).await
            })
        });
        begun.recv().expect("a caller that has begun");
        Self { stop, thread, answered }
    }

    /// Asks until some time has gone.
    pub(crate) fn for_time(bank: &Secured, run: u32, time: Duration) -> Seen {
        let good = Self::start(bank, run);
        std::thread::sleep(time);
        good.end()
    }

    /// Ends when everything that was asked has come to its end.
    pub(crate) fn end(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a good caller")
    }
}

async fn work(
    channels: &[Channel],
    questions: &Questions,
    stop: &AtomicBool,
    counted: &Arc<AtomicU64>,
) -> Seen {
    let latency = Histogram::new(3).expect("a histogram");
    let mut seen = Seen { decisions: BTreeMap::new(), failed: 0, retried: 0, latency };
    let (done, mut ended) = mpsc::unbounded_channel();
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut turns = channels.iter().cycle();
    let mut numbers = 1..;
    let take = |seen: &mut Seen, (id, due, (answer, retries)): (String, Instant, Asked)| {
        seen.retried += retries;
        match answer {
            Ok(answer) => {
                let micros = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                seen.latency.record(micros).expect("a time");
                seen.decisions.insert(id, answer.decision);
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => seen.failed += 1,
        }
    };
    while !stop.load(Ordering::Relaxed) {
        tokio::select! {
            due = ticks.tick() => {
                let question = questions.question(numbers.next().expect("a number"));
                let channel = turns.next().expect("a connection").clone();
                let done = done.clone();
                tokio::spawn(async move {
                    let id = question.request_id.clone();
                    let asked = ask(channel, question).await;
                    drop(done.send((id, due, asked)));
                });
            }
            Some(asked) = ended.recv() => take(&mut seen, asked),
        }
    }
    drop(done);
    while let Some(asked) = ended.recv().await {
        take(&mut seen, asked);
    }
    seen
}

type Asked = (Result<pb::ScreenTransferResponse, Status>, u64);

/// Asks, and asks again under the same id while an error says that this may help, as
/// deploy/README.md tells callers to.
async fn ask(channel: Channel, question: pb::ScreenTransferRequest) -> Asked {
    let mut client = bank::client(channel);
    let mut pause = PAUSE_MIN;
    let mut retries = 0;
    loop {
        let mut request = Request::new(question.clone());
        request.set_timeout(DEADLINE);
        let status = match client.screen_transfer(request).await {
            Ok(answer) => return (Ok(answer.into_inner()), retries),
            Err(status) => status,
        };
        let again = [Code::Unavailable, Code::DeadlineExceeded, Code::ResourceExhausted];
        // A connection that breaks under a call is an error of the client's own library.
        let again = again.contains(&status.code())
            || status.code() == Code::Unknown
            || status.code() == Code::Cancelled
            || status.code() == Code::Internal;
        if !again || RETRIES_MAX <= retries {
            return (Err(status), retries);
        }
        retries += 1;
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Lists every decision of the caller, and returns how many are there as they were told and alone under
/// their request id.
pub(crate) fn found_again(bank: &Secured, decisions: &BTreeMap<String, String>) -> u64 {
    let leaf = bank::certificate(bank, EVERYTHING);
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    bank::runtime().block_on(async {
        let mut client = bank::client(bank::channel(bank, Some(&leaf)));
        let mut request = pb::ListDecisionsRequest { page_size: 1_000, ..Default::default() };
        loop {
            let page = client.list_decisions(request.clone()).await.expect("a page").into_inner();
            for one in page.decisions {
                listed.entry(one.request_id).or_default().push(one.name);
            }
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
    });
    let alone = |(id, name): &(&String, &String)| {
        listed.get(*id).is_some_and(|names| matches!(&names[..], [only] if only == *name))
    };
    u64::try_from(decisions.iter().filter(alone).count()).expect("a count")
}

/// A small bank's payments, and enough for a 99th percentile in a few seconds.
pub(crate) const RATE: u32 = 300;
const CONNECTIONS: usize = 4;
/// What deploy/README.md advises: a deadline for each try, and pauses that double.
const DEADLINE: Duration = Duration::from_secs(1);
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
const RETRIES_MAX: u64 = 12;
