//! Requests and tokens of a deployment in its minute, reserved before they are spent.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// How long a window is, from its first request on.
pub(crate) const LENGTH: Duration = Duration::from_secs(60);

/// What a deployment may do in one window. `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) requests: Option<u64>,
    pub(crate) tokens: Option<u64>,
}

/// A deployment's minute.
#[derive(Debug, Default)]
pub(crate) struct Window(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    began: Option<Instant>,
    requests: u64,
    tokens: u64,
    /// Calls of which it is not known yet what they used.
    open: u64,
}

impl Count {
    fn fits(&self, rates: Rates, tokens: u64) -> bool {
        let has_room = |limit: Option<u64>, used: u64, more: u64| {
            limit.is_none_or(|limit| used.saturating_add(more) <= limit)
        };
        let has_tokens = has_room(rates.tokens, self.tokens, tokens) || self.may_go_alone(rates, tokens);
        has_room(rates.requests, self.requests, 1) && has_tokens
    }

    /// One that is larger than the whole limit would wait for ever. It may take far less than the most that it could:
    /// it goes while no other is under way and something is left.
    fn may_go_alone(&self, rates: Rates, tokens: u64) -> bool {
        let is_idle = |limit: u64| tokens > limit && self.open == 0 && self.tokens < limit;
        self.requests == 0 || rates.tokens.is_some_and(is_idle)
    }
}

/// What a call has taken of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    began: Instant,
    tokens: u64,
    /// How many of them are the input.
    input: u64,
}

impl Taken {
    /// Notes about how many of its tokens are the input.
    pub(crate) fn having_input(self, input: u64) -> Self {
        Self { input, ..self }
    }

    /// About what was used by a call that was given up after so much output: its input was read by then, perhaps.
    pub(crate) fn used_after(self, output: u64) -> u64 {
        self.input.saturating_add(output).min(self.tokens)
    }

    /// The most that may have been used.
    pub(crate) fn all(self) -> u64 {
        self.tokens
    }
}

impl Window {
    /// Takes one request and so many tokens, which are never more than the whole limit.
    ///
    /// # Errors
    ///
    /// When the window ends, if they do not fit.
    pub(crate) fn take(&self, rates: Rates, tokens: u64) -> Result<Taken, Instant> {
        let mut count = self.count();
        let now = Instant::now();
        let began = match count.began {
            Some(began) if now.saturating_duration_since(began) < LENGTH => began,
            Some(_) | None => {
                *count = Count { began: Some(now), ..Count::default() };
                now
            }
        };
        if !count.fits(rates, tokens) {
            return Err(began + LENGTH);
        }
        let tokens = rates.tokens.map_or(tokens, |limit| tokens.min(limit));
        count.requests = count.requests.saturating_add(1);
        count.tokens = count.tokens.saturating_add(tokens);
        count.open = count.open.saturating_add(1);
        Ok(Taken { began, tokens, input: 0 })
    }

    /// Puts the tokens that were used in the place of those that were taken.
    pub(crate) fn correct(&self, taken: Taken, used: u64) {
        let mut count = self.count();
        if count.began == Some(taken.began) {
            count.tokens = count.tokens.saturating_sub(taken.tokens).saturating_add(used);
            count.open = count.open.saturating_sub(1);
        }
    }

    /// Gives back a request that was not made.
    pub(crate) fn give_back(&self, taken: Taken) {
        let mut count = self.count();
        if count.began == Some(taken.began) {
            count.requests = count.requests.saturating_sub(1);
            count.tokens = count.tokens.saturating_sub(taken.tokens);
            count.open = count.open.saturating_sub(1);
        }
    }

    /// When the window ends, if one more request with so many tokens does not fit into it.
    pub(crate) fn ends(&self, rates: Rates, tokens: u64) -> Option<Instant> {
        let count = self.count();
        let began = count.began.filter(|began| began.elapsed() < LENGTH)?;
        (!count.fits(rates, tokens)).then_some(began + LENGTH)
    }

    /// Whether calls that are under way may give back what is wanting.
    pub(crate) fn may_get_back(&self, rates: Rates) -> bool {
        let count = self.count();
        count.open > 0 && rates.requests.is_none_or(|limit| count.requests < limit)
    }

    /// Requests and tokens so far.
    pub(crate) fn used(&self) -> (u64, u64) {
        let count = self.count();
        match count.began {
            Some(began) if began.elapsed() < LENGTH => (count.requests, count.tokens),
            Some(_) | None => (0, 0),
        }
    }

    fn count(&self) -> std::sync::MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_window_begins_with_its_first_request_and_lasts_a_minute() {
        let window = Window::default();
        let rates = Rates { requests: Some(2), tokens: None };
        tokio::time::advance(Duration::from_secs(45)).await;
        let first = Instant::now();
        assert!(window.take(rates, 0).is_ok());
        tokio::time::advance(Duration::from_secs(50)).await;
        assert!(window.take(rates, 0).is_ok());
        assert_eq!(window.take(rates, 0).err(), Some(first + LENGTH));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(window.take(rates, 0).is_ok(), "a new one");
        assert_eq!(window.used(), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_reserved_and_corrected() {
        let window = Window::default();
        let rates = Rates { requests: None, tokens: Some(100) };
        let taken = window.take(rates, 90).expect("room");
        assert!(window.take(rates, 20).is_err());
        window.correct(taken, 10);
        assert!(window.take(rates, 20).is_ok());
        assert_eq!(window.used(), (2, 30));
        tokio::time::advance(LENGTH).await;
        assert!(window.take(rates, 5_000).is_ok(), "one that is larger than all gets in alone");
        window.correct(taken, 7);
        assert_eq!(window.used(), (1, 100), "what belongs to an earlier window corrects nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_an_upstream_says_was_used_is_counted() {
        let window = Window::default();
        let taken = window.take(Rates::default(), 10).expect("no limit");
        window.correct(taken, u64::MAX);
        assert!(window.take(Rates::default(), 10).is_ok());
        assert_eq!(window.used(), (2, u64::MAX));
    }
}
