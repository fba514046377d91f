//! What other replicas change: asked for again and again, and forgotten.

use trunkline_core::Error;

use crate::Keys;

/// How many changes are read at once.
const CHANGES_MAX: u64 = 1_000;

impl Keys {
    /// Asks the store again and again what has changed, and forgets that; and finishes reads that took longer than a request
    /// waits. Never ends; whoever polls it ends it.
    ///
    /// Where the store does not answer, what is known is served on, and everything is forgotten once it answers again
    /// and cannot say what was missed.
    pub async fn follow(&self) {
        tokio::join!(self.follow_changes(), self.read_late());
    }

    async fn follow_changes(&self) {
        let mut seen: Option<i64> = None;
        let mut ticks = tokio::time::interval(self.options.poll_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let followed = match seen {
                None => self.store.newest_change().await.map(Some),
                Some(after) => self.take_in(after).await.map(Some),
            };
            match followed {
                Ok(newest) => {
                    if seen.is_none() {
                        // What was read before the first look may have changed since.
                        self.forget_all();
                    }
                    seen = newest;
                }
                Err(error) => {
                    tracing::debug!(error = %error, causes = error.causes(), "changes of keys could not be read");
                }
            }
        }
    }

    /// Takes in the changes after the newest that was seen, and gives the newest that there is.
    ///
    /// The newest that was seen is asked for once more: it is there, or its object has changed since and has a larger
    /// number. Where neither is, the database was put back to what it was before, and nobody knows what is different.
    async fn take_in(&self, seen: i64) -> Result<i64, Error> {
        let mut newest = seen;
        let mut after = seen.saturating_sub(1);
        loop {
            let changes = self.store.changes(after, CHANGES_MAX).await?;
            if changes.is_empty() && after < seen {
                newest = self.store.newest_change().await?;
                if newest < seen {
                    tracing::warn!("the database is at an earlier state than before; all keys are read anew");
                    self.forget_all();
                }
            }
            for change in changes.iter().filter(|change| change.number > seen) {
                self.forget(change.kind, &change.id);
                newest = newest.max(change.number);
            }
            if (changes.len() as u64) < CHANGES_MAX {
                return Ok(newest);
            }
            after = changes.last().map_or(after, |change| change.number);
        }
    }
}
