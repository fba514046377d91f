//! What a database must give, for the store that is written for both.

use std::fmt;

use async_trait::async_trait;
use trunkline_core::Error;

use crate::RequestRow;
use crate::session::Session;

/// Gives sessions.
#[async_trait]
pub(crate) trait Database: fmt::Debug + Send + Sync + 'static {
    const NAME: &'static str;

    /// A connection to read from.
    async fn read(&self) -> Result<Session, Error>;

    /// A transaction to write in.
    async fn begin(&self) -> Result<Session, Error>;

    /// Makes what rows are put into, where it is not there yet.
    async fn make_room(&self, _rows: &[&RequestRow]) -> Result<(), Error> {
        Ok(())
    }

    /// Rows could not be put where there should be room for them: it is looked for anew.
    fn doubt_room(&self) {}

    /// Deletes whole days, where rows stand in such, of requests that began before one time and that were recorded before
    /// another. Gives until when rows are deleted one by one.
    async fn forget_days(&self, before: i64, _recorded_before: i64) -> Result<i64, Error> {
        Ok(before)
    }

    /// Gives up all connections.
    async fn end(&self);
}
