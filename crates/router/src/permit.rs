//! Leave to ask a deployment: what was reserved for a call, given back when its reply has ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use trunkline_core::Error;

use crate::health::Rules;
use crate::state::{Freed, Standing, StandingOf};
use crate::window::Taken;
use crate::{Candidate, Deployment, Policy};

/// Leave to ask a deployment. It travels with the reply, and is given back when that has ended or is dropped.
#[derive(Debug)]
pub struct Permit {
    deployment: Arc<Deployment>,
    /// The model, where the deployment has many.
    model: Option<Arc<str>>,
    policy: Arc<Policy>,
    is_alone: bool,
    /// Whether this call finds out if the deployment is back. Until there is a word, nobody else may.
    probe: Option<StandingOf>,
    taken: Option<Taken>,
    place: Option<OwnedSemaphorePermit>,
    freed: Option<Arc<Freed>>,
    has_begun: bool,
    given: Instant,
}

/// What is reserved for a call before it is made.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    pub(crate) probe: Option<StandingOf>,
    pub(crate) taken: Option<Taken>,
    pub(crate) place: Option<OwnedSemaphorePermit>,
    pub(crate) freed: Option<Arc<Freed>>,
}

impl Permit {
    pub(crate) fn new(
        candidate: &Candidate,
        policy: &Arc<Policy>,
        is_alone: bool,
        reserved: Reserved,
    ) -> Self {
        let deployment = Arc::clone(&candidate.deployment);
        deployment.state.in_flight.fetch_add(1, Ordering::Relaxed);
        let model = deployment.has_many_models().then(|| Arc::clone(&candidate.upstream_model));
        let Reserved { probe, taken, place, freed } = reserved;
        Self {
            deployment,
            model,
            policy: Arc::clone(policy),
            is_alone,
            probe,
            taken,
            place,
            freed,
            has_begun: false,
            given: Instant::now(),
        }
    }

    /// Takes back what was reserved for a call that is not made.
    pub(crate) fn take_back(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.deployment.state.window.give_back(taken);
        }
    }

    /// How long ago it was given.
    pub(crate) fn age(&self) -> Duration {
        self.given.elapsed()
    }

    /// Notes that the reply has begun, after so long.
    pub(crate) fn began(&mut self, took: Duration) {
        self.has_begun = true;
        self.deployment.account.accepted();
        let measures = self.policy.measures_speed();
        match &self.model {
            None => note_success(self.deployment.state.own(), measures.then_some(took)),
            Some(model) if measures => {
                note_success(&self.deployment.state.of_model(model), Some(took));
            }
            // A model of which there is nothing to say stays so.
            Some(model) => {
                if let Some(standing) = self.deployment.state.known(model) {
                    note_success(&standing, None);
                }
            }
        }
        if let Some(probe) = self.probe.take() {
            probe.health.release();
        }
    }

    /// Notes that the call failed, before its reply or within it. Tells for how long the deployment rests now, if it
    /// does.
    pub fn failed(&mut self, error: &Error) -> Option<Duration> {
        // Whoever answered nothing has used nothing. A stream that was cut has, and keeps what was reserved.
        if !self.has_begun {
            self.used(0);
        }
        let rules = Rules {
            policy: &self.policy,
            cooldown: self.deployment.cooldown,
            is_alone: self.is_alone,
            is_wildcard: self.model.is_some(),
        };
        // A credential serves many models: it rests, and not the one that was asked for.
        let rest = if error.is_credential_fault() {
            let rest = self.deployment.cooldown.unwrap_or(self.policy.cooldown);
            let rest = (!rest.is_zero() && !self.is_alone).then_some(rest);
            rest.inspect(|rest| self.deployment.account.health.rest(*rest))
        } else {
            match &self.model {
                None => self.deployment.state.own().health.failed(error, rules),
                Some(model) => self.deployment.state.of_model(model).health.failed(error, rules),
            }
        };
        if let Some(probe) = self.probe.take() {
            probe.health.release();
        }
        rest
    }

    /// Notes what the call used, in the place of what was reserved for it.
    pub fn used(&mut self, tokens: u64) {
        if let Some(taken) = self.taken.take() {
            self.deployment.state.window.correct(taken, tokens);
        }
    }
}

fn note_success(standing: &Standing, took: Option<Duration>) {
    standing.health.succeeded();
    if let Some(took) = took {
        standing.speed.note(took);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.deployment.state.in_flight.fetch_sub(1, Ordering::Relaxed);
        drop(self.place.take());
        if let Some(probe) = self.probe.take() {
            probe.health.release();
        }
        if let Some(freed) = &self.freed {
            freed.tell();
        }
    }
}
