//! One attempt at one deployment, its outcome noted.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Call, Error, ErrorKind, Reply, ReplyBody, Retry};

use crate::further::Tried;
use crate::give::{Given, context, give, is_silent, note_end, prepare};
use crate::journey::Journey;
use crate::late_events::LateEvents;
use crate::leaving::Leaving;
use crate::race::Hedging;
use crate::retry_budget::Payer;
use crate::select::Pick;
use crate::wishes::MockFailure;
use crate::{Answer, Candidate, Permit, Route, Router};

/// An attempt that brought no reply.
pub(crate) struct Unanswered {
    pub(crate) error: Error,
    pub(crate) candidate: Candidate,
    pub(crate) place: usize,
    /// On whose account a further attempt goes.
    pub(crate) payer: Payer,
    pub(crate) took: Duration,
}

impl Router {
    /// Asks the deployment that was picked. Whoever failed beside it is noted in `tried`.
    ///
    /// # Errors
    ///
    /// What it failed of, and who it was.
    pub(crate) async fn attempt<'r>(
        &'r self,
        route: &'r Route,
        mut pick: Pick<'r>,
        call: &mut Call,
        journey: &mut Journey<'_>,
        tried: &mut Tried,
    ) -> Result<Answer, Unanswered> {
        journey.course.attempts += 1;
        pick.permit.for_call(call, journey.wishes, journey.deadline);
        if let Some(delay) = journey.wishes.mock_delay.filter(|_| journey.course.attempts == 1) {
            // Tests alone ask for it, and what it takes is not to be carried about with every request.
            Box::pin(tokio::time::sleep(delay.min(journey.left()))).await;
            journey.has_waited = true;
        }
        if let Some(failure) = journey.wishes.mock_failure.filter(|_| journey.course.attempts == 1) {
            return Err(Unanswered {
                error: mocked(failure),
                took: pick.permit.age(),
                place: pick.place,
                payer: Payer::Origin,
                candidate: pick.candidate.into_owned(),
            });
        }
        note_end(&mut pick, journey);
        // Few groups hedge, and what it takes is not to be carried about with every request.
        if let Some(hedging) = Hedging::of(self, route, tried) {
            let (pick, given) = Box::pin(self.race(route, hedging, pick, call, journey, tried)).await;
            return self.settled(route, pick, given, journey);
        }
        let given = {
            let context = context(&pick.candidate, journey);
            let own = prepare(call, &pick.candidate, journey.wishes);
            let call = own.as_deref().unwrap_or(call);
            let since = pick.permit.given();
            let leaving = Leaving::new(self, route, (&pick.candidate, since), call, journey);
            let given = give(&pick.candidate, since, context.as_ref(), call, leaving.journey.wishes).await;
            leaving.end();
            given
        };
        self.settled(route, pick, given, journey)
    }

    /// Notes how it went, and makes an answer of it.
    fn settled(
        &self,
        route: &Route,
        mut pick: Pick<'_>,
        given: Result<Given, Error>,
        journey: &mut Journey<'_>,
    ) -> Result<Answer, Unanswered> {
        match given {
            Ok(given) => {
                let is_silent = is_silent(&given);
                let (mut reply, first, duration) = given;
                if is_silent {
                    begin_silently(&mut reply, &mut pick.permit);
                } else {
                    pick.permit.began(duration);
                    let hedges = self.policy_of(route).hedge.is_some();
                    if let Some(members) = route.members().filter(|_| hedges)
                        && let Some(until) = pick.permit.measures()
                    {
                        members.group.recent.note(duration, until);
                    }
                }
                let Pick { candidate, permit, .. } = pick;
                let (candidate, group) = (candidate.into_owned(), Arc::clone(route.group()));
                let course = std::mem::take(&mut *journey.course);
                Ok(Answer { reply, first, candidate, group, duration, course, permit })
            }
            Err(error) => {
                pick.permit.failed(&error);
                let (took, payer) = (pick.permit.age(), pick.permit.payer(&error));
                Err(Unanswered {
                    error,
                    took,
                    place: pick.place,
                    payer,
                    candidate: pick.candidate.into_owned(),
                })
            }
        }
    }
}

/// Lets a stream begin that has said nothing. It is an answer when it does.
fn begin_silently(reply: &mut Reply, permit: &mut Permit) {
    if let (ReplyBody::Events(events), Some(success)) = (&mut reply.body, permit.began_silently()) {
        let silent = std::mem::replace(events, Box::pin(futures_util::stream::empty()));
        *events = Box::pin(LateEvents::new(silent, success));
    }
}

/// The failure that a test asked for.
fn mocked(failure: MockFailure) -> Error {
    let (kind, what) = match failure {
        MockFailure::Any => (ErrorKind::UpstreamFailed, "fallbacks"),
        MockFailure::ContextWindow => (ErrorKind::ContextWindowExceeded, "context window fallbacks"),
        MockFailure::ContentPolicy => (ErrorKind::ContentPolicy, "content policy fallbacks"),
        MockFailure::RateLimit => (ErrorKind::UpstreamRateLimited, "rate limits"),
        MockFailure::Timeout => (ErrorKind::UpstreamTimeout, "timeouts"),
    };
    Error::new(kind, format!("this is a mock failure, to test {what}")).with_retry(Retry::Never)
}
