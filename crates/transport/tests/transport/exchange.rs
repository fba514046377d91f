//! Requests go out as they were made, and replies come back as they were sent.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trunkline_provider::{SendOptions, Transport};

use crate::upstream::{
    answer, exchange, exchange_with, post, read, read_request, read_to_close, transport, upstream,
};

const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-own: 1\r\n\r\n{}";

#[tokio::test]
async fn segments_go_out_in_order_under_their_exact_length() {
    let (url, played) = upstream(|stream| answer(stream, PLAIN)).await;
    let request = post(&url, &["{\"model\":", "\"m\"", ",\"n\":1}"]);
    let response = transport().send(request, &SendOptions::default()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-own"], "1");
    assert_eq!(read(response.into_body()).await.unwrap(), "{}");

    let sent = played.await.unwrap();
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "{\"model\":\"m\",\"n\":1}");
    let lines: Vec<_> = head.lines().collect();
    assert_eq!(lines[0], "POST /v1/chat/completions HTTP/1.1");
    assert!(lines.contains(&"content-length: 19"), "{head}");
    assert!(lines.contains(&"content-type: application/json"), "{head}");
    assert!(lines.contains(&"accept-encoding: identity"), "{head}");
    assert!(lines.contains(&"user-agent: trunkline/0.1.0"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
}

#[tokio::test]
async fn a_request_without_a_body_says_nothing_of_one() {
    let (url, played) = upstream(|stream| answer(stream, PLAIN)).await;
    let request = http::Request::get(format!("{url}/v1/models")).body(Default::default()).unwrap();
    transport().send(request, &SendOptions::default()).await.unwrap();
    let sent = played.await.unwrap();
    assert!(sent.starts_with("GET /v1/models HTTP/1.1\r\n"), "{sent}");
    assert!(!sent.contains("content-length") && !sent.contains("transfer-encoding"), "{sent}");
}

#[tokio::test]
async fn every_status_is_an_answer() {
    for reply in ["404 Not Found", "429 Too Many Requests", "503 Service Unavailable"] {
        let bytes = format!("HTTP/1.1 {reply}\r\ncontent-length: 4\r\n\r\nbusy");
        let (url, _) = upstream(|stream| async move { answer(stream, bytes.as_bytes()).await }).await;
        let response = exchange(&transport(), &url).await.unwrap();
        assert_eq!(response.status().as_str(), &reply[..3]);
        assert_eq!(response.into_body(), "busy");
    }
}

/// A key belongs to one origin: wherever a redirect leads, it is not followed.
#[tokio::test]
async fn redirects_are_not_followed() {
    const REDIRECT: &[u8] =
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
    let (url, _) = upstream(|stream| answer(stream, REDIRECT)).await;
    let response = exchange(&transport(), &url).await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], "http://127.0.0.1:9/");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let (url, played) = upstream(|mut stream| async move {
        for _ in 0..3 {
            read_request(&mut stream).await;
            stream.write_all(PLAIN).await.unwrap();
        }
    })
    .await;
    let transport = transport();
    for _ in 0..3 {
        assert_eq!(exchange(&transport, &url).await.unwrap().into_body(), "{}");
    }
    played.await.unwrap();
}

