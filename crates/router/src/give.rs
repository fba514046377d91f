//! One call to one deployment, up to the first event of a stream, and what its failure says.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error, Event, Reply, ReplyBody};
use trunkline_provider::{CallContext, Target};

use crate::first_events::{FirstWait, first_events, says_something};
use crate::journey::Journey;
use crate::select::Pick;
use crate::wishes::OwnTarget;
use crate::{Candidate, Wishes};

/// What one deployment gave: a reply, of a stream its first events, and the time it took.
pub(crate) type Given = (Reply, Option<Vec<Event>>, Duration);

/// Asks the deployment that was given then, and waits for the first event of a stream.
pub(crate) async fn give(
    candidate: &Candidate,
    since: Instant,
    context: Option<&CallContext>,
    call: &Call,
    wishes: &Wishes,
) -> Result<Given, Error> {
    let context = context.unwrap_or(candidate.deployment.context());
    let mut reply = candidate.provider.call(context, call).await?;
    let first = match &mut reply.body {
        ReplyBody::Events(events) => {
            let wait = || first_wait(since, context, call);
            let named = |error: Error| match error.provider() {
                Some(_) => error,
                None => error.with_provider(&*candidate.prefix),
            };
            first_events(events, wishes.begin_within, wait).await.map_err(named)?
        }
        ReplyBody::Document(..) | ReplyBody::Raw { .. } => None,
    };
    Ok((reply, first, since.elapsed()))
}

/// Whether a stream had to begin before any event of it said something.
pub(crate) fn is_silent((reply, first, _): &Given) -> bool {
    matches!(reply.body, ReplyBody::Events(_)) && !first.as_deref().is_some_and(says_something)
}

/// How long the first event is waited for, from sending on. Whoever did not ask for a stream has all the time.
fn first_wait(since: Instant, context: &CallContext, call: &Call) -> FirstWait {
    let waits = &context.target.send.waits;
    let most = if call.streaming() { waits.first_event.min(waits.total) } else { waits.total };
    FirstWait { since, most }
}

/// Where the call goes and how long it may take, where that is not just what the deployment says.
pub(crate) fn context(candidate: &Candidate, journey: &Journey<'_>) -> Option<CallContext> {
    let wishes = journey.wishes;
    let has_all_its_time = has_all_its_time(journey);
    let ends_in_time = candidate.deployment.context().target.send.waits.total <= journey.total;
    if has_all_its_time && ends_in_time && wishes.leaves_waits() && wishes.own_target.is_none() {
        return None;
    }
    let mut target = Target::clone(&candidate.deployment.context().target);
    let waits = &mut target.send.waits;
    wishes.narrow(waits);
    waits.total = waits.total.min(if has_all_its_time { journey.total } else { journey.left() });
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

/// Whether nothing of the request's time has gone by with others.
fn has_all_its_time(journey: &Journey<'_>) -> bool {
    journey.course.attempts <= 1 && !journey.has_waited
}

/// Notes when the request ends, where the deployment has less time than it would have at the first attempt: what runs
/// out then says nothing about it.
pub(crate) fn note_end(pick: &mut Pick<'_>, journey: &Journey<'_>) {
    if has_all_its_time(journey) {
        return;
    }
    let waits = &pick.candidate.deployment.context().target.send.waits;
    let left = journey.left();
    if left < waits.total.min(journey.total) {
        let is_before_first_event = left < waits.first_event;
        pick.permit.ends_early(journey.deadline, is_before_first_event);
    }
}

/// Makes the call what a deployment gets: its own spelling of the model. A call of its own where it adds to bodies.
pub(crate) fn prepare(call: &mut Call, candidate: &Candidate, wishes: &Wishes) -> Option<Box<Call>> {
    call.model = Arc::clone(&candidate.upstream_model);
    // What the deployment adds may hold keys, which no base of a caller's gets.
    let is_elsewhere = wishes.own_target.as_ref().is_some_and(|own| own.api_base.is_some());
    if is_elsewhere || !candidate.deployment.adds_to_bodies() {
        return None;
    }
    let mut own = Box::new(call.clone());
    candidate.deployment.complete(own.operation, &mut own.body);
    Some(own)
}
