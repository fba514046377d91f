//! Leave to ask a deployment: what was reserved for a call, given back when its reply has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error, ErrorKind, Wait};

use crate::health::{Claim, Health, Look, Rules, counts_against};
use crate::notice::Whom;
use crate::places::Place;
use crate::rested::Rested;
use crate::retry_budget::Payer;
use crate::speed::Until;
use crate::state::{Freed, Standing, StandingOf};
use crate::window::Taken;
use crate::wishes::OwnWaits;
use crate::{Candidate, Deployment, Policy, StrategyKind, Wishes};

/// What a timeout counts as among the times of answers. LiteLLM's figure.
const TIMEOUT_COUNTS_AS: Duration = Duration::from_secs(1_000);

/// Leave to ask a deployment. It travels with the reply, and is given back when that has ended or is dropped.
#[derive(Debug)]
pub struct Permit {
    deployment: Arc<Deployment>,
    /// The model, where the deployment has many.
    model: Option<Arc<str>>,
    policy: Arc<Policy>,
    is_alone: bool,
    /// Whether this call finds out if the deployment is back. Until there is a word, nobody else may, for a while.
    probe: Option<Probe>,
    taken: Option<Taken>,
    place: Option<Place>,
    freed: Option<Arc<Freed>>,
    has_begun: bool,
    /// Whether the call was counted when its reply began.
    is_counted: bool,
    /// The same of a reply that began without a word, since it has spoken.
    is_counted_late: Option<Arc<AtomicBool>>,
    /// Whether it goes to a base or with a key of the caller's own.
    is_caller_s: bool,
    /// The waits that the request cut short, by its own word or by what was left of its time.
    own_waits: OwnWaits,
    /// When they end: that for the whole, and that for the first event.
    own_ends: [Option<Instant>; 2],
    /// Whether it is about an object that the caller named, and not about the model.
    is_about_object: bool,
    /// What its time is the time of, where somebody wants to know.
    measures: Option<Until>,
    given: Instant,
}

/// What is reserved for a call before it is made.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    pub(crate) probe: Option<Probe>,
    pub(crate) taken: Option<Taken>,
    pub(crate) place: Option<Place>,
    pub(crate) freed: Option<Arc<Freed>>,
}

/// The claim of a call that finds out if the deployment is back.
#[derive(Debug)]
pub(crate) struct Probe {
    standing: StandingOf,
    claim: Claim,
}

impl Probe {
    /// Claims to find out. `None` if somebody else does.
    pub(crate) fn of(standing: StandingOf) -> Option<Self> {
        let claim = standing.health.claim_probe()?;
        Some(Self { standing, claim })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.standing.health.release(self.claim);
    }
}