#[tokio::test]
async fn pieces_of_a_stream_arrive_one_by_one() {
    let (ask, mut asked) = tokio::sync::mpsc::channel::<()>(1);
    let (url, _) = upstream(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        while asked.recv().await.is_some() {
            stream.write_all(b"9\r\ndata: 1\n\n\r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    })
    .await;
    let response = transport().send(post(&url, &["{}"]), &SendOptions::default()).await.unwrap();
    let mut body = response.into_body();
    for _ in 0..3 {
        ask.send(()).await.unwrap();
        assert_eq!(body.next().await.unwrap().unwrap(), "data: 1\n\n");
    }
    drop(ask);
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn a_compressed_reply_arrives_inflated_and_says_nothing_of_it() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"{\"id\":\"gen_1\"}").unwrap();
    let body = encoder.finish().unwrap();
    let mut reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    reply.extend_from_slice(&body);
    let (url, _) = upstream(|stream| async move { answer(stream, &reply).await }).await;
    let response = exchange(&transport(), &url).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(!response.headers().contains_key("content-encoding"));
    assert!(!response.headers().contains_key("content-length"));
    assert_eq!(response.into_body(), "{\"id\":\"gen_1\"}");
}

#[tokio::test]
async fn dropping_the_call_closes_the_connection() {
    let (arrived, mut asked) = tokio::sync::oneshot::channel::<()>();
    let (url, played) = upstream(|mut stream| async move {
        read_request(&mut stream).await;
        arrived.send(()).unwrap();
        read_to_close(&mut stream).await;
    })
    .await;
    let transport = transport();
    let options = SendOptions::default();
    let mut call = transport.send(post(&url, &["{}"]), &options);
    tokio::select! {
        _ = &mut call => panic!("there is no answer"),
        arrived = &mut asked => arrived.unwrap(),
    }
    drop(call);
    played.await.unwrap();
}

#[tokio::test]
async fn dropping_the_body_closes_the_connection() {
    let (url, played) = upstream(|mut stream| async move {
        read_request(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
            .await
            .unwrap();
        read_to_close(&mut stream).await;
    })
    .await;
    let response = transport().send(post(&url, &["{}"]), &SendOptions::default()).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "data: 1\n\n");
    drop(body);
    played.await.unwrap();
}

#[tokio::test]
async fn a_target_may_be_spoken_to_in_http_2() {
    let (url, played) = upstream(|mut stream| async move {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        preface
    })
    .await;
    let options = SendOptions { http2: true, ..SendOptions::default() };
    exchange_with(&transport(), &url, &options).await.unwrap_err();
    assert_eq!(&played.await.unwrap(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

/// What one read brought leaves in one write, however many chunks it was sent in.
#[tokio::test]
async fn chunks_that_come_together_are_one_piece() {
    let mut reply = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..16 {
        reply.extend_from_slice(b"9\r\ndata: 1\n\n\r\n");
    }
    reply.extend_from_slice(b"0\r\n\r\n");
    let (url, _) = upstream(|stream| async move { answer(stream, &reply).await }).await;
    let response = transport().send(post(&url, &["{}"]), &SendOptions::default()).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "data: 1\n\n".repeat(16));
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn interim_replies_are_passed_over() {
    const REPLY: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n\
                           HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let (url, _) = upstream(|stream| answer(stream, REPLY)).await;
    let response = exchange(&transport(), &url).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().contains_key("link")), (200, false));
    assert_eq!(response.into_body(), "{}");
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_its_connection() {
    let (url, _) = upstream(|stream| answer(stream, b"HTTP/1.0 200 OK\r\n\r\nto the end")).await;
    assert_eq!(exchange(&transport(), &url).await.unwrap().into_body(), "to the end");
}

/// Whoever refuses a large body does not read it first.
#[tokio::test]
async fn an_answer_may_come_before_the_request_has_been_sent() {
    let (url, _) = upstream(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nlong").await.unwrap();
        read_to_close(&mut stream).await;
    })
    .await;
    let mut body = trunkline_core::Segments::new();
    let piece = bytes::Bytes::from(vec![b' '; 1 << 20]);
    (0..64).for_each(|_| body.push(piece.clone()));
    let request = http::Request::post(url).body(body).unwrap();
    let response = transport().send(request, &SendOptions::default()).await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(read(response.into_body()).await.unwrap(), "long");
}

/// More pieces than one write takes, and more bytes than the system holds for a reader who is not there yet.
#[tokio::test]
async fn a_request_of_many_pieces_arrives_whole() {
    let (url, played) = upstream(|mut stream| async move {
        let request = read_request(&mut stream).await;
        stream.write_all(PLAIN).await.unwrap();
        request
    })
    .await;
    let mut body = trunkline_core::Segments::new();
    for index in 0..100 {
        body.push(bytes::Bytes::from(format!("{index:>10000}")));
    }
    let expected = String::from_utf8(body.clone().into_bytes().to_vec()).unwrap();
    let request = http::Request::post(url).body(body).unwrap();
    transport().send(request, &SendOptions::default()).await.unwrap();
    let sent = played.await.unwrap();
    assert!(sent.split_once("\r\n\r\n").unwrap().1 == expected);
}
