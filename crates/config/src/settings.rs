//! What a configuration says, typed and ready to be acted on.

use std::time::Duration;

use http::HeaderName;
use trunkline_core::Secret;

use crate::{
    AccountSettings, CacheSettings, DeploymentSettings, ExportSettings, RedisSettings, RoutingSettings,
    TrunklineSettings,
};

/// Everything that is supported, read from the file, what it includes, and the environment.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `model_list`, in the order of the files. Those that are [`DeploymentSettings::disabled`] stand among
    /// them.
    pub deployments: Vec<DeploymentSettings>,
    /// `router_settings.model_group_alias`.
    pub aliases: Vec<AliasSettings>,
    /// `router_settings`, all that steers routing.
    pub routing: RoutingSettings,
    /// `general_settings`.
    pub general: GeneralSettings,
    /// Keys, budgets and the ledger.
    pub accounts: AccountSettings,
    /// `litellm_settings.cache` and `cache_params`: replies that are kept and given again.
    pub cache: CacheSettings,
    /// `router_settings.redis_host` and its like, else that of the cache: the Redis in which replicas share limits and
    /// budgets.
    pub redis: RedisSettings,
    /// What holds for calls to every upstream.
    pub upstream: UpstreamSettings,
    /// `litellm_settings.json_logs`: logs as JSON lines.
    pub json_logs: bool,
    /// `litellm_settings.callbacks`, and those of successes and failures: whether one of them is `prometheus`.
    pub metrics: bool,
    /// `generic_api` and `otel` of the same lists: where finished requests are told of.
    pub exports: ExportSettings,
    /// `litellm_settings.require_auth_for_metrics_endpoint` is off: scrapers need no key. Default false.
    pub metrics_open: bool,
    /// `litellm_settings.sse_keepalive_ping_interval_seconds`: the silence after which a stream gets a comment.
    pub keepalive: Option<Duration>,
    /// `litellm_settings.anthropic_sse_ping_interval_seconds`: the silence after which a stream of Messages gets a
    /// `ping`. Default 15 s; 0 turns it off.
    pub messages_keepalive: Option<Duration>,
    /// `trunkline_settings`.
    pub trunkline: TrunklineSettings,
}

/// Another name of a model group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasSettings {
    /// The name.
    pub alias: String,
    /// The group that it stands for.
    pub group: String,
    /// Whether listings leave it out.
    pub hidden: bool,
}

/// `general_settings`.
#[derive(Clone, Debug)]
pub struct GeneralSettings {
    /// `master_key`, else `LITELLM_MASTER_KEY`. A weak one has been refused, unless the file permits it.
    pub master_key: Option<Secret>,
    /// `dangerously_permit_weak_or_unset_master_key`, also as a variable with LiteLLM's name.
    pub permit_weak_or_unset_master_key: bool,
    /// `litellm_key_header_name`: one more header in which callers may send the key.
    pub key_header_name: Option<HeaderName>,
    /// `forward_client_headers_to_llm_api`: callers' `x-` headers go upstream.
    pub forward_client_headers: bool,
    /// `forward_openai_org_id`: callers' `openai-organization` goes upstream.
    pub forward_openai_organization: bool,
    /// `allow_client_side_credentials`: callers may bring `api_key` and `api_base` for every model.
    pub client_side_credentials: bool,
    /// `always_include_stream_usage`: usage is shown in every stream, asked for or not.
    pub always_include_stream_usage: bool,
    /// `return_wildcard_routes`: listings show wildcards themselves.
    pub return_wildcard_routes: bool,
    /// `global_max_parallel_requests`: calls at one time; further ones are refused with 429.
    pub global_max_parallel_requests: Option<u64>,
    /// `completion_model`: the model of every chat call, whatever was asked for.
    pub completion_model: Option<String>,
    /// `enforce_user_param`: calls without `user` are refused.
    pub enforce_user_param: bool,
    /// `user_header_name` and `user_header_mappings`: headers that name the end user, first match wins.
    pub user_headers: Vec<HeaderName>,
    /// `health_check_details`: whether health replies may say more than how it is.
    pub health_check_details: bool,
    /// `background_health_checks`: deployments are probed at intervals. Default false.
    pub background_health_checks: bool,
    /// `health_check_interval`: between two rounds of probes. Default 300 s.
    pub health_check_interval: Duration,
    /// `health_check_concurrency`: probes at one time. Without it there is no limit.
    pub health_check_concurrency: Option<u64>,
    /// `dangerously_allow_mock_testing_request_params`: callers may have failures mocked. Default false.
    pub allow_mock_testing_params: bool,
}

impl Default for GeneralSettings {
    fn default() -> Self {
        Self {
            master_key: None,
            permit_weak_or_unset_master_key: false,
            key_header_name: None,
            forward_client_headers: false,
            forward_openai_organization: false,
            client_side_credentials: false,
            always_include_stream_usage: false,
            return_wildcard_routes: false,
            global_max_parallel_requests: None,
            completion_model: None,
            enforce_user_param: false,
            user_headers: Vec::new(),
            health_check_details: true,
            background_health_checks: false,
            health_check_interval: Duration::from_secs(300),
            health_check_concurrency: None,
            allow_mock_testing_params: false,
        }
    }
}

/// What holds for calls to every upstream.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Until the end of a reply, for deployments without their own: `litellm_settings.request_timeout`, else
    /// `router_settings.timeout`, else the variable `REQUEST_TIMEOUT`. Where it is set, it stands in for
    /// [`TrunklineSettings::total_timeout_ms`].
    pub timeout: Option<Duration>,
    /// Until a stream's first event, for deployments without their own: `router_settings.stream_timeout`.
    pub stream_timeout: Option<Duration>,
    /// `litellm_settings.ssl_verify`.
    pub verify_certificates: bool,
    /// `litellm_settings.http2`.
    pub http2: bool,
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self { timeout: None, stream_timeout: None, verify_certificates: true, http2: false }
    }
}
