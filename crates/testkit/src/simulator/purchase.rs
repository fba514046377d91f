//! What every call of a model shares: who serves it, whether it can be paid, and the bill.

use std::sync::MutexGuard;

use rust_decimal::Decimal;
use serde_json::Value;

use super::books::Agreed;
use super::call::Call;
use super::catalogue;
use super::error::{self, Circumstances};
use super::fault::Fault;
use super::identifier::{Identifiers, stable_hash};
use super::metadata::{Facts, ProviderMetadata};
use super::money::{self, Bill, Rates, Tokens, decimal_text};
use super::reply::Reply;
use super::request::ChatRequest;
use super::routing::{self, Route};
use super::state::State;
use super::tells::Tells;

/// A call that is served from here on and not yet billed. The state is held, so that nothing comes between.
pub(crate) struct Purchase<'a> {
    call: &'a Call<'a>,
    pub(crate) state: MutexGuard<'a, State>,
    id: String,
    pub(crate) route: Route,
    /// The catalogue's row of the model that serves.
    pub(crate) row: Value,
    quota_entity: Option<String>,
    tells: Tells,
}

/// A call that is billed, and what is told of that.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The generation id, by which `/v1/generation` knows it.
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) route: Route,
    pub(crate) bill: Bill,
    /// The service tier that was billed.
    pub(crate) tier: &'static str,
    pub(crate) metadata: ProviderMetadata,
    /// For the ids and seals that only one dialect has.
    pub(crate) identifiers: Identifiers,
}

impl<'a> Purchase<'a> {
    /// Routes a request to a model of one of these types, and adds the faults that the model's name asks for.
    pub(crate) fn open(
        call: &'a Call<'a>,
        request: &ChatRequest,
        kinds: &[&str],
        faults: &mut Vec<Fault>,
    ) -> Result<Self, Reply> {
        let mut state = call.shared.state();
        let clock = state.clock;
        let id = state.identifiers.generation(clock.now_ms());
        let at = Circumstances { model: &request.model, generation_id: &id, clock };
        let route = routing::route(request, at)?;
        faults.extend(Fault::by_model_name(&route.served));
        let row = find(&state, &route.served, kinds)?;
        let quota_entity = request.gateway()["quotaEntityId"].as_str().map(str::to_owned);
        refuse_spending(&state, quota_entity.as_deref(), route.byok)?;
        Ok(Self { call, state, id, route, row, quota_entity, tells: Tells::of(faults) })
    }

    /// The share of the list price that is billed.
    pub(crate) fn share(&self) -> Decimal {
        self.state.shares.get(&self.route.served).copied().unwrap_or(Decimal::ONE)
    }

    /// A price of the row, 0 if it has none of that name.
    pub(crate) fn price(&self, key: &str) -> Decimal {
        self.row["pricing"][key].as_str().and_then(|price| price.parse().ok()).unwrap_or_default()
    }

    /// Bills what is not priced by tokens.
    pub(crate) fn settle_at(self, market: Decimal, tokens: Tokens) -> Settled {
        let byok = self.route.byok;
        let share = if byok { Decimal::ZERO } else { self.share() };
        let bill = Bill { market_input: market, share, byok, ..Bill::default() };
        self.settle(bill, None, tokens, None, "stop")
    }

    /// Bills tokens.
    pub(crate) fn settle_tokens(
        self,
        tokens: Tokens,
        session: Option<&str>,
        finish_reason: &'static str,
    ) -> Settled {
        let rates = Rates::of(&self.row, tokens.prompt, self.call.asked.tier.as_deref());
        let bill = rates.bill(&tokens, self.share(), self.route.byok);
        self.settle(bill, Some(rates), tokens, session, finish_reason)
    }

    fn settle(
        mut self,
        bill: Bill,
        rates: Option<Rates>,
        tokens: Tokens,
        session: Option<&str>,
        finish_reason: &'static str,
    ) -> Settled {
        let clock = self.state.clock;
        let surcharge = self.state.surcharges.get(&self.route.served).copied().unwrap_or_default();
        let bill = Bill { surcharge, ..bill };
        let tier = match rates {
            Some(_) => money::service_tier(&self.row, self.call.asked.tier.as_deref()),
            None => "default",
        };
        let facts = Facts {
            generation_id: &self.id,
            started_ms: clock.now_ms(),
            ended_ms: clock.now_ms(),
            request_id: self.state.identifiers.prefixed("req_"),
            response_id: self.state.identifiers.prefixed("resp_"),
            session,
            cache_hit: tokens.cache_read > 0,
            tier,
            tells: self.tells,
        };
        let metadata = ProviderMetadata::new(&self.route, &bill, &facts);
        let Self { call, mut state, id, route, quota_entity, .. } = self;
        state.charge(bill.gateway(), quota_entity.as_deref());
        let number = call.exchange.id();
        state.books.note(number, |billed| {
            billed.generation_id = Some(id.clone());
            billed.model.clone_from(&route.served);
            route.provider().clone_into(&mut billed.provider);
            tier.clone_into(&mut billed.tier);
            billed.is_byok = bill.byok;
            billed.discount = if bill.byok { Decimal::ZERO } else { Decimal::ONE - bill.share };
            finish_reason.clone_into(&mut billed.finish_reason);
        });
        let agreed = Agreed { bill, tokens, rates, quota_entity };
        state.books.agree(number, agreed, call.shared.options.generation_misses);
        drop(state);
        call.exchange.note(|request| {
            request.generation_id = Some(id.clone());
            request.billed = Some(bill.gateway());
        });
        let identifiers = Identifiers::new(stable_hash(id.as_bytes()));
        Settled { id, created: clock.now_seconds(), route, bill, tier, metadata, identifiers }
    }
}

/// The catalogue's row of a model, which must be of one of the types that are wanted.
pub(crate) fn find(state: &State, model: &str, wanted: &[&str]) -> Result<Value, Reply> {
    let Some(row) = state.catalogue.find(model) else {
        return match Fault::by_model_name(model) {
            Some(_) => Ok(catalogue::unlisted(model)),
            None => Err(error::unknown_model(model)),
        };
    };
    match row["type"].as_str() {
        Some(kind) if !wanted.contains(&kind) => {
            Err(error::wrong_model_type(model, kind, wanted.first().copied().unwrap_or_default()))
        }
        _ => Ok(row.clone()),
    }
}

/// Refuses when there is nothing left to spend. Both limits are soft: the call that crosses them was served.
pub(crate) fn refuse_spending(state: &State, quota_entity: Option<&str>, byok: bool) -> Result<(), Reply> {
    if state.balance <= Decimal::ZERO && !byok {
        return Err(error::insufficient_funds());
    }
    let budget = quota_entity.and_then(|entity| Some((entity, state.budgets.get(entity)?)));
    match budget {
        Some((entity, budget)) if budget.spent >= budget.limit => {
            let (spent, limit) = (decimal_text(budget.spent), decimal_text(budget.limit));
            Err(error::quota_exceeded(entity, &spent, &limit))
        }
        _ => Ok(()),
    }
}
