//! The registered provider over a transport that answers from memory: what is sent, and what comes back.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use trunkline_anthropic::register;
use trunkline_core::{Call, Document, Environment, Error, ErrorKind, Operation, ReplyBody};
use trunkline_provider::{CallContext, Limits, Registry, Transport};
use trunkline_testkit::conformance::{InMemoryTransport, UpstreamReply};

fn registry(transport: &Arc<InMemoryTransport>, environment: &[(&str, &str)]) -> Registry {
    let environment: Environment = environment.iter().copied().collect();
    let transport: Arc<dyn Transport> = Arc::<InMemoryTransport>::clone(transport);
    let mut registry = Registry::new(transport, environment, Limits::default());
    register(&mut registry);
    registry
}

fn answering(answer: UpstreamReply) -> Arc<InMemoryTransport> {
    Arc::new(InMemoryTransport::answering(answer))
}

/// Sends a message to `model`, and gives back the reply's body.
fn message(registry: &Registry, model: &str, stream: bool) -> Result<ReplyBody, Error> {
    let (registration, rest) = registry.find(model).expect("a known name");
    let body = format!(r#"{{"model":"alias","max_tokens":9,"messages":[],"stream":{stream}}}"#);
    let call = Call::new(Operation::Messages, rest, Document::parse(body).expect("a document"));
    let reply = registration.provider.call(&CallContext::default(), &call).now_or_never();
    reply.expect("the transport answers at once").map(|reply| reply.body)
}

const KEY: &[(&str, &str)] = &[("ANTHROPIC_API_KEY", "sk-ant-api03-own")];
const REPLY: &str = r#"{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":1}}"#;
const OVERLOADED: &str =
    r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;

#[test]
fn names_with_the_prefix_and_bare_ones_lead_to_it() {
    let registry = registry(&answering(UpstreamReply::json(200, REPLY)), KEY);
    for (name, expected) in [
        ("anthropic/claude-opus-4-1", "claude-opus-4-1"),
        ("claude-opus-4-1", "claude-opus-4-1"),
        ("anthropic/anthropic/x", "anthropic/x"),
    ] {
        let (registration, rest) = registry.find(name).expect("a known name");
        assert_eq!((&*registration.prefix, rest), ("anthropic", expected));
    }
    assert!(registry.find("claude").is_none());
    assert!(registry.find("other/claude-opus-4-1").is_none());
}

#[test]
fn it_says_whether_it_has_a_credential() {
    let has = |environment| {
        let registry = registry(&answering(UpstreamReply::json(200, REPLY)), environment);
        let about = &registry.by_prefix("anthropic").expect("it is registered").about;
        assert_eq!(about.name, "Anthropic");
        assert_eq!(about.key_variables, ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"]);
        assert!(!about.is_open);
        about.has_credential
    };
    assert!(has(KEY));
    assert!(has(&[("ANTHROPIC_AUTH_TOKEN", "a-token")]));
    assert!(!has(&[]));
}

#[test]
fn a_token_of_the_environment_goes_as_a_bearer_token() {
    let transport = answering(UpstreamReply::json(200, REPLY));
    let environment = &[("ANTHROPIC_API_KEY", ""), ("ANTHROPIC_AUTH_TOKEN", "a-token")];
    let body = message(&registry(&transport, environment), "claude-x", false).expect("a reply");
    let ReplyBody::Document(document, _) = body else {
        panic!("a whole reply is a document");
    };
    assert_eq!(document.to_bytes(), REPLY);

    let request = transport.requests().remove(0);
    assert_eq!(request.uri.to_string(), "https://api.anthropic.com/v1/messages");
    assert_eq!(request.headers["authorization"], "Bearer a-token");
    assert!(!request.headers.contains_key("x-api-key"));
    assert_eq!(request.body, r#"{"model":"claude-x","max_tokens":9,"messages":[],"stream":false}"#);
}

#[test]
fn an_error_in_a_stream_has_the_kind_of_its_http_twin() {
    let event = format!("event: error\ndata: {OVERLOADED}\n\n");
    let in_stream = registry(&answering(UpstreamReply::events(event)), KEY);
    let ReplyBody::Events(events) = message(&in_stream, "claude-x", true).expect("a reply") else {
        panic!("a streamed reply is events");
    };
    let items: Vec<_> = events.collect().now_or_never().expect("all is there");
    let error = items.into_iter().next_back().and_then(Result::err).expect("an error");

    let over_http = registry(&answering(UpstreamReply::json(529, OVERLOADED)), KEY);
    let twin = message(&over_http, "claude-x", true).expect_err("a refusal");
    assert_eq!((error.kind(), error.message()), (ErrorKind::UpstreamFailed, "Overloaded"));
    assert_eq!((error.kind(), error.message()), (twin.kind(), twin.message()));
    assert_eq!((error.upstream_status(), error.retry()), (twin.upstream_status(), twin.retry()));
    assert_eq!(error.upstream_type(), Some("overloaded_error"));
}

#[test]
fn an_error_with_status_200_is_an_error() {
    let registry = registry(&answering(UpstreamReply::json(200, OVERLOADED)), KEY);
    for stream in [false, true] {
        let error = message(&registry, "claude-x", stream).expect_err("a failure");
        assert_eq!((error.kind(), error.message()), (ErrorKind::UpstreamFailed, "Overloaded"));
    }
}
