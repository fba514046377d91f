//! What nearly every provider writes: pure functions between calls and the upstream's wire format.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use trunkline_core::{Call, Document, Error, Event, ModelInfo, Observation, Operation, Secret, Segments};

use crate::failure::Failure;
use crate::{Capabilities, Target};

/// Turns calls into HTTP requests and reads what comes back. Pure and synchronous: it does no I/O.
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// The provider's name, for errors and logs.
    fn name(&self) -> &str;

    /// What the provider can do with this model.
    fn capabilities(&self, model: &str) -> Capabilities;

    /// Writes the request. A body that is not touched leaves as the bytes that it came in.
    ///
    /// # Errors
    ///
    /// What the upstream could not understand anyway, and a base URL that is none.
    fn encode(&self, call: &Call, context: &EncodeContext<'_>) -> Result<http::Request<Segments>, Error>;

    /// How a successful reply is read.
    fn decoder(&self, operation: Operation, streaming: bool) -> Decode;

    /// The upstream's own id of the call in the beginning of a reply that broke off. The default is that it tells none.
    fn generation_id_of_part(&self, _beginning: &[u8]) -> Option<String> {
        None
    }

    /// Reads a refusal. The only place where this upstream's statuses are judged.
    fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure;

    /// Writes the request for the catalogue. `None` if the upstream has none.
    ///
    /// # Errors
    ///
    /// As [`Codec::encode`].
    fn encode_models(&self, context: &EncodeContext<'_>) -> Result<Option<http::Request<Segments>>, Error>;

    /// Reads the catalogue.
    ///
    /// # Errors
    ///
    /// `UpstreamProtocol` if it is none.
    fn decode_models(&self, body: Bytes) -> Result<Vec<ModelInfo>, Error>;
}

/// What a codec knows when it writes a request, besides the call.
#[derive(Clone, Copy, Debug)]
pub struct EncodeContext<'a> {
    /// Where the call goes.
    pub target: &'a Target,
    /// The credential to show, if any.
    pub credential: Option<&'a Secret>,
}

/// How a successful reply is read.
#[derive(Debug)]
pub enum Decode {
    /// It is in the caller's dialect already and goes on as it is; the probe looks for what must be known.
    Verbatim(Box<dyn Probe>),
    /// It is in a dialect of the upstream's own and is translated.
    With(Box<dyn Decoder>),
}

/// Looks into replies that go on as they are. One probe sees one reply.
pub trait Probe: fmt::Debug + Send {
    /// Looks at the payload of one event. Cheap for the many that hold nothing.
    fn event(&mut self, data: &[u8]) -> Sight;

    /// Looks at a whole reply.
    ///
    /// # Errors
    ///
    /// A success that is none: some upstreams report a failure with status 200.
    fn document(&mut self, document: &Document) -> Result<Observation, Failure>;
}

/// What a probe saw in an event.
#[derive(Debug)]
pub enum Sight {
    /// Nothing that must be known.
    Nothing,
    /// Usage, cost, the end.
    Observed(Observation),
    /// The upstream reports a failure.
    Failed(Failure),
}

/// Translates replies. One decoder sees one reply.
pub trait Decoder: fmt::Debug + Send {
    /// Translates one event into any number of them.
    ///
    /// # Errors
    ///
    /// A failure that the upstream reports, or an event that cannot be understood.
    fn event(&mut self, data: &[u8]) -> Result<Vec<Event>, Failure>;

    /// Translates a whole reply.
    ///
    /// # Errors
    ///
    /// As [`Decoder::event`].
    fn document(&mut self, body: Bytes) -> Result<(Document, Observation), Failure>;
}
