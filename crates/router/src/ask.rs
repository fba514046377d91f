//! One attempt at one deployment, its outcome noted.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Call, Error, ErrorKind, Retry};

use crate::attempt::Attempt;
use crate::give::{context, give, prepared};
use crate::journey::Journey;
use crate::race::Hedging;
use crate::select::Pick;
use crate::wishes::MockFailure;
use crate::{Answer, Candidate, Route, Router};

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
    Error::new(kind, format!("this is a mock failure, to test {what}")).with_retry(Retry::Never)
}
