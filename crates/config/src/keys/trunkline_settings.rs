//! The keys of `trunkline_settings`, Trunkline's own section.

use super::row::{KeyRow, Section::TrunklineSettings as S, key};

/// A test holds names and defaults to [`crate::TrunklineSettings`].
pub(super) const ROWS: &[KeyRow] = &[
    key(S, "body_bytes_max", "a request body, as it comes over the wire").default("104857600").supported(),
    key(S, "body_inflated_bytes_max", "a request body, inflated").default("104857600").supported(),
    key(S, "json_depth_max", "how deep a request body may be nested").default("128").supported(),
    key(S, "reply_bytes_max", "a whole reply of an upstream").default("104857600").supported(),
    key(S, "event_bytes_max", "one event of a stream").default("33554432").supported(),
    key(S, "stream_buffer_total_bytes", "what all streams together may hold back")
        .default("268435456")
        .supported(),
    key(S, "header_bytes_max", "address and headers of a request, in bytes").default("65536").supported(),
    key(S, "header_timeout_ms", "until a request's headers are there").default("10000").supported(),
    key(S, "body_idle_timeout_ms", "between two pieces of a request body").default("30000").supported(),
    key(S, "downstream_write_timeout_ms", "for a caller to take what is written")
        .default("60000")
        .supported(),
    key(S, "connections_max", "callers' connections; 0 leaves it to the limit on open files")
        .default("0")
        .supported(),
    key(S, "connect_timeout_ms", "until a connection to an upstream stands").default("5000").supported(),
    key(S, "first_event_timeout_ms", "until the first event of a stream").default("300000").supported(),
    key(S, "idle_timeout_ms", "between two pieces of a reply").default("300000").supported(),
    key(S, "total_timeout_ms", "until the end of a reply").default("6000000").supported(),
    key(S, "group_waits", "of single groups, by their names: the four keys above this one")
        .default("{}")
        .supported(),
    key(S, "global_limits", "what all callers together may use: `rpm_limit`, `tpm_limit`, `max_parallel_requests`, and the same of single `models`, by the names of their groups")
        .default("{}")
        .supported(),
    key(S, "shutdown_grace_seconds", "for open calls to end after SIGTERM").default("600").supported(),
    key(S, "shutdown_delay_seconds", "between SIGTERM and the closed door").default("0").supported(),
    key(S, "cors_origins", "origins of pages that may call; `*` for all").default("[\"*\"]").supported(),
    key(S, "reasoning_content", "adds `reasoning_content` where an upstream says `reasoning`")
        .default("true")
        .supported(),
    key(S, "model_catalogue_ttl_seconds", "how long an upstream's list of models is kept")
        .default("300")
        .supported(),
    key(S, "catalogue_prices_refresh_seconds", "takes prices from the list of models; at 0 it is not asked")
        .default("0")
        .supported(),
    key(S, "price_file", "a file in the form of LiteLLM's `model_prices_and_context_window.json`, whose prices go before all lists")
        .default("\"\"")
        .supported(),
    key(S, "queue_wait_ms", "for a deployment to be free again; at 0 a call is refused at once")
        .default("0")
        .supported(),
    key(S, "queue_length_max", "calls that may wait so at one time").default("1000").supported(),
    key(S, "attempts_max", "attempts for one call, fallbacks among them").default("8").supported(),
    key(
        S,
        "prompt_cache_affinity",
        "sends calls that begin with the same long prompt to the same deployment",
    )
    .default("true")
    .supported(),
    key(S, "hedging", "asks a second deployment when the first is slow to begin")
        .default("false")
        .supported(),
    key(S, "hedge_delay_ms", "until it is asked; 0 stands for the group's own 95th percentile")
        .default("0")
        .supported(),
    key(S, "hedge_percent_max", "calls of a hundred for which it may be asked").default("5").supported(),
    key(S, "retry_budget_percent", "further attempts at one origin, for a hundred first ones")
        .default("10")
        .supported(),
    key(S, "retry_budget_burst", "further attempts at once beside that budget, which come back one a second")
        .default("10")
        .supported(),
    key(S, "trace_for_keys", "lets keys other than the master key ask for a call's attempts")
        .default("false")
        .supported(),
    key(S, "metrics", "serves `/metrics`, as `litellm_settings.callbacks: [prometheus]` does")
        .default("false")
        .supported(),
    key(S, "metrics_tallies_max", "combinations of labels that are counted apart; the rest is `other`")
        .default("10000")
        .supported(),
    key(
        S,
        "data_dir",
        "where SQLite, the journal and the pepper of keys stand; empty is `$XDG_STATE_HOME/trunkline`",
    )
    .default("\"\"")
    .supported(),
    key(S, "store_timeout_ms", "for the store to say who a key is").default("50").supported(),
    key(S, "keys_cached_max", "keys that are kept in memory").default("200000").supported(),
    key(S, "redis_timeout_ms", "for Redis to answer").default("50").supported(),
    key(S, "limits_without_redis", "whether requests and tokens go on by what each replica counts while Redis does not answer: `allow`, `refuse`")
        .default("\"allow\"")
        .supported(),
    key(S, "budgets_without_redis", "the same for money: `allow`, `refuse`").default("\"refuse\"").supported(),
    key(S, "ledger_durability", "how safe a row is when its reply ends: `memory`, `write`, `sync`")
        .default("\"write\"")
        .supported(),
    key(S, "ledger_bytes_max", "what the journal may hold that the store has not taken yet")
        .default("1073741824")
        .supported(),
    key(S, "reserve_output_tokens", "reserved of a budget for a reply without a limit of its own")
        .default("4096")
        .supported(),
    key(S, "budget_wait_ms", "for what others have reserved of a budget; at 0 a call is refused at once")
        .default("5000")
        .supported(),
    key(S, "unknown_price", "who may call models without a known price: `allow`, `deny`, `deny_with_budget`, `cap`")
        .default("\"deny_with_budget\"")
        .supported(),
    key(S, "unknown_price_cap", "with `cap`: US dollars that a budget is charged for a call whose cost nobody tells")
        .default("null")
        .supported(),
    key(
        S,
        "gateway_attribution",
        "what virtual keys may say in `providerOptions.gateway` of `user`, `tags`, `quotaEntityId` and `byok`: `allow`, `stamp`, `refuse`",
    )
    .default("\"allow\"")
    .supported(),
    key(S, "cache_bytes_max", "what kept replies may take of memory").default("67108864").supported(),
    key(S, "cache_entry_bytes_max", "the largest reply that is kept").default("1048576").supported(),
    key(S, "cache_wait_ms", "for an equal request that is upstream; at 0 this one goes there too")
        .default("30000")
        .supported(),
    key(S, "cache_shared", "gives kept replies to every caller, not to one team or key alone")
        .default("false")
        .supported(),
    key(S, "reload", "watches the file and reads it again when it changes").default("true").supported(),
];
