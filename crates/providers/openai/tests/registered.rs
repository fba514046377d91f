//! The registered providers over a transport that answers from memory: what is sent, and what comes back.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::header::AUTHORIZATION;
use trunkline_core::{Call, Document, Environment, Error, ErrorKind, Operation, ReplyBody, Segments, Usage};
use trunkline_openai::chat::{ChatChunks, ChatRequest, ChatResponse, Message};
use trunkline_openai::{VENDORS, register};
use trunkline_provider::{CallContext, Limits, Registry, SendOptions, Transport, TransportBody};

/// Answers every request in the same way and keeps the last one.
#[derive(Debug)]
struct Canned {
    status: u16,
    content_type: &'static str,
    body: &'static str,
    last: Mutex<Option<http::Request<Segments>>>,
}

#[async_trait]
impl Transport for Canned {
    async fn send(
        &self,
        request: http::Request<Segments>,
        _options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error> {
        *self.last.lock().expect("no test panics here") = Some(request);
        // Seven bytes at a time, so that no event comes in one piece.
        let pieces: Vec<_> =
            self.body.as_bytes().chunks(7).map(|piece| Ok(Bytes::from_static(piece))).collect();
        let body: TransportBody = Box::pin(stream::iter(pieces));
        Ok(http::Response::builder()
            .status(self.status)
            .header("content-type", self.content_type)
            .body(body)
            .expect("a response"))
    }
}

fn canned(status: u16, content_type: &'static str, body: &'static str) -> Arc<Canned> {
    Arc::new(Canned { status, content_type, body, last: Mutex::new(None) })
}

fn registry(transport: &Arc<Canned>, environment: &[(&str, &str)]) -> Registry {
    let environment: Environment = environment.iter().copied().collect();
    let transport: Arc<dyn Transport> = Arc::<Canned>::clone(transport);
    let mut registry = Registry::new(transport, environment, Limits::default());
    register(&mut registry);
    registry
}

/// Calls `model` with a chat request, and gives back the reply's body.
fn chat(registry: &Registry, model: &str, stream: bool) -> Result<ReplyBody, Error> {
    let (registration, rest) = registry.find(model).expect("a known prefix");
    let document = ChatRequest::new("alias", [Message::user("hi")]).stream(stream).into_document()?;
    let call = Call::new(Operation::ChatCompletions, rest, document);
    registration
        .provider
        .call(&CallContext::default(), &call)
        .now_or_never()
        .expect("the transport answers at once")
        .map(|reply| reply.body)
}

const KEYS: &[(&str, &str)] = &[("OPENAI_API_KEY", "sk-openai"), ("GROQ_API_KEY", "sk-groq")];
const REPLY: &str = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hey"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;

#[test]
fn every_vendor_is_there_and_says_whether_it_has_a_key() {
    let registry = registry(&canned(200, "application/json", REPLY), KEYS);
    let prefixes: usize = VENDORS.iter().map(|vendor| vendor.prefixes().count()).sum();
    assert_eq!(registry.registrations().len(), prefixes);
    let about = |prefix| &registry.by_prefix(prefix).expect("it is registered").about;
    assert_eq!(about("groq").name, "Groq");
    assert_eq!(about("groq").key_variables, ["GROQ_API_KEY"]);
    assert!(about("groq").has_credential && !about("groq").is_open);
    assert!(!about("mistral").has_credential);
    assert!(about("ollama").is_open && about("ollama_chat").is_open);
}

#[test]
fn openai_s_own_names_need_no_prefix() {
    let registry = registry(&canned(200, "application/json", REPLY), KEYS);
    for model in ["gpt-4o", "gpt-image-1", "codex-mini-latest", "whisper-1", "tts-1-hd", "dall-e-3"] {
        let found = registry.find(model).map(|(found, rest)| (&*found.prefix, rest));
        assert_eq!(found, Some(("openai", model)));
    }
    let assumed = Operation::Moderations.default_model().expect("moderations name no model");
    assert_eq!(registry.find(assumed).map(|(found, _)| &*found.prefix), Some("openai"));
    assert!(registry.find("llama-3").is_none());
}

#[test]
fn a_whole_reply_goes_through_with_what_was_seen_in_it() {
    let transport = canned(200, "application/json", REPLY);
    let registry = registry(&transport, KEYS);
    let body = chat(&registry, "groq/meta/llama", false).expect("a reply");
    let ReplyBody::Document(document, observation) = body else {
        panic!("a whole reply is a document");
    };
    assert_eq!(document.to_bytes(), REPLY);
    let usage = Usage { uncached_input: 3, output: 1, ..Usage::default() };
    assert_eq!(observation.usage, Some(usage));
    let response = ChatResponse::from_document(&document).expect("a chat completion");
    assert_eq!(response.text(), Some("hey"));

    let request = transport.last.lock().expect("not poisoned").take().expect("it was sent");
    assert_eq!(request.uri().to_string(), "https://api.groq.com/openai/v1/chat/completions");
    assert_eq!(request.headers()[AUTHORIZATION], "Bearer sk-groq");
    let sent = Document::parse(request.into_body().into_bytes()).expect("a document");
    assert_eq!(sent.string("model").as_deref(), Some("meta/llama"));
}

#[test]
fn a_stream_goes_through_to_its_end() {
    let events = concat!(
        ": ping\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"h\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ey\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n",
        "data: [DONE]\n\n",
    );
    let registry = registry(&canned(200, "text/event-stream", events), KEYS);
    let ReplyBody::Events(events) = chat(&registry, "openai/gpt-4o", true).expect("a reply") else {
        panic!("a streamed reply is events");
    };
    let chunks: Vec<_> = ChatChunks::new(events).collect().now_or_never().expect("all is there");
    let chunks: Vec<_> = chunks.into_iter().map(|chunk| chunk.expect("a chunk")).collect();
    let text: String = chunks.iter().filter_map(|chunk| chunk.text()).collect();
    assert_eq!(text, "hey");
    let usage = chunks.last().and_then(|chunk| chunk.usage.clone()).expect("usage");
    assert_eq!(usage.prompt_tokens, Some(3));
}

#[test]
fn an_error_in_a_stream_has_the_kind_of_its_http_twin() {
    let events = "data: {\"error\":{\"message\":\"slow down\",\"code\":429}}\n\n";
    let in_stream = registry(&canned(200, "text/event-stream", events), KEYS);
    let ReplyBody::Events(events) = chat(&in_stream, "openai/gpt-4o", true).expect("a reply") else {
        panic!("a streamed reply is events");
    };
    let items: Vec<_> = events.collect().now_or_never().expect("all is there");
    let error = items.into_iter().next_back().and_then(Result::err).expect("an error");

    let body = r#"{"error":{"message":"slow down","code":429}}"#;
    let over_http = registry(&canned(429, "application/json", body), KEYS);
    let twin = chat(&over_http, "openai/gpt-4o", true).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::UpstreamRateLimited);
    assert_eq!((error.kind(), error.message()), (twin.kind(), twin.message()));
    assert_eq!(error.upstream_status(), twin.upstream_status());
}

