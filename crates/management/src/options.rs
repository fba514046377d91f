//! How keys and their owners are managed: defaults, bounds, and who serves deployments.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use trunkline_core::Error;

use crate::StoredModel;

/// How keys and their owners are managed.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a new key has where its request does not say: LiteLLM's `default_key_generate_params`. Default nothing.
    pub key_defaults: Map<String, Value>,
    /// What no key may have more of, and what it has where its request does not say: LiteLLM's
    /// `upperbound_key_generate_params`. Default nothing.
    pub key_bounds: Map<String, Value>,
    /// What a new user has where its request does not say: LiteLLM's `default_internal_user_params`. Default nothing.
    pub user_defaults: Map<String, Value>,
    /// What a new team has where its request does not say: LiteLLM's `default_team_params`. Default nothing.
    pub team_defaults: Map<String, Value>,
    /// What all callers together may spend, in US dollars, as `/global/spend` tells it: LiteLLM's `max_budget`. It limits
    /// nothing here. Default none.
    pub max_budget: Option<Decimal>,
    /// How many sums an answer about spend is made of at most: what would be made of more is refused. Default 100,000.
    pub sums_max: u64,
    /// How long an answer may take before it is given up. Default 10 s.
    pub deadline: Duration,
    /// Who serves deployments that are added while the gateway runs: LiteLLM's `store_model_in_db`. Default nobody: none
    /// can be added.
    pub deployments: Option<Arc<dyn Deployments>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            key_defaults: Map::new(),
            key_bounds: Map::new(),
            user_defaults: Map::new(),
            team_defaults: Map::new(),
            max_budget: None,
            sums_max: 100_000,
            deadline: Duration::from_secs(10),
            deployments: None,
        }
    }
}

/// Serves deployments that are added while the gateway runs.
pub trait Deployments: fmt::Debug + Send + Sync + 'static {
    /// Says whether a deployment could be served, before it is kept: a row of `model_list`.
    ///
    /// # Errors
    ///
    /// `InvalidRequest`, with what is wrong about it.
    fn check(&self, deployment: &StoredModel) -> Result<(), Error>;

    /// Is told that deployments were added, changed or taken away, after that is in the store.
    fn changed(&self);
}
