//! How often a group was asked, and how often a second deployment beside a slow one.

use std::sync::atomic::{AtomicU64, Ordering};

/// The requests of a group, and those that were hedged.
#[derive(Debug, Default)]
pub(crate) struct Hedges {
    requests: AtomicU64,
    hedged: AtomicU64,
}

impl Hedges {
    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one of the share of requests that may be hedged. False if it is used up.
    pub(crate) fn take(&self, percent_max: u32) -> bool {
        let requests = self.requests.load(Ordering::Relaxed);
        let take =
            |hedged: u64| ((hedged + 1) * 100 <= requests * u64::from(percent_max)).then_some(hedged + 1);
        self.hedged.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_share_is_hedged() {
        let hedges = Hedges::default();
        assert!(!hedges.take(5), "nothing was asked yet");
        (0..200).for_each(|_| hedges.count_request());
        assert_eq!((0..200).filter(|_| hedges.take(5)).count(), 10);
    }
}
