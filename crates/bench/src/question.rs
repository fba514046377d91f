//! What the scripted upstream looks at in a request's body: the model, and whether usage is asked for.

use memchr::memmem;

/// How much of a body's beginning and of its end is kept, in bytes: what is looked for stands in either.
const EDGE_BYTES: usize = 2048;

/// The edges of a body that goes by.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    front: Vec<u8>,
    back: Vec<u8>,
}

impl Edges {
    /// Looks at a piece of the body.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        let taken = (EDGE_BYTES - self.front.len()).min(piece.len());
        self.front.extend_from_slice(&piece[..taken]);
        let rest = &piece[taken..];
        self.back.extend_from_slice(&rest[rest.len().saturating_sub(EDGE_BYTES)..]);
        if self.back.len() > EDGE_BYTES {
            self.back.drain(..self.back.len() - EDGE_BYTES);
        }
    }

    /// The value of `model`.
    pub(crate) fn model(&self) -> Option<&str> {
        [&self.front, &self.back].into_iter().find_map(|edge| {
            let behind = &edge[memmem::find(edge, b"\"model\"")? + 7..];
            let mut quotes = memchr::memchr_iter(b'"', behind);
            let (begin, end) = (quotes.next()?, quotes.next()?);
            std::str::from_utf8(&behind[begin + 1..end]).ok()
        })
    }

    /// Whether a stream is to tell its usage.
    pub(crate) fn asks_for_usage(&self) -> bool {
        [&self.front, &self.back].into_iter().any(|edge| {
            memmem::find(edge, b"\"include_usage\":true").is_some()
                || memmem::find(edge, b"\"include_usage\": true").is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_at_either_edge() {
        let filler = "x".repeat(10_000);
        let first = format!(r#"{{"model":"whole-200","messages":"{filler}","include_usage": true}}"#);
        let last = format!(r#"{{"messages":"{filler}","model": "whole-300"}}"#);
        for size in [1, 100, 20_000] {
            let (mut front, mut back) = (Edges::default(), Edges::default());
            first.as_bytes().chunks(size).for_each(|piece| front.see(piece));
            last.as_bytes().chunks(size).for_each(|piece| back.see(piece));
            assert_eq!((front.model(), front.asks_for_usage()), (Some("whole-200"), true), "{size}");
            assert_eq!((back.model(), back.asks_for_usage()), (Some("whole-300"), false), "{size}");
        }
        assert_eq!(Edges::default().model(), None);
    }
}
