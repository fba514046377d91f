//! A second deployment asked beside a slow one: the first that answers wins.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error, ReplyBody};

use crate::first_events::{FirstWait, first_events};
use crate::further::Tried;
use crate::give::{Given, context, give, is_silent, note_end, prepare};
use crate::group::Group;
use crate::journey::Journey;
use crate::leaving::Leaving;
use crate::retry_budget::Payer;
use crate::select::Pick;
use crate::speed::Until;
use crate::{Hedge, Route, Router};

/// The hedging of one request.
#[derive(Debug)]
pub(crate) struct Hedging<'r> {
    group: &'r Group,
    hedge: Hedge,
}

impl<'r> Hedging<'r> {
    /// `None` where a group does not hedge, or has nobody to ask beside the first.
    pub(crate) fn of(router: &Router, route: &'r Route, tried: &mut Tried) -> Option<Self> {
        let hedge = router.policy_of(route).hedge?;
        let members = route.members().filter(|members| members.places.len() > 1)?;
        // A request counts once, however often it is tried and at however many levels.
        if tried.count() {
            members.group.hedges.count_request(hedge.percent_max);
        }
        Some(Self { group: &members.group, hedge })
    }

    /// How long the first one has. `None` while too little is known.
    pub(crate) fn delay(&self, until: Until) -> Option<Duration> {
        self.hedge.delay.or_else(|| self.group.recent.percentile_95(until))
    }
}

impl Router {
    /// Asks the one that was picked; when it is slow, a second one beside it. Gives who answered, or who failed last,
    /// and notes the other.
    pub(crate) async fn race<'r>(
        &'r self,
        route: &'r Route,
        hedging: Hedging<'r>,
        mut pick: Pick<'r>,
        call: &mut Call,
        journey: &mut Journey<'_>,
        tried: &mut Tried,
    ) -> (Pick<'r>, Result<Given, Error>) {
        let wishes = journey.wishes;
        let context_of_first = context(&pick.candidate, journey);
        let (began, delay) = (Instant::now(), hedging.delay(Until::of(call.streaming())));
        let mut spare = call.clone();
        let own_of_first = prepare(call, &pick.candidate, wishes);
        let call = own_of_first.as_deref().unwrap_or(call);
        let since = pick.permit.given();
        let leaving = Leaving::new(self, route, (&pick.candidate, since), call, journey);
        let raced = 'race: {
            let first = give(&pick.candidate, since, context_of_first.as_ref(), call, wishes);
            let mut first = std::pin::pin!(first);
            let Some(delay) = delay else { break 'race (None, first.await) };
            if let Ok(given) = tokio::time::timeout(delay, &mut first).await {
                break 'race (None, given);
            }
            let tried = tried.and(pick.place);
            let Some(mut second) = self.second(route, &hedging, &tried, &spare, leaving.journey) else {
                break 'race (None, first.await);
            };
            let context_of_second = context(&second.candidate, leaving.journey);
            let own_of_second = prepare(&mut spare, &second.candidate, wishes);
            let Faster { is_second, given, other } = {
                let call = own_of_second.as_deref().unwrap_or(&spare);
                let since = second.permit.given();
                let beside = Leaving::new(self, route, (&second.candidate, since), call, leaving.journey);
                let other = give(&second.candidate, since, context_of_second.as_ref(), call, wishes);
                // At once, and not when the other one ends: so nobody else is sent there meanwhile.
                let note = |is_second: bool, error: &Error| {
                    let permit = if is_second { &mut second.permit } else { &mut pick.permit };
                    let lost = (permit.age(), permit.payer(error));
                    permit.failed(error);
                    lost
                };
                let faster = faster(first, std::pin::pin!(other), wishes.begin_within, note).await;
                beside.end();
                faster
            };
            (Some((second, is_second, other)), given)
        };
        leaving.end();
        let (beside, given) = raced;
        let Some((second, is_second, error)) = beside else { return (pick, given) };
        let (loser, winner) = if is_second { (pick, second) } else { (second, pick) };
        let (group, took) = (route.group(), began.elapsed());
        journey.course.lost += took.saturating_sub(winner.permit.age());
        let attempt = match error {
            Some((error, (took, payer))) => {
                journey.note_origin(&loser.candidate, &error, payer);
                tried.note(loser.place, &error);
                self.failed(group, &loser.candidate, (&spare, wishes), (&error, took))
            }
            None => self.given_up(group, &loser.candidate, &spare, (took, 0)),
        };
        journey.course.failed.push(attempt);
        (winner, given)
    }

    /// Draws the second one, if there may be one.
    fn second<'r>(
        &self,
        route: &'r Route,
        hedging: &Hedging<'_>,
        tried: &Tried,
        call: &Call,
        journey: &mut Journey<'_>,
    ) -> Option<Pick<'r>> {
        // Whoever waits for a first deployment goes before all who would have a second one.
        let others_wait = !hedging.group.queue.is_empty();
        if others_wait || journey.course.attempts >= self.routing.attempts_max || journey.left().is_zero() {
            return None;
        }
        let mut second = self.pick(route, &tried.ask(call, journey.wishes, self.policy_of(route))).ok()?;
        let hedges = &hedging.group.hedges;
        let may = hedges.take();
        if !may || !journey.may_ask_beside(&second.candidate) {
            if may {
                hedges.give_back();
            }
            second.permit.take_back();
            return None;
        }
        journey.course.attempts += 1;
        second.permit.for_call(call, journey.wishes, journey.deadline);
        note_end(&mut second, journey);
        Some(second)
    }
}

