//! What all streams together may hold back: the beginnings of events whose ends have not come yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use trunkline_core::{Error, ErrorKind};

/// A limit on the bytes that all streams of a process hold back at one time.
///
/// An event goes out when it is whole. One of 20 MB, as images are, is held until then; many of them at once
/// must not take the machine's memory.
#[derive(Debug)]
pub struct StreamBudget {
    bytes_max: usize,
    held: AtomicUsize,
}

impl StreamBudget {
    /// A budget of so many bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, held: AtomicUsize::new(0) })
    }

    /// What is held back now, in bytes.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// One stream's part of the budget, given back when the stream is dropped.
#[derive(Debug)]
pub(crate) struct HeldBack {
    budget: Arc<StreamBudget>,
    bytes: usize,
}

impl HeldBack {
    pub(crate) fn new(budget: Arc<StreamBudget>) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Notes how much the stream holds back now.
    ///
    /// # Errors
    ///
    /// `Overloaded` if all streams together would hold back more than the budget. Nothing is noted then.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes <= self.bytes {
            self.budget.held.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
            self.bytes = bytes;
            return Ok(());
        }
        let more = bytes - self.bytes;
        let before = self.budget.held.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > self.budget.bytes_max {
            self.budget.held.fetch_sub(more, Ordering::Relaxed);
            let message = format!(
                "all streams together hold back more than stream_buffer_total_bytes ({} bytes)",
                self.budget.bytes_max
            );
            return Err(Error::new(ErrorKind::Overloaded, message).having_reached_upstream());
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_share_the_budget_and_give_it_back() {
        let budget = StreamBudget::new(100);
        let mut first = HeldBack::new(Arc::clone(&budget));
        let mut second = HeldBack::new(Arc::clone(&budget));
        first.set(60).expect("there is room");
        assert_eq!(second.set(41).map_err(|error| error.kind()), Err(ErrorKind::Overloaded));
        second.set(40).expect("there is room for that");
        first.set(10).expect("less is always possible");
        assert_eq!(budget.held(), 50);
        drop(second);
        assert_eq!(budget.held(), 10);
    }
}
