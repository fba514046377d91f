//! One request as the simulator saw it, from its head to its end.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method};
use rust_decimal::Decimal;

use super::credential::Credential;
use super::multipart::{self, Form, RecordedPart};
use super::outcome::Outcome;
use super::sent::Sent;
use super::state::Shared;

/// A request that the simulator received, and what became of it so far.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Counts from 0, in the order in which heads arrived; goes on over a reset.
    pub id: u64,
    /// The method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, without the question mark.
    pub query: String,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The body as received; empty until it was read whole.
    pub body: Bytes,
    /// The kind of credential that came with it.
    pub credential: Credential,
    /// The `model` that the body names.
    pub model: Option<String>,
    /// When its head arrived.
    pub received_at: Instant,
    /// The same moment in milliseconds since 1970.
    pub received_ms: u64,
    /// The status that was answered.
    pub status: Option<u16>,
    /// The generation id that was given out.
    pub generation_id: Option<String>,
    /// What was billed for it, in USD: while it lasts what all of it costs, then what is owed of that.
    pub billed: Option<Decimal>,
    /// When the first byte of the reply's body was written.
    pub first_byte_at: Option<Instant>,
    /// When and how it ended.
    pub ended: Option<Ended>,
}

impl RecordedRequest {
    /// The value of a header as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, `Null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The SHA-256 of the body, in hexadecimal digits.
    pub fn body_sha256(&self) -> String {
        multipart::sha256(&self.body)
    }

    /// The parts of a form; none if the body is no well-formed one.
    pub fn parts(&self) -> Vec<RecordedPart> {
        let form = multipart::boundary(&self.headers).map(|boundary| Form::read(&boundary, &self.body));
        form.and_then(Result::ok).map_or_else(Vec::new, |form| form.parts)
    }

    /// `http-referer`, by which an application names its site.
    pub fn referer(&self) -> Option<&str> {
        self.header("http-referer")
    }

    /// `x-title`, by which an application names itself.
    pub fn title(&self) -> Option<&str> {
        self.header("x-title")
    }

    /// `x-vercel-ai-gateway-team`.
    pub fn team(&self) -> Option<&str> {
        self.header("x-vercel-ai-gateway-team")
    }
}

/// When and how an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Instant,
    /// How.
    pub outcome: Outcome,
}

/// The life of one exchange: dropped before its end was told, the caller left.
#[derive(Debug)]
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    id: u64,
    first_byte: bool,
    ended: bool,
    sent: Sent,
}

impl Exchange {
    pub(crate) fn new(shared: Arc<Shared>, id: u64) -> Self {
        Self { shared, id, first_byte: false, ended: false, sent: Sent::whole() }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn note(&self, note: impl FnOnce(&mut RecordedRequest)) {
        self.shared.note(self.id, note);
    }

    /// Says of what the reply is made, before any of it is sent.
    pub(crate) fn sends(&mut self, sent: Sent) {
        self.sent = sent;
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent.add(bytes);
    }

    pub(crate) fn first_byte(&mut self) {
        if !self.first_byte {
            self.first_byte = true;
            self.note(|request| request.first_byte_at = Some(Instant::now()));
        }
    }

    pub(crate) fn end(&mut self, outcome: Outcome) {
        if !self.ended {
            self.ended = true;
            self.shared.end(self.id, outcome, &self.sent);
        }
    }

    /// Ends when the control plane releases one stall.
    pub(crate) fn released(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        async move { shared.released().await }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(Outcome::CallerLeft);
    }
}
