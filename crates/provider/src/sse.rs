//! Server-sent events, framed on bytes: whole events come out exactly as they went in.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memchr2;
use trunkline_core::{Error, ErrorKind, Event};

/// Cuts a byte stream into whole events, wherever the network cut it.
///
/// Lines end with LF, CRLF or CR; comments, a byte order mark and payloads over several lines are understood.
/// Every byte that goes in comes out again, in order. Text is never decoded here.
#[derive(Debug)]
pub struct Framer {
    event_bytes_max: usize,
    /// The beginning of an event whose end has not come yet.
    pending: BytesMut,
    /// Where the line that is being read begins, counted from the start of the event.
    line: usize,
    /// How far that line was searched for its end.
    searched: usize,
    at_start: bool,
    after_carriage_return: bool,
}

impl Framer {
    /// A framer that refuses events of more bytes than this.
    pub fn new(event_bytes_max: usize) -> Self {
        Self {
            event_bytes_max,
            pending: BytesMut::new(),
            line: 0,
            searched: 0,
            at_start: true,
            after_carriage_return: false,
        }
    }

    /// Takes what arrived, and appends the events that it completes.
    ///
    /// # Errors
    ///
    /// `UpstreamProtocol` if an event grows past the limit.
    pub fn push(&mut self, mut chunk: Bytes, events: &mut Vec<Event>) -> Result<(), Error> {
        if self.pending.is_empty() {
            while let Some(end) = self.end_of_event(&chunk) {
                let bytes = chunk.split_to(end);
                events.push(self.event(bytes)?);
            }
            self.pending.extend_from_slice(&chunk);
        } else {
            self.pending.extend_from_slice(&chunk);
            let mut pending = std::mem::take(&mut self.pending);
            while let Some(end) = self.end_of_event(&pending) {
                let bytes = pending.split_to(end).freeze();
                events.push(self.event(bytes)?);
            }
            // A buffer that held a large event is let go with it.
            self.pending = if pending.is_empty() { BytesMut::new() } else { pending };
        }
        self.check_size(self.pending.len())
    }

    /// How many bytes of an event are held back until its end comes.
    pub fn held_back(&self) -> usize {
        self.pending.len()
    }

    /// What is left when the stream has ended: bytes that no blank line closed.
    pub fn finish(&mut self) -> Option<Event> {
        let rest = std::mem::take(&mut self.pending).freeze();
        if rest.is_empty() {
            return None;
        }
        self.event(rest).ok()
    }

    /// The place behind the first blank line. `None` if it has not come yet; the search goes on from there.
    fn end_of_event(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.searched == 0 {
            self.line = self.start(bytes);
            self.searched = self.line;
        }
        loop {
            let Some(found) = memchr2(b'\n', b'\r', &bytes[self.searched..]) else {
                self.searched = bytes.len();
                return None;
            };
            let end = self.searched + found;
            let next = end + line_break(&bytes[end..]);
            if end == self.line {
                return Some(next);
            }
            if bytes[end] == b'\r' && next == bytes.len() {
                // It may be the first half of a CRLF; this line ends no event, so there is no hurry.
                self.searched = end;
                return None;
            }
            self.line = next;
            self.searched = next;
        }
    }

    /// Where the first line begins: behind a byte order mark, and behind the second half of a CRLF.
    fn start(&self, bytes: &[u8]) -> usize {
        if self.after_carriage_return && bytes.first() == Some(&b'\n') {
            return 1;
        }
        if self.at_start && bytes.starts_with(b"\xEF\xBB\xBF") {
            return 3;
        }
        0
    }

    fn event(&mut self, bytes: Bytes) -> Result<Event, Error> {
        self.check_size(bytes.len())?;
        let mut spans = Spans::None;
        let mut line = self.start(&bytes);
        (self.line, self.searched, self.at_start) = (0, 0, false);
        self.after_carriage_return = bytes.last() == Some(&b'\r');
        while line < bytes.len() {
            let rest = &bytes[line..];
            let length = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            if let Some(value) = data_of(&rest[..length]) {
                spans.push(line + value..line + length);
            }
            line += length + line_break(&rest[length..]);
        }
        Ok(match spans {
            Spans::None => Event::without_data(bytes),
            Spans::One(span) => Event::with_span(bytes, span),
            Spans::Many(spans) => Event::with_spans(bytes, spans),
        })
    }

    fn check_size(&self, length: usize) -> Result<(), Error> {
        if length <= self.event_bytes_max {
            return Ok(());
        }
        let message = format!(
            "an event of the upstream's stream is larger than event_bytes_max ({} bytes)",
            self.event_bytes_max
        );
        Err(Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream())
    }
}

/// The values of an event's `data` lines. Nearly all events have one.
enum Spans {
    None,
    One(Range<usize>),
    Many(Vec<Range<usize>>),
}

