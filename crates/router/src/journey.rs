//! A request under way: what it may still do, what was tried, and how it ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Error, Event, Reply};

use crate::attempt::Attempt;
use crate::class::Class;
use crate::permit::Permit;
use crate::retry_budget::Budget;
use crate::select::Pick;
use crate::{Candidate, Policy, Route, Wishes};

/// What a request was answered with, and by whom.
#[derive(Debug)]
pub struct Answer {
    /// The reply. Of a stream, `first` was taken from it already.
    pub reply: Reply,
    /// The first events of a stream. `None` for a whole reply, and for a stream that had to begin without one.
    pub first: Option<Vec<Event>>,
    /// The deployment that answered.
    pub candidate: Candidate,
    /// Its model group.
    pub group: Arc<str>,
    /// From sending until the whole reply, or until the first event of a stream.
    pub duration: Duration,
    /// How it came to that.
    pub course: Course,
    /// To be kept until the reply has ended.
    pub permit: Permit,
}

/// Why a request was not answered.
#[derive(Debug)]
pub struct Failed {
    /// The last thing that went wrong.
    pub error: Error,
    /// The deployment that was asked last, with its group, if any was.
    pub last: Option<(Arc<str>, Candidate)>,
    /// How it came to that.
    pub course: Course,
}

/// How a request came to its end.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// How often deployments were asked.
    pub attempts: u32,
    /// The attempts that brought no reply, in order.
    pub failed: Vec<Attempt>,
    /// Attempts after the first one, in the group that was asked last.
    pub retries: u32,
    /// The further attempts that this group would have had.
    pub retries_max: u32,
    /// Groups that were asked after the first one.
    pub fallbacks: u32,
    /// Whether a further attempt was due, and there was nothing left to pay for it.
    pub is_budget_spent: bool,
}

/// A request under way.
pub(crate) struct Journey<'w> {
    pub(crate) wishes: &'w Wishes,
    pub(crate) began: Instant,
    /// When the reply must have ended.
    pub(crate) deadline: Instant,
    /// Whether there was a wait before the first attempt.
    pub(crate) has_waited: bool,
    /// The origins that were asked.
    origins: Vec<Arc<Budget>>,
    pub(crate) last: Option<(Arc<str>, Candidate)>,
    pub(crate) course: Course,
}

impl<'w> Journey<'w> {
    pub(crate) fn new(route: &Route, wishes: &'w Wishes) -> Self {
        let began = Instant::now();
        let total = route.first().deployment.context().target.send.waits.total;
        let deadline = later(began, wishes.timeout.unwrap_or(total));
        let (origins, course) = (Vec::new(), Course::default());
        Self { wishes, began, deadline, has_waited: false, origins, last: None, course }
    }

    /// What is left of the time for the whole.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Pays for an attempt: the first at an origin is free and earns, further ones are paid from what was earned.
    pub(crate) fn may_ask(&mut self, pick: &Pick<'_>, has_failed: bool) -> bool {
        let origin = &pick.candidate.deployment.origin;
        if self.origins.iter().any(|asked| Arc::ptr_eq(asked, origin)) {
            return !has_failed || origin.spend();
        }
        origin.earn();
        // Nobody looks at it before there was a failure.
        if has_failed || !self.origins.is_empty() {
            self.origins.push(Arc::clone(origin));
        }
        true
    }

    pub(crate) fn note(&mut self, group: &Arc<str>, candidate: &Candidate, error: &Error, took: Duration) {
        let origin = &candidate.deployment.origin;
        if !self.origins.iter().any(|asked| Arc::ptr_eq(asked, origin)) {
            self.origins.push(Arc::clone(origin));
        }
        self.course.failed.push(Attempt::failed(group, candidate, error, took));
        self.last = Some((Arc::clone(group), candidate.clone()));
    }

    /// Further attempts after this failure: the request's own word, the deployment's, the group's.
    pub(crate) fn retries(&self, policy: &Policy, candidate: &Candidate, error: &Error) -> u32 {
        let of_deployment = candidate.deployment.retries;
        self.wishes.retries.or(of_deployment).unwrap_or_else(|| policy.retries_after(Class::of(error)))
    }

    pub(crate) fn failed(self, error: Error) -> Failed {
        Failed { error, last: self.last, course: self.course }
    }
}

/// A wait that is too long for the clock is no wait at all.
pub(crate) fn later(now: Instant, wait: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now + wait.min(LONG)
}
