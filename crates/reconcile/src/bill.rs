//! What an upstream is asked, and what it tells.

use std::fmt;

use async_trait::async_trait;
use rust_decimal::Decimal;
use trunkline_core::{Error, ReportedCost, Usage};

/// Somebody who bills for calls, and can be asked for what.
#[async_trait]
pub trait Upstream: fmt::Debug + Send + Sync + 'static {
    /// What was billed for one call. `told` is what its reply told of tokens, if it did. `None` if there is no record of
    /// it.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being known. What may pass is asked again.
    async fn bill(&self, generation_id: &str, told: Option<&Usage>) -> Result<Option<Bill>, Error>;

    /// What was billed from one day to another, both in UTC (`2026-11-27`) and inside. `None` if that is not told to this
    /// account.
    ///
    /// # Errors
    ///
    /// As [`Upstream::bill`].
    async fn days(&self, first: &str, last: &str) -> Result<Option<Vec<BilledDay>>, Error>;
}

/// What was billed for one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// The amounts.
    pub cost: ReportedCost,
    /// What was used.
    pub usage: Usage,
}

/// What was billed on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BilledDay {
    /// The day in UTC: `2026-11-27`.
    pub day: String,
    /// All of it, in US dollars.
    pub spend: Decimal,
    /// For how many calls.
    pub requests: u64,
}
