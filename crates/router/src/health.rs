//! Whether a deployment is in service for one of its models: LiteLLM's thresholds, and one probe at the end of a rest.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::Error;

use crate::Policy;
use crate::class::{Class, is_failure};
use crate::missing_model::is_missing;

/// Over which time failures are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// A share of failures means something from so many requests on.
const REQUESTS_MIN: u32 = 5;

/// The same for a deployment that is alone in its group, of which all must have failed.
const REQUESTS_MIN_ALONE: u32 = 1_000;

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
    /// Whether somebody is finding out if it is back.
    probing: AtomicBool,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    began: Instant,
    requests: u32,
    failures: u32,
    by_class: [u32; 9],
}

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
            probing: AtomicBool::new(false),
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
        } else if self.probing.load(Ordering::Acquire) {
            Look::Resting(now + MOMENT)
        } else {
            Look::MayBeBack
        }
    }

    /// Claims to be the one that finds out. Whoever has claimed it gives it back, by a word on how it went or by
    /// [`release`](Self::release).
    pub(crate) fn claim_probe(&self) -> bool {
        if self.probing.swap(true, Ordering::AcqRel) {
            return false;
        }
        // Since it was looked at, somebody else may have found out that it rests on.
        let rests = Duration::from_millis(self.returns_at.load(Ordering::Acquire)) > self.epoch.elapsed();
        if rests {
            self.release();
        }
        !rests
    }

    pub(crate) fn release(&self) {
        self.probing.store(false, Ordering::Release);
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
            counts.requests = counts.requests.saturating_add(u32::from(is_over || !rules.is_counted));
            let of_class = &mut counts.by_class[class as usize];
            counts.failures = counts.failures.saturating_add(u32::from(is_counted));
            *of_class = of_class.saturating_add(u32::from(is_counted));
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

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a failure counts against the deployment. A caller's own do only where the policy has a number for them.
pub(crate) fn counts_against(error: &Error, rules: Rules<'_>) -> bool {
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
        assert!(health.claim_probe());
        health.rest(rest);
        health.release();
        assert!(!health.claim_probe(), "it rests again");
        tokio::time::advance(rest).await;
        assert!(health.claim_probe());
        assert!(!health.claim_probe(), "one is enough");
    }
}
