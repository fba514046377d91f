//! The families that requests are told in: names and labels as LiteLLM has them, those of Trunkline's own behind them.
//!
//! WHEN ADDING A FAMILY: give it its row here and in docs/metrics.md; a test of the server compares them.

use std::borrow::Cow;

use crate::key::{Ending, Subject};
use crate::label::Label;
use crate::page::{Kind, Page, Sample, Samples};
use crate::row::Row;
use crate::spread::Spread;
use crate::totals::Durations;

use Label::{
    ApiBase, ApiKeyAlias, ApiProvider, ExceptionClass, ExceptionStatus, FallbackModel, HashedApiKey,
    LitellmModelName, Model, ModelGroup, ModelId, RequestedModel, Route, StatusCode, Team, TeamAlias, User,
};

/// A family, and what of a tally it tells.
struct Family {
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    labels: &'static [Label],
    value: fn(&Row<'_>) -> Option<Sample>,
}

const fn counter(
    name: &'static str,
    meaning: &'static str,
    labels: &'static [Label],
    value: fn(&Row<'_>) -> Option<Sample>,
) -> Family {
    Family { name, kind: Kind::Counter, meaning, labels, value }
}

const fn histogram(
    name: &'static str,
    meaning: &'static str,
    labels: &'static [Label],
    value: fn(&Row<'_>) -> Option<Sample>,
) -> Family {
    Family { name, kind: Kind::Histogram, meaning, labels, value }
}

const PROXY: &[Label] = &[
    HashedApiKey,
    ApiKeyAlias,
    RequestedModel,
    Team,
    TeamAlias,
    User,
    StatusCode,
    Route,
    ModelId,
    ApiProvider,
];
const PROXY_FAILED: &[Label] = &[
    HashedApiKey,
    ApiKeyAlias,
    RequestedModel,
    Team,
    TeamAlias,
    User,
    ExceptionStatus,
    ExceptionClass,
    Route,
    ModelId,
    ApiProvider,
];
const USE: &[Label] =
    &[HashedApiKey, ApiKeyAlias, Model, Team, TeamAlias, User, RequestedModel, ModelId, ApiProvider];
const DEPLOYMENT: &[Label] = &[
    ModelGroup,
    RequestedModel,
    LitellmModelName,
    ModelId,
    ApiBase,
    ApiProvider,
    HashedApiKey,
    ApiKeyAlias,
    Team,
    TeamAlias,
];
const DEPLOYMENT_FAILED: &[Label] = &[
    ModelGroup,
    RequestedModel,
    LitellmModelName,
    ModelId,
    ApiBase,
    ApiProvider,
    HashedApiKey,
    ApiKeyAlias,
    Team,
    TeamAlias,
    ExceptionStatus,
    ExceptionClass,
];
const FALLBACK: &[Label] = &[
    RequestedModel,
    FallbackModel,
    HashedApiKey,
    ApiKeyAlias,
    Team,
    TeamAlias,
    ExceptionStatus,
    ExceptionClass,
    ModelId,
];
const LATENCY: &[Label] = &[
    ModelGroup,
    HashedApiKey,
    ApiKeyAlias,
    RequestedModel,
    Team,
    TeamAlias,
    User,
    Model,
    ModelId,
    ApiProvider,
];
const OVERHEAD: &[Label] =
    &[ModelGroup, ApiProvider, ApiBase, LitellmModelName, HashedApiKey, ApiKeyAlias, ModelId];

static FAMILIES: &[Family] = &[
    counter("litellm_proxy_total_requests_metric", "Requests to models", PROXY, |row| {
        count(row, is_request(row))
    }),
    counter(
        "litellm_proxy_failed_requests_metric",
        "Requests to models that failed, before the reply or within it",
        PROXY_FAILED,
        |row| count(row, is_request(row) && row.key.ending.failure().is_some()),
    ),
    counter("litellm_requests_metric", "Requests to models that were answered", USE, |row| {
        count(row, is_completed(row))
    }),
    counter("litellm_spend_metric", "US dollars, as far as prices are known", USE, |row| {
        (!row.totals.spend.is_zero() || is_completed(row)).then_some(Sample::Exact(row.totals.spend))
    }),
    counter("litellm_input_tokens_metric", "Tokens of input", USE, |row| {
        tokens(row, row.totals.tokens.input, true)
    }),
    counter("litellm_output_tokens_metric", "Tokens of output", USE, |row| {
        tokens(row, row.totals.tokens.output, true)
    }),
    counter("litellm_total_tokens_metric", "Tokens of input and output", USE, |row| {
        let tokens_of = &row.totals.tokens;
        tokens(row, tokens_of.input.saturating_add(tokens_of.output), true)
    }),
    counter("litellm_input_cached_tokens_metric", "Tokens of input found in a prompt cache", USE, |row| {
        tokens(row, row.totals.tokens.cache_read, false)
    }),
    counter(
        "litellm_input_cache_creation_tokens_metric",
        "Tokens of input written to a prompt cache",
        USE,
        |row| tokens(row, row.totals.tokens.cache_write, false),
    ),
    counter("litellm_input_audio_tokens_metric", "Tokens of input given as sound", USE, |row| {
        tokens(row, row.totals.tokens.audio_input, false)
    }),
    counter("litellm_output_reasoning_tokens_metric", "Tokens of output spent on reasoning", USE, |row| {
        tokens(row, row.totals.tokens.reasoning, false)
    }),
    counter("litellm_output_audio_tokens_metric", "Tokens of output given as sound", USE, |row| {
        tokens(row, row.totals.tokens.audio_output, false)
    }),
    counter("litellm_cache_hits_metric", "Requests that were answered with a kept reply", USE, |row| {
        (row.totals.cache_hits > 0).then_some(Sample::Whole(row.totals.cache_hits))
    }),
    counter("litellm_cache_misses_metric", "Requests for which no kept reply was found", USE, |row| {
        (row.totals.cache_misses > 0).then_some(Sample::Whole(row.totals.cache_misses))
    }),
    histogram("litellm_request_total_latency_metric", "Seconds until a reply was whole", LATENCY, |row| {
        spread(row, |durations| &durations.whole)
    }),
    histogram("litellm_llm_api_latency_metric", "Seconds of it that the upstream took", LATENCY, |row| {
        spread(row, |durations| &durations.upstream)
    }),
    histogram(
        "litellm_llm_api_time_to_first_token_metric",
        "Seconds from asking an upstream until the first event of a stream",
        LATENCY,
        |row| spread(row, |durations| &durations.first_event),
    ),
    histogram(
        "litellm_overhead_latency_metric",
        "Seconds until a reply could begin that no upstream took",
        OVERHEAD,
        |row| spread(row, |durations| &durations.overhead),
    ),
    counter(
        "litellm_deployment_total_requests",
        "Calls to deployments that came to an end",
        DEPLOYMENT,
        |row| count(row, has_answered(row) || has_failed(row)),
    ),
    counter(
        "litellm_deployment_success_responses",
        "Calls to deployments that were answered",
        DEPLOYMENT,
        |row| count(row, has_answered(row)),
    ),
    counter(
        "litellm_deployment_failure_responses",
        "Calls to deployments that failed, before the reply or within it",
        DEPLOYMENT_FAILED,
        |row| count(row, has_failed(row)),
    ),
    counter(
        "litellm_deployment_successful_fallbacks",
        "Groups that were asked after another one, and answered",
        FALLBACK,
        |row| count(row, row.key.subject == Subject::FallbackAnswered),
    ),
    counter(
        "litellm_deployment_failed_fallbacks",
        "Groups that were asked after another one, and did not answer",
        FALLBACK,
        |row| count(row, row.key.subject == Subject::FallbackFailed),
    ),
    counter(
        "trunkline_unpriced_requests",
        "Calls of which nobody knows what they cost, so that they are missing in the spend",
        USE,
        |row| (row.totals.unpriced > 0).then_some(Sample::Whole(row.totals.unpriced)),
    ),
];

/// Adds the families that are made of tallies.
pub(crate) fn tell(page: &mut Page, rows: &[Row<'_>]) {
    for family in FAMILIES {
        let mut samples = Samples::default();
        for row in rows {
            let Some(sample) = (family.value)(row) else { continue };
            let values: Vec<(&str, Cow<'_, str>)> =
                family.labels.iter().map(|label| (label.name(), label.value(row))).collect();
            let labels: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, &**value)).collect();
            samples.add(&labels, sample);
        }
        page.family(family.name, family.kind, family.meaning, &samples);
    }
}

fn count(row: &Row<'_>, is_meant: bool) -> Option<Sample> {
    is_meant.then_some(Sample::Whole(row.totals.count))
}

/// Those of every answered request are told, be they 0; of the others those that there are.
fn tokens(row: &Row<'_>, tokens: u64, is_usual: bool) -> Option<Sample> {
    (tokens > 0 || is_usual && is_completed(row)).then_some(Sample::Whole(tokens))
}

fn spread(row: &Row<'_>, of: fn(&Durations) -> &Spread) -> Option<Sample> {
    let spread = of(row.totals.durations.as_deref()?);
    (spread.count() > 0).then(|| Sample::Spread(Box::new(spread.clone())))
}

fn is_request(row: &Row<'_>) -> bool {
    row.key.subject == Subject::Request
}

fn is_completed(row: &Row<'_>) -> bool {
    is_request(row) && row.key.ending == Ending::Completed
}

/// Whether the deployment answered, for as long as somebody listened.
fn has_answered(row: &Row<'_>) -> bool {
    let is_well = matches!(row.key.ending, Ending::Completed | Ending::LeftReply);
    is_request(row) && is_well && !row.key.deployment.is_empty()
}

/// Whether the deployment failed. One that was given up because another answered first has not.
fn has_failed(row: &Row<'_>) -> bool {
    match (row.key.subject, row.key.ending) {
        (Subject::Attempt, Ending::Failed(_)) => true,
        (Subject::Request, Ending::Cut(_)) => !row.key.deployment.is_empty(),
        _ => false,
    }
}
