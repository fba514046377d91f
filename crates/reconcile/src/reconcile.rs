//! The way through the ledger: a page of rows, their bills, what of it is to be put right.

use futures_util::{StreamExt as _, stream};
use trunkline_core::Error;
use trunkline_store::{RequestQuery, RequestRow, Store};

use crate::apportion::Apportioning;
use crate::ask::Asked;
use crate::day::days;
use crate::mend::{Bills, mended, same};
use crate::options::{Options, PAGE};
use crate::outcome::{Difference, Failure, Outcome};
use crate::upstreams::Upstreams;

/// How many questions are under way at one time.
const ASKED_AT_ONCE: usize = 8;

/// How many failures are listed with their reasons.
const FAILURES_MAX: usize = 20;

/// After how many failures in a row nothing more is asked: whoever refuses each question is not asked them all.
const FAILURES_IN_A_ROW_MAX: u64 = 20;

/// How long after the end of a request its record may be on its way still.
const RECORD_WITHIN_MS: i64 = 60_000;

/// Holds the rows of a ledger against what was billed for them.
///
/// It can be ended at any time: what was put right so far stays so, and the rest is found again.
///
/// # Errors
///
/// `StoreUnavailable` if the store does not answer. What upstreams refuse is a part of the outcome.
pub async fn reconcile(
    store: &dyn Store,
    upstreams: &Upstreams,
    options: &Options,
) -> Result<Outcome, Error> {
    let mut outcome = Outcome { applied: options.apply_as.is_some().then_some(0), ..Outcome::default() };
    let mut query = RequestQuery {
        from: Some(options.from),
        until: Some(options.until),
        unreconciled: !options.all,
        limit: PAGE,
        ..RequestQuery::default()
    };
    let mut failures_in_a_row = 0;
    loop {
        let rows = store.requests(&query).await?;
        let Some(last) = rows.last() else { break };
        query.before = Some((last.started_at, last.request_id.clone()));
        let asked: Vec<&RequestRow> = rows.iter().filter(|row| can_be_asked(row, upstreams)).collect();
        let answers = stream::iter(asked.iter().map(|row| bills(upstreams, row, options.now)));
        let mut answers = answers.buffered(ASKED_AT_ONCE).zip(stream::iter(&asked));
        let mut changed = Vec::new();
        while let Some((bills, row)) = answers.next().await {
            failures_in_a_row = if bills.is_err() { failures_in_a_row + 1 } else { 0 };
            changed.extend(outcome.note(row, bills, options.listed_max));
            outcome.given_up = failures_in_a_row >= FAILURES_IN_A_ROW_MAX;
            if outcome.given_up {
                break;
            }
        }
        if let (Some(by), false) = (&options.apply_as, changed.is_empty()) {
            let count = store.amend(&changed, by, options.now).await?;
            outcome.applied = outcome.applied.map(|applied| applied + count);
        }
        if (rows.len() as u64) < PAGE || outcome.given_up {
            break;
        }
    }
    if options.days && !upstreams.is_empty() {
        match days(store, upstreams, options.from, options.until).await {
            Ok(Some(mut days)) => {
                if let (Some(by), true) = (&options.apply_as, options.apportion) {
                    let apportioning = Apportioning { store, upstreams, options, by };
                    outcome.apportioned = Some(apportioning.apportion(&mut days, outcome.failed).await?);
                }
                outcome.days = Some(days);
            }
            Ok(None) => outcome.without_days = Some("the account's plan has no reports".to_owned()),
            Err(error) => outcome.without_days = Some(error.to_string()),
        }
    }
    Ok(outcome)
}

/// Whether any of a row's calls was made at the provider that can be asked, and has an id to ask by.
fn can_be_asked(row: &RequestRow, upstreams: &Upstreams) -> bool {
    let provider = upstreams.provider();
    let reply = row.generation_id.is_some() && row.provider.as_deref() == Some(provider);
    reply
        || row.attempts.iter().any(|attempt| attempt.generation_id.is_some() && attempt.provider == provider)
}

