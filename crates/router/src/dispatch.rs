//! The walk of a request over deployments and groups: attempts, further attempts, fallbacks.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error, Event, Reply};

use crate::attempt::Attempt;
use crate::class::Class;
use crate::fallbacks::Onward;
use crate::further::{Further, Tried};
use crate::permit::Permit;
use crate::retry_budget::Budget;
use crate::select::{Ask, Pick, Unavailable};
use crate::{Candidate, Policy, Route, Router, Wishes};

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
    deadline: Instant,
    /// Whether there was a wait before the first attempt.
    pub(crate) has_waited: bool,
    /// The origins that were asked.
    origins: Vec<Arc<Budget>>,
    pub(crate) last: Option<(Arc<str>, Candidate)>,
    pub(crate) course: Course,
}

impl Router {
    /// Asks deployments of a route, and of the groups that follow it, until one answers.
    ///
    /// Of a stream the first event is waited for, so that everything before it can be made good elsewhere. The model of
    /// `call` is replaced by each deployment's own; what a deployment adds to bodies is put in.
    ///
    /// # Errors
    ///
    /// The last failure, with all that was tried.
    pub async fn dispatch(&self, route: Route, call: Call, wishes: &Wishes) -> Result<Answer, Failed> {
        let mut journey = Journey::new(&route, wishes);
        let mut call = call;
        let (mut route, mut onward) = (route, None);
        loop {
            let error = match self.ask_group(&route, &mut call, &mut journey).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let onward = onward.get_or_insert_with(|| Onward::new(self, &route, wishes));
            match onward.next(self, &error, &journey, &mut call) {
                Some(next) => route = next,
                None => return Err(journey.failed(error)),
            }
            journey.course.fallbacks += 1;
        }
    }

    /// Asks deployments of one group.
    async fn ask_group(
        &self,
        route: &Route,
        call: &mut Call,
        journey: &mut Journey<'_>,
    ) -> Result<Answer, Error> {
        let policy = self.policy_of(route);
        let mut tried = Tried::default();
        journey.course.retries = 0;
        loop {
            let pick = match self.pick_or_wait(route, call, policy, journey, &tried).await {
                Ok(pick) => pick,
                // What was tried tells more than that nothing is left.
                Err(unavailable) => {
                    return Err(tried.into_last_error().unwrap_or_else(|| unavailable.error(route.group())));
                }
            };
            if !journey.may_ask(&pick, &mut tried) {
                journey.course.is_budget_spent = true;
                return Err(tried.into_last_error().expect("an origin is asked again after it failed"));
            }
            let (place, began) = (pick.place, Instant::now());
            let (error, candidate) = match self.attempt(route, pick, call, journey).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            journey.note(route.group(), &candidate, &error, began.elapsed());
            journey.course.retries_max = journey.retries(policy, &candidate, &error);
            match self.further(route, call, place, &error, &mut tried, journey, policy) {
                Further::Stop => return Err(error),
                Further::Now => {}
                Further::After(wait) => tokio::time::sleep(wait).await,
            }
            tried.note(error);
            journey.course.retries += 1;
        }
    }

    /// Draws a deployment; where none can be asked now, waits as long as the group allows.
    async fn pick_or_wait<'r>(
        &self,
        route: &'r Route,
        call: &Call,
        policy: &Policy,
        journey: &mut Journey<'_>,
        tried: &Tried,
    ) -> Result<Pick<'r>, Unavailable> {
        let queue = route.members().map(|members| &members.group.queue);
        let ask = Ask::new(call.operation, &call.body, journey.wishes, policy, tried.places());
        let may_go_past = queue.is_none_or(|queue| queue.is_empty());
        let unavailable = if may_go_past {
            match self.pick(route, &ask) {
                Ok(pick) => return Ok(pick),
                Err(unavailable) => unavailable,
            }
        } else {
            Unavailable::behind_others()
        };
        let (Some(queue), false) = (queue, policy.queue_wait.is_zero()) else {
            return Err(unavailable);
        };
        if unavailable.returns.is_none() && !unavailable.is_full {
            return Err(unavailable);
        }
        let patience = journey.deadline.min(later(Instant::now(), policy.queue_wait));
        journey.has_waited = true;
        let Some(waiting) = queue.join() else {
            return Err(unavailable);
        };
        let Ok(_turn) = tokio::time::timeout_at(patience, waiting.turn()).await else {
            return Err(unavailable);
        };
        self.wait_for_one(route, &ask, patience).await
    }

    /// Looks for a deployment again and again: whenever one is due back, and whenever a place comes free.
    async fn wait_for_one<'r>(
        &self,
        route: &'r Route,
        ask: &Ask<'_>,
        patience: Instant,
    ) -> Result<Pick<'r>, Unavailable> {
        let freed = self.states.freed.watch();
        loop {
            // Whatever is told from here on counts, so that nothing is missed between the look and the wait.
            let told = freed.told();
            let mut told = std::pin::pin!(told);
            told.as_mut().enable();
            let unavailable = match self.pick(route, ask) {
                Ok(pick) => return Ok(pick),
                Err(unavailable) => unavailable,
            };
            let until = unavailable.returns.map_or(patience, |returns| returns.min(patience));
            if Instant::now() >= patience {
                return Err(unavailable);
            }
            tokio::select! {
                () = told => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}

impl<'w> Journey<'w> {
    fn new(route: &Route, wishes: &'w Wishes) -> Self {
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
    fn may_ask(&mut self, pick: &Pick<'_>, tried: &mut Tried) -> bool {
        let origin = &pick.candidate.deployment.origin;
        if self.origins.iter().any(|asked| Arc::ptr_eq(asked, origin)) {
            return !tried.has_failed() || origin.spend();
        }
        origin.earn();
        // Nobody looks at it before there was a failure.
        if tried.has_failed() || !self.origins.is_empty() {
            self.origins.push(Arc::clone(origin));
        }
        true
    }

    fn note(&mut self, group: &Arc<str>, candidate: &Candidate, error: &Error, took: Duration) {
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

    fn failed(self, error: Error) -> Failed {
        Failed { error, last: self.last, course: self.course }
    }
}

/// A wait that is too long for the clock is no wait at all.
fn later(now: Instant, wait: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now + wait.min(LONG)
}

/// The call as a deployment gets it: its own spelling of the model, what it adds to the body put in.
pub(crate) fn prepared<'c>(call: &'c mut Call, candidate: &Candidate, wishes: &Wishes) -> Cow<'c, Call> {
    call.model = Arc::clone(&candidate.upstream_model);
    // What the deployment adds may hold keys, which no base of a caller's gets.
    let is_elsewhere = wishes.own_target.as_ref().is_some_and(|own| own.api_base.is_some());
    if is_elsewhere || !candidate.deployment.adds_to_bodies() {
        return Cow::Borrowed(call);
    }
    let mut own = call.clone();
    candidate.deployment.complete(own.operation, &mut own.body);
    Cow::Owned(own)
}
