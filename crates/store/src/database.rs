//! What a database must give, for the store that is written for both.

use std::fmt;

use async_trait::async_trait;
use trunkline_core::Error;

use crate::session::Session;

/// Gives sessions.
#[async_trait]
pub(crate) trait Database: fmt::Debug + Send + Sync + 'static {
    const NAME: &'static str;

    /// A connection to read from.
    async fn read(&self) -> Result<Session, Error>;

    /// A transaction to write in.
    async fn begin(&self) -> Result<Session, Error>;

    /// Gives up all connections.
    async fn end(&self);
}
