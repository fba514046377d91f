//! What a ledger, its entries and its delivery share.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use trunkline_journal::Journal;
use trunkline_store::Store;

use crate::options::Options;
use crate::request_id::RequestIds;
use crate::rows::Undelivered;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) journal: Journal,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) options: Options,
    pub(crate) ids: RequestIds,
    pub(crate) counts: Counts,
    /// Fires when there is a first row to deliver, and when there is a batch of them.
    pub(crate) filled: Notify,
    /// When it was true last that the store had every row that had been closed, in milliseconds since 1970.
    pub(crate) delivered_until: AtomicI64,
    /// Whether rows were sent whose answer was lost, and not all of their batch was taken since.
    pub(crate) is_in_doubt: AtomicBool,
    pub(crate) failure: Mutex<Option<Failure>>,
    /// One delivery at a time.
    pub(crate) delivering: tokio::sync::Mutex<Undelivered>,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// It is below zero for a moment where a row is delivered before the one that closed it has counted it.
    pub(crate) waiting: AtomicI64,
    pub(crate) delivered: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) shortened: AtomicU64,
    pub(crate) unreadable: AtomicU64,
}

/// Why nothing is delivered.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) since: i64,
    pub(crate) error: String,
}

impl Shared {
    /// Notes that a row has come in.
    pub(crate) fn added(&self) {
        let before = self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        if before == 0 || before + 1 == self.options.batch_rows_max as i64 {
            self.filled.notify_one();
        }
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_failure(&self, failure: Option<Failure>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

thread_local! {
    /// Records are written here first, so that a request allocates nothing for them.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A buffer that was larger than this once is not kept.
const BUFFER_BYTES_MAX: usize = 64 << 10;

/// Lends out an empty buffer.
pub(crate) fn with_buffer<T>(use_it: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    // Where the thread is ending, or is using it further up, a new one does as well.
    let mut buffer = BUFFER.try_with(RefCell::take).unwrap_or_default();
    buffer.clear();
    let result = use_it(&mut buffer);
    if buffer.capacity() <= BUFFER_BYTES_MAX {
        let _ = BUFFER.try_with(|kept| kept.replace(buffer));
    }
    result
}
