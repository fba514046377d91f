//! Whether a deployment is in service for one of its models: LiteLLM's thresholds, and one probe at the end of a rest.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Error, ErrorKind, Retry};

use crate::Policy;
use crate::class::{Class, is_failure};
use crate::missing_model::is_missing;

/// Over which time failures are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// A share of failures means something from so many requests on.
const REQUESTS_MIN: u32 = 5;

/// The same for a deployment that is alone in its group, of which all must have failed.
const REQUESTS_MIN_ALONE: u32 = 1_000;

/// How long one may find out alone. A whole reply may take minutes, and says nothing before it is there.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// The longest rest that an upstream can ask for.
const REST_MAX: Duration = Duration::from_secs(60 * 60);

/// The health of one (deployment, model).
#[derive(Debug)]
pub(crate) struct Health {
    epoch: Instant,
    /// When it may be asked again, in milliseconds from `epoch`; 0 while it is in service.
    returns_at: AtomicU64,
    /// When the rest began that ends then, likewise.
    rests_since: AtomicU64,
    /// Since when somebody is finding out if it is back, likewise; 0 if nobody is.
    probing_since: AtomicU64,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    began: Instant,
    requests: u32,
    failures: u32,
    by_class: [u32; 9],
}

/// The claim of whoever finds out if a deployment is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim(u64);

/// What can be said of a deployment without asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    InService,
    /// Its rest is over, and one may find out.
    MayBeBack,
    /// It rests until then. Somebody who is finding out counts as a moment more.
    Resting(Instant),
}

/// What decides whether a failure brings a rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'p> {
    pub(crate) policy: &'p Policy,
    /// The deployment's own length of a rest.
    pub(crate) cooldown: Option<Duration>,
    /// Whether no other deployment answers to the name.
    pub(crate) is_alone: bool,
    /// The one model that it calls, where a caller cannot have invented it.
    pub(crate) model: Option<&'p str>,
    /// When the call was sent.
    pub(crate) sent: Instant,
    /// Whether the call was counted when its reply began.
    pub(crate) is_counted: bool,
}

