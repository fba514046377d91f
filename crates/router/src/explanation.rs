//! What would become of a request: the answer to "why this route?".

mod text;

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_provider::Waits;

use crate::health::milliseconds;
use crate::{Policy, Skip};

pub(crate) use text::{further_attempts, seconds};

/// What would become of a request. `Display` tells it to people, [`to_json`](Self::to_json) to programs.
///
/// Nothing in it is secret: no key, of a base no more than scheme, host and port, nothing of the body.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The name that was asked for.
    pub model: String,
    /// How it was found.
    pub resolved: Resolved,
    /// Configured names that are spelled nearly so, where a wildcard caught it: one of them may have been meant.
    pub near: Vec<String>,
    /// The model group that it leads to.
    pub group: Arc<str>,
    /// How the group is served.
    pub policy: Policy,
    /// The same in words.
    pub policy_words: Vec<String>,
    /// About how many tokens the input has.
    pub input_tokens: u64,
    /// Who could answer, in their order.
    pub candidates: Vec<ExplainedCandidate>,
    /// How many more there are, too many to tell.
    pub left_out: usize,
    /// Who is the likeliest to be asked now.
    pub next: Option<Arc<str>>,
    /// Who keeps the beginning of this conversation, where it is long enough to matter.
    pub kept_by: Option<Arc<str>>,
    /// Requests that wait for a deployment of the group, and go before this one.
    pub waiting: usize,
    /// What the caller would be told if nobody could be asked now.
    pub refusal: Option<String>,
    /// Attempts in the group after the first one.
    pub retries: u32,
    /// For the whole, all attempts included.
    pub total: Duration,
    /// Who would be asked if the group failed.
    pub fallbacks: ExplainedFallbacks,
}

/// How a name was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It is a deployment's id.
    DeploymentId,
    /// It is an alias of this name.
    Alias(String),
    /// It is a model group.
    Group,
    /// It matches this pattern of a group.
    Wildcard(String),
    /// It is the model string of deployments.
    ModelString,
    /// It begins with a provider's prefix, and nothing is configured.
    Prefix,
}

/// Somebody who could answer.
#[derive(Clone, Debug)]
pub struct ExplainedCandidate {
    /// The deployment's id.
    pub deployment: Arc<str>,
    /// The provider's prefix.
    pub provider: Arc<str>,
    /// The model, in the upstream's spelling.
    pub upstream_model: Arc<str>,
    /// Where its base is: scheme, host and port. `None` for the provider's own.
    pub origin: Option<String>,
    /// Its level: lower ones go first.
    pub order: i64,
    /// Its part of the weights of its level, of those that may be asked. 0 to 1.
    pub share: f64,
    /// How likely it is to be asked first, now. 0 to 1.
    pub chance: f64,
    /// Why it would be passed by, if so.
    pub skip: Option<Skip>,
    /// Whether there is a credential for it, or none is needed.
    pub has_credential: bool,
    /// How long it is still left alone after failures; zero if one request may find out whether it is back.
    pub rest: Option<Duration>,
    /// Calls that it has open.
    pub in_flight: usize,
    /// As many as it may have open.
    pub in_flight_max: Option<usize>,
    /// Requests and tokens of its minute, each where it is counted: of what has a limit.
    pub used: (Option<u64>, Option<u64>),
    /// Requests and tokens that it may have in a minute.
    pub limits: (Option<u64>, Option<u64>),
    /// How long it takes to answer, where that is measured and was.
    pub answers_in: Option<Duration>,
    /// The longest input that it takes, in tokens.
    pub input_tokens_max: Option<u64>,
    /// Tags by which requests reach it.
    pub tags: Vec<String>,
    /// The price of a token in and a token out together, in US dollars.
    pub price: Option<Decimal>,
    /// How long each part of a call to it may take.
    pub waits: Waits,
}

