//! The walk of a request over deployments and groups: attempts, further attempts, fallbacks.

use tokio::time::Instant;
use trunkline_core::{Call, Error};

use crate::ask::Unanswered;
use crate::fallbacks::Onward;
use crate::further::{Further, Tried};
use crate::journey::{Journey, later};
use crate::queue::Waiting;
use crate::route::Members;
use crate::select::Pick;
use crate::skip::{Ask, Unavailable};
use crate::want::{key, want};
use crate::{Answer, Course, Failed, Policy, Route, Router, Wishes};

impl Router {
    /// Asks deployments of a route, and of the groups that follow it, until one answers.
    ///
    /// Of a stream the first event is waited for, so that everything before it can be made good elsewhere. The model of
    /// `call` is replaced by each deployment's own; what a deployment adds to bodies is put in.
    ///
    /// # Errors
    ///
    /// The last failure, with all that was tried.
    pub async fn dispatch(&self, route: &Route, call: &mut Call, wishes: &Wishes) -> Result<Answer, Failed> {
        self.dispatch_noting(route, call, wishes, &mut Course::default()).await
    }

    /// The same, for who wants to know what was tried even if it stops waiting: what is dropped before its end leaves
    /// that in `course`, and as the last attempt the one that was under way. Whatever has ended takes it along.
    ///
    /// # Errors
    ///
    /// As [`dispatch`](Self::dispatch).
    pub async fn dispatch_noting(
        &self,
        route: &Route,
        call: &mut Call,
        wishes: &Wishes,
        course: &mut Course,
    ) -> Result<Answer, Failed> {
        let mut journey = Journey::new(self.routing.total, wishes, course);
        let mut unavailable = match self.ask_group(route, call, &mut journey).await {
            Ok(answer) => return Ok(answer),
            Err(unavailable) => unavailable,
        };
        let mut onward = Onward::new(route);
        while let Some(next) = onward.next(self, unavailable.as_ref(), &journey, call) {
            journey.course.fallbacks += 1;
            unavailable = match self.ask_group(&next, call, &mut journey).await {
                Ok(answer) => return Ok(answer),
                Err(now) => unavailable.or(now),
            };
        }
        Err(journey.failed(unavailable))
    }

    /// Asks deployments of one group.
    ///
    /// # Errors
    ///
    /// Why none could be asked, where that is so. What those that were asked failed of is noted in `journey`.
    async fn ask_group(
        &self,
        route: &Route,
        call: &mut Call,
        journey: &mut Journey<'_>,
    ) -> Result<Answer, Option<Error>> {
        let policy = self.policy_of(route);
        let mut tried = Tried::default();
        journey.course.retries = 0;
        loop {
            let mut pick = match self.pick_now(route, call, policy, journey, &tried) {
                Ok(pick) => pick,
                // Who is told no for want of pay is told at once.
                Err(_) if tried.has_passed_by() => {
                    journey.course.is_budget_spent = true;
                    return Err(None);
                }
                Err(unavailable) => {
                    // Few groups let anybody wait, and what it takes is not to be carried about with every request.
                    let waiting = self.wait(route, call, policy, journey, &tried, unavailable);
                    let unavailable = |unavailable: Unavailable| unavailable.error(route.group());
                    Box::pin(waiting).await.map_err(unavailable)?
                }
            };
            if !journey.may_ask(&pick.candidate) {
                pick.permit.take_back();
                tried.pass_by(&pick.candidate);
                if route.members().is_some() {
                    continue;
                }
                journey.course.is_budget_spent = true;
                return Err(None);
            }
            let Unanswered { error, candidate, place, payer, took } =
                match self.attempt(route, pick, call, journey, &mut tried).await {
                    Ok(answer) => return Ok(answer),
                    Err(unanswered) => unanswered,
                };
            journey.course.retries_max = journey.retries(policy, &candidate, &error);
            journey.note_origin(&candidate, &error, payer);
            let further = self.further(route, call, place, &error, &mut tried, journey, policy);
            let attempt = self.failed(route.group(), &candidate, (call, journey.wishes), (&error, took));
            journey.note(route.group(), &candidate, attempt, error);
            match further {
                Further::Stop if self.next_level(route, call, place, &mut tried, journey, policy) => continue,
                Further::Stop => return Err(None),
                Further::Unpaid => {
                    journey.course.is_budget_spent = true;
                    return Err(None);
                }
                Further::Now => {}
                Further::After(wait) => journey.rest(wait).await,
            }
            // A rest can end late.
            if journey.left().is_zero() {
                return Err(None);
            }
            journey.course.retries += 1;
        }
    }

