//! Whole days: what the ledger says of them, and what was billed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::Error;
use trunkline_store::{ActivityQuery, Dimension, Store};

use crate::Upstreams;
use crate::amount::amount;
use crate::moment::day;

const DAY_MS: i64 = 86_400_000;

/// One day in UTC. A request counts where it began, here and there by another clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// The day: `2026-11-27`.
    pub day: String,
    /// What requests of that day were spent at the provider, as the ledger says.
    pub said: Decimal,
    /// How many of them there were.
    pub requests: u64,
    /// What the upstream billed.
    pub billed: Decimal,
    /// For how many calls. A request may take several, or none.
    pub calls: u64,
}

impl Day {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "day": self.day,
            "ledger": amount(Some(self.said)),
            "billed": amount(Some(self.billed)),
            "difference": amount(Some(self.billed - self.said)),
            "requests": self.requests,
            "calls": self.calls,
        })
    }
}

/// All days from one time to another, of which either tells anything. `None` if an account is told no days.
pub(crate) async fn days(
    store: &dyn Store,
    upstreams: &Upstreams,
    from_ms: i64,
    until_ms: i64,
) -> Result<Option<Vec<Day>>, Error> {
    let last_ms = until_ms.saturating_sub(1).max(from_ms);
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    for account in upstreams.accounts() {
        let Some(billed) = account.days(&day(from_ms), &day(last_ms)).await? else { return Ok(None) };
        for billed in billed {
            let day = days.entry(billed.day).or_default();
            day.billed += billed.spend;
            day.calls += billed.requests;
        }
    }
    let query = ActivityQuery {
        by: vec![Dimension::Day, Dimension::Provider],
        from: Some(from_ms.div_euclid(DAY_MS) * DAY_MS),
        until: Some(last_ms.div_euclid(DAY_MS).saturating_add(1).saturating_mul(DAY_MS)),
        ..ActivityQuery::default()
    };
    for activity in store.activity(&query).await? {
        let [name, provider] = activity.values.as_slice() else { continue };
        if provider == upstreams.provider() {
            let day = days.entry(name.clone()).or_default();
            day.said += activity.sums.spend;
            day.requests += activity.sums.requests;
        }
    }
    Ok(Some(days.into_iter().map(|(name, day)| Day { day: name, ..day }).collect()))
}
