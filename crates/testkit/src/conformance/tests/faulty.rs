//! A provider of OpenAI's dialect that keeps every rule, and faults that it can be given.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use trunkline_core::{
    Body, ByteStream, Call, Document, Error, ErrorKind, Event, EventStream, InclusiveUsage, ModelInfo,
    Observation, Operation, Reply, ReplyBody, Secret, Segments, Usage,
};
use trunkline_provider::{
    About, CallContext, Capabilities, Codec, CredentialSource, Decode, DeploymentKey, EncodeContext, Failure,
    HttpProvider, Probe, Provider, Registry, Sight, Target, retry_after,
};

/// What is wrong with the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    ClaimsEmbeddings,
    KeepsThePrefix,
    IgnoresTheBase,
    WritesTheBodyAnew,
    PutsTheKeyInTheAddress,
    ShowsTheKeyInDebug,
    LendsTheKeyToEveryBase,
    LeavesHeadersBehind,
    CountsTokensTwice,
    SeesTheEndInTexts,
    OverlooksTheEnd,
    PassesErrorsOn,
    ClassifiesAllAlike,
    ForgetsTheWait,
    ReadsTheCatalogueStrictly,
    HoldsStreamsBack,
    MakesCutsClean,
    TakesPiecesForEvents,
    KeepsTheExchange,
    WritesTheFormAnew,
    NamesTheModelInNoForm,
    ForgetsTheVersion,
    ForgetsTheObject,
    ForgetsTheQuery,
    TakesFailedEndsForGood,
    MakesCutBytesClean,
    HoldsBytesBack,
    PaysTwice,
}

/// What it claims, as long as nothing is wrong with that.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation::ChatCompletions,
    Operation::Responses,
    Operation::RetrieveResponse,
    Operation::DeleteResponse,
    Operation::RerankV2,
    Operation::ImageEdits,
    Operation::Transcriptions,
    Operation::Speech,
];
const CLAIMED_IN_VAIN: &[Operation] = &[Operation::ChatCompletions, Operation::Embeddings];

/// Registers `plain/<model>`.
pub(super) fn register(registry: &mut Registry, fault: Fault) {
    let key = registry.environment().secret("PLAIN_API_KEY");
    let about = About {
        name: "Plain".to_owned(),
        key_variables: vec!["PLAIN_API_KEY".to_owned()],
        has_credential: key.is_some(),
        ..About::default()
    };
    let shown =
        key.as_ref().map(|key| key.expose().to_owned()).filter(|_| fault == Fault::ShowsTheKeyInDebug);
    let credentials: Arc<dyn CredentialSource> = match fault {
        Fault::LendsTheKeyToEveryBase => Arc::new(Generous(key)),
        _ => Arc::new(DeploymentKey::or(key)),
    };
    let inner = HttpProvider::new(Plain { fault, shown }, credentials, registry);
    let provider = Wrapped { inner, fault, kept: Mutex::default() };
    registry.register("plain", Arc::new(provider), about);
}

#[derive(Debug)]
struct Generous(Option<Secret>);

impl CredentialSource for Generous {
    fn credential(&self, target: &Target) -> Result<Option<Secret>, Error> {
        Ok(target.api_key.clone().or_else(|| self.0.clone()))
    }
}

#[derive(Debug)]
struct Plain {
    fault: Fault,
    /// A key where `Debug` prints it.
    #[expect(dead_code, reason = "it is there to be printed")]
    shown: Option<String>,
}

