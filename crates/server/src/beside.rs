//! What goes on beside requests, and what is left to do once the last has ended.

use std::future::{pending, ready};
use std::sync::Arc;

use trunkline_export::Exporter;

use crate::accounts::Accounts;

/// What goes on beside requests.
pub(crate) struct Beside {
    pub(crate) accounts: Option<Accounts>,
    pub(crate) exporter: Option<Arc<Exporter>>,
}

impl Beside {
    /// Follows what others change, delivers rows, sends them to others. Never ends; whoever polls it ends it.
    pub(crate) async fn work(&self) {
        let accounting = async {
            match &self.accounts {
                Some(accounts) => accounts.work().await,
                None => pending().await,
            }
        };
        let exporting = async {
            match &self.exporter {
                Some(exporter) => exporter.run(pending()).await,
                None => pending().await,
            }
        };
        tokio::join!(accounting, exporting);
    }

    /// Brings what is left to where it belongs, for as long as each may take.
    pub(crate) async fn finish(&self) {
        if let Some(accounts) = &self.accounts {
            accounts.finish().await;
        }
        if let Some(exporter) = &self.exporter {
            exporter.run(ready(())).await;
        }
    }
}
