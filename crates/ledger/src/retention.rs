//! Rows that are too old go, and their sums stay.

use std::future::pending;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::ledger::Ledger;
use crate::shared::now;

/// How seldom and how often it is looked for rows that are too old.
const EVERY_MAX: Duration = Duration::from_secs(60);
const EVERY_MIN: Duration = Duration::from_secs(1);

/// How many of them are deleted at one time, so that rows which are to be written need not wait.
const AT_ONCE: u64 = 1_000;

impl Ledger {
    /// Deletes rows of the store that are older than `retention`, once a minute; `None` keeps them for ever. Never ends;
    /// whoever polls it ends it.
    pub async fn forget(&self, retention: Option<Duration>) {
        let Some(retention) = retention else { return pending().await };
        let mut ticks = interval(retention.clamp(EVERY_MIN, EVERY_MAX));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let before = now().saturating_sub(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX));
            let mut forgotten = AT_ONCE;
            while forgotten == AT_ONCE {
                forgotten = self.store().forget(before, AT_ONCE).await.unwrap_or_else(|error| {
                    tracing::warn!(error = %error, "old rows of the ledger could not be deleted");
                    0
                });
            }
        }
    }
}
