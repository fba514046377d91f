//! What goes on beside requests, and what is left to do once the last has ended.

use std::future::{pending, ready};
use std::sync::Arc;

use trunkline_export::Exporter;
use trunkline_redis::Writer;

use crate::accounts::Accounts;

/// What goes on beside requests.
pub(crate) struct Beside {
    pub(crate) accounts: Option<Accounts>,
    pub(crate) exporter: Option<Arc<Exporter>>,
    /// What writes replies to where other processes find them.
    pub(crate) writer: Option<Writer>,
}

impl Beside {
    /// Follows what others change, delivers rows, sends them to others, writes replies that are to be kept. Never ends.
    pub(crate) async fn work(self: Arc<Self>) {
        tokio::join!(
            if_any(self.accounts.as_ref().map(|accounts| accounts.accounting.work())),
            if_any(self.exporter.as_ref().map(|exporter| exporter.run(pending()))),
            if_any(self.writer.as_ref().map(|writer| writer.write())),
        );
    }

    /// Brings what is left to where it belongs, for as long as each may take.
    pub(crate) async fn finish(&self) {
        if let Some(accounts) = &self.accounts {
            accounts.accounting.finish().await;
        }
        if let Some(exporter) = &self.exporter {
            exporter.run(ready(())).await;
        }
    }
}

/// Work, or a wait without an end where there is none.
pub(crate) async fn if_any(work: Option<impl Future<Output = ()>>) {
    match work {
        Some(work) => work.await,
        None => pending().await,
    }
}
