//! Texts that are looked for in what comes in pieces: anywhere, or at the very end.

use memchr::memmem::{self, Finder};

/// A text, and whether it has come by.
#[derive(Debug)]
pub(crate) struct Marker {
    /// What is still to be seen.
    text: Option<Finder<'static>>,
    /// The last bytes of what came before, in case the text is cut in two.
    tail: Vec<u8>,
}

impl Marker {
    /// The empty text has been seen from the start.
    pub(crate) fn new(text: &'static [u8]) -> Self {
        Self { text: (!text.is_empty()).then(|| Finder::new(text)), tail: Vec::new() }
    }

    /// One for which the search has been prepared.
    pub(crate) fn prepared(text: &Finder<'static>) -> Self {
        Self { text: Some(text.clone()), tail: Vec::new() }
    }

    pub(crate) fn is_seen(&self) -> bool {
        self.text.is_none()
    }

    /// Looks at the next piece.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        let Some(text) = &self.text else { return };
        let kept = text.needle().len() - 1;
        self.tail.extend_from_slice(&piece[..piece.len().min(kept)]);
        if text.find(&self.tail).is_some() || text.find(piece).is_some() {
            self.text = None;
        }
        if piece.len() > kept {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - kept..]);
        } else {
            let surplus = self.tail.len().saturating_sub(kept);
            self.tail.drain(..surplus);
        }
    }
}

/// The last bytes of what came.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    bytes: Vec<u8>,
}

/// How many bytes of an end are kept.
const ENDING_BYTES: usize = 16;

impl Ending {
    /// Looks at the next piece.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        if piece.len() >= ENDING_BYTES {
            self.bytes.clear();
            self.bytes.extend_from_slice(&piece[piece.len() - ENDING_BYTES..]);
            return;
        }
        self.bytes.extend_from_slice(piece);
        let surplus = self.bytes.len().saturating_sub(ENDING_BYTES);
        self.bytes.drain(..surplus);
    }

    /// Whether a text stands within the last bytes.
    pub(crate) fn holds(&self, text: &[u8]) -> bool {
        memmem::find(&self.bytes, text).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_however_it_is_cut() {
        for (whole, seen) in [("{\"total\":8765431}", true), ("{\"total\":876543", false), ("8765431", true)]
        {
            for size in 1..=whole.len() {
                let mut marker = Marker::new(b"8765431");
                whole.as_bytes().chunks(size).for_each(|piece| marker.see(piece));
                assert_eq!(marker.is_seen(), seen, "{whole} in pieces of {size}");
            }
        }
        assert!(Marker::new(b"").is_seen());
    }

    #[test]
    fn an_end_is_what_came_last() {
        for size in 1..40 {
            let mut ending = Ending::default();
            b"data: [NONE]\n\ndata: [DONE]\n\n".chunks(size).for_each(|piece| ending.see(piece));
            assert!(ending.holds(b"[DONE]") && !ending.holds(b"[NONE]"), "in pieces of {size}");
        }
        assert!(!Ending::default().holds(b"[DONE]"));
    }
}
