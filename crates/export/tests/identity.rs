//! What is told of a virtual key: who it belongs to, and not what it is.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::{Value, json};
use trunkline_core::Secret;
use trunkline_export::Destination;
use trunkline_gateway::{ErrorText, Record, Recorder};
use trunkline_keys::{Identity, Keys, KeysOptions, Pepper, Token};
use trunkline_store::{Kind, Object, SqliteStore, Store, Write};
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::records::full;
use crate::running::{Running, quick, webhook};

const KEY: &str = "sk-a-canary-that-sings-alone";

pub(crate) async fn identity() -> Arc<Identity> {
    let store = Arc::new(SqliteStore::in_memory().await.expect("a store"));
    let pepper = Arc::new(Pepper::new(&Secret::new("pepper")));
    let index = pepper.index(&Token::of(KEY)).as_str().to_owned();
    let key = Object {
        alias: Some("mine".into()),
        user_id: Some("ann".into()),
        team_id: Some("red".into()),
        ..Object::new(Kind::Key, &index, 0)
    };
    let team = Object { alias: Some("The Reds".into()), ..Object::new(Kind::Team, "red", 0) };
    let write = Write { objects: vec![team, key], ..Write::default() };
    store.write(write).await.expect("written");
    let options = KeysOptions { deadline: Duration::from_secs(10), ..KeysOptions::default() };
    let keys = Keys::new(store, pepper, options);
    keys.find(KEY).await.expect("the store answers").expect("a key")
}

/// What this destination is sent of a request of that key's.
async fn body(destination: impl FnOnce(&str) -> Destination) -> Vec<u8> {
    let receiver = ScriptedUpstream::answering(|_, _| Script::json(200, "{}")).await.expect("a port");
    let running = Running::start(destination(&receiver.url()), &quick());
    let error = ErrorText { message: format!("no good: {KEY}"), causes: Some(KEY.to_owned()) };
    let record = Record { identity: Some(identity().await), error: Some(Box::new(error)), ..full("call-1") };
    running.exporter.settled(&record);
    running.end().await;
    receiver.requests().remove(0).body.to_vec()
}

fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_webhook_is_told_whose_key_it_was() {
    let body = body(webhook).await;
    let objects: Vec<Value> = serde_json::from_slice(&body).expect("a list");
    let mut metadata = objects[0]["metadata"].clone();
    metadata["usage_object"].take();
    let expected = json!({
        "user_api_key_hash": Token::of(KEY).to_string(),
        "user_api_key_alias": "mine",
        "user_api_key_user_id": "ann",
        "user_api_key_team_id": "red",
        "user_api_key_team_alias": "The Reds",
        "usage_object": null,
    });
    assert_eq!(metadata, expected);
    assert!(!holds(&body, "sk-") && !holds(&body, "canary"), "no part of a key leaves, and no error's text");
}

#[tokio::test]
async fn a_collector_is_told_whose_key_it_was() {
    let body = body(|url| Destination::otlp(&Secret::new(url), &[], "trunk").expect("an address")).await;
    let request = ExportTraceServiceRequest::decode(&*body).expect("protobuf");
    let attributes = &request.resource_spans[0].scope_spans[0].spans[0].attributes;
    let found: Vec<String> = attributes[attributes.len() - 4..]
        .iter()
        .map(|pair| format!("{} = {:?}", pair.key, pair.value.as_ref().and_then(|any| any.value.clone())))
        .collect();
    let hash = Token::of(KEY).to_string();
    let expected = [
        ("trunkline.key.hash", hash.as_str()),
        ("trunkline.key.alias", "mine"),
        ("trunkline.user.id", "ann"),
        ("trunkline.team.id", "red"),
    ]
    .map(|(key, text)| format!("{key} = Some(StringValue({text:?}))"));
    assert_eq!(found, expected);
    assert!(!holds(&body, "sk-") && !holds(&body, "canary"), "no part of a key leaves, and no error's text");
}
