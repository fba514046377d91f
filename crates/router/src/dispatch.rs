//! The walk of a request over deployments and groups: attempts, further attempts, fallbacks.

use tokio::time::Instant;
use trunkline_core::{Call, Error};

use crate::fallbacks::Onward;
use crate::further::{Further, Tried};
use crate::journey::{Journey, later};
use crate::select::Pick;
use crate::skip::{Ask, Unavailable};
use crate::{Answer, Failed, Policy, Route, Router, Wishes};

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
            if !journey.may_ask(&pick, tried.has_failed()) {
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
