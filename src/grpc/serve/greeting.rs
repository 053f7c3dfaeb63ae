//! Greeting: the first bytes of a connection, waited for only so long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Reads the first bytes that every HTTP/2 client sends; `None` for any other client.
///
/// Keep-alive begins only after them, so that somebody who connects and stays silent would hold a
/// place for ever.
pub(super) async fn greet(stream: TcpStream) -> Option<Greeted> {
    let mut bytes = [0; PREFACE.len()];
    let mut read = 0;
    while read < bytes.len() {
        stream.readable().await.ok()?;
        match stream.try_read(bytes.get_mut(read..)?) {
            Ok(0) => return None,
            Ok(count) => read = read.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
        if bytes.get(..read) != PREFACE.get(..read) {
            return None;
        }
    }
    Some(Greeted { greeted: false, stream })
}

/// A connection whose first bytes were read, and are read once more.
pub(super) struct Greeted {
    greeted: bool,
    stream: TcpStream,
}

impl AsyncRead for Greeted {
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

impl AsyncWrite for Greeted {
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
