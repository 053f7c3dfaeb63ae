//! Greeting: the first bytes of a connection, waited for only so long.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
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
    Some(Greeted { greeted: false, stream })
}

/// A connection whose first bytes were read, and are read once more.
pub(super) struct Greeted<T> {
    greeted: bool,
    stream: T,
}

impl<T: AsyncRead + Unpin> AsyncRead for Greeted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeted {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        // INVARIANT: the first buffer is larger than 24 bytes.
        if buffer.remaining() < PREFACE.len() {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        self.greeted = true;
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

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

/// How every HTTP/2 connection begins (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
