//! The transport: sends by the right way, under the waits, and gives back what comes.

use async_trait::async_trait;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderValue, Uri};
use tokio::time::timeout_at;
use trunkline_core::{Error, ErrorKind, Segments};
use trunkline_provider::{SendOptions, Transport, TransportBody};

use crate::TransportOptions;
use crate::clients::Clients;
use crate::connector::Connector;
use crate::direct::Direct;
use crate::failure;
use crate::inflate::{Encoding, InflatedBody};
use crate::pool::Origin;
use crate::request_body::request_body;
use crate::tls;
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
    direct: Direct,
    clients: Clients,
    inflated_bytes_max: usize,
}

impl HttpTransport {
    /// A transport. Nothing is connected and no client is built before the first request.
    ///
    /// # Errors
    ///
    /// `Configuration` for a proxy that is no URL, for a file of certificates that cannot be read, and for a
    /// `user-agent` that no header may hold.
    pub fn new(options: TransportOptions) -> Result<Self, Error> {
        let roots = options.ssl_cert_file.as_deref().map(tls::roots_of).transpose()?;
        Ok(Self {
            inflated_bytes_max: options.inflated_bytes_max,
            direct: Direct::new(&options, Connector::new(roots.clone(), options.connect.clone()))?,
            clients: Clients::new(options, roots)?,
        })
    }

    /// The origin of a request that needs nothing but HTTP/1.1 over a connection of its own.
    fn direct_origin(&self, uri: &Uri, options: &SendOptions) -> Option<Origin> {
        let origin = Origin::of(uri, options.accept_invalid_certificates)?;
        (!options.http2 && !self.clients.has_proxy(origin.is_encrypted)).then_some(origin)
    }

    async fn send_by_client(
        &self,
        request: http::Request<Segments>,
        options: &SendOptions,
        deadlines: Deadlines,
    ) -> Result<http::Response<TransportBody>, Error> {
        let client = self.clients.client(options)?;
        let request = reqwest::Request::try_from(request.map(request_body)).map_err(|error| {
            Error::new(ErrorKind::Configuration, "the upstream's address is not a URL")
                .with_source(error.without_url())
        })?;
        let mut response = timeout_at(deadlines.first_byte(), client.execute(request))
            .await
            .map_err(|_| deadlines.first_byte_missed())?
            .map_err(|error| failure::of_client(error, deadlines.waits()))?;
        let headers = std::mem::take(response.headers_mut());
        let (status, version) = (response.status(), response.version());
        let body: TransportBody = Box::pin(WaitedBody::new(response.bytes_stream(), deadlines));
        let mut answer = http::Response::new(body);
        *answer.status_mut() = status;
        *answer.version_mut() = version;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    /// The reply with its body inflated, if it is compressed.
    fn inflated(&self, reply: http::Response<TransportBody>) -> Result<http::Response<TransportBody>, Error> {
        let Some(encoding) = Encoding::of(reply.headers())? else {
            return Ok(reply);
        };
        let mut reply = reply.map(|body| -> TransportBody {
            Box::pin(InflatedBody::new(body, encoding, self.inflated_bytes_max))
        });
        reply.headers_mut().remove(CONTENT_ENCODING);
        reply.headers_mut().remove(CONTENT_LENGTH);
        Ok(reply)
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(
        &self,
        mut request: http::Request<Segments>,
        options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error> {
        let deadlines = Deadlines::from_now(options.waits);
        request.headers_mut().entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let reply = match self.direct_origin(request.uri(), options) {
            Some(origin) => self
                .direct
                .send(origin, request, options, deadlines)
                .await?
                .map(|body| -> TransportBody { Box::pin(body) }),
            None => Box::pin(self.send_by_client(request, options, deadlines)).await?,
        };
        self.inflated(reply)
    }

    fn finish(&self, rest: TransportBody) {
        self.direct.linger(rest);
    }
}
