//! What a configuration says, typed and ready to be acted on.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use trunkline_core::{Secret, TokenPrices};

use crate::{Location, TrunklineSettings};

/// Everything that is supported, read from the file, what it includes, and the environment.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `model_list`, in the order of the files. Those that are [`DeploymentSettings::disabled`] stand among
    /// them.
    pub deployments: Vec<DeploymentSettings>,
    /// `router_settings.model_group_alias`.
    pub aliases: Vec<AliasSettings>,
    /// `general_settings`.
    pub general: GeneralSettings,
    /// What holds for calls to every upstream.
    pub upstream: UpstreamSettings,
    /// `litellm_settings.json_logs`: logs as JSON lines.
    pub json_logs: bool,
    /// `litellm_settings.sse_keepalive_ping_interval_seconds`: the silence after which a stream gets a comment.
    pub keepalive: Option<Duration>,
    /// `litellm_settings.anthropic_sse_ping_interval_seconds`: the silence after which a stream of Messages gets a
    /// `ping`. Default 15 s; 0 turns it off.
    pub messages_keepalive: Option<Duration>,
    /// `trunkline_settings`.
    pub trunkline: TrunklineSettings,
}

/// One row of `model_list`.
#[derive(Clone, Debug)]
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
    /// `litellm_params.order`: the lowest of its group goes first; without one it comes after all that have
    /// one.
    pub order: Option<i64>,
    /// `litellm_params.max_parallel_requests`, else the defaults of `router_settings` and `general_settings`.
    /// Further calls wait.
    pub max_parallel_requests: Option<u64>,
    /// `litellm_params.input_cost_per_token`, in US dollars.
    pub input_cost_per_token: Option<Decimal>,
    /// `litellm_params.output_cost_per_token`, in US dollars.
    pub output_cost_per_token: Option<Decimal>,
    /// `litellm_params.mock_response`: the answer to every call; nothing goes upstream.
    pub mock_response: Option<String>,
    /// `litellm_params.configurable_clientside_auth_params`: what callers may bring themselves, `api_key` or
    /// `api_base`.
    pub configurable_clientside_auth_params: Vec<String>,
    /// `model_info`, all of it.
    pub model_info: Members,
    /// Where the row begins.
    pub location: Location,
    /// Why it must not be called, if so.
    pub disabled: Option<Disabled>,
}

impl DeploymentSettings {
    /// The prices of a token, if any is given.
    pub fn prices(&self) -> Option<TokenPrices> {
        let (input, output) = (self.input_cost_per_token, self.output_cost_per_token);
        (input.is_some() || output.is_some()).then(|| TokenPrices { input, output, ..TokenPrices::default() })
    }
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

/// The members of a JSON object, in their order, each with its value as JSON text.
///
/// `Debug` shows the names alone, since values may be keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Members(Vec<(String, String)>);

impl Members {
    /// Each name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, json)| (name.as_str(), json.as_str()))
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, json)| json)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each name with its value, as pieces of a body.
    pub fn to_parts(&self) -> Vec<(String, Bytes)> {
        self.0.iter().map(|(name, json)| (name.clone(), Bytes::from(json.clone()))).collect()
    }

    /// The object as values. A value that is no JSON, of which the reader makes none, is left out.
    pub fn to_map(&self) -> Map<String, Value> {
        let value = |(name, json): &(String, String)| Some((name.clone(), serde_json::from_str(json).ok()?));
        self.0.iter().filter_map(value).collect()
    }

    /// The whole object.
    pub fn to_json(&self) -> String {
        let members: Vec<String> =
            self.iter().map(|(name, json)| format!("{}:{json}", Value::from(name))).collect();
        format!("{{{}}}", members.join(","))
    }
}

impl FromIterator<(String, String)> for Members {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
