//! Why a request would go where it would go, told without sending anything.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use trunkline_core::{Body, Error, ErrorKind, Operation};
use trunkline_provider::Waits;

use crate::affinity;
use crate::candidate::Candidate;
use crate::fallbacks::list;
use crate::route::{Members, Route};
use crate::skip::{Ask, Skip, skip};
use crate::{Policy, Router, Wishes};

/// How many candidates are told of.
const CANDIDATES_MAX: usize = 100;

/// What would become of a request. `Display` tells it to people, [`to_json`](Self::to_json) to programs.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The name that was asked for.
    pub model: String,
    /// The model group that it leads to.
    pub group: Arc<str>,
    /// How the group is served.
    pub policy: Policy,
    /// Who could answer, in their order.
    pub candidates: Vec<ExplainedCandidate>,
    /// How many more there are, too many to tell.
    pub left_out: usize,
    /// Who would be asked now. By chance, it is one of several: see their shares.
    pub next: Option<Arc<str>>,
    /// Who keeps the beginning of this conversation, where it is long enough to matter.
    pub kept_by: Option<Arc<str>>,
    /// What the caller would be told if nobody could be asked now.
    pub refusal: Option<String>,
    /// Attempts in the group after the first one.
    pub retries: u32,
    /// For the whole, all attempts included.
    pub total: Duration,
    /// Who would be asked if the group failed.
    pub fallbacks: ExplainedFallbacks,
}

/// Somebody who could answer.
#[derive(Clone, Debug)]
pub struct ExplainedCandidate {
    /// The deployment's id.
    pub deployment: Arc<str>,
    /// The provider's prefix.
    pub provider: Arc<str>,
    /// The model, in the upstream's spelling.
    pub upstream_model: Arc<str>,
    /// Its level: lower ones go first.
    pub order: i64,
    /// Its part of the draws by chance, of those of its level that may be asked. 0 to 1.
    pub share: f64,
    /// Why it would be passed by, if so.
    pub skip: Option<Skip>,
    /// Calls that it has open.
    pub in_flight: usize,
    /// Requests and tokens of its minute.
    pub used: (u64, u64),
    /// Requests and tokens that it may have in a minute.
    pub limits: (Option<u64>, Option<u64>),
    /// The price of a token in and a token out together, in US dollars.
    pub price: Option<Decimal>,
    /// How long each part of a call to it may take.
    pub waits: Waits,
}

/// The groups that would follow, by what went wrong. A name that leads nowhere is left out of the walk.
#[derive(Clone, Debug, Default)]
pub struct ExplainedFallbacks {
    /// After a failure.
    pub general: Vec<String>,
    /// After an input that is too long.
    pub context_window: Vec<String>,
    /// After a refusal of the content.
    pub content_policy: Vec<String>,
}

impl Router {
    /// Tells what would become of a request. Nothing is sent and nothing is reserved.
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
        let first = &route.first().deployment;
        let picked = self.next(&route, &ask);
        let group = Arc::clone(route.group());
        let (next, refusal) = match picked {
            Ok(next) => (Some(next), None),
            Err(refusal) => (None, Some(refusal)),
        };
        Ok(Explanation {
            model: name.to_owned(),
            policy: Policy::clone(policy),
            candidates: candidates(&route, &ask),
            left_out: route.count().saturating_sub(CANDIDATES_MAX),
            next,
            kept_by: kept_by(&route, &ask),
            refusal,
            retries: wishes.retries.or(first.retries).unwrap_or(policy.retries),
            total: wishes.timeout.unwrap_or(self.routing.total),
            fallbacks: self.fallbacks_after(&group, wishes),
            group,
        })
    }

    fn next(&self, route: &Route, ask: &Ask<'_>) -> Result<Arc<str>, String> {
        // It is given back at once: whoever is looked at is not busy for it.
        match self.pick(route, ask) {
            Ok(mut pick) => {
                pick.permit.take_back();
                Ok(Arc::clone(&pick.candidate.deployment.id))
            }
            Err(unavailable) => Err(unavailable.error(route.group()).message().to_owned()),
        }
    }

    fn fallbacks_after(&self, group: &str, wishes: &Wishes) -> ExplainedFallbacks {
        if wishes.no_fallbacks || wishes.deployment.is_some() || wishes.own_target.is_some() {
            return ExplainedFallbacks::default();
        }
        let after = |kind| {
            let list = list(&self.routing.fallbacks, group, &Error::new(kind, ""), wishes);
            let leads = list.into_iter().filter(|fallback| self.resolve(&fallback.model).is_ok());
            leads.map(|fallback| fallback.model).take(self.routing.fallbacks.hops_max as usize).collect()
        };
        ExplainedFallbacks {
            general: after(ErrorKind::UpstreamFailed),
            context_window: after(ErrorKind::ContextWindowExceeded),
            content_policy: after(ErrorKind::ContentPolicy),
        }
    }
}

fn kept_by(route: &Route, ask: &Ask<'_>) -> Option<Arc<str>> {
    let members = route.members().filter(|members| members.places.len() > 1)?;
    let key =
        ask.policy.prompt_cache_affinity.then(|| affinity::key(ask.wishes.tenant, ask.body)).flatten()?;
    let may = |place: usize| skip(route, members, place, ask).is_none();
    members.group.levels.iter().find_map(|level| {
        let (deployments, places) = (&members.group.deployments, level.places.clone());
        let place = affinity::choose(key, deployments, places, &level.weights, &may)?;
        Some(Arc::clone(&deployments[place].id))
    })
}

