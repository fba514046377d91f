//! Which settings of a new file wait for a restart.

use std::collections::BTreeSet;

use trunkline_core::{Environment, Secret};

use crate::{
    AccountSettings, CacheSettings, GeneralSettings, Loaded, RedisSettings, Settings, TrunklineSettings,
    UpstreamSettings,
};

/// Names the settings that differ, of those that only a start takes up. Secrets are compared by what they say, and never
/// shown.
///
/// The lists are exhaustive: WHEN ADDING A SETTING, the compiler asks in which it belongs.
macro_rules! differing {
    ($type:ident of $before:expr, $now:expr, at $section:literal;
     taken up: [$($taken:ident),* $(,)?]; at a start: [$($field:ident = $key:literal),* $(,)?]
     $(; secrets at a start: [$($secret:ident = $secret_key:literal),*])?) => {{
        let $type { $($taken: _,)* $($field,)* $($($secret),*)? } = $now;
        let mut names: Vec<&'static str> = Vec::new();
        $(if *$field != $before.$field {
            names.push(concat!($section, $key));
        })*
        $($(if exposed($secret) != exposed(&$before.$secret) {
            names.push(concat!($section, $secret_key));
        })*)?
        names
    }};
}

/// The same of a Redis, whose settings are called alike wherever they stand, behind a beginning.
macro_rules! differing_redis {
    ($before:expr, $now:expr, at $section:literal) => {
        differing!(
            RedisSettings of $before, $now, at $section;
            taken up: [];
            at a start: [host = "host", port = "port", username = "username", database = "db", tls = "ssl"];
            secrets at a start: [url = "url", password = "password"]
        )
    };
}

impl Loaded {
    /// What of a configuration that is `now` to be served waits for a restart of the server that began with this one: lines
    /// for people.
    pub fn waiting_for_restart(&self, now: &Self) -> Vec<String> {
        let settings = waiting_for_restart(&self.settings, &now.settings);
        let variables = changed_variables(&self.environment, &now.environment);
        let line = |words: &str, names: String| (!names.is_empty()).then(|| format!("{words}: {names}"));
        let lines = [
            line("changed, and not taken up before a restart", settings.join(", ")),
            line(
                "changed in environment_variables, and before a restart taken up only where the file refers to it",
                variables.join(", "),
            ),
        ];
        lines.into_iter().flatten().collect()
    }
}

const CALLBACKS: &str = "litellm_settings.callbacks";

/// The keys that differ, of those that a server takes up when it starts and not while it serves.
fn waiting_for_restart(before: &Settings, now: &Settings) -> Vec<&'static str> {
    // All of it is said with each call. WHEN ADDING A SETTING that the transport is made with, name it below.
    let UpstreamSettings { timeout: _, stream_timeout: _, verify_certificates: _, http2: _ } = now.upstream;
    let mut names = differing!(
        Settings of before, now, at "";
        taken up: [deployments, aliases, routing, general, accounts, cache, redis, upstream, trunkline, exports];
        at a start: [
            json_logs = "litellm_settings.json_logs",
            metrics = "litellm_settings.callbacks",
            metrics_open = "litellm_settings.require_auth_for_metrics_endpoint",
            keepalive = "litellm_settings.sse_keepalive_ping_interval_seconds",
            messages_keepalive = "litellm_settings.anthropic_sse_ping_interval_seconds",
        ]
    );
    if before.exports.differs(&now.exports) && !names.contains(&CALLBACKS) {
        names.push(CALLBACKS);
    }
    names.extend(general(&before.general, &now.general));
    names.extend(accounts(&before.accounts, &now.accounts));
    names.extend(cache(&before.cache, &now.cache));
    names.extend(redis(before, now));
    names.extend(own(&before.trunkline, &now.trunkline));
    names
}

/// The variables whose text is another, by name. Where the file refers to them they are taken up with it; who has read
/// them at the start, as providers do, goes on with what they were.
fn changed_variables(before: &Environment, now: &Environment) -> Vec<String> {
    let names: BTreeSet<&str> = before.names().chain(now.names()).collect();
    names.into_iter().filter(|name| before.get(name) != now.get(name)).map(str::to_owned).collect()
}

