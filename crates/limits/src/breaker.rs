//! How often a server is asked that does not answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After how many failures in a row a server is not asked for a while.
const FAILURES_MAX: u32 = 3;
/// For how long. One call tries it then, and the others go on without until it has an answer.
const REST: Duration = Duration::from_secs(1);

/// Keeps calls from a server that does not answer: after three in a row that were not answered none goes out for a second; then one
/// tries it, and the others go on without until it has an answer.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failures: u32,
    asked_again_at: Option<Instant>,
}

impl Breaker {
    /// Whether a call may go out. Of those that come after a rest only the first may, for as long as one lasts.
    pub fn lets_pass(&self) -> bool {
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

    /// Notes whether a call was answered. Gives whether calls go out now, if that is another than before.
    pub fn note(&self, is_answered: bool) -> Option<bool> {
        let mut inner = self.inner();
        let was_closed = inner.asked_again_at.is_none();
        if is_answered {
            *inner = Inner::default();
            return (!was_closed).then_some(true);
        }
        inner.failures = inner.failures.saturating_add(1);
        if inner.failures < FAILURES_MAX {
            return None;
        }
        inner.asked_again_at = Some(Instant::now() + REST);
        was_closed.then_some(false)
    }

    /// Whether the last calls were answered.
    pub fn is_closed(&self) -> bool {
        self.inner().asked_again_at.is_none()
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
            assert_eq!(breaker.note(false), None);
            assert!(breaker.lets_pass());
        }
        assert_eq!(breaker.note(false), Some(false));
        assert_eq!(breaker.note(false), None, "it was so before");
        assert!(!breaker.lets_pass() && !breaker.is_closed());
        tokio::time::advance(REST).await;
        assert!(breaker.lets_pass(), "one tries it");
        assert!(!breaker.lets_pass(), "the others wait for what it finds");
        assert_eq!(breaker.note(true), Some(true));
        assert!(breaker.lets_pass() && breaker.is_closed());
    }
}
