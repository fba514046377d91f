//! A record and the ledger: its opening before anything is sent, and its row before the reply has ended.

use rust_decimal::Decimal;
use trunkline_core::{Cost, Error, Usage};
use trunkline_ledger::{Closed, Ledger, Opening};
use trunkline_store::RequestRow;

use super::{OpenRecord, Outcome};
use crate::row;

impl OpenRecord {
    /// Leaves an opening in the ledger: whatever becomes of the request from here on, there is a row of it.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable` where there is no room for it, and what has no row is not to be served.
    pub(crate) async fn enter(&mut self, ledger: Option<&Ledger>) -> Result<(), Error> {
        let Some(ledger) = ledger else { return Ok(()) };
        self.charges = self.held.charges();
        let input_tokens = self.input_tokens();
        let input_spend = if self.costs_nothing() {
            // However its giving ends.
            Some(Decimal::ZERO)
        } else {
            self.price.as_ref().and_then(|price| price.bound_at(input_tokens, 0, self.asked_tier))
        };
        let identity = self.record.identity.as_deref();
        let opening = Opening {
            id: self.ledger_id,
            started_at: row::now() - row::milliseconds(self.record.started.elapsed()),
            call_id: &self.record.call_id,
            operation: &self.record.operation,
            route: self.record.route.unwrap_or_default(),
            streamed: self.record.streamed,
            key: identity.map(|identity| identity.index.as_str()),
            user_id: identity.and_then(|identity| identity.user_id.as_deref()),
            team_id: identity.and_then(|identity| identity.team_id.as_deref()),
            customer: self.record.user.as_deref(),
            tags: &self.record.tags,
            model: self.record.model.as_deref().unwrap_or_default(),
            group: self.record.group.as_deref(),
            bound: self.held.bound,
            input_tokens,
            input_spend,
            charges: &self.charges,
        };
        // Held from here on: a caller who leaves while it is being written leaves a row behind.
        self.entry.insert(ledger.begin(&opening)?).synced().await
    }

    /// Tells all that is to be told of it: what it used, what it cost, how it ended. Done once, before the last byte of the
    /// reply goes out, and at the latest when it is dropped.
    pub(crate) fn settle(&mut self) -> Option<Closed> {
        if std::mem::replace(&mut self.is_settled, true) {
            return None;
        }
        self.end(Outcome::CallerGone);
        if self.course.attempts > 0 {
            let course = std::mem::take(&mut self.course);
            self.left_during(course);
        }
        self.estimate();
        if let Some(cap) = self.held.cap.filter(|_| self.record.spent().is_none()) {
            self.record.cost = Some(Cost::Computed(cap));
            self.record.cost_is_estimated = true;
        }
        self.record.duration = Some(self.record.started.elapsed());
        if self.is_free && self.record.attempts > 0 {
            self.record.cost = Some(Cost::Computed(Decimal::ZERO));
        }
        let tokens = self.record.observation.usage.as_ref().map_or(0, Usage::total);
        let closed = self.entry.take().map(|entry| {
            entry.close(&RequestRow { charges: std::mem::take(&mut self.charges), ..row::row(&self.record) })
        });
        // After its row: an account whose spend the store is said to have may be dropped.
        self.held.settle(tokens, self.record.spent());
        self.recorder.settled(&self.record);
        closed
    }
}
