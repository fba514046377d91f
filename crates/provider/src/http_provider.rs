//! The one place that sends HTTP calls for providers: credential, encode, send, classify, decode.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use trunkline_core::{
    Call, Document, DocumentLimits, Duplicates, Error, ErrorKind, ModelInfo, Operation, Reply, ReplyBody,
    Secret, Segments, UpstreamAnswer,
};

use crate::codec::{Codec, Decode, EncodeContext};
use crate::failure::{error_of, without};
use crate::{
    CallContext, Capabilities, CredentialSource, Limits, Provider, Registry, SendOptions, StreamBudget,
    Target, Transport, TransportBody, UpstreamEvents,
};

/// How long a catalogue may take, whatever calls may: nobody's answer depends on it.
const CATALOGUE_WAIT_MAX: Duration = Duration::from_secs(10);

/// A provider with an HTTP API behind it, made of a [`Codec`].
#[derive(Debug)]
pub struct HttpProvider<C> {
    codec: C,
    transport: Arc<dyn Transport>,
    credentials: Arc<dyn CredentialSource>,
    limits: Limits,
    stream_budget: Arc<StreamBudget>,
}

impl<C: Codec> HttpProvider<C> {
    /// A provider that sends what `codec` writes, over the registry's transport and within its limits.
    pub fn new(codec: C, credentials: Arc<dyn CredentialSource>, registry: &Registry) -> Self {
        Self {
            codec,
            transport: registry.transport(),
            credentials,
            limits: registry.limits(),
            stream_budget: registry.stream_budget(),
        }
    }

    /// Asks for what is no reply to a call, such as a bill: sends what `write` makes, and gives the whole body that comes
    /// back.
    ///
    /// # Errors
    ///
    /// As [`Provider::call`], and whatever `write` fails of.
    pub async fn fetch(
        &self,
        target: &Target,
        write: impl FnOnce(&C, &EncodeContext<'_>) -> Result<http::Request<Segments>, Error>,
    ) -> Result<Bytes, Error> {
        let credential = self.credentials.credential(target)?;
        let context = EncodeContext { target, credential: credential.as_ref() };
        let request = write(&self.codec, &context).map_err(|error| error.with_provider(self.codec.name()))?;
        let (head, body) = self.send(request, &target.send, credential.as_ref()).await?.into_parts();
        self.read_whole(&head.headers, body).await
    }

    async fn send(
        &self,
        request: http::Request<Segments>,
        options: &SendOptions,
        credential: Option<&Secret>,
    ) -> Result<http::Response<TransportBody>, Error> {
        let named = |error: Error| error.with_provider(self.codec.name());
        let response = self.transport.send(request, options).await.map_err(named)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        // A refusal without a readable body is still that refusal.
        // Read past the cut by the length of the credential, so that the cut cannot leave a part of it.
        let beyond = credential.map_or(0, |secret| secret.expose().len());
        let body = read_at_most(body, self.limits.failure_bytes_max + beyond).await;
        let body = excerpt(&without(&body, credential), self.limits);
        let failure = self.codec.classify(head.status, &head.headers, &body);
        let error = error_of(failure, Some(head.status), &body, self.codec.name(), credential);
        Err(error.with_upstream_headers(head.headers))
    }

    async fn document(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        body: TransportBody,
        decode: Decode,
        credential: Option<&Secret>,
    ) -> Result<Reply, Error> {
        let bytes = self.read_whole(&headers, body).await?;
        let failed = |failure| {
            let body = excerpt(&bytes, self.limits);
            error_of(failure, None, &body, self.codec.name(), credential)
        };
        let (document, observation) = match decode {
            Decode::Verbatim(mut probe) => {
                let limits =
                    DocumentLimits { depth_max: self.limits.depth_max, duplicates: Duplicates::KeepLast };
                let document = Document::parse_with(bytes.clone(), &limits).map_err(|error| {
                    let message =
                        format!("{} answered with something that is no JSON object", self.codec.name());
                    let body = without(&excerpt(&bytes, self.limits), credential);
                    let answer = UpstreamAnswer { status: Some(status), body };
                    self.protocol_error(message).with_upstream(answer, None, None).with_source(error)
                })?;
                let observation = probe.document(&document).map_err(failed)?;
                match observation.failed {
                    None => (document, observation),
                    // What failed long ago goes on as it is, and upstreams quote what they refuse.
                    Some(_) => {
                        let clean = Document::parse_with(without(&bytes, credential), &limits);
                        let clean = clean.map_err(|error| {
                            let message = format!("{} answered with an odd failure", self.codec.name());
                            self.protocol_error(message).with_source(error)
                        })?;
                        (clean, observation)
                    }
                }
            }
            Decode::With(mut decoder) => decoder.document(bytes.clone()).map_err(failed)?,
        };
        Ok(Reply { status, headers, body: ReplyBody::Document(document, Box::new(observation)) })
    }

    /// A reply that goes on as it comes. The transport's own waits, and an end that is none, end it with an error.
    fn bytes(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        content_type: Option<HeaderValue>,
        body: TransportBody,
    ) -> Reply {
        let name = self.codec.name().to_owned();
        let bytes = body.map(move |piece| piece.map_err(|error| error.with_provider(&name)));
        Reply { status, headers, body: ReplyBody::Raw { content_type, bytes: Box::pin(bytes) } }
    }

    async fn read_whole(&self, headers: &HeaderMap, mut body: TransportBody) -> Result<Bytes, Error> {
        let announced = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok();
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| {
                let beginning = if whole.is_empty() { &first[..] } else { &whole[..] };
                let id = self.codec.generation_id_of_part(beginning);
                let bytes = announced().unwrap_or_default().max(beginning.len() as u64);
                error.with_provider(self.codec.name()).with_generation_id(id).with_reply_bytes(bytes)
            })?;
            if first.len() + whole.len() + chunk.len() > self.limits.reply_bytes_max {
                let message = format!(
                    "the reply is larger than reply_bytes_max ({} bytes)",
                    self.limits.reply_bytes_max
                );
                return Err(self.protocol_error(message));
            }
            // Most replies arrive in one piece, which is then not copied.
            if first.is_empty() && whole.is_empty() {
                first = chunk;
                continue;
            }
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }

