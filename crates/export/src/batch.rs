//! Items on their way: what nobody took goes back into the queue, and what is given up is counted.

use crate::item::Item;
use crate::queue::Queue;
use crate::standing::Counts;

/// Items that are being sent. Dropped before anything came of it, they wait again: whoever ends an exporter and runs it
/// once more sends them.
#[derive(Debug)]
pub(crate) struct Batch<'l> {
    items: Vec<Item>,
    queue: &'l Queue,
    counts: &'l Counts,
}

impl<'l> Batch<'l> {
    /// The next items of a queue.
    pub(crate) fn take(queue: &'l Queue, counts: &'l Counts) -> Self {
        Self { items: queue.take(), queue, counts }
    }

    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// The destination took them, but for so many of which it says that it did not.
    pub(crate) fn sent(mut self, rejected: usize) {
        let items = std::mem::take(&mut self.items).len();
        let rejected = rejected.min(items);
        self.counts.sent.add(items - rejected);
        self.counts.lost.add(rejected);
    }

    /// Nobody will take them.
    pub(crate) fn give_up(mut self) {
        self.counts.lost.add(std::mem::take(&mut self.items).len());
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.queue.put_back(std::mem::take(&mut self.items));
    }
}
