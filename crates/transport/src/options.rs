//! What can be set about how requests are carried.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Environment, Secret};

use crate::Connect;

/// How requests are carried. Everything has a default.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// A file of PEM certificates that are trusted instead of the bundled ones. Read when the transport is made.
    pub ssl_cert_file: Option<PathBuf>,
    /// The proxy for `https` upstreams. Its URL may hold a password.
    pub https_proxy: Option<Secret>,
    /// The proxy for `http` upstreams. Its URL may hold a password.
    pub http_proxy: Option<Secret>,
    /// Hosts and networks that are reached without a proxy, between commas. `*` is all of them.
    pub no_proxy: Option<String>,
    /// The `user-agent` of requests that bring none. Default `trunkline/<version>`.
    pub user_agent: String,
    /// How long a connection that nobody uses is kept. Default 90 s.
    pub pool_idle_timeout: Duration,
    /// How many connections that nobody uses are kept for one host. Default 1,024.
    pub pool_idle_per_host_max: usize,
    /// How many bytes a compressed reply may become, whole or streamed. Default 100 MiB.
    pub inflated_bytes_max: usize,
    /// What makes the connections for HTTP/1.1 without a proxy. Default: TCP, and TLS for `https`.
    pub connect: Option<Arc<dyn Connect>>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            ssl_cert_file: None,
            https_proxy: None,
            http_proxy: None,
            no_proxy: None,
            user_agent: concat!("trunkline/", env!("CARGO_PKG_VERSION")).to_owned(),
            pool_idle_timeout: Duration::from_secs(90),
            pool_idle_per_host_max: 1024,
            inflated_bytes_max: 100 * 1024 * 1024,
            connect: None,
        }
    }
}

impl TransportOptions {
    /// Takes proxies and trusted certificates from the variables that people know:
    /// `https_proxy`, `http_proxy` and `no_proxy`, or the same in capitals, and `SSL_CERT_FILE`.
    ///
    /// Where a variable is set in both spellings the small one counts, as it does for curl.
    pub fn from_environment(environment: &Environment) -> Self {
        let first = |names: [&str; 2]| names.into_iter().find_map(|name| environment.get(name));
        Self {
            ssl_cert_file: environment.get("SSL_CERT_FILE").map(PathBuf::from),
            https_proxy: first(["https_proxy", "HTTPS_PROXY"]).map(Secret::new),
            http_proxy: first(["http_proxy", "HTTP_PROXY"]).map(Secret::new),
            no_proxy: first(["no_proxy", "NO_PROXY"]).map(str::to_owned),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_proxies_and_certificates() {
        let environment = Environment::from_iter([
            ("HTTPS_PROXY", "http://user:word@proxy:3128"),
            ("http_proxy", "http://small:1"),
            ("HTTP_PROXY", "http://capital:1"),
            ("NO_PROXY", "localhost,10.0.0.0/8"),
            ("SSL_CERT_FILE", "/etc/ssl/own.pem"),
        ]);
        let options = TransportOptions::from_environment(&environment);
        let exposed = |proxy: Option<&Secret>| proxy.map(|url| url.expose().to_owned());
        assert_eq!(exposed(options.https_proxy.as_ref()).as_deref(), Some("http://user:word@proxy:3128"));
        assert_eq!(exposed(options.http_proxy.as_ref()).as_deref(), Some("http://small:1"));
        assert_eq!(options.no_proxy.as_deref(), Some("localhost,10.0.0.0/8"));
        assert_eq!(options.ssl_cert_file, Some(PathBuf::from("/etc/ssl/own.pem")));
        assert!(!format!("{options:?}").contains("word"), "a proxy's password stays unseen");
    }

    #[test]
    fn nothing_set_is_no_proxy_and_the_bundled_certificates() {
        let options = TransportOptions::from_environment(&Environment::empty());
        assert!(options.https_proxy.is_none() && options.http_proxy.is_none());
        assert_eq!(options.ssl_cert_file, None);
        assert_eq!(options.inflated_bytes_max, 104_857_600);
    }
}
