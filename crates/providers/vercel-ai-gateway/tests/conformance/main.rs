//! The Vercel AI Gateway keeps the rules that every provider keeps, with what its own wire adds: bills and ids.

mod replies;
mod streams;

use trunkline_core::Operation::{ChatCompletions, Embeddings, Responses};
use trunkline_core::{ErrorKind, Retry};
use trunkline_testkit::conformance::{Catalogue, Fixtures, Harness, Refusal, openai};

const CATALOGUE: &str = r#"{"object":"list","data":[
    {"id":"openai/gpt-4.1-nano","object":"model","created":1744321707,"owned_by":"openai","name":"GPT-4.1 nano","type":"language","context_window":1047576,"max_tokens":32768,"tags":["vision"],"pricing":{"input":"0.0000001","output":"0.0000004","input_cache_read":"0.00000003"}},
    {"id":"bfl/flux-3-image","type":"image","pricing":{"image":"0.04"}},
    {"id":"only/an-id"},
    {"id":"next/year","type":"dream","context_window":"large","tags":null,"pricing":{"input":{"tiers":[]}},"unheard_of":[]},
    {"type":"language"},
    null
]}"#;

fn harness() -> Harness {
    Harness::new("vercel_ai_gateway/openai/gpt-4.1-nano", trunkline_vercel_ai_gateway::register)
        .with_upstream(fixtures())
}

fn fixtures() -> Fixtures {
    let ids = ["openai/gpt-4.1-nano", "bfl/flux-3-image", "only/an-id", "next/year"];
    let mut fixtures = openai::fixtures(&[ChatCompletions, Embeddings, Responses]);
    fixtures.whole = replies::whole();
    fixtures.streams.extend(streams::streams());
    fixtures.streams.extend(streams::recorded_messages());
    fixtures.error_events.extend(streams::error_events());
    fixtures.refusals.extend(refusals());
    fixtures.catalogue = Some(Catalogue::new(CATALOGUE, ids));
    fixtures
}

/// Refusals that the gateway alone has, or words in its own way.
fn refusals() -> [Refusal; 10] {
    use ErrorKind::{
        ContextWindowExceeded, UpstreamCredential, UpstreamFailed, UpstreamForbidden, UpstreamInvalidRequest,
        UpstreamNotFound, UpstreamQuotaExceeded, UpstreamRateLimited,
    };
    let typed = |status, kind, error_type: &str, message: &str| {
        let body = format!(r#"{{"error":{{"message":"{message}","type":"{error_type}"}}}}"#);
        Refusal::new(status, body, kind).message(message)
    };
    let messages = |error_type: &str, message: &str| {
        format!(r#"{{"type":"error","error":{{"type":"{error_type}","message":"{message}"}}}}"#)
    };
    let not_found =
        r#"{"error":{"message":"Model 'x/y' not found","type":"model_not_found","param":{"modelId":"x/y"}}}"#;
    [
        typed(400, UpstreamInvalidRequest, "no_providers_available", "No provider is left."),
        typed(401, UpstreamCredential, "authentication_error", "Authentication failed."),
        typed(402, UpstreamCredential, "insufficient_funds", "Insufficient funds."),
        typed(402, UpstreamQuotaExceeded, "quota_for_entity_exceeded", "Quota limit exceeded for u-7."),
        typed(403, UpstreamForbidden, "forbidden", "A routing rule forbids this."),
        Refusal::new(404, not_found, UpstreamNotFound).message("Model 'x/y' not found"),
        typed(424, UpstreamFailed, "failed_dependency", "A dependency is missing.").retry(Retry::NextTarget),
        typed(429, UpstreamRateLimited, "rate_limit_exceeded", "Rate limit exceeded."),
        // Messages have Anthropic's envelope.
        Refusal::new(401, messages("authentication_error", "Authentication failed."), UpstreamCredential)
            .message("Authentication failed."),
        Refusal::new(400, messages("invalid_request_error", "prompt is too long"), ContextWindowExceeded)
            .message("prompt is too long"),
    ]
}

trunkline_testkit::conformance!(harness());
