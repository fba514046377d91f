//! What a request asks of the router, beside its model and its body.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Body, Document, Secret, Wait};
use trunkline_provider::Waits;

use crate::Route;

/// What a request asks of the router. The default asks for nothing: groups are served as they are configured.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Attempts in each group after the first one.
    pub retries: Option<u32>,
    /// Until the end of the reply, whatever is tried meanwhile.
    pub timeout: Option<Duration>,
    /// Until the first event of a stream, for each attempt.
    pub first_event_timeout: Option<Duration>,
    /// Until a connection stands, where that is shorter than what the deployment has.
    pub connect_timeout: Option<Duration>,
    /// Between two pieces of a reply, likewise.
    pub idle_timeout: Option<Duration>,
    /// What is asked when the group fails, in the place of what is configured.
    pub fallbacks: Option<Vec<Fallback>>,
    /// The same for an input that is too long for the model.
    pub context_window_fallbacks: Option<Vec<Fallback>>,
    /// The same for a refusal of the content.
    pub content_policy_fallbacks: Option<Vec<Fallback>>,
    /// Whether no other group is asked.
    pub no_fallbacks: bool,
    /// Tags that choose among deployments, where the group looks at them.
    pub tags: Vec<String>,
    /// Which groups may stand in for the one that is asked. `None` is all.
    pub reach: Option<Arc<dyn Reach>>,
    /// Who asks: conversations of two tenants are never taken for one.
    pub tenant: u64,
    /// The id of the only deployment that can answer.
    pub deployment: Option<String>,
    /// A base and a key of the caller's own.
    pub own_target: Option<OwnTarget>,
    /// After how long a stream must have begun, with or without an event: what fails later is told in the stream.
    pub begin_within: Option<Duration>,
    /// A failure that is put in the place of the first attempt's answer.
    pub mock_failure: Option<MockFailure>,
    /// How long the first attempt is put off, within the time that the request has.
    pub mock_delay: Option<Duration>,
}

/// What a caller may reach.
pub trait Reach: fmt::Debug + Send + Sync {
    /// Whether it may reach this group, which the name leads to.
    fn holds(&self, name: &str, route: &Route) -> bool;
}

impl Wishes {
    /// The fallbacks that the request names itself.
    pub(crate) fn own_fallbacks(&self) -> impl Iterator<Item = &Fallback> {
        let lists = [&self.fallbacks, &self.context_window_fallbacks, &self.content_policy_fallbacks];
        lists.into_iter().flatten().flatten()
    }

    /// Whether a group may stand in for the one that is asked.
    pub(crate) fn reach(&self, name: &str, route: &Route) -> bool {
        self.reach.as_ref().is_none_or(|reach| reach.holds(name, route))
    }

    /// What is left of a deployment's waits, where the request says something of them.
    pub(crate) fn narrow(&self, waits: &mut Waits) {
        waits.total = self.timeout.unwrap_or(waits.total);
        waits.first_event = self.first_event_timeout.unwrap_or(waits.first_event);
        waits.connect = self.connect_timeout.map_or(waits.connect, |own| own.min(waits.connect));
        waits.idle = self.idle_timeout.map_or(waits.idle, |own| own.min(waits.idle));
    }

    /// Whether it says nothing of waits.
    pub(crate) fn leaves_waits(&self) -> bool {
        self.timeout.is_none()
            && self.first_event_timeout.is_none()
            && self.connect_timeout.is_none()
            && self.idle_timeout.is_none()
    }

    /// Which of a deployment's waits are the request's own.
    pub(crate) fn own_waits(&self, waits: &Waits) -> OwnWaits {
        let shortens = |own: Option<Duration>, most| own.is_some_and(|own| own < most);
        let bit = |wait, is_own: bool| if is_own { OwnWaits::bit(wait) } else { 0 };
        OwnWaits(
            bit(Wait::Connect, shortens(self.connect_timeout, waits.connect))
                | bit(Wait::FirstEvent, self.first_event_timeout.is_some())
                | bit(Wait::Idle, shortens(self.idle_timeout, waits.idle))
                | bit(Wait::Total, self.timeout.is_some()),
        )
    }
}

/// The waits of a call that its request has set, a bit for each: it travels with every reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnWaits(u8);

impl OwnWaits {
    const fn bit(wait: Wait) -> u8 {
        1 << wait as u8
    }

    /// Adds one that ends with the request.
    pub(crate) fn add(&mut self, wait: Wait) {
        self.0 |= Self::bit(wait);
    }

    /// Whether this is one of them: when it has run out, that says nothing about who was asked.
    pub(crate) fn hold(self, wait: Wait) -> bool {
        self.0 & Self::bit(wait) != 0
    }
}

/// A model group that is asked when another one failed.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// Its name, or any name that leads somewhere.
    pub model: String,
    /// Members that take the place of the body's.
    pub changes: Option<Document>,
}

impl Fallback {
    /// The body as it is to be there. `None` if it stays as it is.
    pub(crate) fn changed(&self, body: &Body) -> Option<Body> {
        let (Some(changes), Body::Document(document)) = (&self.changes, body) else { return None };
        let mut changed = document.clone();
        for name in changes.names() {
            if let Some(value) = changes.raw_bytes(&name) {
                changed.set_raw(&name, value);
            }
        }
        Some(Body::Document(changed))
    }
}

/// A base and a key that a caller brings along.
#[derive(Clone, Debug, Default)]
pub struct OwnTarget {
    /// The base URL. No key of ours goes there.
    pub api_base: Option<String>,
    /// The key.
    pub api_key: Option<Secret>,
}

/// A failure that tests ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MockFailure {
    /// The upstream failed.
    Any,
    /// The input was too long.
    ContextWindow,
    /// The content was refused.
    ContentPolicy,
    /// There were too many requests.
    RateLimit,
    /// The answer did not come in time.
    Timeout,
}
