//! New connections: the name looked up, TCP, and TLS where it is asked for.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tower_service::Service;
use trunkline_core::Error;

use crate::Connect;
use crate::pool::Origin;
use crate::socket::Socket;
use crate::tls;

/// A connection that is silent for so long is asked, so many times, whether it still stands: models think for
/// minutes, and what lies between forgets who says nothing, or goes away without a word.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;
/// How long the other side may leave what was sent unconfirmed.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNANSWERED_MAX: Duration = Duration::from_secs(30);

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    /// What the application connects by, in place of all below.
    given: Option<Arc<dyn Connect>>,
    tcp: HttpConnector<Resolver>,
    /// Those of `SSL_CERT_FILE`.
    roots: Option<RootCertStore>,
    /// Made when they are first needed: the certificates that are trusted take half a megabyte.
    checking: Arc<OnceLock<TlsConnector>>,
    unchecking: Arc<OnceLock<TlsConnector>>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unconnected {
    #[error("the name was not found")]
    Name(#[source] io::Error),
    #[error("TLS was not agreed on")]
    Tls(#[source] io::Error),
    #[error("there is no connection")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Connector {
    pub(crate) fn new(roots: Option<RootCertStore>, given: Option<Arc<dyn Connect>>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(any(target_os = "android", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(UNANSWERED_MAX));
        // Whether it is `http` or `https` is decided here.
        tcp.enforce_http(false);
        Self { given, tcp, roots, checking: Arc::default(), unchecking: Arc::default() }
    }

    /// Connects to where a request goes.
    ///
    /// # Errors
    ///
    /// Says how far it got.
    pub(crate) async fn connect(&self, origin: &Origin, uri: &Uri) -> Result<Socket, Unconnected> {
        if let Some(given) = &self.given {
            let connected = given.connect(uri).await;
            return connected.map(Socket::Given).map_err(|error| Unconnected::Refused(error.into()));
        }
        let tcp = self.tcp.clone().call(uri.clone()).await.map_err(|error| match name_error(&error) {
            Some(cause) => Unconnected::Name(cause),
            None => Unconnected::Refused(error.into()),
        })?;
        let tcp = tcp.into_inner();
        if !origin.is_encrypted {
            return Ok(Socket::Plain(tcp));
        }
        let refused = |error: &dyn std::error::Error| Unconnected::Tls(io::Error::other(error.to_string()));
        let host = origin.authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| refused(&error))?;
        let tls = self.tls(origin.accept_invalid_certificates).map_err(|error| refused(&error))?;
        let stream = tls.connect(name, tcp).await.map_err(Unconnected::Tls)?;
        Ok(Socket::Encrypted(Box::new(stream)))
    }

    fn tls(&self, accept_invalid_certificates: bool) -> Result<&TlsConnector, Error> {
        let made = if accept_invalid_certificates { &self.unchecking } else { &self.checking };
        if let Some(made) = made.get() {
            return Ok(made);
        }
        let roots = self.roots.clone().unwrap_or_else(tls::bundled_roots);
        let config: ClientConfig = tls::client_config(roots, false, accept_invalid_certificates)?;
        Ok(made.get_or_init(|| TlsConnector::from(Arc::new(config))))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connector")
            .field("has_own_roots", &self.roots.is_some())
            .finish_non_exhaustive()
    }
}

/// The system's resolver, whose failures can be told from those of connecting.
#[derive(Clone, Debug)]
struct Resolver(GaiResolver);

/// A name that was not found.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NameNotFound(io::Error);

type Addresses = <GaiResolver as Service<Name>>::Response;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NameNotFound;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NameNotFound>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), NameNotFound>> {
        self.0.poll_ready(context).map_err(NameNotFound)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let looking_up = self.0.call(name);
        Box::pin(async move {
            let addresses: Addresses = looking_up.await.map_err(NameNotFound)?;
            Ok(addresses.collect::<Vec<_>>().into_iter())
        })
    }
}

/// What the resolver said, if that is why there is no connection.
fn name_error(error: &(dyn std::error::Error + 'static)) -> Option<io::Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(NameNotFound(cause)) = cause.downcast_ref() {
            return Some(io::Error::new(cause.kind(), cause.to_string()));
        }
        next = cause.source();
    }
    None
}