    /// Draws a deployment, of those that nobody waits for.
    fn pick_now<'r>(
        &self,
        route: &'r Route,
        call: &Call,
        policy: &Policy,
        journey: &Journey<'_>,
        tried: &Tried,
    ) -> Result<Pick<'r>, Unavailable> {
        let ask = tried.ask(call, journey.wishes, policy);
        match route.members().filter(|members| !members.group.queue.is_empty()) {
            None => self.pick(route, &ask),
            Some(members) => self.pick_past(members, route, ask),
        }
    }

    /// Draws one that is of no use to whoever waits.
    #[cold]
    fn pick_past<'r>(
        &self,
        members: &Members,
        route: &'r Route,
        mut ask: Ask<'_>,
    ) -> Result<Pick<'r>, Unavailable> {
        let Some(others) = members.group.queue.others(&key(members, &ask)) else {
            return Err(Unavailable::behind_others());
        };
        ask.others = Some(others);
        let picked = self.pick(route, &ask);
        if picked.is_err() && ask.others.is_some_and(|others| others.has_kept()) {
            // Whoever was given precedence may not know yet that there is something to have.
            self.states.freed.tell();
        }
        picked
    }

    /// Waits for a deployment as long as the group allows.
    async fn wait<'r>(
        &self,
        route: &'r Route,
        call: &Call,
        policy: &Policy,
        journey: &mut Journey<'_>,
        tried: &Tried,
        unavailable: Unavailable,
    ) -> Result<Pick<'r>, Unavailable> {
        let (Some(members), Some(patience)) = (route.members(), patience(policy, journey)) else {
            return Err(unavailable);
        };
        let began = Instant::now();
        // Nobody waits for a rest that is longer than the wait.
        if !unavailable.may_end_by(patience) {
            return Err(unavailable);
        }
        let ask = tried.ask(call, journey.wishes, policy);
        let (key, want, queue) = (key(members, &ask), want(route, members, &ask), &members.group.queue);
        let Some(waiting) = queue.join(key, want, ask.tokens(), &self.states.freed) else {
            return Err(unavailable);
        };
        journey.has_waited = true;
        let waited = match tokio::time::timeout_at(patience, waiting.turn()).await {
            Ok(()) => self.wait_for_one(route, ask, &waiting, patience).await,
            Err(_) => Err(unavailable),
        };
        let took = began.elapsed();
        journey.waited += took;
        journey.course.lost += took;
        match waited {
            // It came with the end of the request, and whoever is asked now could only fail.
            Ok(mut pick) if journey.left().is_zero() => {
                pick.permit.take_back();
                Err(Unavailable::behind_others())
            }
            waited => waited,
        }
    }

    /// Looks for a deployment again and again: whenever one is due back, and whenever a place comes free.
    async fn wait_for_one<'r>(
        &self,
        route: &'r Route,
        mut ask: Ask<'_>,
        waiting: &Waiting<'_>,
        patience: Instant,
    ) -> Result<Pick<'r>, Unavailable> {
        let freed = self.states.freed.watch();
        loop {
            // Whatever is told from here on counts, so that nothing is missed between the look and the wait.
            let told = freed.told();
            let mut told = std::pin::pin!(told);
            told.as_mut().enable();
            ask.others = Some(waiting.others());
            let unavailable = match self.pick(route, &ask) {
                Ok(pick) => return Ok(pick),
                Err(unavailable) => unavailable,
            };
            let until = unavailable.returns.map_or(patience, |returns| returns.min(patience));
            if Instant::now() >= patience || !unavailable.may_end_by(patience) {
                return Err(unavailable);
            }
            tokio::select! {
                () = told => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}

/// Until when a request can wait for a deployment. However often it is tried and wherever it is led to, it waits no longer
/// than the group allows in all. `None` if it cannot wait.
pub(crate) fn patience(policy: &Policy, journey: &Journey<'_>) -> Option<Instant> {
    let left = policy.queue_wait.saturating_sub(journey.waited);
    (!left.is_zero()).then(|| journey.deadline.min(later(Instant::now(), left)))
}
