//! Scripts: what an upstream does with one request, step by step, and builders of the usual ones.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

/// One thing that the upstream does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Writes these bytes at once.
    Send(Bytes),
    /// Writes these bytes in parts that begin at the given offsets, each in a segment of its own.
    SendSplit {
        /// What is written.
        bytes: Bytes,
        /// Where the parts begin, ascending; 0 and offsets past the end are left out.
        at: Vec<usize>,
    },
    /// Waits.
    Pause(Pause),
    /// Ends the connection in good order (FIN).
    Close,
    /// Ends the connection with a reset (RST).
    Reset,
    /// Says nothing more until the caller leaves.
    Hold,
}

/// What a pause waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Until [`tell`](super::ScriptedUpstream::tell) is called, once for each pause.
    Told,
    /// For this long.
    For(Duration),
}

/// How a connection ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// In good order as far as TCP knows (FIN).
    Close,
    /// With a reset (RST).
    Reset,
    /// Not at all: it stays open and silent.
    Stall,
}

/// What the upstream does with one request. A script that does not end the connection
/// leaves it open for the next request, unless the caller sent `connection: close`.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl Script {
    /// A script of these steps.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect() }
    }

    /// The same script with one more step at its end.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// A whole reply with `content-type: application/json`.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::reply(status, &[("content-type", "application/json")], body)
    }

    /// A whole reply with `content-type: text/plain`.
    pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self::reply(status, &[("content-type", "text/plain; charset=utf-8")], body)
    }

    /// A whole reply with these headers and a `content-length`.
    pub fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        let mut wire = BytesMut::from(&head(status, headers, ("content-length", &length))[..]);
        wire.extend_from_slice(&body);
        Self::new([Step::Send(wire.freeze())])
    }

    /// An event stream that ends in good order: each item is written on its own, as one chunk.
    ///
    /// The items are wire bytes (`data: {…}\n\n`); one may hold a part of an event, or several.
    pub fn sse<Item: AsRef<[u8]>>(items: impl IntoIterator<Item = Item>) -> Self {
        let mut steps = vec![Step::Send(event_stream_head())];
        steps.extend(items.into_iter().map(|item| Step::Send(chunk(item.as_ref()))));
        steps.push(Step::Send(Bytes::from_static(b"0\r\n\r\n")));
        Self { steps }
    }

    /// An event stream of which only the first `bytes` bytes come, in one chunk, before the connection is cut.
    pub fn sse_cut_at(stream: &[u8], bytes: usize, cut: Cut) -> Self {
        let kept = &stream[..bytes.min(stream.len())];
        let mut wire = BytesMut::from(&event_stream_head()[..]);
        if !kept.is_empty() {
            wire.extend_from_slice(&chunk(kept));
        }
        Self::new([Step::Send(wire.freeze()), cut.step()])
    }

    /// An event stream in chunks that begin at the given offsets, each in a segment of its own.
    pub fn sse_split_at(stream: &[u8], at: &[usize]) -> Self {
        Self::sse(parts(stream, at))
    }

    /// An event stream that drips: a wait before each byte.
    pub fn sse_drip(stream: &[u8], wait: Duration) -> Self {
        let mut steps = vec![Step::Send(event_stream_head())];
        for byte in stream {
            steps.extend([Step::Pause(Pause::For(wait)), Step::Send(chunk(&[*byte]))]);
        }
        steps.push(Step::Send(Bytes::from_static(b"0\r\n\r\n")));
        Self { steps }
    }

    /// Takes the request and answers nothing, not even a head, before the connection is cut.
    pub fn cut_before_head(cut: Cut) -> Self {
        Self::new([cut.step()])
    }

    /// A 200 head of an event stream, and then silence.
    pub fn silence_after_head() -> Self {
        Self::sse_cut_at(b"", 0, Cut::Stall)
    }

    /// A whole JSON reply whose `content-length` promises more than the first `bytes` bytes that come.
    pub fn json_cut_at(status: u16, body: &[u8], bytes: usize, cut: Cut) -> Self {
        let length = body.len().to_string();
        let headers = [("content-type", "application/json")];
        let mut wire = BytesMut::from(&head(status, &headers, ("content-length", &length))[..]);
        wire.extend_from_slice(&body[..bytes.min(body.len())]);
        Self::new([Step::Send(wire.freeze()), cut.step()])
    }

    /// Bytes that are no HTTP.
    pub fn garbage() -> Self {
        Self::new([Step::Send(Bytes::from_static(b"\x16\x03\x01 not http at all\r\n\r\n")), Step::Close])
    }

    /// An event stream whose second chunk has a length that is no number.
    pub fn senseless_chunk(first: &[u8]) -> Self {
        let mut wire = BytesMut::from(&event_stream_head()[..]);
        wire.extend_from_slice(&chunk(first));
        wire.extend_from_slice(b"zz\r\n??\r\n");
        Self::new([Step::Send(wire.freeze()), Step::Close])
    }

    /// An event stream whose last chunk promises `promised` bytes and closes after those of `part`.
    pub fn truncated_chunk(part: &[u8], promised: usize) -> Self {
        let mut wire = BytesMut::from(&event_stream_head()[..]);
        wire.extend_from_slice(format!("{promised:x}\r\n").as_bytes());
        wire.extend_from_slice(part);
        Self::new([Step::Send(wire.freeze()), Step::Close])
    }
}

impl Cut {
    fn step(self) -> Step {
        match self {
            Self::Close => Step::Close,
            Self::Reset => Step::Reset,
            Self::Stall => Step::Hold,
        }
    }
}

/// The parts of `bytes` that begin at 0 and at each offset inside.
pub(crate) fn parts<'a>(bytes: &'a [u8], at: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut start = 0;
    let mut parts = Vec::with_capacity(at.len() + 1);
    for &offset in at {
        if offset <= start || offset >= bytes.len() {
            continue;
        }
        let (part, after) = rest.split_at(offset - start);
        parts.push(part);
        (rest, start) = (after, offset);
    }
    parts.push(rest);
    parts
}

fn head(status: u16, headers: &[(&str, &str)], framing: (&str, &str)) -> Vec<u8> {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or("Unknown"));
    for (name, value) in headers.iter().chain([&framing]) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn event_stream_head() -> Bytes {
    head(200, &[("content-type", "text/event-stream")], ("transfer-encoding", "chunked")).into()
}

/// One chunk of a chunked body; nothing for no bytes, because an empty chunk would end the body.
fn chunk(bytes: &[u8]) -> Bytes {
    if bytes.is_empty() {
        return Bytes::new();
    }
    let mut chunk = BytesMut::from(format!("{:x}\r\n", bytes.len()).as_bytes());
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_begin_at_the_offsets_inside() {
        assert_eq!(parts(b"abcdef", &[]), [&b"abcdef"[..]]);
        assert_eq!(parts(b"abcdef", &[0, 1, 4, 4, 6, 9]), [&b"a"[..], b"bcd", b"ef"]);
    }

    #[test]
    fn a_reply_is_head_and_body_in_one_write() {
        let script = Script::json(402, "{}");
        let [Step::Send(wire)] = &script.steps[..] else { panic!("{script:?}") };
        let expected =
            "HTTP/1.1 402 Payment Required\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(wire, expected);
    }
}
