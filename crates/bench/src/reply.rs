//! What a caller looks at in a reply: its length, its events, and whether it came to its end.

use std::sync::LazyLock;
use std::time::Instant;

use memchr::memchr_iter;
use memchr::memmem::Finder;

use crate::answer::END_MARKER;
use crate::marker::{Ending, Marker};

/// What a stream is to end with.
const STREAM_END: &[u8] = b"[DONE]";

/// What a whole reply is to hold, prepared once for all replies.
static WHOLE_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END_MARKER));

/// What was seen of one reply's body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    /// Events, the terminal one included; whole replies have none.
    pub(crate) events: u64,
    pub(crate) first_event: Option<Instant>,
    end: End,
    holds: Marker,
    after_line: bool,
}

/// What an end is looked for in. Others may put the members of a whole reply in another order.
#[derive(Debug)]
enum End {
    OfStream(Ending),
    OfWhole(Box<Marker>),
}

impl Reply {
    /// Nothing has been seen yet of a reply that is to hold a text, and to end with `[DONE]` or with the marker.
    pub(crate) fn new(status: u16, streams: bool, holds: &'static [u8]) -> Self {
        let end = if streams {
            End::OfStream(Ending::default())
        } else {
            End::OfWhole(Box::new(Marker::prepared(&WHOLE_END)))
        };
        let holds = Marker::new(holds);
        Self { status, bytes: 0, events: 0, first_event: None, end, holds, after_line: !streams }
    }

    /// Looks at a piece of a stream.
    pub(crate) fn see_events(&mut self, piece: &[u8]) {
        let before = self.events;
        let mut last = if self.after_line { Some(0) } else { None };
        for at in memchr_iter(b'\n', piece) {
            // An empty line ends an event.
            if last == Some(at) {
                self.events += 1;
            }
            last = Some(at + 1);
        }
        self.after_line = last == Some(piece.len());
        if before == 0 && self.events > 0 {
            self.first_event = Some(Instant::now());
        }
        self.see(piece);
    }

    /// Looks at a piece of a whole reply.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        match &mut self.end {
            End::OfStream(ending) => ending.see(piece),
            End::OfWhole(marker) => marker.see(piece),
        }
        self.holds.see(piece);
    }

    /// Whether the end came.
    pub(crate) fn is_complete(&self) -> bool {
        match &self.end {
            End::OfStream(ending) => ending.holds(STREAM_END),
            End::OfWhole(marker) => marker.is_seen(),
        }
    }

    /// Whether it held what it was to hold.
    pub(crate) fn holds_its_text(&self) -> bool {
        self.holds.is_seen()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_however_they_are_cut() {
        let stream = b"data: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n";
        for size in 1..=stream.len() {
            let mut reply = Reply::new(200, true, b"");
            stream.chunks(size).for_each(|piece| reply.see_events(piece));
            assert_eq!(
                (reply.events, reply.bytes, reply.is_complete()),
                (3, 44, true),
                "in pieces of {size}"
            );
            assert!(reply.first_event.is_some());
        }
    }

    #[test]
    fn a_reply_is_complete_at_its_end_and_right_if_it_holds_its_text() {
        let seen = |text: &[u8]| {
            let mut reply = Reply::new(200, false, b"name");
            reply.see(text);
            (reply.is_complete(), reply.holds_its_text())
        };
        assert_eq!(seen(b"{\"model\":\"name\",\"total\":8765431}"), (true, true));
        assert_eq!(seen(b"{\"model\":\"name\",\"total\":876543"), (false, true));
        assert_eq!(seen(b"{\"model\":\"other\",\"total\":8765431}"), (true, false));
    }
}
