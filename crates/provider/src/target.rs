//! Where a call goes, as which customer, and how long it may take.

use std::sync::OnceLock;
use std::time::Duration;

use http::{HeaderMap, Uri};
use trunkline_core::{Error, Secret};

/// The upstream side of a deployment: base URL, credential, headers of its own.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The base URL, where it is not the provider's own.
    pub api_base: Option<String>,
    /// The credential, where it is not the provider's own.
    pub api_key: Option<Secret>,
    /// Whether base and key were given by the caller. The provider's own credential then stays at home.
    pub from_caller: bool,
    /// The organisation that OpenAI is told to bill.
    pub organization: Option<String>,
    /// Headers that this deployment adds to every call. They win over all others.
    pub extra_headers: HeaderMap,
    /// How the connection is made.
    pub send: SendOptions,
    /// What codecs keep of the addresses that they made.
    pub first_address: FirstAddress,
}

/// The first address that was made for a target: most calls ask for the same operation, and need not make it anew.
#[derive(Clone, Debug, Default)]
pub struct FirstAddress(OnceLock<Box<(String, String, Uri)>>);

impl FirstAddress {
    /// The address of `path` below `base`: the one that is kept, if it is the same, else what `make` makes.
    ///
    /// # Errors
    ///
    /// As `make`.
    pub fn or_make(
        &self,
        base: &str,
        path: &str,
        make: impl FnOnce() -> Result<Uri, Error>,
    ) -> Result<Uri, Error> {
        if let Some((kept_base, kept_path, address)) = self.0.get().map(|kept| &**kept)
            && kept_base == base
            && kept_path == path
        {
            return Ok(address.clone());
        }
        let address = make()?;
        // Whoever was first stays: another operation makes its address each time.
        let _ = self.0.set(Box::new((base.to_owned(), path.to_owned(), address.clone())));
        Ok(address)
    }
}

/// How a request is sent, besides what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SendOptions {
    /// The waits.
    pub waits: Waits,
    /// Whether the upstream is spoken to in HTTP/2. The default is HTTP/1.1.
    pub http2: bool,
    /// Whether the upstream's certificate goes unchecked. The default is to check it.
    pub accept_invalid_certificates: bool,
}

/// How long each part of a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Waits {
    /// Until a connection stands. Default 5 s.
    pub connect: Duration,
    /// From sending until the first event of a stream. Default 300 s.
    pub first_event: Duration,
    /// Between one piece of the body and the next. Default 300 s.
    pub idle: Duration,
    /// From sending until the end. Default 6,000 s.
    pub total: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_event: Duration::from_secs(300),
            idle: Duration::from_secs(300),
            total: Duration::from_secs(6000),
        }
    }
}

/// How large what an upstream sends may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A whole reply, in bytes. Default 100 MiB.
    pub reply_bytes_max: usize,
    /// One event of a stream, in bytes. Default 32 MiB.
    pub event_bytes_max: usize,
    /// The body of a refusal, in bytes; what is longer is cut. Default 64 KiB.
    pub failure_bytes_max: usize,
    /// What all streams together may hold back, in bytes. Default 256 MiB.
    pub stream_buffer_total_bytes: usize,
    /// How deep a reply may be nested. Default 512.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reply_bytes_max: 100 * 1024 * 1024,
            event_bytes_max: 32 * 1024 * 1024,
            failure_bytes_max: 64 * 1024,
            stream_buffer_total_bytes: 256 * 1024 * 1024,
            depth_max: 512,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_for_the_base_and_the_path_that_it_was_made_for() {
        let kept = FirstAddress::default();
        let at = |base: &'static str, path: &'static str, made: &'static str| {
            kept.or_make(base, path, || Ok(Uri::from_static(made))).expect("an address").to_string()
        };
        assert_eq!(at("http://a", "chat", "http://a/chat"), "http://a/chat");
        assert_eq!(at("http://a", "chat", "http://other/"), "http://a/chat");
        assert_eq!(at("http://a", "embed", "http://a/embed"), "http://a/embed");
        // A caller's own base does not get the deployment's address.
        assert_eq!(at("http://b", "chat", "http://b/chat"), "http://b/chat");
    }
}
