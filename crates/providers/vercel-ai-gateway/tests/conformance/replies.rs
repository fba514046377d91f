//! Whole replies in the gateway's shapes, and what must be read from each.

use trunkline_core::Operation;
use trunkline_testkit::conformance::{Readings, WholeReply};

const CHAT: &str = r#"{"id":"gen_01K8000000000000000000000A","object":"chat.completion","created":1790000001,"model":"openai/gpt-4.1-nano","choices":[{"index":0,"message":{"role":"assistant","content":"Un café, 茶.","provider_metadata":{"openai":{"responseId":"resp_7"},"gateway":{"routing":{"originalModelId":"openai/gpt-4.1-nano","finalProvider":"openai"},"cost":"0.0000189","marketCost":"0.0000200","surchargeCost":"0","gatewayCost":"0.0000190","generationId":"gen_01K8000000000000000000000A"}}},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":61,"completion_tokens":32,"total_tokens":93,"cost":1.88e-5,"is_byok":false,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":30},"market_cost":0.00002,"gateway_cost":0.0000188},"generationId":"gen_01K8000000000000000000000A"}"#;

const EMBEDDINGS: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.01,-0.02]}],"model":"openai/text-embedding-3-small","usage":{"prompt_tokens":6,"total_tokens":6},"providerMetadata":{"gateway":{"routing":{"finalProvider":"openai"},"cost":"0.00000012","marketCost":"0.00000012","gatewayCost":"0.00000012","generationId":"gen_01K8000000000000000000000E"}}}"#;

const RESPONSE: &str = r#"{"id":"resp_01K8000000000000000000000R","object":"response","created_at":1790000001,"status":"completed","error":null,"incomplete_details":null,"model":"openai/gpt-6-sol","output":[{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAAAABo\/+8="},{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Un café, 茶.","annotations":[]}]}],"usage":{"input_tokens":61,"input_tokens_details":{"cached_tokens":60},"output_tokens":32,"output_tokens_details":{"reasoning_tokens":30},"total_tokens":93},"metadata":{},"provider_metadata":{"gateway":{"routing":{"finalProvider":"openai"},"cost":"0.0000189","marketCost":"0.0000200","surchargeCost":"0","gatewayCost":"0.0000190","generationId":"gen_01K8000000000000000000000R"}}}"#;

const COMPACTION: &str = r#"{"id":"resp_01K8000000000000000000000C","object":"response.compaction","created_at":1790000001,"output":[{"id":"cmp_1","type":"compaction","encrypted_content":"gAAAAABo\/+8="}],"usage":{"input_tokens":900,"input_tokens_details":{"cached_tokens":0},"output_tokens":80,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":980},"provider_metadata":{"gateway":{"cost":"0.0026","gatewayCost":"0.0026","generationId":"gen_01K8000000000000000000000C"}}}"#;

const MESSAGE: &str = r#"{"id":"gen_01K8000000000000000000000M","type":"message","role":"assistant","model":"anthropic/claude-sonnet-5.5","content":[{"type":"thinking","thinking":"","signature":"EqQBCkYIBxgCKkBl\/\u002b8="},{"type":"text","text":"Un café, 茶."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"cache_creation_input_tokens":40,"cache_read_input_tokens":20,"output_tokens":32},"provider_metadata":{"anthropic":{},"gateway":{"routing":{"finalProvider":"bedrock"},"cost":"0.00042","marketCost":"0.00042","surchargeCost":"0.000075","gatewayCost":"0.000495","generationId":"gen_01K8000000000000000000000M"}}}"#;

const TOKENS: &str = r#"{"input_tokens":17}"#;

/// As the gateway documents it, without a bill.
const RERANKED: &str = r#"{"id":"gen_01K8000000000000000000000K","results":[{"index":1,"relevance_score":0.99,"document":{"text":"a"}},{"index":0,"relevance_score":1e-05}],"meta":{"api_version":{"version":"1"},"billed_units":{"search_units":1}}}"#;

const RERANKED_WITH_BILL: &str = r#"{"id":"gen_01K8000000000000000000000K","results":[{"index":1,"relevance_score":0.99},{"index":0,"relevance_score":1e-05}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}},"providerMetadata":{"gateway":{"cost":"0.002","marketCost":"0.0025","gatewayCost":"0.002","generationId":"gen_01K8000000000000000000000K"}}}"#;

const IMAGES: &str = r#"{"created":1790000001,"data":[{"b64_json":"iVBORw0KGgo=","mime_type":"image/png"}],"providerMetadata":{"gateway":{"cost":"0.04","marketCost":"0.04","gatewayCost":"0.04","generationId":"gen_01K8000000000000000000000P"}}}"#;

const EVALUATION: &str = r#"{"model":"typesafe-ai/sample","answers":{"polite":{"type":"boolean","probability":0.97}},"usage":{"inputTokens":40,"outputTokens":2},"providerMetadata":{"gateway":{"cost":"0.000009","gatewayCost":"0.000009","generationId":"gen_01K8000000000000000000000V"}}}"#;

/// A whole reply for each operation that the gateway serves.
pub(crate) fn whole() -> Vec<WholeReply> {
    let billed = |text: &str, cost: &str, id: &str| {
        Readings::text(text).cost(cost).generation_id(format!("gen_01K8000000000000000000000{id}"))
    };
    let text = "Un café, 茶.";
    let reranked = || billed("", "0.002", "K");
    let unbilled = || Readings::text("").generation_id("gen_01K8000000000000000000000K");
    let images = || billed("iVBORw0KGgo=", "0.04", "P");
    let replies = [
        (Operation::ChatCompletions, CHAT, billed(text, "0.0000190", "A").tokens(61, 32)),
        (Operation::Embeddings, EMBEDDINGS, billed("", "0.00000012", "E").tokens(6, 0)),
        (Operation::Responses, RESPONSE, billed(text, "0.0000190", "R").tokens(61, 32)),
        (Operation::CompactResponse, COMPACTION, billed("", "0.0026", "C").tokens(900, 80)),
        (Operation::Messages, MESSAGE, billed(text, "0.000495", "M").tokens(61, 32)),
        (Operation::CountTokens, TOKENS, Readings::text("")),
        (Operation::Rerank, RERANKED, unbilled()),
        (Operation::Rerank, RERANKED_WITH_BILL, reranked()),
        (Operation::RerankV2, RERANKED, unbilled()),
        (Operation::RerankV2, RERANKED_WITH_BILL, reranked()),
        (Operation::ImageGenerations, IMAGES, images()),
        (Operation::ImageEdits, IMAGES, images()),
        (Operation::Evaluate, EVALUATION, billed("", "0.000009", "V").tokens(40, 2)),
    ];
    replies
        .into_iter()
        .map(|(operation, body, readings)| WholeReply::new(operation, body, readings))
        .collect()
}
