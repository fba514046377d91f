//! An upstream of raw sockets: each test says byte by byte what it answers.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use trunkline_core::{Error, Segments};
use trunkline_provider::{SendOptions, Transport, TransportBody, Waits};
use trunkline_transport::{HttpTransport, TransportOptions};

/// Plays `script` on the next connection. The handle gives what the script gave.
pub(crate) async fn upstream<F, T>(
    script: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (String, JoinHandle<T>)
where
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let played = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        script(stream).await
    });
    (url, played)
}

/// Reads a request with its body, answers, and closes. Gives the request as it came.
pub(crate) async fn answer(mut stream: TcpStream, reply: &[u8]) -> String {
    let request = read_request(&mut stream).await;
    stream.write_all(reply).await.unwrap();
    request
}

/// Reads a request: its head, and as much body as `content-length` says.
pub(crate) async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request broke off: {text}");
    }
}

/// Waits until the other side has closed the connection.
pub(crate) async fn read_to_close(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is a way to close, too.
    let _ = stream.read_to_end(&mut rest).await;
}

/// Keeps a connection open until the other side closes it.
pub(crate) async fn stall(mut stream: TcpStream) {
    read_to_close(&mut stream).await;
}

pub(crate) fn transport() -> HttpTransport {
    HttpTransport::new(TransportOptions::default()).unwrap()
}

pub(crate) fn post(url: &str, segments: &[&'static str]) -> http::Request<Segments> {
    let mut body = Segments::new();
    for segment in segments {
        body.push(Bytes::from_static(segment.as_bytes()));
    }
    http::Request::post(format!("{url}/v1/chat/completions"))
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

/// Sends a request with default options, and reads the whole reply.
pub(crate) async fn exchange(transport: &HttpTransport, url: &str) -> Result<http::Response<Bytes>, Error> {
    exchange_with(transport, url, &SendOptions::default()).await
}

pub(crate) async fn exchange_with(
    transport: &HttpTransport,
    url: &str,
    options: &SendOptions,
) -> Result<http::Response<Bytes>, Error> {
    let (head, body) = transport.send(post(url, &["{}"]), options).await?.into_parts();
    Ok(http::Response::from_parts(head, read(body).await?))
}

pub(crate) async fn read(mut body: TransportBody) -> Result<Bytes, Error> {
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        whole.extend_from_slice(&chunk?);
    }
    Ok(whole.into())
}

/// Waits of which one is short.
pub(crate) fn waits(change: impl FnOnce(&mut Waits)) -> SendOptions {
    let mut options = SendOptions::default();
    change(&mut options.waits);
    options
}

pub(crate) const SHORT: Duration = Duration::from_millis(30);
