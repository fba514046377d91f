//! Requests and tokens in a window of 60 seconds that begins with its first request.

use crate::lease::Lease;

/// How long a window is.
const LENGTH_MS: i64 = 60_000;

/// The window that is open, or the last one that was.
#[derive(Debug, Default)]
pub(crate) struct Minute {
    /// Which one it is, counted from 1.
    number: u64,
    began_ms: Option<i64>,
    requests: u64,
    tokens: u64,
    /// Reservations of tokens that are not settled.
    open: u64,
    /// Whether windows are whole minutes by the clock, as replicas share them.
    is_aligned: bool,
    pub(crate) request_lease: Lease,
    pub(crate) token_lease: Lease,
}

/// Tokens that were taken of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    window: u64,
    count: u64,
}

impl Minute {
    /// Windows that are whole minutes by the clock.
    pub(crate) fn aligned() -> Self {
        Self { is_aligned: true, ..Self::default() }
    }

    /// Closes the window if it has lasted its time.
    pub(crate) fn roll(&mut self, now_ms: i64) {
        if self.is_aligned {
            return self.roll_aligned(now_ms);
        }
        let Some(began_ms) = self.began_ms else { return };
        if now_ms < began_ms {
            // The clock was set back. The window must not last until it has caught up.
            self.began_ms = Some(now_ms);
        } else if now_ms.saturating_sub(began_ms) >= LENGTH_MS {
            *self = Self { number: self.number, ..Self::default() };
        }
    }

    fn roll_aligned(&mut self, now_ms: i64) {
        let begins_at = now_ms.saturating_sub(now_ms.rem_euclid(LENGTH_MS));
        // A clock that is a little behind stays in the window that it was in.
        let stays = |began_ms: i64| began_ms == begins_at || began_ms == begins_at.saturating_add(LENGTH_MS);
        if !self.began_ms.is_some_and(stays) {
            *self = Self {
                number: self.number + 1,
                began_ms: Some(begins_at),
                is_aligned: true,
                request_lease: self.request_lease.of_next_window(),
                token_lease: self.token_lease.of_next_window(),
                ..Self::default()
            };
        }
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// Tokens so far, those that are reserved included.
    pub(crate) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// When it ends. `None` if none is open.
    pub(crate) fn ends_at(&self) -> Option<i64> {
        self.began_ms.map(|began_ms| began_ms.saturating_add(LENGTH_MS))
    }

    /// How many tokens a call takes that may use so many. `None` if they do not fit.
    ///
    /// A call that may use more than the whole limit would wait for ever, although it may use far less: it gets what is
    /// left, while no other call is under way.
    ///
    /// Of the limit no more than `held` can be used by now.
    pub(crate) fn fit(&self, limit: u64, held: u64, tokens: u64) -> Option<u64> {
        let left = held.min(limit).saturating_sub(self.tokens);
        if left == 0 {
            None
        } else if tokens <= left {
            Some(tokens)
        } else {
            (tokens > limit && self.open == 0).then_some(left)
        }
    }

    pub(crate) fn take_request(&mut self, now_ms: i64) {
        self.begin(now_ms);
        self.requests = self.requests.saturating_add(1);
    }

    pub(crate) fn take_tokens(&mut self, now_ms: i64, count: u64) -> Tokens {
        self.begin(now_ms);
        self.tokens = self.tokens.saturating_add(count);
        self.open = self.open.saturating_add(1);
        Tokens { window: self.number, count }
    }

    /// Whether further tokens fit into the window that these were taken of. A window that is over takes any number.
    pub(crate) fn has_room(&self, taken: Tokens, limit: u64, more: u64) -> bool {
        more == 0 || !self.is_of(taken) || self.tokens.saturating_add(more) <= limit
    }

    /// Takes further tokens for a call that has some.
    pub(crate) fn take_more(&mut self, taken: &mut Tokens, more: u64) {
        if self.is_of(*taken) {
            self.tokens = self.tokens.saturating_add(more);
            taken.count = taken.count.saturating_add(more);
        }
    }

    /// Puts the tokens that were used in the place of those that were taken, in the window that they were taken of.
    pub(crate) fn settle(&mut self, taken: Tokens, used: u64) {
        if self.is_of(taken) {
            self.tokens = self.tokens.saturating_sub(taken.count).saturating_add(used);
            self.open = self.open.saturating_sub(1);
        }
    }

    /// Whether nothing would be lost with it.
    pub(crate) fn is_empty(&self) -> bool {
        self.requests == 0 && self.tokens == 0 && self.open == 0
    }

    fn begin(&mut self, now_ms: i64) {
        if self.began_ms.is_none() {
            self.began_ms = Some(now_ms);
            self.number += 1;
        }
    }

    /// When it began; 0 if none is open.
    pub(crate) fn begins_at(&self) -> i64 {
        self.began_ms.unwrap_or_default()
    }

    fn is_of(&self, taken: Tokens) -> bool {
        self.began_ms.is_some() && self.number == taken.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_its_first_request_and_lasts_a_minute() {
        let mut minute = Minute::default();
        minute.roll(45_000);
        assert_eq!(minute.ends_at(), None);
        minute.take_request(45_000);
        minute.roll(104_999);
        assert_eq!((minute.requests(), minute.ends_at()), (1, Some(105_000)));
        minute.roll(105_000);
        assert_eq!((minute.requests(), minute.ends_at()), (0, None));
    }

    #[test]
    fn a_correction_after_the_window_changes_nothing_in_the_next() {
        let mut minute = Minute::default();
        let first = minute.take_tokens(0, 80);
        let second = minute.take_tokens(1, 10);
        minute.settle(second, 15);
        assert_eq!(minute.tokens(), 95);
        minute.roll(60_000);
        minute.settle(first, 7);
        assert_eq!(minute.tokens(), 0, "closed, and no other is open");
        minute.take_tokens(60_000, 5);
        minute.settle(first, 7);
        assert_eq!(minute.tokens(), 5);
        assert!(minute.has_room(first, 10, 1_000), "of a window that is over");
    }

    #[test]
    fn a_call_larger_than_the_limit_goes_alone_and_takes_what_is_left() {
        let mut minute = Minute::default();
        let small = minute.take_tokens(0, 10);
        assert_eq!(minute.fit(100, 100, 91), None);
        assert_eq!(minute.fit(100, 100, 5_000), None, "another is under way");
        minute.settle(small, 10);
        assert_eq!(minute.fit(100, 100, 91), None, "one that the limit could hold waits for the next window");
        assert_eq!(minute.fit(100, 100, 5_000), Some(90));
        let large = minute.take_tokens(0, 90);
        assert_eq!(minute.fit(100, 100, 0), None, "nothing is left");
        minute.settle(large, 300);
        assert_eq!(minute.fit(100, 100, 1), None);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_hold_a_window_open() {
        let mut minute = Minute::default();
        minute.take_request(10_000_000);
        minute.roll(1_000);
        assert_eq!((minute.requests(), minute.ends_at()), (1, Some(61_000)));
        minute.roll(61_000);
        assert_eq!(minute.requests(), 0);
    }
}
