//! What all callers together may use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What `trunkline_settings.global_limits` says: what all callers together may use, of all models and of single ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalLimits {
    /// Requests in a minute. Default no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<u64>,
    /// Tokens in a minute, input and output together. Default no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_limit: Option<u64>,
    /// Calls at one time. Default no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel_requests: Option<u64>,
    /// Limits of single models, by the names of their groups. Default none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, CallLimits>,
}

/// How much may be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallLimits {
    /// Requests in a minute. Default no limit.
    pub rpm_limit: Option<u64>,
    /// Tokens in a minute, input and output together. Default no limit.
    pub tpm_limit: Option<u64>,
    /// Calls at one time. Default no limit.
    pub max_parallel_requests: Option<u64>,
}

impl GlobalLimits {
    /// What holds of all models together.
    pub fn of_all_models(&self) -> CallLimits {
        let Self { rpm_limit, tpm_limit, max_parallel_requests, models: _ } = *self;
        CallLimits { rpm_limit, tpm_limit, max_parallel_requests }
    }
}
