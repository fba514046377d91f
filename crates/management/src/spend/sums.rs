//! Sums as replies show them.

use serde::Serialize;
use serde_json::Number;
use trunkline_core::{Error, ErrorKind, cost};
use trunkline_store::{Activity, ActivityQuery, Sums};

use crate::desk::Desk;

/// The sums that an answer is made of, of which there may be only so many unless fewer are asked for.
///
/// # Errors
///
/// `InvalidRequest` if there are more, and what the store says.
pub(crate) async fn read(desk: &Desk, query: ActivityQuery) -> Result<Vec<Activity>, Error> {
    let sums_max = desk.options().sums_max;
    let limit = query.limit.unwrap_or(sums_max.saturating_add(1));
    let found = desk.activity(&ActivityQuery { limit: Some(limit), ..query }).await?;
    if found.len() as u64 <= sums_max {
        return Ok(found);
    }
    let message =
        format!("the answer would be made of more than {sums_max} sums: ask for fewer days at once");
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param("end_date"))
}

/// The sums of some requests, in LiteLLM's words.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    spend: Number,
    prompt_tokens: u64,
    completion_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: u64,
    reasoning_tokens: u64,
    total_tokens: u64,
    api_requests: u64,
    successful_requests: u64,
    failed_requests: u64,
    unpriced_requests: u64,
    cache_hits: u64,
}

impl From<&Sums> for Shown {
    fn from(sums: &Sums) -> Self {
        Self {
            spend: cost::number(sums.spend.normalize()),
            prompt_tokens: sums.input_tokens,
            completion_tokens: sums.output_tokens,
            cache_read_input_tokens: sums.cache_read_tokens,
            cache_creation_input_tokens: sums.cache_write_tokens,
            reasoning_tokens: sums.reasoning_tokens,
            total_tokens: tokens(sums),
            api_requests: sums.requests,
            successful_requests: sums.completed,
            failed_requests: sums.requests.saturating_sub(sums.completed),
            unpriced_requests: sums.unpriced,
            cache_hits: sums.cache_hits,
        }
    }
}

/// All tokens.
pub(crate) fn tokens(sums: &Sums) -> u64 {
    sums.input_tokens + sums.output_tokens
}

/// Adds sums to sums.
pub(crate) fn add(whole: &mut Sums, part: &Sums) {
    whole.spend += part.spend;
    whole.requests += part.requests;
    whole.completed += part.completed;
    whole.unpriced += part.unpriced;
    whole.cache_hits += part.cache_hits;
    whole.input_tokens += part.input_tokens;
    whole.cache_read_tokens += part.cache_read_tokens;
    whole.cache_write_tokens += part.cache_write_tokens;
    whole.output_tokens += part.output_tokens;
    whole.reasoning_tokens += part.reasoning_tokens;
    whole.duration_ms += part.duration_ms;
}