    fn protocol_error(&self, message: String) -> Error {
        Error::new(ErrorKind::UpstreamProtocol, message)
            .with_provider(self.codec.name())
            .having_reached_upstream()
    }
}

/// What a reply is, by what was asked and by what its content type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Document,
    /// A document where events were asked for.
    DocumentInsteadOfEvents,
    Events,
    Bytes,
}

impl Shape {
    fn of(operation: Operation, streaming: bool, content_type: Option<&HeaderValue>) -> Self {
        let is = |media_type: &str| {
            let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
            text.get(..media_type.len()).is_some_and(|start| start.eq_ignore_ascii_case(media_type))
        };
        if is("application/json") {
            // What answers in bytes may also pass over the wish for a stream, as OpenAI documents for Whisper.
            let must_stream = streaming && !operation.answers_in_bytes();
            return if must_stream { Self::DocumentInsteadOfEvents } else { Self::Document };
        }
        if is("text/event-stream") && (streaming || operation.streams() && operation.answers_in_bytes()) {
            return Self::Events;
        }
        match (operation.answers_in_bytes(), streaming) {
            (true, _) => Self::Bytes,
            (false, true) => Self::Events,
            (false, false) => Self::Document,
        }
    }
}

#[async_trait]
impl<C: Codec> Provider for HttpProvider<C> {
    fn capabilities(&self, model: &str) -> Capabilities {
        self.codec.capabilities(model)
    }

    async fn call(&self, context: &CallContext, call: &Call) -> Result<Reply, Error> {
        let capabilities = self.codec.capabilities(&call.model);
        if !capabilities.supports(call.operation) {
            let message = format!(
                "the provider does not have the operation {}; it has {}. Nothing is translated: ask one of those, or name a model \
                 whose provider has it",
                call.operation,
                capabilities.operation_names()
            );
            return Err(Error::new(ErrorKind::UnsupportedOperation, message).with_provider(self.codec.name()));
        }
        let credential = self.credentials.credential(&context.target)?;
        let request = self.codec.encode(call, &encode_context(context, credential.as_ref()))?;
        let streaming = call.streaming();
        let mut options = context.target.send.clone();
        if !streaming {
            // A whole reply says nothing until it is finished: only the wait for the whole can be kept.
            options.waits.first_event = options.waits.total;
        }
        let (head, body) = self.send(request, &options, credential.as_ref()).await?.into_parts();
        let content_type = head.headers.get(CONTENT_TYPE).cloned();
        let shape = Shape::of(call.operation, streaming, content_type.as_ref());
        let decode = self.codec.decoder(call.operation, shape == Shape::Events);
        match shape {
            Shape::Events => {}
            Shape::Bytes => return Ok(self.bytes(head.status, head.headers, content_type, body)),
            Shape::Document => {
                return self.document(head.status, head.headers, body, decode, credential.as_ref()).await;
            }
            Shape::DocumentInsteadOfEvents => {
                // Asked for a stream, and got a document: either a failure that calls itself a success, or an
                // upstream that does not stream. The caller waits for events, so neither is an answer.
                self.document(head.status, head.headers, body, decode, credential.as_ref()).await?;
                return Err(self.protocol_error(format!(
                    "{} was asked for a stream and answered with a whole document",
                    self.codec.name()
                )));
            }
        }
        let events = UpstreamEvents::new(
            self.codec.name(),
            body,
            decode,
            self.limits.event_bytes_max,
            Arc::clone(&self.stream_budget),
        )
        .hiding(credential)
        .returning_to(Arc::clone(&self.transport));
        Ok(Reply { status: head.status, headers: head.headers, body: ReplyBody::Events(Box::pin(events)) })
    }

    async fn models(&self, context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        // A catalogue that is open to everybody must not fail for want of a key.
        let credential = self.credentials.credential(&context.target).ok().flatten();
        let Some(request) = self.codec.encode_models(&encode_context(context, credential.as_ref()))? else {
            return Ok(Vec::new());
        };
        let mut options = context.target.send.clone();
        options.waits.total = options.waits.total.min(CATALOGUE_WAIT_MAX);
        let (head, body) = self.send(request, &options, credential.as_ref()).await?.into_parts();
        let body = self.read_whole(&head.headers, body).await?;
        self.codec.decode_models(body).map_err(|error| error.with_provider(self.codec.name()))
    }
}

fn encode_context<'a>(context: &'a CallContext, credential: Option<&'a Secret>) -> EncodeContext<'a> {
    EncodeContext { target: &context.target, credential }
}

fn excerpt(body: &Bytes, limits: Limits) -> Bytes {
    body.slice(..body.len().min(limits.failure_bytes_max))
}

/// The first bytes of a body. What comes after them, and whatever cuts it short, is of no interest.
async fn read_at_most(mut body: TransportBody, bytes_max: usize) -> Bytes {
    let mut read = BytesMut::new();
    while let Some(Ok(chunk)) = body.next().await {
        let room = bytes_max - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if read.len() == bytes_max {
            break;
        }
    }
    read.freeze()
}
