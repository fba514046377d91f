//! Items that wait for a destination: never more than a limit, in number and in bytes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::ExportOptions;
use crate::item::Item;

#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    rows_max: usize,
    bytes_max: usize,
    batch_rows_max: usize,
    /// Told when the first item comes and when a batch is full, so that a sender is woken twice a batch and not once a
    /// request.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    /// What they take together.
    bytes: usize,
}

impl Queue {
    pub(crate) fn new(options: &ExportOptions) -> Self {
        Self {
            waiting: Mutex::default(),
            rows_max: options.rows_max,
            bytes_max: options.bytes_max,
            batch_rows_max: options.batch_rows_max.max(1),
            changed: Notify::new(),
        }
    }

    /// Whether there was room for the item.
    pub(crate) fn push(&self, item: Item) -> bool {
        let length = {
            let mut waiting = self.waiting();
            let bytes = waiting.bytes.saturating_add(item.bytes());
            if waiting.items.len() >= self.rows_max || bytes > self.bytes_max {
                return false;
            }
            waiting.bytes = bytes;
            waiting.items.push_back(item);
            waiting.items.len()
        };
        if length == 1 || length == self.batch_rows_max {
            self.changed.notify_one();
        }
        true
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.rows_max
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting().items.len()
    }

    /// The items of the next batch, at once.
    pub(crate) fn take(&self) -> Vec<Item> {
        let (batch, rest) = {
            let mut waiting = self.waiting();
            let length = waiting.items.len().min(self.batch_rows_max);
            let batch: Vec<Item> = waiting.items.drain(..length).collect();
            waiting.bytes -= batch.iter().map(|item| item.bytes()).sum::<usize>();
            (batch, waiting.items.len())
        };
        // Whoever takes a batch passes on the word that there is more.
        if rest > 0 {
            self.changed.notify_one();
        }
        batch
    }

    /// Puts items back to where they were taken from. They had room once, and have it again.
    pub(crate) fn put_back(&self, items: Vec<Item>) {
        if items.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for item in items.into_iter().rev() {
            waiting.bytes += item.bytes();
            waiting.items.push_front(item);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Waits until a batch is full, or until its first item has waited for `wait`.
    pub(crate) async fn wait(&self, wait: Duration) {
        while self.len() == 0 {
            self.changed.notified().await;
        }
        let full = async {
            while self.len() < self.batch_rows_max {
                self.changed.notified().await;
            }
        };
        // A batch that did not become full goes as it is.
        let _ = timeout(wait, full).await;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
