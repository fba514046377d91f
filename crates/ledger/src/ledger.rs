//! The ledger: what its users see of it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::Notify;
use trunkline_core::{Error, ErrorKind};
use trunkline_journal::Journal;
use trunkline_store::Store;

use crate::backlog::Backlog;
use crate::delivery::Delivery;
use crate::entry::Entry;
use crate::opening::{self, Opening};
use crate::options::{Options, WhenFull};
use crate::request_id::{RequestId, RequestIds};
use crate::row_record::OPEN;
use crate::rows::Undelivered;
use crate::shared::{Counts, Shared, with_buffer};

/// What a row may be longer than its opening and still be certain of its room, in bytes.
const PLACE_BYTES: usize = 2048;

/// Keeps one row for each admitted request. Clones are one ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
}

impl Ledger {
    /// A ledger over a journal, which was opened with [`FORMAT`](crate::FORMAT), and a store. What an earlier process
    /// left in the journal is delivered by [`Ledger::deliver`]; nothing is read here.
    pub fn open(journal: Journal, store: Arc<dyn Store>, options: Options) -> Self {
        let shared = Shared {
            delivering: tokio::sync::Mutex::new(Undelivered::of(&journal, options.batch_rows_max)),
            journal,
            store,
            options,
            ids: RequestIds::new(),
            counts: Counts::default(),
            filled: Notify::new(),
            delivered_until: AtomicI64::new(i64::MIN),
            is_in_doubt: AtomicBool::new(false),
            failure: std::sync::Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// An id for a request that began at this time, in milliseconds since 1970.
    pub fn request_id(&self, started_at: i64) -> RequestId {
        self.shared.ids.next(started_at)
    }

    /// Admits a request: its opening is in the journal when this returns, and the place of its row is reserved.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` where the journal is full, or its disk, and such requests are refused.
    /// `ErrorKind::InvalidRequest` where its names and tags take more than a record may (256 KiB by default).
    pub fn begin(&self, opening: &Opening<'_>) -> Result<Entry, Error> {
        let id = opening.id.unwrap_or_else(|| self.request_id(opening.started_at));
        let appended = with_buffer(|buffer| {
            opening::write(id, opening, buffer);
            self.shared.journal.append_and_reserve(OPEN, buffer, buffer.len() + PLACE_BYTES)
        });
        let opened = match appended {
            Ok(opened) => Some(opened),
            Err(full) if full.is_too_long() => {
                let message = "the names and tags of the request are too long for the ledger";
                return Err(Error::new(ErrorKind::InvalidRequest, message).with_source(full));
            }
            Err(_) if self.shared.options.when_full == WhenFull::Drop => None,
            Err(full) => {
                let message = "no request can be recorded now, so that none is sent; try again later";
                return Err(Error::new(ErrorKind::StoreUnavailable, message).with_source(full));
            }
        };
        Ok(Entry::new(Arc::clone(&self.shared), id, opening.started_at, opened))
    }

    /// Delivers rows to the store until `stop`, and then for as long as [`Options::stop_timeout`] allows. Its owner polls
    /// it; nothing is spawned. Of several at one time the first delivers, and the others wait.
    ///
    /// Rows of an earlier process go first: those that were closed, and one for each request that was not. After that, rows
    /// are sent in the order in which they were closed, in batches. What the store does not take is sent again, after a
    /// wait that grows, half as many rows at one time. Rows may reach the store more than once, which counts them once.
    ///
    /// Gives how the ledger stands then; what is left stays in the journal for the next start.
    pub async fn deliver(&self, stop: impl Future<Output = ()> + Send) -> Backlog {
        {
            let mut undelivered = self.shared.delivering.lock().await;
            Delivery::new(&self.shared, &mut undelivered).run(stop).await;
        }
        self.state()
    }

    /// Delivers what an earlier process left, and nothing else: until it is done, however long the store takes. Whoever
    /// adds up what was spent before this process does so after it, and before anything else is delivered.
    pub async fn deliver_earlier(&self) {
        let mut undelivered = self.shared.delivering.lock().await;
        Delivery::new(&self.shared, &mut undelivered).run_earlier().await;
    }

    /// Until when the store has every row, in milliseconds since 1970: each that was closed up to then.
    pub fn delivered_until(&self) -> i64 {
        self.shared.delivered_until.load(Ordering::Relaxed)
    }

    /// How it stands.
    pub fn state(&self) -> Backlog {
        let counts = &self.shared.counts;
        let failure = self.shared.failure();
        Backlog {
            rows: counts.waiting.load(Ordering::Relaxed).max(0) as u64,
            bytes: self.shared.journal.bytes(),
            bytes_max: self.shared.journal.bytes_max(),
            failing_since: failure.as_ref().map(|failure| failure.since),
            last_error: failure.map(|failure| failure.error),
            delivered: counts.delivered.load(Ordering::Relaxed),
            lost: counts.lost.load(Ordering::Relaxed),
            shortened: counts.shortened.load(Ordering::Relaxed),
            unreadable: counts.unreadable.load(Ordering::Relaxed),
        }
    }

    /// Whether the store may have rows that will be sent again: of a delivery that failed, or of an earlier process.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let journal = &self.shared.journal;
        self.shared.is_in_doubt.load(Ordering::Relaxed) || journal.settled() < journal.opened_at()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    /// The journal that it is kept in.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }
}