fn general(before: &GeneralSettings, now: &GeneralSettings) -> Vec<&'static str> {
    differing!(
        GeneralSettings of before, now, at "general_settings.";
        taken up: [];
        at a start: [
            permit_weak_or_unset_master_key = "dangerously_permit_weak_or_unset_master_key",
            key_header_name = "litellm_key_header_name",
            forward_client_headers = "forward_client_headers_to_llm_api",
            forward_openai_organization = "forward_openai_org_id",
            client_side_credentials = "allow_client_side_credentials",
            always_include_stream_usage = "always_include_stream_usage",
            return_wildcard_routes = "return_wildcard_routes",
            global_max_parallel_requests = "global_max_parallel_requests",
            completion_model = "completion_model",
            enforce_user_param = "enforce_user_param",
            user_headers = "user_header_name",
            health_check_details = "health_check_details",
            background_health_checks = "background_health_checks",
            health_check_interval = "health_check_interval",
            health_check_concurrency = "health_check_concurrency",
            allow_mock_testing_params = "dangerously_allow_mock_testing_request_params",
        ];
        secrets at a start: [master_key = "master_key"]
    )
}

fn accounts(before: &AccountSettings, now: &AccountSettings) -> Vec<&'static str> {
    differing!(
        AccountSettings of before, now, at "";
        taken up: [];
        at a start: [
            database_connections_max = "general_settings.database_connection_pool_limit",
            models_in_store = "general_settings.store_model_in_db",
            user_budget_holds_for_teams = "general_settings.apply_user_budget_to_team_keys",
            retention = "general_settings.maximum_spend_logs_retention_period",
            rows_in_partitions = "general_settings.use_spend_logs_partitioning",
            max_budget = "litellm_settings.max_budget",
            budget_duration = "litellm_settings.budget_duration",
            budget_exceeded_status = "litellm_settings.budget_exceeded_status_code",
            default_key_parameters = "litellm_settings.default_key_generate_params",
            key_parameters_max = "litellm_settings.upperbound_key_generate_params",
        ];
        secrets at a start: [database_url = "general_settings.database_url"]
    )
}

fn cache(before: &CacheSettings, now: &CacheSettings) -> Vec<&'static str> {
    let mut names = differing!(
        CacheSettings of before, now, at "litellm_settings.cache";
        taken up: [redis];
        at a start: [
            is_on = "",
            place = "_params.type",
            on_by_default = "_params.mode",
            ttl = "_params.ttl",
            messages_max = "_params.max_messages",
            namespace = "_params.namespace",
            operations = "_params.supported_call_types",
        ]
    );
    names.extend(differing_redis!(before.redis, &now.redis, at "litellm_settings.cache_params."));
    names
}

/// The Redis of limits. Where the cache names it, it is named there.
fn redis(before: &Settings, now: &Settings) -> Vec<&'static str> {
    let is_of_cache = |of: &Settings| differing_redis!(of.redis, &of.cache.redis, at "").is_empty();
    if is_of_cache(before) && is_of_cache(now) {
        return Vec::new();
    }
    differing_redis!(before.redis, &now.redis, at "router_settings.redis_")
}

fn exposed(secret: &Option<Secret>) -> Option<&str> {
    secret.as_ref().map(Secret::expose)
}

