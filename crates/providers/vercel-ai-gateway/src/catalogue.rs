//! The list of models, kept for a while: nobody waits for it twice, and nobody fails for want of a new one.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use trunkline_core::{Error, ErrorKind, ModelInfo};

use crate::PREFIX;
use crate::clock::Clock;

/// How long anybody waits for the first list.
pub(crate) const FIRST_WAIT: Duration = Duration::from_secs(10);
/// How long the one waits who fetches a new list where there is an old one.
const RENEWAL_WAIT: Duration = Duration::from_secs(2);
/// How long a list that could not be renewed is given out before that is tried again.
const RENEW_AGAIN: Duration = Duration::from_secs(30);
/// How long a failure to get any list at all is the answer: as long as those wait who asked meanwhile.
const FETCH_AGAIN: Duration = Duration::from_secs(1);

/// Lists of models, one for each address that they come from.
///
/// The first who asks waits for the list, and so do those who ask meanwhile. Once it has outlived its time to
/// live, one caller fetches a new one and everybody else gets the old one; if
/// that fails, that caller gets the old one too.
#[derive(Debug)]
pub(crate) struct Catalogue {
    ttl: Duration,
    clock: Clock,
    /// As many as there are addresses in the configuration.
    by_base: Mutex<HashMap<String, Arc<Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    known: Mutex<Option<Known>>,
    /// Held by whoever fetches. It falls with the future that holds it, should that be dropped.
    fetching: futures_util::lock::Mutex<()>,
}

/// A list, or why there is none.
type Listed = Result<Arc<[ModelInfo]>, (ErrorKind, String)>;

#[derive(Clone, Debug)]
struct Known {
    models: Listed,
    noted_at: SystemTime,
    kept_for: Duration,
}

impl Catalogue {
    pub(crate) fn new(ttl: Duration, clock: Clock) -> Self {
        Self { ttl, clock, by_base: Mutex::default() }
    }

    /// The models of this address, from `fetch` where they are not known or no longer current. It is told how
    /// long it may take.
    ///
    /// # Errors
    ///
    /// As `fetch`, where there is no list yet.
    pub(crate) async fn models<F>(
        &self,
        base: &str,
        fetch: impl FnOnce(Duration) -> F + Send,
    ) -> Result<Vec<ModelInfo>, Error>
    where
        F: Future<Output = Result<Vec<ModelInfo>, Error>> + Send,
    {
        let entry = self.entry(base);
        let known = entry.known();
        if let Some(known) = known.as_ref().filter(|known| self.is_current(known)) {
            return known.answer();
        }
        let stale = known.and_then(|known| known.models.ok());
        let Some(stale) = stale else {
            let _fetching = entry.fetching.lock().await;
            // Somebody may have been faster.
            return match entry.known().filter(|known| self.is_current(known)) {
                Some(known) => known.answer(),
                None => self.fetch_first(&entry, fetch).await,
            };
        };
        if let Some(_fetching) = entry.fetching.try_lock() {
            return Ok(self.renew(&entry, stale, fetch).await.to_vec());
        }
        Ok(stale.to_vec())
    }

    async fn fetch_first<F>(
        &self,
        entry: &Entry,
        fetch: impl FnOnce(Duration) -> F + Send,
    ) -> Result<Vec<ModelInfo>, Error>
    where
        F: Future<Output = Result<Vec<ModelInfo>, Error>> + Send,
    {
        match fetch(FIRST_WAIT).await {
            Ok(models) => {
                self.note(entry, Ok(models.as_slice().into()), self.ttl);
                Ok(models)
            }
            Err(error) => {
                let failure = (error.kind(), error.message().to_owned());
                self.note(entry, Err(failure), FETCH_AGAIN);
                Err(error)
            }
        }
    }

    /// A new list, or the old one for a while longer.
    async fn renew<F>(
        &self,
        entry: &Entry,
        stale: Arc<[ModelInfo]>,
        fetch: impl FnOnce(Duration) -> F + Send,
    ) -> Arc<[ModelInfo]>
    where
        F: Future<Output = Result<Vec<ModelInfo>, Error>> + Send,
    {
        let (models, keep) = match fetch(RENEWAL_WAIT).await {
            Ok(models) => (models.into(), self.ttl),
            Err(error) => {
                tracing::warn!(
                    provider.name = PREFIX,
                    error = &error as &dyn std::error::Error,
                    "the list of models could not be renewed; the old one is kept"
                );
                (stale, RENEW_AGAIN)
            }
        };
        self.note(entry, Ok(Arc::clone(&models)), keep);
        models
    }

    fn entry(&self, base: &str) -> Arc<Entry> {
        let mut entries = self.by_base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(base) {
            return Arc::clone(entry);
        }
        Arc::clone(entries.entry(base.to_owned()).or_default())
    }

    fn is_current(&self, known: &Known) -> bool {
        self.clock.since(known.noted_at) < known.kept_for
    }

    fn note(&self, entry: &Entry, models: Listed, kept_for: Duration) {
        entry.note(Known { models, noted_at: self.clock.now(), kept_for });
    }
}

impl Entry {
    fn known(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

impl Known {
    fn answer(&self) -> Result<Vec<ModelInfo>, Error> {
        match &self.models {
            Ok(models) => Ok(models.to_vec()),
            Err((kind, message)) => Err(Error::new(*kind, message.clone()).with_provider(PREFIX)),
        }
    }
}

#[cfg(test)]
mod tests;