/// What was billed for the parts of a row.
async fn bills(upstreams: &Upstreams, row: &RequestRow, now: i64) -> Result<Bills, Error> {
    let is_recent = now.saturating_sub(row.ended_at) < RECORD_WITHIN_MS;
    let is_own = |provider: Option<&str>| provider == Some(upstreams.provider());
    let mut bills = Bills::default();
    if let Some(generation_id) = row.generation_id.as_deref().filter(|_| is_own(row.provider.as_deref())) {
        let told = row.usage.as_ref().filter(|_| !row.usage_is_estimated);
        let deployment = row.deployment.as_deref();
        bills.reply = upstreams.bill(Asked { deployment, generation_id, told, is_recent }).await?;
    }
    for attempt in &row.attempts {
        let id = attempt.generation_id.as_deref().filter(|_| is_own(Some(&attempt.provider)));
        let bill = match id {
            Some(generation_id) => {
                let deployment = Some(attempt.deployment.as_str());
                upstreams.bill(Asked { deployment, generation_id, told: None, is_recent }).await?
            }
            None => None,
        };
        bills.is_awaited |= is_recent && id.is_some() && bill.is_none();
        bills.attempts.push(bill);
    }
    Ok(bills)
}

impl Outcome {
    /// Notes what came of one row. Gives it as it is to be, if that is another.
    fn note(
        &mut self,
        row: &RequestRow,
        bills: Result<Bills, Error>,
        listed_max: usize,
    ) -> Option<RequestRow> {
        self.asked += 1;
        let bills = match bills {
            Ok(bills) => bills,
            Err(error) => {
                self.failed += 1;
                if self.failures.len() < FAILURES_MAX {
                    let (request_id, why) = (row.request_id.clone(), error.to_string());
                    self.failures.push(Failure { request_id, why });
                }
                return None;
            }
        };
        if bills.reply.is_none() && bills.attempts.iter().all(Option::is_none) {
            self.without_record += 1;
            return None;
        }
        let new = mended(row, &bills);
        match &new {
            Some(new) if !same(row.spend, new.spend) => {
                let difference = Difference {
                    request_id: row.request_id.clone(),
                    call_id: row.call_id.clone(),
                    started_at: row.started_at,
                    model: row.upstream_model.clone().unwrap_or_else(|| row.model.clone()),
                    said: row.spend,
                    origin: row.cost_origin,
                    billed: new.spend,
                };
                self.differing += 1;
                self.difference += difference.amount();
                if self.differences.len() < listed_max {
                    self.differences.push(difference);
                }
            }
            Some(_) | None => self.agreeing += 1,
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use trunkline_core::Usage;
    use trunkline_store::AttemptRow;

    use super::*;
    use crate::{Bill, BilledDay, Upstream};

    /// Has a record of one call.
    #[derive(Debug)]
    struct One(&'static str);

    #[async_trait]
    impl Upstream for One {
        async fn bill(&self, generation_id: &str, _: Option<&Usage>) -> Result<Option<Bill>, Error> {
            Ok((generation_id == self.0).then(Bill::default))
        }

        async fn days(&self, _: &str, _: &str) -> Result<Option<Vec<BilledDay>>, Error> {
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_record_of_an_attempt_is_awaited_for_a_minute() {
        let id = |id: &str| Some(id.to_owned());
        let attempt =
            AttemptRow { provider: "p".to_owned(), generation_id: id("of-attempt"), ..AttemptRow::default() };
        let row = RequestRow {
            provider: id("p"),
            generation_id: id("of-reply"),
            attempts: vec![attempt, AttemptRow::default()],
            ..RequestRow::default()
        };
        let is_awaited = async |known: &'static str, now: i64| {
            let mut upstreams = Upstreams::new("p");
            upstreams.add(Arc::new(One(known)));
            bills(&upstreams, &row, now).await.expect("answers").is_awaited
        };
        assert!(is_awaited("of-reply", 30_000).await);
        assert!(!is_awaited("of-attempt", 30_000).await);
        assert!(!is_awaited("of-reply", 60_000).await);
    }
}
