//! How many further attempts an origin has left.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::RetryBudget;

/// What first attempts can save up, in further attempts.
const SAVED_MAX: u64 = 100;

/// On whose account a further attempt goes. What callers bring about themselves, by a short wait or a base of their
/// own, must not leave the others without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payer {
    Origin,
    Caller,
}

/// The further attempts that one origin has left, for either payer: a share of its first attempts, and some for each
/// second.
#[derive(Debug)]
pub(crate) struct Budget {
    setting: RetryBudget,
    of_origin: Purse,
    of_callers: Purse,
}

#[derive(Debug)]
struct Purse {
    /// What first attempts have earned, in hundredths of a further attempt.
    earned: AtomicU64,
    by_time: Mutex<ByTime>,
}

#[derive(Debug)]
struct ByTime {
    /// Further attempts that are left.
    left: f64,
    counted: Instant,
}

impl Budget {
    pub(crate) fn new(setting: RetryBudget) -> Self {
        Self { setting, of_origin: Purse::new(setting), of_callers: Purse::new(setting) }
    }

    /// Notes a first attempt.
    #[inline]
    pub(crate) fn earn(&self) {
        for purse in [&self.of_origin, &self.of_callers] {
            // Once enough is saved up, nothing is written that other threads would have to read again.
            if purse.earned.load(Ordering::Relaxed) < SAVED_MAX * 100 {
                purse.earned.fetch_add(u64::from(self.setting.percent), Ordering::Relaxed);
            }
        }
    }

    /// Takes one further attempt. False if none is left.
    pub(crate) fn spend(&self, payer: Payer) -> bool {
        self.purse(payer).spend(self.setting)
    }

    /// Puts back one further attempt that was taken and not made.
    pub(crate) fn give_back(&self, payer: Payer) {
        self.purse(payer).earned.fetch_add(100, Ordering::Relaxed);
    }

    fn purse(&self, payer: Payer) -> &Purse {
        match payer {
            Payer::Origin => &self.of_origin,
            Payer::Caller => &self.of_callers,
        }
    }
}

impl Purse {
    fn new(setting: RetryBudget) -> Self {
        let by_time = ByTime { left: f64::from(setting.burst), counted: Instant::now() };
        Self { earned: AtomicU64::new(0), by_time: Mutex::new(by_time) }
    }

    fn spend(&self, setting: RetryBudget) -> bool {
        let take = |earned: u64| earned.checked_sub(100);
        self.earned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
            || self.spend_by_time(setting)
    }

    fn spend_by_time(&self, setting: RetryBudget) -> bool {
        let mut by_time = self.by_time.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let now = Instant::now();
        let passed = now.saturating_duration_since(by_time.counted).as_secs_f64();
        by_time.left = (by_time.left + passed).min(f64::from(setting.burst));
        by_time.counted = now;
        if by_time.left < 1.0 {
            return false;
        }
        by_time.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spent(budget: &Budget, wanted: usize) -> usize {
        (0..wanted).filter(|_| budget.spend(Payer::Origin)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenth_of_the_first_attempts_and_one_a_second() {
        let budget = Budget::new(RetryBudget::default());
        assert_eq!(spent(&budget, 50), 10, "quiet services try again too");
        assert!(budget.spend(Payer::Caller), "what callers bring about is another account");
        (0..55).for_each(|_| budget.earn());
        assert_eq!(spent(&budget, 50), 5);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(spent(&budget, 50), 3);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(spent(&budget, 50), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::new(RetryBudget { percent: 0, burst: 1 });
        assert_eq!(spent(&budget, 5), 1);
        budget.give_back(Payer::Origin);
        assert_eq!(spent(&budget, 5), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_good_time_is_not_saved_up_for_ever() {
        let budget = Budget::new(RetryBudget { percent: 10, burst: 0 });
        (0..1_000_000).for_each(|_| budget.earn());
        assert!((100..=101).contains(&spent(&budget, 1_000)));
    }
}
