//! Streams that go wrong, and how they are put on the wire.

use std::io::ErrorKind;
use std::time::Instant;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trunkline_testkit::simulator::{
    CutKind, Fault, FaultRule, LineEnding, Outcome, Pacing, Simulator, Split,
};

use crate::client::{KEY, Received, chat, connect, events, read_until, receive, request};
use crate::simulator_chat::simulator;

const MODEL: &str = "mistral/ministral-8b";

async fn stream(simulator: &Simulator, faults: impl IntoIterator<Item = Fault>) -> Received {
    simulator.control().fault(FaultRule::new(faults));
    chat(&simulator.url(), MODEL, r#","stream":true"#).await
}

/// Sends a streamed chat request and leaves the reply unread.
async fn open(simulator: &Simulator) -> TcpStream {
    let mut stream = connect(&simulator.url()).await;
    let body = format!(r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":"x"}}],"stream":true}}"#);
    let request = request("POST", "/v1/chat/completions", &[KEY], &body);
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_stream_is_cut_at_any_byte_in_both_ways() {
    let simulator = simulator().await;
    let whole = stream(&simulator, []).await.body;
    // Ids differ from stream to stream, but never in length.
    for after_bytes in (0..=whole.len()).step_by(31).chain([whole.len()]) {
        let closed = stream(&simulator, [Fault::Cut { after_bytes, how: CutKind::Close }]).await;
        assert_eq!(
            (closed.status, closed.body.len(), closed.complete, closed.error),
            (200, after_bytes, false, None)
        );
        let reset = stream(&simulator, [Fault::Cut { after_bytes, how: CutKind::Reset }]).await;
        assert_eq!((reset.status, reset.body.len(), reset.complete), (200, after_bytes, false));
        assert_eq!(reset.error, Some(ErrorKind::ConnectionReset));
    }
    let last = simulator.control().requests().pop().unwrap();
    assert_eq!(last.ended.unwrap().outcome, Outcome::Cut);
}

#[tokio::test]
async fn a_whole_reply_is_cut_too() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Cut { after_bytes: 40, how: CutKind::Close });
    let received = chat(&simulator.url(), MODEL, "").await;
    assert_eq!((received.status, received.body.len(), received.complete), (200, 40, false));
}

#[tokio::test]
async fn ends_of_streams_are_varied() {
    let simulator = simulator().await;
    let received = stream(&simulator, [Fault::NoDone]).await;
    assert!(
        received.complete && !received.text().contains("[DONE]") && received.text().contains(r#""usage""#)
    );
    let received = stream(&simulator, [Fault::Truncate { after_events: 3 }]).await;
    assert!(received.complete);
    assert_eq!(events(&received).len(), 3);
    let received = stream(&simulator, [Fault::NoTrailingNewline]).await;
    assert!(received.complete && received.text().ends_with("\n\ndata: [DONE]"));
    let received =
        stream(&simulator, [Fault::LineEnding(LineEnding::CrLf), Fault::Comments, Fault::ByteOrderMark])
            .await;
    assert!(received.text().starts_with("\u{feff}: keep-alive 0 é\r\n\r\ndata: {"));
    assert!(received.text().ends_with("\r\n\r\ndata: [DONE]\r\n\r\n"));
}

#[tokio::test]
async fn usage_has_its_own_event_or_is_nowhere() {
    let simulator = simulator().await;
    let received = stream(&simulator, [Fault::UsageOnlyChunk]).await;
    let events = events(&received);
    let usage = serde_json::from_str::<Value>(events[events.len() - 2]).unwrap();
    assert_eq!(
        (usage["choices"].as_array().map(Vec::len), usage["usage"]["prompt_tokens"].as_u64()),
        (Some(0), Some(8))
    );
    let finish = serde_json::from_str::<Value>(events[events.len() - 3]).unwrap();
    assert_eq!((finish["choices"][0]["finish_reason"].as_str(), finish.get("usage")), (Some("stop"), None));
    let received = stream(&simulator, [Fault::OmitUsage]).await;
    assert!(received.complete && !received.text().contains(r#""usage""#));
}

#[tokio::test]
async fn errors_stand_inside_a_stream() {
    let simulator = simulator().await;
    let received = stream(&simulator, [Fault::ErrorEvent { after_events: 0 }]).await;
    let only = r#"{"error":{"message":"Service temporarily unavailable.","type":"service_unavailable_error","param":{"statusCode":503}}}"#;
    assert_eq!((received.status, events(&received)), (200, vec![only]));
    let received = stream(&simulator, [Fault::RelayedErrorEvent { after_events: 2 }]).await;
    let events = events(&received);
    assert_eq!(events.len(), 3);
    let relayed = serde_json::from_str::<Value>(events[2]).unwrap();
    let inner = serde_json::from_str::<Value>(relayed["value"]["error_message"].as_str().unwrap()).unwrap();
    assert_eq!(inner["error"]["message"], "prompt is too long");
}

#[tokio::test]
async fn a_stall_ends_when_released() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Stall { after_events: 2 });
    let mut stream = open(&simulator).await;
    read_until(&mut stream, b"You sa").await;
    let requests = simulator.control().requests();
    assert!(requests[0].first_byte_at.is_some() && requests[0].ended.is_none());
    simulator.control().release();
    read_until(&mut stream, b"[DONE]").await;
    assert_eq!(simulator.control().wait_until_ended(0).await.ended.unwrap().outcome, Outcome::Complete);
}

#[tokio::test]
async fn a_caller_that_leaves_is_noticed_at_once() {
    let simulator = simulator().await;
    for fault in
        [Fault::Stall { after_events: 1 }, Fault::HoldOpen, Fault::SlowFirstByte { milliseconds: 600_000 }]
    {
        simulator.control().reset();
        simulator.control().fault(fault);
        let mut stream = open(&simulator).await;
        read_until(&mut stream, b"\r\n\r\n").await;
        let left_at = Instant::now();
        drop(stream);
        let ended = simulator.control().wait_until_ended(0).await.ended.unwrap();
        assert_eq!(ended.outcome, Outcome::CallerLeft);
        assert!(ended.at >= left_at);
    }
}

#[tokio::test]
async fn a_hang_sends_nothing_until_the_caller_leaves() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Hang);
    let stream = open(&simulator).await;
    let requests = simulator.control().wait_for_requests(1).await;
    assert_eq!(requests[0].status, None);
    drop(stream);
    let request = simulator.control().wait_until_ended(0).await;
    assert_eq!(
        (request.ended.unwrap().outcome, request.first_byte_at, request.status),
        (Outcome::CallerLeft, None, None)
    );
}

