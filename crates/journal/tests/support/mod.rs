//! Small journals, and everything that stands in one.

use std::path::Path;

use trunkline_journal::{Journal, Options, Position};

/// The smallest segments there are.
pub(crate) const SEGMENT_BYTES: usize = 64 << 10;

pub(crate) fn small(files: u64) -> Options {
    Options { segment_bytes: SEGMENT_BYTES, bytes_max: files * SEGMENT_BYTES as u64, ..Options::default() }
}

pub(crate) fn open(folder: &Path) -> Journal {
    Journal::open(folder, &small(16)).expect("the journal opens")
}

/// All payloads from a position on, read in pieces.
pub(crate) fn payloads_from(journal: &Journal, from: Position, piece_bytes: usize) -> Vec<Vec<u8>> {
    let (mut at, mut payloads) = (from, Vec::new());
    loop {
        let chunk = journal.read(at, piece_bytes).expect("is read");
        if chunk.is_empty() && chunk.next() == at {
            return payloads;
        }
        payloads.extend(chunk.records().map(|record| record.payload.to_vec()));
        at = chunk.next();
    }
}

pub(crate) fn payloads(journal: &Journal) -> Vec<Vec<u8>> {
    payloads_from(journal, journal.first(), 4_000)
}
