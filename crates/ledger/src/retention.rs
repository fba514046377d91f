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

/// How long a row stays at least after it was recorded, where rows are kept so long: another process may send it again whose
/// answer was lost, and it is counted once because it is there.
const STAYS: Duration = Duration::from_secs(24 * 60 * 60);

impl Ledger {
    /// Deletes rows of the store that are older than `retention`, once a minute; `None` keeps them for ever. Never ends;
    /// whoever polls it ends it. None is deleted before what an earlier process left is delivered, nor as long as rows of
    /// this one may be in the store without its knowing.
    pub async fn forget(&self, retention: Option<Duration>) {
        let Some(retention) = retention else { return pending().await };
        let mut ticks = interval(retention.clamp(EVERY_MIN, EVERY_MAX));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let ago =
                |time: Duration| now().saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
            let (before, recorded_before) = (ago(retention), ago(retention.min(STAYS)));
            let mut forgotten = AT_ONCE;
            while forgotten == AT_ONCE && !self.is_in_doubt() {
                forgotten =
                    self.store().forget(before, recorded_before, AT_ONCE).await.unwrap_or_else(|error| {
                        tracing::warn!(error = %error, "old rows of the ledger could not be deleted");
                        0
                    });
            }
        }
    }
}
