//! How many calls a deployment may have open at one time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for calls. Those that are taken stay taken when their number changes.
#[derive(Debug, Default)]
pub(crate) struct Places {
    max: AtomicUsize,
    taken: AtomicUsize,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Places {
    /// How many there are from now on. Where more are taken, nobody gets one before fewer are.
    pub(crate) fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Release);
    }

    pub(crate) fn max(&self) -> usize {
        self.max.load(Ordering::Acquire)
    }

    pub(crate) fn are_taken(&self) -> bool {
        self.taken.load(Ordering::Acquire) >= self.max()
    }

    /// Takes one, if one is free.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        let max = self.max();
        let one_more = |taken: usize| (taken < max).then(|| taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_number_holds_before_the_calls_that_are_open_have_ended() {
        let places = Arc::new(Places::default());
        places.set_max(10);
        let mut open: Vec<Place> = (0..8).map(|_| places.take().expect("room")).collect();
        places.set_max(5);
        for _ in 0..4 {
            assert!(places.are_taken() && places.take().is_none(), "{} are open", open.len());
            open.pop();
        }
        open.push(places.take().expect("four are open"));
        assert!(places.take().is_none());
        places.set_max(6);
        assert!(places.take().is_some(), "a larger number holds at once");
    }
}
