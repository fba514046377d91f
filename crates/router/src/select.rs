//! Which deployment is asked next: those that may be, drawn by the group's strategy, and reserved.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use crate::affinity;
use crate::candidate::Candidate;
use crate::estimate::Tokens;
use crate::group::Level;
use crate::health::Look;
use crate::permit::{Permit, Probe, Reserved};
use crate::route::{Members, Route};
use crate::skip::{Ask, Unavailable, skip, standing_at, unavailable};
use crate::state::{Standing, StandingOf};
use crate::strategy::{self, Among};
use crate::window::Rates;
use crate::{Policy, Router, StrategyKind};

/// A deployment that was drawn and reserved.
pub(crate) struct Pick<'r> {
    pub(crate) candidate: Cow<'r, Candidate>,
    pub(crate) place: usize,
    pub(crate) permit: Permit,
}

impl Router {
    /// Draws and reserves one deployment.
    pub(crate) fn pick<'r>(&self, route: &'r Route, ask: &Ask<'_>) -> Result<Pick<'r>, Unavailable> {
        let policy = self.policy_of(route);
        let Some(members) = route.members() else {
            let candidate = Cow::Borrowed(route.first());
            let permit = Permit::new(&candidate, policy, true, Reserved::default(), ask.wishes);
            return Ok(Pick { candidate, place: 0, permit });
        };
        // Those that others were faster to reserve.
        let lost: RefCell<Vec<usize>> = RefCell::default();
        loop {
            let may =
                |place: usize| !lost.borrow().contains(&place) && skip(route, members, place, ask).is_none();
            let Some(place) = self.draw(route, members, ask, policy, &may) else {
                return Err(unavailable(route, members, ask));
            };
            match self.reserve(route, members, place, ask, policy) {
                Some(pick) => return Ok(pick),
                None => lost.borrow_mut().push(place),
            }
        }
    }

    fn draw(
        &self,
        route: &Route,
        members: &Members,
        ask: &Ask<'_>,
        policy: &Policy,
        may: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        let group = &members.group;
        if members.places.len() == 1 {
            return Some(members.places.start).filter(|&place| may(place));
        }
        if let Some(id) = &ask.wishes.deployment {
            return group
                .place(id)
                .filter(|place| members.places.contains(place))
                .filter(|&place| may(place));
        }
        let (key, seconds) = (conversation(ask), answers_in(route, members, ask));
        group.levels.iter().find_map(|Level { places, weights }| {
            let kept =
                key.and_then(|key| affinity::choose(key, &group.deployments, places.clone(), weights, may));
            kept.or_else(|| {
                let (places, random) = (places.clone(), &self.random);
                let deployments = &group.deployments;
                let among = Among { deployments, places, weights, random, may, seconds: &seconds };
                strategy::choose(policy.strategy, &among)
            })
        })
    }

    fn reserve<'r>(
        &self,
        route: &'r Route,
        members: &Members,
        place: usize,
        ask: &Ask<'_>,
        policy: &Arc<Policy>,
    ) -> Option<Pick<'r>> {
        let candidate = route.at(place)?;
        let deployment = &candidate.deployment;
        let mut reserved = Reserved::default();
        // What goes to a caller's own base or with its own key finds nothing out, and what goes elsewhere takes nothing.
        let own = ask.wishes.own_target.as_ref();
        let rests = || standing_at(route, members, place, |standing| standing.health.look());
        if own.is_none() && rests() == Some(Look::MayBeBack) {
            reserved.probe = Some(Probe::of(standing_of(&candidate))?);
        }
        let is_elsewhere = own.is_some_and(|own| own.api_base.is_some());
        if let Some(places) = deployment.parallel.as_ref().filter(|_| !is_elsewhere) {
            reserved.place = Some(places.take()?);
        }
        // Where the least used is asked, what is used is counted without a limit too.
        let goes_by_usage = policy.strategy == StrategyKind::UsageBased;
        if (deployment.rates != Rates::default() || goes_by_usage) && !is_elsewhere {
            let counts_tokens = deployment.rates.tokens.is_some() || goes_by_usage;
            let asked = if counts_tokens { ask.tokens() } else { Tokens::default() };
            let taken = deployment.state.window.take(deployment.rates, deployment.reserved(asked)).ok()?;
            reserved.taken = Some(taken.having_input(asked.input));
        }
        if reserved.place.is_some() || reserved.taken.is_some() {
            reserved.freed = Some(Arc::clone(&self.states.freed));
        }
        let permit = Permit::new(&candidate, policy, members.places.len() == 1, reserved, ask.wishes);
        Some(Pick { candidate, place, permit })
    }
}

/// What leads a conversation to the deployment that had its beginning. `None` where nothing does.
pub(crate) fn conversation(ask: &Ask<'_>) -> Option<u64> {
    ask.policy.prompt_cache_affinity.then(|| affinity::key(ask.wishes.tenant, ask.body)).flatten()
}

/// How long a deployment takes to answer, in seconds, by its place. `None` where that is not known.
pub(crate) fn answers_in<'a>(
    route: &'a Route,
    members: &'a Members,
    ask: &'a Ask<'_>,
) -> impl Fn(usize) -> Option<f64> + 'a {
    let time_to_live = match ask.policy.strategy {
        StrategyKind::LatencyBased { time_to_live, .. } => time_to_live,
        _ => Duration::ZERO,
    };
    move |place| {
        let seconds = |standing: &Standing| standing.speed.seconds(time_to_live, ask.until());
        standing_at(route, members, place, seconds).flatten()
    }
}

fn standing_of(candidate: &Candidate) -> StandingOf {
    let state = &candidate.deployment.state;
    if candidate.deployment.has_many_models() {
        StandingOf::Model(state.of_model(&candidate.upstream_model))
    } else {
        StandingOf::Deployment(Arc::clone(state))
    }
}
