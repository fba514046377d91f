//! What an upstream says, in its own wire format, and what must be made of it.

use bytes::Bytes;
use http::HeaderName;
use http::header::AUTHORIZATION;
use trunkline_core::{ErrorKind, Operation, Retry};

use super::transport::UpstreamReply;

const JSON: &str = "application/json";

/// Everything that the suite makes an upstream say.
#[derive(Clone, Debug)]
pub struct Fixtures {
    /// Whether bodies go through as they are, in both directions: the upstream speaks the caller's dialect.
    pub verbatim: bool,
    /// The header that carries the credential.
    pub credential_header: HeaderName,
    /// The members of a request that a verbatim provider writes itself, besides `model`.
    pub touched_members: Vec<String>,
    /// Whole replies: one at least for each operation that is claimed.
    pub whole: Vec<WholeReply>,
    /// Streams: one at least for each operation that is claimed and streams.
    pub streams: Vec<StreamedReply>,
    /// What the upstream says inside a stream that goes wrong, of whichever operation.
    pub error_event: Option<ErrorEvent>,
    /// What it says inside the streams of one operation instead, which [`ErrorEvent::of`] names: each of them is
    /// tried.
    pub error_events: Vec<ErrorEvent>,
    /// Refusals: of a credential, of a model, for too many requests, and for the upstream's own failure.
    pub refusals: Vec<Refusal>,
    /// The list of models. `None` if the upstream has none.
    pub catalogue: Option<Catalogue>,
}

impl Fixtures {
    /// Nothing yet, of an upstream that speaks the caller's dialect.
    pub fn verbatim() -> Self {
        Self {
            verbatim: true,
            credential_header: AUTHORIZATION,
            touched_members: Vec::new(),
            whole: Vec::new(),
            streams: Vec::new(),
            error_event: None,
            error_events: Vec::new(),
            refusals: Vec::new(),
            catalogue: None,
        }
    }

    /// Nothing yet, of an upstream that speaks a dialect of its own.
    pub fn translated() -> Self {
        Self { verbatim: false, ..Self::verbatim() }
    }

    /// The error events that streams of an operation are tried with.
    pub(crate) fn error_events_of(&self, operation: Operation) -> Vec<&ErrorEvent> {
        let own: Vec<_> =
            self.error_events.iter().filter(|event| event.operation == Some(operation)).collect();
        if own.is_empty() { self.error_event.iter().collect() } else { own }
    }

    /// The whole replies that are JSON.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &WholeReply> {
        self.whole.iter().filter(|whole| whole.is_document())
    }

    /// The whole replies that are anything else.
    pub(crate) fn raw(&self) -> impl Iterator<Item = &WholeReply> {
        self.whole.iter().filter(|whole| !whole.is_document())
    }
}

/// What must be read from a reply, whole or streamed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// The text that it says: of a chat, the first choice's content; of pictures, and of sound in events, their
    /// base64. Of embeddings and of what else says nothing, nothing.
    pub text: String,
    /// Tokens, if the reply tells them: all input, cached or not, and all output, reasoning included.
    pub tokens: Option<(u64, u64)>,
    /// What counts against a budget, in US dollars, if the reply tells it.
    pub cost: Option<String>,
    /// The upstream's own id of the call, if the reply tells it.
    pub generation_id: Option<String>,
}

/// A whole reply.
#[derive(Clone, Debug)]
pub struct WholeReply {
    /// The operation that it answers.
    pub operation: Operation,
    /// Its media type. What is not `application/json` goes on as bytes.
    pub content_type: &'static str,
    /// Its body.
    pub body: Bytes,
    /// What must be read from it.
    pub readings: Readings,
}

/// A reply as a stream of events. The last event is the one that ends it.
#[derive(Clone, Debug)]
pub struct StreamedReply {
    /// What findings call it.
    pub name: String,
    /// The operation that it answers.
    pub operation: Operation,
    /// Its body.
    pub body: Bytes,
    /// How it ends.
    pub ending: Ending,
    /// What must be read from it.
    pub readings: Readings,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its protocol's terminal event.
    Complete,
    /// With its protocol's terminal event, which says itself that the reply failed, and so: it is passed on as it
    /// is, as `response.failed` is.
    TerminalFailure(ErrorKind),
    /// With an event that reports a failure of this kind, which becomes an error.
    Failed(ErrorKind),
    /// With none of them.
    Cut,
}

