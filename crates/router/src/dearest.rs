//! The most that a request can cost, wherever it ends.

use std::sync::Arc;

use rust_decimal::Decimal;
use trunkline_core::{Body, Call, Document, Operation};
use trunkline_prices::{Price, estimate};

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
        let changed = changed(&call.body, wishes);
        let most = |of: fn(&Body) -> u64| changed.iter().map(of).fold(of(&call.body), u64::max);
        let input_tokens = most(input_tokens);
        let mut prices = self.prices_of(route);
        for name in reachable(&self.routing.fallbacks, route.group(), wishes) {
            let other = self.resolve(&name).ok().filter(|other| wishes.reach(&name, other));
            prices.extend(other.iter().flat_map(|other| self.prices_of(other)));
        }
        prices.extend(offered.iter().map(|model| self.price(&route.first().prefix, model)));
        let document = match &call.body {
            Body::Document(document) if answers_in_text(call.operation) => Some(document),
            Body::Document(_) | Body::Form(_) | Body::Empty => None,
        };
        // No model can give more than the one that gives most; a limit past what one can give would be refused by it.
        let models_max = prices.iter().flatten().filter_map(|price| price.output_tokens_max).min();
        let output_tokens = document
            .map_or(0, |document| output_bound(call.operation, (document, &changed), models_max, reserve));
        let has_limit =
            document.is_none_or(|document| estimate::output_bound(call.operation, document, None, 0) > 0);
        let paid = most(paid_input_tokens);
        let made = made_output_tokens(call, reserve);
        let amounts: Option<Vec<Decimal>> = prices
            .iter()
            .map(|price| {
                let price = price.as_ref()?;
                // Not everybody who makes images or sound has a price for what comes out.
                price.bound(paid, output_tokens.max(made)).or_else(|| price.bound(paid, output_tokens))
            })
            .collect();
        let of_output = |price: &Option<Arc<Price>>| price.as_ref().and_then(|price| price.bound(0, 1));
        Dearest {
            input_tokens,
            output_tokens,
            limit_to_add: (!has_limit).then(|| models_max.map_or(reserve, |most| most.min(reserve))),
            amount: amounts.and_then(|amounts| amounts.into_iter().max()),
            per_output_token: prices.iter().filter_map(of_output).max(),
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

/// The most output that a request may get: by its own limit, or by that of a fallback that brings another.
fn output_bound(
    operation: Operation,
    (document, changed): (&Document, &[Body]),
    models_max: Option<u64>,
    reserve: u64,
) -> u64 {
    let own = estimate::output_bound(operation, document, models_max, reserve);
    let of_changed = changed.iter().map(|body| {
        let Body::Document(document) = body else { return 0 };
        // A fallback that sets the limit to null takes away what was added: it gets what the models give.
        let is_taken = estimate::limit_members(operation).iter().any(|name| document.raw(name).is_some());
        let reserve = models_max.filter(|_| is_taken).unwrap_or(reserve);
        estimate::output_bound(operation, document, models_max, reserve)
    });
    of_changed.fold(own, u64::max)
}

/// The body as each of the request's own fallbacks changes it.
fn changed(body: &Body, wishes: &Wishes) -> Vec<Body> {
    let Body::Document(document) = body else { return Vec::new() };
    let changes = wishes.own_fallbacks().filter_map(|fallback| fallback.changes.as_ref());
    changes
        .map(|changes| {
            let mut changed = document.clone();
            for name in changes.names() {
                if let Some(value) = changes.raw_bytes(&name) {
                    changed.set_raw(&name, value);
                }
            }
            Body::Document(changed)
        })
        .collect()
}
