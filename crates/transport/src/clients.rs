//! reqwest, for HTTP/2 and for proxies: one client, and so one pool of connections, for each way of connecting.

use std::fmt;
use std::time::Duration;

use dashmap::DashMap;
use reqwest::{Client, NoProxy, Proxy, redirect, retry};
use rustls::RootCertStore;
use trunkline_core::{Error, ErrorKind};
use trunkline_provider::SendOptions;

use crate::TransportOptions;
use crate::tls;

/// So many clients connect within exactly the wait that was asked for; later ones round it up.
const EXACT_MAX: usize = 64;

/// The clients made so far. One is made when it is first needed, and kept: a pool is never closed under its users.
pub(crate) struct Clients {
    by_way: DashMap<Way, Client>,
    proxies: Vec<Proxy>,
    /// Those of `SSL_CERT_FILE`.
    roots: Option<RootCertStore>,
    options: TransportOptions,
}

/// What two requests must agree on to share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Way {
    connect: Duration,
    http2: bool,
    accept_invalid_certificates: bool,
}

impl Clients {
    /// # Errors
    ///
    /// `Configuration` for a proxy that is none.
    pub(crate) fn new(options: TransportOptions, roots: Option<RootCertStore>) -> Result<Self, Error> {
        Ok(Self { by_way: DashMap::new(), proxies: proxies(&options)?, roots, options })
    }

    /// Whether some requests to such an origin go through a proxy.
    pub(crate) fn has_proxy(&self, is_encrypted: bool) -> bool {
        let proxy = if is_encrypted { &self.options.https_proxy } else { &self.options.http_proxy };
        proxy.is_some()
    }

    /// The client for a request.
    pub(crate) fn client(&self, options: &SendOptions) -> Result<Client, Error> {
        let mut way = Way {
            connect: options.waits.connect,
            http2: options.http2,
            accept_invalid_certificates: options.accept_invalid_certificates,
        };
        if let Some(client) = self.by_way.get(&way) {
            return Ok(client.clone());
        }
        // Callers may say how long a connection may take, and a client for each of their figures would be one too many.
        if self.by_way.len() >= EXACT_MAX {
            way.connect = rounded(way.connect);
        }
        let client = self.by_way.entry(way).or_try_insert_with(|| self.build(way))?;
        Ok(client.clone())
    }

    fn build(&self, way: Way) -> Result<Client, Error> {
        let roots = self.roots.clone().unwrap_or_else(tls::bundled_roots);
        let tls = tls::client_config(roots, way.http2, way.accept_invalid_certificates)?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(&self.options.user_agent)
            .connect_timeout(way.connect)
            .tcp_nodelay(true)
            .pool_idle_timeout(self.options.pool_idle_timeout)
            .pool_max_idle_per_host(self.options.pool_idle_per_host_max)
            .redirect(redirect::Policy::none())
            .referer(false)
            // Whether to try again is decided where the budget is known.
            .retry(retry::never())
            // The environment is handed down, never looked up.
            .no_proxy();
        for proxy in &self.proxies {
            builder = builder.proxy(proxy.clone());
        }
        builder = if way.http2 {
            // A connection that died unseen would keep every call on it waiting.
            builder
                .http2_prior_knowledge()
                .http2_keep_alive_interval(Duration::from_secs(20))
                .http2_keep_alive_timeout(Duration::from_secs(10))
        } else {
            builder.http1_only()
        };
        builder
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "no HTTP client can be made").with_source(error))
    }
}

/// The next power of two, in milliseconds.
fn rounded(wait: Duration) -> Duration {
    let milliseconds = u64::try_from(wait.as_millis()).ok().and_then(u64::checked_next_power_of_two);
    milliseconds.map_or(wait, Duration::from_millis)
}

/// The proxies that the options name.
fn proxies(options: &TransportOptions) -> Result<Vec<Proxy>, Error> {
    let without = options.no_proxy.as_deref().and_then(NoProxy::from_string);
    let mut proxies = Vec::new();
    if let Some(url) = &options.https_proxy {
        proxies.push(Proxy::https(url.expose()).map_err(|_| no_proxy_url("HTTPS_PROXY"))?);
    }
    if let Some(url) = &options.http_proxy {
        proxies.push(Proxy::http(url.expose()).map_err(|_| no_proxy_url("HTTP_PROXY"))?);
    }
    Ok(proxies.into_iter().map(|proxy| proxy.no_proxy(without.clone())).collect())
}

/// Neither the URL nor an error that quotes it is shown: it may hold a password.
fn no_proxy_url(name: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{name} is not the URL of a proxy"))
}

impl fmt::Debug for Clients {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Clients")
            .field("made", &self.by_way.len())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
