//! A text that is looked for in what comes in pieces.

use memchr::memmem;

/// A text, and whether it has come by.
#[derive(Debug)]
pub(crate) struct Marker {
    text: &'static [u8],
    seen: bool,
    /// The last bytes of what came before, in case the text is cut in two.
    tail: Vec<u8>,
}

impl Marker {
    pub(crate) fn new(text: &'static [u8]) -> Self {
        Self { text, seen: text.is_empty(), tail: Vec::new() }
    }

    pub(crate) fn is_seen(&self) -> bool {
        self.seen
    }

    /// Looks at the next piece.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        if self.seen {
            return;
        }
        let kept = self.text.len() - 1;
        self.tail.extend_from_slice(&piece[..piece.len().min(kept)]);
        // What is looked for stands at the end of a reply more often than at its beginning.
        self.seen =
            memmem::find(&self.tail, self.text).is_some() || memmem::rfind(piece, self.text).is_some();
        if piece.len() > kept {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - kept..]);
        } else {
            let surplus = self.tail.len().saturating_sub(kept);
            self.tail.drain(..surplus);
        }
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
}
