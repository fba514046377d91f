//! One attempt at one deployment, and a second one beside it where the first is slow.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error, ErrorKind, Event, Reply, ReplyBody};
use trunkline_provider::{CallContext, Target};

use crate::attempt::Attempt;
use crate::dispatch::{Answer, Journey, prepared};
use crate::first_events::first_events;
use crate::hedge::Hedging;
use crate::select::{Ask, Pick};
use crate::wishes::{MockFailure, OwnTarget};
use crate::{Candidate, Route, Router, Wishes};

/// What one deployment gave: a reply, of a stream its first events, and the time it took.
pub(crate) type Given = (Reply, Option<Vec<Event>>, Duration);

impl Router {
    /// Asks the deployment that was picked.
    ///
    /// # Errors
    ///
    /// What it failed of, and who it was.
    pub(crate) async fn attempt(
        &self,
        route: &Route,
        pick: Pick<'_>,
        call: &mut Call,
        journey: &mut Journey<'_>,
    ) -> Result<Answer, (Error, Candidate)> {
        journey.course.attempts += 1;
        let wishes = journey.wishes;
        if let Some(failure) = wishes.mock_failure.filter(|_| journey.course.attempts == 1) {
            return Err((mocked(failure), pick.candidate.into_owned()));
        }
        let context = context(&pick.candidate, journey);
        let hedging = Hedging::of(self, route);
        let spare = hedging.as_ref().and_then(|hedging| hedging.delay()).map(|delay| (delay, call.clone()));
        let prepared = prepared(call, &pick.candidate, wishes);
        let first = give(&pick, context.as_ref(), &prepared, wishes);
        let (mut pick, given) = match (hedging, spare) {
            (Some(hedging), Some((delay, spare))) => {
                let first = (pick.place, first);
                let race = self.race(route, hedging, delay, first, spare, journey).await;
                match race {
                    // The second one answered: the first is given up with all that it held.
                    (Some(second), given) => {
                        let overtaken = Attempt::overtaken(route.group(), &pick.candidate, delay);
                        journey.course.failed.push(overtaken);
                        (second, given)
                    }
                    (None, given) => (pick, given),
                }
            }
            (_, _) => {
                let given = first.await;
                (pick, given)
            }
        };
        match given {
            Ok((reply, first, duration)) => {
                pick.permit.began(duration);
                if let Some(members) = route.members().filter(|_| self.policy_of(route).hedge.is_some()) {
                    members.group.recent.note(duration);
                }
                let Pick { candidate, permit, .. } = pick;
                let (candidate, group) = (candidate.into_owned(), Arc::clone(route.group()));
                let course = std::mem::take(&mut journey.course);
                Ok(Answer { reply, first, candidate, group, duration, course, permit })
            }
            Err(error) => {
                // A wait that the caller set says nothing about the deployment.
                let is_own_wait = error.kind() == ErrorKind::UpstreamTimeout
                    && (wishes.timeout.is_some() || wishes.first_event_timeout.is_some());
                if wishes.own_target.is_none() && !is_own_wait {
                    rested(pick.permit.failed(&error), &pick.candidate, &error);
                }
                Err((error, pick.candidate.into_owned()))
            }
        }
    }

    /// Waits for the first one for a while, then asks a second one beside it. Gives the second pick if it was that
    /// which answered.
    async fn race<'r>(
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

/// Asks one deployment, and waits for the first event of a stream.
async fn give(
    pick: &Pick<'_>,
    context: Option<&CallContext>,
    call: &Call,
    wishes: &Wishes,
) -> Result<Given, Error> {
    let candidate = &pick.candidate;
    let sent = Instant::now();
    let context = context.unwrap_or(candidate.deployment.context());
    let mut reply = candidate.provider.call(context, call).await?;
    let first = match &mut reply.body {
        ReplyBody::Events(events) => first_events(events, wishes.begin_within).await?,
        ReplyBody::Document(..) | ReplyBody::Raw { .. } => None,
    };
    Ok((reply, first, sent.elapsed()))
}

/// Where the call goes and how long it may take, where that is not just what the deployment says.
fn context(candidate: &Candidate, journey: &Journey<'_>) -> Option<CallContext> {
    let wishes = journey.wishes;
    let has_all_its_time = journey.course.attempts <= 1 && !journey.has_waited && wishes.timeout.is_none();
    if has_all_its_time && wishes.first_event_timeout.is_none() && wishes.own_target.is_none() {
        return None;
    }
    let mut target = Target::clone(&candidate.deployment.context().target);
    let (left, waits) = (journey.left(), &mut target.send.waits);
    waits.total = if wishes.timeout.is_some() { left } else { waits.total.min(left) };
    if let Some(first_event) = wishes.first_event_timeout {
        target.send.waits.first_event = first_event;
    }
    if let Some(OwnTarget { api_base, api_key }) = &wishes.own_target {
        if let Some(api_base) = api_base {
            // The deployment's key, and headers that may hold keys, belong to its own base and go nowhere else.
            let send = target.send.clone();
            target =
                Target { api_base: Some(api_base.clone()), from_caller: true, send, ..Target::default() };
        }
        target.api_key = api_key.clone().or(target.api_key);
    }
    Some(CallContext::new(Arc::new(target)))
}

fn rested(rest: Option<Duration>, candidate: &Candidate, error: &Error) {
    let Some(rest) = rest else { return };
    tracing::warn!(
        deployment.id = &*candidate.deployment.id,
        provider.name = &*candidate.prefix,
        model.name = &*candidate.upstream_model,
        error.kind = ?error.kind(),
        rest_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX),
        "deployment rests"
    );
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
    Error::new(kind, format!("this is a mock failure, to test {what}"))
        .with_retry(trunkline_core::Retry::Never)
}
