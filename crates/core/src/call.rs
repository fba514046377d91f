//! One call to an upstream: the operation, the model, the body.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::{Document, Form, Operation, Segments};

/// What is asked of a provider.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked.
    pub operation: Operation,
    /// The model, in the upstream's own spelling: every prefix is stripped.
    pub model: Arc<str>,
    /// The body, as the caller sent it.
    pub body: Body,
    /// Headers of the caller that may go upstream: they come from an allow-list, never straight from the wire.
    pub headers: HeaderMap,
    /// The object that the operation is about, by the upstream's own id, where it is about one.
    pub object: Option<String>,
    /// Parameters of the caller's address that may go upstream, from an allow-list: `include[]=a&limit=5`.
    pub query: Option<String>,
}

/// A request body.
#[derive(Clone, Debug)]
pub enum Body {
    /// A JSON object.
    Document(Document),
    /// A form, with files in it.
    Form(Form),
    /// None: what is asked stands in the address.
    Empty,
}

impl Call {
    /// A call with a JSON body and no headers.
    pub fn new(operation: Operation, model: impl Into<Arc<str>>, document: Document) -> Self {
        Self::with_body(operation, model, Body::Document(document))
    }

    /// A call with any body and no headers.
    pub fn with_body(operation: Operation, model: impl Into<Arc<str>>, body: Body) -> Self {
        Self { operation, model: model.into(), body, headers: HeaderMap::new(), object: None, query: None }
    }

    /// The body, if it is a JSON object.
    pub fn document(&self) -> Option<&Document> {
        match &self.body {
            Body::Document(document) => Some(document),
            Body::Form(_) | Body::Empty => None,
        }
    }

    /// The operation's path with the object's id in it, percent-encoded.
    pub fn path(&self) -> Cow<'static, str> {
        let path = self.operation.path();
        if !self.operation.is_about_object() {
            return Cow::Borrowed(path);
        }
        let Some((before, after)) = path.split_once("{id}") else {
            return Cow::Borrowed(path);
        };
        let mut filled = before.to_owned();
        for byte in self.object.as_deref().unwrap_or_default().bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
                filled.push(char::from(byte));
            } else {
                // Dots too, so that no id is a step upward.
                filled.push_str(&format!("%{byte:02X}"));
            }
        }
        filled.push_str(after);
        Cow::Owned(filled)
    }

    /// Whether the reply was asked for as a stream of events.
    pub fn streaming(&self) -> bool {
        const TRUE: [&str; 2] = ["true", "1"];
        self.operation.streams()
            && match &self.body {
                Body::Document(document) => document.is_true("stream"),
                Body::Form(form) => form.text("stream").is_some_and(|text| TRUE.contains(&text.trim())),
                Body::Empty => {
                    let query = self.query.as_deref().unwrap_or_default();
                    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
                    parameters.any(|(name, value)| name == "stream" && TRUE.contains(&value))
                }
            }
    }
}

impl Body {
    /// The body as it would go over the wire.
    pub fn segments(&self) -> Segments {
        match self {
            Body::Document(document) => document.segments(),
            Body::Form(form) => form.segments(),
            Body::Empty => Segments::new(),
        }
    }

    /// Its media type. `None` where there is no body.
    pub fn content_type(&self) -> Option<HeaderValue> {
        match self {
            Body::Document(_) => Some(HeaderValue::from_static("application/json")),
            Body::Form(form) => Some(form.content_type().clone()),
            Body::Empty => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operation: Operation, body: Body, query: Option<&str>, expected: bool) {
        let mut call = Call::with_body(operation, "m", body);
        call.query = query.map(str::to_owned);
        assert_eq!(call.streaming(), expected, "{call:?}");
    }

    #[test]
    fn an_id_stays_one_segment_of_the_path() {
        let mut call = Call::with_body(Operation::CancelResponse, "m", Body::Empty);
        call.object = Some("resp_1-a".to_owned());
        assert_eq!(call.path(), "responses/resp_1-a/cancel");
        call.object = Some("../é?x".to_owned());
        assert_eq!(call.path(), "responses/%2E%2E%2F%C3%A9%3Fx/cancel");
    }

    #[test]
    fn a_stream_is_asked_for_in_the_body_or_in_the_address() {
        let json = |text: &str| Body::Document(Document::parse(text.to_owned()).expect("a document"));
        check(Operation::Responses, json(r#"{"stream":true}"#), None, true);
        check(Operation::Responses, json(r#"{"stream":"true"}"#), None, false);
        check(Operation::Embeddings, json(r#"{"stream":true}"#), None, false);
        check(Operation::RetrieveResponse, Body::Empty, Some("limit=1&stream=true"), true);
        check(Operation::RetrieveResponse, Body::Empty, Some("streams=true"), false);
        check(Operation::DeleteResponse, Body::Empty, Some("stream=true"), false);
        let form = "--b\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--b--\r\n";
        let kind = HeaderValue::from_static("multipart/form-data; boundary=b");
        let form = Body::Form(Form::parse(form, kind).expect("a form"));
        check(Operation::Transcriptions, form, None, true);
    }
}
