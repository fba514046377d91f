//! What time it is: the system's time, or in tests whatever they say.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The system's.
    pub(crate) fn system() -> Self {
        Self(Arc::new(SystemTime::now))
    }

    #[cfg(test)]
    pub(crate) fn of(tell: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// Whole seconds since 1970.
    pub(crate) fn unix_seconds(&self) -> u64 {
        self.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    /// How long ago `then` was. A clock that was set back makes everything long ago, so that nothing that is
    /// kept for a while is kept forever.
    pub(crate) fn since(&self, then: SystemTime) -> Duration {
        self.now().duration_since(then).unwrap_or(Duration::MAX)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock(..)")
    }
}

/// A clock that stands still until it is set, for tests.
#[cfg(test)]
pub(crate) mod settable {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Clone, Debug)]
    pub(crate) struct SettableClock(Arc<AtomicU64>);

    impl SettableClock {
        pub(crate) fn at(unix_seconds: u64) -> (Self, Clock) {
            let seconds = Arc::new(AtomicU64::new(unix_seconds));
            let told = Arc::clone(&seconds);
            let clock = Clock::of(move || UNIX_EPOCH + Duration::from_secs(told.load(Ordering::Relaxed)));
            (Self(seconds), clock)
        }

        pub(crate) fn advance(&self, seconds: u64) {
            self.0.fetch_add(seconds, Ordering::Relaxed);
        }
    }
}
