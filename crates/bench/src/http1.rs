//! HTTP/1.1 as far as a benchmark needs it: where a head ends, how long its body is, what its chunks hold.

use std::io;

use memchr::{memchr, memmem};

/// The longest head that is read, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    /// Until the connection ends; a request that says nothing has no body.
    Unsaid,
}

/// What is read of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Where the body begins.
    pub(crate) bytes: usize,
    /// The status of a response.
    pub(crate) status: Option<u16>,
    pub(crate) framing: Framing,
    /// Whether the connection ends with this message.
    pub(crate) closes: bool,
}

impl Head {
    /// Reads a head, or `None` where it is not all there yet.
    ///
    /// # Errors
    ///
    /// `InvalidData` for what is no head.
    pub(crate) fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            let fits = bytes.len() <= HEAD_BYTES_MAX;
            return if fits { Ok(None) } else { Err(invalid("a head is too long")) };
        };
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| invalid("a head is no text"))?;
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.strip_prefix("HTTP/1.1 ").map(|rest| rest.get(..3).unwrap_or_default().parse());
        let status = status.transpose().map_err(|_| invalid("a status is no number"))?;
        let mut head = Self { bytes: end + 4, status, framing: Framing::Unsaid, closes: false };
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| invalid("a header has no colon"))?;
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                let length = value.parse().map_err(|_| invalid("a length is no number"))?;
                head.framing = Framing::Length(length);
            } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked")
            {
                head.framing = Framing::Chunked;
            } else if name.eq_ignore_ascii_case("connection") {
                head.closes = value.eq_ignore_ascii_case("close");
            }
        }
        Ok(Some(head))
    }
}

/// A body on its way in: what comes over the wire goes in, and what it holds comes out.
#[derive(Debug)]
pub(crate) enum Body {
    Length(u64),
    Chunked(Chunks),
}

impl Body {
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunks::default()),
            Framing::Unsaid => Self::Length(0),
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.state == State::Ended,
        }
    }

    /// Takes what belongs to this body, gives its payload to `sink`, and tells how much was taken.
    ///
    /// # Errors
    ///
    /// `InvalidData` for chunks that are none.
    pub(crate) fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8])) -> io::Result<usize> {
        match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                sink(&bytes[..taken]);
                *left -= taken as u64;
                Ok(taken)
            }
            Self::Chunked(chunks) => chunks.feed(bytes, sink),
        }
    }
}

/// The chunked coding, taken apart as it comes.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    state: State,
    left: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// Behind the size, up to the line's end.
    Extension,
    Data,
    /// The line's end behind the data.
    DataEnd,
    /// A line of the trailer, and whether anything stands on it.
    Trailer(bool),
    Ended,
}

impl Chunks {
    fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8])) -> io::Result<usize> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Ended {
            match self.state {
                State::Data => {
                    let taken = self.left.min(bytes.len() - at);
                    sink(&bytes[at..at + taken]);
                    at += taken;
                    self.left -= taken;
                    if self.left == 0 {
                        self.state = State::DataEnd;
                    }
                }
                State::Size => {
                    self.size(bytes[at])?;
                    at += 1;
                }
                State::Extension | State::DataEnd => match memchr(b'\n', &bytes[at..]) {
                    Some(line) => {
                        at += line + 1;
                        self.line_ended();
                    }
                    None => at = bytes.len(),
                },
                State::Trailer(_) => {
                    self.trailer(bytes[at]);
                    at += 1;
                }
                State::Ended => {}
            }
        }
        Ok(at)
    }

    fn size(&mut self, byte: u8) -> io::Result<()> {
        match byte {
            b'\n' => self.sized(),
            b'\r' | b';' | b' ' => self.state = State::Extension,
            _ => {
                let digit = char::from(byte).to_digit(16).ok_or_else(|| invalid("a chunk's size is none"))?;
                let left = self.left.checked_mul(16).and_then(|left| left.checked_add(digit as usize));
                self.left = left.ok_or_else(|| invalid("a chunk is too large"))?;
            }
        }
        Ok(())
    }

    fn line_ended(&mut self) {
        match self.state {
            State::DataEnd => self.state = State::Size,
            State::Size | State::Extension | State::Data | State::Trailer(_) | State::Ended => self.sized(),
        }
    }

    fn sized(&mut self) {
        self.state = if self.left == 0 { State::Trailer(false) } else { State::Data };
    }

    fn trailer(&mut self, byte: u8) {
        self.state = match (byte, self.state) {
            (b'\n', State::Trailer(false)) => State::Ended,
            (b'\n', _) => State::Trailer(false),
            (b'\r', state) => state,
            _ => State::Trailer(true),
        };
    }
}

pub(crate) fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let bytes = b"HTTP/1.1 503 Nope\r\nContent-Length: 12\r\nConnection: close\r\n\r\nbody";
        assert_eq!(Head::parse(&bytes[..40]).expect("a beginning"), None);
        let expected = Head { bytes: 60, status: Some(503), framing: Framing::Length(12), closes: true };
        assert_eq!(Head::parse(bytes).expect("a head"), Some(expected));
        let request = Head::parse(b"GET / HTTP/1.1\r\n\r\n").expect("a head").expect("whole");
        assert_eq!((request.status, request.framing), (None, Framing::Unsaid));
        assert!(Head::parse(b"HTTP/1.1 abc\r\n\r\n").is_err());
    }

    /// Feeds `bytes` in pieces of every size.
    fn check(bytes: &[u8], payload: &[u8], behind: usize) {
        for size in 1..=bytes.len() {
            let mut body = Body::new(Framing::Chunked);
            let (mut seen, mut taken) = (Vec::new(), 0);
            for piece in bytes.chunks(size) {
                taken += body.feed(piece, &mut |part| seen.extend_from_slice(part)).expect("chunks");
                if body.is_complete() {
                    break;
                }
            }
            assert_eq!((seen.as_slice(), taken), (payload, bytes.len() - behind), "in pieces of {size}");
        }
    }

    #[test]
    fn chunks_are_put_together_however_they_come() {
        check(b"5\r\nhello\r\n7;a=b\r\n, world\r\n0\r\n\r\n", b"hello, world", 0);
        check(b"A\r\n0123456789\r\n0\r\nx: y\r\n\r\n", b"0123456789", 0);
        let mut body = Body::new(Framing::Chunked);
        assert!(body.feed(b"zz\r\n", &mut |_| ()).is_err());
    }

    #[test]
    fn what_follows_a_body_is_left() {
        let mut body = Body::new(Framing::Length(3));
        assert_eq!(body.feed(b"abcdef", &mut |_| ()).expect("bytes"), 3);
        assert!(body.is_complete());
    }
}
