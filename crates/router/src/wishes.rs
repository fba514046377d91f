//! What a request asks of the router, beside its model and its body.

use std::time::Duration;

use trunkline_core::{Document, Secret};

/// What a request asks of the router. The default asks for nothing: groups are served as they are configured.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Attempts in each group after the first one.
    pub retries: Option<u32>,
    /// Until the end of the reply, whatever is tried meanwhile.
    pub timeout: Option<Duration>,
    /// Until the first event of a stream, for each attempt.
    pub first_event_timeout: Option<Duration>,
    /// What is asked when the group fails, in the place of what is configured.
    pub fallbacks: Option<Vec<Fallback>>,
    /// The same for an input that is too long for the model.
    pub context_window_fallbacks: Option<Vec<Fallback>>,
    /// The same for a refusal of the content.
    pub content_policy_fallbacks: Option<Vec<Fallback>>,
    /// Whether no other group is asked.
    pub no_fallbacks: bool,
    /// Tags that choose among deployments, where the group looks at them.
    pub tags: Vec<String>,
    /// Who asks: conversations of two tenants are never taken for one.
    pub tenant: u64,
    /// The id of the only deployment that can answer.
    pub deployment: Option<String>,
    /// A base and a key of the caller's own.
    pub own_target: Option<OwnTarget>,
    /// After how long a stream must have begun, with or without an event: what fails later is told in the stream.
    pub begin_within: Option<Duration>,
    /// A failure that is put in the place of the first attempt's answer.
    pub mock_failure: Option<MockFailure>,
}

/// A model group that is asked when another one failed.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// Its name, or any name that leads somewhere.
    pub model: String,
    /// Members that take the place of the body's.
    pub changes: Option<Document>,
}

/// A base and a key that a caller brings along.
#[derive(Clone, Debug, Default)]
pub struct OwnTarget {
    /// The base URL. No key of ours goes there.
    pub api_base: Option<String>,
    /// The key.
    pub api_key: Option<Secret>,
}

/// A failure that tests ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MockFailure {
    /// The upstream failed.
    Any,
    /// The input was too long.
    ContextWindow,
    /// The content was refused.
    ContentPolicy,
    /// There were too many requests.
    RateLimit,
    /// The answer did not come in time.
    Timeout,
}
