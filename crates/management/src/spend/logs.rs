//! Rows of the ledger, as LiteLLM's spend logs show them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{ActivityQuery, Dimension, RequestQuery, RequestRow};

use crate::asked::Query;
use crate::desk::Desk;
use crate::spend::names::Names;
use crate::spend::scope::{NAMES, Scope};
use crate::spend::sums;
use crate::{Asked, Reply, numbers, times};

/// `GET /spend/logs`: the newest rows, or sums by day where a time is asked for and not each row.
pub(crate) async fn logs(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    const ROWS_MAX: u64 = 10_000;
    let names: Vec<&str> = NAMES.into_iter().chain(["request_id", "summarize"]).collect();
    let query = Query::read(asked.query, &names)?;
    let scope = Scope::read(desk, asked.actor, &query).await?;
    check_tag(&scope)?;
    let is_summed = query.text("summarize").is_none() || query.flag("summarize")?;
    if is_summed && scope.from.is_some() && scope.until.is_some() && query.text("request_id").is_none() {
        return Ok(Reply::ok(by_day(desk, &scope).await?));
    }
    let id = query.text("request_id").map(str::to_owned);
    let found = desk.store().requests(&RequestQuery { id, ..scope.requests(0, ROWS_MAX) }).await?;
    Ok(Reply::ok(rows(desk, &found).await?))
}

/// `GET /spend/logs/v2`: a page of rows.
pub(crate) async fn pages(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let names: Vec<&str> = NAMES.into_iter().chain(["request_id", "page", "page_size"]).collect();
    let query = Query::read(asked.query, &names)?;
    let page = query.page("page_size", 50)?;
    let scope = Scope::read(desk, asked.actor, &query).await?;
    check_tag(&scope)?;
    let id = query.text("request_id").map(str::to_owned);
    let is_one = id.is_some();
    let wanted = RequestQuery { id, ..scope.requests(page.offset(), page.size) };
    let found = desk.store().requests(&wanted).await?;
    let total = if is_one { found.len() as u64 } else { total(desk, &scope).await? };
    Ok(Reply::ok(json!({
        "data": rows(desk, &found).await?,
        "total": total,
        "page": page.number,
        "page_size": page.size,
        "total_pages": page.pages(total),
    })))
}

/// Rows are not found by their tags: whoever asks for those of one must not be shown all.
fn check_tag(scope: &Scope) -> Result<(), Error> {
    if scope.tag.is_none() {
        return Ok(());
    }
    let message = "rows are not found by tags; /tag/daily/activity tells their sums";
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param("tag"))
}

/// How many rows there are, from sums: nobody counts rows. Times are rounded to hours.
async fn total(desk: &Desk, scope: &Scope) -> Result<u64, Error> {
    let query = ActivityQuery { limit: None, ..scope.activity(&[]) };
    Ok(desk.activity(&query).await?.iter().map(|activity| activity.sums.requests).sum())
}

async fn rows(desk: &Desk, found: &[RequestRow]) -> Result<Vec<Value>, Error> {
    let names = Names::read(desk, found.iter().filter_map(|row| row.key.as_deref())).await?;
    Ok(found.iter().map(|row| shown(desk, &names, row)).collect())
}

fn shown(desk: &Desk, names: &Names, row: &RequestRow) -> Value {
    let usage = row.usage.clone().unwrap_or_default();
    let metadata = row.metadata.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let is_success = row.outcome == "completed" && row.status.is_none_or(|status| status < 400);
    json!({
        "request_id": row.request_id,
        "litellm_call_id": row.call_id,
        "call_type": row.operation,
        "api_key": row.key.as_deref().map(|index| names.token(desk, index)).unwrap_or_default(),
        "spend": row.spend.map(numbers::sum),
        "cost_origin": row.cost_origin.name(),
        "total_tokens": usage.input() + usage.all_output(),
        "prompt_tokens": usage.input(),
        "completion_tokens": usage.all_output(),
        "usage_is_estimated": row.usage_is_estimated,
        "startTime": times::text(row.started_at),
        "endTime": times::text(row.ended_at),
        "completionStartTime": row.first_byte_at.and_then(times::text),
        "request_duration_ms": row.ended_at.saturating_sub(row.started_at),
        "model": row.upstream_model.as_deref().unwrap_or(&row.model),
        "model_id": row.deployment,
        "model_group": row.group,
        "custom_llm_provider": row.provider,
        "api_base": row.api_base,
        "user": row.user_id,
        "team_id": row.team_id,
        "end_user": row.customer,
        "metadata": metadata.unwrap_or_else(|| json!({})),
        "cache_hit": if row.cache_hit { "True" } else { "False" },
        "cache_key": row.cache_key,
        "request_tags": row.tags,
        "requester_ip_address": row.client_address,
        "session_id": row.session_id,
        "status": if is_success { "success" } else { "failure" },
        "outcome": row.outcome,
        "error_kind": row.error_kind,
        "generation_id": row.generation_id,
        "attempts": row.attempts.len(),
    })
}

/// One item for each day: its spend, and that of users and models.
async fn by_day(desk: &Desk, scope: &Scope) -> Result<Vec<Value>, Error> {
    let by = [Dimension::Day, Dimension::User, Dimension::Group];
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    for activity in sums::read(desk, scope.activity(&by)).await? {
        let [day, user, model] = activity.values.as_slice() else { continue };
        let spend = activity.sums.spend;
        let day = days.entry(day.clone()).or_default();
        day.spend += spend;
        *day.users.entry(user.clone()).or_default() += spend;
        *day.models.entry(model.clone()).or_default() += spend;
    }
    let amounts = |sums: BTreeMap<String, Decimal>| -> Map<String, Value> {
        sums.into_iter().map(|(name, spend)| (name, numbers::sum(spend))).collect()
    };
    let shown = days.into_iter().map(|(date, day)| {
        json!({
            "startTime": date,
            "spend": numbers::sum(day.spend),
            "users": amounts(day.users),
            "models": amounts(day.models),
        })
    });
    Ok(shown.collect())
}

#[derive(Debug, Default)]
struct Day {
    spend: Decimal,
    users: BTreeMap<String, Decimal>,
    models: BTreeMap<String, Decimal>,
}
