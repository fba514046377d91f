//! The keys of `general_settings`.

use super::row::{KeyRow, Section::GeneralSettings as S, Values, key};

const DATABASE_WAITS: &str = "a connection has 5 s, and a request waits `store_timeout_ms`";
const MODELS_IN_FILE: &str = "of what the file says, deployments alone are kept there too";
const ALWAYS_A_ROW: &str = "each admitted request leaves a row";
const NO_PROMPTS: &str = "no prompt and no reply is kept";
const ROWS_BY_AGE: &str = "old rows go every minute, by their age alone";
const ROLES_FIXED: &str = "roles may what LiteLLM's roles may";
const NO_BUDGETS: &str = "budgets begin anew on time, whenever they are looked at";
const NO_ALERTS: &str = "there are no alerts";
const NO_UI: &str = "there is no UI";
const NO_ADMISSION_QUEUE: &str = "what is over `global_max_parallel_requests` is refused, not queued";
const NO_PASS_THROUGH: &str = "there is no pass-through";
const MASTER_KEY_ONLY: &str = "the master key and virtual keys are the credentials";
const NO_URLS_FETCHED: &str = "addresses inside bodies are never fetched";

pub(super) const ROWS: &[KeyRow] = &[
    key(
        S,
        "master_key",
        "the key of callers; also `LITELLM_MASTER_KEY`. Without one the server keeps to loopback",
    )
    .core()
    .supported(),
    key(S, "database_url", "PostgreSQL, also `DATABASE_URL`; without one SQLite is used").core().supported(),
    key(S, "database_connection_pool_limit", "its connections").core().default("10").supported(),
    key(S, "database_connection_timeout", "its timeout").not_supported(DATABASE_WAITS),
    key(S, "database_max_idle_connection_lifetime", "how long a connection may idle")
        .not_supported("connections idle as long as the pool has use for them"),
    key(S, "database_connect_timeout", "its timeout").not_supported(DATABASE_WAITS),
    key(S, "database_socket_timeout", "its timeout").not_supported(DATABASE_WAITS),
    key(S, "database_disable_prepared_statements", "for poolers")
        .not_supported("statements are prepared; let a pooler pool by session"),
    key(S, "database_extra_connection_params", "further parameters")
        .not_supported("put them into the address"),
    key(
        S,
        "store_model_in_db",
        "deployments of `/model/new` are kept in the store; also `STORE_MODEL_IN_DB`",
    )
    .core()
    .default("false")
    .supported(),
    key(S, "supported_db_objects", "what is kept in the database").not_supported(MODELS_IN_FILE),
    key(S, "proxy_config_reload_interval_seconds", "how often the database is read")
        .not_supported("what has changed is looked for twice a second"),
    key(S, "proxy_batch_write_at", "seconds between writes of spend")
        .core()
        .not_supported("rows are written once a second"),
    key(S, "proxy_budget_rescheduler_min_time", "when budgets are looked at").not_supported(NO_BUDGETS),
    key(S, "proxy_budget_rescheduler_max_time", "when budgets are looked at").not_supported(NO_BUDGETS),
    key(S, "proxy_batch_polling_interval", "how often batches are looked at")
        .not_supported("there are no batches"),
    key(S, "use_redis_transaction_buffer", "gathers spend in Redis")
        .core()
        .default("false")
        .not_supported("rows wait in a journal of each process"),
    key(S, "coordination_redis", "Redis for what replicas share")
        .not_supported("they share through the Redis of `router_settings.redis_host`"),
    key(S, "disable_spend_logs", "keeps no row for each call").core().not_supported(ALWAYS_A_ROW),
    key(S, "disable_spend_updates", "keeps no sums").not_supported(ALWAYS_A_ROW),
    key(S, "disable_error_logs", "keeps no row for each failure").core().not_supported(ALWAYS_A_ROW),
    key(S, "disable_reset_budget", "lets budgets run on").not_supported(NO_BUDGETS),
    key(S, "disable_budget_reservation", "reserves nothing beforehand")
        .not_supported("budgets are hard, and what is not reserved can be overspent"),
    key(S, "disable_adding_master_key_hash_to_db", "keeps the key's hash out of the database")
        .accepted(Values::Any, "nothing of the master key is in the database"),
    key(S, "store_prompts_in_spend_logs", "keeps bodies").core().default("false").not_supported(NO_PROMPTS),
    key(S, "spend_logs_metadata_fields", "what else is kept")
        .not_supported("no metadata of requests is kept"),
    key(S, "maximum_spend_logs_retention_period", "how long rows are kept").core().supported(),
    key(S, "maximum_spend_logs_retention_interval", "how often old rows go")
        .accepted(Values::Any, ROWS_BY_AGE),
    key(S, "maximum_spend_logs_cleanup_cron", "when old rows go").accepted(Values::Any, ROWS_BY_AGE),
    key(S, "maximum_spend_logs_retention_size", "how many rows are kept").not_supported(ROWS_BY_AGE),
    key(S, "use_spend_logs_partitioning", "in PostgreSQL, rows of a day in a partition that goes whole")
        .default("false")
        .supported(),
    key(S, "max_parallel_requests", "`max_parallel_requests` of deployments without their own").supported(),
    key(S, "global_max_parallel_requests", "calls at one time in all; further ones are refused with 429")
        .core()
        .supported(),
    key(S, "max_in_flight_requests_per_worker", "calls at one time in a worker")
        .not_supported(NO_ADMISSION_QUEUE),
    key(S, "max_queued_requests_per_worker", "calls that may wait").not_supported(NO_ADMISSION_QUEUE),
    key(S, "admission_queue_timeout_seconds", "how long they may wait").not_supported(NO_ADMISSION_QUEUE),
    key(S, "max_request_size_mb", "a request body, in MiB; the lower of this and `body_bytes_max` holds")
        .supported(),
    key(S, "max_response_size_mb", "a whole reply, in MiB; the lower of this and `reply_bytes_max` holds")
        .supported(),
    key(S, "max_file_size_mb", "an uploaded file").accepted(Values::Any, "/files is not served"),
    key(S, "alerting", "where alerts go").core().not_supported(NO_ALERTS),
    key(S, "alerting_threshold", "seconds that count as slow").core().not_supported(NO_ALERTS),
    key(S, "alert_types", "what is told of").not_supported(NO_ALERTS),
    key(S, "alert_to_webhook_url", "where alerts go").not_supported(NO_ALERTS),
    key(S, "alerting_args", "settings of alerts").not_supported(NO_ALERTS),
    key(S, "background_health_checks", "probes upstreams at intervals").core().default("false").supported(),
    key(S, "health_check_interval", "seconds between probes").core().default("300").supported(),
    key(S, "health_check_concurrency", "probes at one time").supported(),
    key(S, "health_check_details", "`false` keeps details out of health replies")
        .core()
        .default("true")
        .supported(),
    key(S, "use_shared_health_check", "probes once for all replicas")
        .not_supported("each replica probes for itself"),
    key(S, "enable_health_check_routing", "passes by unhealthy deployments")
        .default("false")
        .not_supported("probes do not steer calls"),
    key(S, "background_health_check_model_groups", "which groups are probed")
        .not_supported("all are; `disable_background_health_check` leaves a deployment out"),
    key(S, "model_list_healthy_only", "lists healthy groups alone")
        .not_supported("/v1/models lists every group"),
    key(S, "allow_requests_on_db_unavailable", "serves although the database is gone")
        .core()
        .not_supported("keys that are in memory are served, and others are 503"),
    key(S, "allow_public_health_readiness_details", "shows health details to strangers")
        .default("false")
        .not_supported("details want the key"),
    key(S, "enforce_user_param", "refuses calls without `user`").core().default("false").supported(),
    key(S, "enforced_params", "refuses calls without these")
        .restricts("only `enforce_user_param` is looked for"),
    key(S, "user_header_name", "the header that names the end user").supported(),
    key(S, "user_header_mappings", "headers that name the end user").core().supported(),
    key(S, "reject_clientside_metadata_tags", "refuses callers' own tags")
        .restricts("callers may always send tags"),
    key(S, "custom_auth", "authentication in Python").core().restricts(MASTER_KEY_ONLY),
    key(S, "custom_auth_run_common_checks", "checks budgets after it").not_supported(MASTER_KEY_ONLY),
    key(S, "enable_jwt_auth", "authentication by JWT").restricts(MASTER_KEY_ONLY),
    key(S, "litellm_jwtauth", "settings of it").not_supported(MASTER_KEY_ONLY),
    key(S, "enable_oauth2_auth", "authentication by OAuth 2").restricts(MASTER_KEY_ONLY),
    key(S, "service_account_settings", "what service accounts must send")
        .restricts("service accounts may send what others may"),
    key(S, "role_permissions", "what roles may do").restricts(ROLES_FIXED),
    key(S, "allowed_routes", "the only routes served").restricts("every route is served"),
    key(S, "public_routes", "routes without a key").not_supported("every call wants the key"),
    key(S, "admin_only_routes", "routes for the administrator").restricts(ROLES_FIXED),
    key(S, "allowed_ips", "the only addresses served").restricts("callers' addresses are not looked at"),
    key(S, "use_x_forwarded_for", "takes the address from a header")
        .not_supported("callers' addresses are not looked at"),
    key(S, "trusted_proxy_ranges", "whose headers are believed")
        .not_supported("callers' addresses are not looked at"),
    key(S, "litellm_key_header_name", "one more header in which callers may send the key").core().supported(),
    key(S, "key_management_system", "a vault for `os.environ/`")
        .not_supported("`os.environ/` reads the environment alone"),
    key(S, "key_management_settings", "settings of it")
        .not_supported("`os.environ/` reads the environment alone"),
    key(S, "user_api_key_cache_ttl", "seconds that keys are kept")
        .not_supported("keys are kept until they change"),
    key(S, "user_api_key_cache_max_size", "how many keys are kept")
        .not_supported("set `trunkline_settings.keys_cached_max`"),
    key(S, "fail_closed_budget_enforcement", "refuses when budgets cannot be read")
        .accepted(Values::On, "a budget that was never read refuses; one that was is kept in memory"),
    key(S, "fail_closed_rate_limit_enforcement", "refuses when limits cannot be read")
        .accepted(Values::On, "limits are counted in memory, and always held"),
    key(S, "apply_user_budget_to_team_keys", "a user's budget holds for team keys")
        .default("false")
        .supported(),
    key(S, "token_rate_limit_type", "which tokens count").not_supported("input and output count together"),
    key(S, "enforce_fallback_model_access", "checks access to fallbacks")
        .default("true")
        .accepted(Values::On, "a key reaches no model that its lists do not hold, by whatever way"),
    key(S, "expose_fallback_errors_to_caller", "shows what failed before")
        .not_supported("an error tells of the last attempt"),
    key(S, "disable_fallbacks_on_per_model_rate_limits", "no fallback after a key's limit")
        .accepted(Values::On, "a limit of a key leads to no other model"),
    key(S, "pass_through_endpoints", "routes that lead elsewhere").core().not_supported(NO_PASS_THROUGH),
    key(S, "use_client_credentials_pass_through_routes", "callers' own credentials")
        .not_supported(NO_PASS_THROUGH),
    key(S, "pass_through_request_timeout", "seconds for such calls").not_supported(NO_PASS_THROUGH),
    key(S, "forward_client_headers_to_llm_api", "forwards callers' `x-` headers")
        .core()
        .default("false")
        .supported(),
    key(S, "forward_llm_provider_auth_headers", "forwards callers' provider keys")
        .not_supported("callers' keys never go upstream"),
    key(S, "allow_client_side_credentials", "lets callers bring `api_key` and `api_base` for every model")
        .default("false")
        .supported(),
    key(S, "forward_openai_org_id", "forwards callers' `openai-organization`").default("false").supported(),
    key(S, "completion_model", "the model of every call that is answered with text, whatever was asked for")
        .supported(),
    key(S, "image_generation_model", "the model of every image call")
        .not_supported("images are sent to the model that is asked for"),
    key(S, "infer_model_from_keys", "lists models by the keys that are set")
        .not_supported("add a wildcard to `model_list`"),
    key(S, "return_wildcard_routes", "lists wildcards themselves").default("false").supported(),
    key(S, "always_include_stream_usage", "shows usage in every stream, asked for or not")
        .default("false")
        .supported(),
    key(S, "cancel_on_disconnect", "a caller who leaves ends the upstream's work")
        .default("false")
        .accepted(Values::On, "a caller who leaves always does"),
    key(S, "include_call_id_in_error_body", "adds the call's id to errors")
        .not_supported("it stands in `x-litellm-call-id`"),
    key(S, "missing_session_id", "what a call without a session gets")
        .not_supported("sessions are not told apart"),
    key(S, "ui_access_mode", "who may use the UI").accepted(Values::Any, NO_UI),
    key(S, "control_plane_url", "where the control plane is").not_supported("there is no control plane"),
    key(S, "password_policy_*", "how passwords must be").accepted(Values::Any, NO_UI),
    key(S, "*failed_login*", "how often a login may fail").accepted(Values::Any, NO_UI),
    key(S, "enable_drain_endpoint", "serves /health/drain").default("false").not_supported("send SIGTERM"),
    key(S, "drain_endpoint_token", "the key to it").not_supported("send SIGTERM"),
    key(S, "dangerously_allow_mock_testing_request_params", "lets callers mock failures")
        .default("false")
        .supported(),
    key(S, "dangerously_permit_weak_or_unset_master_key", "takes a master key that everybody knows")
        .default("false")
        .supported(),
    key(S, "accounting_capture", "a durable record of usage")
        .accepted(Values::Any, "the ledger is durable; set `trunkline_settings.ledger_durability`"),
    key(S, "accounting_sync_ack*", "when it counts as written")
        .not_supported("set `trunkline_settings.ledger_durability`"),
    key(S, "user_url_validation", "which addresses in bodies may be fetched")
        .accepted(Values::Any, NO_URLS_FETCHED),
    key(S, "user_url_allowed_hosts", "which hosts in bodies may be fetched")
        .accepted(Values::Any, NO_URLS_FETCHED),
    key(S, "provider_url_destination_allowed_hosts", "where callers may send calls")
        .restricts("a caller's `api_base` is held to the deployment's list of parameters alone"),
];
