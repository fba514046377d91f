//! What a round of probes found.

use std::sync::Arc;

use trunkline_router::Deployment;

/// What was found of one deployment.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) deployment: Arc<Deployment>,
    /// What it failed of. `None` if it answered.
    pub(crate) failure: Option<String>,
}
