//! Send: the thread that brings spans to the collector.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use crate::telemetry::trace::{DROPPED, SENT};

/// Spans are sent for as long as this lives; dropping it sends those that wait, for a second at most.
#[derive(Debug)]
pub struct Sending {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        drop(self.stop.take());
        // It ends by itself within its bound; one that panicked has ended.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Starts the thread that sends to `address`, and returns what is put into to be sent.
pub(super) fn start(address: SocketAddr) -> io::Result<(Sender<SpanData>, Sending)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(format!("http://{address}"))
        .with_timeout(SEND_MAX)
        .build();
    let mut exporter = exporter.map_err(io::Error::other)?;
    drop(entered);
    exporter.set_resource(
        &Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", "clearline"),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build(),
    );
    let (spans, waiting) = channel(WAITING_MAX);
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("traces".to_owned())
        .spawn(move || runtime.block_on(send_all(exporter, waiting, stopped)))?;
    Ok((spans, Sending { stop: Some(stop), thread: Some(thread) }))
}

/// Sends what comes, as many at a time as wait, until `stopped`; then what is left.
async fn send_all(
    exporter: SpanExporter,
    mut waiting: Receiver<SpanData>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut sender = Sender_ { exporter, failing: false };
    let mut batch = Vec::new();
    loop {
        let came = tokio::select! {
            came = waiting.recv_many(&mut batch, BATCH_MAX) => came,
            _ = &mut stopped => break,
        };
        if came == 0 {
            return;
        }
        let sent = tokio::select! {
            sent = sender.send(std::mem::take(&mut batch)) => sent,
            _ = &mut stopped => {
                // It may have arrived or not, which nobody will know.
                count(&DROPPED, came);
                break;
            }
        };
        if !sent {
            // What comes meanwhile waits while there is room; who cannot be reached is not asked again
            // at once.
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                _ = &mut stopped => break,
            }
        }
    }
    waiting.close();
    let rest = async {
        while 0 < waiting.recv_many(&mut batch, BATCH_MAX).await {
            sender.send(std::mem::take(&mut batch)).await;
        }
    };
    // What is not sent by then is not missed by a payment.
    let _ = tokio::time::timeout(FAREWELL, rest).await;
}

struct Sender_ {
    exporter: SpanExporter,
    failing: bool,
}

impl Sender_ {
    /// Sends spans, or drops and counts them; tells which.
    async fn send(&mut self, batch: Vec<SpanData>) -> bool {
        let spans = batch.len();
        let sent = tokio::time::timeout(SEND_MAX, self.exporter.export(batch)).await;
        let sent = matches!(sent, Ok(Ok(())));
        count(if sent { &SENT } else { &DROPPED }, spans);
        // Once, not for each batch: the count tells how many.
        if !sent && !self.failing {
            tracing::warn!("spans not collected");
        }
        self.failing = !sent;
        sent
    }
}

fn count(counter: &std::sync::atomic::AtomicU64, spans: usize) {
    counter.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Spans that wait at most, some 400 bytes each: those of 1,000 transfers.
const WAITING_MAX: usize = 8_192;
/// Spans of one message: below the 4 MiB that a collector takes by default.
const BATCH_MAX: usize = 2_048;
/// A collector of this machine answers within milliseconds.
const SEND_MAX: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(1);
const FAREWELL: Duration = Duration::from_secs(1);
