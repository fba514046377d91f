//! A body as a few `Bytes` in order, so that splicing and retrying copy nothing.

use std::fmt;

use bytes::{Bytes, BytesMut};

/// A body as a few [`Bytes`] in order, with a known length. Cloning copies no bytes.
#[derive(Clone, Default)]
pub struct Segments {
    parts: Vec<Bytes>,
    len: usize,
}

impl Segments {
    /// A body of no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a segment. An empty one is left out.
    pub fn push(&mut self, segment: Bytes) {
        if !segment.is_empty() {
            self.len += segment.len();
            self.parts.push(segment);
        }
    }

    /// The length of the body in bytes, which is what `content-length` says.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the body has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The segments in order; none is empty.
    pub fn iter(&self) -> std::slice::Iter<'_, Bytes> {
        self.parts.iter()
    }

    /// The whole body in one piece. Copies only where there is more than one segment.
    pub fn into_bytes(mut self) -> Bytes {
        if self.parts.len() <= 1 {
            return self.parts.pop().unwrap_or_default();
        }
        let mut whole = BytesMut::with_capacity(self.len);
        for part in &self.parts {
            whole.extend_from_slice(part);
        }
        whole.freeze()
    }
}

// A body can hold a prompt, so `Debug` shows its shape only.
impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segments").field("len", &self.len).field("segments", &self.parts.len()).finish()
    }
}

impl From<Bytes> for Segments {
    fn from(bytes: Bytes) -> Self {
        let mut segments = Self::new();
        segments.push(bytes);
        segments
    }
}

impl IntoIterator for Segments {
    type Item = Bytes;
    type IntoIter = std::vec::IntoIter<Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter()
    }
}

impl<'a> IntoIterator for &'a Segments {
    type Item = &'a Bytes;
    type IntoIter = std::slice::Iter<'a, Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_bytes_and_leaves_out_empty_segments() {
        let mut segments = Segments::new();
        assert!(segments.is_empty());
        segments.push(Bytes::from_static(b"ab"));
        segments.push(Bytes::new());
        segments.push(Bytes::from_static(b"cde"));
        assert_eq!(segments.len(), 5);
        assert_eq!(segments.iter().count(), 2);
        assert_eq!(segments.into_bytes(), "abcde");
    }

    #[test]
    fn one_segment_becomes_the_body_without_a_copy() {
        let bytes = Bytes::from(b"the same memory".to_vec());
        let whole = Segments::from(bytes.clone()).into_bytes();
        assert_eq!(whole.as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn no_segment_becomes_no_bytes() {
        assert_eq!(Segments::new().into_bytes(), "");
        assert_eq!(Segments::from(Bytes::new()).into_iter().count(), 0);
    }

    #[test]
    fn debug_shows_no_content() {
        let segments = Segments::from(Bytes::from_static(b"a prompt"));
        assert_eq!(format!("{segments:?}"), "Segments { len: 8, segments: 1 }");
    }
}
