//! The keys of `router_settings`.

use super::row::{KeyRow, Section::RouterSettings as S, Values, key};

const ONE_ATTEMPT: &str = "a call is tried once";
const FIRST_DEPLOYMENT: &str = "a group's first deployment takes every call";
const NO_FALLBACKS: &str = "a failed call is not tried at another group";
const NO_COOLDOWNS: &str = "no deployment is benched";
const NO_PRE_CALL_CHECKS: &str = "an upstream is asked without checks beforehand";
const NO_TAGS: &str = "calls are not routed by tags";
const NO_REDIS: &str = "nothing is shared between replicas";
const NO_CACHE: &str = "replies are not cached";
const NO_QUEUE: &str = "calls do not queue by priority";
const NO_HEALTH_CHECKS: &str = "upstreams are not probed";

pub(super) const ROWS: &[KeyRow] = &[
    key(S, "routing_strategy", "how a deployment is drawn from its group")
        .core()
        .default("simple-shuffle")
        .not_supported_but(Values::OneOf(&["simple-shuffle"]), FIRST_DEPLOYMENT),
    key(S, "routing_strategy_args", "settings of the strategy").not_supported(FIRST_DEPLOYMENT),
    key(S, "routing_groups", "strategies by group").not_supported(FIRST_DEPLOYMENT),
    key(S, "num_retries", "further attempts").core().accepted(Values::Off, ONE_ATTEMPT),
    key(S, "timeout", "seconds until the end of a reply, where `request_timeout` is not set")
        .core()
        .supported(),
    key(S, "stream_timeout", "seconds until a stream's first event").core().supported(),
    key(S, "retry_after", "seconds before a further attempt").accepted(Values::Off, ONE_ATTEMPT),
    key(S, "retry_policy", "further attempts, by kind of failure").core().not_supported(ONE_ATTEMPT),
    key(S, "model_group_retry_policy", "the same, by group").not_supported(ONE_ATTEMPT),
    key(S, "allowed_fails", "failures before a deployment is benched")
        .core()
        .not_supported_but(Values::Nothing, NO_COOLDOWNS),
    key(S, "allowed_fails_policy", "the same, by kind of failure").core().not_supported(NO_COOLDOWNS),
    key(S, "cooldown_time", "seconds on the bench").core().accepted(Values::Off, NO_COOLDOWNS),
    key(S, "disable_cooldowns", "benches no deployment")
        .core()
        .default("false")
        .accepted(Values::Any, NO_COOLDOWNS),
    key(S, "fallbacks", "groups to try next").core().not_supported(NO_FALLBACKS),
    key(S, "context_window_fallbacks", "groups for what is too long").not_supported(NO_FALLBACKS),
    key(S, "content_policy_fallbacks", "groups for what was refused").not_supported(NO_FALLBACKS),
    key(S, "default_fallbacks", "groups to try for all").not_supported(NO_FALLBACKS),
    key(S, "max_fallbacks", "how many to try").not_supported(NO_FALLBACKS),
    key(S, "enable_weighted_failover", "draws the next deployment by weight").not_supported(ONE_ATTEMPT),
    key(S, "enable_mid_stream_fallback_continuation", "goes on elsewhere in the middle of a stream")
        .not_supported(NO_FALLBACKS),
    key(S, "fallback_on_unsupported_params", "falls back when a parameter is unknown")
        .default("true")
        .not_supported(NO_FALLBACKS),
    key(S, "model_group_alias", "other names of groups: `alias: group` or `alias: {model, hidden}`")
        .core()
        .default("{}")
        .supported(),
    key(S, "enable_pre_call_checks", "checks limits and context windows beforehand")
        .core()
        .default("false")
        .accepted(Values::Off, NO_PRE_CALL_CHECKS),
    key(S, "optional_pre_call_checks", "further checks and affinities").restricts_with(
        Values::OneOf(&["router_budget_limiting", "enforce_model_rate_limits"]),
        "there are no budgets, limits and affinities",
    ),
    key(S, "deployment_affinity_ttl_seconds", "how long callers stay").not_supported(FIRST_DEPLOYMENT),
    key(S, "model_group_affinity_config", "affinities by group").not_supported(FIRST_DEPLOYMENT),
    key(S, "enable_tag_filtering", "calls reach deployments by their tags")
        .core()
        .default("false")
        .restricts(NO_TAGS),
    key(S, "tag_filtering_match_any", "one fitting tag is enough")
        .default("true")
        .accepted(Values::Any, NO_TAGS),
    key(S, "tag_routing_prefix", "what tags for routing begin with").not_supported(NO_TAGS),
    key(S, "provider_budget_config", "what each provider may cost").restricts("there are no budgets"),
    key(S, "redis_url", "Redis for what replicas share").not_supported(NO_REDIS),
    key(S, "redis_host", "Redis for what replicas share").core().not_supported(NO_REDIS),
    key(S, "redis_port", "Redis for what replicas share").core().not_supported(NO_REDIS),
    key(S, "redis_password", "Redis for what replicas share").core().not_supported(NO_REDIS),
    key(S, "redis_db", "Redis for what replicas share").not_supported(NO_REDIS),
    key(S, "cache_kwargs", "further settings of Redis").not_supported(NO_REDIS),
    key(S, "cache_responses", "keeps replies").default("false").not_supported(NO_CACHE),
    key(S, "caching_groups", "groups that share kept replies").not_supported(NO_CACHE),
    key(S, "client_ttl", "seconds that HTTP clients are kept")
        .not_supported("connections are kept by the pool"),
    key(S, "default_max_parallel_requests", "`max_parallel_requests` of deployments without their own")
        .supported(),
    key(S, "default_litellm_params", "`litellm_params` of deployments without their own").supported(),
    key(S, "default_priority", "the priority of calls without one").not_supported(NO_QUEUE),
    key(S, "polling_interval", "how often the queue is looked at").not_supported(NO_QUEUE),
    key(S, "enable_health_check_routing", "passes by unhealthy deployments")
        .default("false")
        .not_supported(NO_HEALTH_CHECKS),
    key(S, "health_check_staleness_threshold", "how old a probe may be").not_supported(NO_HEALTH_CHECKS),
    key(S, "health_check_ignore_transient_errors", "which probes count").not_supported(NO_HEALTH_CHECKS),
    key(S, "alerting_config", "where alerts go").not_supported("there are no alerts"),
    key(S, "guardrail_list", "checks on what goes in and out").restricts("there are no guardrails"),
    key(S, "search_tools", "search providers to offer").not_supported("there are no search tools"),
    key(S, "plugins", "extensions in Python").not_supported("there are no plug-ins"),
];
