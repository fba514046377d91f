//! A second deployment asked beside a slow one: the first that answers wins.

use std::time::Duration;

use trunkline_core::{Call, Error};

use crate::attempt::Attempt;
use crate::give::{Given, context, give, prepared};
use crate::group::Group;
use crate::journey::Journey;
use crate::select::Pick;
use crate::skip::Ask;
use crate::{Hedge, Route, Router};

/// The hedging of one request.
#[derive(Debug)]
pub(crate) struct Hedging<'r> {
    group: &'r Group,
    hedge: Hedge,
}

impl<'r> Hedging<'r> {
    /// `None` where a group does not hedge, or has nobody to ask beside the first.
    pub(crate) fn of(router: &Router, route: &'r Route) -> Option<Self> {
        let hedge = router.policy_of(route).hedge?;
        let members = route.members().filter(|members| members.places.len() > 1)?;
        members.group.hedges.count_request();
        Some(Self { group: &members.group, hedge })
    }

    /// How long the first one has. `None` while too little is known.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.hedge.delay.or_else(|| self.group.recent.percentile_95())
    }

    fn take(&self) -> bool {
        self.group.hedges.take(self.hedge.percent_max)
    }
}

impl Router {
    /// Waits for the first one for a while, then asks a second one beside it. Gives the second pick if it was that
    /// which answered.
    pub(crate) async fn race<'r>(
        &self,
        route: &'r Route,
        hedging: Hedging<'_>,
        delay: Duration,
        (place, first): (usize, impl Future<Output = Result<Given, Error>>),
        mut spare: Call,
        journey: &mut Journey<'_>,
    ) -> (Option<Pick<'r>>, Result<Given, Error>) {
        let mut first = std::pin::pin!(first);
        if let Ok(given) = tokio::time::timeout(delay, &mut first).await {
            return (None, given);
        }
        let asked = [place];
        let policy = self.policy_of(route);
        let ask = Ask::new(spare.operation, &spare.body, journey.wishes, policy, &asked);
        let second = self.pick(route, &ask).ok().filter(|_| hedging.take());
        let Some(second) = second.filter(|_| journey.course.attempts < self.routing.attempts_max) else {
            return (None, first.await);
        };
        journey.course.attempts += 1;
        second.candidate.deployment.origin.earn();
        let context = context(&second.candidate, journey);
        let prepared = prepared(&mut spare, &second.candidate, journey.wishes);
        let given = {
            let other = give(&second, context.as_ref(), &prepared, journey.wishes);
            let mut other = std::pin::pin!(other);
            tokio::select! {
                biased;
                given = &mut first => match given {
                    // Whoever fails leaves it to the other.
                    Err(_) => Ok(other.await),
                    given => Err(given),
                },
                given = &mut other => match given {
                    Err(_) => Err(first.await),
                    given => Ok(given),
                },
            }
        };
        match given {
            Ok(of_second) => (Some(second), of_second),
            Err(of_first) => {
                let took = journey.began.elapsed();
                journey.course.failed.push(Attempt::overtaken(route.group(), &second.candidate, took));
                (None, of_first)
            }
        }
    }
}
