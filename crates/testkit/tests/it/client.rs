//! A tiny HTTP/1.1 client that hides nothing: one connection for each request, raw bytes back.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back, and how it ended.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// The body without its chunk framing.
    pub(crate) body: Vec<u8>,
    /// The sizes of the chunks, for a chunked body.
    pub(crate) chunks: Vec<usize>,
    /// Whether the body came to the end that its framing promised.
    pub(crate) complete: bool,
    pub(crate) error: Option<std::io::ErrorKind>,
}

impl Received {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Connects to `http://127.0.0.1:PORT`.
pub(crate) async fn connect(origin: &str) -> TcpStream {
    let address = origin.strip_prefix("http://").unwrap().parse::<SocketAddr>().unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// The bytes of a request with a body and `connection: close`.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    text
}

pub(crate) async fn send(
    origin: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Received {
    let mut stream = connect(origin).await;
    stream.write_all(request(method, target, headers, body).as_bytes()).await.unwrap();
    receive(&mut stream).await
}

pub(crate) async fn get(origin: &str, target: &str) -> Received {
    send(origin, "GET", target, &[], "").await
}

/// Reads to the end of the connection and takes the reply apart.
pub(crate) async fn receive(stream: &mut TcpStream) -> Received {
    let mut wire = Vec::new();
    let error = stream.read_to_end(&mut wire).await.err().map(|error| error.kind());
    parse(&wire, error)
}

/// Reads until the wire holds `needle`, and gives all that was read.
pub(crate) async fn read_until(stream: &mut TcpStream, needle: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    while !wire.windows(needle.len()).any(|window| window == needle) {
        assert_ne!(stream.read_buf(&mut wire).await.unwrap(), 0, "ended before {needle:?}: {wire:?}");
    }
    wire
}

fn parse(wire: &[u8], error: Option<std::io::ErrorKind>) -> Received {
    let end = wire.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end.filter(|_| wire.starts_with(b"HTTP/1.1 ")) else {
        let head = String::from_utf8_lossy(wire).into_owned();
        return Received { status: 0, head, body: Vec::new(), chunks: Vec::new(), complete: false, error };
    };
    let head = String::from_utf8(wire[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut received =
        Received { status, head, body: Vec::new(), chunks: Vec::new(), complete: false, error };
    let rest = &wire[end + 4..];
    if received.header("transfer-encoding") == Some("chunked") {
        (received.body, received.chunks, received.complete) = dechunk(rest);
    } else {
        let length = received.header("content-length").map(|length| length.parse::<usize>().unwrap());
        received.complete = length.is_none_or(|length| length == rest.len());
        received.body = rest.to_vec();
    }
    received
}

fn dechunk(mut rest: &[u8]) -> (Vec<u8>, Vec<usize>, bool) {
    let (mut body, mut chunks) = (Vec::new(), Vec::new());
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let Ok(length) = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16) else {
            break;
        };
        if length == 0 {
            return (body, chunks, true);
        }
        let data = &rest[line + 2..];
        let taken = &data[..length.min(data.len())];
        body.extend_from_slice(taken);
        chunks.push(taken.len());
        rest = data.get(length + 2..).unwrap_or_default();
    }
    (body, chunks, false)
}

/// The header that lets a caller in.
pub(crate) const KEY: (&str, &str) = ("authorization", "Bearer vck_test");

/// Posts a body with a good key.
pub(crate) async fn post(origin: &str, target: &str, body: &str) -> Received {
    send(origin, "POST", target, &[KEY, ("content-type", "application/json")], body).await
}

/// Posts a chat request of one user message, with these members besides.
pub(crate) async fn chat(origin: &str, model: &str, members: &str) -> Received {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hé!"}}]{members}}}"#);
    post(origin, "/v1/chat/completions", &body).await
}

/// The data of each event of a stream with LF.
pub(crate) fn events(received: &Received) -> Vec<&str> {
    received.text().split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect()
}
