//! How a record stands in a segment: a head of twelve bytes, and its payload.
//!
//! The head is a checksum (4 bytes), length (3) and kind (1) of the payload, and the epoch (4): how often the journal had
//! been opened. Numbers are little-endian. The checksum covers the rest of the head and the payload, and has the
//! segment's number mixed in, so that what a file held before it was used again is no record of its new segment. The
//! epoch does the same for what stands behind the place where an earlier process was cut off.

use std::ops::Range;

/// Bytes before a payload.
pub(crate) const HEAD_BYTES: usize = 12;

/// The kind of the record that says that a segment ends here.
pub(crate) const SEAL: u8 = u8::MAX;

/// The longest payload that a head can tell.
pub(crate) const PAYLOAD_BYTES_MAX: usize = (1 << 24) - 1;

/// What a record is, less its segment. Worked out before a lock is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    length_and_kind: [u8; 4],
    epoch: u32,
    checksum: u32,
}

/// A record in a run of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: u8,
    pub(crate) epoch: u32,
    pub(crate) payload: Range<usize>,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A whole record.
    Record(Found),
    /// A record that reaches past the bytes that are there; it has so many at least.
    Cut { bytes: usize },
    /// No record: the end, or what is left of one.
    Nothing,
}

impl Head {
    pub(crate) fn new(kind: u8, epoch: u32, payload: &[u8]) -> Self {
        let [first, second, third, _] = (payload.len() as u32).to_le_bytes();
        let length_and_kind = [first, second, third, kind];
        Self { length_and_kind, epoch, checksum: checksum(length_and_kind, epoch, payload) }
    }

    /// Writes the head to the start of `target`, as a record of this segment.
    pub(crate) fn write(self, sequence: u64, target: &mut [u8]) {
        target[..4].copy_from_slice(&(self.checksum ^ mark(sequence)).to_le_bytes());
        target[4..8].copy_from_slice(&self.length_and_kind);
        target[8..HEAD_BYTES].copy_from_slice(&self.epoch.to_le_bytes());
    }
}

/// How much a record takes up with its head.
pub(crate) fn framed(payload_bytes: usize) -> usize {
    HEAD_BYTES + payload_bytes
}

/// Looks at what stands at `offset` in a segment's bytes, behind records of the epoch `epoch`.
pub(crate) fn look(bytes: &[u8], offset: usize, sequence: u64, epoch: u32) -> Look {
    let Some(head) = bytes.get(offset..offset + HEAD_BYTES) else { return Look::Cut { bytes: HEAD_BYTES } };
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let length_and_kind = [head[4], head[5], head[6], head[7]];
    let (length, kind) = (number(4) & PAYLOAD_BYTES_MAX as u32, head[7]);
    let (stored, own_epoch) = (number(0), number(8));
    if kind == 0 || own_epoch < epoch {
        return Look::Nothing;
    }
    let payload = offset + HEAD_BYTES..offset + framed(length as usize);
    let Some(text) = bytes.get(payload.clone()) else { return Look::Cut { bytes: framed(length as usize) } };
    if checksum(length_and_kind, own_epoch, text) ^ mark(sequence) != stored {
        return Look::Nothing;
    }
    Look::Record(Found { kind, epoch: own_epoch, payload })
}

fn checksum(length_and_kind: [u8; 4], epoch: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length_and_kind);
    hasher.update(&epoch.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// What a segment's number adds to its checksums.
fn mark(sequence: u64) -> u32 {
    let mixed = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u32, sequence: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; framed(payload.len())];
        Head::new(kind, epoch, payload).write(sequence, &mut bytes);
        bytes[HEAD_BYTES..].copy_from_slice(payload);
        bytes
    }

    #[test]
    fn a_record_is_found_again() {
        let bytes = record(7, 3, 5, b"payload");
        assert_eq!(look(&bytes, 0, 5, 1), Look::Record(Found { kind: 7, epoch: 3, payload: 12..19 }));
    }

    #[test]
    fn a_record_of_another_segment_or_of_an_earlier_epoch_is_none() {
        let bytes = record(7, 3, 5, b"payload");
        assert_eq!(look(&bytes, 0, 6, 1), Look::Nothing);
        assert_eq!(look(&bytes, 0, 5, 4), Look::Nothing);
        assert_eq!(look(&[0; 64], 0, 5, 0), Look::Nothing);
    }

    #[test]
    fn no_byte_of_a_record_can_change_unseen() {
        let bytes = record(7, 3, 5, b"payload");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut broken = bytes.clone();
                broken[at] ^= 1 << bit;
                assert!(!matches!(look(&broken, 0, 5, 0), Look::Record(_)), "byte {at}, bit {bit}");
            }
        }
    }
}