#[test]
fn an_error_with_status_200_is_an_error() {
    let body = r#"{"error":{"message":"no such thing","type":"invalid_request_error"}}"#;
    let registry = registry(&canned(200, "application/json", body), KEYS);
    for stream in [false, true] {
        let error = chat(&registry, "openai/gpt-4o", stream).expect_err("a failure");
        assert_eq!(error.kind(), ErrorKind::UpstreamInvalidRequest);
        assert_eq!(error.message(), "no such thing");
    }
}

#[test]
fn without_a_key_nothing_is_sent() {
    let transport = canned(200, "application/json", REPLY);
    let registry = registry(&transport, &[]);
    let error = chat(&registry, "openai/gpt-4o", false).expect_err("no key");
    assert_eq!(error.kind(), ErrorKind::CredentialMissing);
    assert!(transport.last.lock().expect("not poisoned").is_none());
}

#[test]
fn models_are_listed() {
    let body = r#"{"object":"list","data":[{"id":"gpt-4o","owned_by":"openai"},{"no":"id"}]}"#;
    let registry = registry(&canned(200, "application/json", body), KEYS);
    let provider = &registry.by_prefix("openai").expect("it is registered").provider;
    let models = provider
        .models(&CallContext::default())
        .now_or_never()
        .expect("the transport answers at once")
        .expect("a list");
    assert_eq!(models.len(), 1);
    assert_eq!(models[0].id, "gpt-4o");
}
