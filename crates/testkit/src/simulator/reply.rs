//! A reply before it is put on the wire.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use super::body::{PacedBody, Step};
use super::event_stream;
use super::events::Events;
use super::options::Pacing;
use super::sent::Sent;
use super::shape::Shape;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) content: Content,
}

/// How a body is put on the wire.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) steps: Vec<Step>,
    /// The length that the head is to promise, if it is.
    pub(crate) length: Option<u64>,
    pub(crate) sent: Sent,
}

#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    Events(Events),
    /// Bytes in several writes, without a length ahead.
    Pieces(Vec<Bytes>),
    /// Nothing, not even a head.
    Hang,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Serialising our own wire structs into memory has nothing that could fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::whole(status, "application/json; charset=utf-8", body)
    }

    pub(crate) fn whole(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        let content_type = HeaderValue::from_str(content_type);
        let headers = content_type.into_iter().map(|value| (CONTENT_TYPE, value)).collect();
        Self { status, headers, content: Content::Whole(body.into()) }
    }

    pub(crate) fn events(events: Events) -> Self {
        let headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
        ];
        Self { status: StatusCode::OK, headers, content: Content::Events(events) }
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).map(|value| (name, value)));
        self
    }

    /// How its body is put on the wire, for which the content is used up; `None` to hang.
    pub(crate) fn delivery(&mut self, shape: &Shape, pacing: &Pacing) -> Option<Delivery> {
        let delivery = |steps, length, sent| Some(Delivery { steps, length, sent });
        match std::mem::replace(&mut self.content, Content::Hang) {
            Content::Whole(body) => {
                let length = Some(body.len() as u64);
                delivery(event_stream::whole_steps(&body, shape), length, Sent::whole())
            }
            Content::Events(events) => {
                let (steps, ends) = event_stream::steps(&events, shape, pacing);
                delivery(steps, None, Sent::stream(events.events, ends))
            }
            Content::Pieces(pieces) => {
                delivery(event_stream::piece_steps(&pieces, shape, pacing), None, Sent::whole())
            }
            Content::Hang => None,
        }
    }

    /// The head of the response around a body.
    pub(crate) fn response(self, body: PacedBody) -> Response<PacedBody> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}
