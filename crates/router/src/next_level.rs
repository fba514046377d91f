//! The next `order` of a group, asked when the one before has nothing left to give.

use trunkline_core::{Call, ErrorKind};

use crate::dispatch::patience;
use crate::fallbacks::may_help;
use crate::further::Tried;
use crate::journey::Journey;
use crate::skip::{skip, unavailable};
use crate::{Policy, Route, Router};

impl Router {
    /// Leaves the level of a deployment that failed for the last time, with all before it. True if one of a later level
    /// can be asked, now or within the wait that is left: it is a step as to a fallback, and has its own further attempts.
    pub(crate) fn next_level(
        &self,
        route: &Route,
        call: &Call,
        place: usize,
        tried: &mut Tried,
        journey: &mut Journey<'_>,
        policy: &Policy,
    ) -> bool {
        let wishes = journey.wishes;
        let is_bound = wishes.deployment.is_some() || wishes.own_target.is_some();
        let is_over = journey.course.attempts >= self.routing.attempts_max || journey.left().is_zero();
        if wishes.no_fallbacks || is_bound || is_over || wishes.mock_failure.is_some() {
            return false;
        }
        // What is too long or refused has lists of its own.
        let may_help = journey.error.as_ref().is_some_and(|error| {
            may_help(error)
                && !matches!(error.kind(), ErrorKind::ContextWindowExceeded | ErrorKind::ContentPolicy)
        });
        let Some(members) = route.members().filter(|members| may_help && members.places.len() > 1) else {
            return false;
        };
        let level = members.group.levels.iter().find(|level| level.places.contains(&place));
        let Some(end) = level.map(|level| level.places.end) else { return false };
        tried.leave(end);
        let ask = tried.ask(call, wishes, policy);
        let mut later = end..members.places.end;
        let can_be_asked = later.any(|place| skip(route, members, place, &ask).is_none());
        // Where it is full, or back soon, it is waited for as the first one would be.
        let is_worth_a_wait = || {
            let patience = patience(policy, journey);
            patience.is_some_and(|patience| unavailable(route, members, &ask).may_end_by(patience))
        };
        if !can_be_asked && !is_worth_a_wait() {
            return false;
        }
        journey.course.retries = 0;
        true
    }
}
