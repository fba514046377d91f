//! What a journal on the disk holds where none is kept there any more: nobody would read it again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use trunkline_core::{Error, ErrorKind};
use trunkline_journal::{Journal, Options as JournalOptions};
use trunkline_store::Store;

use crate::{FORMAT, Ledger, Options};

/// How long the store may take for it.
const DELIVERED_WITHIN: Duration = Duration::from_secs(30);

/// Brings the rows in a journal's folder to the store, for a start that keeps its journal in memory. Nothing is made where
/// there is no such folder.
///
/// # Errors
///
/// `StoreUnavailable` if the store does not take them in time, and what the journal says.
pub async fn deliver_stranded(folder: &Path, store: &Arc<dyn Store>) -> Result<(), Error> {
    deliver_within(DELIVERED_WITHIN, folder, store).await
}

async fn deliver_within(wait: Duration, folder: &Path, store: &Arc<dyn Store>) -> Result<(), Error> {
    if !folder.is_dir() {
        return Ok(());
    }
    let options = JournalOptions { format: FORMAT, ..JournalOptions::default() };
    let ledger = Ledger::open(Journal::open(folder, &options)?, Arc::clone(store), Options::default());
    let delivered = timeout(wait, ledger.deliver_earlier()).await;
    delivered.map_err(|_| {
        let message = "the ledger's journal holds rows of an earlier start that the store does not take now, and they would \
                       stay there unseen with `ledger_durability: memory`: start once the store answers, or with `write`";
        Error::new(ErrorKind::StoreUnavailable, message)
    })
}

#[cfg(test)]
mod tests {
    use trunkline_core::Secret;
    use trunkline_store::{PostgresOptions, PostgresStore, RequestQuery, SqliteStore};

    use super::*;
    use crate::Opening;

    #[tokio::test]
    async fn what_an_earlier_start_left_is_delivered_or_the_start_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().await.expect("a store"));
        deliver_stranded(&path, &store).await.expect("there is nothing to deliver");
        assert!(!path.exists(), "and no journal is made");
        let options = JournalOptions { format: FORMAT, ..JournalOptions::default() };
        let journal = Journal::open(&path, &options).expect("the journal opens");
        let earlier = Ledger::open(journal, Arc::clone(&store), Options::default());
        let opening = Opening { call_id: "call-1", ..Opening::default() };
        drop(earlier.begin(&opening).expect("is admitted"));
        drop(earlier);

        let nobody = Secret::new("postgresql://nobody@127.0.0.1:1/none");
        let nobody = PostgresStore::connect(&nobody, &PostgresOptions::default()).expect("an address");
        let nobody: Arc<dyn Store> = Arc::new(nobody);
        let soon = Duration::from_millis(100);
        let refused = deliver_within(soon, &path, &nobody).await.expect_err("nobody takes it");
        assert!(refused.message().contains("ledger_durability: memory"), "{refused}");
        // The journal is settled after the first time, and nothing of it comes back.
        for expected in [&["call-1"][..], &[]] {
            deliver_stranded(&path, &store).await.expect("it is delivered");
            let query = RequestQuery { limit: 9, ..RequestQuery::default() };
            let rows = store.requests(&query).await.expect("rows");
            let ids: Vec<&str> = rows.iter().map(|row| row.call_id.as_str()).collect();
            assert_eq!(ids, *expected);
            store.forget(i64::MAX, i64::MAX, 9).await.expect("it is deleted");
        }
    }
}