impl Plain {
    fn request(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        context: &EncodeContext<'_>,
    ) -> Request<Segments> {
        let base = match self.fault {
            Fault::IgnoresTheBase => None,
            _ => context.target.api_base.as_deref(),
        };
        let base = base.unwrap_or("https://plain.example/v1").trim_end_matches('/');
        let mut address = match path.strip_prefix("../v2/") {
            Some(path) => format!("{}/v2/{path}", base.trim_end_matches("/v1")),
            None => format!("{base}/{path}"),
        };
        if self.fault == Fault::LeavesHeadersBehind {
            headers.clear();
        } else {
            headers.extend(context.target.extra_headers.clone());
        }
        if let Some(key) = context.credential {
            let mut bearer = key.bearer().unwrap();
            bearer.set_sensitive(self.fault != Fault::ShowsTheKeyInDebug);
            headers.insert(AUTHORIZATION, bearer);
            if self.fault == Fault::PutsTheKeyInTheAddress {
                address.push_str(&format!("?key={}", key.expose()));
            }
        }
        let mut request = Request::new(Segments::new());
        *request.method_mut() = method;
        *request.uri_mut() = address.parse().unwrap();
        *request.headers_mut() = headers;
        request
    }
}

impl Plain {
    fn body(&self, call: &Call) -> Segments {
        match &call.body {
            Body::Empty => Segments::new(),
            Body::Form(form) => {
                let mut form = form.clone();
                match self.fault {
                    Fault::NamesTheModelInNoForm => form.retain(|name| name != "model"),
                    Fault::KeepsThePrefix => {}
                    _ => form.set("model", &call.model),
                }
                match self.fault {
                    Fault::WritesTheFormAnew => {
                        let text = String::from_utf8_lossy(&form.segments().into_bytes()).into_owned();
                        Segments::from(Bytes::from(text))
                    }
                    _ => form.segments(),
                }
            }
            Body::Document(document) => {
                let mut document = document.clone();
                if self.fault != Fault::KeepsThePrefix {
                    document.set("model", &*call.model).unwrap();
                }
                match self.fault {
                    Fault::WritesTheBodyAnew => {
                        let value: Result<Value, _> = serde_json::from_slice(&document.to_bytes());
                        Segments::from(Bytes::from(value.unwrap_or_default().to_string()))
                    }
                    _ => document.segments(),
                }
            }
        }
    }
}

impl Codec for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        let operations = match self.fault {
            Fault::ClaimsEmbeddings => CLAIMED_IN_VAIN,
            _ => OPERATIONS,
        };
        Capabilities { operations, streaming: true, reports_usage: true, reports_cost: false }
    }

    fn encode(&self, call: &Call, context: &EncodeContext<'_>) -> Result<Request<Segments>, Error> {
        let mut path = match self.fault {
            Fault::ForgetsTheObject => call.operation.path().replace("{id}", "last"),
            _ => call.path().into_owned(),
        };
        if call.operation.version() == "v2" && self.fault != Fault::ForgetsTheVersion {
            path = format!("../v2/{path}");
        }
        if let Some(query) = call.query.as_ref().filter(|_| self.fault != Fault::ForgetsTheQuery) {
            path = format!("{path}?{query}");
        }
        let mut request = self.request(call.operation.method(), &path, call.headers.clone(), context);
        if let Some(content_type) = call.body.content_type() {
            request.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        *request.body_mut() = self.body(call);
        Ok(request)
    }

    fn decoder(&self, operation: Operation, _streaming: bool) -> Decode {
        Decode::Verbatim(Box::new(PlainProbe(self.fault, operation)))
    }

    fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let kind = match status.as_u16() {
            _ if self.fault == Fault::ClassifiesAllAlike => ErrorKind::UpstreamFailed,
            400 => ErrorKind::UpstreamInvalidRequest,
            401 => ErrorKind::UpstreamCredential,
            403 => ErrorKind::UpstreamForbidden,
            404 => ErrorKind::UpstreamNotFound,
            429 => ErrorKind::UpstreamRateLimited,
            _ => ErrorKind::UpstreamFailed,
        };
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let message = said["error"]["message"].as_str().unwrap_or("refused");
        let wait = retry_after(headers).filter(|_| self.fault != Fault::ForgetsTheWait);
        Failure { retry_after: wait, ..Failure::new(kind, message) }
    }

    fn encode_models(&self, context: &EncodeContext<'_>) -> Result<Option<Request<Segments>>, Error> {
        Ok(Some(self.request(Method::GET, "models", HeaderMap::new(), context)))
    }

    fn decode_models(&self, body: Bytes) -> Result<Vec<ModelInfo>, Error> {
        let none = || Error::new(ErrorKind::UpstreamProtocol, "no list").having_reached_upstream();
        let list: Value = serde_json::from_slice(&body).map_err(|_| none())?;
        let mut models = Vec::new();
        for row in list["data"].as_array().ok_or_else(none)? {
            match row["id"].as_str() {
                Some(id) => models.push(ModelInfo { id: id.to_owned(), ..ModelInfo::default() }),
                None if self.fault == Fault::ReadsTheCatalogueStrictly => return Err(none()),
                None => {}
            }
        }
        Ok(models)
    }
}

