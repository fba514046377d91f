//! The deployment that has used the fewest tokens in its minute.

use super::{Among, Strategy};

#[derive(Debug)]
pub(super) struct UsageBased;

impl Strategy for UsageBased {
    fn choose(&self, among: &Among<'_>) -> Option<usize> {
        // Where no tokens are counted, requests are.
        among.least(|place| {
            let (requests, tokens) = among.state(place).window.used();
            (tokens, requests)
        })
    }
}