fn own(before: &TrunklineSettings, now: &TrunklineSettings) -> Vec<&'static str> {
    differing!(
        TrunklineSettings of before, now, at "trunkline_settings.";
        taken up: [
            connect_timeout_ms, first_event_timeout_ms, idle_timeout_ms, total_timeout_ms, queue_wait_ms, group_waits,
            queue_length_max, attempts_max, prompt_cache_affinity, hedging, hedge_delay_ms, hedge_percent_max,
            retry_budget_percent, retry_budget_burst, price_file,
        ];
        at a start: [
            body_bytes_max = "body_bytes_max",
            body_inflated_bytes_max = "body_inflated_bytes_max",
            json_depth_max = "json_depth_max",
            reply_bytes_max = "reply_bytes_max",
            event_bytes_max = "event_bytes_max",
            stream_buffer_total_bytes = "stream_buffer_total_bytes",
            header_bytes_max = "header_bytes_max",
            header_timeout_ms = "header_timeout_ms",
            body_idle_timeout_ms = "body_idle_timeout_ms",
            downstream_write_timeout_ms = "downstream_write_timeout_ms",
            connections_max = "connections_max",
            global_limits = "global_limits",
            shutdown_grace_seconds = "shutdown_grace_seconds",
            shutdown_delay_seconds = "shutdown_delay_seconds",
            cors_origins = "cors_origins",
            reasoning_content = "reasoning_content",
            model_catalogue_ttl_seconds = "model_catalogue_ttl_seconds",
            catalogue_prices_refresh_seconds = "catalogue_prices_refresh_seconds",
            trace_for_keys = "trace_for_keys",
            metrics = "metrics",
            metrics_tallies_max = "metrics_tallies_max",
            data_dir = "data_dir",
            store_timeout_ms = "store_timeout_ms",
            keys_cached_max = "keys_cached_max",
            redis_timeout_ms = "redis_timeout_ms",
            limits_without_redis = "limits_without_redis",
            budgets_without_redis = "budgets_without_redis",
            ledger_durability = "ledger_durability",
            ledger_bytes_max = "ledger_bytes_max",
            reserve_output_tokens = "reserve_output_tokens",
            budget_wait_ms = "budget_wait_ms",
            unknown_price = "unknown_price",
            unknown_price_cap = "unknown_price_cap",
            gateway_attribution = "gateway_attribution",
            cache_bytes_max = "cache_bytes_max",
            cache_entry_bytes_max = "cache_entry_bytes_max",
            cache_wait_ms = "cache_wait_ms",
            cache_shared = "cache_shared",
            reload = "reload",
        ]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_differ_are_named() {
        let before = Environment::from_iter([("KEY", "a"), ("GONE", "x"), ("SAME", "y"), ("BLANK", " ")]);
        let now = Environment::from_iter([("KEY", "b"), ("NEW", "z"), ("SAME", "y")]);
        assert_eq!(changed_variables(&before, &now), ["GONE", "KEY", "NEW"]);
        assert!(changed_variables(&now, &now).is_empty());
    }

    #[test]
    fn what_waits_for_a_restart_is_named_and_the_rest_is_not() {
        let before = Settings::default();
        let mut now = Settings::default();
        assert!(waiting_for_restart(&before, &now).is_empty());
        now.trunkline.queue_wait_ms = 5;
        now.routing.num_retries = Some(7);
        assert!(waiting_for_restart(&before, &now).is_empty(), "these are taken up");
        now.trunkline.body_bytes_max = 5;
        now.general.master_key = Some("sk-other".into());
        now.json_logs = true;
        now.cache.is_on = true;
        now.cache.redis.password = Some("other".into());
        assert_eq!(
            waiting_for_restart(&before, &now),
            [
                "litellm_settings.json_logs",
                "general_settings.master_key",
                "litellm_settings.cache",
                "litellm_settings.cache_params.password",
                "trunkline_settings.body_bytes_max"
            ]
        );
    }

    #[test]
    fn a_redis_is_named_where_it_stands() {
        let change = |redis: &mut RedisSettings| {
            redis.database = Some(2);
            redis.url = Some("redis://:s3cret@host".into());
        };
        let mut now = Settings::default();
        change(&mut now.redis);
        let of_router = ["router_settings.redis_db", "router_settings.redis_url"];
        assert_eq!(waiting_for_restart(&Settings::default(), &now), of_router);
        // Where the cache names it for both, it is named there.
        change(&mut now.cache.redis);
        let of_cache = ["litellm_settings.cache_params.db", "litellm_settings.cache_params.url"];
        assert_eq!(waiting_for_restart(&Settings::default(), &now), of_cache);
    }

    #[test]
    fn people_are_told_in_lines() {
        let loaded = |file: &str| {
            crate::parse(file, "config.yaml", &Environment::default(), &[]).expect("it can be read")
        };
        let before = loaded("");
        assert!(before.waiting_for_restart(&loaded("router_settings: {num_retries: 3}\n")).is_empty());
        let now = loaded("litellm_settings: {json_logs: true}\nenvironment_variables: {A: b, C: d}\n");
        let told = before.waiting_for_restart(&now);
        let [settings, variables] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(settings, "changed, and not taken up before a restart: litellm_settings.json_logs");
        assert!(variables.starts_with("changed in environment_variables") && variables.ends_with(": A, C"));
    }
}
