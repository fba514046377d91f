//! The journal read as rows: what was closed, and in what an earlier process left, what was not.

use std::collections::HashMap;

use trunkline_core::Error;
use trunkline_journal::{Chunk, Journal, Position, Record};
use trunkline_store::RequestRow;

use crate::opening::read_interrupted;
use crate::request_id::RequestId;
use crate::row_record::{self, CLOSE, OPEN};
use crate::wire::Unreadable;

/// Bytes that are read at one time.
const CHUNK_BYTES: usize = 64 << 10;

/// A batch of long rows ends before it has so many bytes.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// How far the journal has been read. It is kept from one delivery to the next, so that nothing is read and counted twice.
#[derive(Debug)]
pub(crate) struct Undelivered {
    pub(crate) rows: Rows,
    /// Read, and not yet taken by the store.
    pub(crate) batch: Option<Batch>,
    /// How many rows of it the store is given at one time: fewer where more were not taken.
    pub(crate) at_once: usize,
}

impl Undelivered {
    /// All that an earlier process left in a journal, and nothing of this one yet.
    pub(crate) fn of(journal: &Journal, at_once: usize) -> Self {
        Self { rows: Rows::new(journal), batch: None, at_once }
    }
}

/// Reads rows. Whoever reads notes how far they were taken: several readers can stand at different places.
#[derive(Debug)]
pub(crate) struct Rows {
    position: Position,
    earlier: Option<Earlier>,
}

/// What an earlier process left.
#[derive(Debug)]
struct Earlier {
    /// Where this process begins.
    until: Position,
    /// Rows before this were delivered.
    delivered: Position,
    /// Openings before this were made up for.
    settled: Position,
    open: HashMap<RequestId, RequestRow>,
}

/// Some rows in a row.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<RequestRow>,
    /// Until when it holds all that was closed, in milliseconds since 1970, if it does.
    pub(crate) reaches: Option<i64>,
    /// How many of them the store has.
    pub(crate) taken: usize,
    /// How many of them an earlier process left.
    pub(crate) earlier: u64,
    /// Records that could not be read.
    pub(crate) unreadable: u64,
    /// How many of those are rows that this process closed.
    pub(crate) unreadable_own: u64,
    /// Where to read on when they are taken.
    pub(crate) next: Position,
    /// With them everything that an earlier process left is made up for.
    pub(crate) settles: bool,
    bytes: usize,
}

impl Batch {
    fn is_full(&self, rows_max: usize) -> bool {
        self.rows.len() >= rows_max || self.bytes >= BATCH_BYTES_MAX
    }

    /// Whether nothing was there to be read.
    pub(crate) fn is_nothing(&self) -> bool {
        self.rows.is_empty() && self.unreadable == 0 && !self.settles
    }
}

impl Rows {
    /// Reads on where an earlier reader of this journal got to.
    pub(crate) fn new(journal: &Journal) -> Self {
        let (until, settled) = (journal.opened_at(), journal.settled());
        let delivered = journal.forgotten();
        if settled >= until {
            return Self { position: delivered, earlier: None };
        }
        let earlier = Earlier { until, delivered, settled, open: HashMap::new() };
        Self { position: journal.first(), earlier: Some(earlier) }
    }

    /// The next rows, at most `rows_max`. None, if there are none for now.
    ///
    /// # Errors
    ///
    /// What `read` says, which gives the chunk at a position. What it gave before it failed is a batch all the same: nobody
    /// reads it again.
    pub(crate) fn next(
        &mut self,
        mut read: impl FnMut(Position, usize) -> Result<Chunk, Error>,
        rows_max: usize,
    ) -> Result<Batch, Error> {
        let mut batch = Batch { next: self.position, ..Batch::default() };
        loop {
            if self.earlier.as_ref().is_some_and(|earlier| self.position >= earlier.until) {
                // Alone in their batches, since the place to read on is the same before and after them.
                if batch.rows.is_empty() {
                    self.make_up(&mut batch, rows_max);
                }
                if !batch.rows.is_empty() || batch.settles {
                    return Ok(batch);
                }
            }
            let chunk = match read(self.position, CHUNK_BYTES) {
                Ok(chunk) => chunk,
                Err(_) if !batch.is_nothing() => return Ok(batch),
                Err(error) => return Err(error),
            };
            let is_end = chunk.is_empty() && chunk.next() == self.position;
            for record in chunk.records() {
                let is_beyond = |earlier: &Earlier| record.position >= earlier.until;
                if batch.is_full(rows_max) || self.earlier.as_ref().is_some_and(is_beyond) {
                    self.position = record.position;
                    break;
                }
                self.take(record, &mut batch);
                self.position = chunk.next();
            }
            if chunk.is_empty() {
                self.position = chunk.next();
            }
            batch.next = self.position;
            if is_end || batch.is_full(rows_max) {
                return Ok(batch);
            }
        }
    }

