//! What a round of probes found.

use std::sync::Arc;

use trunkline_router::Deployment;

/// What was found of one deployment.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) outcome: Outcome,
}

/// How a probe went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Healthy,
    /// What it failed of.
    Unhealthy(String),
    /// Why it was not asked.
    NotProbed(&'static str),
}
