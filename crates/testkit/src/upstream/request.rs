//! One request as it came over the wire: head and body, read without a parser that could tidy it.

use std::io;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt};

const HEAD_BYTES_MAX: usize = 1 << 20;
const BODY_BYTES_MAX: usize = 256 << 20;

/// A request that the scripted upstream read.
#[derive(Debug, Clone)]
pub struct UpstreamRequest {
    /// The request line and headers as received, up to and with the empty line.
    pub head: Bytes,
    /// The body, without its chunk framing if it had any.
    pub body: Bytes,
    /// The method as received, such as `POST`.
    pub method: String,
    /// The request target as received, such as `/v1/chat/completions?x=1`.
    pub target: String,
    /// The headers, parsed.
    pub headers: HeaderMap,
}

impl UpstreamRequest {
    /// The value of a header as text, if it was sent once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Reads the next request; `None` at the end of the connection or when what came is not HTTP/1.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Option<UpstreamRequest> {
    let head_length = read_until(stream, buffer, b"\r\n\r\n", HEAD_BYTES_MAX).await.ok()?;
    let head = buffer.split_to(head_length).freeze();
    let (method, target, headers) = parse_head(&head)?;
    let body = if chunked(&headers) {
        read_chunks(stream, buffer).await.ok()?
    } else {
        let length = headers.get(http::header::CONTENT_LENGTH);
        let length = length.map_or(Some(0), |value| value.to_str().ok()?.parse::<usize>().ok())?;
        read_exact(stream, buffer, length).await.ok()?
    };
    Some(UpstreamRequest { head, body, method, target, headers })
}

fn parse_head(head: &[u8]) -> Option<(String, String, HeaderMap)> {
    let head = head.strip_suffix(b"\r\n\r\n")?;
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let request_line = std::str::from_utf8(lines.next()?).ok()?;
    let mut words = request_line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        headers.append(name, value);
    }
    Some((method, target, headers))
}

fn chunked(headers: &HeaderMap) -> bool {
    let encoding = headers.get(http::header::TRANSFER_ENCODING);
    encoding.is_some_and(|value| value.as_bytes().to_ascii_lowercase().ends_with(b"chunked"))
}

async fn read_chunks(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<Bytes> {
    let mut body = BytesMut::new();
    loop {
        let line_length = read_until(stream, buffer, b"\r\n", HEAD_BYTES_MAX).await?;
        let line = buffer.split_to(line_length).freeze();
        let digits = line.split(|byte| matches!(byte, b';' | b'\r')).next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).map_err(io::Error::other)?;
        let length = usize::from_str_radix(digits.trim(), 16).map_err(io::Error::other)?;
        if body.len().saturating_add(length) > BODY_BYTES_MAX {
            return Err(io::Error::other("request body too large for the scripted upstream"));
        }
        let chunk = read_exact(stream, buffer, length).await?;
        body.extend_from_slice(&chunk);
        read_exact(stream, buffer, 2).await?;
        if length == 0 {
            return Ok(body.freeze());
        }
    }
}

async fn read_exact(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    length: usize,
) -> io::Result<Bytes> {
    if length > BODY_BYTES_MAX {
        return Err(io::Error::other("request body too large for the scripted upstream"));
    }
    while buffer.len() < length {
        read_more(stream, buffer).await?;
    }
    Ok(buffer.split_to(length).freeze())
}

/// The length of the buffer's beginning that ends with `end`, reading on until it is there.
async fn read_until(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    end: &[u8],
    bytes_max: usize,
) -> io::Result<usize> {
    loop {
        if let Some(position) = buffer.windows(end.len()).position(|window| window == end) {
            return Ok(position + end.len());
        }
        if buffer.len() > bytes_max {
            return Err(io::Error::other("request head too large for the scripted upstream"));
        }
        read_more(stream, buffer).await?;
    }
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(wire: &[u8], target: &str, body: &[u8], left: &[u8]) {
        let mut buffer = BytesMut::new();
        let request = read(&mut &wire[..], &mut buffer).await.unwrap();
        assert_eq!(request.target, target);
        assert_eq!(request.body, body);
        assert_eq!(&buffer[..], left);
    }

    #[tokio::test]
    async fn reads_bodies_by_length_and_in_chunks() {
        check(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n", "/a", b"", b"").await;
        check(b"POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcrest", "/b", b"abc", b"rest").await;
        let chunks =
            b"POST /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET";
        check(chunks, "/c", b"abcde", b"GET").await;
    }

    #[tokio::test]
    async fn gives_nothing_for_a_cut_or_senseless_request() {
        for wire in
            [&b""[..], b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc", b"\r\n\r\n"]
        {
            assert!(read(&mut &wire[..], &mut BytesMut::new()).await.is_none(), "{wire:?}");
        }
    }
}
