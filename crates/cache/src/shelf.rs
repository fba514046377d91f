//! What all handles on a cache share: where replies are kept, and who is on the way upstream.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use trunkline_core::{Error, ErrorKind};

use crate::flights::Flights;
use crate::{Options, Storage};

/// What all handles on a cache share.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) flights: Flights,
    pub(crate) options: Options,
    /// Calls that the storage failed, or did not answer in time.
    faults: AtomicU64,
}

impl Shelf {
    pub(crate) fn new(storage: Box<dyn Storage>, options: Options) -> Self {
        Self { storage, flights: Flights::default(), options, faults: AtomicU64::new(0) }
    }

    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// The answer of the storage, if it comes before the deadline. Faults are counted.
    pub(crate) async fn in_time<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let deadline = self.options.deadline;
        let answer = tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| {
            let message = format!(
                "the cache of replies in {} did not answer within {} ms",
                self.storage.name(),
                deadline.as_millis()
            );
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        });
        if answer.is_err() {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }
}
