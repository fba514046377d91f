//! Why a request would go where it would go, told without sending or reserving anything.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Body, Error, ErrorKind, Operation};

use crate::affinity;
use crate::candidate::Candidate;
use crate::deployment::price_of_two;
use crate::explanation::{ExplainedCandidate, ExplainedFallbacks, Explanation, Follower, Resolved};
use crate::fallbacks::list;
use crate::group::Level;
use crate::health::Look;
use crate::nearest::nearest;
use crate::policy_words::words;
use crate::route::Route;
use crate::select::{answers_in, conversation};
use crate::skip::{Ask, Skip, skip, standing_at, unavailable};
use crate::state::Standing;
use crate::strategy::{self, Among};
use crate::wishes::Fallback;
use crate::{Router, Wishes};

/// How many candidates are told of.
const CANDIDATES_MAX: usize = 100;

impl Router {
    /// Tells what would become of a request. Nothing is sent, nothing is reserved, and nothing is drawn.
    ///
    /// # Errors
    ///
    /// As [`Router::resolve`].
    pub fn explain(
        &self,
        name: &str,
        operation: Operation,
        body: &Body,
        wishes: &Wishes,
    ) -> Result<Explanation, Error> {
        let route = self.resolve(name)?;
        let policy = self.policy_of(&route);
        let ask = Ask::new(operation, body, wishes, policy, &[]);
        // By index; where there are several, an index is a place of the group.
        let skips: Vec<Option<Skip>> =
            (0..route.count()).map(|index| passed_by(&route, index, &ask)).collect();
        let (kept_by, chances) = self.chances(&route, &skips, &ask);
        let first = &route.first().deployment;
        let id = |index: usize| route.get(index).map(|candidate| Arc::clone(&candidate.deployment.id));
        let likeliest = chances.iter().max_by(|(_, one), (_, other)| one.total_cmp(other));
        let candidates = route.candidates().take(CANDIDATES_MAX).enumerate().map(|(index, candidate)| {
            let chance = chances.iter().find(|(other, _)| *other == index).map_or(0.0, |(_, chance)| *chance);
            let share = share(&route, index, &skips);
            ExplainedCandidate {
                chance,
                share,
                skip: skips[index],
                ..self.known(&route, index, &candidate, &ask)
            }
        });
        let resolved = self.table().way(name, &route);
        let near = match &resolved {
            Resolved::Wildcard(_) => nearest(name, self.table().names()),
            _ => Vec::new(),
        };
        Ok(Explanation {
            model: name.to_owned(),
            near: near.into_iter().map(str::to_owned).collect(),
            resolved,
            group: Arc::clone(route.group()),
            policy: (**policy).clone(),
            policy_words: words(policy, &self.routing, wishes, route.count() == 1),
            input_tokens: ask.tokens().input,
            candidates: candidates.collect(),
            left_out: route.count().saturating_sub(CANDIDATES_MAX),
            next: likeliest.and_then(|(index, _)| id(*index)),
            kept_by: kept_by.and_then(id),
            waiting: route.members().map_or(0, |members| members.group.queue.length()),
            refusal: refusal(&route, &skips, &ask),
            retries: wishes.retries.or(first.retries).unwrap_or(policy.retries),
            total: wishes.timeout.unwrap_or(self.routing.total),
            fallbacks: self.fallbacks_after(route.group(), wishes),
        })
    }

    /// Who keeps the conversation, if anybody does, and how likely each one is to be asked first.
    fn chances(
        &self,
        route: &Route,
        skips: &[Option<Skip>],
        ask: &Ask<'_>,
    ) -> (Option<usize>, Vec<(usize, f64)>) {
        let members = match route.members() {
            Some(members) if members.places.len() > 1 => members,
            _ => return (None, if skips == [None] { vec![(0, 1.0)] } else { Vec::new() }),
        };
        let (group, policy) = (&members.group, ask.policy);
        let may = |place: usize| skips[place].is_none();
        let (key, seconds) = (conversation(ask), answers_in(route, members, ask));
        for Level { places, weights } in &group.levels {
            let (deployments, random) = (&group.deployments, &self.random);
            let kept = key.and_then(|key| affinity::choose(key, deployments, places.clone(), weights, &may));
            if let Some(place) = kept {
                return (kept, vec![(place, 1.0)]);
            }
            let places = places.clone();
            let among = Among { deployments, places, weights, random, may: &may, seconds: &seconds };
            let chances = strategy::chances(policy.strategy, &among);
            if !chances.is_empty() {
                return (None, chances);
            }
        }
        (None, Vec::new())
    }

