//! Compressed replies, inflated as they arrive and never past a limit.

mod brotli;
mod deflate;
mod gzip;
mod zstandard;

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use pin_project_lite::pin_project;
use trunkline_core::{Error, ErrorKind};

/// How much compressed input is worked on at a time, so that one read of a few KiB cannot become a hundred MiB
/// in one piece (deflate grows by a factor of 1,032 at most).
const INPUT_BYTES: usize = 1024;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstandard,
}

impl Encoding {
    /// The encoding that a reply names. `None` if it is plain.
    ///
    /// # Errors
    ///
    /// `UpstreamProtocol` for an encoding that cannot be undone, and for several on top of one another.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Error> {
        let mut named = headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
        let Some(name) = named.next() else {
            return Ok(None);
        };
        let encoding = match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            b"br" => Some(Self::Brotli),
            b"zstd" => Some(Self::Zstandard),
            _ => None,
        };
        if encoding.is_none() || named.next().is_some() {
            let message = "the upstream's reply is in a content encoding that is not understood";
            return Err(Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream());
        }
        Ok(encoding)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
        }
    }

    fn inflater(self, output: Output) -> Box<dyn Inflate> {
        match self {
            Self::Gzip => Box::new(gzip::Gzip::new(output)),
            Self::Deflate => Box::new(deflate::Deflate::new(output)),
            Self::Brotli => Box::new(brotli::Brotli::new(output)),
            Self::Zstandard => Box::new(zstandard::Zstandard::new(output)),
        }
    }
}

/// Undoes one encoding. What can be said of the input so far is in the output when `push` returns.
trait Inflate: Send {
    /// Takes compressed bytes.
    fn push(&mut self, input: &[u8]) -> io::Result<()>;

    /// Takes note of the end. An error if the compressed data is not complete.
    fn finish(&mut self) -> io::Result<()>;

    fn output(&mut self) -> &mut Output;
}

/// Inflated bytes that wait to be taken, and how many more there may be.
#[derive(Debug)]
struct Output {
    bytes: Vec<u8>,
    room: usize,
    overflowed: bool,
}

impl Output {
    fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), room: bytes_max, overflowed: false }
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes).into()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.room -= bytes.len();
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pin_project! {
    /// A compressed body, inflated.
    pub(crate) struct InflatedBody<S> {
        #[pin]
        body: S,
        encoding: Encoding,
        bytes_max: usize,
        inflater: Box<dyn Inflate>,
        compressed: Bytes,
        // A body of no bytes is a body of no bytes in every encoding.
        is_empty: bool,
        ended: bool,
    }
}

impl<S> InflatedBody<S> {
    pub(crate) fn new(body: S, encoding: Encoding, bytes_max: usize) -> Self {
        Self {
            body,
            encoding,
            bytes_max,
            inflater: encoding.inflater(Output::new(bytes_max)),
            compressed: Bytes::new(),
            is_empty: true,
            ended: false,
        }
    }
}

impl<S: Stream<Item = Result<Bytes, Error>>> Stream for InflatedBody<S> {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        while !*this.ended {
            let inflated = if this.compressed.is_empty() {
                match ready!(this.body.as_mut().poll_next(context)) {
                    Some(Ok(chunk)) => {
                        *this.is_empty &= chunk.is_empty();
                        *this.compressed = chunk;
                        continue;
                    }
                    Some(Err(error)) => {
                        *this.ended = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => {
                        *this.ended = true;
                        if *this.is_empty {
                            break;
                        }
                        this.inflater.finish()
                    }
                }
            } else {
                let input = this.compressed.split_to(this.compressed.len().min(INPUT_BYTES));
                this.inflater.push(&input)
            };
            let output = this.inflater.output();
            let bytes = output.take();
            if let Err(cause) = inflated {
                let overflowed = output.overflowed.then_some(*this.bytes_max);
                let at_end = std::mem::replace(this.ended, true);
                return Poll::Ready(Some(Err(error_of(cause, *this.encoding, overflowed, at_end))));
            }
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
        Poll::Ready(None)
    }
}

/// The error that `cause` is to those who wait for the reply.
fn error_of(cause: io::Error, encoding: Encoding, overflowed: Option<usize>, at_end: bool) -> Error {
    let (kind, message) = if let Some(bytes_max) = overflowed {
        let message = format!("the reply inflates to more than inflated_bytes_max ({bytes_max} bytes)");
        (ErrorKind::UpstreamProtocol, message)
    } else if at_end {
        let message = format!("the upstream's reply ended before its {} data was complete", encoding.name());
        (ErrorKind::UpstreamCut, message)
    } else {
        let message = format!("the upstream's reply is not the {} that it says it is", encoding.name());
        (ErrorKind::UpstreamProtocol, message)
    };
    Error::new(kind, message).with_source(cause).having_reached_upstream()
}

#[cfg(test)]
mod tests;
