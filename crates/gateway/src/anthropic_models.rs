//! The models on offer, in the shape that Anthropic's clients read.

use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use trunkline_core::Error;
use trunkline_router::ListedModel;

use crate::authentication::Caller;
use crate::gateway::Gateway;
use crate::models::{self, invalid_number, json_reply, parameter};
use crate::reply_body::ReplyBody;

/// How many models a page has, where nobody asks for more or fewer. Anthropic's own figures.
const PAGE_DEFAULT: usize = 20;
const PAGE_MAX: usize = 1000;

/// `GET /v1/models` with `anthropic-version`.
///
/// # Errors
///
/// `InvalidRequest` if `limit` is no number from 1 to 1,000.
pub(crate) async fn list(
    gateway: &Gateway,
    caller: &Caller,
    query: &str,
) -> Result<Response<ReplyBody>, Error> {
    let limit = match parameter(query, "limit") {
        None => PAGE_DEFAULT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| invalid_number("limit", 1, PAGE_MAX))?,
    };
    let mut listed = models::listed(gateway, caller, query).await;
    listed.sort_by(|left, right| left.id.cmp(&right.id));
    let (page, has_more) = match (parameter(query, "before_id"), parameter(query, "after_id")) {
        (Some(id), _) => {
            let end = listed.partition_point(|model| model.id < id);
            (&listed[end.saturating_sub(limit)..end], end > limit)
        }
        (None, after) => {
            // An id that has gone meanwhile still has its place among the others, so that none is told twice.
            let start = after.map_or(0, |id| listed.partition_point(|model| model.id <= id));
            let end = listed.len().min(start + limit);
            (&listed[start..end], end < listed.len())
        }
    };
    let data: Vec<Value> = page.iter().map(row).collect();
    let id = |model: Option<&ListedModel>| model.map(|model| model.id.clone());
    let body = json!({
        "data": data,
        "has_more": has_more,
        "first_id": id(page.first()),
        "last_id": id(page.last()),
    });
    Ok(json_reply(StatusCode::OK, &body))
}

/// `GET /v1/models/{model}` with `anthropic-version`.
///
/// # Errors
///
/// `NotFound`.
pub(crate) async fn get(
    gateway: &Gateway,
    caller: &Caller,
    model: &str,
) -> Result<Response<ReplyBody>, Error> {
    Ok(json_reply(StatusCode::OK, &row(&models::find(gateway, caller, model).await?)))
}

fn row(listed: &ListedModel) -> Value {
    let name = listed.info.as_ref().and_then(|info| info.name.as_deref()).unwrap_or(&listed.id);
    json!({ "type": "model", "id": listed.id, "display_name": name, "created_at": created_at(listed) })
}

/// When it was made, as RFC 3339 has it; the beginning of the epoch where nobody tells, as Anthropic does.
fn created_at(listed: &ListedModel) -> String {
    let seconds = listed.info.as_ref().and_then(|info| info.created).unwrap_or_default();
    let moment = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
