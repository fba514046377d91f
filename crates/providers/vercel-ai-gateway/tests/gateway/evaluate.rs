//! Evaluation, which is the gateway's own.

use trunkline_core::{ErrorKind, Operation};
use trunkline_testkit::simulator::{Fault, FaultRule};

use crate::world::{World, call_of, spend, value};

const MODEL: &str = "sim/judge";
const BODY: &str = r#"{"model":"x","state":"Guten Tag","questions":{"polite":{"type":"boolean","instructions":"Is it polite?","criteria":"A greeting"}}}"#;

#[tokio::test]
async fn questions_are_answered_with_their_bill() {
    let world = World::new().await;
    let (document, seen) = world.document(call_of(Operation::Evaluate, MODEL, BODY)).await;
    let request = world.request();
    assert_eq!((request.path.as_str(), request.model.as_deref()), ("/v1/evaluate", Some(MODEL)));
    let sent = BODY.replacen("\"x\"", "\"sim/judge\"", 1);
    assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), sent);
    assert_eq!(value(&document, "answers")["polite"]["type"], "boolean");
    assert!(request.billed.is_some());
    assert_eq!(spend(&seen), request.billed);
    assert_eq!(seen.generation_id, request.generation_id);
    let (told, usage) = (value(&document, "usage"), seen.usage.unwrap());
    assert_eq!(Some(usage.input()), told["inputTokens"].as_u64());
    assert_eq!(Some(usage.all_output()), told["outputTokens"].as_u64());
}

#[tokio::test]
async fn an_evaluation_is_refused_as_a_chat_is() {
    let world = World::new().await;
    world.control().fault(FaultRule::new([Fault::InsufficientFunds]).for_path("/v1/evaluate"));
    let error = world.call(call_of(Operation::Evaluate, MODEL, BODY)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamCredential);
    assert!(error.is_credential_fault());
}
