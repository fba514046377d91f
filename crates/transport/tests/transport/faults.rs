//! What goes wrong on the way, and what it is called.

use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use trunkline_core::{Error, ErrorKind};
use trunkline_provider::{SendOptions, Transport};

use crate::upstream::{
    SHORT, answer, exchange, exchange_with, post, read, read_request, stall, transport, upstream, waits,
};

fn check(error: &Error, kind: ErrorKind, message: &str, reached_upstream: bool) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(error.message(), message);
    assert_eq!(error.reached_upstream(), reached_upstream, "{error:?}");
}

async fn broken_by(reply: &'static [u8]) -> Error {
    let (url, _) = upstream(move |stream| answer(stream, reply)).await;
    exchange(&transport(), &url).await.unwrap_err()
}

#[tokio::test]
async fn a_refused_connection_names_no_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = exchange(&transport(), &url).await.unwrap_err();
    check(&error, ErrorKind::UpstreamUnreachable, "no connection to the upstream", false);
    let source = std::error::Error::source(&error).expect("the log is told more");
    assert_eq!(source.to_string(), "there is no connection");
}

#[tokio::test]
async fn a_name_that_nobody_knows() {
    let error = exchange(&transport(), "http://no-such-host.invalid").await.unwrap_err();
    let message = "no connection to the upstream: its name is not known";
    check(&error, ErrorKind::UpstreamUnreachable, message, false);
}

#[tokio::test]
async fn a_connection_that_does_not_come_about() {
    // It accepts, and never answers the TLS handshake.
    let (url, _) = upstream(stall).await;
    let url = url.replace("http:", "https:");
    let error = exchange_with(&transport(), &url, &waits(|waits| waits.connect = SHORT)).await.unwrap_err();
    let message = "no connection to the upstream within 30 ms";
    check(&error, ErrorKind::UpstreamUnreachable, message, false);
}

#[tokio::test]
async fn no_head_in_time() {
    let (url, _) = upstream(stall).await;
    let options = waits(|waits| waits.first_event = SHORT);
    let error = exchange_with(&transport(), &url, &options).await.unwrap_err();
    check(&error, ErrorKind::UpstreamTimeout, "no answer from the upstream within 30 ms", true);
}

/// Answers with this, and then says no more.
async fn silent_after(reply: &'static [u8]) -> String {
    let script = move |mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        stream.write_all(reply).await.unwrap();
        stall(stream).await;
    };
    upstream(script).await.0
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
const HEAD_AND_MORE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";

#[tokio::test]
async fn a_head_alone_is_not_yet_an_answer() {
    let url = silent_after(HEAD).await;
    let options = waits(|waits| waits.first_event = SHORT);
    let response = transport().send(post(&url, &["{}"]), &options).await.unwrap();
    let error = read(response.into_body()).await.unwrap_err();
    check(&error, ErrorKind::UpstreamTimeout, "no answer from the upstream within 30 ms", true);
}

#[tokio::test]
async fn silence_in_the_middle() {
    let url = silent_after(HEAD_AND_MORE).await;
    let error = exchange_with(&transport(), &url, &waits(|waits| waits.idle = SHORT)).await.unwrap_err();
    check(&error, ErrorKind::UpstreamTimeout, "the upstream sent nothing for 30 ms", true);
}

#[tokio::test]
async fn too_long_altogether() {
    for reply in [b"", HEAD, HEAD_AND_MORE] {
        let url = silent_after(reply).await;
        let error = exchange_with(&transport(), &url, &waits(|waits| waits.total = SHORT)).await.unwrap_err();
        check(&error, ErrorKind::UpstreamTimeout, "the upstream did not finish within 30 ms", true);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_cut() {
    let message = "the upstream broke the connection in the middle of its reply";
    let short = broken_by(HEAD_AND_MORE).await;
    check(&short, ErrorKind::UpstreamCut, message, true);
    let chunked =
        broken_by(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n").await;
    check(&chunked, ErrorKind::UpstreamCut, message, true);
    let nonsense = broken_by(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await;
    check(&nonsense, ErrorKind::UpstreamCut, message, true);
}

#[tokio::test]
async fn a_reset_in_the_middle_is_a_cut() {
    let (begun, reset) = tokio::sync::oneshot::channel::<()>();
    let (url, _) = upstream(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(HEAD_AND_MORE).await.unwrap();
        reset.await.unwrap();
        // Without lingering, the kernel sends a reset instead of an end.
        stream.set_zero_linger().unwrap();
    })
    .await;
    let response = transport().send(post(&url, &["{}"]), &SendOptions::default()).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "{");
    begun.send(()).unwrap();
    let error = body.next().await.unwrap().unwrap_err();
    let message = "the upstream broke the connection in the middle of its reply";
    check(&error, ErrorKind::UpstreamCut, message, true);
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer() {
    let message = "the upstream broke the connection before it answered";
    for reply in [&b""[..], b"HTTP/1.1 200"] {
        check(&broken_by(reply).await, ErrorKind::UpstreamProtocol, message, true);
    }
}

#[tokio::test]
async fn what_is_no_reply_is_said_to_be_none() {
    let message = "the upstream's answer is no reply of HTTP/1.1";
    let interim: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let endless: &'static [u8] = interim.repeat(17).leak();
    for reply in [&b"SSH-2.0-OpenSSH_9.6\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.6\r\n", endless] {
        check(&broken_by(reply).await, ErrorKind::UpstreamProtocol, message, true);
    }
    let message = "the head of the upstream's reply is longer than 262144 bytes or has more than 128 headers";
    let many: &'static [u8] =
        [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"a: b\r\n".repeat(129), b"\r\n"].concat().leak();
    let long: &'static [u8] = [b"HTTP/1.1 200 OK\r\na: ".as_slice(), &[b'b'; 300_000]].concat().leak();
    for reply in [many, long] {
        check(&broken_by(reply).await, ErrorKind::UpstreamProtocol, message, true);
    }
}

#[tokio::test]
async fn an_encoding_that_cannot_be_undone() {
    let error =
        broken_by(b"HTTP/1.1 200 OK\r\ncontent-encoding: compress\r\ncontent-length: 2\r\n\r\n{}").await;
    let message = "the upstream's reply is in a content encoding that is not understood";
    check(&error, ErrorKind::UpstreamProtocol, message, true);
}

#[tokio::test]
async fn a_relative_address_is_refused() {
    let request = http::Request::post("/v1").body(Default::default()).unwrap();
    let error = transport().send(request, &SendOptions::default()).await.err().expect("no host");
    check(&error, ErrorKind::Configuration, "the upstream's address is not a URL", false);
}
