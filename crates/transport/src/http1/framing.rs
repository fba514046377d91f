//! How a reply's body is delimited, and the payload of what has been read of it.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

/// The longest line between chunks, and the longest trailer, in bytes.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// How a body ends, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many more bytes.
    Length(u64),
    Chunked(Chunks),
    /// With the connection.
    UntilClose,
}

/// The chunked coding: what stands next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunks {
    next: Next,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Size,
    /// So many bytes of a chunk.
    Data(u64),
    /// The line's end behind a chunk.
    DataEnd,
    Trailer,
    Nothing,
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFlaw {
    #[error("a chunk's size is none")]
    Size,
    #[error("a chunk is longer than its size")]
    DataEnd,
    #[error("a line between chunks is longer than {LINE_BYTES_MAX} bytes")]
    Line,
}

impl Framing {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunks { next: Next::Size, trailer_bytes: 0 })
    }

    /// Whether nothing more belongs to the body.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.next == Next::Nothing,
            Self::UntilClose => false,
        }
    }

    /// Whether a connection that ends now ends the body well.
    pub(crate) fn may_end_here(&self) -> bool {
        matches!(self, Self::UntilClose) || self.is_over()
    }

    /// How many bytes are known to come, for whoever makes room for them.
    pub(crate) fn known_left(&self) -> Option<u64> {
        match self {
            Self::Length(left) | Self::Chunked(Chunks { next: Next::Data(left), .. }) => Some(*left),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// Takes the payload of all that has been read, in one piece. What does not belong to the body, or is not whole
    /// yet, stays. No bytes where there is no payload.
    ///
    /// # Errors
    ///
    /// What is no chunk, once the payload before it has been taken.
    pub(super) fn take(&mut self, read: &mut BytesMut) -> Result<Bytes, BodyFlaw> {
        match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(read.len());
                *left -= taken as u64;
                Ok(read.split_to(taken).freeze())
            }
            Self::Chunked(chunks) => chunks.take(read),
            Self::UntilClose => Ok(read.split().freeze()),
        }
    }
}

impl Chunks {
    /// The chunks' payloads are moved together where they stand: they are small where there are many.
    fn take(&mut self, read: &mut BytesMut) -> Result<Bytes, BodyFlaw> {
        let mut at = 0;
        // The payload so far.
        let mut payload = 0..0;
        loop {
            if let Next::Data(left) = self.next {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(read.len() - at);
                if payload.is_empty() {
                    payload = at..at + length;
                } else {
                    read.copy_within(at..at + length, payload.end);
                    payload.end += length;
                }
                at += length;
                let left = left - length as u64;
                self.next = if left == 0 { Next::DataEnd } else { Next::Data(left) };
                if left > 0 {
                    break;
                }
            }
            match self.pass_line(&read[at..]) {
                Ok(0) => break,
                Ok(length) => at += length,
                Err(flaw) if payload.is_empty() => return Err(flaw),
                // It is met again, once what stands before it has been given out.
                Err(_) => break,
            }
        }
        let mut taken = read.split_to(at);
        taken.truncate(payload.end);
        taken.advance(payload.start);
        Ok(taken.freeze())
    }

