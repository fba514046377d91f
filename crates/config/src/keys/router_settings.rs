//! The keys of `router_settings`.

use super::row::{KeyRow, Section::RouterSettings as S, Values, key};

const NO_AFFINITIES: &str = "calls stay with a deployment by their prompt alone (`prompt_cache_affinity`)";
const NO_QUEUE: &str = "calls do not queue by priority";
const NO_HEALTH_ROUTING: &str = "probes do not steer calls";

pub(super) const ROWS: &[KeyRow] = &[
    key(
        S,
        "routing_strategy",
        "how a deployment is drawn from its group: `simple-shuffle`, `least-busy`, `latency-based-routing`, `usage-based-routing-v2`, `cost-based-routing`; a warning for any other",
    )
    .core()
    .default("simple-shuffle")
    .supported(),
    key(S, "routing_strategy_args", "settings of the strategy: `lowest_latency_buffer`, `ttl`")
        .default("{lowest_latency_buffer: 0, ttl: 3600}")
        .supported(),
    key(S, "routing_groups", "strategies by group").not_supported("one strategy holds for all groups"),
    key(S, "num_retries", "further attempts").core().supported(),
    key(S, "timeout", "seconds until the end of a reply, where `request_timeout` is not set")
        .core()
        .supported(),
    key(S, "stream_timeout", "seconds until a stream's first event").core().supported(),
    key(S, "retry_after", "the fewest seconds before a further attempt").default("0").supported(),
    key(S, "retry_policy", "further attempts, by kind of failure").core().default("{}").supported(),
    key(S, "model_group_retry_policy", "the same, by group").default("{}").supported(),
    key(S, "allowed_fails", "failures in a minute before a deployment is benched").core().supported(),
    key(S, "allowed_fails_policy", "the same, by kind of failure").core().default("{}").supported(),
    key(S, "cooldown_time", "seconds on the bench; 0 benches no deployment").core().default("5").supported(),
    key(S, "disable_cooldowns", "benches no deployment").core().default("false").supported(),
    key(S, "fallbacks", "groups to try next: `{group: [groups]}`, in a list or alone")
        .core()
        .default("[]")
        .supported(),
    key(S, "context_window_fallbacks", "groups for what is too long").default("[]").supported(),
    key(S, "content_policy_fallbacks", "groups for what was refused").default("[]").supported(),
    key(S, "default_fallbacks", "groups to try for all that `fallbacks` does not name; else its `*`")
        .default("[]")
        .supported(),
    key(S, "max_fallbacks", "how many groups to try").default("5").supported(),
    key(S, "enable_weighted_failover", "draws the next deployment by weight")
        .not_supported("the strategy draws the next deployment too"),
    key(S, "enable_mid_stream_fallback_continuation", "goes on elsewhere in the middle of a stream")
        .not_supported("a stream that has begun is never tried again"),
    key(S, "fallback_on_unsupported_params", "falls back when a parameter is unknown")
        .default("true")
        .not_supported("no parameter is refused beforehand"),
    key(S, "model_group_alias", "other names of groups: `alias: group` or `alias: {model, hidden}`")
        .core()
        .default("{}")
        .supported(),
    key(S, "enable_pre_call_checks", "checks context windows beforehand")
        .core()
        .default("false")
        .supported(),
    key(S, "optional_pre_call_checks", "further checks and affinities").restricts_with(
        Values::OneOf(&["router_budget_limiting"]),
        "deployments have no budgets; `rpm` and `tpm` hold without it; calls stay with a deployment by their prompt alone (`prompt_cache_affinity`)",
    ),
    key(S, "deployment_affinity_ttl_seconds", "how long callers stay").not_supported(NO_AFFINITIES),
    key(S, "model_group_affinity_config", "affinities by group").not_supported(NO_AFFINITIES),
    key(S, "enable_tag_filtering", "calls reach deployments by their tags")
        .core()
        .default("false")
        .supported(),
    key(S, "tag_filtering_match_any", "one fitting tag is enough; else all must fit")
        .default("true")
        .supported(),
    key(S, "tag_routing_prefix", "what tags for routing begin with")
        .not_supported("every tag is one for routing"),
    key(S, "provider_budget_config", "what each provider may cost").restricts("providers have no budgets"),
    key(S, "redis_url", "the Redis in which replicas share limits and budgets; else that of `cache_params`, else `REDIS_URL`")
        .supported(),
    key(S, "redis_host", "its host; else that of `cache_params`, else `REDIS_HOST`").core().supported(),
    key(S, "redis_port", "its port").core().default("6379").supported(),
    key(S, "redis_username", "its user").supported(),
    key(S, "redis_password", "its password").core().supported(),
    key(S, "redis_db", "the number of its database").default("0").supported(),
    key(S, "redis_ssl", "encrypts the connection").default("false").supported(),
    key(S, "cache_kwargs", "further settings of Redis").not_supported("there are none"),
    key(S, "cache_responses", "keeps replies").default("false").not_supported("`litellm_settings.cache` keeps replies"),
    key(S, "caching_groups", "groups that share kept replies").not_supported("groups share no replies"),
    key(S, "client_ttl", "seconds that HTTP clients are kept")
        .not_supported("connections are kept by the pool"),
    key(S, "default_max_parallel_requests", "`max_parallel_requests` of deployments without their own")
        .supported(),
    key(S, "default_litellm_params", "`litellm_params` of deployments without their own").supported(),
    key(S, "default_priority", "the priority of calls without one").not_supported(NO_QUEUE),
    key(S, "polling_interval", "how often the queue is looked at").not_supported(NO_QUEUE),
    key(S, "enable_health_check_routing", "passes by unhealthy deployments")
        .default("false")
        .not_supported(NO_HEALTH_ROUTING),
    key(S, "health_check_staleness_threshold", "how old a probe may be").not_supported(NO_HEALTH_ROUTING),
    key(S, "health_check_ignore_transient_errors", "which probes count").not_supported(NO_HEALTH_ROUTING),
    key(S, "alerting_config", "where alerts go").not_supported("there are no alerts"),
    key(S, "guardrail_list", "checks on what goes in and out").restricts("there are no guardrails"),
    key(S, "search_tools", "search providers to offer").not_supported("there are no search tools"),
    key(S, "plugins", "extensions in Python").not_supported("there are no plug-ins"),
];