fn candidates(route: &Route, ask: &Ask<'_>) -> Vec<ExplainedCandidate> {
    let Some(members) = route.members() else {
        return vec![explained(route.first(), None, 1.0)];
    };
    let places = members.places.clone().take(CANDIDATES_MAX);
    let explained = |place: usize| {
        let skip = skip(route, members, place, ask);
        let share = if skip.is_none() { share(route, members, place, ask) } else { 0.0 };
        Some(explained(&*route.at(place)?, skip, share))
    };
    places.filter_map(explained).collect()
}

/// Its weight among those of its level that may be asked.
fn share(route: &Route, members: &Members, place: usize, ask: &Ask<'_>) -> f64 {
    let Some(level) = members.group.levels.iter().find(|level| level.places.contains(&place)) else {
        return 0.0;
    };
    let of = |place: usize| level.weights.of(place - level.places.start);
    let places = level.places.clone().filter(|place| members.places.contains(place));
    let sum: f64 = places.filter(|&place| skip(route, members, place, ask).is_none()).map(of).sum();
    if sum > 0.0 { of(place) / sum } else { 0.0 }
}

fn explained(candidate: &Candidate, skip: Option<Skip>, share: f64) -> ExplainedCandidate {
    let deployment = &candidate.deployment;
    ExplainedCandidate {
        deployment: Arc::clone(&deployment.id),
        provider: Arc::clone(&candidate.prefix),
        upstream_model: Arc::clone(&candidate.upstream_model),
        order: deployment.order,
        share,
        skip,
        in_flight: deployment.state.in_flight.load(Ordering::Relaxed),
        used: deployment.state.window.used(),
        limits: (deployment.rates.requests, deployment.rates.tokens),
        price: deployment.price_of_two,
        waits: deployment.context().target.send.waits,
    }
}

impl Explanation {
    /// The explanation as a JSON object. Times are in milliseconds.
    pub fn to_json(&self) -> Value {
        let candidates: Vec<Value> = self.candidates.iter().map(ExplainedCandidate::to_json).collect();
        json!({
            "model": self.model,
            "group": &*self.group,
            "strategy": self.policy.strategy.name(),
            "next": self.next.as_deref(),
            "kept_by": self.kept_by.as_deref(),
            "refusal": self.refusal,
            "candidates": candidates,
            "candidates_left_out": self.left_out,
            "retries": self.retries,
            "total_ms": milliseconds(self.total),
            "queue_wait_ms": milliseconds(self.policy.queue_wait),
            "cooldown_ms": milliseconds(self.policy.cooldown),
            "hedging": self.policy.hedge.is_some(),
            "fallbacks": {
                "general": self.fallbacks.general,
                "context_window": self.fallbacks.context_window,
                "content_policy": self.fallbacks.content_policy,
            },
        })
    }
}

impl ExplainedCandidate {
    fn to_json(&self) -> Value {
        let mut told = json!({
            "deployment": &*self.deployment,
            "provider": &*self.provider,
            "upstream_model": &*self.upstream_model,
            "share": self.share,
            "in_flight": self.in_flight,
            "requests_of_minute": self.used.0,
            "tokens_of_minute": self.used.1,
            "rpm": self.limits.0,
            "tpm": self.limits.1,
            "price_of_two_tokens": self.price.map(|price| price.normalize().to_string()),
            "waits_ms": {
                "connect": milliseconds(self.waits.connect),
                "first_event": milliseconds(self.waits.first_event),
                "idle": milliseconds(self.waits.idle),
                "total": milliseconds(self.waits.total),
            },
            "passed_by": self.skip.map(|skip| skip.to_string()),
        });
        if let (true, Some(object)) = (self.order != i64::MAX, told.as_object_mut()) {
            Map::insert(object, "order".to_owned(), self.order.into());
        }
        told
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, group, strategy) = (&self.model, &self.group, self.policy.strategy.name());
        writeln!(formatter, "{model} leads to the group {group}, drawn by {strategy}")?;
        let has_levels = self.candidates.iter().any(|other| other.order != self.candidates[0].order);
        for candidate in &self.candidates {
            let ExplainedCandidate { deployment, upstream_model, provider, .. } = candidate;
            write!(formatter, "  {deployment}: {upstream_model} at {provider}, ")?;
            match (has_levels, candidate.order) {
                (true, i64::MAX) => formatter.write_str("last in order, ")?,
                (true, order) => write!(formatter, "order {order}, ")?,
                (false, _) => {}
            }
            match candidate.skip {
                Some(skip) => writeln!(formatter, "passed by: {skip}")?,
                None => {
                    let percent = candidate.share * 100.0;
                    let open = candidate.in_flight;
                    writeln!(formatter, "{percent:.0} % of the draws in its order, {open} calls open")?;
                }
            }
        }
        if self.left_out > 0 {
            writeln!(formatter, "  and {} more", self.left_out)?;
        }
        if let Some(kept_by) = &self.kept_by {
            writeln!(formatter, "the beginning of this conversation leads to {kept_by}")?;
        }
        match (&self.next, &self.refusal) {
            (Some(next), _) => writeln!(formatter, "asked now: {next}")?,
            (None, refusal) => {
                writeln!(formatter, "nobody can be asked: {}", refusal.as_deref().unwrap_or_default())?;
            }
        }
        writeln!(formatter, "{} further attempts, {:?} for the whole", self.retries, self.total)?;
        let lists = [
            ("if the group fails", &self.fallbacks.general),
            ("if the input is too long", &self.fallbacks.context_window),
            ("if the content is refused", &self.fallbacks.content_policy),
        ];
        for (when, list) in lists {
            let then = if list.is_empty() { "nobody".to_owned() } else { list.join(", then ") };
            writeln!(formatter, "{when}: {then}")?;
        }
        Ok(())
    }
}
