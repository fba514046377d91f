//! Whole days: what the ledger says of them, and what was billed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::Error;
use trunkline_store::{ActivityQuery, Dimension, Store, day};

use crate::amount::amount;
use crate::{BilledDay, Upstreams};

pub(crate) const DAY_MS: i64 = 86_400_000;

/// One day in UTC. A request counts where it began, here and there by another clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// The day: `2026-11-27`.
    pub day: String,
    /// Whose bill it is, where several accounts were asked: some of the deployments that call with it. Two keys of one team
    /// are told the same, so that what is billed to each stands by itself and is added up nowhere. `None` of a single one.
    pub account: Option<String>,
    /// What requests of that day were spent at the provider, as the ledger says.
    pub said: Decimal,
    /// How many of them there were.
    pub requests: u64,
    /// What the upstream billed.
    pub billed: Decimal,
    /// For how many calls. A request may take several, or none.
    pub calls: u64,
    /// Why nothing was [apportioned](crate::Options::apportion) of it, where that was wanted.
    pub left_as_it_is: Option<String>,
}

impl Day {
    /// What was billed, less what the ledger says. `None` where others may be billed for a part of it.
    pub fn difference(&self) -> Option<Decimal> {
        self.account.is_none().then(|| self.billed - self.said)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "day": self.day,
            "account": self.account,
            "ledger": amount(Some(self.said)),
            "billed": amount(Some(self.billed)),
            "difference": amount(self.difference()),
            "requests": self.requests,
            "calls": self.calls,
            "left_as_it_is": self.left_as_it_is,
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
    let mut said: BTreeMap<String, Day> = BTreeMap::new();
    let mut bills = Vec::new();
    for account in upstreams.accounts() {
        let Some(billed) = account.days(&day(from_ms), &day(last_ms)).await? else { return Ok(None) };
        for billed in &billed {
            said.entry(billed.day.clone()).or_default();
        }
        bills.push(billed);
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
            let day = said.entry(name.clone()).or_default();
            day.said += activity.sums.spend;
            day.requests += activity.sums.requests;
        }
    }
    let names = upstreams.names();
    let of_account = |day: &str, said: &Day, (billed, name): (&Vec<BilledDay>, &String)| {
        let billed = || billed.iter().filter(|billed| billed.day == day);
        Day {
            day: day.to_owned(),
            account: (names.len() > 1).then(|| name.clone()),
            billed: billed().map(|billed| billed.spend).sum(),
            calls: billed().map(|billed| billed.requests).sum(),
            ..said.clone()
        }
    };
    let days = said
        .iter()
        .flat_map(|(day, said)| bills.iter().zip(&names).map(move |bill| of_account(day, said, bill)));
    Ok(Some(days.collect()))
}
