//! From a model name to a deployment: prefixes, model groups, wildcards, aliases.
//!
//! A [`Router`] is an immutable table of deployments. It knows the provider contract and never a provider.
//! A name is looked up in this order: deployment id, alias, model group, wildcard (the most specific first),
//! the deployments' own model strings, and, where [`RouterBuilder::direct`] allows it, the prefix itself.
//!
//! What a request needs is made with the table, so that a [`Route`] is a handle on it: it costs the same whether a
//! group has one deployment or ten thousand.

mod candidate;
mod deployment;
mod group;
mod listing;
mod nearest;
mod parameters;
mod pattern;
mod route;
mod router;
mod table;
mod wildcards;

pub use candidate::Candidate;
pub use deployment::{Deployment, DeploymentSpec};
pub use listing::ListedModel;
pub use route::Route;
pub use router::{Router, RouterBuilder};