    /// Passes one line that is no payload, and gives its length; 0 where it is not whole, or nothing is left to come.
    fn pass_line(&mut self, rest: &[u8]) -> Result<usize, BodyFlaw> {
        let length = match self.next {
            Next::Data(_) | Next::Nothing => return Ok(0),
            Next::DataEnd => match rest {
                [b'\r', b'\n', ..] => {
                    self.next = Next::Size;
                    2
                }
                [] | [b'\r'] => return Ok(0),
                _ => return Err(BodyFlaw::DataEnd),
            },
            Next::Size => match httparse::parse_chunk_size(rest).map_err(|_| BodyFlaw::Size)? {
                httparse::Status::Complete((length, size)) => {
                    self.next = if size == 0 { Next::Trailer } else { Next::Data(size) };
                    length
                }
                httparse::Status::Partial => 0,
            },
            Next::Trailer => match memchr(b'\n', rest) {
                Some(end) => {
                    if matches!(&rest[..end], [] | [b'\r']) {
                        self.next = Next::Nothing;
                    }
                    self.trailer_bytes += end + 1;
                    end + 1
                }
                None => 0,
            },
        };
        let is_long = (length == 0 && rest.len() > LINE_BYTES_MAX) || self.trailer_bytes > LINE_BYTES_MAX;
        if is_long { Err(BodyFlaw::Line) } else { Ok(length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds `sent` cut at `cuts`; gives the payload, what is left, and whether the body is over.
    fn feed(framing: Framing, sent: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Vec<u8>, bool), BodyFlaw> {
        let mut framing = framing;
        let (mut read, mut payload, mut from) = (BytesMut::new(), Vec::new(), 0);
        for &cut in cuts.iter().chain([&sent.len()]) {
            let to = cut.clamp(from, sent.len());
            read.extend_from_slice(&sent[from..to]);
            from = to;
            loop {
                let taken = framing.take(&mut read)?;
                if taken.is_empty() {
                    break;
                }
                payload.extend_from_slice(&taken);
            }
        }
        Ok((payload, read.to_vec(), framing.is_over()))
    }

    /// Whole, cut at every place, and byte by byte.
    #[track_caller]
    fn check(framing: &Framing, sent: &[u8], payload: &[u8], left: &[u8], over: bool) {
        let every: Vec<usize> = (0..sent.len()).collect();
        for cuts in every.iter().map(|&cut| vec![cut]).chain([vec![], every.clone()]) {
            let expected = Ok((payload.to_vec(), left.to_vec(), over));
            assert_eq!(feed(framing.clone(), sent, &cuts), expected, "cut at {cuts:?}");
        }
    }

    #[test]
    fn a_length_is_kept_to() {
        check(&Framing::Length(5), b"helloHTTP", b"hello", b"HTTP", true);
        check(&Framing::Length(5), b"hell", b"hell", b"", false);
        check(&Framing::Length(0), b"x", b"", b"x", true);
        check(&Framing::UntilClose, b"hello", b"hello", b"", false);
    }

    #[test]
    fn chunks_are_put_together() {
        let chunked = Framing::chunked();
        check(&chunked, b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n", b"hello world", b"", true);
        check(&chunked, b"A\r\n0123456789\r\n0\r\nx: y\r\nz: 1\r\n\r\nHTTP", b"0123456789", b"HTTP", true);
        check(&chunked, b"3\r\nabc\r\n3\r\nd", b"abcd", b"", false);
        check(&chunked, b"3\r\nabc\r\n0\r\n", b"abc", b"", false);
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        let flaw = |sent: &[u8]| feed(Framing::chunked(), sent, &[]).expect_err("it is none");
        assert_eq!(flaw(b"zz\r\n"), BodyFlaw::Size);
        assert_eq!(flaw(b"-1\r\n"), BodyFlaw::Size);
        assert_eq!(flaw(b"1\r\nab\r\n"), BodyFlaw::DataEnd);
        assert_eq!(flaw(&[b"1;".as_slice(), &[b'x'; LINE_BYTES_MAX]].concat()), BodyFlaw::Line);
        assert_eq!(flaw(&[b"0\r\n".as_slice(), &[b'x'; LINE_BYTES_MAX + 1]].concat()), BodyFlaw::Line);
        let lines = b"a: b\r\n".repeat(LINE_BYTES_MAX / 6 + 1);
        assert_eq!(flaw(&[b"0\r\n".as_slice(), &lines].concat()), BodyFlaw::Line);
    }

    #[test]
    fn one_chunk_stays_where_it_was_read() {
        let mut read = BytesMut::from(&b"5\r\nhello\r\n"[..]);
        let place = read[3..].as_ptr();
        assert_eq!(Framing::chunked().take(&mut read).expect("a chunk").as_ptr(), place);
    }

    proptest! {
        #[test]
        fn chunks_cut_anywhere_hold_the_same(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
            cuts in proptest::collection::vec(0usize..300, 0..6),
        ) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut sent = Vec::new();
            for chunk in &chunks {
                sent.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                sent.extend_from_slice(chunk);
                sent.extend_from_slice(b"\r\n");
            }
            sent.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(feed(Framing::chunked(), &sent, &cuts), Ok((chunks.concat(), Vec::new(), true)));
        }
    }
}
