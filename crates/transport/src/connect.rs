//! Connections that an application makes itself.

use std::{fmt, io};

use async_trait::async_trait;
use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite};

/// Makes the connections of a transport in place of TCP and TLS: to a socket of the system's, through a mesh, or in
/// memory.
///
/// It is asked for HTTP/1.1 without a proxy alone, and not for addresses with a name and a password in them, whatever
/// their scheme is; what it gives is spoken over
/// as it is, and kept for later requests to the same origin.
#[async_trait]
pub trait Connect: fmt::Debug + Send + Sync + 'static {
    /// Connects to where a request goes. The transport's wait for connecting holds for it.
    ///
    /// # Errors
    ///
    /// What kept it from connecting; callers of the transport get `UpstreamUnreachable`.
    async fn connect(&self, uri: &Uri) -> io::Result<Box<dyn Duplex>>;
}

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin + 'static> Duplex for S {}
