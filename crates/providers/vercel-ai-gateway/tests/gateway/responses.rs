//! Responses: whole and streamed, reasoning that goes back sealed, tools of both kinds, and how they end.

use trunkline_core::{Call, ErrorKind, Operation, Retry};
use trunkline_testkit::simulator::{CutKind, Fault, FaultRule};

use crate::world::{World, call_of, parsed, seen, spend, value};

const MODEL: &str = "openai/gpt-6-sol";
const PATH: &str = "/v1/responses";

fn responses(json: &str) -> Call {
    call_of(Operation::Responses, MODEL, json)
}

fn asked(streaming: bool) -> Call {
    responses(&format!(
        r#"{{"model":"x","stream":{streaming},"store":false,"input":"Weather in Oslo? 天気 🙂"}}"#
    ))
}

#[tokio::test]
async fn a_response_comes_with_its_tokens_and_its_bill() {
    let world = World::new().await;
    let (document, seen) = world.document(asked(false)).await;
    let request = world.request();
    assert_eq!((request.path.as_str(), request.model.as_deref()), (PATH, Some(MODEL)));
    assert_eq!(request.header("authorization"), Some("Bearer vck_environment"));
    assert_eq!(request.title(), Some("Trunkline"));
    assert!(request.billed.is_some());
    assert_eq!(spend(&seen), request.billed);
    assert_eq!(seen.generation_id, request.generation_id);
    let (told, usage) = (value(&document, "usage"), seen.usage.unwrap());
    assert_eq!(Some(usage.input()), told["input_tokens"].as_u64());
    assert_eq!(Some(usage.all_output()), told["output_tokens"].as_u64());
    assert!(usage.total() > 0 && !usage.inconsistent);
}

#[tokio::test]
async fn a_streamed_response_tells_its_bill_in_its_last_event() {
    let world = World::new().await;
    let (events, error) = world.events(asked(true)).await;
    assert!(error.is_none(), "{error:?}");
    let said = parsed(&events);
    assert_eq!(said[0]["type"], "response.created");
    let last = said.last().unwrap();
    assert_eq!(last["type"], "response.completed");

    let request = world.request();
    let sent =
        r#"{"model":"openai/gpt-6-sol","stream":true,"store":false,"input":"Weather in Oslo? 天気 🙂"}"#;
    assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), sent);
    let seen = seen(&events);
    assert!(seen.terminal && seen.failed.is_none());
    assert!(request.billed.is_some());
    assert_eq!(spend(&seen), request.billed);
    assert_eq!(seen.generation_id, request.generation_id);
    let usage = seen.usage.unwrap();
    assert_eq!(Some(usage.input()), last["response"]["usage"]["input_tokens"].as_u64());
    assert_eq!(Some(usage.all_output()), last["response"]["usage"]["output_tokens"].as_u64());
}

const REASON: &str = r#""store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low","summary":"auto"}"#;