    fn take(&mut self, record: Record<'_>, batch: &mut Batch) {
        match self.row(record) {
            Ok(Some(row)) => {
                batch.rows.push(row);
                batch.bytes += record.payload.len();
                if self.earlier.is_some() {
                    batch.earlier += 1;
                }
            }
            Ok(None) => {}
            Err(_) => {
                batch.unreadable += 1;
                if self.earlier.is_none() && record.kind == CLOSE {
                    batch.unreadable_own += 1;
                }
            }
        }
    }

    /// The row of a record, if it is one that is still to be delivered.
    fn row(&mut self, record: Record<'_>) -> Result<Option<RequestRow>, Unreadable> {
        match (record.kind, &mut self.earlier) {
            (CLOSE, None) => row_record::read(record.payload).map(Some),
            (CLOSE, Some(earlier)) => {
                earlier.open.remove(&row_record::read_id(record.payload)?);
                let is_due = record.position >= earlier.delivered;
                is_due.then(|| row_record::read(record.payload)).transpose()
            }
            (OPEN, Some(earlier)) if record.position >= earlier.settled => {
                let id = row_record::read_id(record.payload)?;
                earlier.open.insert(id, read_interrupted(record.payload, None)?);
                Ok(None)
            }
            (OPEN, _) => Ok(None),
            _ => Err(Unreadable::Malformed),
        }
    }

    /// Rows for what was opened and never closed.
    fn make_up(&mut self, batch: &mut Batch, rows_max: usize) {
        let Some(earlier) = &mut self.earlier else { return };
        let ids: Vec<RequestId> = earlier.open.keys().take(rows_max).copied().collect();
        batch.rows.extend(ids.iter().filter_map(|id| earlier.open.remove(id)));
        batch.earlier = batch.rows.len() as u64;
        batch.next = self.position;
        if earlier.open.is_empty() {
            batch.settles = true;
            self.earlier = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::ErrorKind;
    use trunkline_journal::Options;

    use super::*;

    #[test]
    fn what_was_read_before_a_read_failed_is_a_batch() {
        let journal = Journal::in_memory(&Options::in_memory());
        let ids: Vec<RequestId> = (0_u8..200).map(|number| RequestId::from_bytes([number; 16])).collect();
        let long = RequestRow { metadata: Some("m".repeat(1_000)), ..RequestRow::default() };
        for id in &ids {
            let mut record = Vec::new();
            row_record::write((*id, long.started_at), &long, &mut record);
            journal.append(CLOSE, &record).expect("there is room");
        }
        let mut rows = Rows::new(&journal);
        let mut calls = 0;
        let mut found = Vec::new();
        for _ in 0..20 {
            // Every second read fails.
            let batch = rows.next(
                |position, bytes| {
                    calls += 1;
                    let failed = || Error::new(ErrorKind::StoreUnavailable, "the disk has failed");
                    if calls % 2 == 0 { Err(failed()) } else { journal.read(position, bytes) }
                },
                1_000,
            );
            if let Ok(batch) = batch {
                found.extend(batch.rows.into_iter().map(|row| row.request_id));
            }
        }
        let expected: Vec<String> = ids.iter().map(RequestId::to_string).collect();
        assert_eq!(found, expected);
    }
}
