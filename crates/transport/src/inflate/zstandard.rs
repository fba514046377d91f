//! Zstandard, of one frame or several.

use std::io;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Inflate, Output};

/// The largest window that RFC 8878 asks decoders for; what wants more memory is refused.
const WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The longest frame header. What is shorter than this altogether is looked at when the body has ended.
const HEADER_BYTES_MAX: usize = 18;
const BLOCK_HEADER_BYTES: usize = 3;
const CHECKSUM_BYTES: usize = 4;

/// Decodes block by block. The decoder keeps a frame's window to itself until the frame ends, so that a stream
/// comes out late by that much; the checksum is read and not compared.
pub(super) struct Zstandard {
    decoder: FrameDecoder,
    /// Input that no whole block, or header, stands in yet.
    pending: Vec<u8>,
    in_frame: bool,
    has_checksum: bool,
    output: Output,
}

impl Zstandard {
    pub(super) fn new(output: Output) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        Self { decoder, pending: Vec::new(), in_frame: false, has_checksum: false, output }
    }

    /// Decodes what is there, as far as whole headers and blocks go.
    fn decode(&mut self, at_end: bool) -> io::Result<()> {
        loop {
            let decoded = if self.in_frame { self.block()? } else { self.header(at_end)? };
            if !decoded {
                return Ok(());
            }
        }
    }

    fn header(&mut self, at_end: bool) -> io::Result<bool> {
        if self.pending.is_empty() || self.pending.len() < HEADER_BYTES_MAX && !at_end {
            return Ok(false);
        }
        let mut rest: &[u8] = &self.pending;
        self.decoder.init(&mut rest).map_err(io::Error::other)?;
        let length = self.pending.len() - rest.len();
        // The descriptor stands behind the four bytes of the magic number.
        self.has_checksum = self.pending.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
        self.pending.drain(..length);
        self.in_frame = true;
        Ok(true)
    }

    fn block(&mut self) -> io::Result<bool> {
        let Some(block) = block_bytes(&self.pending, self.has_checksum).and_then(|n| self.pending.get(..n))
        else {
            return Ok(false);
        };
        let length = block.len();
        let finished = self
            .decoder
            .decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(io::Error::other)?;
        self.decoder.collect_to_writer(&mut self.output)?;
        self.pending.drain(..length);
        self.in_frame = !finished;
        Ok(true)
    }
}

/// How long the block is that `input` begins with, by its header.
fn block_bytes(input: &[u8], has_checksum: bool) -> Option<usize> {
    const RUN_LENGTH: u32 = 1;
    let &[low, middle, high] = input.first_chunk::<BLOCK_HEADER_BYTES>()?;
    let header = u32::from_le_bytes([low, middle, high, 0]);
    let content = match (header >> 1) & 3 {
        // One byte, however often it is repeated.
        RUN_LENGTH => 1,
        _ => (header >> 3) as usize,
    };
    let is_last = header & 1 == 1;
    let checksum = if is_last && has_checksum { CHECKSUM_BYTES } else { 0 };
    Some(BLOCK_HEADER_BYTES + content + checksum)
}

impl Inflate for Zstandard {
    fn push(&mut self, input: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(input);
        self.decode(false)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.decode(true)?;
        if self.in_frame || !self.pending.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }
}
