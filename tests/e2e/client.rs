//! A client that writes HTTP by hand, so that a test can send what no well-kept client would.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer takes longer than this; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as HTTP says: its length reached, or its last chunk there.
    pub(crate) complete: bool,
    /// The bytes of status line and headers.
    pub(crate) head_bytes: usize,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The error's status, type and param.
    pub(crate) fn error(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or("null").to_owned();
        (self.status, text("type"), text("param"))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The payloads of the events of a streamed body.
    pub(crate) fn payloads(&self) -> Vec<String> {
        self.text().split("\n\n").filter_map(|event| Some(event.strip_prefix("data: ")?.to_owned())).collect()
    }
}

/// Sends a request with these headers and a body of known length.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("connection: close\r\n\r\n");
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    send_raw(address, &request, method == "HEAD").await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, "GET", path, &[], b"").await
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    send(address, "POST", path, &[("content-type", "application/json")], body.as_bytes()).await
}

/// Sends these bytes and reads what comes back until the other side closes.
pub(crate) async fn send_raw(address: SocketAddr, request: &[u8], is_head: bool) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    // A server may refuse and close before it has taken the whole request.
    let _ = stream.write_all(request).await;
    read(stream, is_head).await
}

/// Reads an answer until the other side closes.
pub(crate) async fn read(mut stream: TcpStream, is_head: bool) -> Answer {
    let mut bytes = Vec::new();
    let reading = async {
        let mut piece = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, reading).await.is_ok();
    assert!(ended, "the answer does not end in time: {}", String::from_utf8_lossy(&bytes));
    parse(&bytes, is_head)
}

fn parse(bytes: &[u8], is_head: bool) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let head = std::str::from_utf8(&bytes[..end]).expect("the head is text");
    let mut lines = head.split("\r\n");
    let status_line = lines.next().expect("a status line");
    let status = status_line.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let rest = &bytes[end..];
    let (body, complete) = if headers.get("transfer-encoding").is_some_and(|value| value == "chunked") {
        unchunked(rest)
    } else {
        let length = headers.get("content-length").and_then(|text| text.parse::<usize>().ok());
        (rest.to_vec(), is_head || length.is_none_or(|length| length == rest.len()))
    };
    Answer { status, headers, body, complete, head_bytes: end }
}

fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size =
            std::str::from_utf8(&rest[..line]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let size = size.expect("a chunk's size");
        let chunk = line + 2;
        if size == 0 {
            return (body, true);
        }
        let Some(data) = rest.get(chunk..chunk + size) else { break };
        body.extend_from_slice(data);
        rest = rest.get(chunk + size + 2..).unwrap_or_default();
    }
    (body, false)
}