/// What was reasoned is sealed for its account, and goes back as it came.
#[tokio::test]
async fn sealed_reasoning_comes_and_goes_back_untouched() {
    let world = World::new().await;
    let ask = format!(r#"{{"model":"x",{REASON},"input":"Think"}}"#);
    let (document, seen) = world.document(responses(&ask)).await;
    assert!(seen.usage.is_some_and(|usage| usage.reasoning > 0));
    let items = value(&document, "output");
    assert_eq!(items[0]["type"], "reasoning");
    let sealed = items[0]["encrypted_content"].as_str().expect("it is sealed");
    let output = String::from_utf8(document.raw("output").unwrap().to_vec()).unwrap();
    let output = output.trim_start_matches('[').trim_end_matches(']');

    let again = format!(
        r#"{{"model":"x",{REASON},"input":[{{"role":"user","content":"Think"}},{output},{{"role":"user","content":"And?"}}]}}"#
    );
    world.document(responses(&again)).await;
    let sent = world.control().requests()[1].body.clone();
    let expected = again.replacen("\"x\"", "\"openai/gpt-6-sol\"", 1);
    assert_eq!(String::from_utf8(sent.to_vec()).unwrap(), expected);

    let altered = again.replace(sealed, "c29tZXRoaW5nIGVsc2U=");
    let error = world.call(responses(&altered)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamInvalidRequest);
    assert_eq!(error.upstream_code(), Some("invalid_encrypted_content"));
}

#[tokio::test]
async fn a_stored_response_is_gone_on_with() {
    let world = World::new().await;
    let (document, _) = world.document(responses(r#"{"model":"x","input":"Hello"}"#)).await;
    let id = value(&document, "id");
    let next = format!(r#"{{"model":"x","input":"And?","previous_response_id":{id}}}"#);
    let (document, _) = world.document(responses(&next)).await;
    assert_eq!(value(&document, "previous_response_id"), id);
    let unknown = r#"{"model":"x","input":"And?","previous_response_id":"resp_none"}"#;
    let error = world.call(responses(unknown)).await.unwrap_err();
    assert_eq!(error.upstream_code(), Some("previous_response_not_found"));
}

#[tokio::test]
async fn tools_of_both_kinds_are_called_in_pieces() {
    let function = r#"{"type":"function","name":"wx","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}"#;
    let custom = r#"{"type":"custom","name":"wx"}"#;
    for (tool, delta, item) in [
        (function, "response.function_call_arguments.delta", "function_call"),
        (custom, "response.custom_tool_call_input.delta", "custom_tool_call"),
    ] {
        let world = World::new().await;
        let body = format!(r#"{{"model":"x","stream":true,"input":"Call wx for Oslo","tools":[{tool}]}}"#);
        let (events, error) = world.events(responses(&body)).await;
        assert!(error.is_none(), "{error:?}");
        let said = parsed(&events);
        assert!(said.iter().any(|event| event["type"] == delta), "{said:?}");
        assert!(said.iter().any(|event| event["item"]["type"] == item), "{said:?}");
        assert_eq!(spend(&seen(&events)), world.request().billed);
    }
}

/// A response that was cut short by its own limit is a good one, and is billed.
#[tokio::test]
async fn an_incomplete_response_is_an_answer() {
    let world = World::new().await;
    let body = r#"{"model":"x","stream":true,"max_output_tokens":1,"input":"Weather in Oslo, at length?"}"#;
    let (events, error) = world.events(responses(body)).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(parsed(&events).last().unwrap()["type"], "response.incomplete");
    let seen = seen(&events);
    assert!(seen.terminal && seen.failed.is_none());
    assert_eq!(spend(&seen), world.request().billed);
}

#[tokio::test]
async fn a_conversation_is_made_short() {
    let world = World::new().await;
    let body =
        r#"{"model":"x","input":[{"role":"user","content":"One"},{"role":"assistant","content":"Two"}]}"#;
    let (document, seen) = world.document(call_of(Operation::CompactResponse, MODEL, body)).await;
    assert_eq!(value(&document, "output")[0]["type"], "compaction");
    let request = world.request();
    assert_eq!(request.path, "/v1/responses/compact");
    assert!(request.billed.is_some());
    assert_eq!(spend(&seen), request.billed);
    assert_eq!(seen.generation_id, request.generation_id);
    assert!(seen.usage.is_some_and(|usage| usage.total() > 0));
}

#[tokio::test]
async fn a_cut_response_is_no_clean_end() {
    for fault in [
        Fault::NoDone,
        Fault::Truncate { after_events: 5 },
        Fault::Cut { after_bytes: 3_000, how: CutKind::Close },
    ] {
        let world = World::new().await;
        world.control().fault(FaultRule::new([fault.clone()]).for_path(PATH));
        let (events, error) = world.events(asked(true)).await;
        let error = error.expect("no clean end");
        assert_eq!((error.kind(), error.retry()), (ErrorKind::UpstreamCut, Retry::Never), "{fault:?}");
        assert!(!seen(&events).terminal);
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_response_is_the_last_item() {
    let world = World::new().await;
    world.control().fault(FaultRule::new([Fault::ErrorEvent { after_events: 3 }]).for_path(PATH));
    let (events, error) = world.events(asked(true)).await;
    assert_eq!(events.len(), 3);
    let error = error.expect("it failed");
    assert_eq!(error.kind(), ErrorKind::UpstreamFailed);
    assert_eq!(error.provider(), Some("vercel_ai_gateway"));
}

/// `response.failed` is the dialect's own end: it goes on as it is, and the record knows that it failed.
#[tokio::test]
async fn a_response_that_fails_says_so_itself() {
    let world = World::new().await;
    world.control().fault(FaultRule::new([Fault::RelayedErrorEvent { after_events: 3 }]).for_path(PATH));
    let (events, error) = world.events(asked(true)).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(parsed(&events).last().unwrap()["type"], "response.failed");
    let seen = seen(&events);
    assert!(seen.terminal);
    assert!(seen.failed.is_some());
}

#[tokio::test]
async fn responses_are_refused_as_chats_are() {
    let refused = async |fault: Fault, options: &str| {
        let world = World::new().await;
        world.control().fault(FaultRule::new([fault]).for_path(PATH));
        let body = format!(r#"{{"model":"x","input":"Hi","providerOptions":{{"gateway":{{{options}}}}}}}"#);
        let error = world.call(responses(&body)).await.unwrap_err();
        (error.kind(), error.retry(), error.is_credential_fault())
    };
    use ErrorKind::{UpstreamCredential, UpstreamFailed, UpstreamNotFound, UpstreamQuotaExceeded};
    assert_eq!(refused(Fault::InvalidKey, "").await, (UpstreamCredential, Retry::NextTarget, true));
    let quota = r#""quotaEntityId":"q-1""#;
    assert_eq!(refused(Fault::InvalidKey, quota).await, (UpstreamCredential, Retry::NextTarget, false));
    assert_eq!(refused(Fault::QuotaExceeded, "").await, (UpstreamQuotaExceeded, Retry::NextTarget, false));
    assert_eq!(refused(Fault::UnknownModel, "").await, (UpstreamNotFound, Retry::NextTarget, false));
    assert_eq!(refused(Fault::Unavailable, "").await, (UpstreamFailed, Retry::SameTarget, false));
}
