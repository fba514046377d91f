//! Connections are kept between requests, and only those that still serve.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpListener;
use trunkline_provider::{SendOptions, Transport};
use trunkline_transport::{Connect, Duplex, HttpTransport, TransportOptions};

use crate::upstream::{exchange, post, read_request, read_to_close, transport};

/// Answers each connection's requests with these replies.
async fn upstream_of(
    replies: &'static [&'static str],
    connections: usize,
) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            for reply in replies {
                read_request(&mut stream).await;
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    (url, served)
}

const KEPT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// Lets the runtime look for events: an await that only the system can end.
async fn look_around() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let calling = tokio::net::TcpStream::connect(listener.local_addr().unwrap());
    let (accepted, called) = tokio::join!(listener.accept(), calling);
    accepted.unwrap();
    called.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_closed_at_rest_is_not_used() {
    let transport = transport();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (closed, mut is_closed) = tokio::sync::mpsc::channel::<()>(2);
    let served = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(KEPT.as_bytes()).await.unwrap();
            drop(stream);
            closed.send(()).await.unwrap();
        }
    });
    exchange(&transport, &url).await.unwrap();
    is_closed.recv().await.unwrap();
    look_around().await;
    exchange(&transport, &url).await.unwrap();
    served.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_says_close_is_not_used() {
    let transport = transport();
    let closing = &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"];
    let (url, served) = upstream_of(closing, 2).await;
    exchange(&transport, &url).await.unwrap();
    exchange(&transport, &url).await.unwrap();
    served.await.unwrap();
}

/// Bytes that belong to no reply would be taken for the next one's.
#[tokio::test]
async fn a_connection_that_said_too_much_is_not_used() {
    let transport = transport();
    let (url, served) =
        upstream_of(&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n"], 2).await;
    assert_eq!(exchange(&transport, &url).await.unwrap().into_body(), "{}");
    assert_eq!(exchange(&transport, &url).await.unwrap().into_body(), "{}");
    served.await.unwrap();
}

#[tokio::test]
async fn what_rests_too_long_is_closed() {
    let options =
        TransportOptions { pool_idle_timeout: Duration::from_millis(20), ..TransportOptions::default() };
    let transport = HttpTransport::new(options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(KEPT.as_bytes()).await.unwrap();
        // Nobody asks again: it is the sweep that ends this.
        read_to_close(&mut stream).await;
    });
    exchange(&transport, &url).await.unwrap();
    served.await.unwrap();
}

#[tokio::test]
async fn a_transport_that_is_dropped_closes_what_rests() {
    let transport = transport();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(KEPT.as_bytes()).await.unwrap();
        read_to_close(&mut stream).await;
    });
    exchange(&transport, &url).await.unwrap();
    drop(transport);
    served.await.unwrap();
}

/// A runtime that is not running watches no sockets: what rests there is of no use elsewhere.
#[test]
fn each_runtime_has_connections_of_its_own() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (serving, first, second) = (
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
        runtime(),
        runtime(),
    );
    let transport = transport();
    let (url, served) = serving.block_on(upstream_of(&[KEPT], 2));
    for caller in [&first, &second] {
        assert_eq!(caller.block_on(exchange(&transport, &url)).unwrap().into_body(), "{}");
    }
    serving.block_on(served).unwrap();
}

/// Upstreams end a stream's message a moment after its last event.
#[tokio::test]
async fn a_stream_s_connection_is_kept_when_its_end_comes_late() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, mut was_seen) = tokio::sync::mpsc::channel::<()>(1);
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(format!("{head}e\r\ndata: [DONE]\n\n\r\n").as_bytes()).await.unwrap();
        was_seen.recv().await.unwrap();
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        // The second request comes on the same connection: no other one is accepted.
        read_request(&mut stream).await;
        stream.write_all(KEPT.as_bytes()).await.unwrap();
    });
    let transport = transport();
    let reply = transport.send(post(&url, &["{}"]), &SendOptions::default()).await.unwrap();
    let mut body = reply.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "data: [DONE]\n\n");
    transport.finish(body);
    seen.send(()).await.unwrap();
    // The upstream writes, its bytes arrive, the connection goes back.
    for _ in 0..3 {
        look_around().await;
    }
    assert_eq!(exchange(&transport, &url).await.unwrap().into_body(), "{}");
    served.await.unwrap();
}

/// Connects to memory, behind which every request is answered.
#[derive(Debug)]
struct Memory;

#[async_trait]
impl Connect for Memory {
    async fn connect(&self, uri: &http::Uri) -> io::Result<Box<dyn Duplex>> {
        if uri.host() != Some("memory") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let (near, mut far) = duplex(1024);
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while far.read(&mut buffer).await.unwrap() > 0 {
                far.write_all(KEPT.as_bytes()).await.unwrap();
            }
        });
        Ok(Box::new(near))
    }
}

#[tokio::test]
async fn an_application_may_connect_itself() {
    let options = TransportOptions { connect: Some(Arc::new(Memory)), ..TransportOptions::default() };
    let transport = HttpTransport::new(options).unwrap();
    for _ in 0..2 {
        assert_eq!(exchange(&transport, "https://memory").await.unwrap().into_body(), "{}");
    }
    let error = exchange(&transport, "http://elsewhere").await.unwrap_err();
    assert_eq!(error.message(), "no connection to the upstream");
}
