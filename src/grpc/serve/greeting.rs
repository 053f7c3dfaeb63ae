//! Greeting: the first bytes of a connection, waited for only so long.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads the first bytes that every HTTP/2 client sends; `None` for any other client.
///
/// Keep-alive begins only after them, so that somebody who connects and stays silent would hold a
/// place for ever.
pub(super) async fn greet<T: AsyncRead + Unpin>(mut stream: T) -> Option<Greeted<T>> {
    let mut bytes = [0; PREFACE.len()];
    let mut buffer = ReadBuf::new(&mut bytes);
    while 0 < buffer.remaining() {
        let before = buffer.filled().len();
        poll_fn(|context| Pin::new(&mut stream).poll_read(context, &mut buffer)).await.ok()?;
        let read = buffer.filled();
        if read.len() == before || !PREFACE.starts_with(read) {
            return None;
        }
    }
    Some(Greeted { begun: false, portion: Arc::default(), stream })
}

/// A connection whose first bytes were read, and are read once more. Reads no more at a stretch than its
/// portion.
pub(super) struct Greeted<T> {
    begun: bool,
    portion: Arc<Portion>,
    stream: T,
}

/// What may be read of a connection before others have their turn.
#[derive(Debug)]
pub(super) struct Portion {
    left: AtomicUsize,
    /// Whether more was asked for.
    short: AtomicBool,
}

impl Default for Portion {
    /// Without a bound.
    fn default() -> Self {
        Self { left: AtomicUsize::new(usize::MAX), short: AtomicBool::new(false) }
    }
}

impl Portion {
    /// Gives so many bytes. The last of them may bring as many more as a reader has room for.
    pub(super) fn give(&self, bytes: usize) {
        self.left.store(bytes, Ordering::Relaxed);
        self.short.store(false, Ordering::Relaxed);
    }

    /// Tells whether more was asked for than was given. Whoever asked hears no more of it.
    pub(super) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Tells whether there is some left.
    fn ask(&self) -> bool {
        let some = self.left.load(Ordering::Relaxed) != 0;
        if !some {
            self.short.store(true, Ordering::Relaxed);
        }
        some
    }

    fn take(&self, bytes: usize) {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(bytes), Ordering::Relaxed);
    }
}

impl<T> Greeted<T> {
    /// Returns what bounds its reading.
    pub(super) fn portion(&self) -> Arc<Portion> {
        Arc::clone(&self.portion)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Greeted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begun {
            if !self.portion.ask() {
                return Poll::Pending;
            }
            let before = buffer.filled().len();
            let read = Pin::new(&mut self.stream).poll_read(context, buffer);
            self.portion.take(buffer.filled().len().saturating_sub(before));
            return read;
        }
        // INVARIANT: the first buffer is larger than 24 bytes.
        if buffer.remaining() < PREFACE.len() {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        self.begun = true;
        buffer.put_slice(PREFACE);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Greeted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    /// Answers are short: they are copied together and sent at once, which takes less of the system than
    /// sending their pieces side by side.
    fn is_write_vectored(&self) -> bool {
        false
    }
}

/// How every HTTP/2 connection begins (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
