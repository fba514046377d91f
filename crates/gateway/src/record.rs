//! What is noted of a request: opened when it is admitted, settled when its reply ends, whatever happens.

mod log_recorder;
mod open;
mod spend;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use rust_decimal::Decimal;
use trunkline_core::{Cost, ErrorKind, Fault, Observation};
use trunkline_keys::{Identity, SoftBudgetPassed};
use trunkline_router::Attempt;

pub use log_recorder::LogRecorder;
pub(crate) use open::OpenRecord;

/// Everything that is noted of one request. No prompt, no reply and no key is part of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The id under which the caller knows the request.
    pub call_id: String,
    /// What was asked: `chat_completions`, `GET /v1/models`.
    pub operation: Cow<'static, str>,
    /// The path of the operation, as the list of endpoints has it. `None` for what asks no model.
    pub route: Option<&'static str>,
    /// When it was accepted.
    pub started: Instant,
    /// The model that the caller named.
    pub model: Option<String>,
    /// The virtual key that asked. `None` of the master key and of local callers.
    pub identity: Option<Arc<Identity>>,
    /// The end user on whose behalf the caller asked, where the request says so.
    pub user: Option<String>,
    /// What the request is tagged with, by itself and by its key.
    pub tags: Vec<String>,
    /// The model group that the name leads to, as it is configured: a wildcard is the pattern.
    pub asked_group: Option<Arc<str>>,
    /// The model group that answered, or that was asked last. Of a wildcard it is the name that was asked for.
    pub group: Option<Arc<str>>,
    /// The deployment that was called.
    pub deployment: Option<Arc<str>>,
    /// Its model group, as it is configured.
    pub deployment_group: Option<Arc<str>>,
    /// The provider's prefix.
    pub provider: Option<Arc<str>>,
    /// The model in the upstream's spelling.
    pub upstream_model: Option<Arc<str>>,
    /// The attempts that brought no reply, in order.
    pub failed_attempts: Vec<Attempt>,
    /// How often upstreams were asked.
    pub attempts: u32,
    /// Attempts after the first one, in the group that was asked last.
    pub retries: u32,
    /// Groups that were asked after the first one.
    pub fallbacks: u32,
    /// Whether the reply was a stream.
    pub streamed: bool,
    /// The status that the caller was sent.
    pub status: Option<StatusCode>,
    /// How it ended. `None` until it has.
    pub outcome: Option<Outcome>,
    /// What it failed of, where that was not the caller's doing.
    pub error: Option<Box<ErrorText>>,
    /// Whether a further attempt was due, and the retry budget of its origin was spent.
    pub is_retry_budget_spent: bool,
    /// From sending upstream until the whole reply, or until the first event of a stream.
    pub upstream_duration: Option<Duration>,
    /// From accepting until the reply could begin.
    pub until_reply: Option<Duration>,
    /// What of that neither upstreams took nor waits.
    pub overhead: Option<Duration>,
    /// From accepting until the end.
    pub duration: Option<Duration>,
    /// The key of the kept reply that it was answered with. `None` of one that was asked of an upstream.
    pub cache_key: Option<String>,
    /// Whether a kept reply was looked for, and there was none; it is `false` of what was refused then.
    pub is_cache_miss: bool,
    /// Tokens, and the upstream's id of the call.
    pub observation: Observation,
    /// Whether the tokens are an estimate, because the stream ended before the upstream told them.
    pub usage_is_estimated: bool,
    /// Whether the cost is what a call of an unknown price is taken to cost, because nobody told it.
    pub cost_is_estimated: bool,
    /// What it cost: as the upstream reported it, else by the price of the deployment or of its model, else unknown.
    pub cost: Option<Cost>,
}

