//! Carillon behind the router: found by its prefix, called over real HTTP, answered in OpenAI's dialect.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use trunkline_core::{Document, Environment, ErrorKind, Operation, ReplyBody, Secret, Usage};
use trunkline_provider::{Limits, Registry, Target};
use trunkline_router::{DeploymentSpec, Router};
use trunkline_testkit::upstream::{Script, ScriptedUpstream};
use trunkline_transport::{HttpTransport, TransportOptions};

const ANSWER: &str = include_str!("../fixtures/answer.json");
const PIECES: &str = include_str!("../fixtures/pieces.sse");

/// A router with one deployment: every model of Carillon, at this address.
fn router(api_base: String) -> Router {
    let transport = HttpTransport::new(TransportOptions::default()).expect("the defaults will do");
    let mut registry = Registry::new(Arc::new(transport), Environment::empty(), Limits::default());
    trunkline_outside_provider::register(&mut registry);
    let mut builder = Router::builder(Arc::new(registry));
    let target = Target {
        api_base: Some(api_base),
        api_key: Some(Secret::new("key-of-the-deployment")),
        ..Target::default()
    };
    let spec = DeploymentSpec {
        group: "carillon/*".to_owned(),
        model: "carillon/*".to_owned(),
        target,
        ..DeploymentSpec::default()
    };
    builder.deployment(spec).expect("the prefix is known");
    builder.build()
}

fn body(stream: bool) -> Document {
    let body = json!({
        "model": "carillon/great-bell-2",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is a café "}, {"type": "text", "text": "to 茶?"}]},
        ],
        "max_tokens": 40,
        "temperature": 0.5,
        "stream": stream,
    });
    Document::from_serialize(&body).expect("it is an object")
}

#[tokio::test]
async fn a_whole_answer_comes_back_in_openai_s_dialect() {
    let upstream = ScriptedUpstream::start([Script::json(200, ANSWER)]).await.expect("a port is free");
    let router = router(upstream.url());
    let reply = router.send("carillon/great-bell-2", Operation::ChatCompletions, body(false)).await;
    let ReplyBody::Document(document, observation) = reply.expect("a reply").body else {
        panic!("a whole answer is a document");
    };
    let reply: Value = serde_json::from_slice(&document.to_bytes()).expect("it is JSON");
    let expected = json!({
        "id": "ans-81",
        "object": "chat.completion",
        "created": 1_790_000_001,
        "model": "great-bell-2",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": "Un café, 茶. 😀", "refusal": null},
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": 61,
            "completion_tokens": 32,
            "total_tokens": 93,
            "prompt_tokens_details": {"cached_tokens": 60},
        },
    });
    assert_eq!(reply, expected);
    let usage = Usage { uncached_input: 1, cache_read: 60, output: 32, ..Usage::default() };
    assert_eq!(observation.usage, Some(usage));

    let requests = upstream.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("POST", "/answers"));
    assert_eq!(requests[0].header("authorization"), Some("Bearer key-of-the-deployment"));
    let sent: Value = serde_json::from_slice(&requests[0].body).expect("it is JSON");
    let expected = json!({
        "model": "great-bell-2",
        "turns": [
            {"by": "house", "text": "Be brief."},
            {"by": "guest", "text": "What is a café to 茶?"},
        ],
        "live": false,
        "limit": 40,
        "warmth": 0.5,
    });
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_stream_comes_back_as_openai_s_events() {
    let cuts: Vec<usize> = (1..PIECES.len()).step_by(5).collect();
    let script = Script::sse_split_at(PIECES.as_bytes(), &cuts);
    let upstream = ScriptedUpstream::start([script]).await.expect("a port is free");
    let router = router(upstream.url());
    let reply = router.send("carillon/great-bell-2", Operation::ChatCompletions, body(true)).await;
    let ReplyBody::Events(events) = reply.expect("a reply").body else {
        panic!("a live answer is a stream");
    };
    let items: Vec<_> = events.collect().await;
    let events = items.into_iter().flat_map(|item| item.expect("no item is an error"));
    let payloads: Vec<String> = events
        .filter_map(|event| event.data().map(|data| String::from_utf8_lossy(data).into_owned()))
        .collect();
    let (done, chunks) = payloads.split_last().expect("there are events");
    assert_eq!(done, "[DONE]");
    let told: Vec<Value> = chunks
        .iter()
        .map(|chunk| {
            let chunk: Value = serde_json::from_str(chunk).expect("a chunk is JSON");
            let choice = &chunk["choices"][0];
            json!([choice["delta"], choice["finish_reason"], chunk["usage"]["total_tokens"]])
        })
        .collect();
    let expected = [
        json!([{"role": "assistant", "content": ""}, null, null]),
        json!([{"content": "Un café"}, null, null]),
        json!([{"content": ", 茶. 😀"}, null, null]),
        json!([{}, "length", null]),
        json!([null, null, 93]),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_carillon_cannot_do_is_refused_before_anything_is_sent() {
    let upstream = ScriptedUpstream::start([]).await.expect("a port is free");
    let router = router(upstream.url());
    let mut with_tools = body(false);
    with_tools.set("tools", &json!([])).expect("a list is JSON");
    let refused = router.send("carillon/great-bell-2", Operation::ChatCompletions, with_tools).await;
    let error = refused.expect_err("there are no tools");
    assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some("tools")));

    let input = Document::parse(r#"{"model":"m","input":"x"}"#).expect("an object");
    let refused = router.send("carillon/great-bell-2", Operation::Embeddings, input).await;
    let error = refused.expect_err("there are no embeddings");
    assert_eq!(error.kind(), ErrorKind::UnsupportedOperation);
    let message = "the provider does not have the operation embeddings; it has chat_completions. Nothing is translated: ask one of those, or name a model whose provider has it";
    assert_eq!(error.message(), message);
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn an_unknown_prefix_is_told_with_those_that_are_known() {
    let router = router("http://127.0.0.1:9".to_owned());
    let error = router.resolve("carilon/great-bell-2").expect_err("it is misspelt");
    assert_eq!(error.kind(), ErrorKind::UnknownModel);
    assert!(error.message().contains("carillon/*"), "{}", error.message());
}