impl Permit {
    pub(crate) fn new(
        candidate: &Candidate,
        policy: &Arc<Policy>,
        is_alone: bool,
        reserved: Reserved,
        wishes: &Wishes,
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
            is_counted: false,
            is_counted_late: None,
            is_caller_s: wishes.own_target.is_some(),
            own_waits: wishes.own_waits(&candidate.deployment.context().target.send.waits),
            own_ends: [None; 2],
            is_about_object: false,
            measures: None,
            given: Instant::now(),
        }
    }

    /// Notes what it is used for.
    pub(crate) fn for_call(&mut self, call: &Call, wishes: &Wishes, deadline: Instant) {
        self.is_about_object = call.operation.is_about_object();
        self.measures = self.policy.measures_speed().then(|| Until::of(call.streaming()));
        let Wishes { timeout, first_event_timeout, .. } = wishes;
        if timeout.is_some() || first_event_timeout.is_some() {
            // A whole reply has no first event that it could be late with.
            let first_event = first_event_timeout.filter(|_| call.streaming());
            self.own_ends =
                [timeout.map(|_| deadline), first_event.and_then(|wait| self.given.checked_add(wait))];
        }
    }

    /// Notes that the request leaves it less time than it would have otherwise.
    pub(crate) fn ends_early(&mut self, deadline: Instant, is_before_first_event: bool) {
        self.own_waits.add(Wait::Total);
        if is_before_first_event {
            self.own_waits.add(Wait::FirstEvent);
        }
        self.own_ends[0] = Some(deadline);
    }

    /// Of whom the log is told.
    fn whom(&self) -> Whom<'_> {
        Whom { deployment: &self.deployment, model: self.model.as_deref() }
    }

    /// Takes back what was reserved for a call that is not made.
    pub(crate) fn take_back(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.deployment.state.window.give_back(taken);
        }
    }

    /// When it was given.
    pub(crate) fn given(&self) -> Instant {
        self.given
    }

    /// How long ago it was given.
    pub(crate) fn age(&self) -> Duration {
        self.given.elapsed()
    }

    /// What its time is the time of, where somebody wants to know.
    pub(crate) fn measures(&self) -> Option<Until> {
        self.measures
    }

    /// Notes that the reply has begun, after so long.
    pub(crate) fn began(&mut self, took: Duration) {
        self.has_begun = true;
        if !self.is_caller_s {
            let (model, measures) = (self.model.as_ref(), self.measures);
            self.is_counted = note_success(&self.deployment, model, measures, self.given, took);
        }
        drop(self.probe.take());
    }

    /// Notes that the reply had to begin before it said anything. Whether the deployment is back is as open as before;
    /// what is given back tells of it, when the reply speaks.
    pub(crate) fn began_silently(&mut self) -> Option<Success> {
        self.has_begun = true;
        drop(self.probe.take());
        if self.is_caller_s {
            return None;
        }
        let is_counted = Arc::default();
        self.is_counted_late = Some(Arc::clone(&is_counted));
        Some(Success {
            deployment: Arc::clone(&self.deployment),
            model: self.model.clone(),
            measures: self.measures,
            given: self.given,
            is_counted,
        })
    }

    /// Notes that the call failed, before its reply or within it. Tells for how long the deployment rests now, if it
    /// does. What a caller brought about, by a wait, a base or a key, says nothing about the deployment.
    pub fn failed(&mut self, error: &Error) -> Option<Duration> {
        let is_own_wait = self.is_own_wait(error);
        let is_caller_s = self.is_caller_s || is_own_wait;
        self.whom().failed(error, self.age(), is_caller_s);
        // Whoever answered nothing has used nothing, unless nobody waited for it. A stream that was cut has, and keeps
        // what was reserved until it is known how much of it there was.
        if !self.has_begun {
            if is_own_wait { self.gave(0) } else { self.used(0) }
        }
        if is_caller_s {
            return None;
        }
        if !self.has_begun {
            self.note_timeout(error);
        }
        let rules = Rules {
            policy: &self.policy,
            cooldown: self.deployment.cooldown,
            is_alone: self.is_alone,
            model: self.deployment.only_model().filter(|_| !self.is_about_object),
            sent: self.given,
            is_counted: self.is_counted
                || self.is_counted_late.as_ref().is_some_and(|is_counted| is_counted.load(Ordering::Acquire)),
        };
        let rests = |health: &Health| self.probe.is_none() && matches!(health.look(), Look::Resting(_));
        // A credential serves many models: it rests, and not the one that was asked for.
        let (has_rested, rest) = if error.is_credential_fault() {
            let rest = self.policy.rest(self.deployment.cooldown);
            let has_rested = rests(&self.deployment.account.health);
            if !rest.is_zero() {
                self.deployment.account.health.rest(rest);
            }
            // Where there is no other, it is asked all the same.
            (has_rested, (!rest.is_zero() && !self.is_alone).then_some(rest))
        } else {
            let state = &self.deployment.state;
            let fail = |health: &Health| (rests(health), health.failed(error, rules));
            match &self.model {
                None => fail(&state.own().health),
                Some(model) => match state.known(model) {
                    Some(standing) => fail(&standing.health),
                    // Nothing is kept of a model for what a caller did wrong: it may have invented the name.
                    None if !counts_against(error, rules) => (false, None),
                    None => fail(&state.of_model(model).health),
                },
            }
        };
        if let Some(rest) = rest {
            self.whom().rests(error, rest, has_rested);
        }
        drop(self.probe.take());
        if rest.is_some() {
            self.deployment.state.note_rest(Rested::after(error));
        }
        rest
    }

    /// Notes that the reply came to its end, and told there of this failure: `response.failed`. As
    /// [`failed`](Self::failed), but for an object that is looked up again: it may have failed long ago.
    pub fn told_failure(&mut self, kind: ErrorKind) -> Option<Duration> {
        if self.is_about_object {
            return None;
        }
        self.failed(&Error::new(kind, "the reply told of a failure").having_reached_upstream())
    }

    /// On whose account an attempt goes that follows this failure.
    pub(crate) fn payer(&self, error: &Error) -> Payer {
        if self.is_caller_s || self.is_own_wait(error) { Payer::Caller } else { Payer::Origin }
    }

    /// Whether a wait that the request cut short has run out. A status is the upstream's own word, and a shorter wait of
    /// the deployment's is kept whatever the caller says.
    fn is_own_wait(&self, error: &Error) -> bool {
        if let Some(wait) = error.wait() {
            return self.own_waits.hold(wait);
        }
        let [total, first_event] = self.own_ends;
        let waits = [total, first_event.filter(|_| !self.has_begun)];
        error.kind() == ErrorKind::UpstreamTimeout
            && error.upstream_status().is_none()
            && waits.into_iter().flatten().any(|end| Instant::now() >= end)
    }

    /// Notes that no answer came in time, as a very slow one, where the fastest are looked for.
    fn note_timeout(&self, error: &Error) {
        let is_compared = matches!(self.policy.strategy, StrategyKind::LatencyBased { .. });
        if !is_compared || error.kind() != ErrorKind::UpstreamTimeout {
            return;
        }
        let Some(until) = self.measures else { return };
        match &self.model {
            None => self.deployment.state.own().speed.note(TIMEOUT_COUNTS_AS, until),
            Some(model) => self.deployment.state.of_model(model).speed.note(TIMEOUT_COUNTS_AS, until),
        }
    }

    /// Notes what the call used, in the place of what was reserved for it.
    pub fn used(&mut self, tokens: u64) {
        if let Some(taken) = self.taken.take() {
            self.deployment.state.window.correct(taken, tokens);
        }
    }

    /// Notes about how much output there was, of a call of which nobody says what it used: with its input it takes the
    /// place of what was reserved, if that is more.
    pub fn gave(&mut self, output_tokens: u64) {
        if let Some(taken) = self.taken.take() {
            self.deployment.state.window.correct(taken, taken.used_after(output_tokens));
        }
    }
}