impl Record {
    /// Of a request that was accepted now, and of which nothing else is known yet.
    pub fn opened(call_id: String, operation: Cow<'static, str>) -> Self {
        Self {
            call_id,
            operation,
            route: None,
            started: Instant::now(),
            model: None,
            identity: None,
            user: None,
            tags: Vec::new(),
            asked_group: None,
            group: None,
            deployment: None,
            deployment_group: None,
            provider: None,
            upstream_model: None,
            failed_attempts: Vec::new(),
            attempts: 0,
            retries: 0,
            fallbacks: 0,
            streamed: false,
            status: None,
            outcome: None,
            error: None,
            is_retry_budget_spent: false,
            upstream_duration: None,
            until_reply: None,
            overhead: None,
            duration: None,
            cache_key: None,
            is_cache_miss: false,
            observation: Observation::default(),
            usage_is_estimated: false,
            cost_is_estimated: false,
            cost: None,
        }
    }

    /// What the attempts cost that were given up because another answered first: an estimate of their input.
    pub fn cost_of_attempts(&self) -> Option<Decimal> {
        self.failed_attempts
            .iter()
            .filter_map(|attempt| attempt.cost.as_ref()?.spend())
            .reduce(Decimal::saturating_add)
            .map(|sum| sum.normalize())
    }

    /// How it ended, in the words of the log.
    pub(crate) fn outcome_text(&self) -> Cow<'static, str> {
        match self.outcome {
            Some(Outcome::Completed) | None => Cow::Borrowed("completed"),
            Some(Outcome::Failed(kind)) => Cow::Owned(format!("failed: {kind:?}")),
            Some(Outcome::CallerGone) => Cow::Borrowed("caller gone"),
        }
    }

    /// Whether it failed, and not by the caller's doing: such a request is logged as a warning.
    pub(crate) fn is_warning(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Failed(kind)) if kind.fault() != Fault::Caller)
    }

    /// What it cost, without zeros behind the last figure.
    pub(crate) fn spend(&self) -> Option<Decimal> {
        self.cost.as_ref().and_then(Cost::spend).map(|spend| spend.normalize())
    }

    /// How often upstreams were asked, where that was more than once.
    pub(crate) fn attempts_told(&self) -> Option<u64> {
        (self.attempts > 1).then_some(self.attempts.into())
    }

    /// How long it took, in whole microseconds.
    pub(crate) fn microseconds(&self) -> Option<f64> {
        self.duration.map(|duration| (duration.as_secs_f64() * 1e6).round())
    }
}

/// What a request failed of, for the log alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorText {
    /// The message.
    pub message: String,
    /// The causes behind it in one line, the nearest first.
    pub causes: Option<String>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The reply went out whole, its terminal event included.
    Completed,
    /// It failed, before the reply or in the middle of it.
    Failed(ErrorKind),
    /// The caller left before the end.
    CallerGone,
}

impl Outcome {
    /// Its name, as the ledger has it: `completed`, `failed`, `caller_gone`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::CallerGone => "caller_gone",
        }
    }

    /// What it failed of.
    pub fn failure(self) -> Option<ErrorKind> {
        match self {
            Self::Failed(kind) => Some(kind),
            Self::Completed | Self::CallerGone => None,
        }
    }
}

/// Where records go when they are settled. Called once for each request, on the request's own task.
pub trait Recorder: fmt::Debug + Send + Sync + 'static {
    /// Takes note of a request that has come. What is known of it is told when it ends. Does nothing by default.
    fn opened(&self) {}

    /// Takes note of a request that has ended.
    fn settled(&self, record: &Record);

    /// Takes note of a soft budget that somebody has passed. Does nothing by default. Whoever hands records on hands it on.
    fn soft_budget_passed(&self, _passed: &SoftBudgetPassed) {}
}

/// Logs that a soft budget is passed.
pub(crate) fn log_passed(passed: &SoftBudgetPassed) {
    tracing::warn!(
        subject.kind = passed.kind.name(),
        key.hash = passed.token.map(|token| token.to_string()),
        key.alias = passed.key_alias.as_deref(),
        user.id = passed.user_id.as_deref().or(passed.customer.as_deref()),
        team.id = passed.team_id.as_deref(),
        tag = passed.tag.as_deref(),
        spend = %passed.spent.normalize(),
        budget.soft = %passed.soft_budget.normalize(),
        budget.max = passed.max_budget.map(|max| max.normalize().to_string()),
        "soft budget passed: {passed}"
    );
}
