//! Equal requests at one time: one goes upstream, the others wait for what it keeps.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{CacheKey, Kept};

/// What the one that is upstream tells the others. Dropping it tells them to go on their own.
pub(crate) type Lead = watch::Sender<Option<Arc<Kept>>>;
/// What is told to the others.
pub(crate) type Follow = watch::Receiver<Option<Arc<Kept>>>;

/// The requests that are upstream and have others waiting, or could have.
#[derive(Default)]
pub(crate) struct Flights {
    of: Mutex<HashMap<CacheKey, Follow>>,
    /// How many have come back.
    landed: AtomicU64,
}

pub(crate) enum Joined {
    Ahead(Lead),
    Behind(Follow),
}

impl Flights {
    pub(crate) fn join(&self, key: &CacheKey) -> Joined {
        match self.lock().entry(*key) {
            Entry::Occupied(flight) => Joined::Behind(flight.get().clone()),
            Entry::Vacant(place) => {
                let (lead, follow) = watch::channel(None);
                place.insert(follow);
                Joined::Ahead(lead)
            }
        }
    }

    /// Ends the flight of a key, which only its leader may.
    pub(crate) fn land(&self, key: &CacheKey) {
        // Counted first: who then finds no flight knows that there was one.
        self.landed.fetch_add(1, Ordering::SeqCst);
        self.lock().remove(key);
    }

    pub(crate) fn landed(&self) -> u64 {
        self.landed.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, Follow>> {
        // Nothing that is done under the lock leaves it half done.
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Flights").field("now", &self.lock().len()).finish_non_exhaustive()
    }
}