/// The groups that would follow, by what went wrong.
#[derive(Clone, Debug, Default)]
pub struct ExplainedFallbacks {
    /// Why none would, whatever is configured.
    pub off: Option<&'static str>,
    /// After a failure.
    pub general: Vec<Follower>,
    /// After an input that is too long.
    pub context_window: Vec<Follower>,
    /// After a refusal of the content.
    pub content_policy: Vec<Follower>,
}

/// A name that stands in a list of fallbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    /// The name.
    pub model: String,
    /// The group that it leads to. `None` if it leads nowhere.
    pub group: Option<Arc<str>>,
    /// How many deployments that has.
    pub deployments: usize,
    /// Why it would not be asked.
    pub passed_by: Option<&'static str>,
}

impl Explanation {
    /// The explanation as a JSON object. Times are in milliseconds.
    pub fn to_json(&self) -> Value {
        let candidates: Vec<Value> = self.candidates.iter().map(ExplainedCandidate::to_json).collect();
        let followers = |list: &[Follower]| list.iter().map(Follower::to_json).collect::<Vec<_>>();
        let fallbacks = &self.fallbacks;
        json!({
            "model": self.model,
            "resolved": self.resolved.to_json(),
            "near": self.near,
            "group": &*self.group,
            "strategy": self.policy.strategy.name(),
            "policy": self.policy_words,
            "input_tokens": self.input_tokens,
            "next": self.next.as_deref(),
            "kept_by": self.kept_by.as_deref(),
            "waiting": self.waiting,
            "refusal": self.refusal,
            "candidates": candidates,
            "candidates_left_out": self.left_out,
            "retries": self.retries,
            "total_ms": milliseconds(self.total),
            "queue_wait_ms": milliseconds(self.policy.queue_wait),
            "cooldown_ms": milliseconds(self.policy.cooldown),
            "hedging": self.policy.hedge.is_some(),
            "fallbacks": {
                "off": fallbacks.off,
                "general": followers(&fallbacks.general),
                "context_window": followers(&fallbacks.context_window),
                "content_policy": followers(&fallbacks.content_policy),
            },
        })
    }
}

impl Resolved {
    fn to_json(&self) -> Value {
        match self {
            Self::DeploymentId => json!({ "by": "deployment_id" }),
            Self::Alias(of) => json!({ "by": "alias", "of": of }),
            Self::Group => json!({ "by": "group" }),
            Self::Wildcard(pattern) => json!({ "by": "wildcard", "pattern": pattern }),
            Self::ModelString => json!({ "by": "model_string" }),
            Self::Prefix => json!({ "by": "prefix" }),
        }
    }
}

impl ExplainedCandidate {
    fn to_json(&self) -> Value {
        json!({
            "deployment": &*self.deployment,
            "provider": &*self.provider,
            "upstream_model": &*self.upstream_model,
            "origin": self.origin,
            "order": (self.order != i64::MAX).then_some(self.order),
            "share": self.share,
            "chance": self.chance,
            "passed_by": self.skip.map(|skip| skip.to_string()),
            "has_credential": self.has_credential,
            "rest_ms": self.rest.map(milliseconds),
            "in_flight": self.in_flight,
            "max_parallel_requests": self.in_flight_max,
            "requests_of_minute": self.used.0,
            "tokens_of_minute": self.used.1,
            "rpm": self.limits.0,
            "tpm": self.limits.1,
            "answers_in_ms": self.answers_in.map(milliseconds),
            "max_input_tokens": self.input_tokens_max,
            "tags": self.tags,
            "price_of_two_tokens": self.price.map(|price| price.normalize().to_string()),
            "waits_ms": {
                "connect": milliseconds(self.waits.connect),
                "first_event": milliseconds(self.waits.first_event),
                "idle": milliseconds(self.waits.idle),
                "total": milliseconds(self.waits.total),
            },
        })
    }
}

impl Follower {
    fn to_json(&self) -> Value {
        json!({
            "model": self.model,
            "group": self.group.as_deref(),
            "deployments": self.deployments,
            "passed_by": self.passed_by,
        })
    }
}
