//! What a request wants of its group, told to a queue that knows nothing of groups.

use std::sync::Arc;

use trunkline_core::Operation;

use crate::estimate::Tokens;
use crate::queue::{Key, Want};
use crate::route::Members;
use crate::skip::{Ask, skip};
use crate::{Route, Wishes};

/// What all of one lane want.
#[derive(Debug)]
struct OfRoute {
    route: Route,
    operation: Operation,
    /// The tags, and the deployment that they are bound to.
    wishes: Wishes,
    tried: Vec<usize>,
}

/// What tells a request from those that want something else.
pub(crate) fn key(members: &Members, ask: &Ask<'_>) -> Key {
    Key {
        model: members.stars.as_ref().map(|stars| Arc::clone(&stars.matched)),
        places: members.places.clone(),
        operation: ask.operation,
        tags: ask.wishes.tags.clone(),
        deployment: ask.wishes.deployment.clone(),
        tried: passed(members, ask),
        too_long: if ask.policy.pre_call_checks { too_long(members, ask.tokens().input) } else { 0 },
    }
}

/// What it wants, for as long as it waits.
pub(crate) fn want(route: &Route, members: &Members, ask: &Ask<'_>) -> Arc<dyn Want> {
    let Wishes { tags, deployment, .. } = ask.wishes;
    Arc::new(OfRoute {
        route: route.clone(),
        operation: ask.operation,
        wishes: Wishes { tags: tags.clone(), deployment: deployment.clone(), ..Wishes::default() },
        tried: passed(members, ask),
    })
}

impl Want for OfRoute {
    fn can_use(&self, place: usize, tokens: Tokens) -> bool {
        let Some(members) = self.route.members().filter(|members| members.places.contains(&place)) else {
            return false;
        };
        let policy = &members.group.policy;
        let ask = Ask::of_one_who_waits(self.operation, &self.wishes, policy, &self.tried, tokens);
        skip(&self.route, members, place, &ask).is_none()
    }
}

/// The deployments that were asked already, or that nothing pays for.
fn passed(members: &Members, ask: &Ask<'_>) -> Vec<usize> {
    members.places.clone().filter(|&place| ask.passes(&members.group.deployments[place], place)).collect()
}

/// How many deployments an input is too long for.
fn too_long(members: &Members, tokens: u64) -> usize {
    let limits = members.places.clone().filter_map(|place| members.group.deployments[place].input_tokens_max);
    limits.filter(|limit| tokens > *limit).count()
}