    /// What is known of a candidate, whatever is asked of it.
    fn known(&self, route: &Route, index: usize, candidate: &Candidate, ask: &Ask<'_>) -> ExplainedCandidate {
        let deployment = &candidate.deployment;
        let look = |what: &dyn Fn(&Standing) -> Option<Duration>| match route.members() {
            Some(members) => standing_at(route, members, members.places.start + index, what).flatten(),
            None => what(deployment.state.own()),
        };
        let rest = |standing: &Standing| match standing.health.look() {
            Look::InService => None,
            Look::MayBeBack => Some(Duration::ZERO),
            Look::Resting(until) => Some(until.saturating_duration_since(Instant::now())),
        };
        let mut waits = deployment.context().target.send.waits;
        ask.wishes.narrow(&mut waits);
        let (limits, (requests, tokens)) = (deployment.rates, deployment.state.window.used());
        let used = (limits.requests.map(|_| requests), limits.tokens.map(|_| tokens));
        ExplainedCandidate {
            deployment: Arc::clone(&deployment.id),
            provider: Arc::clone(&candidate.prefix),
            upstream_model: Arc::clone(&candidate.upstream_model),
            origin: deployment.shown_origin(),
            order: deployment.order,
            share: 0.0,
            chance: 0.0,
            skip: None,
            has_credential: self.can_call(&candidate.prefix, deployment),
            rest: look(&rest),
            in_flight: deployment.state.in_flight.load(Ordering::Relaxed),
            in_flight_max: deployment.parallel.as_ref().map(|places| places.max()),
            used,
            limits: (limits.requests, limits.tokens),
            answers_in: look(&|standing| {
                standing.speed.seconds(Duration::MAX, ask.until()).map(Duration::from_secs_f64)
            }),
            input_tokens_max: deployment.input_tokens_max,
            tags: deployment.tags.clone(),
            price: self.price_of(candidate).as_deref().and_then(price_of_two),
            waits,
        }
    }

    fn fallbacks_after(&self, group: &Arc<str>, wishes: &Wishes) -> ExplainedFallbacks {
        let off = if wishes.no_fallbacks {
            Some("the request wants none")
        } else if wishes.deployment.is_some() {
            Some("only one deployment can answer")
        } else if wishes.own_target.is_some() {
            Some("the request brings its own base or key")
        } else {
            None
        };
        if off.is_some() {
            return ExplainedFallbacks { off, ..ExplainedFallbacks::default() };
        }
        let after = |failure| self.followers(group, failure, wishes);
        ExplainedFallbacks {
            off,
            general: after(ErrorKind::UpstreamFailed),
            context_window: after(ErrorKind::ContextWindowExceeded),
            content_policy: after(ErrorKind::ContentPolicy),
        }
    }

    fn followers(&self, group: &Arc<str>, failure: ErrorKind, wishes: &Wishes) -> Vec<Follower> {
        let mut asked = vec![Arc::clone(group)];
        let hops_max = self.routing.fallbacks.hops_max as usize;
        let follower = |fallback: Fallback| {
            let model = fallback.model;
            let Ok(route) = self.resolve(&model) else {
                return Follower { model, group: None, deployments: 0, passed_by: Some("leads nowhere") };
            };
            let passed_by = if asked.contains(route.group()) {
                Some("was asked already")
            } else if asked.len() > hops_max {
                Some("is past max_fallbacks")
            } else {
                asked.push(Arc::clone(route.group()));
                None
            };
            let (group, deployments) = (Some(Arc::clone(route.group())), route.count());
            Follower { model, group, deployments, passed_by }
        };
        list(&self.routing.fallbacks, group, failure, wishes).into_iter().map(follower).collect()
    }
}

/// Why a candidate would be passed by, or refuse at once.
fn passed_by(route: &Route, index: usize, ask: &Ask<'_>) -> Option<Skip> {
    let skip = route.members().and_then(|members| skip(route, members, members.places.start + index, ask));
    let supports = || {
        let candidate = route.get(index);
        candidate.is_some_and(|candidate| candidate.capabilities().supports(ask.operation))
    };
    // Of many only the kinds differ, and those are looked at already.
    skip.or_else(|| (route.count() == 1 && !supports()).then_some(Skip::Unsupported))
}

/// A candidate's part of the weights of its level, of those that may be asked.
fn share(route: &Route, index: usize, skips: &[Option<Skip>]) -> f64 {
    if skips[index].is_some() {
        return 0.0;
    }
    let Some(members) = route.members().filter(|members| members.places.len() > 1) else {
        return 1.0;
    };
    let Some(level) = members.group.levels.iter().find(|level| level.places.contains(&index)) else {
        return 0.0;
    };
    let of = |place: usize| level.weights.of(place - level.places.start);
    let sum: f64 = level.places.clone().filter(|&place| skips[place].is_none()).map(of).sum();
    if sum > 0.0 { of(index) / sum } else { 0.0 }
}

/// What the caller is told where nobody can be asked.
fn refusal(route: &Route, skips: &[Option<Skip>], ask: &Ask<'_>) -> Option<String> {
    let first = skips.iter().all(Option::is_some).then(|| skips[0])?;
    match route.members() {
        Some(members) if members.places.len() > 1 || first != Some(Skip::Unsupported) => {
            Some(unavailable(route, members, ask).error(route.group()).message().to_owned())
        }
        _ => first.map(|skip| skip.to_string()),
    }
}