#[derive(Debug)]
struct PlainProbe(Fault, Operation);

impl PlainProbe {
    fn usage(&self, object: &Value) -> Option<Usage> {
        if self.1 == Operation::RetrieveResponse && self.0 != Fault::PaysTwice {
            return None;
        }
        let usage = [&object["usage"], &object["response"]["usage"], &object["meta"]["tokens"]];
        let usage = usage.into_iter().find(|usage| usage.is_object())?;
        let count = |names: [&str; 2]| names.into_iter().find_map(|name| usage[name].as_u64());
        let mut counts = InclusiveUsage {
            input: count(["prompt_tokens", "input_tokens"])?,
            output: count(["completion_tokens", "output_tokens"]).unwrap_or_default(),
            cache_read: usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or_default(),
            ..InclusiveUsage::default()
        };
        if self.0 == Fault::CountsTokensTwice {
            counts.output += counts.input;
        }
        Some(Usage::from_inclusive(&counts))
    }

    fn failure(&self, object: &Value) -> Option<Failure> {
        let is_error = object["type"] == "error";
        let stored = self.1 == Operation::RetrieveResponse && !object["output"].is_null();
        let error = object.get("error").filter(|error| !error.is_null() && !stored);
        let error = error.or_else(|| is_error.then_some(object));
        let error = error.filter(|_| self.0 != Fault::PassesErrorsOn)?;
        Some(Failure::new(kind_of(error), error["message"].as_str().unwrap_or("failed")))
    }

    /// What an event that ends a stream of anything but chats says.
    fn end(&self, object: &Value) -> Option<Observation> {
        const ENDS: [&str; 6] = [
            "response.completed",
            "response.incomplete",
            "response.failed",
            "image_edit.completed",
            "transcript.text.done",
            "speech.audio.done",
        ];
        let end = object["type"].as_str().filter(|event_type| ENDS.contains(event_type))?;
        let tells_failure = end == "response.failed" && self.0 != Fault::TakesFailedEndsForGood;
        let failed = tells_failure.then(|| kind_of(&object["response"]["error"]));
        Some(Observation { usage: self.usage(object), terminal: true, failed, ..Observation::default() })
    }
}

fn kind_of(error: &Value) -> ErrorKind {
    let words = [&error["code"], &error["type"]];
    match words.into_iter().find_map(Value::as_str) {
        Some("rate_limit_exceeded" | "rate_limit_error") => ErrorKind::UpstreamRateLimited,
        Some("context_length_exceeded") => ErrorKind::ContextWindowExceeded,
        _ => ErrorKind::UpstreamFailed,
    }
}

