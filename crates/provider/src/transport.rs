//! The contract of whatever carries a request upstream and its reply back.

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use trunkline_core::{Error, Segments};

use crate::SendOptions;

/// A reply's body as it arrives. An `Err` is its last item.
pub type TransportBody = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// Carries requests upstream. Redirects are never followed: a key belongs to one origin.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends a request and gives back status, headers and the body to come, whatever the status is.
    ///
    /// The waits in `options` hold for connecting, for the first byte, between bytes, and for the whole.
    /// Dropping the future or the body ends the exchange and its connection.
    ///
    /// # Errors
    ///
    /// `UpstreamUnreachable` if no connection came about, `UpstreamTimeout` if a wait ran out,
    /// `UpstreamProtocol` or `UpstreamCut` if the exchange broke.
    async fn send(
        &self,
        request: http::Request<Segments>,
        options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error>;

    /// Takes back a body whose reader has seen the end: the last event of a stream, behind which upstreams often
    /// end the HTTP message a moment later. A transport may wait for that moment, so that the connection can serve
    /// another request. The default is to drop it.
    fn finish(&self, rest: TransportBody) {
        drop(rest);
    }
}