impl Health {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            epoch: now,
            returns_at: AtomicU64::new(0),
            rests_since: AtomicU64::new(0),
            probing_since: AtomicU64::new(0),
            counts: Mutex::new(Counts { began: now, requests: 0, failures: 0, by_class: [0; 9] }),
        }
    }

    #[inline]
    pub(crate) fn look(&self) -> Look {
        match self.returns_at.load(Ordering::Acquire) {
            0 => Look::InService,
            returns_at => self.look_at_rest(returns_at),
        }
    }

    #[cold]
    fn look_at_rest(&self, returns_at: u64) -> Look {
        const MOMENT: Duration = Duration::from_millis(100);
        let (returns_at, now) = (self.epoch + Duration::from_millis(returns_at), Instant::now());
        if now < returns_at {
            Look::Resting(returns_at)
        } else if self.is_claimed(self.probing_since.load(Ordering::Acquire)) {
            Look::Resting(now + MOMENT)
        } else {
            Look::MayBeBack
        }
    }

    /// Claims to be the one that finds out. Whoever has claimed it gives it back by [`release`](Self::release) when
    /// there is a word on how it went; who takes long over it may be joined by another one.
    pub(crate) fn claim_probe(&self) -> Option<Claim> {
        let now = milliseconds(self.epoch.elapsed()).max(1);
        let before = self.probing_since.load(Ordering::Acquire);
        if self.is_claimed(before) {
            return None;
        }
        self.probing_since.compare_exchange(before, now, Ordering::AcqRel, Ordering::Acquire).ok()?;
        // Since it was looked at, somebody else may have found out that it rests on.
        if self.returns_at.load(Ordering::Acquire) > now {
            self.release(Claim(now));
            return None;
        }
        Some(Claim(now))
    }

    fn is_claimed(&self, since: u64) -> bool {
        let ends = || Duration::from_millis(since) + PROBE_MAX;
        since != 0 && self.epoch.elapsed() < ends()
    }

    /// Gives a claim back, unless another one has been made since.
    pub(crate) fn release(&self, claim: Claim) {
        let _ = self.probing_since.compare_exchange(claim.0, 0, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Notes an answer to a call that was sent then. What was resting is back, and this tells so.
    pub(crate) fn succeeded(&self, sent: Instant) -> bool {
        self.count(|counts| counts.requests = counts.requests.saturating_add(1));
        let is_back = self.returns_at.load(Ordering::Acquire) != 0 && self.is_news(sent);
        if is_back {
            self.count(|counts| *counts = Counts::from(counts.began));
            self.returns_at.store(0, Ordering::Release);
        }
        is_back
    }

    /// Notes a failure. Tells for how long it is left alone now, if it is.
    pub(crate) fn failed(&self, error: &Error, rules: Rules<'_>) -> Option<Duration> {
        let class = Class::of(error);
        let is_counted = counts_against(error, rules);
        let counts = self.count(|counts| {
            let is_over = counts.began.elapsed() >= WINDOW;
            if is_over {
                *counts = Counts::from(Instant::now());
            }
            if is_over || !rules.is_counted {
                counts.requests = counts.requests.saturating_add(1);
            }
            let of_class = &mut counts.by_class[class as usize];
            if is_counted {
                counts.failures = counts.failures.saturating_add(1);
                *of_class = of_class.saturating_add(1);
            }
            (counts.requests, counts.failures, *of_class)
        });
        let was_resting = self.returns_at.load(Ordering::Acquire) != 0;
        if !is_counted || !(was_resting || brings_rest(class, counts, rules)) {
            return None;
        }
        let asked = error.retry_after().filter(|wait| !wait.is_zero());
        if was_resting && asked.is_none() && !self.is_news(rules.sent) {
            return None;
        }
        let rest = rules.policy.rest(rules.cooldown.or(asked)).min(REST_MAX);
        if rest.is_zero() {
            return None;
        }
        self.rest(rest);
        Some(rest)
    }

    /// Leaves it alone for this long, or for as long as it was to be left alone already.
    pub(crate) fn rest(&self, rest: Duration) {
        let now = self.epoch.elapsed();
        let (now, returns_at) = (milliseconds(now), milliseconds(now + rest).max(1));
        if self.returns_at.load(Ordering::Acquire) <= now {
            self.rests_since.store(now, Ordering::Release);
        }
        self.returns_at.fetch_max(returns_at, Ordering::AcqRel);
    }

    /// Whether a call was sent after the rest began. An earlier one says nothing about how it will end.
    fn is_news(&self, sent: Instant) -> bool {
        milliseconds(sent.saturating_duration_since(self.epoch)) > self.rests_since.load(Ordering::Acquire)
    }

    fn count<T>(&self, count: impl FnOnce(&mut Counts) -> T) -> T {
        let mut counts = self.counts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        count(&mut counts)
    }
}

impl Counts {
    fn from(began: Instant) -> Self {
        Self { began, requests: 0, failures: 0, by_class: [0; 9] }
    }
}

pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a failure counts against the deployment. A caller's own do only where the policy has a number for them.
pub(crate) fn counts_against(error: &Error, rules: Rules<'_>) -> bool {
    // A request that is larger than a minute's allowance is limited for good, and the others are not.
    let is_too_large = error.kind() == ErrorKind::UpstreamRateLimited && error.retry() == Retry::NextTarget;
    if is_too_large {
        return false;
    }
    is_failure(error.kind())
        || rules.model.is_some_and(|model| is_missing(model, error))
        || rules.policy.fails_allowed_by_class.get(Class::of(error)).is_some()
}

fn brings_rest(class: Class, (requests, failures, of_class): (u32, u32, u32), rules: Rules<'_>) -> bool {
    let policy = rules.policy;
    if let Some(allowed) = policy.fails_allowed_by_class.get(class) {
        return of_class > allowed;
    }
    if rules.is_alone {
        return requests >= REQUESTS_MIN_ALONE && failures == requests;
    }
    if let Some(allowed) = policy.fails_allowed {
        return failures > allowed;
    }
    matches!(class, Class::RateLimit | Class::NotFound)
        || requests >= REQUESTS_MIN && failures.saturating_mul(2) > requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_looked_before_another_found_out_does_not_find_out_again() {
        let (health, rest) = (Health::new(), Duration::from_secs(5));
        health.rest(rest);
        tokio::time::advance(rest).await;
        let looks = [health.look(), health.look()];
        assert_eq!(looks, [Look::MayBeBack; 2]);
        let claim = health.claim_probe().expect("one finds out");
        health.rest(rest);
        health.release(claim);
        assert_eq!(health.claim_probe(), None, "it rests again");
        tokio::time::advance(rest).await;
        assert!(health.claim_probe().is_some());
        assert_eq!(health.claim_probe(), None, "one is enough");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_long_to_find_out_is_joined_and_gives_back_nothing_of_another_s() {
        let health = Health::new();
        health.rest(Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        let slow = health.claim_probe().expect("one finds out");
        tokio::time::advance(PROBE_MAX).await;
        assert_eq!(health.look(), Look::MayBeBack);
        let next = health.claim_probe().expect("another one finds out");
        health.release(slow);
        assert_eq!(health.claim_probe(), None, "the other one still does");
        health.release(next);
        assert!(health.claim_probe().is_some());
    }
}
