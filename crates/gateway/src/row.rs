//! A record as a row of the ledger.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use trunkline_core::{Cost, ErrorKind, ReportedCost};
use trunkline_router::Attempt;
use trunkline_store::{AttemptRow, RequestRow};

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
        outcome: record.outcome.unwrap_or(Outcome::Completed).name().to_owned(),
        error_kind: record.outcome.and_then(Outcome::failure).map(ErrorKind::name),
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
        spend: record.spent(),
        cost_origin: record.cost_origin(),
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

fn attempt(attempt: &Attempt) -> AttemptRow {
    AttemptRow {
        group: attempt.group.to_string(),
        deployment: attempt.deployment.to_string(),
        provider: attempt.provider.to_string(),
        upstream_model: attempt.upstream_model.to_string(),
        duration_ms: milliseconds(attempt.duration),
        error_kind: attempt.failure.map(ErrorKind::name),
        status: attempt.status.map(|status| status.as_u16()),
        usage: attempt.usage.clone(),
        spend: attempt.cost.as_ref().and_then(Cost::spend),
        generation_id: attempt.generation_id.clone(),
    }
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}
