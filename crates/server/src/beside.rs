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
    /// Follows what others change, delivers rows, sends them to others, writes replies that are to be kept. Never ends; whoever polls it ends it.
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
        let writing = async {
            match &self.writer {
                Some(writer) => writer.write().await,
                None => pending().await,
            }
        };
        tokio::join!(accounting, exporting, writing);
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
