//! Cached prompts: what of a prompt was seen before in the same session, by a rule of the simulator's own.

use std::collections::HashMap;

/// Providers cache from about this many tokens on.
const TOKENS_MIN: u64 = 1_024;
const LIFE_MS: u64 = 5 * 60 * 1_000;
/// More sessions than this, and the cache is emptied.
const SESSIONS_MAX: usize = 10_000;

/// One message of a prompt: a hash of all that it says, and its tokens.
pub(crate) type Part = (u64, u64);

/// The last prompt of each model and session.
#[derive(Debug, Default)]
pub(crate) struct PromptCache {
    prompts: HashMap<(String, String), (u64, Vec<Part>)>,
}

impl PromptCache {
    /// How many tokens at the prompt's beginning are the same as last time; remembers the prompt for the next.
    pub(crate) fn read(&mut self, model: &str, session: &str, prompt: &[Part], now_ms: u64) -> u64 {
        if self.prompts.len() >= SESSIONS_MAX {
            self.prompts.clear();
        }
        let key = (model.to_owned(), session.to_owned());
        let before = self.prompts.insert(key, (now_ms, prompt.to_vec()));
        let Some((at_ms, before)) = before else { return 0 };
        if now_ms.saturating_sub(at_ms) > LIFE_MS {
            return 0;
        }
        let same = before.iter().zip(prompt).take_while(|(before, now)| before == now);
        let tokens = same.map(|(_, (_, tokens))| tokens).sum::<u64>();
        if is_cached(tokens) { tokens } else { 0 }
    }
}

/// Whether so many tokens are enough to be cached.
pub(crate) fn is_cached(tokens: u64) -> bool {
    tokens >= TOKENS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_common_beginning_is_read_within_five_minutes() {
        let mut cache = PromptCache::default();
        assert_eq!(cache.read("m", "s", &[(1, 1_500), (2, 10)], 0), 0);
        assert_eq!(cache.read("m", "s", &[(1, 1_500), (2, 10), (3, 7)], 1_000), 1_510);
        assert_eq!(cache.read("m", "s", &[(1, 1_500), (9, 10)], 2_000), 1_500);
        assert_eq!(cache.read("m", "other", &[(1, 1_500)], 2_000), 0);
        assert_eq!(cache.read("m", "s", &[(1, 1_500)], 302_001), 0);
    }

    #[test]
    fn a_short_one_is_not() {
        let mut cache = PromptCache::default();
        cache.read("m", "s", &[(1, 1_023)], 0);
        assert_eq!(cache.read("m", "s", &[(1, 1_023), (2, 50)], 0), 0);
    }
}
