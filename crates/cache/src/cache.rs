//! The cache of replies: finds them, forgets them, and lets one of many equal requests go upstream.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trunkline_core::{Error, ErrorKind};

use crate::flight::{Flights, Joined};
use crate::in_memory::InMemory;
use crate::{CacheKey, Found, Keeper, Kept, Storage, Waiter};

/// A cache of replies. Cloning gives another handle on the same one.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    storage: Box<dyn Storage>,
    flights: Flights,
    options: Options,
    /// Calls that the storage failed, or did not answer in time.
    faults: AtomicU64,
}

/// The limits of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most that is kept in memory, in bytes. Default 64 MiB. A storage elsewhere has its own bound.
    pub bytes_max: u64,
    /// The largest reply that is kept, in bytes. Default 1 MiB, as in LiteLLM.
    pub entry_bytes_max: usize,
    /// How long the storage may take to answer. Default 50 ms.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bytes_max: 64 * 1024 * 1024,
            entry_bytes_max: 1024 * 1024,
            deadline: Duration::from_millis(50),
        }
    }
}

/// How a request goes on.
#[derive(Debug)]
pub enum Begin {
    /// There is a reply.
    Hit(Found),
    /// There is none, and this request goes upstream. Others that are equal wait for what it keeps.
    Lead(Keeper),
    /// There is none, and an equal request is on its way upstream.
    Wait(Waiter),
}

impl Cache {
    /// A cache in the memory of this process.
    pub fn in_memory(options: Options) -> Self {
        Self::with_storage(Box::new(InMemory::new(options.bytes_max)), options)
    }

    /// A cache that keeps its replies in `storage`.
    pub fn with_storage(storage: Box<dyn Storage>, options: Options) -> Self {
        let flights = Flights::default();
        Self(Arc::new(Inner { storage, flights, options, faults: AtomicU64::new(0) }))
    }

    /// Looks for a reply, and where there is none, says who goes upstream for it.
    ///
    /// A reply that is older than `age_max` counts as none. A storage that fails counts as empty.
    pub async fn begin(&self, key: &CacheKey, age_max: Option<Duration>) -> Begin {
        let landed = self.0.flights.landed();
        if let Some(found) = self.get(key, age_max).await {
            return Begin::Hit(found);
        }
        match self.0.flights.join(key) {
            Joined::Behind(flight) => Begin::Wait(Waiter::new(self.clone(), *key, flight)),
            Joined::Ahead(flight) => {
                let keeper = Keeper::leading(self.clone(), *key, flight);
                // An equal request may have come back after the first look, and before this one took the lead.
                if self.0.flights.landed() != landed
                    && let Some(found) = self.get(key, age_max).await
                {
                    keeper.share(&found.kept);
                    return Begin::Hit(found);
                }
                Begin::Lead(keeper)
            }
        }
    }

    /// Looks for a reply that is not older than `age_max`. A storage that fails counts as empty.
    pub async fn get(&self, key: &CacheKey, age_max: Option<Duration>) -> Option<Found> {
        let found = self.in_time(self.0.storage.get(key)).await.ok().flatten();
        found.filter(|found| age_max.is_none_or(|most| found.age <= most))
    }

    /// The right to keep a reply under a key, for a request that was not to be given one.
    pub fn keeper(&self, key: &CacheKey) -> Keeper {
        Keeper::alone(self.clone(), *key)
    }

    /// Forgets the replies under these keys, and says how many there were.
    ///
    /// # Errors
    /// `StoreUnavailable` if the storage fails, or does not answer in time.
    pub async fn delete(&self, keys: &[CacheKey]) -> Result<u64, Error> {
        self.in_time(self.0.storage.delete(keys)).await
    }

    /// Forgets every reply.
    ///
    /// # Errors
    /// `StoreUnavailable` if the storage fails, or does not answer in time.
    pub async fn flush(&self) -> Result<(), Error> {
        self.in_time(self.0.storage.flush()).await
    }

    /// Whether the storage answers.
    ///
    /// # Errors
    /// `StoreUnavailable` if it fails, or does not answer in time.
    pub async fn ping(&self) -> Result<(), Error> {
        self.in_time(self.0.storage.ping()).await
    }

    /// What the replies are kept in: `memory`.
    pub fn storage_name(&self) -> &'static str {
        self.0.storage.name()
    }

    /// How many calls the storage has failed, or not answered in time.
    pub fn faults(&self) -> u64 {
        self.0.faults.load(Ordering::Relaxed)
    }

    /// The largest reply that is kept, in bytes.
    pub fn entry_bytes_max(&self) -> usize {
        self.0.options.entry_bytes_max
    }

    pub(crate) fn put(&self, key: CacheKey, kept: Arc<Kept>, ttl: Duration) {
        self.0.storage.put(key, kept, ttl);
    }

    pub(crate) fn land(&self, key: &CacheKey) {
        self.0.flights.land(key);
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let deadline = self.0.options.deadline;
        let answer = tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| {
            let message = format!(
                "the cache of replies in {} did not answer within {} ms",
                self.storage_name(),
                deadline.as_millis()
            );
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        });
        if answer.is_err() {
            self.0.faults.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }
}
