//! Leave to proceed: what a request must hold from before its body is read until its reply has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trunkline_core::{Error, ErrorKind};

use crate::Settings;

/// Decides whether one more request may be worked on.
#[derive(Debug)]
pub(crate) struct Admission {
    parallel: Option<(Arc<Semaphore>, usize)>,
    counts: Arc<Counts>,
}

/// What came and went.
#[derive(Debug, Default)]
struct Counts {
    open: AtomicU64,
    admitted: AtomicU64,
    refused: AtomicU64,
}

/// The same, to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Requests that are worked on.
    pub(crate) open: u64,
    /// Those that ever were.
    pub(crate) admitted: u64,
    /// Those that were refused for want of a place.
    pub(crate) refused: u64,
}

/// One open request; dropping it takes it off the count.
#[derive(Debug)]
struct Open(Arc<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Leave to proceed. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Permit {
    _open: Open,
    _parallel: Option<OwnedSemaphorePermit>,
    /// Places that the caller's own limits have.
    _own: trunkline_limits::Permit,
}

impl Permit {
    /// The same, with the places of the caller's own limits.
    pub(crate) fn with(mut self, own: trunkline_limits::Permit) -> Self {
        self._own = own;
        self
    }
}

impl Admission {
    pub(crate) fn new(settings: &Settings) -> Self {
        let parallel = settings
            .parallel_requests_max
            .map(|max| (Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))), max));
        Self { parallel, counts: Arc::default() }
    }

    /// Admits a request, or refuses it at once: nobody waits here.
    ///
    /// # Errors
    ///
    /// `Overloaded`, naming the limit.
    pub(crate) fn admit(&self) -> Result<Permit, Error> {
        let Some((semaphore, max)) = &self.parallel else {
            return Ok(self.permit(None));
        };
        match Arc::clone(semaphore).try_acquire_owned() {
            Ok(place) => Ok(self.permit(Some(place))),
            Err(_) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                let message = format!(
                    "Rate limit exceeded. Limit type: max_parallel_requests. Current limit: {max}, Remaining: 0"
                );
                let wait = std::time::Duration::from_secs(1);
                Err(Error::new(ErrorKind::Overloaded, message).with_retry_after(Some(wait)))
            }
        }
    }

    fn permit(&self, place: Option<OwnedSemaphorePermit>) -> Permit {
        self.counts.open.fetch_add(1, Ordering::Relaxed);
        self.counts.admitted.fetch_add(1, Ordering::Relaxed);
        Permit {
            _open: Open(Arc::clone(&self.counts)),
            _parallel: place,
            _own: trunkline_limits::Permit::default(),
        }
    }

    /// What came and went so far.
    pub(crate) fn counted(&self) -> Counted {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { open, admitted, refused } = &*self.counts;
        Counted { open: count(open), admitted: count(admitted), refused: count(refused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_when_the_reply_ends() {
        let settings = Settings { parallel_requests_max: Some(1), ..Settings::default() };
        let admission = Admission::new(&settings);
        let permit = admission.admit().expect("the first is let in");
        assert_eq!(admission.admit().map_err(|error| error.kind()).err(), Some(ErrorKind::Overloaded));
        drop(permit);
        assert!(admission.admit().is_ok());
    }
}
