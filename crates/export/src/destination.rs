//! Where rows are sent, and in which form.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use trunkline_core::{Error, ErrorKind, Secret};

use crate::batch::Batch;
use crate::otlp::{self, Service};
use crate::webhook;

/// Where OTLP's traces go, below the address of a collector.
const TRACES: &str = "/v1/traces";

/// Where rows are sent: an address, headers of one's own, and the form of the body.
#[derive(Clone)]
pub struct Destination {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) form: Form,
}

/// The form of a body.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// A JSON list of objects.
    Webhook,
    /// Spans in protobuf, of a service.
    Traces(Service),
}

impl Destination {
    /// A webhook that takes a JSON list of objects in each POST, as LiteLLM's `generic_api` does. The address may
    /// hold a secret; of the headers, one that is called `content-type` stands in for `application/json`.
    ///
    /// # Errors
    ///
    /// `Configuration` for an address that is no URL of HTTP, and for what no header may be.
    pub fn webhook(address: &Secret, headers: &[(String, Secret)]) -> Result<Self, Error> {
        Self::new(address.expose(), headers, Form::Webhook)
    }

    /// A collector that takes traces by OTLP over HTTP, in protobuf. `/v1/traces` is added to an address that does
    /// not end so. `service` is the resource's `service.name`.
    ///
    /// # Errors
    ///
    /// `Configuration` for an address that is no URL of HTTP, and for what no header may be.
    pub fn otlp(address: &Secret, headers: &[(String, Secret)], service: &str) -> Result<Self, Error> {
        let (base, query) = match address.expose().split_once('?') {
            Some((base, query)) => (base, format!("?{query}")),
            None => (address.expose(), String::new()),
        };
        let base = base.trim_end_matches('/');
        let base = base.strip_suffix(TRACES).unwrap_or(base);
        Self::new(&format!("{base}{TRACES}{query}"), headers, Form::Traces(Service::named(service)))
    }

    fn new(address: &str, headers: &[(String, Secret)], form: Form) -> Result<Self, Error> {
        let name = form.name();
        let uri: Uri = address.parse().map_err(|_| no_address(name))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(no_address(name));
        }
        let mut all = HeaderMap::new();
        all.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        for (header, value) in headers {
            let refused = || {
                let message = format!("the header {header:?} for `{name}` is none that can be sent");
                Error::new(ErrorKind::Configuration, message)
            };
            let header = HeaderName::try_from(header).map_err(|_| refused())?;
            let mut value = HeaderValue::try_from(value.expose()).map_err(|_| refused())?;
            value.set_sensitive(true);
            all.insert(header, value);
        }
        Ok(Self { uri, headers: all, form })
    }
}

/// The address is not shown: it may hold a secret.
fn no_address(name: &str) -> Error {
    let message = format!("the address for `{name}` must be a URL that begins with http:// or https://");
    Error::new(ErrorKind::Configuration, message)
}

// Neither the path of the address nor a header is shown: both may hold a secret.
impl fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Destination")
            .field("form", &self.form)
            .field("host", &self.uri.host())
            .finish_non_exhaustive()
    }
}

impl Form {
    /// The callback's name in LiteLLM.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Webhook => "generic_api",
            Self::Traces(_) => "otel",
        }
    }

    fn content_type(&self) -> &'static str {
        match self {
            Self::Webhook => "application/json",
            Self::Traces(_) => "application/x-protobuf",
        }
    }

    pub(crate) fn body(&self, batch: &Batch<'_>) -> Bytes {
        match self {
            Self::Webhook => webhook::body(batch.items()),
            Self::Traces(service) => otlp::body(service, batch.items()),
        }
    }

    /// Whether what was answered so may go well the next time.
    pub(crate) fn is_passing(&self, status: StatusCode) -> bool {
        match self {
            Self::Webhook => status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429),
            // OTLP's own list.
            Self::Traces(_) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        }
    }

    /// How many rows a destination says that it did not take, though it took the others. A collector counts spans.
    pub(crate) fn rejected(&self, reply: &[u8]) -> usize {
        match self {
            Self::Webhook => 0,
            Self::Traces(_) => usize::try_from(otlp::rejected(reply)).unwrap_or(usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, header: &str, value: &str, expected: Result<(), &str>) {
        let headers = [(header.to_owned(), Secret::new(value))];
        let made = Destination::webhook(&Secret::new(address), &headers);
        let found = made.map(|_| ()).map_err(|error| error.message().to_owned());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn addresses_and_headers_that_cannot_be_used_are_refused_without_showing_secrets() {
        check("https://host/hook-secret", "x-key", "value", Ok(()));
        let address = "the address for `generic_api` must be a URL that begins with http:// or https://";
        for wrong in ["host/hook-secret", "ftp://host/hook-secret", "http://", "/hook-secret", ""] {
            check(wrong, "x-key", "value", Err(address));
        }
        let name = "the header \"x key\" for `generic_api` is none that can be sent";
        check("http://host", "x key", "value", Err(name));
        let value = "the header \"x-key\" for `generic_api` is none that can be sent";
        check("http://host", "x-key", "a\nb", Err(value));
    }

    #[test]
    fn traces_go_where_a_collector_takes_them() {
        let check = |address: &str, expected: &str| {
            let made = Destination::otlp(&Secret::new(address), &[], "service").expect("a destination");
            assert_eq!(made.uri.to_string(), expected);
        };
        check("http://host:4318", "http://host:4318/v1/traces");
        check("http://host:4318/", "http://host:4318/v1/traces");
        check("https://host/otlp/v1/traces", "https://host/otlp/v1/traces");
        check("https://host/otlp?key=1", "https://host/otlp/v1/traces?key=1");
        let refused =
            Destination::otlp(&Secret::new("host:4318"), &[], "service").map_err(|error| error.kind());
        assert_eq!(refused.err(), Some(ErrorKind::Configuration));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let headers = [("authorization".to_owned(), Secret::new("Bearer hidden"))];
        let made = Destination::webhook(&Secret::new("https://host/hidden?hidden"), &headers);
        let shown = format!("{:?}", made.expect("a destination"));
        assert_eq!(shown, r#"Destination { form: Webhook, host: Some("host"), .. }"#);
    }
}
