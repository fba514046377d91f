//! A caller's connection: its first bytes are waited for so long, and each write may take so long.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How HTTP/2 by prior knowledge begins. No HTTP/1 method begins so.
const HTTP2_BEGINS: &[u8] = b"PRI ";

/// A stream that gives back the bytes that were read ahead of it, and fails when a write is not taken in time.
pub(crate) struct Connection<S> {
    stream: S,
    ahead: Vec<u8>,
    write_max: Duration,
    /// Runs while a write waits to be taken.
    write_deadline: Pin<Box<Sleep>>,
    write_waits: bool,
}

/// Which HTTP the other side speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Waits for the first bytes, which tell the protocol.
    ///
    /// # Errors
    ///
    /// `TimedOut` if they do not come in time, `UnexpectedEof` if the other side leaves before.
    pub(crate) async fn open(
        mut stream: S,
        first: Duration,
        write_max: Duration,
    ) -> io::Result<(Self, Protocol)> {
        let mut ahead = Vec::with_capacity(HTTP2_BEGINS.len());
        let read = async {
            while ahead.len() < HTTP2_BEGINS.len() && HTTP2_BEGINS.starts_with(&ahead) {
                ahead.push(stream.read_u8().await?);
            }
            io::Result::Ok(())
        };
        tokio::time::timeout(first, read).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let protocol = if ahead == HTTP2_BEGINS { Protocol::Http2 } else { Protocol::Http1 };
        let write_deadline = Box::pin(tokio::time::sleep(write_max));
        Ok((Self { stream, ahead, write_max, write_deadline, write_waits: false }, protocol))
    }
}

impl<S> Connection<S> {
    /// Lets a write go on waiting until its deadline.
    fn watch<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write_waits = false;
            return outcome;
        }
        if !self.write_waits {
            self.write_waits = true;
            self.write_deadline.as_mut().reset(Instant::now() + self.write_max);
        }
        match self.write_deadline.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let message = "the caller did not take what it was sent within downstream_write_timeout_ms";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            let count = this.ahead.len().min(buffer.remaining());
            buffer.put_slice(&this.ahead[..count]);
            this.ahead.drain(..count);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watch(context, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.watch(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_flush(context);
        this.watch(context, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn check(sent: &[u8], expected: Protocol) {
        let (mut near, far) = tokio::io::duplex(64);
        near.write_all(sent).await.expect("room");
        let second = Duration::from_secs(1);
        let (mut connection, protocol) = Connection::open(far, second, second).await.expect("bytes came");
        let mut read = vec![0; sent.len()];
        connection.read_exact(&mut read).await.expect("nothing is lost");
        assert_eq!((protocol, read.as_slice()), (expected, sent));
    }

    #[tokio::test]
    async fn the_first_bytes_tell_the_protocol_and_are_not_lost() {
        check(b"PRI * HTTP/2.0\r\n", Protocol::Http2).await;
        check(b"POST / HTTP/1.1\r\n", Protocol::Http1).await;
        check(b"PUT / HTTP/1.1\r\n", Protocol::Http1).await;
        check(b"GET / HTTP/1.1\r\n", Protocol::Http1).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_not_waited_for() {
        let (_near, far) = tokio::io::duplex(64);
        let second = Duration::from_secs(1);
        let outcome = Connection::open(far, second, second).await.err().map(|error| error.kind());
        assert_eq!(outcome, Some(io::ErrorKind::TimedOut));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_let_go() {
        let (mut near, far) = tokio::io::duplex(8);
        near.write_all(b"GET / ").await.expect("room");
        let second = Duration::from_secs(1);
        let (mut connection, _) = Connection::open(far, second, second).await.expect("bytes came");
        let outcome = connection.write_all(&[0; 64]).await.map_err(|error| error.kind());
        assert_eq!(outcome, Err(io::ErrorKind::TimedOut));
    }
}
