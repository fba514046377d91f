//! The Vercel AI Gateway keeps the rules that every provider keeps, with what its own wire adds: bills and ids.

use trunkline_core::Operation::{ChatCompletions, Embeddings};
use trunkline_core::{ErrorKind, Retry};
use trunkline_testkit::conformance::{Catalogue, Fixtures, Harness, Readings, Refusal, WholeReply, openai};

const CHAT: &str = r#"{"id":"gen_01K8000000000000000000000A","object":"chat.completion","created":1790000001,"model":"openai/gpt-4.1-nano","choices":[{"index":0,"message":{"role":"assistant","content":"Un café, 茶.","provider_metadata":{"openai":{"responseId":"resp_7"},"gateway":{"routing":{"originalModelId":"openai/gpt-4.1-nano","finalProvider":"openai"},"cost":"0.0000189","marketCost":"0.0000200","surchargeCost":"0","gatewayCost":"0.0000190","generationId":"gen_01K8000000000000000000000A"}}},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":61,"completion_tokens":32,"total_tokens":93,"cost":1.88e-5,"is_byok":false,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":30},"market_cost":0.00002,"gateway_cost":0.0000188},"generationId":"gen_01K8000000000000000000000A"}"#;

const EMBEDDINGS: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.01,-0.02]}],"model":"openai/text-embedding-3-small","usage":{"prompt_tokens":6,"total_tokens":6},"providerMetadata":{"gateway":{"routing":{"finalProvider":"openai"},"cost":"0.00000012","marketCost":"0.00000012","gatewayCost":"0.00000012","generationId":"gen_01K8000000000000000000000E"}}}"#;

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
    let mut fixtures = openai::fixtures(&[ChatCompletions, Embeddings]);
    fixtures.whole = vec![
        WholeReply::new(
            ChatCompletions,
            CHAT,
            Readings::text("Un café, 茶.")
                .tokens(61, 32)
                .cost("0.0000190")
                .generation_id("gen_01K8000000000000000000000A"),
        ),
        WholeReply::new(
            Embeddings,
            EMBEDDINGS,
            Readings::text("")
                .tokens(6, 0)
                .cost("0.00000012")
                .generation_id("gen_01K8000000000000000000000E"),
        ),
    ];
    fixtures.refusals.extend(refusals());
    fixtures.catalogue = Some(Catalogue::new(CATALOGUE, ids));
    fixtures
}

/// Refusals that the gateway alone has, or words in its own way.
fn refusals() -> [Refusal; 8] {
    use ErrorKind::{
        UpstreamCredential, UpstreamFailed, UpstreamForbidden, UpstreamInvalidRequest, UpstreamNotFound,
        UpstreamQuotaExceeded, UpstreamRateLimited,
    };
    let typed = |status, kind, error_type: &str, message: &str| {
        let body = format!(r#"{{"error":{{"message":"{message}","type":"{error_type}"}}}}"#);
        Refusal::new(status, body, kind).message(message)
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
    ]
}

trunkline_testkit::conformance!(harness());
