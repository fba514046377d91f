//! From a model name to a deployment: prefixes, model groups, wildcards, aliases.
//!
//! A [`Router`] is an immutable table of deployments. It knows the provider contract and never a provider.
//! A name is looked up in this order: deployment id, alias, model group, wildcard (the most specific first),
//! the deployments' own model strings, and, where [`RouterBuilder::direct`] allows it, the prefix itself.

mod deployment;
mod listing;
mod nearest;
mod parameters;
mod pattern;
mod router;
mod table;

pub use deployment::{Deployment, DeploymentSpec};
pub use listing::ListedModel;
pub use router::{Candidate, Route, Router, RouterBuilder};
