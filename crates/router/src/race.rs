//! A second deployment asked beside a slow one: the first that answers wins.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error};

use crate::attempt::Attempt;
use crate::estimate::input_tokens;
use crate::give::{Given, context, give, note_failure, prepare};
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
    /// Asks the one that was picked; when it is slow, a second one beside it. Gives who answered, or who failed last,
    /// and notes the other.
    pub(crate) async fn race<'r>(
        &'r self,
        route: &'r Route,
        hedging: Hedging<'r>,
        pick: Pick<'r>,
        call: &mut Call,
        journey: &mut Journey<'_>,
    ) -> (Pick<'r>, Result<Given, Error>) {
        let wishes = journey.wishes;
        let context_of_first = context(&pick.candidate, journey);
        let (began, delay) = (Instant::now(), hedging.delay());
        let mut spare = call.clone();
        let own_of_first = prepare(call, &pick.candidate, wishes);
        let raced = 'race: {
            let first =
                give(&pick, context_of_first.as_ref(), own_of_first.as_deref().unwrap_or(call), wishes);
            let mut first = std::pin::pin!(first);
            let Some(delay) = delay else { break 'race Raced::Alone(first.await) };
            if let Ok(given) = tokio::time::timeout(delay, &mut first).await {
                break 'race Raced::Alone(given);
            }
            let Some(second) = self.second(route, &hedging, pick.place, &spare, journey) else {
                break 'race Raced::Alone(first.await);
            };
            let context_of_second = context(&second.candidate, journey);
            let own_of_second = prepare(&mut spare, &second.candidate, wishes);
            let faster = {
                let call = own_of_second.as_deref().unwrap_or(&spare);
                let other = give(&second, context_of_second.as_ref(), call, wishes);
                faster(first, std::pin::pin!(other)).await
            };
            Raced::Two(second, faster)
        };
        let (second, faster) = match raced {
            Raced::Alone(given) => return (pick, given),
            Raced::Two(second, faster) => (second, faster),
        };
        let (mut loser, winner, given, error) = match faster {
            Faster { is_second: true, given, other } => (pick, second, given, other),
            Faster { is_second: false, given, other } => (second, pick, given, other),
        };
        let (group, took) = (route.group(), began.elapsed());
        journey.course.failed.push(match error {
            Some(error) => {
                note_failure(&mut loser, &error);
                Attempt::failed(group, &loser.candidate, &error, took)
            }
            // It was given up with all that it held. Its upstream has read the input by then, and bills it.
            None => {
                let price = self.price_of(&loser.candidate);
                let tokens = input_tokens(&spare.body);
                Attempt::overtaken(group, &loser.candidate, took).having_read(tokens, price.as_deref())
            }
        });
        (winner, given)
    }

    /// Draws the second one, if there may be one.
    fn second<'r>(
        &self,
        route: &'r Route,
        hedging: &Hedging<'_>,
        first: usize,
        call: &Call,
        journey: &mut Journey<'_>,
    ) -> Option<Pick<'r>> {
        if journey.course.attempts >= self.routing.attempts_max {
            return None;
        }
        let (asked, policy) = ([first], self.policy_of(route));
        let ask = Ask::new(call.operation, &call.body, journey.wishes, policy, &asked);
        let mut second = self.pick(route, &ask).ok()?;
        if !hedging.take() {
            second.permit.take_back();
            return None;
        }
        journey.course.attempts += 1;
        second.candidate.deployment.origin.earn();
        second.permit.for_call(call);
        Some(second)
    }
}

/// Who took part.
enum Raced<'r> {
    Alone(Result<Given, Error>),
    Two(Pick<'r>, Faster),
}

/// How a race went.
struct Faster {
    /// Whether it was the second that answered, or that failed last.
    is_second: bool,
    given: Result<Given, Error>,
    /// What the other one failed of. `None` if it was overtaken.
    other: Option<Error>,
}

/// Waits for the first of the two that answers; who fails leaves it to the other.
async fn faster<F, S>(mut first: Pin<&mut F>, mut second: Pin<&mut S>) -> Faster
where
    F: Future<Output = Result<Given, Error>>,
    S: Future<Output = Result<Given, Error>>,
{
    tokio::select! {
        biased;
        given = &mut first => match given {
            Err(error) => Faster { is_second: true, given: second.await, other: Some(error) },
            given => Faster { is_second: false, given, other: None },
        },
        given = &mut second => match given {
            Err(error) => Faster { is_second: false, given: first.await, other: Some(error) },
            given => Faster { is_second: true, given, other: None },
        },
    }
}
