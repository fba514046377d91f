//! One stretch of the journal: a numbered block, and how far it is filled.
//!
//! It opens with 64 bytes: the magic (8), the version (1), the format of the records (1), six of nothing,
//! the number (8), the epoch (4), a checksum of these 28 bytes (4), and nothing. Records follow without gaps.

use crate::block::{Block, Bytes};
use crate::position::Position;
use crate::record::{self, HEAD_BYTES, Head, Look, SEAL, framed};

/// Bytes before the first record.
pub(crate) const OPENING_BYTES: usize = 64;

const MAGIC: &[u8; 8] = b"TRNKJRNL";

/// WHEN CHANGING what stands in files: count on, and keep reading the version before.
const VERSION: u8 = 1;

const SUMMED_BYTES: usize = 28;

/// A numbered block.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) block: Block,
    pub(crate) sequence: u64,
    /// How far it is filled. Of a sealed one nobody reads on past its seal.
    pub(crate) end: usize,
    /// Records in it that are held.
    pub(crate) held: usize,
    /// Whether all of it is on the disk.
    pub(crate) is_synced: bool,
    /// Where what stands in the place of records that were held in it ends. Until that is on the disk, they are wanted.
    pub(crate) replaced_until: Position,
}

/// What the first bytes of a file say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// A segment.
    Segment { sequence: u64, epoch: u32, format: u8 },
    /// Nothing was written there, or it was given back.
    Blank,
    /// Another version's.
    Version(u8),
    /// Neither.
    Damaged,
}

impl Segment {
    /// Begins a segment in a block that is mapped.
    pub(crate) fn begin(mut block: Block, sequence: u64, epoch: u32, format: u8) -> Self {
        if let Some(bytes) = block.bytes_mut() {
            bytes[..OPENING_BYTES].copy_from_slice(&write_opening(sequence, epoch, format));
        }
        let replaced_until = Position::START;
        Self { block, sequence, end: OPENING_BYTES, held: 0, is_synced: false, replaced_until }
    }

    pub(crate) fn left(&self) -> usize {
        self.block.length.saturating_sub(self.end)
    }

    /// Adds a record that fits, and gives the offset where it stands.
    pub(crate) fn append(&mut self, head: Head, payload: &[u8]) -> usize {
        let start = self.end;
        let Some(bytes) = self.block.bytes_mut() else { return start };
        let target = &mut bytes[start..start + framed(payload.len())];
        target[HEAD_BYTES..].copy_from_slice(payload);
        head.write(self.sequence, target);
        self.end += framed(payload.len());
        start
    }

    /// Says that nothing follows, if there is room to say it, and gives the mapping away.
    pub(crate) fn seal(&mut self, epoch: u32) -> Option<Bytes> {
        if self.left() >= HEAD_BYTES {
            self.append(Head::new(SEAL, epoch, &[]), &[]);
        }
        self.block.take_mapping()
    }

    /// Finds the end of the records, the last epoch among them, and whether they are sealed: then nobody reads what is
    /// appended. The block is mapped.
    pub(crate) fn find_end(&mut self, epoch: u32) -> (u32, bool) {
        let (mut end, mut last, mut is_sealed) = (OPENING_BYTES, epoch, false);
        if let Some(bytes) = self.block.bytes() {
            while !is_sealed && let Look::Record(found) = record::look(bytes, end, self.sequence, last) {
                (end, last, is_sealed) = (found.payload.end, found.epoch, found.kind == SEAL);
            }
        }
        self.end = end;
        (last, is_sealed)
    }
}

fn write_opening(sequence: u64, epoch: u32, format: u8) -> [u8; OPENING_BYTES] {
    let mut bytes = [0; OPENING_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8] = VERSION;
    bytes[9] = format;
    bytes[16..24].copy_from_slice(&sequence.to_le_bytes());
    bytes[24..SUMMED_BYTES].copy_from_slice(&epoch.to_le_bytes());
    let sum = crc32fast::hash(&bytes[..SUMMED_BYTES]);
    bytes[SUMMED_BYTES..32].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Reads the first bytes of a file.
pub(crate) fn read_opening(bytes: &[u8; OPENING_BYTES]) -> Opening {
    if bytes.iter().all(|byte| *byte == 0) {
        return Opening::Blank;
    }
    if &bytes[..8] != MAGIC {
        return Opening::Damaged;
    }
    if bytes[8] != VERSION {
        return Opening::Version(bytes[8]);
    }
    let four = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    if crc32fast::hash(&bytes[..SUMMED_BYTES]) != u32::from_le_bytes(four(SUMMED_BYTES)) {
        return Opening::Damaged;
    }
    let (low, high) = (u32::from_le_bytes(four(16)), u32::from_le_bytes(four(20)));
    let sequence = u64::from(high) << 32 | u64::from(low);
    Opening::Segment { sequence, epoch: u32::from_le_bytes(four(24)), format: bytes[9] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_is_read_as_it_was_written() {
        let bytes = write_opening(0x0102_0304_0506, 9, 3);
        assert_eq!(
            read_opening(&bytes),
            Opening::Segment { sequence: 0x0102_0304_0506, epoch: 9, format: 3 }
        );
        assert_eq!(read_opening(&[0; OPENING_BYTES]), Opening::Blank);
        let mut later = bytes;
        later[8] = 2;
        assert_eq!(read_opening(&later), Opening::Version(2));
        let mut broken = bytes;
        broken[17] ^= 1;
        assert_eq!(read_opening(&broken), Opening::Damaged);
    }
}
