//! What a connection runs over: a TCP stream, TLS over one, or what the application gave.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::Duplex;

/// A TCP stream, TLS over one, or what the application gave.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
    /// One that the application made.
    Given(Box<dyn Duplex>),
}

impl Socket {
    /// Whether nothing has come since the last read: no bytes, and no end. The runtime is asked, and mostly not the
    /// system, so that it costs next to nothing.
    pub(crate) fn is_quiet(&mut self, context: &mut Context<'_>) -> bool {
        if self.has_nothing(context) {
            return true;
        }
        // TLS is read, for what it has decrypted already cannot be seen otherwise. Its tickets come unasked and hold
        // nothing for us.
        let mut byte = [0];
        Pin::new(self).poll_read(context, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// Whether a read would have to wait, as far as can be told without reading. Whoever asks is woken.
    pub(crate) fn has_nothing(&self, context: &mut Context<'_>) -> bool {
        match self {
            Self::Plain(tcp) => tcp.poll_read_ready(context).is_pending(),
            // What has been decrypted already cannot be seen from here.
            Self::Encrypted(_) | Self::Given(_) => false,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Encrypted(tls) => Pin::new(tls).poll_read(context, buffer),
            Self::Given(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Encrypted(tls) => Pin::new(tls).poll_write(context, bytes),
            Self::Given(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(context, slices),
            Self::Encrypted(tls) => Pin::new(tls).poll_write_vectored(context, slices),
            Self::Given(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Encrypted(tls) => Pin::new(tls).poll_flush(context),
            Self::Given(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Encrypted(tls) => Pin::new(tls).poll_shutdown(context),
            Self::Given(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