/// After how long one failed, and on whose account it goes.
type Lost = (Duration, Payer);

/// How a race went.
struct Faster {
    /// Whether it was the second that answered, or that failed last.
    is_second: bool,
    given: Result<Given, Error>,
    /// What the other one failed of. `None` if it was overtaken.
    other: Option<(Error, Lost)>,
}

/// Waits for the first of the two that answers; who fails leaves it to the other, and is noted.
async fn faster<F, S>(
    mut first: Pin<&mut F>,
    mut second: Pin<&mut S>,
    begin_within: Option<Duration>,
    mut note: impl FnMut(bool, &Error) -> Lost,
) -> Faster
where
    F: Future<Output = Result<Given, Error>>,
    S: Future<Output = Result<Given, Error>>,
{
    tokio::select! {
        biased;
        given = &mut first => last(false, given, second, begin_within, &mut note).await,
        given = &mut second => last(true, given, first, begin_within, &mut note).await,
    }
}

/// Decides whether what one gave is the answer, where it is told whether that was the second. A failure is none, nor is a
/// stream that says nothing while the other may still answer: it has as long again to speak before the reply begins
/// with it.
async fn last<O>(
    is_second: bool,
    given: Result<Given, Error>,
    mut other: Pin<&mut O>,
    begin_within: Option<Duration>,
    note: &mut impl FnMut(bool, &Error) -> Lost,
) -> Faster
where
    O: Future<Output = Result<Given, Error>>,
{
    let mut noted = |is_second: bool, error: Error| {
        let lost = note(is_second, &error);
        Some((error, lost))
    };
    let mut silent = match given {
        Ok(given) if is_silent(&given) => given,
        Ok(given) => return Faster { is_second, given: Ok(given), other: None },
        Err(error) => {
            let lost = noted(is_second, error);
            return Faster { is_second: !is_second, given: other.await, other: lost };
        }
    };
    tokio::select! {
        biased;
        spoke = speaks(&mut silent, begin_within) => match spoke {
            Ok(()) => Faster { is_second, given: Ok(silent), other: None },
            Err(error) => {
                let lost = noted(is_second, error);
                Faster { is_second: !is_second, given: other.await, other: lost }
            }
        },
        given = &mut other => match given {
            Ok(given) if !is_silent(&given) => {
                Faster { is_second: !is_second, given: Ok(given), other: None }
            }
            Ok(_) => Faster { is_second, given: Ok(silent), other: None },
            Err(error) => Faster { is_second, given: Ok(silent), other: noted(!is_second, error) },
        },
    }
}

/// Waits until a stream says something, or must begin all the same.
async fn speaks((reply, first, took): &mut Given, begin_within: Option<Duration>) -> Result<(), Error> {
    let ReplyBody::Events(events) = &mut reply.body else { return Ok(()) };
    let since = Instant::now();
    // It began without an event, and keeps the wait for one itself.
    let wait = || FirstWait { since, most: Duration::MAX };
    if let Some(more) = first_events(events, begin_within, wait).await? {
        first.get_or_insert_default().extend(more);
    }
    *took += since.elapsed();
    Ok(())
}
