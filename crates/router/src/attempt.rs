//! What was tried for a request, and how it went.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use trunkline_core::{Cost, Error, ErrorKind, ServiceTier, Usage};
use trunkline_prices::Price;

use crate::Candidate;

/// One try at one target that brought no reply.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The model group.
    pub group: Arc<str>,
    /// The deployment's id.
    pub deployment: Arc<str>,
    /// Its model group, as it is configured: a wildcard is the pattern.
    pub deployment_group: Arc<str>,
    /// The provider's prefix.
    pub provider: Arc<str>,
    /// The model, in the upstream's spelling.
    pub upstream_model: Arc<str>,
    /// The upstream's status, where it sent one.
    pub status: Option<StatusCode>,
    /// What went wrong. `None` for one that was given up: another was faster, or nobody waited any more.
    pub failure: Option<ErrorKind>,
    /// From sending until it was over.
    pub duration: Duration,
    /// About what it used, where it was asked in earnest and given up, or broke off: its input, read though nobody waits for
    /// more, and of a whole reply what may be written by then, unless another was faster.
    pub usage: Option<Usage>,
    /// What that costs, where the price is known.
    pub cost: Option<Cost>,
    /// The upstream's own id of it, where it was told before it broke off.
    pub generation_id: Option<String>,
}

impl Attempt {
    pub(crate) fn failed(group: &Arc<str>, candidate: &Candidate, error: &Error, duration: Duration) -> Self {
        Self {
            status: error.upstream_status(),
            failure: Some(error.kind()),
            generation_id: error.generation_id().map(str::to_owned),
            ..Self::overtaken(group, candidate, duration)
        }
    }

    /// One that was given up, because another answered first or nobody waited any more.
    pub(crate) fn overtaken(group: &Arc<str>, candidate: &Candidate, duration: Duration) -> Self {
        Self {
            group: Arc::clone(group),
            deployment: Arc::clone(&candidate.deployment.id),
            deployment_group: Arc::clone(&candidate.deployment.group),
            provider: Arc::clone(&candidate.prefix),
            upstream_model: Arc::clone(&candidate.upstream_model),
            status: None,
            failure: None,
            duration,
            usage: None,
            cost: None,
            generation_id: None,
        }
    }

    /// Notes about how much it had used when it was given up, and what that costs at the tier that was asked for.
    pub(crate) fn having_used(mut self, usage: Usage, (price, tier): (Option<&Price>, ServiceTier)) -> Self {
        self.cost = price.and_then(|price| price.cost_at(&usage, tier));
        self.usage = Some(usage);
        self
    }
}
