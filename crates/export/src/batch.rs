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

    /// The destination took them.
    pub(crate) fn sent(mut self) {
        self.counts.sent.add(std::mem::take(&mut self.rows).len());
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.counts.lost.add(self.rows.len());
    }
}
