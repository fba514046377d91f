//! Rows that wait for a destination: never more than a limit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::row::Row;

#[derive(Debug)]
pub(crate) struct Queue {
    rows: Mutex<VecDeque<Arc<Row>>>,
    rows_max: usize,
    batch_rows_max: usize,
    /// Told when the first row comes and when a batch is full, so that a sender is woken twice a batch and not once a
    /// request.
    changed: Notify,
}

impl Queue {
    pub(crate) fn new(rows_max: usize, batch_rows_max: usize) -> Self {
        let batch_rows_max = batch_rows_max.max(1);
        Self { rows: Mutex::default(), rows_max, batch_rows_max, changed: Notify::new() }
    }

    /// Whether there was room for the row.
    pub(crate) fn push(&self, row: Arc<Row>) -> bool {
        let length = {
            let mut rows = self.rows();
            if rows.len() >= self.rows_max {
                return false;
            }
            rows.push_back(row);
            rows.len()
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
        self.rows().len()
    }

    /// The rows of the next batch, at once.
    pub(crate) fn take(&self) -> Vec<Arc<Row>> {
        let (batch, rest) = {
            let mut rows = self.rows();
            let length = rows.len().min(self.batch_rows_max);
            (rows.drain(..length).collect(), rows.len())
        };
        // Whoever takes a batch passes on the word that there is more.
        if rest > 0 {
            self.changed.notify_one();
        }
        batch
    }

    /// Waits until a batch is full, or until its first row has waited for `wait`.
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

    fn rows(&self) -> MutexGuard<'_, VecDeque<Arc<Row>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
