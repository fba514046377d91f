//! How long to wait before the same rows are sent again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::ExportOptions;

/// The wait behind attempt `attempt`, the first being 1: doubled each time, a random quarter of it taken off so that
/// several gateways do not come back at one moment. What the destination asks for counts where it is longer.
pub(crate) fn wait(options: &ExportOptions, attempt: u32, asked: Option<Duration>) -> Duration {
    let doubled = options.backoff.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    let percent = 75 + u32::try_from(RandomState::new().hash_one(attempt) % 26).unwrap_or(25);
    let own = doubled.min(options.backoff_max).saturating_mul(percent) / 100;
    own.max(asked.unwrap_or_default()).min(options.backoff_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(attempt: u32, asked: Option<u64>, least: u64, most: u64) {
        let options = ExportOptions::default();
        let wait = wait(&options, attempt, asked.map(Duration::from_millis));
        let expected = Duration::from_millis(least)..=Duration::from_millis(most);
        assert!(expected.contains(&wait), "{attempt}: {wait:?}");
    }

    #[test]
    fn waits_double_up_to_a_limit() {
        check(1, None, 375, 500);
        check(3, None, 1_500, 2_000);
        check(40, None, 22_500, 30_000);
        check(1, Some(7_000), 7_000, 7_000);
        check(1, Some(3_600_000), 30_000, 30_000);
    }
}
