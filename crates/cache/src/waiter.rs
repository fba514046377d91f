//! A request that can wait for an equal one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::flights::Follow;
use crate::shelf::Shelf;
use crate::{CacheKey, Found, Keeper};

/// A request that can wait for an equal one.
pub struct Waiter {
    shelf: Arc<Shelf>,
    key: CacheKey,
    flight: Follow,
}

impl Waiter {
    pub(crate) fn new(shelf: Arc<Shelf>, key: CacheKey, flight: Follow) -> Self {
        Self { shelf, key, flight }
    }

    /// Waits for the reply of the one that is upstream, at most for `limit`.
    ///
    /// # Errors
    /// Not an error but the right to go upstream alone: the one that is there has failed, its caller has left, its reply
    /// is not kept, or `limit` is over.
    pub async fn wait(mut self, limit: Duration) -> Result<Found, Keeper> {
        let told = tokio::time::timeout(limit, self.flight.wait_for(Option::is_some)).await;
        let kept = told.ok().and_then(Result::ok).and_then(|kept| kept.clone());
        match kept {
            Some(kept) => Ok(Found { kept, age: Duration::ZERO }),
            None => Err(self.alone()),
        }
    }

    /// Does not wait.
    pub fn alone(self) -> Keeper {
        Keeper::alone(self.shelf, self.key)
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Waiter").field("key", &self.key).finish_non_exhaustive()
    }
}
