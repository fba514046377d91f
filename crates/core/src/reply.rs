//! What comes back from a provider: a document, a stream of events, or plain bytes.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::{Document, Error, EventStream, Observation};

/// Bytes as they come. An `Err` is the last item: the rest is missing.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// A reply to a call that went well. Whatever did not go well is an [`Error`](crate::Error).
#[derive(Debug)]
pub struct Reply {
    /// The upstream's status, always a success.
    pub status: StatusCode,
    /// The upstream's headers, as they came. Nothing of them goes downstream but what an allow-list names.
    pub headers: HeaderMap,
    /// What it said.
    pub body: ReplyBody,
}

/// The body of a reply.
pub enum ReplyBody {
    /// A JSON object, whole, with what the codec saw in it.
    Document(Document, Box<Observation>),
    /// Events, as they come.
    Events(EventStream),
    /// Anything else: sound, a plain text.
    Raw {
        /// Its media type, where the upstream named one.
        content_type: Option<HeaderValue>,
        /// Its bytes.
        bytes: ByteStream,
    },
}

impl Reply {
    /// A whole reply with no headers, for providers that have no HTTP behind them.
    pub fn document(document: Document, observation: Observation) -> Self {
        let body = ReplyBody::Document(document, Box::new(observation));
        Self { status: StatusCode::OK, headers: HeaderMap::new(), body }
    }

    /// A streamed reply with no headers, for providers that have no HTTP behind them.
    pub fn events(events: EventStream) -> Self {
        Self { status: StatusCode::OK, headers: HeaderMap::new(), body: ReplyBody::Events(events) }
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyBody::Document(document, _) => {
                formatter.debug_tuple("Document").field(&document.len()).finish()
            }
            ReplyBody::Events(_) => formatter.write_str("Events(..)"),
            ReplyBody::Raw { content_type, .. } => {
                formatter.debug_struct("Raw").field("content_type", content_type).finish_non_exhaustive()
            }
        }
    }
}
