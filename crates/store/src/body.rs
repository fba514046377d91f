//! What of a row no column holds, as one JSON text: so that a row is few values, and a new field is no new column.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use trunkline_core::{Error, Usage};

use crate::failure::unreadable;
use crate::value::is_indexed_whole;
use crate::{AttemptRow, Charge, CostOrigin, RequestRow};

/// The fields of a row, and which of them the text holds. What is as usual is left out.
#[derive(Serialize, Deserialize)]
#[serde(remote = "RequestRow", default = "RequestRow::default")]
struct Body {
    #[serde(skip_serializing_if = "is_indexed_whole")]
    request_id: String,
    #[serde(skip_serializing_if = "is_indexed_whole")]
    call_id: String,
    #[serde(skip)]
    started_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_at: Option<i64>,
    ended_at: i64,
    operation: String,
    route: String,
    #[serde(skip_serializing_if = "is_false")]
    streamed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_kind: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    key: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    team_id: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    model: String,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "is_false")]
    usage_is_estimated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    spend: Option<Decimal>,
    cost_origin: CostOrigin,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    market_cost: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surcharge_cost: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_cost: Option<Decimal>,
    #[serde(skip_serializing_if = "is_false")]
    is_byok: bool,
    #[serde(skip_serializing_if = "is_false")]
    is_contradictory: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_id: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    cache_hit: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<AttemptRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    charges: Vec<Charge>,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_none_or_in_column(text: &Option<String>) -> bool {
    text.as_ref().is_none_or(|text| is_indexed_whole(text))
}

/// The text of a row.
pub(crate) fn write(row: &RequestRow) -> Result<String, Error> {
    let mut text = Vec::with_capacity(1024);
    Body::serialize(row, &mut serde_json::Serializer::new(&mut text))
        .map_err(|error| unreadable("a request", error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The row of a text. What stands in columns is for the caller to fill in, where the text does not hold it.
pub(crate) fn read(text: &str) -> Result<RequestRow, Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Body::deserialize(&mut deserializer).map_err(|error| unreadable("a request", error))
}