impl Spans {
    fn push(&mut self, span: Range<usize>) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(span),
            Self::One(first) => Self::Many(vec![first, span]),
            Self::Many(mut spans) => {
                spans.push(span);
                Self::Many(spans)
            }
        };
    }
}

/// How many bytes the line break at the start of `rest` takes: CRLF is one break.
fn line_break(rest: &[u8]) -> usize {
    match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// Where the value begins in a `data` line; `None` if it is another line.
fn data_of(line: &[u8]) -> Option<usize> {
    let rest = line.strip_prefix(b"data")?;
    match rest {
        [] => Some(4),
        [b':', b' ', ..] => Some(6),
        [b':', ..] => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Frames `input` cut at `cuts`, and gives the payloads and all bytes that came out.
    fn frame(input: &[u8], cuts: &[usize]) -> (Vec<String>, Vec<u8>) {
        let mut framer = Framer::new(1 << 20);
        let mut events = Vec::new();
        let mut from = 0;
        for &cut in cuts.iter().chain([&input.len()]) {
            let to = cut.clamp(from, input.len());
            framer
                .push(Bytes::copy_from_slice(&input[from..to]), &mut events)
                .expect("no event is too large");
            from = to;
        }
        events.extend(framer.finish());
        let payloads = events
            .iter()
            .filter_map(|event| event.data())
            .map(|data| String::from_utf8(data.to_vec()).expect("whole events hold whole characters"))
            .collect();
        (payloads, events.iter().flat_map(|event| event.bytes().to_vec()).collect())
    }

    /// Every single cut, and every byte by itself, gives the same payloads and the same bytes.
    fn check(input: &str, expected: &[&str]) {
        let bytes = input.as_bytes();
        let each: Vec<usize> = (0..bytes.len()).collect();
        for cuts in each.iter().map(|&cut| vec![cut]).chain([vec![], each.clone()]) {
            let (payloads, out) = frame(bytes, &cuts);
            assert_eq!(payloads, expected, "{input:?} cut at {cuts:?}");
            assert_eq!(out, bytes, "{input:?} cut at {cuts:?}");
        }
    }

    #[test]
    fn line_ends_of_three_kinds() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
        check("data: a\r\rdata: b\r\r", &["a", "b"]);
        check("data: a\n\r\ndata: b\r\n\n", &["a", "b"]);
    }

    #[test]
    fn comments_marks_and_other_fields_go_through() {
        check(": ping\n\ndata: a\n\n", &["a"]);
        check("\u{feff}data: a\n\n", &["a"]);
        check("event: x\nid: 7\ndata:a\nretry: 5\n\n", &["a"]);
        check("\n\n\ndata: a\n\n\n\n", &["a"]);
        check("data\n\n", &[""]);
        check("database: a\n\n", &[]);
    }

    #[test]
    fn several_data_lines_are_joined() {
        check("data: {\ndata: }\n\n", &["{\n}"]);
        check("data: a\r\n: c\r\ndata:b\r\ndata:  c\r\n\r\n", &["a\nb\n c"]);
    }

    #[test]
    fn characters_that_look_like_line_ends_are_none() {
        check("data: a\u{85}b\u{2028}c 漢😀é\n\ndata: [DONE]\n\n", &["a\u{85}b\u{2028}c 漢😀é", "[DONE]"]);
    }

    #[test]
    fn what_no_blank_line_closes_comes_out_at_the_end() {
        check("data: a\n\ndata: [DONE]", &["a", "[DONE]"]);
        check("data: a\n\ndata: {\"x", &["a", "{\"x"]);
    }

    #[test]
    fn an_event_is_there_as_soon_as_its_blank_line_is() {
        let mut framer = Framer::new(1024);
        let mut events = Vec::new();
        framer.push(Bytes::from_static(b"data: a\r\n\r"), &mut events).expect("small");
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn an_event_past_the_limit_is_refused() {
        let mut framer = Framer::new(16);
        let refused = framer.push(Bytes::from_static(b"data: 0123456789abcdef"), &mut Vec::new());
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::UpstreamProtocol));
    }

    proptest! {
        #[test]
        fn any_bytes_cut_anywhere_come_out_the_same(
            input in "[ab:\u{e9}\u{6f22}\r\n]{0,40}|(data: [a-z\u{1f600}]{0,5}(\r\n|\n|\r)){0,9}",
            cuts in proptest::collection::vec(0usize..60, 0..6),
        ) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let whole = frame(input.as_bytes(), &[]);
            let pieces = frame(input.as_bytes(), &cuts);
            prop_assert_eq!(&whole.1, input.as_bytes());
            prop_assert_eq!(whole, pieces);
        }
    }
}
