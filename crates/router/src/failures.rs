//! How often a deployment failed, and how much of it the log is told.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often a deployment that fails again and again is told of. What it fails of in between is counted.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The failures of a deployment, as far as the log was told of them.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    told: Option<Instant>,
    untold: u64,
}

impl Failures {
    /// Counts a failure. If the log is to be told: how many it was not told of since the last one.
    pub(crate) fn count(&self) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if counted.told.is_some_and(|told| now.saturating_duration_since(told) < TOLD_EVERY) {
            counted.untold += 1;
            return None;
        }
        counted.told = Some(now);
        Some(std::mem::take(&mut counted.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_fails_all_the_time_is_told_of_now_and_then_with_the_count() {
        let failures = Failures::default();
        assert_eq!(failures.count(), Some(0));
        assert_eq!((0..1_000).filter_map(|_| failures.count()).count(), 0);
        tokio::time::advance(TOLD_EVERY).await;
        assert_eq!(failures.count(), Some(1_000));
        assert_eq!(failures.count(), None);
        tokio::time::advance(TOLD_EVERY).await;
        assert_eq!(failures.count(), Some(1));
    }
}
