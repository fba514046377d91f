//! Streamed chat completions: whole, odd, cut, and failed in the middle.

use trunkline_core::{ErrorKind, Event, Retry};
use trunkline_testkit::simulator::{CutKind, Fault, LineEnding, Outcome};

use crate::world::{World, chat, payloads, seen, streamed_with};

const MODEL: &str = "openai/gpt-4.1-nano";

#[tokio::test]
async fn a_stream_comes_with_its_tokens_and_its_bill() {
    let world = World::new().await;
    let (events, error) = world.events(streamed_with(MODEL)).await;
    assert!(error.is_none(), "{error:?}");
    let payloads = payloads(&events);
    assert!(payloads[0].contains(r#""role":"assistant""#), "{}", payloads[0]);
    assert_eq!(payloads.last().map(String::as_str), Some("[DONE]"));

    let request = world.request();
    let expected = r#"{"model":"openai/gpt-4.1-nano","stream":true,"messages":[{"role":"user","content":"Weather in Oslo? 天気 🙂"}],"stream_options":{"include_usage":true}}"#;
    assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), expected);
    let first = events[0].observation().expect("the first event tells the id");
    assert_eq!(first.generation_id, request.generation_id);
    assert!(first.cost.is_none() && first.usage.is_none());
    let seen = seen(&events);
    assert!(seen.terminal && !seen.usage_only);
    assert_eq!(seen.cost.and_then(|cost| cost.spend()), request.billed);
    assert!(seen.usage.is_some_and(|usage| usage.total() > 0));
    assert_eq!(seen.generation_id, request.generation_id);
}

/// Whatever the stream looks like, the same is read from it.
#[tokio::test]
async fn odd_streams_say_the_same() {
    for fault in [
        Fault::UsageOnlyChunk,
        Fault::Comments,
        Fault::LineEnding(LineEnding::CrLf),
        Fault::LineEnding(LineEnding::Cr),
        Fault::ByteOrderMark,
        Fault::NoTrailingNewline,
        Fault::HoldOpen,
    ] {
        let world = World::new().await;
        world.control().fault(fault.clone());
        let (events, error) = world.events(streamed_with(MODEL)).await;
        assert!(error.is_none(), "{fault:?}: {error:?}");
        let seen = seen(&events);
        assert!(seen.terminal, "{fault:?}");
        let request = world.request();
        assert_eq!(seen.cost.and_then(|cost| cost.spend()), request.billed, "{fault:?}");
        assert!(seen.usage.is_some_and(|usage| usage.total() > 0), "{fault:?}");
        let usage_only = events.iter().filter_map(Event::observation).any(|seen| seen.usage_only);
        assert_eq!(usage_only, fault == Fault::UsageOnlyChunk, "{fault:?}");
    }
}

#[tokio::test]
async fn a_cut_stream_is_never_a_clean_end_and_its_bill_can_be_looked_up() {
    for fault in [
        Fault::Cut { after_bytes: 700, how: CutKind::Close },
        Fault::Cut { after_bytes: 700, how: CutKind::Reset },
        Fault::NoDone,
        Fault::Truncate { after_events: 2 },
    ] {
        let world = World::new().await;
        world.control().fault(fault.clone());
        let (events, error) = world.events(streamed_with(MODEL)).await;
        let error = error.expect("no clean end");
        assert_eq!(error.kind(), ErrorKind::UpstreamCut, "{fault:?}: {error:?}");
        assert_eq!(error.retry(), Retry::Never);
        assert!(error.reached_upstream());
        let seen = seen(&events);
        assert!(!seen.terminal);
        // A reset may take with it what had arrived already.
        if fault != (Fault::Cut { after_bytes: 700, how: CutKind::Reset }) {
            assert_eq!(seen.generation_id, world.request().generation_id, "{fault:?}");
            assert!(seen.generation_id.is_some());
        }
    }
}

#[tokio::test]
async fn an_error_in_the_middle_is_the_last_item() {
    let plain = (
        Fault::ErrorEvent { after_events: 2 },
        ErrorKind::UpstreamFailed,
        "Service temporarily unavailable.",
    );
    let relayed = (
        Fault::RelayedErrorEvent { after_events: 2 },
        ErrorKind::ContextWindowExceeded,
        "prompt is too long",
    );
    for (fault, kind, message) in [plain, relayed] {
        let world = World::new().await;
        world.control().fault(fault.clone());
        let (events, error) = world.events(streamed_with(MODEL)).await;
        assert_eq!(events.len(), 2, "{fault:?}");
        let error = error.expect("it failed");
        assert_eq!((error.kind(), error.message()), (kind, message), "{fault:?}");
        assert_eq!(error.provider(), Some("vercel_ai_gateway"));
        assert!(error.upstream().is_some_and(|answer| !answer.body.is_empty()));
    }
}

#[tokio::test]
async fn tools_and_thoughts_are_streamed() {
    let world = World::new().await;
    let body = r#"{"model":"x","stream":true,"messages":[{"role":"user","content":"Call wx for Oslo"}],"reasoning_effort":"low",
        "tools":[{"type":"function","function":{"name":"wx","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]}"#;
    let (events, error) = world.events(chat(body)).await;
    assert!(error.is_none(), "{error:?}");
    let all = payloads(&events).join("\n");
    assert!(all.contains(r#""tool_calls":[{"index":0,"id":"#), "{all}");
    assert!(all.contains(r#""reasoning_details":[{"type":"reasoning.summary""#), "{all}");
    assert!(all.contains(r#""finish_reason":"tool_calls""#), "{all}");
    assert!(seen(&events).usage.is_some_and(|usage| usage.reasoning > 0));
}

#[tokio::test]
async fn hanging_up_ends_the_call_upstream() {
    let world = World::new().await;
    world.control().fault(Fault::Stall { after_events: 2 });
    let reply = world.call(streamed_with(MODEL)).await.unwrap();
    drop(reply);
    let request = world.control().wait_until_ended(0).await;
    assert_eq!(request.ended.map(|ended| ended.outcome), Some(Outcome::CallerLeft));
}