#[tokio::test]
async fn after_done_a_connection_can_stay_open() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::HoldOpen);
    let mut stream = open(&simulator).await;
    read_until(&mut stream, b"[DONE]\n\n").await;
    assert!(simulator.control().requests()[0].ended.is_none());
    drop(stream);
    assert_eq!(simulator.control().wait_until_ended(0).await.ended.unwrap().outcome, Outcome::CallerLeft);
}

#[tokio::test]
async fn writes_follow_the_pacing() {
    let simulator = simulator().await;
    let plain = stream(&simulator, []).await;
    let count = plain.chunks.len();
    simulator.control().set_pacing(Pacing { events_per_write: 4, ..Pacing::default() });
    assert_eq!(stream(&simulator, []).await.chunks.len(), count.div_ceil(4));
    simulator.control().set_pacing(Pacing { split: Split::InsideLine, ..Pacing::default() });
    assert_eq!(stream(&simulator, []).await.chunks.len(), 2 * count);
    simulator.control().set_pacing(Pacing { split: Split::Every(1), ..Pacing::default() });
    let received = stream(&simulator, []).await;
    assert!(received.complete && received.chunks.iter().all(|size| *size == 1));
    simulator.control().set_pacing(Pacing { split: Split::InsideCharacter, ..Pacing::default() });
    let received = stream(&simulator, []).await;
    let mut offset = 0;
    let inside = received.chunks.iter().filter(|size| {
        offset += **size;
        !received.text().is_char_boundary(offset)
    });
    // “, é, ”, à, 漢, 字, 🙂, and → in the plan, which has one provider and so no arrow.
    assert_eq!(inside.count(), 7);
}

#[tokio::test]
async fn a_delay_passes_between_writes() {
    let simulator = simulator().await;
    simulator.control().set_pacing(Pacing { events_per_write: 2, delay_ms: 5, split: Split::None });
    let received = stream(&simulator, []).await;
    let request = &simulator.control().requests()[0];
    let took = request.ended.unwrap().at - request.first_byte_at.unwrap();
    assert!(took.as_millis() as usize >= 5 * (received.chunks.len() - 1), "{took:?}");
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let simulator = simulator().await;
    let mut stream = connect(&simulator.url()).await;
    let get = "GET /v1/models/openai/gpt-4o/endpoints HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(get.as_bytes()).await.unwrap();
    read_until(&mut stream, b"\"status\":0").await;
    stream.write_all(get.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let rest = receive(&mut stream).await;
    assert_eq!(rest.error, None);
    assert_eq!(simulator.control().requests().len(), 2);
}
