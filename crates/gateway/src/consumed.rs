//! The members of a body that are meant for the gateway, and what becomes of each.
//!
//! WHEN ADDING A MEMBER: add its row, and the one in `docs/http-api.md`, which a test compares; what it asks for is read
//! in `asked.rs`.

use std::sync::LazyLock;

use trunkline_core::Dialect;

/// What becomes of a member that the gateway takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It steers this request.
    Honoured,
    /// It asks for what Trunkline does anyway, or for what there is nothing to do about.
    Moot,
    /// It is refused with 400, unless the deployment or a setting allows it.
    Refused,
}

/// A member that is meant for the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Consumed {
    /// Its name; a name that ends in `*` stands for all that begin so.
    pub name: &'static str,
    /// What becomes of it.
    pub effect: Effect,
    /// Why, in the words of the docs.
    pub why: &'static str,
    /// The dialect in which a member of this name is the upstream's own, and goes there.
    pub own_of: Option<Dialect>,
}

const fn row(name: &'static str, effect: Effect, why: &'static str) -> Consumed {
    Consumed { name, effect, why, own_of: None }
}

/// Every member that is meant for the gateway. Whatever is not named here goes upstream untouched.
pub static CONSUMED: &[Consumed] = &[
    row("api_key", Effect::Refused, "a caller's own credential, where the deployment or a setting allows it"),
    row("api_base", Effect::Refused, "a caller's own base URL, where the deployment or a setting allows it"),
    row("base_url", Effect::Refused, "the same as `api_base`"),
    row("user_config", Effect::Refused, "routing that a caller brings along is not supported"),
    row("timeout", Effect::Honoured, "seconds for the whole call"),
    row("stream_timeout", Effect::Honoured, "seconds until the first event of a stream"),
    row("fallbacks", Effect::Honoured, "models to ask when this one fails: names, or objects with a `model`"),
    row("context_window_fallbacks", Effect::Honoured, "the same for an input that is too long"),
    row("content_policy_fallbacks", Effect::Honoured, "the same for a refusal of the content"),
    row("disable_fallbacks", Effect::Honoured, "asks no other model, whatever is configured"),
    row("num_retries", Effect::Honoured, "attempts at a model after the first one"),
    row("drop_params", Effect::Moot, "no parameter is ever refused"),
    row("additional_drop_params", Effect::Honoured, "names of members that are taken out before sending"),
    row("allowed_openai_params", Effect::Moot, "every parameter goes upstream"),
    row("cache", Effect::Honoured, "whether a kept reply may be given, and how long this one is kept"),
    row("tags", Effect::Honoured, "tags by which deployments are reached, as those in `metadata`"),
    row("guardrails", Effect::Refused, "content checks that are not there must not be believed in"),
    row("weights", Effect::Moot, "deployments are drawn by the weights that are configured"),
    Consumed {
        own_of: Some(Dialect::Cohere),
        ..row(
            "priority",
            Effect::Moot,
            "requests do not queue; in rerank it is Cohere's own, and goes upstream",
        )
    },
    row("litellm_*", Effect::Moot, "settings of LiteLLM's own, such as `litellm_metadata`"),
    row("mock_testing_fallbacks", Effect::Refused, "a test switch, where a setting allows it"),
    row("mock_testing_context_fallbacks", Effect::Refused, "the same"),
    row("mock_testing_content_policy_fallbacks", Effect::Refused, "the same"),
    row("mock_testing_rate_limit_error", Effect::Refused, "the same"),
    row("mock_testing_*", Effect::Refused, "no test switch of this name is known"),
    row("mock_timeout", Effect::Refused, "a test switch, where a setting allows it"),
    row("mock_delay", Effect::Refused, "seconds before the first attempt, where a setting allows it"),
    row("mock_*", Effect::Moot, "canned answers are the operator's to set, in `litellm_params`"),
];

/// How the names of [`CONSUMED`] begin: each has three letters at least.
static BEGINNINGS: LazyLock<Vec<[u8; 3]>> = LazyLock::new(|| {
    let mut beginnings: Vec<[u8; 3]> =
        CONSUMED.iter().filter_map(|row| row.name.as_bytes().first_chunk().copied()).collect();
    beginnings.sort_unstable();
    beginnings.dedup();
    beginnings
});

/// The row of a member that is meant for the gateway. `None` if it is the upstream's.
pub(crate) fn row_of(dialect: Dialect, name: &str) -> Option<&'static Consumed> {
    // Most members are the upstream's, and few begin as one that is meant.
    if !name.as_bytes().first_chunk().is_some_and(|start| BEGINNINGS.contains(start)) {
        return None;
    }
    // Forms write lists so.
    let name = name.strip_suffix("[]").unwrap_or(name);
    CONSUMED.iter().find(|row| is_meant(row.name, name) && row.own_of != Some(dialect))
}

fn is_meant(row: &str, name: &str) -> bool {
    row.strip_suffix('*').map_or(row == name, |start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_begins_with_three_letters_to_be_told_by() {
        for row in CONSUMED {
            assert!(row.name.as_bytes().iter().take(3).filter(|byte| byte.is_ascii_lowercase()).count() == 3);
            assert!(
                row_of(Dialect::Anthropic, &row.name.replace('*', "x")).is_some() || row.own_of.is_some()
            );
        }
    }
}
