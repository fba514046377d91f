//! Where requests wait for a deployment when none can take them: in order, and not too many.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, MutexGuard};

/// The queue of one group. The first in it looks for a deployment; the others wait for their turn.
#[derive(Debug)]
pub(crate) struct Queue {
    length_max: usize,
    length: AtomicUsize,
    /// Given in the order in which it was asked for.
    turn: Mutex<()>,
}

/// A place in a queue.
#[derive(Debug)]
pub(crate) struct Waiting<'q>(&'q Queue);

impl Queue {
    pub(crate) fn new(length_max: usize) -> Self {
        Self { length_max, length: AtomicUsize::new(0), turn: Mutex::new(()) }
    }

    /// Whether somebody waits, so that nobody may go past them.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.length.load(Ordering::Acquire) == 0
    }

    /// How many wait.
    pub(crate) fn length(&self) -> usize {
        self.length.load(Ordering::Acquire)
    }

    /// Takes a place at its end. `None` if it is full.
    pub(crate) fn join(&self) -> Option<Waiting<'_>> {
        if self.length.fetch_add(1, Ordering::AcqRel) >= self.length_max {
            self.length.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Waiting(self))
    }
}

impl Waiting<'_> {
    /// Waits until everybody before has left.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().await
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.length.fetch_sub(1, Ordering::AcqRel);
    }
}
