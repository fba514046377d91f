//! Where a provider's credential comes from, asked for each call.

use std::fmt;

use trunkline_core::{Environment, Error, Secret};

use crate::Target;

/// Finds the credential for a call.
pub trait CredentialSource: fmt::Debug + Send + Sync + 'static {
    /// The credential to show upstream. `None` sends the call without one.
    ///
    /// # Errors
    ///
    /// `CredentialMissing` where the upstream is known to want one, `CredentialUnusable` where the one at hand
    /// is known to be of no use.
    fn credential(&self, target: &Target) -> Result<Option<Secret>, Error>;
}

/// The deployment's own key, else that of a variable, else none.
///
/// The variable's key goes to the provider's own base alone: a deployment that names another base must
/// bring its own key.
#[derive(Clone, Debug)]
pub struct DeploymentKey {
    fallback: Option<Secret>,
}

impl DeploymentKey {
    /// Falls back to the first of these variables that is set.
    pub fn or_variables(environment: &Environment, names: &[&str]) -> Self {
        Self { fallback: names.iter().find_map(|name| environment.secret(name)) }
    }

    /// Falls back to this key.
    pub fn or(fallback: Option<Secret>) -> Self {
        Self { fallback }
    }
}

impl CredentialSource for DeploymentKey {
    fn credential(&self, target: &Target) -> Result<Option<Secret>, Error> {
        if let Some(key) = target.api_key.as_ref().filter(|key| !key.is_empty()) {
            return Ok(Some(key.clone()));
        }
        Ok(self.fallback.clone().filter(|_| target.api_base.is_none()))
    }
}
