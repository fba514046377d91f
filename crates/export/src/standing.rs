//! How it stands with a destination: what was sent, and what was not.

use std::sync::atomic::{AtomicU64, Ordering};

/// How it stands with a destination. All but `queued` count rows, or POSTs, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The callback's name in LiteLLM: `generic_api` or `otel`.
    pub name: &'static str,
    /// Rows that wait.
    pub queued: usize,
    /// Rows that the destination took.
    pub sent: u64,
    /// Rows that found no room in the queue.
    pub dropped: u64,
    /// Rows that were given up: refused, or tried as often as may be, or still there at the end.
    pub lost: u64,
    /// POSTs that failed, those that were tried again among them.
    pub failed_posts: u64,
}

/// The counts behind it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: Count,
    pub(crate) dropped: Count,
    pub(crate) lost: Count,
    pub(crate) failed_posts: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
