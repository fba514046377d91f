//! One call to an upstream: the operation, the model, the body.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::{Document, Operation, Segments};

/// What is asked of a provider.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked.
    pub operation: Operation,
    /// The model, in the upstream's own spelling: every prefix is stripped.
    pub model: String,
    /// The body, as the caller sent it.
    pub body: Body,
    /// Headers of the caller that may go upstream: they come from an allow-list, never straight from the wire.
    pub headers: HeaderMap,
}

/// A request body.
#[derive(Clone, Debug)]
pub enum Body {
    /// A JSON object.
    Document(Document),
    /// Anything else, passed on as it is: multipart forms, sound.
    Raw {
        /// Its media type.
        content_type: HeaderValue,
        /// Its bytes.
        bytes: Bytes,
    },
}

impl Call {
    /// A call with a JSON body and no headers.
    pub fn new(operation: Operation, model: impl Into<String>, document: Document) -> Self {
        Self { operation, model: model.into(), body: Body::Document(document), headers: HeaderMap::new() }
    }

    /// The body, if it is a JSON object.
    pub fn document(&self) -> Option<&Document> {
        match &self.body {
            Body::Document(document) => Some(document),
            Body::Raw { .. } => None,
        }
    }

    /// Whether the reply was asked for as a stream of events.
    pub fn streaming(&self) -> bool {
        self.operation.streams() && self.document().is_some_and(|document| document.is_true("stream"))
    }
}

impl Body {
    /// The body as it would go over the wire.
    pub fn segments(&self) -> Segments {
        match self {
            Body::Document(document) => document.segments(),
            Body::Raw { bytes, .. } => Segments::from(bytes.clone()),
        }
    }
}
