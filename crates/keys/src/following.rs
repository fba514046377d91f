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

    /// Takes in the changes after a number, and gives the newest.
    async fn take_in(&self, mut after: i64) -> Result<i64, Error> {
        loop {
            let changes = self.store.changes(after, CHANGES_MAX).await?;
            for change in &changes {
                self.forget(change.kind, &change.id);
                after = after.max(change.number);
            }
            if (changes.len() as u64) < CHANGES_MAX {
                return Ok(after);
            }
        }
    }
}
