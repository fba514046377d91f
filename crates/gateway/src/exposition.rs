//! `GET /metrics`: what is counted, for scrapers.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response};
use trunkline_core::{Error, ErrorKind};
use trunkline_router::Router;

use crate::reloads::Reloads;
use crate::reply_body::ReplyBody;

/// What answers to scrapers.
pub trait Exposition: fmt::Debug + Send + Sync + 'static {
    /// Everything that is counted, as text. Called where no request waits for it.
    fn text(&self, scraped: &Scraped) -> String;
}

/// What a gateway tells beside what was counted.
#[derive(Clone, Debug)]
pub struct Scraped {
    /// The form that the scraper wants.
    pub form: Form,
    /// The router that serves.
    pub router: Arc<Router>,
    /// What came of newer configurations.
    pub reloads: Reloads,
}

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Prometheus' text format, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Form {
    /// OpenMetrics for whoever names it, as Prometheus does.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut ranges = accepted.flat_map(|value| value.split(','));
        let is_named = ranges.any(|range| range.trim_start().starts_with("application/openmetrics-text"));
        if is_named { Self::OpenMetrics } else { Self::Text }
    }

    /// The content type of such a text.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The answer to `GET /metrics`.
///
/// # Errors
///
/// `NotFound` where nothing is counted.
pub(crate) async fn answer(
    exposition: Option<Arc<dyn Exposition>>,
    scraped: Scraped,
) -> Result<Response<ReplyBody>, Error> {
    let Some(exposition) = exposition else {
        let message = "metrics are not kept here: set `litellm_settings.callbacks: [prometheus]` or \
                       `trunkline_settings.metrics: true`, and start again";
        return Err(Error::new(ErrorKind::NotFound, message));
    };
    let form = scraped.form;
    // With many models it takes milliseconds, for which no other request is to wait.
    let writing = tokio::task::spawn_blocking(move || exposition.text(&scraped));
    let failed =
        |error| Error::new(ErrorKind::Internal, "the metrics could not be written").with_source(error);
    let text = writing.await.map_err(failed)?;
    let mut response = Response::new(ReplyBody::from(Bytes::from(text)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &'static str, expected: Form) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        assert_eq!(Form::of(&headers), expected, "{accept}");
    }

    #[test]
    fn the_form_is_what_a_scraper_names() {
        check(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
            Form::OpenMetrics,
        );
        check("text/plain;version=0.0.4;q=0.6, application/openmetrics-text;q=0.5", Form::OpenMetrics);
        check("text/plain", Form::Text);
        check("*/*", Form::Text);
        assert_eq!(Form::of(&HeaderMap::new()), Form::Text);
    }
}
