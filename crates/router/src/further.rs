//! Whether a failed attempt is followed by another one, and when.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error, ErrorKind, Retry};

use crate::class::Class;
use crate::fallbacks::has_own_list;
use crate::journey::Journey;
use crate::retry_budget::Budget;
use crate::skip::{Ask, first_back, skip};
use crate::{Candidate, Policy, Route, Router, Wishes};

/// The first wait before the same deployment is asked again.
const BACK_OFF: Duration = Duration::from_millis(500);

/// The longest one.
const BACK_OFF_MAX: Duration = Duration::from_secs(8);

/// An upstream that wants to be left alone for longer is not waited for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// The least share of a wait that chance leaves of it.
const JITTER: f64 = 0.75;

/// What follows a failed attempt.
pub(crate) enum Further {
    /// Nothing in this group.
    Stop,
    /// Nothing, because nothing is left to pay for it.
    Unpaid,
    /// Another one, elsewhere.
    Now,
    /// Another one, after a rest for whoever is asked again.
    After(Duration),
}

/// Where a request has been in one group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tried {
    /// Deployments that are not asked again: those that refused for good, and, while there are others, those that
    /// failed.
    places: Vec<usize>,
    /// Nor those before this one: their levels are left.
    left_to: usize,
    /// Of them, those that may answer the next time.
    may_again: Vec<usize>,
    /// Origins where nothing is left to pay for a further attempt.
    unpaid: Vec<Arc<Budget>>,
    /// Whether the request was counted among those that may be hedged.
    is_counted: bool,
}

impl Tried {
    /// What decides between the deployments that are left.
    pub(crate) fn ask<'a>(&'a self, call: &'a Call, wishes: &'a Wishes, policy: &'a Policy) -> Ask<'a> {
        Ask::new(call.operation, &call.body, wishes, policy, &self.places).past(&self.unpaid, self.left_to)
    }

    /// The same, and a place that is being asked.
    pub(crate) fn and(&self, place: usize) -> Self {
        let mut tried = self.clone();
        tried.places.push(place);
        tried
    }

    /// Notes who failed, and whether that may be asked again.
    pub(crate) fn note(&mut self, place: usize, error: &Error) {
        self.places.push(place);
        if !matches!(advice(error), Retry::NextTarget | Retry::Never) {
            self.may_again.push(place);
        }
    }

    /// Counts the request in this group. True the first time.
    pub(crate) fn count(&mut self) -> bool {
        !std::mem::replace(&mut self.is_counted, true)
    }

    /// Passes an origin by, because nothing is left to pay for an attempt there.
    pub(crate) fn pass_by(&mut self, candidate: &Candidate) {
        self.unpaid.push(Arc::clone(&candidate.deployment.origin));
    }

    pub(crate) fn has_passed_by(&self) -> bool {
        !self.unpaid.is_empty()
    }

    /// None of those before this place is asked again.
    pub(crate) fn leave(&mut self, left_to: usize) {
        self.left_to = left_to;
        self.may_again.retain(|place| *place >= left_to);
        self.places.retain(|place| *place >= left_to);
    }
}

impl Router {
    /// Decides what follows a failure at a place, and notes it in `tried`.
    #[expect(clippy::too_many_arguments, reason = "it is the one place where all of them meet")]
    pub(crate) fn further(
        &self,
        route: &Route,
        call: &Call,
        place: usize,
        error: &Error,
        tried: &mut Tried,
        journey: &mut Journey<'_>,
        policy: &Policy,
    ) -> Further {
        let is_promised = self.is_promised(route, error, journey, policy);
        let advice = if is_promised { Retry::SameTarget } else { advice(error) };
        let is_last = journey.course.retries >= journey.course.retries_max
            || journey.course.attempts >= self.routing.attempts_max
            || journey.left().is_zero();
        if advice == Retry::Never || is_last {
            return Further::Stop;
        }
        tried.note(place, error);
        if is_promised {
            tried.may_again.push(place);
        }
        let has_another = route.members().is_some_and(|members| {
            let ask = tried.ask(call, journey.wishes, policy);
            let mut others = members.places.clone().filter(|other| *other != place);
            others.any(|other| skip(route, members, other, &ask).is_none())
        });
        if has_another {
            return Further::Now;
        }
        if tried.may_again.is_empty() {
            return Further::Stop;
        }
        let again = std::mem::take(&mut tried.may_again);
        tried.places.retain(|place| !again.contains(place));
        tried.unpaid.clear();
        let wait = match advice {
            Retry::After(wait) if wait > RETRY_AFTER_MAX => return Further::Stop,
            Retry::After(wait) if !wait.is_zero() => wait.max(policy.back_off_min),
            _ => self.back_off(journey.course.retries).max(policy.back_off_min),
        };
        // A wait is of no use to anybody if it outlasts the request, or ends while all are still left alone.
        let until = Instant::now() + wait.max(policy.queue_wait);
        let rests = route.members().and_then(|members| {
            let ask = tried.ask(call, journey.wishes, policy);
            first_back(route, members, &ask)
        });
        if wait >= journey.left() || rests.is_some_and(|back| back > until) {
            return Further::Stop;
        }
        let mut origins = again.iter().filter_map(|&place| Some(route.at(place)?.deployment.origin.clone()));
        if origins.any(|origin| journey.may_ask_later(&origin)) {
            Further::After(wait)
        } else {
            Further::Unpaid
        }
    }

    /// Whether `retry_policy` has a number for a refusal that is not tried again otherwise. Content that is refused goes
    /// to its own fallbacks where there are some, as at LiteLLM.
    fn is_promised(&self, route: &Route, error: &Error, journey: &Journey<'_>, policy: &Policy) -> bool {
        let is_asked_for =
            || policy.retries_by_class.get(Class::of(error)).is_some_and(|retries| retries > 0);
        if journey.wishes.mock_failure.is_some() {
            return false;
        }
        match error.kind() {
            ErrorKind::UpstreamInvalidRequest => is_asked_for(),
            ErrorKind::ContentPolicy => {
                is_asked_for() && !has_own_list(&self.routing.fallbacks, route.group(), journey.wishes)
            }
            _ => false,
        }
    }

    fn back_off(&self, retries: u32) -> Duration {
        let wait = BACK_OFF.saturating_mul(1 << retries.min(8)).min(BACK_OFF_MAX);
        wait.mul_f64(JITTER + (1.0 - JITTER) * self.random.share())
    }
}

/// What an error says about trying again. Nothing of the reply has gone to the caller yet, so that one which was cut
/// can be had anew.
fn advice(error: &Error) -> Retry {
    match error.kind() {
        ErrorKind::UpstreamCut => Retry::SameTarget,
        _ => error.retry(),
    }
}
