//! Brotli.

use std::io::{self, Write};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Inflate, Output};

/// How many inflated bytes are taken out at a time.
const STEP_BYTES: usize = 16 * 1024;

pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    step: Box<[u8]>,
    output: Output,
    written: usize,
    complete: bool,
}

impl Brotli {
    pub(super) fn new(output: Output) -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: Box::new(BrotliState::new(alloc(), alloc(), alloc())),
            step: vec![0; STEP_BYTES].into(),
            output,
            written: 0,
            complete: false,
        }
    }
}

impl Inflate for Brotli {
    fn push(&mut self, input: &[u8]) -> io::Result<()> {
        let (mut left, mut at) = (input.len(), 0);
        loop {
            if self.complete {
                // Bytes behind the end belong to nothing.
                return if left == 0 { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) };
            }
            let (mut room, mut filled) = (self.step.len(), 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut at,
                input,
                &mut room,
                &mut filled,
                &mut self.step,
                &mut self.written,
                &mut self.state,
            );
            self.output.write_all(&self.step[..filled])?;
            match result {
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultSuccess => self.complete = true,
                BrotliResult::ResultFailure => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.complete {
            return Ok(());
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }
}
