//! Streams that are kept as they pass, and those that are not.

use std::time::Duration;

use bytes::Bytes;
use trunkline_cache::{Begin, Cache, Form, Keeper, Kept, Options};
use trunkline_core::{Document, ErrorKind, Event, Observation, Operation, Usage};

use crate::{CHAT, document, key, payloads};

const BODY: &str = r#"{"model":"fast","stream":true}"#;
const MINUTE: Duration = Duration::from_secs(60);

fn chunk(delta: &str) -> Event {
    Event::from_payload(
        format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#).as_bytes(),
    )
}

fn done() -> Event {
    let mut event = Event::from_payload(b"[DONE]");
    event.set_observation(Observation { terminal: true, ..Observation::default() });
    event
}

fn hello() -> Vec<Event> {
    let mut usage =
        Event::from_payload(br#"{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#);
    usage.set_observation(Observation {
        usage: Some(Usage { uncached_input: 1, output: 2, ..Usage::default() }),
        generation_id: Some("gen_1".to_owned()),
        usage_only: true,
        ..Observation::default()
    });
    vec![
        chunk(r#"{"role":"assistant","content":""}"#),
        Event::without_data(Bytes::from_static(b": ping\n\n")),
        chunk(r#"{"content":"Hel"}"#),
        chunk(r#"{"content":"lo"}"#),
        usage,
        done(),
    ]
}

/// What a cache gives after these events, if they are kept.
async fn given(events: &[Event], operation: Operation) -> Option<std::sync::Arc<Kept>> {
    let cache = Cache::in_memory(Options::default());
    let key = key("t", BODY);
    let mut recorder = cache.keeper(&key).record(operation, MINUTE);
    for together in events.chunks(2) {
        recorder.take(together);
    }
    recorder.finish();
    cache.get(&key, None).await.map(|found| found.kept)
}

#[tokio::test]
async fn a_stream_is_given_again_event_by_event() {
    let events = hello();
    let kept = given(&events, CHAT).await.expect("it is kept");
    assert_eq!(kept.form(), Form::Streamed);
    let again = kept.events().expect("it came as events");
    assert_eq!(again.len(), events.len());
    for (again, event) in again.iter().zip(&events) {
        assert_eq!(again.bytes(), event.bytes());
        assert_eq!(again.data(), event.data());
        assert_eq!(again.observation(), event.observation());
    }
    let seen = kept.observation();
    assert_eq!(seen.usage.as_ref().map(Usage::total), Some(3));
    assert_eq!((seen.generation_id.as_deref(), seen.terminal), (Some("gen_1"), true));
}

#[tokio::test]
async fn a_reply_tells_who_answered() {
    let cache = Cache::in_memory(Options::default());
    let (whole, streamed, unsaid) = (key("t", BODY), key("u", BODY), key("v", BODY));
    let body = document(r#"{"choices":[{"index":0,"message":{"content":"Hello"}}]}"#);
    let keep = |keeper: Keeper| keeper.keep_document(CHAT, &body, &Observation::default(), MINUTE);
    keep(cache.keeper(&whole).with_source("d1".into()));
    keep(cache.keeper(&unsaid));
    let mut recorder = cache.keeper(&streamed).with_source("d2".into()).record(CHAT, MINUTE);
    recorder.take(&hello());
    recorder.finish();
    for (key, expected) in [(whole, Some("d1")), (streamed, Some("d2")), (unsaid, None)] {
        let found = cache.get(&key, None).await.expect("it is kept");
        assert_eq!(found.kept.source().map(|source| &**source), expected);
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_or_left_is_not_kept() {
    let cache = Cache::in_memory(Options::default());
    let key = key("t", BODY);
    let Begin::Lead(keeper) = cache.begin(&key, None).await else { panic!("nothing is kept") };
    let Begin::Wait(waiter) = cache.begin(&key, None).await else { panic!("one is on the way") };
    let mut recorder = keeper.record(CHAT, MINUTE);
    recorder.take(&hello()[..3]);
    drop(recorder);
    waiter.wait(MINUTE).await.expect_err("nothing is kept");
    assert!(cache.get(&key, None).await.is_none());
}

#[tokio::test]
async fn a_stream_that_says_nothing_or_that_it_failed_is_not_kept() {
    let silent = [chunk(r#"{"role":"assistant","content":""}"#), chunk("{}"), done()];
    assert!(given(&silent, CHAT).await.is_none());
    assert!(given(&[], CHAT).await.is_none());
    let failing = Event::from_payload(br#"{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#);
    assert!(given(&[chunk(r#"{"content":"a"}"#), failing, done()], CHAT).await.is_none());
    let mut failed = done();
    failed.set_observation(Observation {
        terminal: true,
        failed: Some(ErrorKind::UpstreamFailed),
        ..Observation::default()
    });
    assert!(given(&[chunk(r#"{"content":"a"}"#), failed], CHAT).await.is_none());
    let named = |kind: &str| Event::named(kind, format!(r#"{{"type":"{kind}"}}"#).as_bytes());
    let silent = [named("message_start"), named("message_stop")];
    assert!(given(&silent, Operation::Messages).await.is_none());
    let spoken = [named("message_start"), named("content_block_start"), named("message_stop")];
    assert!(given(&spoken, Operation::Messages).await.is_some());
    assert!(
        given(&[named("response.created"), named("response.completed")], Operation::Responses)
            .await
            .is_none()
    );
    let spoken = [named("response.created"), named("response.output_text.delta")];
    assert!(given(&spoken, Operation::Responses).await.is_some());
}

#[tokio::test]
async fn who_waits_for_a_stream_that_has_grown_too_large_waits_no_longer() {
    let cache = Cache::in_memory(Options { entry_bytes_max: 5_000, ..Options::default() });
    let key = key("t", BODY);
    let Begin::Lead(keeper) = cache.begin(&key, None).await else { panic!("nothing is kept") };
    let Begin::Wait(waiter) = cache.begin(&key, None).await else { panic!("one is on the way") };
    let mut recorder = keeper.record(CHAT, MINUTE);
    for _ in 0..100 {
        recorder.take(&[chunk(r#"{"content":"a"}"#)]);
    }
    // The stream goes on, and the one who waited is free already.
    waiter.wait(MINUTE).await.expect_err("it is too large");
    recorder.finish();
    assert!(cache.get(&key, None).await.is_none());
}

#[test]
fn a_whole_reply_that_says_nothing_or_that_it_failed_is_not_kept() {
    let kept = |operation, text: &str, failed| {
        let document = Document::parse(text.to_owned()).expect("a document");
        Kept::whole(operation, &document, Observation { failed, ..Observation::default() }).is_some()
    };
    for (operation, text, expected) in [
        (CHAT, r#"{"choices":[{"message":{"role":"assistant","content":"a"}}]}"#, true),
        (CHAT, r#"{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{}]}}]}"#, true),
        (CHAT, r#"{"choices":[{"message":{"role":"assistant","content":"","tool_calls":[]}}]}"#, false),
        (
            CHAT,
            r#"{"choices":[{"message":{"role":"assistant","content":"a"},"finish_reason":"error"}]}"#,
            false,
        ),
        (CHAT, r#"{"choices":[]}"#, false),
        (CHAT, r#"{"error":{"message":"no"}}"#, false),
        (Operation::Completions, r#"{"choices":[{"text":"a"}]}"#, true),
        (Operation::Completions, r#"{"choices":[{"text":""}]}"#, false),
        (Operation::Embeddings, r#"{"data":[{"embedding":[1]}]}"#, true),
        (Operation::Embeddings, r#"{"data":[]}"#, false),
        (Operation::Messages, r#"{"content":[{"type":"text","text":"a"}]}"#, true),
        (Operation::Messages, r#"{"type":"error","error":{}}"#, false),
        (Operation::Rerank, r#"{"results":[{"index":0}]}"#, true),
        (Operation::RerankV2, "{}", false),
        (Operation::Responses, r#"{"status":"completed","output":[{}]}"#, true),
        (Operation::Responses, r#"{"status":"failed","output":[{}]}"#, false),
        (Operation::Responses, r#"{"status":"in_progress","output":[]}"#, false),
    ] {
        assert_eq!(kept(operation, text, None), expected, "{operation} {text}");
        assert!(!kept(operation, text, Some(ErrorKind::UpstreamFailed)), "{operation} {text}");
    }
}

#[test]
fn what_cannot_be_changed_is_given_as_it_came() {
    let document = Document::parse(r#"{"content":[{"type":"text","text":"a"}]}"#).expect("a document");
    let kept =
        Kept::whole(Operation::Messages, &document, Observation::default()).expect("it says something");
    assert_eq!((kept.form(), kept.events().is_none()), (Form::Whole, true));
    assert_eq!(kept.document().expect("it came as one").to_bytes(), document.to_bytes());
}

#[tokio::test]
async fn a_stream_of_messages_becomes_no_document() {
    let started = Event::named("content_block_start", br#"{"type":"content_block_start"}"#);
    let kept = given(&[started], Operation::Messages).await.expect("it is kept");
    assert!(kept.document().is_none());
    assert_eq!(payloads(&kept.events().expect("it came as events")), [r#"{"type":"content_block_start"}"#]);
}
