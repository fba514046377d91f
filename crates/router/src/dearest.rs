//! The most that a request can cost, wherever it ends.

use std::sync::Arc;

use rust_decimal::Decimal;
use trunkline_core::{Body, Call, Operation, ServiceTier};
use trunkline_prices::{Price, asked_tier, estimate};

use crate::deployment::Deployment;
use crate::estimate::{answers_in_text, input_tokens, made_output_tokens, paid_input_tokens};
use crate::fallbacks::reachable;
use crate::{Route, Router, Wishes};

/// What a request can take at most, before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dearest {
    /// About so many tokens of input.
    pub input_tokens: u64,
    /// The most tokens of output, all answers together. 0 for what is not answered in text.
    pub output_tokens: u64,
    /// The limit of one answer that the request does not have and should be given, so that this is the most.
    pub limit_to_add: Option<u64>,
    /// What that costs at the dearest of all models that may answer, in US dollars, for one attempt. `None` if the price of
    /// one of them is not known.
    pub amount: Option<Decimal>,
    /// What its input alone costs at most.
    pub input_amount: Option<Decimal>,
    /// What a further token of output costs there.
    pub per_output_token: Option<Decimal>,
}

impl Router {
    /// The most that a call can cost: at the dearest deployment of its route, of the groups that stand in for it, and of
    /// the models that its body offers the upstream, which `offered` names in the upstream's spelling.
    ///
    /// `reserve` is how many tokens an answer may have that the request sets no limit.
    pub fn dearest(
        &self,
        route: &Route,
        call: &Call,
        wishes: &Wishes,
        (offered, reserve): (&[String], u64),
    ) -> Dearest {
        let mut targets = vec![route.clone()];
        let names = reachable(&self.routing.fallbacks, route.group(), wishes);
        let others = names.iter().filter_map(|name| Some((name, self.resolve(name).ok()?)));
        targets.extend(others.filter(|(name, other)| wishes.reach(name, other)).map(|(_, other)| other));
        let mut prices: Vec<_> = targets.iter().flat_map(|target| self.prices_of(target)).collect();
        prices.extend(offered.iter().map(|model| self.price(&route.first().prefix, model)));
        let changed = changed(&targets, call, wishes);
        let bodies = || std::iter::once(&call.body).chain(&changed);
        // No model can give more than the one that gives most; a limit past what one can give would be refused by it.
        let models_max = prices.iter().flatten().filter_map(|price| price.output_tokens_max).min();
        let output_tokens =
            bodies().map(|body| output_bound(call.operation, body, models_max, reserve)).max();
        let output_tokens = output_tokens.unwrap_or_default();
        let weighed = |weigh: fn(&Body) -> u64| {
            // What differs elsewhere alone weighs the same, and a long history is not weighed for each fallback.
            let others = changed.iter().filter(|body| !is_read_alike(&call.body, body));
            others.map(weigh).fold(weigh(&call.body), u64::max)
        };
        let input_tokens = weighed(input_tokens);
        let paid = match &call.body {
            Body::Document(_) | Body::Empty => input_tokens,
            Body::Form(_) => weighed(paid_input_tokens),
        };
        let made = bodies().map(|body| made_output_tokens(call.operation, body, reserve)).max();
        let made = made.unwrap_or_default();
        // Two bodies that ask for two tiers get the dearest that is known.
        let tier = bodies().map(tier_of).reduce(ServiceTier::and).unwrap_or_default();
        let amounts: Option<Vec<Decimal>> = prices
            .iter()
            .map(|price| {
                let price = price.as_ref()?;
                // Not everybody who makes images or sound has a price for what comes out.
                let bound = |output_tokens| price.bound_at(paid, output_tokens, tier);
                bound(output_tokens.max(made)).or_else(|| bound(output_tokens))
            })
            .collect();
        let of_input: Vec<Option<Decimal>> =
            prices.iter().map(|price| price.as_ref()?.bound_at(paid, 0, tier)).collect();
        // Behind so much input, and without what a request costs besides.
        let of_output = |(price, of_input): (&Option<Arc<Price>>, &Option<Decimal>)| {
            Some(price.as_ref()?.bound_at(paid, 1, tier)? - (*of_input)?)
        };
        Dearest {
            input_tokens,
            output_tokens,
            limit_to_add: wants_limit(call).then(|| models_max.map_or(reserve, |most| most.min(reserve))),
            amount: amounts.and_then(|amounts| amounts.into_iter().max()),
            per_output_token: prices.iter().zip(&of_input).filter_map(of_output).max(),
            input_amount: of_input.into_iter().flatten().max(),
        }
    }

    /// The prices of all that may answer, each once.
    fn prices_of(&self, route: &Route) -> Vec<Option<Arc<Price>>> {
        match route.members() {
            Some(members) if !members.group.ready.is_empty() => members.group.prices.to_vec(),
            Some(_) | None => {
                let mut prices: Vec<Option<Arc<Price>>> =
                    route.candidates().take(KINDS_MAX).map(|candidate| self.price_of(&candidate)).collect();
                prices.dedup();
                prices
            }
        }
    }
}

/// How many deployments behind one wildcard are looked at. There is hardly ever more than a handful.
const KINDS_MAX: usize = 64;

/// The service tier that a body asks for.
fn tier_of(body: &Body) -> ServiceTier {
    match body {
        Body::Document(document) => asked_tier(|name| document.raw(name)),
        Body::Form(_) | Body::Empty => ServiceTier::Default,
    }
}

/// Whether the input of two bodies is the same.
fn is_read_alike(one: &Body, other: &Body) -> bool {
    match (one, other) {
        (Body::Document(one), Body::Document(other)) => estimate::has_same_input(one, other),
        _ => false,
    }
}

/// Whether a call for text says nothing of how long its answer may be.
fn wants_limit(call: &Call) -> bool {
    match &call.body {
        Body::Document(document) if answers_in_text(call.operation) => {
            estimate::stated_limit(call.operation, document).is_none()
        }
        Body::Document(_) | Body::Form(_) | Body::Empty => false,
    }
}

/// The most output in text that a body may get.
fn output_bound(operation: Operation, body: &Body, models_max: Option<u64>, reserve: u64) -> u64 {
    match body {
        Body::Document(document) if answers_in_text(operation) => {
            // A fallback that sets the limit to null takes away what was added: it gets what the models give.
            let is_taken = estimate::limit_members(operation).iter().any(|name| document.contains(name));
            let reserve = models_max.filter(|_| is_taken).unwrap_or(reserve);
            estimate::output_bound(operation, document, models_max, reserve)
        }
        Body::Document(_) | Body::Form(_) | Body::Empty => 0,
    }
}

/// The body as it may be sent besides: as the request's own fallbacks change it, and with what deployments add to it.
fn changed(targets: &[Route], call: &Call, wishes: &Wishes) -> Vec<Body> {
    let mut bodies: Vec<Body> =
        wishes.own_fallbacks().filter_map(|fallback| fallback.changed(&call.body)).collect();
    let adding: Vec<Arc<Deployment>> = targets.iter().flat_map(adding).collect();
    let mut completed = Vec::new();
    for deployment in adding {
        for body in std::iter::once(&call.body).chain(&bodies) {
            let mut body = body.clone();
            deployment.complete(call.operation, &mut body);
            completed.push(body);
        }
    }
    bodies.append(&mut completed);
    bodies
}

/// The deployments of a route that add something to bodies, one of each kind.
fn adding(route: &Route) -> Vec<Arc<Deployment>> {
    match route.members() {
        Some(members) => members.group.adding.to_vec(),
        None => Vec::new(),
    }
}
