//! The handle by which a test drives a running simulator.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;

use super::billed::BilledCall;
use super::exchange::RecordedRequest;
use super::fault::FaultRule;
use super::options::{Pacing, Quirks};
use super::state::{Budget, Shared, State};

/// Drives a simulator; clones drive the same one.
#[derive(Debug, Clone)]
pub struct Control {
    pub(crate) shared: Arc<Shared>,
}

impl Control {
    /// Puts the simulator back to how it was started: no rules, no records, the first balance and catalogue.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Makes something go wrong: a [`Fault`](super::Fault) for the next request, or a [`FaultRule`].
    ///
    /// Rules are looked at in the order in which they were added; the first that matches befalls a request.
    pub fn fault(&self, rule: impl Into<FaultRule>) {
        self.shared.state().rules.push(rule.into());
    }

    /// Takes all rules back.
    pub fn clear_faults(&self) {
        self.shared.state().rules.clear();
    }

    /// Lets one stalled reply go on; called ahead of the stall, it is remembered.
    pub fn release(&self) {
        self.shared.release();
    }

    /// Changes how events are put on the wire, from the next reply on.
    pub fn set_pacing(&self, pacing: Pacing) {
        self.shared.state().pacing = pacing;
    }

    /// Switches habits of the gateway, from the next request on.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.shared.state().quirks = quirks;
    }

    /// Sets the balance in USD; at 0 and below calls are refused with 402.
    pub fn set_balance(&self, balance: Decimal) {
        self.shared.state().balance = balance;
    }

    /// The balance in USD.
    pub fn balance(&self) -> Decimal {
        self.shared.state().balance
    }

    /// Limits what `providerOptions.gateway.quotaEntityId` may spend; the call that crosses the limit is served.
    pub fn set_budget(&self, quota_entity: impl Into<String>, limit: Decimal) {
        let mut state = self.shared.state();
        state.budgets.insert(quota_entity.into(), Budget { limit, spent: Decimal::ZERO });
    }

    /// Bills this share of a model's list price: 1 is all, 0.5 half.
    pub fn set_share(&self, model: impl Into<String>, share: Decimal) {
        self.shared.state().shares.insert(model.into(), share);
    }

    /// Bills this much besides for each call of a model of which anything is sent.
    pub fn set_surcharge(&self, model: impl Into<String>, surcharge: Decimal) {
        self.shared.state().surcharges.insert(model.into(), surcharge);
    }

    /// What second since 1970 it is for the simulator.
    pub fn now(&self) -> u64 {
        self.shared.state().clock.now_seconds()
    }

    /// Moves the clock to this second since 1970 and stops it there; `None` lets the system's clock run.
    pub fn set_now(&self, seconds: Option<u64>) {
        self.shared.state().clock.fixed_seconds = seconds;
    }

    /// Adds a row to the catalogue, or takes the place of the one with its `id`. Calls are billed by its `pricing`.
    pub fn add_model(&self, row: Value) {
        self.shared.state().catalogue.add(row);
    }

    /// Removes a row of the catalogue, and says whether it was there.
    pub fn remove_model(&self, id: &str) -> bool {
        self.shared.state().catalogue.remove(id)
    }

    /// The ids in the catalogue, in order.
    pub fn model_ids(&self) -> Vec<String> {
        let state = self.shared.state();
        state.catalogue.rows().iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
    }

    /// The requests received so far, as far as they are kept.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().requests.iter().cloned().collect()
    }

    /// What was billed for them together, in USD.
    pub fn billed(&self) -> Decimal {
        self.shared.state().total_used
    }

    /// The bill: every call of a model that has ended, by arrival, as far as they are kept.
    pub fn bill(&self) -> Vec<BilledCall> {
        self.shared.state().books.bill().cloned().collect()
    }

    /// Waits until no call of a model is under way, and gives the bill.
    pub async fn settled_bill(&self) -> Vec<BilledCall> {
        let bill =
            |state: &State| (state.books.under_way() == 0).then(|| state.books.bill().cloned().collect());
        self.shared.wait_for(bill).await
    }

    /// Waits until `find` finds what it looks for among the requests.
    pub async fn wait_for<T>(&self, find: impl Fn(&RecordedRequest) -> Option<T> + Send + Sync) -> T {
        self.shared.wait(|requests| requests.iter().find_map(&find)).await
    }

    /// Waits until at least `count` requests were received, and gives them.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<RecordedRequest> {
        self.shared
            .wait(|requests| (requests.len() >= count).then(|| requests.iter().cloned().collect()))
            .await
    }

    /// Waits until the request at `index` of those kept has ended, and gives it.
    pub async fn wait_until_ended(&self, index: usize) -> RecordedRequest {
        self.shared
            .wait(|requests| requests.get(index).filter(|request| request.ended.is_some()).cloned())
            .await
    }
}
