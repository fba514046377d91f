//! The waits of one group, in place of those that hold for all.

use serde::{Deserialize, Serialize};

/// What `trunkline_settings.group_waits` says of a group. What is silent holds as for all groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupWaits {
    /// In place of [`TrunklineSettings::connect_timeout_ms`](crate::TrunklineSettings::connect_timeout_ms).
    pub connect_timeout_ms: Option<u64>,
    /// In place of [`TrunklineSettings::first_event_timeout_ms`](crate::TrunklineSettings::first_event_timeout_ms)
    /// and `router_settings.stream_timeout`.
    pub first_event_timeout_ms: Option<u64>,
    /// In place of [`TrunklineSettings::idle_timeout_ms`](crate::TrunklineSettings::idle_timeout_ms).
    pub idle_timeout_ms: Option<u64>,
    /// In place of [`TrunklineSettings::total_timeout_ms`](crate::TrunklineSettings::total_timeout_ms),
    /// `litellm_settings.request_timeout` and `router_settings.timeout`, for each attempt.
    pub total_timeout_ms: Option<u64>,
}

impl GroupWaits {
    /// Whether one of them is 0, which would make a group that answers nothing.
    pub(crate) fn has_zero(&self) -> bool {
        [self.connect_timeout_ms, self.first_event_timeout_ms, self.idle_timeout_ms, self.total_timeout_ms]
            .contains(&Some(0))
    }
}
