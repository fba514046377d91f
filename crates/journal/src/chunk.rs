//! Some records in a row, as they were read.

use std::ops::Range;

use crate::position::Position;
use crate::record::{self, Look, SEAL};

/// Records in a row, and where to read on.
#[derive(Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    start: Position,
    records: Vec<(u8, usize, Range<usize>)>,
    next: Position,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'c> {
    /// Where it stands.
    pub position: Position,
    /// Its kind, as it was appended.
    pub kind: u8,
    /// What was appended.
    pub payload: &'c [u8],
}

/// How the bytes of a chunk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With the segment: nothing more stands in it.
    Segment,
    /// Within a record that is this long.
    Within(usize),
    /// Between two records.
    Between,
}

impl Chunk {
    pub(crate) fn empty(at: Position) -> Self {
        Self { bytes: Vec::new(), start: at, records: Vec::new(), next: at }
    }

    /// Finds the records in bytes that were copied from a position on.
    pub(crate) fn parse(bytes: Vec<u8>, start: Position) -> (Self, Ending) {
        let (mut at, mut epoch, mut records) = (0, 0, Vec::new());
        let ending = loop {
            if at == bytes.len() {
                break Ending::Between;
            }
            match record::look(&bytes, at, start.sequence(), epoch) {
                Look::Record(found) if found.kind == SEAL => break Ending::Segment,
                Look::Record(found) => {
                    let end = found.payload.end;
                    records.push((found.kind, at, found.payload));
                    (at, epoch) = (end, found.epoch);
                }
                Look::Cut { bytes } => break Ending::Within(bytes),
                Look::Nothing => break Ending::Segment,
            }
        };
        let next = Position::new(start.sequence(), start.offset() + at);
        (Self { bytes, start, records, next }, ending)
    }

    pub(crate) fn set_next(&mut self, next: Position) {
        self.next = next;
    }

    /// The records, the oldest first.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.iter().map(|(kind, at, payload)| Record {
            position: Position::new(self.start.sequence(), self.start.offset() + at),
            kind: *kind,
            payload: &self.bytes[payload.clone()],
        })
    }

    /// Whether there are no records in it. There may be some behind it all the same, in the next segment.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Where to read on.
    pub fn next(&self) -> Position {
        self.next
    }
}
