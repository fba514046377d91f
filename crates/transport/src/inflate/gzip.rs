//! Gzip, of one member or several.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use super::{Inflate, Output};

pub(super) struct Gzip(MultiGzDecoder<Output>);

impl Gzip {
    pub(super) fn new(output: Output) -> Self {
        Self(MultiGzDecoder::new(output))
    }
}

impl Inflate for Gzip {
    fn push(&mut self, input: &[u8]) -> io::Result<()> {
        self.0.write_all(input)?;
        self.0.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.try_finish()
    }

    fn output(&mut self) -> &mut Output {
        self.0.get_mut()
    }
}
