//! Leave to proceed: what a request must hold from before its body is read until its reply has ended.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trunkline_core::{Error, ErrorKind};

use crate::Settings;

/// Decides whether one more request may be worked on.
#[derive(Debug)]
pub(crate) struct Admission {
    parallel: Option<(Arc<Semaphore>, usize)>,
}

/// Leave to proceed. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Permit {
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
        Self { parallel }
    }

    /// Admits a request, or refuses it at once: nobody waits here.
    ///
    /// # Errors
    ///
    /// `Overloaded`, naming the limit.
    pub(crate) fn admit(&self) -> Result<Permit, Error> {
        let Some((semaphore, max)) = &self.parallel else {
            return Ok(Permit { _parallel: None, _own: trunkline_limits::Permit::default() });
        };
        match Arc::clone(semaphore).try_acquire_owned() {
            Ok(place) => Ok(Permit { _parallel: Some(place), _own: trunkline_limits::Permit::default() }),
            Err(_) => {
                let message = format!(
                    "Rate limit exceeded. Limit type: max_parallel_requests. Current limit: {max}, Remaining: 0"
                );
                let wait = std::time::Duration::from_secs(1);
                Err(Error::new(ErrorKind::Overloaded, message).with_retry_after(Some(wait)))
            }
        }
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
