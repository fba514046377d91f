//! Stopping: open streams end well, or are told why they do not.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_testkit::upstream::{Cut, Pause, Script, ScriptedUpstream, Step};

use crate::client::{post, read};
use crate::server::{Start, Trunkline};

const EVENT: &str =
    "data: {\"id\":\"a\",\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

/// A stream that has begun and goes on when the upstream is told to.
async fn open_stream(grace_seconds: u32) -> (ScriptedUpstream, Trunkline, TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let script = Script::new([
        Step::Send(format!("{head}{EVENT}").into()),
        Step::Pause(Pause::Told),
        Step::Send("data: [DONE]\n\n".into()),
        Step::Close,
    ]);
    let upstream = ScriptedUpstream::start([script]).await.expect("a loopback port");
    let config = format!(
        "trunkline_settings:\n  shutdown_grace_seconds: {grace_seconds}\n\
         model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {}/v1\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut caller = TcpStream::connect(server.address).await.expect("it listens");
    caller.write_all(request.as_bytes()).await.expect("room");
    // The head's first byte says that the stream has begun.
    let mut first = [0];
    caller.peek(&mut first).await.expect("a byte");
    (upstream, server, caller)
}

#[tokio::test]
async fn an_open_stream_ends_well_within_the_grace() {
    let (upstream, server, caller) = open_stream(30).await;
    server.terminate().await;
    // Nobody new is let in once it stops.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    upstream.tell();
    let answer = read(caller, false).await;
    assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    let (status, log) = server.ended().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn a_stream_that_outlasts_the_grace_is_told_why() {
    let (_upstream, server, caller) = open_stream(0).await;
    server.terminate().await;
    let answer = read(caller, false).await;
    assert!(answer.complete, "the chunks end properly");
    assert!(answer.text().contains("the gateway stopped before the reply was complete"), "{}", answer.text());
    assert!(!answer.text().contains("[DONE]"));
    let (status, log) = server.ended().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_loses_no_line() {
    let (_upstream, server, _caller) = open_stream(600).await;
    server.terminate().await;
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.terminate().await;
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(130), "{log}");
    assert!(log.contains("stopping: open replies go on until their grace is over"), "{log}");
}

#[tokio::test]
async fn a_call_without_a_reply_yet_is_told_too() {
    let upstream =
        ScriptedUpstream::start([Script::cut_before_head(Cut::Stall)]).await.expect("a loopback port");
    let config = format!(
        "trunkline_settings:\n  shutdown_grace_seconds: 0\n\
         model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {}/v1\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let address = server.address;
    let waiting =
        tokio::spawn(
            async move { post(address, "/v1/chat/completions", r#"{"model":"m","messages":[]}"#).await },
        );
    upstream.wait_for_requests(1).await;
    server.terminate().await;
    let answer = waiting.await.expect("an answer");
    assert_eq!(answer.error(), (503, "service_unavailable_error".to_owned(), "null".to_owned()));
    server.ended().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_it_up() {
    let server = Start::new().serve().await;
    let mut idle = TcpStream::connect(server.address).await.expect("it listens");
    idle.write_all(b"GET /health/liveliness HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("room");
    let mut first = [0; 1024];
    let count = idle.read(&mut first).await.expect("an answer");
    assert!(first[..count].starts_with(b"HTTP/1.1 200"));
    server.stop().await;
}
