//! What the gateway is told of the application that calls: its address and its name.

use http::{HeaderMap, HeaderName, HeaderValue};
use trunkline_core::Environment;

const HTTP_REFERER: HeaderName = HeaderName::from_static("http-referer");
const X_TITLE: HeaderName = HeaderName::from_static("x-title");

/// The two headers by which Vercel counts an application.
#[derive(Clone, Debug)]
pub(crate) struct Attribution {
    referer: HeaderValue,
    title: HeaderValue,
}

impl Attribution {
    /// `VERCEL_SITE_URL` and `VERCEL_APP_NAME`, else Trunkline's own. What no header may hold counts as unset.
    pub(crate) fn of(environment: &Environment) -> Self {
        let value = |name: &str| HeaderValue::from_bytes(environment.get(name)?.trim().as_bytes()).ok();
        Self {
            referer: value("VERCEL_SITE_URL")
                .unwrap_or(HeaderValue::from_static(env!("CARGO_PKG_REPOSITORY"))),
            title: value("VERCEL_APP_NAME").unwrap_or(HeaderValue::from_static("Trunkline")),
        }
    }

    /// Adds the two where nobody else gave them.
    pub(crate) fn complete(&self, headers: &mut HeaderMap) {
        headers.entry(HTTP_REFERER).or_insert_with(|| self.referer.clone());
        headers.entry(X_TITLE).or_insert_with(|| self.title.clone());
    }
}