/// An answer that is to be noted when it comes.
#[derive(Debug)]
pub(crate) struct Success {
    deployment: Arc<Deployment>,
    model: Option<Arc<str>>,
    measures: Option<Until>,
    given: Instant,
    is_counted: Arc<AtomicBool>,
}

impl Success {
    pub(crate) fn note(self) {
        let (model, took) = (self.model.as_ref(), self.given.elapsed());
        let is_counted = note_success(&self.deployment, model, self.measures, self.given, took);
        self.is_counted.store(is_counted, Ordering::Release);
    }
}

/// Notes an answer, to a call that was sent then, with the deployment or its model. False if there is nothing to note
/// of the model.
fn note_success(
    deployment: &Deployment,
    model: Option<&Arc<str>>,
    measures: Option<Until>,
    sent: Instant,
    took: Duration,
) -> bool {
    let whom = || Whom { deployment, model: model.map(|model| &**model) };
    if deployment.account.accepted(sent) {
        whom().credential_is_back();
    }
    let note = |standing: &Standing| {
        if standing.health.succeeded(sent) {
            whom().is_back();
        }
        if let Some(until) = measures {
            standing.speed.note(took, until);
        }
    };
    match model {
        None => note(deployment.state.own()),
        Some(model) if measures.is_some() => note(&deployment.state.of_model(model)),
        // A model of which there is nothing to say stays so.
        Some(model) => match deployment.state.known(model) {
            Some(standing) => note(&standing),
            None => return false,
        },
    }
    true
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.deployment.state.in_flight.fetch_sub(1, Ordering::Relaxed);
        drop(self.place.take());
        drop(self.probe.take());
        // Nobody has said what it used. It was given up before there was a reply, or may have used all.
        if let Some(taken) = self.taken.take() {
            let used = if self.has_begun { taken.all() } else { taken.used_after(0) };
            self.deployment.state.window.correct(taken, used);
        }
        if let Some(freed) = &self.freed {
            freed.tell();
        }
    }
}
