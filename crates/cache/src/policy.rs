//! What the operator allows: which requests use the cache, and for how long replies are kept.

use std::time::Duration;

use trunkline_core::{Document, Operation, json};

use crate::Controls;

/// Which requests use the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether requests that say nothing use it. Default true; LiteLLM calls that `default_on`.
    pub on_by_default: bool,
    /// How long a reply is kept where the caller says nothing. Default 600 s, which is LiteLLM's for its memory.
    pub ttl: Duration,
    /// The most messages, or items of a Responses `input`, that a request may have. Default 4, as in LiteLLM; `None` is
    /// no limit. A longer conversation neither is given a kept reply nor has its own kept.
    pub messages_max: Option<usize>,
    /// The operations whose replies are kept. Default [`Policy::OPERATIONS`].
    pub operations: Vec<Operation>,
}

/// How one request uses the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Whether it may be given a kept reply.
    pub reads: bool,
    /// Whether its reply may be kept.
    pub keeps: bool,
    /// How long its reply is kept. Not zero if `keeps`.
    pub ttl: Duration,
    /// How old a kept reply may be that it is given.
    pub age_max: Option<Duration>,
}

impl Use {
    /// Not at all.
    pub const NOT: Use = Use { reads: false, keeps: false, ttl: Duration::ZERO, age_max: None };
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            on_by_default: true,
            ttl: Duration::from_secs(600),
            messages_max: Some(4),
            operations: Self::OPERATIONS.to_vec(),
        }
    }
}

impl Policy {
    /// Every operation whose replies can be kept.
    pub const OPERATIONS: [Operation; 7] = [
        Operation::ChatCompletions,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Responses,
        Operation::Messages,
        Operation::Rerank,
        Operation::RerankV2,
    ];

    /// How a request with this body uses the cache.
    ///
    /// A Responses request that goes on in the background, or adds to a `conversation`, does more than answer, and never
    /// uses it.
    pub fn permits(&self, operation: Operation, document: &Document, controls: &Controls) -> Use {
        let is_on = self.on_by_default || controls.use_cache;
        let is_of_use = !(controls.no_cache && controls.no_store);
        let has_operation = self.operations.contains(&operation) && Self::OPERATIONS.contains(&operation);
        if !is_on || !is_of_use || !has_operation || does_more(operation, document) {
            return Use::NOT;
        }
        if self.messages_max.is_some_and(|most| is_longer(operation, document, most)) {
            return Use::NOT;
        }
        let ttl = controls.ttl.unwrap_or(self.ttl);
        Use {
            reads: !controls.no_cache && controls.age_max != Some(Duration::ZERO),
            keeps: !controls.no_store && !ttl.is_zero(),
            ttl,
            age_max: controls.age_max,
        }
    }
}

/// Whether a request changes something at the upstream, so that another one like it is not the same.
fn does_more(operation: Operation, document: &Document) -> bool {
    operation == Operation::Responses
        && (document.is_true("background")
            || document.raw("conversation").is_some_and(|raw| !json::is_null(raw)))
}

/// Whether a conversation has more than `most` messages. Looks at no more of them than that takes.
fn is_longer(operation: Operation, document: &Document, most: usize) -> bool {
    let name = match operation {
        Operation::ChatCompletions | Operation::Messages => "messages",
        Operation::Responses => "input",
        // Inputs of embeddings and documents of a rerank are no messages.
        _ => return false,
    };
    document.raw(name).is_some_and(|list| json::elements(list).nth(most).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: Operation = Operation::ChatCompletions;

    fn uses(policy: &Policy, operation: Operation, body: &str, controls: &Controls) -> (bool, bool) {
        let document = Document::parse(body.to_owned()).expect("a document");
        let found = policy.permits(operation, &document, controls);
        assert!(!found.keeps || !found.ttl.is_zero());
        (found.reads, found.keeps)
    }

    fn check(operation: Operation, body: &str, expected: bool) {
        let found = uses(&Policy::default(), operation, body, &Controls::default());
        assert_eq!(found, (expected, expected), "{operation} {body}");
    }

    fn messages(name: &str, count: usize) -> String {
        format!(r#"{{"{name}":[{}]}}"#, vec![r#"{"role":"user","content":"a,b"}"#; count].join(","))
    }

    #[test]
    fn a_long_conversation_uses_no_cache() {
        check(CHAT, &messages("messages", 4), true);
        check(CHAT, &messages("messages", 5), false);
        check(Operation::Messages, &messages("messages", 5), false);
        check(Operation::Responses, &messages("input", 5), false);
        check(Operation::Responses, r#"{"input":"hi"}"#, true);
        check(Operation::Embeddings, r#"{"input":["a","b","c","d","e"]}"#, true);
        let unlimited = Policy { messages_max: None, ..Policy::default() };
        let found = uses(&unlimited, CHAT, &messages("messages", 500), &Controls::default());
        assert_eq!(found, (true, true));
    }

    #[test]
    fn an_operation_that_is_not_named_uses_no_cache() {
        check(Operation::Moderations, "{}", false);
        let policy =
            Policy { operations: vec![Operation::Embeddings, Operation::Moderations], ..Policy::default() };
        assert_eq!(uses(&policy, CHAT, "{}", &Controls::default()), (false, false));
        assert_eq!(uses(&policy, Operation::Embeddings, "{}", &Controls::default()), (true, true));
        assert_eq!(uses(&policy, Operation::Moderations, "{}", &Controls::default()), (false, false));
    }

    #[test]
    fn what_does_more_than_answer_uses_no_cache() {
        check(Operation::Responses, r#"{"input":"hi","background":true}"#, false);
        check(Operation::Responses, r#"{"input":"hi","conversation":{"id":"conv_1"}}"#, false);
        check(Operation::Responses, r#"{"input":"hi","conversation":null,"background":false}"#, true);
    }

    #[test]
    fn controls_say_what_is_read_and_what_is_kept() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let none = Controls::default;
        for (controls, expected) in [
            (Controls { no_cache: true, ..none() }, (false, true)),
            (Controls { no_store: true, ..none() }, (true, false)),
            (Controls { no_cache: true, no_store: true, ..none() }, (false, false)),
            (Controls { ttl: seconds(0), ..none() }, (true, false)),
            (Controls { age_max: seconds(0), ..none() }, (false, true)),
            (Controls { age_max: seconds(1), ttl: seconds(1), ..none() }, (true, true)),
        ] {
            assert_eq!(uses(&Policy::default(), CHAT, "{}", &controls), expected, "{controls:?}");
        }
    }

    #[test]
    fn a_cache_that_is_off_by_default_is_asked_for() {
        let policy = Policy { on_by_default: false, ..Policy::default() };
        assert_eq!(uses(&policy, CHAT, "{}", &Controls::default()), (false, false));
        let asked = Controls { use_cache: true, ..Controls::default() };
        assert_eq!(uses(&policy, CHAT, "{}", &asked), (true, true));
    }
}
