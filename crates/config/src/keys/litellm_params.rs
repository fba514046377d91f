//! The keys of `litellm_params`, and the parameters of a call that may stand there as defaults.

use super::row::{KeyRow, Section::LitellmParams as S, Values, key};

const MINUTES_ALONE: &str = "requests and tokens are counted by the minute, all tokens together";
const NO_KEYS: &str = "keys have limits of their own for models, `model_rpm_limit` and `model_tpm_limit`";
const NAMED_PRICES: &str = "costs are worked out from the prices that have a row here";
const NO_PINGS: &str = "use `litellm_settings.sse_keepalive_ping_interval_seconds`";
const FORWARDED: &str = "every parameter goes upstream as the caller sent it";

pub(super) const ROWS: &[KeyRow] = &[
    key(S, "model", "`provider/model`; `*` takes what the caller's `*` took").core().supported(),
    key(S, "api_key", "the credential; else the provider's own variable").core().supported(),
    key(S, "api_base", "the base URL; else the provider's own").core().supported(),
    key(S, "api_version", "the version of Azure's API").core().not_supported("Azure is not a provider here"),
    key(S, "organization", "sent as `openai-organization`").supported(),
    key(S, "custom_llm_provider", "the provider, where `model` does not begin with it").core().supported(),
    key(S, "litellm_credential_name", "a row of `credential_list`, used where this row is silent")
        .supported(),
    key(S, "configurable_clientside_auth_params", "what callers may bring themselves: `api_key`, `api_base`")
        .default("[]")
        .supported(),
    key(S, "extra_headers", "headers added to every call").supported(),
    key(S, "headers", "the same as `extra_headers`").supported(),
    key(S, "extra_body", "members added to every body").supported(),
    key(S, "drop_params", "drops parameters that the provider does not know")
        .accepted(Values::Any, FORWARDED),
    key(S, "additional_drop_params", "parameters never sent upstream").not_supported(FORWARDED),
    key(S, "allowed_openai_params", "parameters sent although unknown").accepted(Values::Any, FORWARDED),
    key(S, "rpm", "requests a minute: weight and limit").core().supported(),
    key(S, "tpm", "tokens a minute: weight and limit").core().supported(),
    key(S, "itpm", "input tokens a minute").not_supported(MINUTES_ALONE),
    key(S, "otpm", "output tokens a minute").not_supported(MINUTES_ALONE),
    key(S, "rpd", "requests a day").not_supported(MINUTES_ALONE),
    key(S, "tpd", "tokens a day").not_supported(MINUTES_ALONE),
    key(S, "daily_reset_time", "when a day begins").not_supported(MINUTES_ALONE),
    key(S, "weight", "share of its group's calls, against the others'").core().supported(),
    key(S, "order", "the lowest of its group goes first").core().supported(),
    key(
        S,
        "max_parallel_requests",
        "calls at one time; further ones are refused with 429, unless another deployment takes them or `queue_wait_ms` lets them wait",
    )
    .core()
    .supported(),
    key(S, "timeout", "seconds until the end of a reply").core().supported(),
    key(S, "stream_timeout", "seconds until a stream's first event").core().supported(),
    key(S, "timeout_by_service_tier", "the same, by tier").not_supported("one timeout holds for all tiers"),
    key(S, "stream_timeout_by_service_tier", "the same, by tier")
        .not_supported("one timeout holds for all tiers"),
    key(S, "max_retries", "further attempts, where `num_retries` is not set").supported(),
    key(S, "num_retries", "further attempts").core().supported(),
    key(S, "cooldown_time", "seconds on the bench; 0 benches it never").supported(),
    key(S, "max_budget", "what it may cost").restricts("deployments have no budgets"),
    key(S, "budget_duration", "how long a budget lasts").not_supported("deployments have no budgets"),
    key(S, "tags", "tags by which calls reach it, with `enable_tag_filtering`").core().supported(),
    key(S, "tag_regex", "patterns of headers by which calls reach it")
        .not_supported("tags are compared as they are"),
    key(S, "input_cost_per_token", "US dollars, used where the upstream reports no cost").core().supported(),
    key(S, "output_cost_per_token", "US dollars, used where the upstream reports no cost").core().supported(),
    key(S, "cache_read_input_token_cost", "a token of input found in the prompt cache").supported(),
    key(S, "cache_creation_input_token_cost", "a token of input written to the prompt cache").supported(),
    key(S, "output_cost_per_reasoning_token", "a token of reasoning").supported(),
    key(S, "input_cost_per_audio_token", "a token of audio that goes in").supported(),
    key(S, "output_cost_per_audio_token", "a token of audio that comes out").supported(),
    key(S, "input_cost_per_request", "a request, beside its tokens").supported(),
    key(S, "input_cost_per_token_flex", "a token of input in the service tier `flex`").supported(),
    key(S, "output_cost_per_token_flex", "a token of output there").supported(),
    key(S, "cache_read_input_token_cost_flex", "a token of input found in the prompt cache there").supported(),
    key(S, "input_cost_per_token_priority", "a token of input in the service tier `priority`").supported(),
    key(S, "output_cost_per_token_priority", "a token of output there").supported(),
    key(S, "cache_read_input_token_cost_priority", "a token of input found in the prompt cache there").supported(),
    key(S, "*cost*", "every other price").not_supported(NAMED_PRICES),
    key(S, "default_api_key_tpm_limit", "tokens a minute for each key").restricts(NO_KEYS),
    key(S, "default_api_key_rpm_limit", "requests a minute for each key").restricts(NO_KEYS),
    key(S, "mock_response", "the answer to every call; nothing goes upstream").core().supported(),
    key(S, "keepalive_seconds", "pings in silent streams").not_supported(NO_PINGS),
    key(S, "allow_client_keepalive_override", "lets callers ask for pings").not_supported(NO_PINGS),
    key(S, "merge_reasoning_content_in_choices", "reasoning as part of the text")
        .not_supported("replies go out as they come"),
    key(S, "use_chat_completions_api", "answers /responses through /chat/completions")
        .not_supported("each operation goes to its own endpoint"),
    key(S, "use_in_pass_through", "credentials for pass-through").not_supported("there is no pass-through"),
    key(S, "use_litellm_proxy", "goes through another LiteLLM proxy")
        .not_supported("use `openai/` with its `api_base`"),
    key(S, "rust", "takes LiteLLM's path in Rust").accepted(Values::Any, "there is no other"),
    key(S, "region_name", "the region of a cloud").not_supported("no provider here has regions"),
    key(S, "aws_*", "credentials for Bedrock").not_supported("Bedrock is not a provider here"),
    key(S, "vertex_*", "credentials for Vertex").not_supported("Vertex is not a provider here"),
    key(S, "azure_*", "credentials for Azure").not_supported("Azure is not a provider here"),
    key(S, "s3_*", "a bucket for batches").not_supported("there are no batches"),
    key(S, "watsonx_*", "credentials for watsonx").not_supported("watsonx is not a provider here"),
    key(S, "anthropic_*", "federated identity at Anthropic").not_supported("use `api_key`"),
    key(S, "openai_*", "federated identity at OpenAI").not_supported("use `api_key`"),
];

/// Parameters of calls. In `litellm_params` they are defaults for callers who do not send them.
const PARAMETERS: &[&str] = &[
    "audio",
    "cache_control",
    "dimensions",
    "encoding_format",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "models",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "provider",
    "providerOptions",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// The rows of the parameters.
pub(super) fn parameter_rows() -> Vec<KeyRow> {
    PARAMETERS.iter().map(|name| key(S, name, "sent when the caller does not send it").supported()).collect()
}

/// Whether a key of `litellm_params` is a parameter of calls.
pub(crate) fn is_parameter(key: &str) -> bool {
    PARAMETERS.contains(&key)
}
