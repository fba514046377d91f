//! From a model name to a reply: groups of deployments, attempts, fallbacks, limits, health.
//!
//! A [`Router`] is an immutable table of deployments. It knows the provider contract and never a provider.
//! A name is looked up in this order: deployment id, alias, model group, wildcard (the most specific first),
//! the deployments' own model strings, and, where [`RouterBuilder::direct`] allows it, the prefix itself.
//!
//! What a request needs is made with the table, so that a [`Route`] is a handle on it: it costs the same whether a
//! group has one deployment or ten thousand. [`Router::dispatch`] asks the deployments of a route, as its group's
//! [`Policy`] says; what is learned of them meanwhile outlives the table ([`RouterBuilder::succeeding`]).

mod affinity;
mod ask;
mod attempt;
mod base;
mod candidate;
mod class;
mod dearest;
mod deployment;
mod dispatch;
mod distinct;
mod estimate;
mod explain;
mod explanation;
mod failures;
mod fallbacks;
mod first_events;
mod further;
mod give;
mod group;
mod health;
mod hedge;
mod held;
mod journey;
mod late_events;
mod leaving;
mod listing;
mod missing_model;
mod nearest;
mod next_level;
mod notice;
mod parameters;
mod pattern;
mod permit;
mod places;
mod policy;
mod policy_words;
mod price_list;
mod probe;
mod queue;
mod race;
mod random;
mod repricing;
mod rested;
mod retry_budget;
mod route;
mod router;
mod select;
mod skip;
mod speed;
mod standing;
mod state;
mod strategy;
mod table;
mod tags;
mod want;
mod wildcards;
mod window;
mod wishes;

pub use attempt::Attempt;
pub use candidate::Candidate;
pub use class::{Class, PerClass};
pub use dearest::Dearest;
pub use deployment::Probing;
pub use deployment::{Deployment, DeploymentSpec};
pub use explanation::{ExplainedCandidate, ExplainedFallbacks, Explanation, Follower, Resolved};
pub use journey::{Answer, Course, Failed};
pub use listing::ListedModel;
pub use permit::Permit;
pub use policy::{Fallbacks, Hedge, Policy, RetryBudget, Routing, StrategyKind};
pub use probe::Probed;
pub use rested::Rested;
pub use route::Route;
pub use router::{Router, RouterBuilder};
pub use skip::Skip;
pub use standing::{DeploymentStanding, Service};
pub use wishes::{Fallback, MockFailure, OwnTarget, Reach, Wishes};
