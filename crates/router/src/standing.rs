//! How each deployment stands, for whoever watches a router.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::health::Look;
use crate::rested::Rested;
use crate::{Deployment, Router};

/// How a deployment stands, and what became of it since the start.
#[derive(Clone, Debug)]
pub struct DeploymentStanding {
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// Whether it is in service.
    pub service: Service,
    /// How often it, its credential or one of its models was left alone, by what had gone wrong.
    pub rests: Vec<(Rested, u64)>,
    /// Calls that are open.
    pub calls: usize,
    /// Requests that it answers in a minute, if that is limited.
    pub requests_per_minute_max: Option<u64>,
    /// Tokens that it reads and writes in a minute, if that is limited.
    pub tokens_per_minute_max: Option<u64>,
}

/// Whether a deployment is in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It is.
    Healthy,
    /// For some of its models, or on trial after a rest.
    Partial,
    /// It is left alone.
    Outage,
}

impl Router {
    /// How every deployment stands now, by model group.
    pub fn standings(&self) -> impl Iterator<Item = DeploymentStanding> {
        self.deployments().map(standing)
    }
}

fn standing(deployment: &Arc<Deployment>) -> DeploymentStanding {
    let state = &deployment.state;
    let looks = [state.own().health.look(), deployment.account.health.look()];
    let service = if looks.iter().any(|look| matches!(look, Look::Resting(_))) {
        Service::Outage
    } else if looks.contains(&Look::MayBeBack) || state.has_a_model_at_rest() {
        Service::Partial
    } else {
        Service::Healthy
    };
    DeploymentStanding {
        deployment: Arc::clone(deployment),
        service,
        rests: state.rests(),
        calls: state.in_flight.load(Ordering::Relaxed),
        requests_per_minute_max: deployment.rates.requests,
        tokens_per_minute_max: deployment.rates.tokens,
    }
}
