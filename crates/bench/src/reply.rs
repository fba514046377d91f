//! What a caller looks at in a reply: its length, its events, and whether it came to its end.

use std::time::Instant;

use memchr::{memchr_iter, memmem};

/// What a reply is to end with: the terminal event of a stream, or the marker of a whole reply.
const STREAM_END: &[u8] = b"[DONE]";

/// What was seen of one reply's body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    /// Events, the terminal one included; whole replies have none.
    pub(crate) events: u64,
    pub(crate) first_event: Option<Instant>,
    ended: bool,
    end: &'static [u8],
    /// The last bytes of what came before, in case the end is cut in two.
    tail: Vec<u8>,
    after_line: bool,
}

impl Reply {
    /// Nothing has been seen yet of a reply that ends with `[DONE]`, or with `end`.
    pub(crate) fn new(status: u16, streams: bool, end: &'static [u8]) -> Self {
        let end = if streams { STREAM_END } else { end };
        Self {
            status,
            bytes: 0,
            events: 0,
            first_event: None,
            ended: false,
            end,
            tail: Vec::new(),
            after_line: !streams,
        }
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
        if self.ended {
            return;
        }
        let kept = self.end.len() - 1;
        self.tail.extend_from_slice(&piece[..piece.len().min(kept)]);
        self.ended = memmem::find(&self.tail, self.end).is_some() || memmem::rfind(piece, self.end).is_some();
        if piece.len() > kept {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - kept..]);
        } else {
            let surplus = self.tail.len().saturating_sub(kept);
            self.tail.drain(..surplus);
        }
    }

    /// Whether the end came.
    pub(crate) fn is_complete(&self) -> bool {
        self.ended
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
    fn a_cut_reply_is_not_complete() {
        for (text, complete) in [("{\"total\":8765431}", true), ("{\"total\":876543", false)] {
            for size in 1..=text.len() {
                let mut reply = Reply::new(200, false, b"8765431");
                text.as_bytes().chunks(size).for_each(|piece| reply.see(piece));
                assert_eq!(reply.is_complete(), complete, "{text} in pieces of {size}");
            }
        }
    }
}
