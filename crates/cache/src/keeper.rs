//! The right to keep one reply, which goes along with it to its end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Document, Observation, Operation};

use crate::flight::Lead;
use crate::{Cache, CacheKey, Kept, Recorder};

/// The right to keep the reply of one request.
///
/// Dropping it keeps nothing, and those that wait for the reply go upstream on their own: that is what becomes of a
/// request that fails, and of one whose caller leaves.
pub struct Keeper {
    cache: Cache,
    key: CacheKey,
    /// What tells those that wait. `None` if nobody can.
    lead: Option<Lead>,
}

impl Keeper {
    pub(crate) fn leading(cache: Cache, key: CacheKey, lead: Lead) -> Self {
        Self { cache, key, lead: Some(lead) }
    }

    pub(crate) fn alone(cache: Cache, key: CacheKey) -> Self {
        Self { cache, key, lead: None }
    }

    /// The key that the reply is kept under.
    pub fn key(&self) -> &CacheKey {
        &self.key
    }

    /// Keeps a reply for `ttl`, and gives it to those that wait. One that is too large is not kept.
    pub fn keep(mut self, kept: Kept, ttl: Duration) {
        if kept.weight() > self.cache.entry_bytes_max() {
            return;
        }
        let kept = Arc::new(kept);
        self.cache.put(self.key, Arc::clone(&kept), ttl);
        self.land(Some(&kept));
    }

    /// Keeps a whole reply for `ttl`, if it says anything and is not too large.
    ///
    /// `document` is the reply under the upstream's name of the model.
    pub fn keep_document(
        self,
        operation: Operation,
        document: &Document,
        observation: &Observation,
        ttl: Duration,
    ) {
        if document.len() <= self.cache.entry_bytes_max()
            && let Some(kept) = Kept::whole(operation, document, observation.clone())
        {
            self.keep(kept, ttl);
        }
    }

    /// Keeps a streamed reply for `ttl`, from its events as they pass.
    pub fn record(self, operation: Operation, ttl: Duration) -> Recorder {
        Recorder::new(self, operation, ttl)
    }

    pub(crate) fn entry_bytes_max(&self) -> usize {
        self.cache.entry_bytes_max()
    }

    /// Gives a reply that is kept already to those that wait.
    pub(crate) fn share(mut self, kept: &Arc<Kept>) {
        self.land(Some(kept));
    }

    fn land(&mut self, kept: Option<&Arc<Kept>>) {
        let Some(lead) = self.lead.take() else { return };
        // First, so that who comes now begins anew instead of waiting for what is over.
        self.cache.land(&self.key);
        if let Some(kept) = kept {
            lead.send_replace(Some(Arc::clone(kept)));
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.land(None);
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keeper").field("key", &self.key).field("leads", &self.lead.is_some()).finish()
    }
}
