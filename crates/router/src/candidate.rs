//! A deployment that can answer to a name.

use std::sync::Arc;

use trunkline_core::Error;
use trunkline_provider::{Capabilities, Provider, Registry};

use crate::Deployment;
use crate::deployment::{Upstream, unknown_prefix};
use crate::pattern::{Captures, filled};

/// A deployment that can answer, with its stars filled.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// The provider that it calls.
    pub provider: Arc<dyn Provider>,
    /// The provider's prefix.
    pub prefix: Arc<str>,
    /// The model, in the upstream's own spelling.
    pub upstream_model: Arc<str>,
}

impl Candidate {
    /// A deployment with its stars filled, by nothing where nothing was captured.
    ///
    /// # Errors
    ///
    /// `UnknownModel` where the asked-for name decides on the provider, and begins with no known prefix.
    pub(crate) fn new(
        deployment: &Arc<Deployment>,
        captures: Option<Captures<'_, '_>>,
        registry: &Registry,
    ) -> Result<Self, Error> {
        match &deployment.upstream {
            Upstream::Fixed { provider, model } => Ok(Self::fixed(deployment, provider, model, captures)),
            Upstream::ByName => {
                let model = filled(&deployment.model, captures.into_iter().flatten());
                let found = registry.find(&model);
                let (registration, rest) = found.ok_or_else(|| unknown_prefix(&model, registry))?;
                Ok(Self {
                    deployment: Arc::clone(deployment),
                    provider: Arc::clone(&registration.provider),
                    prefix: Arc::clone(&registration.prefix),
                    upstream_model: rest.into(),
                })
            }
        }
    }

    /// A deployment with nothing to fill its stars. `None` where the asked-for name decides on the provider.
    pub(crate) fn ready(deployment: &Arc<Deployment>) -> Option<Self> {
        match &deployment.upstream {
            Upstream::Fixed { provider, model } => Some(Self::fixed(deployment, provider, model, None)),
            Upstream::ByName => None,
        }
    }

    fn fixed(
        deployment: &Arc<Deployment>,
        provider: &Arc<dyn Provider>,
        model: &Arc<str>,
        captures: Option<Captures<'_, '_>>,
    ) -> Self {
        let upstream_model = if model.contains('*') {
            filled(model, captures.into_iter().flatten())
        } else {
            Arc::clone(model)
        };
        Self {
            deployment: Arc::clone(deployment),
            provider: Arc::clone(provider),
            prefix: Arc::clone(&deployment.prefix),
            upstream_model,
        }
    }

    /// What the provider can do with the model.
    pub fn capabilities(&self) -> Capabilities {
        self.provider.capabilities(&self.upstream_model)
    }
}
