//! The contract: where replies are kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use trunkline_core::Error;

use crate::{CacheKey, Kept};

/// A place where replies are kept.
///
/// A [`Cache`](crate::Cache) sets the deadline of every call; a storage neither waits nor tries twice of its own.
///
/// # Errors
/// Every method fails with `ErrorKind::StoreUnavailable` where the place cannot be reached or does not answer as it
/// should.
#[async_trait]
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// What it is, for logs and health pages: `memory`.
    fn name(&self) -> &'static str;

    /// The reply that is kept under a key, unless its time is over.
    async fn get(&self, key: &CacheKey) -> Result<Option<Found>, Error>;

    /// Keeps a reply under a key, in the place of one that is there, until `ttl` is over.
    ///
    /// Returns at once, because a reply can end where nothing can be awaited. A storage that has to send it somewhere
    /// queues it, within a limit, and lets it go where the queue is full: what is not kept is only asked anew.
    fn put(&self, key: CacheKey, kept: Arc<Kept>, ttl: Duration);

    /// Forgets the replies under these keys, and says how many there were.
    async fn delete(&self, keys: &[CacheKey]) -> Result<u64, Error>;

    /// Forgets every reply.
    async fn flush(&self) -> Result<(), Error>;

    /// Whether it answers.
    async fn ping(&self) -> Result<(), Error>;
}

/// A reply that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The reply.
    pub kept: Arc<Kept>,
    /// How long it has been kept.
    pub age: Duration,
}
