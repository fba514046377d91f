//! Rows on their way: what nobody took is counted as lost, whatever kept it.

use std::sync::Arc;

use crate::row::Row;
use crate::standing::Counts;

/// Rows that are being sent. Dropped before anybody took them, they are lost.
#[derive(Debug)]
pub(crate) struct Batch<'c> {
    rows: Vec<Arc<Row>>,
    counts: &'c Counts,
}

impl<'c> Batch<'c> {
    pub(crate) fn new(rows: Vec<Arc<Row>>, counts: &'c Counts) -> Self {
        Self { rows, counts }
    }

    pub(crate) fn rows(&self) -> &[Arc<Row>] {
        &self.rows
    }

    /// The destination took them, but for so many of which it says that it did not.
    pub(crate) fn sent(mut self, rejected: usize) {
        let rows = std::mem::take(&mut self.rows).len();
        let rejected = rejected.min(rows);
        self.counts.sent.add(rows - rejected);
        self.counts.lost.add(rejected);
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.counts.lost.add(self.rows.len());
    }
}
