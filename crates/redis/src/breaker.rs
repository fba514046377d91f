//! When a server that does not answer is asked again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After how many failures in a row a server is not asked for a while.
const FAILURES_MAX: u32 = 3;
/// For how long. One call tries it then, and the others go on without until it has an answer.
const REST: Duration = Duration::from_secs(1);

/// Whether a server is asked at all.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failures: u32,
    asked_again_at: Option<Instant>,
}

impl Breaker {
    /// Whether a call may go out. Of those that come after a rest only the first may, for as long as one lasts.
    pub(crate) fn lets_pass(&self) -> bool {
        let mut inner = self.inner();
        let now = Instant::now();
        match inner.asked_again_at {
            None => true,
            Some(at) if at <= now => {
                inner.asked_again_at = Some(now + REST);
                true
            }
            Some(_) => false,
        }
    }

    pub(crate) fn note(&self, is_answered: bool) {
        let mut inner = self.inner();
        if is_answered {
            *inner = Inner::default();
            return;
        }
        inner.failures = inner.failures.saturating_add(1);
        if inner.failures >= FAILURES_MAX {
            inner.asked_again_at = Some(Instant::now() + REST);
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_fails_is_left_alone_and_tried_by_one() {
        let breaker = Breaker::default();
        for _ in 0..2 {
            breaker.note(false);
            assert!(breaker.lets_pass());
        }
        breaker.note(false);
        assert!(!breaker.lets_pass());
        tokio::time::advance(REST).await;
        assert!(breaker.lets_pass(), "one tries it");
        assert!(!breaker.lets_pass(), "the others wait for what it finds");
        breaker.note(true);
        assert!(breaker.lets_pass() && breaker.lets_pass(), "all ask again");
    }
}
