//! Calls at one time, and what is held of a limit of them that replicas share.

use crate::lease::{Figures, Lease, places_ahead};

/// How long it is remembered how many calls were open at one time: places that are used again within it are not fetched
/// again.
const REMEMBERED_MS: i64 = 1_000;
/// How often a replica tells that it still has what it holds.
const RENEWED_MS: i64 = 10_000;
/// How often it asks whether others are short of what it holds and does not use, where there are few.
const SPARE_MS: i64 = 200;
/// How long what the store said of a full counter holds. Places come back at any time.
const KNOWN_FULL_MS: i64 = 100;
/// After how long without an answer nothing counts as held but for what is used: before a [store](crate::Shared) gives it to
/// others.
const LAPSES_MS: i64 = 50_000;

/// Calls that are open.
#[derive(Debug, Default)]
pub(crate) struct Parallel {
    open: u64,
    /// The most that were open at one time, in the time that goes on and the one before.
    peaks: [u64; 2],
    /// Which time goes on.
    time: i64,
    pub(crate) lease: Lease,
}

impl Parallel {
    /// How many there are.
    pub(crate) fn open(&self) -> u64 {
        self.open
    }

    pub(crate) fn take(&mut self, now_ms: i64) {
        self.roll(now_ms);
        self.open = self.open.saturating_add(1);
        self.peaks[0] = self.peaks[0].max(self.open);
    }

    pub(crate) fn give_back(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// The most that were open at one time of late.
    pub(crate) fn peak(&mut self, now_ms: i64) -> u64 {
        self.roll(now_ms);
        self.peaks[0].max(self.peaks[1])
    }

    fn roll(&mut self, now_ms: i64) {
        let time = now_ms.div_euclid(REMEMBERED_MS);
        if time == self.time {
            return;
        }
        let before = if time == self.time.saturating_add(1) { self.peaks[0] } else { self.open };
        (self.time, self.peaks) = (time, [self.open, before]);
    }

    /// Of what the store has not heard for long it may be about to give the rest to others.
    pub(crate) fn lapse(&mut self, now_ms: i64) {
        if self.lease.is_silent(now_ms, LAPSES_MS) {
            self.lease.keep(self.open);
        }
    }

    /// Whether there was no place left at any replica, a moment ago.
    pub(crate) fn is_full(&self, now_ms: i64) -> bool {
        self.lease.is_exhausted() && !self.lease.is_silent(now_ms, KNOWN_FULL_MS)
    }

    /// Whether it is time to tell that what is held is still held, or to ask whether others want what is not used.
    pub(crate) fn is_due(&self, now_ms: i64, limit: u64) -> bool {
        let held = self.lease.held();
        let has_spare = held > self.open && places_ahead(limit) == 0;
        let every_ms = if has_spare { SPARE_MS } else { RENEWED_MS };
        held > 0 && self.lease.is_silent(now_ms, every_ms)
    }

    pub(crate) fn figures(&self, limit: u64) -> Figures {
        Figures { used: self.open, spent: self.open, limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_remembered_for_a_while() {
        let mut parallel = Parallel::default();
        for _ in 0..3 {
            parallel.take(500);
        }
        parallel.give_back();
        parallel.give_back();
        assert_eq!((parallel.open(), parallel.peak(999)), (1, 3));
        assert_eq!(parallel.peak(1_000), 3, "of the time before");
        assert_eq!(parallel.peak(2_000), 1, "what is open all the time");
        parallel.give_back();
        assert_eq!(parallel.peak(10_000), 0);
    }
}
