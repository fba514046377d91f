//! A record as a row of the ledger.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rust_decimal::Decimal;
use trunkline_core::{Cost, ErrorKind, ReportedCost};
use trunkline_router::Attempt;
use trunkline_store::{AttemptRow, CostOrigin, RequestRow};

use crate::record::{Outcome, Record};

/// The row of a request that has ended. What it is charged to, and by which id the ledger knows it, is added by whoever
/// opened it.
pub(crate) fn row(record: &Record) -> RequestRow {
    let ended_at = now();
    let started_at = ended_at - record.duration.map_or(0, milliseconds);
    let observation = &record.observation;
    let reported = match &record.cost {
        Some(Cost::Reported(reported)) => reported.clone(),
        Some(Cost::Computed(_)) | None => ReportedCost::default(),
    };
    let identity = record.identity.as_deref();
    let shared = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    RequestRow {
        call_id: record.call_id.clone(),
        started_at,
        first_byte_at: record.until_reply.map(|until| started_at + milliseconds(until)),
        ended_at,
        operation: record.operation.to_string(),
        route: record.route.unwrap_or_default().to_owned(),
        streamed: record.streamed,
        status: record.status.map(|status| status.as_u16()),
        outcome: outcome(record.outcome).to_owned(),
        error_kind: match record.outcome {
            Some(Outcome::Failed(kind)) => Some(name(kind)),
            Some(Outcome::Completed | Outcome::CallerGone) | None => None,
        },
        key: identity.map(|identity| identity.index.as_str().to_owned()),
        user_id: identity.and_then(|identity| shared(&identity.user_id)),
        team_id: identity.and_then(|identity| shared(&identity.team_id)),
        customer: record.user.clone(),
        tags: record.tags.clone(),
        model: record.model.clone().unwrap_or_default(),
        group: shared(&record.group),
        deployment: shared(&record.deployment),
        provider: shared(&record.provider),
        upstream_model: shared(&record.upstream_model),
        usage: observation.usage.clone(),
        usage_is_estimated: record.usage_is_estimated,
        spend: spend(record),
        cost_origin: origin(record),
        cost: reported.cost,
        market_cost: reported.market_cost,
        surcharge_cost: reported.surcharge_cost,
        gateway_cost: reported.gateway_cost,
        is_byok: reported.is_byok,
        is_contradictory: reported.is_contradictory(),
        cache_hit: record.cache_key.is_some(),
        cache_key: record.cache_key.clone(),
        generation_id: observation.generation_id.clone(),
        attempts: record.failed_attempts.iter().map(attempt).collect(),
        ..RequestRow::default()
    }
}

/// All that was spent: for the reply, and for attempts that were given up. `None` where something was used and nobody knows
/// what it cost.
pub(crate) fn spend(record: &Record) -> Option<Decimal> {
    let attempts = record.cost_of_attempts();
    match record.spend() {
        Some(spend) => Some(spend.saturating_add(attempts.unwrap_or_default())),
        // Nothing was used for it: what was given up is all there is.
        None if record.observation.usage.is_none() && record.cost.is_none() => {
            attempts.or_else(|| is_free(record).then_some(Decimal::ZERO))
        }
        None => None,
    }
}

/// Whether nothing was used that may cost: nobody was asked, or whoever was asked refused. An upstream that was given up
/// while it worked may have billed for it.
fn is_free(record: &Record) -> bool {
    match record.outcome {
        Some(Outcome::Failed(
            ErrorKind::UpstreamTimeout | ErrorKind::UpstreamCut | ErrorKind::UpstreamProtocol,
        )) => false,
        // The gateway stopped, or the caller left: whoever was asked by then goes on working.
        Some(Outcome::Failed(ErrorKind::ShuttingDown) | Outcome::CallerGone) => record.attempts == 0,
        Some(Outcome::Failed(_)) => true,
        Some(Outcome::Completed) | None => record.cache_key.is_some(),
    }
}

fn origin(record: &Record) -> CostOrigin {
    match &record.cost {
        Some(Cost::Reported(reported)) if Cost::Reported(reported.clone()).spend().is_some() => {
            CostOrigin::Reported
        }
        Some(Cost::Computed(_)) if record.usage_is_estimated => CostOrigin::Estimated,
        Some(Cost::Computed(_)) => CostOrigin::Computed,
        None if record.cost_of_attempts().is_some() => CostOrigin::Estimated,
        None if record.observation.usage.is_none() && is_free(record) => CostOrigin::Free,
        Some(Cost::Reported(_)) | None => CostOrigin::Unknown,
    }
}

fn outcome(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Completed) | None => "completed",
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::CallerGone) => "caller_gone",
    }
}

fn attempt(attempt: &Attempt) -> AttemptRow {
    AttemptRow {
        group: attempt.group.to_string(),
        deployment: attempt.deployment.to_string(),
        provider: attempt.provider.to_string(),
        upstream_model: attempt.upstream_model.to_string(),
        duration_ms: milliseconds(attempt.duration),
        error_kind: attempt.failure.map(name),
        status: attempt.status.map(|status| status.as_u16()),
        usage: attempt.usage.clone(),
        spend: attempt.cost.as_ref().and_then(Cost::spend),
        generation_id: None,
    }
}

/// A kind's name, as rows have it: `upstream_timeout`.
fn name(kind: ErrorKind) -> String {
    let mut name = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}
