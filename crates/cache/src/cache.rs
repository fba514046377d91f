//! The cache of replies: finds them, forgets them, and lets one of many equal requests go upstream.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::Error;

use crate::flights::Joined;
use crate::in_memory::InMemory;
use crate::shelf::Shelf;
use crate::{CacheKey, Found, Keeper, Options, Storage, Waiter};

/// A cache of replies. Cloning gives another handle on the same one.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Shelf>);

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
        Self(Arc::new(Shelf::new(storage, options)))
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
            Joined::Behind(flight) => Begin::Wait(Waiter::new(Arc::clone(&self.0), *key, flight)),
            Joined::Ahead(flight) => {
                let keeper = Keeper::leading(Arc::clone(&self.0), *key, flight);
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
        let found = self.0.in_time(self.0.storage.get(key)).await.ok().flatten();
        found.filter(|found| age_max.is_none_or(|most| found.age <= most))
    }

    /// The right to keep a reply under a key, for a request that was not to be given one.
    pub fn keeper(&self, key: &CacheKey) -> Keeper {
        Keeper::alone(Arc::clone(&self.0), *key)
    }

    /// Forgets the replies under these keys, and says how many there were.
    ///
    /// # Errors
    /// `StoreUnavailable` if the storage fails, or does not answer in time.
    pub async fn delete(&self, keys: &[CacheKey]) -> Result<u64, Error> {
        self.0.in_time(self.0.storage.delete(keys)).await
    }

    /// Forgets every reply.
    ///
    /// # Errors
    /// `StoreUnavailable` if the storage fails, or does not answer in time.
    pub async fn flush(&self) -> Result<(), Error> {
        self.0.in_time(self.0.storage.flush()).await
    }

    /// Whether the storage answers.
    ///
    /// # Errors
    /// `StoreUnavailable` if it fails, or does not answer in time.
    pub async fn ping(&self) -> Result<(), Error> {
        self.0.in_time(self.0.storage.ping()).await
    }

    /// What the replies are kept in: `memory`.
    pub fn storage_name(&self) -> &'static str {
        self.0.storage.name()
    }

    /// How many calls the storage has failed, or not answered in time.
    pub fn faults(&self) -> u64 {
        self.0.faults()
    }

    /// The largest reply that is kept, in bytes.
    pub fn entry_bytes_max(&self) -> usize {
        self.0.options.entry_bytes_max
    }
}
