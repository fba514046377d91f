//! Rows on their way: what nobody took goes back into the queue, and what is given up is counted.

use crate::item::Item;
use crate::queue::Queue;
use crate::standing::Counts;

/// Rows that are being sent. Dropped before anything came of it, they wait again: whoever ends an exporter and runs it
/// once more sends them.
#[derive(Debug)]
pub(crate) struct Batch<'l> {
    rows: Vec<Item>,
    queue: &'l Queue,
    counts: &'l Counts,
}

impl<'l> Batch<'l> {
    /// The next rows of a queue.
    pub(crate) fn take(queue: &'l Queue, counts: &'l Counts) -> Self {
        Self { rows: queue.take(), queue, counts }
    }

    pub(crate) fn rows(&self) -> &[Item] {
        &self.rows
    }

    /// The destination took them, but for so many of which it says that it did not.
    pub(crate) fn sent(mut self, rejected: usize) {
        let rows = std::mem::take(&mut self.rows).len();
        let rejected = rejected.min(rows);
        self.counts.sent.add(rows - rejected);
        self.counts.lost.add(rejected);
    }

    /// Nobody will take them.
    pub(crate) fn give_up(mut self) {
        self.counts.lost.add(std::mem::take(&mut self.rows).len());
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.queue.put_back(std::mem::take(&mut self.rows));
    }
}
