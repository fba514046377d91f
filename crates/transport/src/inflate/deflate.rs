//! Deflate, in the zlib wrapping that the standard asks for, or bare as some servers send it.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, ZlibDecoder};

use super::{Inflate, Output};

pub(super) enum Deflate {
    /// Nothing came yet that tells one from the other.
    Unknown(Output),
    Wrapped(ZlibDecoder<Output>),
    Bare(DeflateDecoder<Output>),
}

impl Deflate {
    pub(super) fn new(output: Output) -> Self {
        Self::Unknown(output)
    }
}

impl Inflate for Deflate {
    fn push(&mut self, input: &[u8]) -> io::Result<()> {
        if let (Self::Unknown(output), Some(first)) = (&mut *self, input.first()) {
            let output = std::mem::replace(output, Output::new(0));
            // The low half of a zlib header's first byte is always 8, which bare deflate has no reason to begin with.
            *self = if first & 0x0f == 8 {
                Self::Wrapped(ZlibDecoder::new(output))
            } else {
                Self::Bare(DeflateDecoder::new(output))
            };
        }
        match self {
            Self::Unknown(_) => Ok(()),
            Self::Wrapped(decoder) => decoder.write_all(input).and_then(|()| decoder.flush()),
            Self::Bare(decoder) => decoder.write_all(input).and_then(|()| decoder.flush()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Unknown(_) => Ok(()),
            Self::Wrapped(decoder) => decoder.try_finish(),
            Self::Bare(decoder) => decoder.try_finish(),
        }
    }

    fn output(&mut self) -> &mut Output {
        match self {
            Self::Unknown(output) => output,
            Self::Wrapped(decoder) => decoder.get_mut(),
            Self::Bare(decoder) => decoder.get_mut(),
        }
    }
}