/// An event that reports a failure.
#[derive(Clone, Debug)]
pub struct ErrorEvent {
    /// The event as it comes over the wire, its blank line included.
    pub bytes: Bytes,
    /// What it means.
    pub kind: ErrorKind,
    /// The operation whose streams it stands in. `None` if it may stand in any.
    pub operation: Option<Operation>,
}

/// A refusal.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
    /// What it means.
    pub kind: ErrorKind,
    /// The words of it that the error's message must repeat.
    pub message: Option<String>,
    /// The advice that must be given, where it differs from the kind's own.
    pub retry: Option<Retry>,
}

/// A list of models: good rows, and rows as no documentation has them.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Its body.
    pub body: Bytes,
    /// The ids that must be read from it, in order.
    pub ids: Vec<String>,
}

impl Readings {
    /// This text, and nothing else.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// These tokens too: all input, all output.
    #[must_use]
    pub fn tokens(mut self, input: u64, output: u64) -> Self {
        self.tokens = Some((input, output));
        self
    }

    /// What was billed too, in US dollars.
    #[must_use]
    pub fn cost(mut self, dollars: impl Into<String>) -> Self {
        self.cost = Some(dollars.into());
        self
    }

    /// The upstream's own id of the call too.
    #[must_use]
    pub fn generation_id(mut self, id: impl Into<String>) -> Self {
        self.generation_id = Some(id.into());
        self
    }
}

impl WholeReply {
    /// A whole reply, and what must be read from it.
    pub fn new(operation: Operation, body: impl Into<Bytes>, readings: Readings) -> Self {
        Self { operation, content_type: JSON, body: body.into(), readings }
    }

    /// A whole reply that is no JSON: sound, a plain text.
    pub fn raw(operation: Operation, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { operation, content_type, body: body.into(), readings: Readings::default() }
    }

    pub(crate) fn is_document(&self) -> bool {
        self.content_type == JSON
    }

    /// What the upstream answers.
    pub(crate) fn answer(&self) -> UpstreamReply {
        UpstreamReply::new(200, self.content_type, self.body.clone())
    }
}

impl StreamedReply {
    /// A complete stream, and what must be read from it.
    pub fn new(
        name: impl Into<String>,
        operation: Operation,
        body: impl Into<Bytes>,
        readings: Readings,
    ) -> Self {
        Self { name: name.into(), operation, body: body.into(), ending: Ending::Complete, readings }
    }

    /// It ends in another way.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Whether it ends with its protocol's terminal event, whatever that says.
    pub(crate) fn is_terminated(&self) -> bool {
        match self.ending {
            Ending::Complete | Ending::TerminalFailure(_) => true,
            Ending::Failed(_) | Ending::Cut => false,
        }
    }
}

impl ErrorEvent {
    /// An event that reports a failure of this kind.
    pub fn new(bytes: impl Into<Bytes>, kind: ErrorKind) -> Self {
        Self { bytes: bytes.into(), kind, operation: None }
    }

    /// It stands in streams of this operation alone.
    #[must_use]
    pub fn of(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }
}

impl Refusal {
    /// A refusal that means this.
    pub fn new(status: u16, body: impl Into<Bytes>, kind: ErrorKind) -> Self {
        Self { status, body: body.into(), kind, message: None, retry: None }
    }

    /// The error's message must hold these words, which stand in the body.
    #[must_use]
    pub fn message(mut self, words: impl Into<String>) -> Self {
        self.message = Some(words.into());
        self
    }

    /// The advice differs from the kind's own.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }
}

impl Catalogue {
    /// A list of models, and the ids that must be read from it.
    pub fn new<I: Into<String>>(body: impl Into<Bytes>, ids: impl IntoIterator<Item = I>) -> Self {
        Self { body: body.into(), ids: ids.into_iter().map(Into::into).collect() }
    }
}
