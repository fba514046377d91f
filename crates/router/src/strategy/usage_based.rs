//! The deployment that has used the fewest tokens in its minute.

use super::{Among, Strategy};

#[derive(Debug)]
pub(super) struct UsageBased;

/// What a deployment has used: tokens, and where none are counted, requests.
fn used(among: &Among<'_>, place: usize) -> (u64, u64) {
    let (requests, tokens) = among.state(place).window.used();
    (tokens, requests)
}

impl Strategy for UsageBased {
    fn choose(&self, among: &Among<'_>) -> Option<usize> {
        among.least(|place| used(among, place))
    }

    fn drawn(&self, among: &Among<'_>) -> Vec<(usize, f64)> {
        among.all_least(|place| used(among, place))
    }
}
