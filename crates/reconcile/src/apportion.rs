//! What a day was billed besides all that is known of single calls, apportioned to the estimates of that day.

use rust_decimal::{Decimal, RoundingStrategy};
use trunkline_core::Error;
use trunkline_store::{AttemptRow, CostOrigin, RequestQuery, RequestRow, Store};

use crate::day::DAY_MS;
use crate::mend::{PLACES, of_attempts};
use crate::moment::begin_of;
use crate::options::{Options, PAGE};
use crate::{Day, Upstreams};

/// How long after the end of a day its report may lack something still.
const REPORT_WITHIN_MS: i64 = DAY_MS;

/// How many times as much as what is estimated may be left for it: where it is more, others have called with the account, or
/// calls are billed on another day than they count on here.
const TIMES_MAX: i64 = 2;

/// What rows of one day say of one provider.
#[derive(Debug, Default)]
struct Said {
    /// When the day begins, in milliseconds since 1970.
    begins_at: i64,
    /// How many of them it answered, or was asked last.
    requests: u64,
    /// What is known that it billed.
    known: Decimal,
    /// What is estimated.
    estimated: Decimal,
    /// How many rows do not know what they cost.
    unknown: u64,
    /// How many calls were made by deployments that nobody says the account of.
    foreign: u64,
}

/// What has the estimates of days add up to what was billed for them.
pub(crate) struct Apportioning<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) upstreams: &'a Upstreams,
    pub(crate) options: &'a Options,
    /// Who does it, in the audit log.
    pub(crate) by: &'a str,
}

impl Apportioning<'_> {
    /// Has the estimates of each day add up to what the day was billed besides all that is known, each in proportion to what
    /// it was. Gives how many rows say something else now; a day that is left as it is says why. `failed` rows could not be
    /// asked about.
    ///
    /// To do so twice changes nothing more. If it is ended in between, the next one makes the sum right.
    pub(crate) async fn apportion(&self, days: &mut [Day], failed: u64) -> Result<u64, Error> {
        let mut count = 0;
        for day in days {
            match self.rest_of(day, failed).await? {
                Ok((said, rest)) => {
                    count += self.share_out(&said, rest).await?;
                    day.said += rest - said.estimated;
                }
                Err(why) => day.left_as_it_is = Some(why),
            }
        }
        Ok(count)
    }

    /// What the rows of a day say, and what its estimates are to add up to. Why not, where that is not known.
    async fn rest_of(&self, day: &Day, failed: u64) -> Result<Result<(Said, Decimal), String>, Error> {
        let leave = |why: &str| Ok(Err(why.to_owned()));
        let Some(begins_at) = day.day.parse().ok().and_then(begin_of) else { return leave("it is no day") };
        let ends_at = begins_at + DAY_MS;
        if day.account.is_some() {
            return leave("which account was billed for what is not told");
        }
        if failed > 0 {
            return leave("rows could not be asked about");
        }
        if begins_at < self.options.from || ends_at > self.options.until {
            return leave("only a part of it was looked at");
        }
        if ends_at + REPORT_WITHIN_MS > self.options.now {
            return leave("it has not ended a day ago");
        }
        let mut said = Said { begins_at, ..Said::default() };
        let mut query = rows_of(begins_at);
        while let Some(rows) = page(self.store, &mut query).await? {
            rows.iter().for_each(|row| said.add(row, self.upstreams));
        }
        let rest =
            (day.billed - said.known).round_dp_with_strategy(PLACES, RoundingStrategy::MidpointNearestEven);
        Ok(said.why_not(day, rest).map_or_else(|| Ok((said, rest)), Err))
    }

    /// Gives how many rows say something else now.
    async fn share_out(&self, said: &Said, rest: Decimal) -> Result<u64, Error> {
        if rest == said.estimated {
            return Ok(0);
        }
        let mut shares = Shares { rest, estimated: said.estimated, ..Shares::default() };
        let mut query = rows_of(said.begins_at);
        let mut count = 0;
        while let Some(rows) = page(self.store, &mut query).await? {
            let new = rows.iter().map(|row| with_shares(row, self.upstreams.provider(), &mut shares));
            let changed: Vec<RequestRow> =
                new.zip(&rows).filter_map(|(new, row)| (new != *row).then_some(new)).collect();
            if !changed.is_empty() {
                count += self.store.amend(&changed, self.by, self.options.now).await?;
            }
        }
        Ok(count)
    }
}

fn rows_of(begins_at: i64) -> RequestQuery {
    RequestQuery {
        from: Some(begins_at),
        until: Some(begins_at + DAY_MS),
        limit: PAGE,
        ..RequestQuery::default()
    }
}

