//! Replies in the memory of this process, bounded by their weight in bytes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant as SystemInstant};

use async_trait::async_trait;
use moka::Expiry;
use moka::sync::Cache as Moka;
use tokio::time::Instant;
use trunkline_core::Error;

use crate::{CacheKey, Found, Kept, Storage};

/// Replies in the memory of this process. What has not been asked for of late gives way to what is.
pub(crate) struct InMemory {
    entries: Moka<CacheKey, Entry>,
}

#[derive(Clone)]
struct Entry {
    kept: Arc<Kept>,
    kept_at: Instant,
    ttl: Duration,
}

/// What an entry takes besides its reply: the key, the times, and the tables that it stands in.
const ENTRY_BYTES: usize = 256;

impl InMemory {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let weight = |_: &CacheKey, entry: &Entry| {
            u32::try_from(entry.kept.weight().saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX)
        };
        let entries = Moka::builder().max_capacity(bytes_max).weigher(weight).expire_after(Times).build();
        Self { entries }
    }
}

/// Gives memory back when the time of an entry is over, by the system's clock; whether it is over for a reader is told by
/// tokio's, which tests can set.
struct Times;

impl Expiry<CacheKey, Entry> for Times {
    fn expire_after_create(&self, _: &CacheKey, entry: &Entry, _: SystemInstant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        entry: &Entry,
        _: SystemInstant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

#[async_trait]
impl Storage for InMemory {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Found>, Error> {
        let Some(Entry { kept, kept_at, ttl }) = self.entries.get(key) else {
            return Ok(None);
        };
        let age = kept_at.elapsed();
        Ok((age < ttl).then_some(Found { kept, age }))
    }

    fn put(&self, key: CacheKey, kept: Arc<Kept>, ttl: Duration) {
        self.entries.insert(key, Entry { kept, kept_at: Instant::now(), ttl });
    }

    async fn delete(&self, keys: &[CacheKey]) -> Result<u64, Error> {
        let is_alive = |entry: Entry| entry.kept_at.elapsed() < entry.ttl;
        let there =
            keys.iter().filter_map(|key| self.entries.remove(key)).filter(|entry| is_alive(entry.clone()));
        Ok(there.count() as u64)
    }

    async fn flush(&self) -> Result<(), Error> {
        self.entries.invalidate_all();
        Ok(())
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InMemory")
            .field("entries", &self.entries.entry_count())
            .field("bytes", &self.entries.weighted_size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::{Document, Observation, Operation};

    use super::*;
    use crate::Question;

    fn key(number: usize) -> CacheKey {
        let document = Document::parse(format!("{{\"input\":{number}}}")).expect("a document");
        CacheKey::of(&Question {
            tenant: "t",
            namespace: None,
            operation: Operation::Embeddings,
            group: "g",
            further: &[],
            document: &document,
        })
    }

    fn kept(bytes: usize) -> Arc<Kept> {
        let text = format!("{{\"data\":[\"{}\"]}}", "a".repeat(bytes));
        let document = Document::parse(text).expect("a document");
        Arc::new(
            Kept::whole(Operation::Embeddings, &document, Observation::default()).expect("it says something"),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_never_outgrows_its_bound() {
        let storage = InMemory::new(1_000_000);
        for number in 0..500 {
            storage.put(key(number), kept(10_000), Duration::from_secs(60));
        }
        storage.entries.run_pending_tasks();
        let (bytes, entries) = (storage.entries.weighted_size(), storage.entries.entry_count());
        assert!(bytes <= 1_000_000, "{bytes} bytes");
        assert!(entries > 80, "{entries} entries fill the bound");
        storage.put(key(1_000), kept(2_000_000), Duration::from_secs(60));
        storage.entries.run_pending_tasks();
        assert!(
            storage.get(&key(1_000)).await.expect("an answer").is_none(),
            "it is larger than all there is"
        );
        storage.flush().await.expect("an answer");
        storage.entries.run_pending_tasks();
        assert_eq!(storage.entries.weighted_size(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_is_found_until_its_time_is_over() {
        let storage = InMemory::new(1_000_000);
        storage.put(key(1), kept(10), Duration::from_secs(60));
        tokio::time::advance(Duration::from_secs(59)).await;
        let found = storage.get(&key(1)).await.expect("an answer").expect("it is kept");
        assert_eq!(found.age, Duration::from_secs(59));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(storage.get(&key(1)).await.expect("an answer").is_none());
        assert_eq!(storage.delete(&[key(1)]).await.expect("an answer"), 0, "it was over before");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_is_kept_anew_has_its_time_anew() {
        let storage = InMemory::new(1_000_000);
        storage.put(key(1), kept(10), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(4)).await;
        storage.put(key(1), kept(20), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(4)).await;
        let found = storage.get(&key(1)).await.expect("an answer").expect("it is kept");
        assert_eq!(found.age, Duration::from_secs(4));
        assert_eq!(storage.delete(&[key(1), key(2)]).await.expect("an answer"), 1);
        assert!(storage.get(&key(1)).await.expect("an answer").is_none());
    }
}
