//! What was spent for a request in all, and who says so: the same for the ledger and for whoever is told of it.

use rust_decimal::Decimal;
use trunkline_core::{Cost, ErrorKind};
use trunkline_store::CostOrigin;

use super::{Outcome, Record};

impl Record {
    /// All that was spent: for the reply, and for attempts that were given up. `None` where something was used and nobody
    /// knows what it cost.
    pub fn spent(&self) -> Option<Decimal> {
        let attempts = self.cost_of_attempts();
        match self.spend() {
            Some(spend) => Some(spend.saturating_add(attempts.unwrap_or_default())),
            // Nothing was used for it: what was given up is all there is.
            None if self.is_without_use() && !self.has_unknown_end() => {
                attempts.or_else(|| self.is_free().then_some(Decimal::ZERO))
            }
            None => None,
        }
    }

    /// Where that figure is from.
    pub fn cost_origin(&self) -> CostOrigin {
        match &self.cost {
            Some(Cost::Computed(_)) if self.is_unbilled() => CostOrigin::Free,
            Some(cost @ Cost::Reported(_)) if cost.spend().is_some() => CostOrigin::Reported,
            Some(Cost::Computed(_)) if self.usage_is_estimated || self.cost_is_estimated => {
                CostOrigin::Estimated
            }
            Some(Cost::Computed(_)) => CostOrigin::Computed,
            None if self.has_unknown_end() => CostOrigin::Unknown,
            None if self.cost_of_attempts().is_some() => CostOrigin::Estimated,
            None if self.is_without_use() && self.is_free() => CostOrigin::Free,
            Some(Cost::Reported(_)) | None => CostOrigin::Unknown,
        }
    }

    /// Whether nobody bills for what was asked. It is noted to cost nothing and to have used nothing, and no price makes
    /// that of anything else: without usage there is nothing to work a cost out of.
    fn is_unbilled(&self) -> bool {
        self.observation.usage.is_none() && matches!(&self.cost, Some(Cost::Computed(cost)) if cost.is_zero())
    }

    fn is_without_use(&self) -> bool {
        self.observation.usage.is_none() && self.cost.is_none()
    }

    /// Whether the last one that was asked may have billed for what broke off, and nobody knows how much.
    fn has_unknown_end(&self) -> bool {
        // One that had answered is not among those that failed.
        let has_answered = (self.failed_attempts.len() as u64) < u64::from(self.attempts);
        let is_known =
            || !has_answered && self.failed_attempts.last().is_some_and(|last| last.cost.is_some());
        matches!(self.outcome, Some(Outcome::Failed(kind)) if breaks_off(kind)) && !is_known()
    }

    /// Whether nothing was used that may cost: nobody was asked, or whoever was asked refused. An upstream that was given
    /// up while it worked may have billed for it.
    fn is_free(&self) -> bool {
        match self.outcome {
            Some(Outcome::Failed(kind)) if breaks_off(kind) => false,
            // The gateway stopped, or the caller left: whoever was asked by then goes on working.
            Some(Outcome::Failed(ErrorKind::ShuttingDown) | Outcome::CallerGone) => self.attempts == 0,
            Some(Outcome::Failed(_)) => true,
            // A kept reply costs nothing when it is given again.
            Some(Outcome::Completed) | None => self.cache_key.is_some(),
        }
    }
}

/// Whether an upstream that failed so may have done what it was asked.
fn breaks_off(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UpstreamTimeout | ErrorKind::UpstreamCut | ErrorKind::UpstreamProtocol)
}
