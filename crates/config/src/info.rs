//! `model_info`: what a row says of its model, of probes, and in place of `router_settings`.

use std::time::Duration;

use crate::deployment_settings::{DeploymentSettings, GroupOverrides, HealthCheckSettings};
use crate::reader::Reader;
use crate::{policies, prices};

/// Reads `model_info` into the deployment; prices that it has already stay.
pub(crate) fn read(deployment: &mut DeploymentSettings, reader: &mut Reader<'_, '_>) {
    deployment.id = reader.text("id");
    deployment.max_input_tokens = reader.integer("max_input_tokens");
    // A wait of 0 is none, as with the others of a deployment.
    let mut milliseconds = |key| reader.integer(key).filter(|figure| *figure > 0).map(Duration::from_millis);
    deployment.connect_timeout = milliseconds("connect_timeout_ms");
    deployment.idle_timeout = milliseconds("idle_timeout_ms");
    deployment.group_overrides = GroupOverrides {
        allowed_fails: reader.count("allowed_fails"),
        allowed_fails_policy: policies::allowed_fails(reader, "allowed_fails_policy"),
        cooldown_time: reader.duration("cooldown_time"),
        enable_tag_filtering: reader.boolean("enable_tag_filtering"),
        allow_fail_open: reader.boolean("allow_fail_open"),
    };
    deployment.health_check = HealthCheckSettings {
        disabled: reader.boolean("disable_background_health_check").unwrap_or(false),
        model: reader.text("health_check_model"),
        timeout: reader.seconds("health_check_timeout"),
    };
    prices::fill(deployment, reader);
    deployment.model_info =
        reader.all().iter().map(|member| (member.key.clone(), member.node.to_json())).collect();
}
