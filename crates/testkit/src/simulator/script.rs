//! What a request says is to become of it: faults, and what is counted.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::money::Tokens;

/// The pieces of a scripted text, each of which makes one event of a chat.
const PIECES: [&str; 4] = ["plain ", "Voilà ", "漢字 🙂. ", "twelve"];

/// What is to become of one request.
///
/// It is sent as `providerOptions.sim`, which a router carries along like every option that it does not know, or
/// as JSON in the header `x-sim-script`. A list of scripts is for the first, second, … call that names the same
/// `user`, and its last one for all that follow: so one request can have its first attempt refused and its second
/// served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// How many events of text the answer has, in place of what the model would say.
    pub text_events: Option<usize>,
    /// How much of the prompt is read from the cache; at most all of it.
    pub cached_tokens: Option<u64>,
    /// How much of what is left is written to the cache.
    pub cache_write_tokens: Option<u64>,
    /// How many tokens the model thinks about it, unseen, besides what it says.
    pub reasoning_tokens: Option<u64>,
}

/// One script for every call, or one for each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Scripts {
    Each(Vec<Script>),
    Every(Script),
}

impl Scripts {
    /// The script of the call with this index among those of one user.
    pub(crate) fn of_call(&self, index: usize) -> Script {
        match self {
            Self::Every(script) => script.clone(),
            Self::Each(scripts) => scripts.get(index).or(scripts.last()).cloned().unwrap_or_default(),
        }
    }
}

impl Script {
    /// What is said in place of what the model would say.
    pub(crate) fn text(&self) -> Option<String> {
        self.text_events.map(|events| PIECES.iter().cycle().take(events).copied().collect())
    }

    /// Counts what is scripted in place of what would be counted.
    pub(crate) fn apply_to_tokens(&self, tokens: &mut Tokens) {
        if let Some(cached) = self.cached_tokens {
            tokens.cache_read = cached.min(tokens.prompt);
        }
        if let Some(written) = self.cache_write_tokens {
            tokens.cache_write = written;
        }
        tokens.cache_write = tokens.cache_write.min(tokens.prompt - tokens.cache_read);
        if let Some(reasoning) = self.reasoning_tokens {
            tokens.reasoning += reasoning;
            tokens.completion += reasoning;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_has_its_script_and_the_last_one_stays() {
        let scripts = serde_json::from_str::<Scripts>(r#"[{"faults":["unavailable"]},{"text_events":3}]"#);
        let scripts = scripts.unwrap();
        assert_eq!(scripts.of_call(0).faults, [Fault::Unavailable]);
        assert_eq!((scripts.of_call(1).text_events, scripts.of_call(9).text_events), (Some(3), Some(3)));
        let every = serde_json::from_str::<Scripts>(r#"{"cached_tokens":5}"#).unwrap();
        assert_eq!(every.of_call(4).cached_tokens, Some(5));
    }

    #[test]
    fn no_more_is_cached_than_was_asked() {
        let script = Script {
            cached_tokens: Some(80),
            cache_write_tokens: Some(80),
            reasoning_tokens: Some(7),
            ..Script::default()
        };
        let mut tokens = Tokens { prompt: 100, completion: 10, ..Tokens::default() };
        script.apply_to_tokens(&mut tokens);
        let expected = Tokens { prompt: 100, cache_read: 80, cache_write: 20, completion: 17, reasoning: 7 };
        assert_eq!(tokens, expected);
    }

    #[test]
    fn each_piece_of_a_text_is_one_event() {
        assert!(PIECES.iter().all(|piece| piece.chars().count() == 6));
    }
}
