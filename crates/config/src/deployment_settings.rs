//! What a configuration says of one deployment.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use rust_decimal::Decimal;
use trunkline_core::Secret;

use crate::{AllowedFailsPolicy, Location, Members};

/// One row of `model_list`.
#[derive(Clone, Debug, Default)]
pub struct DeploymentSettings {
    /// `model_name`: the group that it belongs to; may be a pattern with `*`.
    pub group: String,
    /// `litellm_params.model`; may be a pattern with `*`.
    pub model: String,
    /// `model_info.id`.
    pub id: Option<String>,
    /// `litellm_params.custom_llm_provider`.
    pub custom_llm_provider: Option<String>,
    /// `litellm_params.api_key`.
    pub api_key: Option<Secret>,
    /// `litellm_params.api_base`.
    pub api_base: Option<String>,
    /// `litellm_params.organization`.
    pub organization: Option<String>,
    /// `litellm_params.extra_headers` and `headers`. The values may be keys, and are marked sensitive.
    pub extra_headers: HeaderMap,
    /// `litellm_params.extra_body`: members for every body.
    pub extra_body: Members,
    /// Parameters of calls that stand in `litellm_params`, sent when the caller does not send them.
    pub defaults: Members,
    /// `litellm_params.timeout`: until the end of a reply.
    pub timeout: Option<Duration>,
    /// `litellm_params.stream_timeout`: until a stream's first event.
    pub stream_timeout: Option<Duration>,
    /// `model_info.connect_timeout_ms`: until a connection stands.
    pub connect_timeout: Option<Duration>,
    /// `model_info.idle_timeout_ms`: between two pieces of a reply.
    pub idle_timeout: Option<Duration>,
    /// `litellm_params.order`: the lowest of its group goes first; without one it comes after all that have
    /// one.
    pub order: Option<i64>,
    /// `litellm_params.max_parallel_requests`, else the defaults of `router_settings` and `general_settings`.
    /// Further calls wait.
    pub max_parallel_requests: Option<u64>,
    /// `litellm_params.rpm`: requests a minute.
    pub rpm: Option<u64>,
    /// `litellm_params.tpm`: tokens a minute.
    pub tpm: Option<u64>,
    /// `litellm_params.weight`: its share of the group's calls, against the others'. Finite, from 0.
    pub weight: Option<f64>,
    /// `litellm_params.tags`.
    pub tags: Vec<String>,
    /// `litellm_params.num_retries`, else `max_retries`: further attempts after the first.
    pub num_retries: Option<u32>,
    /// `litellm_params.cooldown_time`: how long it stays on the bench; 0 benches it never.
    pub cooldown_time: Option<Duration>,
    /// `input_cost_per_token` of `litellm_params`, else of `model_info`, as all prices; in US dollars.
    pub input_cost_per_token: Option<Decimal>,
    /// `output_cost_per_token`, in US dollars.
    pub output_cost_per_token: Option<Decimal>,
    /// `cache_read_input_token_cost`: a token of input that was found in the prompt cache, in US dollars.
    pub cache_read_input_token_cost: Option<Decimal>,
    /// `cache_creation_input_token_cost`: a token of input that was written to the prompt cache, in US dollars.
    pub cache_creation_input_token_cost: Option<Decimal>,
    /// `output_cost_per_reasoning_token`, in US dollars.
    pub output_cost_per_reasoning_token: Option<Decimal>,
    /// `input_cost_per_audio_token`, in US dollars.
    pub input_cost_per_audio_token: Option<Decimal>,
    /// `output_cost_per_audio_token`, in US dollars.
    pub output_cost_per_audio_token: Option<Decimal>,
    /// `input_cost_per_request`, in US dollars.
    pub input_cost_per_request: Option<Decimal>,
    /// The keys that end in `_flex`: what tokens cost in that service tier.
    pub flex: ServicePrices,
    /// The keys that end in `_priority`.
    pub priority: ServicePrices,
    /// `litellm_params.mock_response`: the answer to every call; nothing goes upstream.
    pub mock_response: Option<String>,
    /// `litellm_params.configurable_clientside_auth_params`: what callers may bring themselves, `api_key` or
    /// `api_base`.
    pub configurable_clientside_auth_params: Vec<String>,
    /// `model_info.max_input_tokens`: the context window.
    pub max_input_tokens: Option<u64>,
    /// What `model_info` says of routing.
    pub group_overrides: GroupOverrides,
    /// What `model_info` says of probes.
    pub health_check: HealthCheckSettings,
    /// `model_info`, all of it.
    pub model_info: Members,
    /// Where the row begins.
    pub location: Location,
    /// Why it must not be called, if so.
    pub disabled: Option<Disabled>,
}

/// What tokens cost in a service tier, in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServicePrices {
    /// `input_cost_per_token_…`.
    pub input: Option<Decimal>,
    /// `output_cost_per_token_…`.
    pub output: Option<Decimal>,
    /// `cache_read_input_token_cost_…`.
    pub cache_read: Option<Decimal>,
}

/// What `model_info` says in place of `router_settings`. It holds for the group that the deployment belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupOverrides {
    /// `allowed_fails`, in place of [`RoutingSettings::allowed_fails`](crate::RoutingSettings::allowed_fails).
    pub allowed_fails: Option<u32>,
    /// `allowed_fails_policy`; nothing in it is set if there is none.
    pub allowed_fails_policy: AllowedFailsPolicy,
    /// `cooldown_time`; 0 benches none. A deployment's own goes first.
    pub cooldown_time: Option<Duration>,
    /// `enable_tag_filtering`.
    pub enable_tag_filtering: Option<bool>,
    /// `allow_fail_open`: a call whose tags fit no deployment is let through to all of the group.
    pub allow_fail_open: Option<bool>,
}

/// How a deployment is probed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheckSettings {
    /// `disable_background_health_check`: it is left out. Default false.
    pub disabled: bool,
    /// `health_check_model`: the model to probe, in place of the deployment's own; a wildcard has none.
    pub model: Option<String>,
    /// `health_check_timeout`: how long a probe may take.
    pub timeout: Option<Duration>,
}

/// Why a deployment of the file is out of service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disabled {
    /// It refers to these variables, which are not set.
    MissingVariables(Vec<String>),
    /// `blocked: true`.
    Blocked,
}

impl fmt::Display for Disabled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Disabled::MissingVariables(names) => {
                let verb = if names.len() == 1 { "is" } else { "are" };
                write!(formatter, "the configuration refers to {}, which {verb} not set", names.join(" and "))
            }
            Disabled::Blocked => formatter.write_str("the configuration blocks it"),
        }
    }
}
