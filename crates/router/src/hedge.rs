//! How often a second deployment may be asked beside a slow one.

use std::sync::atomic::{AtomicU64, Ordering};

/// A hedge, in the hundredths that requests earn.
const ONE: u64 = 100;

/// So many requests can save up hedges for slow times to come.
const SAVING_REQUESTS: u64 = 2_000;

/// The hedges that a group has left: a share of its requests.
#[derive(Debug, Default)]
pub(crate) struct Hedges {
    /// What requests have earned, in hundredths of a hedge.
    earned: AtomicU64,
}

impl Hedges {
    /// Notes a request, of a hundred of which so many may be hedged.
    pub(crate) fn count_request(&self, percent_max: u32) {
        let percent = u64::from(percent_max);
        // Once enough is saved up, nothing is written that other threads would have to read again.
        if self.earned.load(Ordering::Relaxed) < percent.saturating_mul(SAVING_REQUESTS) {
            self.earned.fetch_add(percent, Ordering::Relaxed);
        }
    }

    /// Takes one of the share of requests that may be hedged. False if it is used up.
    pub(crate) fn take(&self) -> bool {
        let take = |earned: u64| earned.checked_sub(ONE);
        self.earned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Puts back one that was taken and not made.
    pub(crate) fn give_back(&self) {
        self.earned.fetch_add(ONE, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(hedges: &Hedges, wanted: usize) -> usize {
        (0..wanted).filter(|_| hedges.take()).count()
    }

    #[test]
    fn no_more_than_a_share_is_hedged() {
        let hedges = Hedges::default();
        assert!(!hedges.take(), "nothing was asked yet");
        (0..200).for_each(|_| hedges.count_request(5));
        assert_eq!(taken(&hedges, 200), 10);
        hedges.give_back();
        assert_eq!(taken(&hedges, 200), 1);
    }

    #[test]
    fn a_long_fast_time_is_not_saved_up_for_ever() {
        let hedges = Hedges::default();
        (0..1_000_000).for_each(|_| hedges.count_request(5));
        assert_eq!(taken(&hedges, 1_000), 100, "five of a hundred, of two thousand");
    }
}
