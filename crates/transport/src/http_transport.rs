//! The transport: sends over the right client, under the waits, and gives back what comes.

use async_trait::async_trait;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};
use tokio::time::timeout_at;
use trunkline_core::{Error, ErrorKind, Segments};
use trunkline_provider::{SendOptions, Transport, TransportBody};

use crate::TransportOptions;
use crate::clients::Clients;
use crate::failure;
use crate::inflate::{Encoding, InflatedBody};
use crate::request_body::request_body;
use crate::waits::{Deadlines, WaitedBody};

/// Carries requests upstream over HTTP/1.1, or HTTP/2 where the target asks for it.
///
/// Upstreams are asked for plain bodies. One that compresses all the same is inflated, as it arrives and up to
/// [`inflated_bytes_max`](TransportOptions::inflated_bytes_max); `content-encoding` and `content-length` are
/// then left out of the headers.
///
/// Connections are made when they are needed and kept for later ones. Needs a Tokio runtime with time and I/O.
#[derive(Debug)]
pub struct HttpTransport {
    clients: Clients,
    inflated_bytes_max: usize,
}

impl HttpTransport {
    /// A transport. Nothing is connected and no client is built before the first request.
    ///
    /// # Errors
    ///
    /// `Configuration` for a proxy that is no URL, and for a file of certificates that cannot be read.
    pub fn new(options: TransportOptions) -> Result<Self, Error> {
        Ok(Self { inflated_bytes_max: options.inflated_bytes_max, clients: Clients::new(options)? })
    }

    fn body(
        &self,
        response: reqwest::Response,
        deadlines: Deadlines,
        headers: &mut HeaderMap,
    ) -> Result<TransportBody, Error> {
        let encoding = Encoding::of(headers)?;
        let body = WaitedBody::new(response.bytes_stream(), deadlines);
        let Some(encoding) = encoding else {
            return Ok(Box::pin(body));
        };
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        Ok(Box::pin(InflatedBody::new(body, encoding, self.inflated_bytes_max)))
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(
        &self,
        request: http::Request<Segments>,
        options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error> {
        let deadlines = Deadlines::from_now(options.waits);
        let client = self.clients.client(options)?;
        let mut request = request.map(request_body);
        request.headers_mut().entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let request = reqwest::Request::try_from(request).map_err(|error| {
            Error::new(ErrorKind::Configuration, "the upstream's address is not a URL")
                .with_source(error.without_url())
        })?;
        let mut response = timeout_at(deadlines.first_byte(), client.execute(request))
            .await
            .map_err(|_| deadlines.first_byte_missed())?
            .map_err(|error| failure::unanswered(error, deadlines.waits()))?;
        let mut headers = std::mem::take(response.headers_mut());
        let (status, version) = (response.status(), response.version());
        let body = self.body(response, deadlines, &mut headers)?;
        let mut answer = http::Response::new(body);
        *answer.status_mut() = status;
        *answer.version_mut() = version;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}
