//! The right to keep one reply, which goes along with it to its end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Document, Observation, Operation};

use crate::flights::Lead;
use crate::shelf::Shelf;
use crate::{CacheKey, Kept};

/// The right to keep the reply of one request.
///
/// Dropping it keeps nothing, and those that wait for the reply go upstream on their own: that is what becomes of a
/// request that fails, and of one whose caller leaves.
pub struct Keeper {
    shelf: Arc<Shelf>,
    key: CacheKey,
    /// What tells those that wait. `None` if nobody can.
    lead: Option<Lead>,
    /// Who answers.
    source: Option<Arc<str>>,
}

impl Keeper {
    pub(crate) fn leading(shelf: Arc<Shelf>, key: CacheKey, lead: Lead) -> Self {
        Self { shelf, key, lead: Some(lead), source: None }
    }

    pub(crate) fn alone(shelf: Arc<Shelf>, key: CacheKey) -> Self {
        Self { shelf, key, lead: None, source: None }
    }

    /// The key that the reply is kept under.
    pub fn key(&self) -> &CacheKey {
        &self.key
    }

    /// The same, for a reply of which it is known who answers: [`Kept::source`] tells it.
    #[must_use]
    pub fn with_source(mut self, source: Arc<str>) -> Self {
        self.source = Some(source);
        self
    }

    /// Keeps a reply for `ttl`, and gives it to those that wait. One that is too large is not kept.
    pub fn keep(mut self, mut kept: Kept, ttl: Duration) {
        if let Some(source) = self.source.take() {
            kept = kept.with_source(source);
        }
        if kept.weight() > self.entry_bytes_max() {
            return;
        }
        let kept = Arc::new(kept);
        self.shelf.storage.put(self.key, Arc::clone(&kept), ttl);
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
        if document.len() <= self.entry_bytes_max()
            && let Some(kept) = Kept::whole(operation, document, observation.clone())
        {
            self.keep(kept, ttl);
        }
    }

    pub(crate) fn entry_bytes_max(&self) -> usize {
        self.shelf.options.entry_bytes_max
    }

    /// Gives a reply that is kept already to those that wait.
    pub(crate) fn share(mut self, kept: &Arc<Kept>) {
        self.land(Some(kept));
    }

    fn land(&mut self, kept: Option<&Arc<Kept>>) {
        let Some(lead) = self.lead.take() else { return };
        // First, so that who comes now begins anew instead of waiting for what is over.
        self.shelf.flights.land(&self.key);
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
