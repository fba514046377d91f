//! The keys of `litellm_settings`.

use super::row::{KeyRow, Section::LitellmSettings as S, Values, key};

const ROUTER_FIRST: &str = "counts where `router_settings` has none";
const NO_SHARES: &str = "calls have no priorities";
const NO_CALLBACKS: &str = "there is no callback but `generic_api`, `otel` and `prometheus`";
const REPLY_TTL: &str = "`cache_params.ttl` says how long replies are kept";
const NO_BUDGETS: &str = "budgets are set at each key, user, team, end user and tag";
const KEYS_FREE: &str = "whoever may make keys may call them as they like";
const NO_DEFAULTS: &str = "users and teams have what their request says";
const METRICS_FIXED: &str = "families and labels are those of docs/metrics.md";
const NO_END_USERS: &str = "end users are no labels";
const CUSTOMERS_COUNT: &str = "what is spent for end users is kept with the rest";
const BODIES_UNLOGGED: &str = "bodies are never logged";

pub(super) const ROWS: &[KeyRow] = &[
    key(S, "drop_params", "drops parameters that the provider does not know")
        .core()
        .default("false")
        .accepted(Values::Any, "no parameter is refused; every one goes upstream as the caller sent it"),
    key(S, "modify_params", "allows changes to messages")
        .default("false")
        .not_supported("messages go upstream as they come"),
    key(S, "num_retries", ROUTER_FIRST).core().supported(),
    key(S, "request_timeout", "seconds until the end of a reply; also `REQUEST_TIMEOUT`")
        .core()
        .default("6000")
        .supported(),
    key(S, "fallbacks", ROUTER_FIRST).core().supported(),
    key(S, "context_window_fallbacks", ROUTER_FIRST).core().supported(),
    key(S, "content_policy_fallbacks", ROUTER_FIRST).core().supported(),
    key(S, "default_fallbacks", ROUTER_FIRST).core().supported(),
    key(S, "max_fallbacks", ROUTER_FIRST).default("5").supported(),
    key(S, "allowed_fails", ROUTER_FIRST).core().supported(),
    key(S, "cooldown_time", ROUTER_FIRST).default("5").supported(),
    key(S, "callbacks", "where calls are reported: `generic_api`, `otel`, `prometheus`; see docs/export.md and docs/metrics.md")
        .core()
        .supported(),
    key(S, "success_callback", "likewise").core().supported(),
    key(S, "failure_callback", "likewise").core().supported(),
    key(S, "service_callbacks", "where the service's state is reported").not_supported(NO_CALLBACKS),
    key(S, "audit_log_callbacks", "where changes are reported").not_supported(NO_CALLBACKS),
    key(S, "turn_off_message_logging", "keeps messages out of logs")
        .core()
        .accepted(Values::Any, BODIES_UNLOGGED),
    key(S, "redact_user_api_key_info", "keeps keys out of logs")
        .accepted(Values::Any, "keys are never logged"),
    key(S, "redact_messages_in_exceptions", "keeps messages out of errors")
        .not_supported("an upstream's own words reach the caller"),
    key(S, "cache", "keeps replies and gives them again").core().default("false").supported(),
    key(S, "cache_params", "which replies are kept, for how long, and where; see docs/caching.md")
        .core()
        .supported(),
    key(S, "enable_redis_auth_cache", "keeps keys in Redis").not_supported("keys are kept in memory alone"),
    key(S, "default_in_memory_ttl", "seconds that entries of inner caches are kept").not_supported(REPLY_TTL),
    key(S, "default_redis_ttl", "likewise, in Redis").not_supported(REPLY_TTL),
    key(S, "max_budget", "what all calls may cost, in US dollars; 0 is no budget").supported(),
    key(S, "budget_duration", "how long that budget lasts").core().supported(),
    key(S, "budget_exceeded_status_code", "the status of a spent budget").default("422").supported(),
    key(S, "budget_exceeded_throttle_percentage", "slows down instead of refusing").not_supported(NO_BUDGETS),
    key(S, "max_internal_user_budget", "what a user may cost").restricts(NO_BUDGETS),
    key(S, "internal_user_budget_duration", "how long a user's budget lasts").not_supported(NO_BUDGETS),
    key(S, "max_end_user_budget", "what an end user may cost").restricts(NO_BUDGETS),
    key(S, "max_end_user_budget_id", "the budget of end users").restricts(NO_BUDGETS),
    key(S, "default_soft_budget", "when to warn").not_supported(NO_BUDGETS),
    key(S, "default_internal_user_params", "what new users get").not_supported(NO_DEFAULTS),
    key(S, "default_team_params", "what new teams get").not_supported(NO_DEFAULTS),
    key(S, "default_team_settings", "callbacks of teams").core().not_supported(NO_DEFAULTS),
    key(S, "default_key_generate_params", "what new keys get").core().supported(),
    key(S, "upperbound_key_generate_params", "what new keys may get").core().supported(),
    key(S, "key_generation_settings", "who may make keys").not_supported(KEYS_FREE),
    key(S, "max_ui_session_budget", "what a session of the UI may cost").not_supported("there is no UI"),
    key(S, "tag_budget_config", "what calls with a tag may cost").restricts(NO_BUDGETS),
    key(S, "priority_reservation", "shares of the rate, by priority").restricts(NO_SHARES),
    key(S, "priority_reservation_settings", "how shares are kept").not_supported(NO_SHARES),
    key(S, "model_group_settings", "settings by group").not_supported("settings hold for all groups"),
    key(S, "json_logs", "logs as JSON lines").core().default("false").supported(),
    key(S, "set_verbose", "logs everything").default("false").not_supported("start with `--debug`"),
    key(S, "log_raw_request_response", "logs bodies").default("false").not_supported(BODIES_UNLOGGED),
    key(S, "prometheus_metrics_config", "which metrics are kept").not_supported(METRICS_FIXED),
    key(S, "prometheus_exclude_metrics", "metrics left out").not_supported(METRICS_FIXED),
    key(S, "prometheus_exclude_labels", "labels left out").not_supported(METRICS_FIXED),
    key(S, "custom_prometheus_metadata_labels", "labels from metadata").not_supported(METRICS_FIXED),
    key(S, "custom_prometheus_tags", "labels from tags").not_supported(METRICS_FIXED),
    key(S, "prometheus_emit_stream_label", "a label for streams").not_supported(METRICS_FIXED),
    key(S, "prometheus_latency_buckets", "the buckets of durations").not_supported(METRICS_FIXED),
    key(S, "prometheus_initialize_budget_metrics", "budgets from the start").not_supported(METRICS_FIXED),
    key(S, "require_auth_for_metrics_endpoint", "/metrics wants a key").default("true").supported(),
    key(S, "disable_end_user_cost_tracking", "keeps no spend of end users").not_supported(CUSTOMERS_COUNT),
    key(S, "disable_end_user_cost_tracking_prometheus_only", "keeps end users out of metrics")
        .accepted(Values::Any, NO_END_USERS),
    key(S, "extra_spend_tag_headers", "headers that become tags").not_supported("tags come in `x-litellm-tags` and in bodies"),
    key(S, "store_audit_logs", "keeps a log of changes")
        .accepted(Values::On, "where keys are kept, every change is logged: `GET /audit/logs`"),
    key(S, "include_cost_in_streaming_usage", "adds `usage.cost` to streams")
        .not_supported("replies go out as they come"),
    key(
        S,
        "anthropic_sse_ping_interval_seconds",
        "seconds of silence before a stream of Messages gets a `ping`",
    )
    .default("15")
    .supported(),
    key(S, "sse_keepalive_ping_interval_seconds", "seconds of silence before a stream gets a comment")
        .supported(),
    key(S, "expose_router_debug_in_errors", "adds routing details to errors")
        .default("true")
        .accepted(Values::Off, "an error never shows the configuration"),
    key(S, "cost_discount_config", "a discount by provider")
        .not_supported("costs are what the upstream reports"),
    key(S, "cost_margin_config", "a margin by provider").not_supported("costs are what the upstream reports"),
    key(S, "block_requests_for_models_without_pricing", "refuses models without a price")
        .restricts("set `trunkline_settings.unknown_price: deny`"),
    key(S, "force_ipv4", "speaks to upstreams over IPv4").not_supported("addresses are used as they resolve"),
    key(S, "ssl_verify", "checks upstreams' certificates; for a bundle of your own set `SSL_CERT_FILE`")
        .default("true")
        .supported(),
    key(S, "ssl_certificate", "a certificate shown to upstreams")
        .not_supported("no client certificate is shown"),
    key(S, "http2", "speaks HTTP/2 to upstreams").default("false").supported(),
    key(S, "disable_aiohttp_transport", "uses another HTTP client")
        .accepted(Values::Any, "there is one HTTP client"),
    key(S, "network_mock", "answers without a network").not_supported("use `mock_response` or `echo/`"),
    key(S, "model_alias_map", "other names of models")
        .not_supported("use `router_settings.model_group_alias`"),
    key(S, "custom_provider_map", "providers written in Python").not_supported("providers are Rust crates"),
    key(S, "public_model_groups", "groups shown to strangers").not_supported("listings want the key"),
    key(S, "mcp_aliases", "other names of MCP servers").not_supported("MCP is not spoken"),
    key(S, "guardrails", "checks on what goes in and out").restricts("there are no guardrails"),
    key(S, "overwrite_user_with_key_hash", "sends the key's hash as `user`")
        .not_supported("`user` goes upstream as the caller sent it"),
    key(S, "forward_traceparent_to_llm_provider", "forwards `traceparent`")
        .accepted(Values::On, "`traceparent` is always forwarded"),
    key(S, "validate_end_user_id_in_db", "refuses unknown end users").restricts("end users whom nobody knows are served without limits of their own"),
    key(S, "budget_reset_time", "when budgets begin anew").not_supported(NO_BUDGETS),
    key(S, "enable_json_schema_validation", "checks replies against their schema")
        .not_supported("replies go out as they come"),
    key(S, "route_all_chat_openai_to_responses", "sends chat through /responses")
        .not_supported("each operation goes to its own endpoint"),
    key(S, "key_alias_pattern", "how keys may be called").not_supported(KEYS_FREE),
    key(S, "enable_key_alias_format_validation", "checks how keys are called").not_supported(KEYS_FREE),
    key(S, "model_cost_map_url", "where prices are fetched").not_supported("no prices are fetched"),
    key(S, "s3_callback_params", "settings of a callback").not_supported(NO_CALLBACKS),
    key(S, "langfuse_default_tags", "settings of a callback").not_supported(NO_CALLBACKS),
    key(S, "datadog_*", "settings of a callback").not_supported(NO_CALLBACKS),
    key(S, "gcs_*", "settings of a callback").not_supported(NO_CALLBACKS),
];