/// The next rows of a search. `None` after the last.
async fn page(store: &dyn Store, query: &mut RequestQuery) -> Result<Option<Vec<RequestRow>>, Error> {
    let rows = store.requests(query).await?;
    let last = rows.last().map(|last| (last.started_at, last.request_id.clone()));
    Ok(last.map(|last| {
        query.before = Some(last);
        rows
    }))
}

/// What a reply cost, without attempts.
fn of_reply(row: &RequestRow) -> Decimal {
    row.spend.unwrap_or_default() - of_attempts(&row.attempts).unwrap_or_default()
}

fn is_own(row: &RequestRow, provider: &str) -> bool {
    row.provider.as_deref() == Some(provider)
}

/// What has an id was asked about; what nobody has a record of is estimated still.
fn is_estimated(row: &RequestRow, provider: &str) -> bool {
    is_own(row, provider) && row.cost_origin == CostOrigin::Estimated
}

fn attempt_is_estimated(attempt: &AttemptRow, provider: &str) -> bool {
    attempt.provider == provider && attempt.generation_id.is_none()
}

impl Said {
    fn add(&mut self, row: &RequestRow, upstreams: &Upstreams) {
        let provider = upstreams.provider();
        if is_own(row, provider) {
            self.requests += 1;
            self.unknown += u64::from(row.spend.is_none());
            let deployment = row.deployment.as_deref();
            self.note(of_reply(row), is_estimated(row, provider), upstreams.knows(deployment));
        }
        for attempt in row.attempts.iter().filter(|attempt| attempt.provider == provider) {
            let is_known_there = upstreams.knows(Some(&attempt.deployment));
            let spend = attempt.spend.unwrap_or_default();
            self.note(spend, attempt_is_estimated(attempt, provider), is_known_there);
        }
    }

    fn note(&mut self, spend: Decimal, is_estimated: bool, is_of_the_account: bool) {
        *(if is_estimated { &mut self.estimated } else { &mut self.known }) += spend;
        self.foreign += u64::from(!is_of_the_account && !spend.is_zero());
    }

    /// Why it is not known what the estimates of a day are to add up to, if it is not.
    fn why_not(&self, day: &Day, rest: Decimal) -> Option<String> {
        let Self { requests, estimated, unknown, foreign, .. } = self;
        let why = if estimated.is_zero() && rest.is_zero() {
            return None;
        } else if *requests != day.requests {
            format!("of {} requests {requests} have rows", day.requests)
        } else if *unknown > 0 {
            format!("nobody knows what {unknown} of its requests cost")
        } else if *foreign > 0 {
            format!("{foreign} calls were made by deployments that are not in the configuration")
        } else if rest < Decimal::ZERO {
            "less was billed than is known of single calls".to_owned()
        } else if day.calls == 0 && *requests > 0 {
            "the report has nothing of it".to_owned()
        } else if estimated.is_zero() {
            "nothing of it is estimated".to_owned()
        } else if rest > estimated * Decimal::from(TIMES_MAX) {
            format!(
                "{rest} dollars are left for estimates of {estimated}: somebody else calls with the account"
            )
        } else {
            return None;
        };
        Some(why)
    }
}

/// Shares of an amount, given out one after another. Rounding is never off by more than the last place, and the last share
/// makes the amount whole.
#[derive(Debug, Default)]
struct Shares {
    rest: Decimal,
    estimated: Decimal,
    /// The estimates that have got theirs.
    served: Decimal,
    given: Decimal,
}

impl Shares {
    fn of(&mut self, estimate: Decimal) -> Decimal {
        self.served += estimate;
        let given = self.rest * (self.served / self.estimated);
        let given = given.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointNearestEven);
        let share = given - self.given;
        self.given = given;
        share.normalize()
    }
}

/// A row whose estimates are their shares. It stays estimated: of no single one is it known what it was billed.
fn with_shares(row: &RequestRow, provider: &str, shares: &mut Shares) -> RequestRow {
    let mut new = row.clone();
    for attempt in new.attempts.iter_mut().filter(|attempt| attempt_is_estimated(attempt, provider)) {
        attempt.spend = attempt.spend.map(|spend| shares.of(spend));
    }
    let reply = if is_estimated(row, provider) { shares.of(of_reply(row)) } else { of_reply(row) };
    new.spend = row.spend.map(|_| reply + of_attempts(&new.attempts).unwrap_or_default());
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_make_the_amount_whole() {
        let one = Decimal::ONE;
        let mut shares = Shares { rest: one, estimated: Decimal::from(3), ..Shares::default() };
        let given: Vec<String> = (0..3).map(|_| shares.of(one).to_string()).collect();
        assert_eq!(given, ["0.333333333333", "0.333333333334", "0.333333333333"]);
        let mut nothing = Shares { rest: Decimal::ZERO, estimated: one, ..Shares::default() };
        assert_eq!(nothing.of(one), Decimal::ZERO);
    }
}