impl Probe for PlainProbe {
    fn event(&mut self, data: &[u8]) -> Sight {
        let says_done = data.windows(6).any(|window| window == b"[DONE]");
        let is_end = match self.0 {
            Fault::SeesTheEndInTexts => says_done,
            Fault::OverlooksTheEnd => false,
            _ => data == b"[DONE]",
        };
        if is_end {
            return Sight::Observed(Observation { terminal: true, ..Observation::default() });
        }
        let object: Value = serde_json::from_slice(data).unwrap_or_default();
        if let Some(failure) = self.failure(&object) {
            return Sight::Failed(failure);
        }
        if let Some(end) = self.end(&object) {
            return Sight::Observed(Observation { terminal: self.0 != Fault::OverlooksTheEnd, ..end });
        }
        match self.usage(&object) {
            Some(usage) => Sight::Observed(Observation { usage: Some(usage), ..Observation::default() }),
            None => Sight::Nothing,
        }
    }

    fn document(&mut self, document: &Document) -> Result<Observation, Failure> {
        let object: Value = serde_json::from_slice(&document.to_bytes()).unwrap_or_default();
        match self.failure(&object) {
            Some(failure) => Err(failure),
            None => {
                let has_failed = object["status"] == "failed" && self.0 != Fault::TakesFailedEndsForGood;
                let failed = has_failed.then(|| kind_of(&object["error"]));
                Ok(Observation { usage: self.usage(&object), failed, ..Observation::default() })
            }
        }
    }
}

/// The provider, with what goes wrong in streams around it.
struct Wrapped {
    inner: HttpProvider<Plain>,
    fault: Fault,
    kept: Mutex<Vec<Arc<Mutex<EventStream>>>>,
}

impl std::fmt::Debug for Wrapped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(formatter)
    }
}

#[async_trait]
impl Provider for Wrapped {
    fn capabilities(&self, model: &str) -> Capabilities {
        self.inner.capabilities(model)
    }

    async fn call(&self, context: &CallContext, call: &Call) -> Result<Reply, Error> {
        let mut reply = self.inner.call(context, call).await?;
        reply.body = match reply.body {
            ReplyBody::Events(events) => ReplyBody::Events(self.spoil(events)),
            ReplyBody::Raw { content_type, bytes } => {
                ReplyBody::Raw { content_type, bytes: self.spoil_bytes(bytes) }
            }
            body @ ReplyBody::Document(..) => body,
        };
        Ok(reply)
    }

    async fn models(&self, context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        self.inner.models(context).await
    }
}

impl Wrapped {
    fn spoil_bytes(&self, bytes: ByteStream) -> ByteStream {
        match self.fault {
            Fault::MakesCutBytesClean => Box::pin(bytes.take_while(|item| std::future::ready(item.is_ok()))),
            Fault::HoldsBytesBack => Box::pin(stream::once(bytes.collect::<Vec<_>>()).flat_map(stream::iter)),
            _ => bytes,
        }
    }

    fn spoil(&self, mut events: EventStream) -> EventStream {
        match self.fault {
            Fault::HoldsStreamsBack => {
                Box::pin(stream::once(events.collect::<Vec<_>>()).flat_map(stream::iter))
            }
            Fault::MakesCutsClean => Box::pin(events.map(|item| match item {
                Err(error) if error.kind() == ErrorKind::UpstreamCut => {
                    let mut done = Event::from_payload(b"[DONE]");
                    done.set_observation(Observation { terminal: true, ..Observation::default() });
                    Ok(vec![done])
                }
                item => item,
            })),
            Fault::TakesPiecesForEvents => Box::pin(events.map(|item| item.map(|events| joined(&events)))),
            Fault::KeepsTheExchange => {
                let events = Arc::new(Mutex::new(events));
                self.kept.lock().unwrap().push(Arc::clone(&events));
                Box::pin(stream::poll_fn(move |context| events.lock().unwrap().as_mut().poll_next(context)))
            }
            _ => Box::pin(stream::poll_fn(move |context| events.as_mut().poll_next(context))),
        }
    }
}

/// What was ready together as if it were one event, with a comment that says so.
fn joined(events: &[Event]) -> Vec<Event> {
    let mut all = events.to_vec();
    all.insert(0, Event::without_data(Bytes::from(format!(": {} events\n\n", events.len()))));
    all
}
