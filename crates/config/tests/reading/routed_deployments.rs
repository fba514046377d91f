//! What a row of `model_list` says of routing, limits, probes and prices.

use std::time::Duration;

use rust_decimal::Decimal;
use trunkline_config::{AllowedFailsPolicy, DeploymentSettings, GroupOverrides, HealthCheckSettings};

use crate::{check, read_clean};

/// The one deployment of these parameters and this information.
#[track_caller]
fn deployment(params: &str, info: &str) -> DeploymentSettings {
    let yaml = format!(
        "model_list: [{{model_name: a, litellm_params: {{model: echo/a{params}}}, model_info: {{{info}}}}}]"
    );
    read_clean(&yaml, &[]).settings.deployments.remove(0)
}

#[test]
fn limits_weights_tags_and_attempts() {
    let row = deployment(
        ", rpm: '60', tpm: 100000, weight: 0.5, tags: [free, 7], num_retries: '2', max_retries: 9, cooldown_time: 0",
        "",
    );
    assert_eq!((row.rpm, row.tpm), (Some(60), Some(100_000)));
    assert_eq!((row.weight, row.num_retries, row.cooldown_time), (Some(0.5), Some(2), Some(Duration::ZERO)));
    assert_eq!(row.tags, ["free", "7"]);
    assert!(row.defaults.is_empty(), "none of them goes upstream");

    let row = deployment(", max_retries: 3, weight: 0, cooldown_time: 2.5", "");
    assert_eq!((row.num_retries, row.weight), (Some(3), Some(0.0)));
    assert_eq!(row.cooldown_time, Some(Duration::from_millis(2500)));
}

#[test]
fn without_them_nothing_is_said() {
    let row = deployment("", "");
    assert_eq!((row.rpm, row.tpm, row.weight), (None, None, None));
    assert_eq!((row.num_retries, row.cooldown_time, row.max_input_tokens), (None, None, None));
    assert!(row.tags.is_empty() && row.input_cost_per_token.is_none());
    assert_eq!(row.group_overrides, GroupOverrides::default());
    assert_eq!(row.health_check, HealthCheckSettings::default());
    assert!(!row.health_check.disabled);
}

#[test]
fn model_info_overrides_the_router_for_its_group() {
    let row = deployment(
        "",
        "allowed_fails: 0, allowed_fails_policy: {TimeoutErrorAllowedFails: 2}, cooldown_time: 0, \
         enable_tag_filtering: true, allow_fail_open: 'false', max_input_tokens: '128000', \
         disable_background_health_check: true, health_check_model: echo/b, health_check_timeout: 10",
    );
    let overrides = GroupOverrides {
        allowed_fails: Some(0),
        allowed_fails_policy: AllowedFailsPolicy { timeout: Some(2), ..AllowedFailsPolicy::default() },
        cooldown_time: Some(Duration::ZERO),
        enable_tag_filtering: Some(true),
        allow_fail_open: Some(false),
    };
    assert_eq!(row.group_overrides, overrides);
    let waits = deployment("", "connect_timeout_ms: '250', idle_timeout_ms: 0");
    assert_eq!((waits.connect_timeout, waits.idle_timeout), (Some(Duration::from_millis(250)), None));
    assert_eq!(row.cooldown_time, None);
    let health_check = HealthCheckSettings {
        disabled: true,
        model: Some("echo/b".to_owned()),
        timeout: Some(Duration::from_secs(10)),
    };
    assert_eq!(row.health_check, health_check);
    assert_eq!(row.max_input_tokens, Some(128_000));
    assert_eq!(row.model_info.get("max_input_tokens"), Some("\"128000\""));
}

const PRICES: [&str; 14] = [
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "output_cost_per_reasoning_token",
    "input_cost_per_audio_token",
    "output_cost_per_audio_token",
    "input_cost_per_request",
    "input_cost_per_token_flex",
    "output_cost_per_token_flex",
    "cache_read_input_token_cost_flex",
    "input_cost_per_token_priority",
    "output_cost_per_token_priority",
    "cache_read_input_token_cost_priority",
];

fn prices(row: &DeploymentSettings) -> [Option<String>; 14] {
    [
        row.input_cost_per_token,
        row.output_cost_per_token,
        row.cache_read_input_token_cost,
        row.cache_creation_input_token_cost,
        row.output_cost_per_reasoning_token,
        row.input_cost_per_audio_token,
        row.output_cost_per_audio_token,
        row.input_cost_per_request,
        row.flex.input,
        row.flex.output,
        row.flex.cache_read,
        row.priority.input,
        row.priority.output,
        row.priority.cache_read,
    ]
    .map(|price| price.map(|price| price.to_string()))
}

#[test]
fn prices_stand_in_litellm_params_or_in_model_info() {
    let text = |price: &str| Some(price.to_owned());
    let info: Vec<String> =
        PRICES.iter().enumerate().map(|(index, key)| format!("{key}: {}e-7", index + 1)).collect();
    let row = deployment("", &info.join(", "));
    let expected =
        std::array::from_fn(|index| Decimal::new(index as i64 + 1, 7).normalize().to_string()).map(Some);
    assert_eq!(prices(&row), expected);

    for (index, key) in PRICES.iter().enumerate() {
        let is_of_tier = key.ends_with("_flex") || key.ends_with("_priority");
        let usual = if is_of_tier { ", input_cost_per_request: 1" } else { "" };
        let row = deployment(&format!(", {key}: 0.5{usual}"), &format!("{key}: 9"));
        assert_eq!(prices(&row)[index], text("0.5"), "{key}");
    }
    let row = deployment(", input_cost_per_token: 0.1", "cache_read_input_token_cost: '2e-7'");
    let given: Vec<bool> = prices(&row).iter().map(Option::is_some).collect();
    assert_eq!(given.iter().filter(|given| **given).count(), 2);
    assert_eq!(row.cache_read_input_token_cost.map(|price| price.to_string()), text("0.0000002"));
}

#[test]
fn prices_of_service_tiers_alone_are_told_of() {
    let rows = |params: &str, info: &str, expected: &[&str]| {
        let params = format!("{{model: openai/gpt-5{params}}}");
        let yaml =
            format!("model_list:\n- model_name: a\n  litellm_params: {params}\n  model_info: {{{info}}}\n");
        check(&yaml, expected);
    };
    let why =
        "has no effect without a price of calls that are served as usual, such as `input_cost_per_token`";
    let flex =
        format!("config.yaml:3:68: warning: model_list[0].litellm_params.input_cost_per_token_flex {why}");
    let priority =
        format!("config.yaml:4:48: warning: model_list[0].model_info.output_cost_per_token_priority {why}");
    let (of_flex, of_priority) =
        (", input_cost_per_token_flex: 1e-7", "output_cost_per_token_priority: 1e-5");
    rows(of_flex, of_priority, &[&flex, &priority]);
    rows(of_flex, "input_cost_per_token: 2e-7", &[]);
    rows(", input_cost_per_request: 0", of_priority, &[]);
    rows(
        ", input_cost_per_token: os.environ/PRICE, input_cost_per_token_flex: 1e-7",
        "",
        &[
            "config.yaml:3:63: error: model_list[0].litellm_params.input_cost_per_token refers to PRICE, which is not set; the deployment is out of service",
        ],
    );
}

#[test]
fn what_does_not_fit_costs_the_deployment() {
    let check = |part: &str, key: &str, value: &str, expected: &str| {
        let start = match part {
            "litellm_params" => format!("  litellm_params: {{model: echo/a, {key}: "),
            _ => format!("  litellm_params: {{model: echo/a}}\n  {part}: {{{key}: "),
        };
        let (line, column) = (2 + start.lines().count(), start.lines().last().unwrap_or_default().len() + 1);
        let loaded = check(
            &format!("model_list:\n- model_name: a\n{start}{value}}}\n"),
            &[&format!("config.yaml:{line}:{column}: error: model_list[0].{part}.{key} must be {expected}")],
        );
        assert!(loaded.settings.deployments.is_empty());
    };
    let count = "a whole number from 0";
    let number = "a number from 0";
    let seconds = "a number of seconds, from 0 to a year";
    for (key, value, expected) in [
        ("rpm", "many", count),
        ("tpm", "-1", count),
        ("weight", "-0.1", number),
        ("weight", ".inf", number),
        ("weight", ".nan", number),
        ("weight", "heavy", number),
        ("tags", "free", "a list"),
        ("num_retries", "1.5", count),
        ("max_retries", "often", count),
        ("cooldown_time", "-1", seconds),
        ("cache_read_input_token_cost", "-1", "an amount in US dollars, from 0"),
        ("input_cost_per_request", "free", "an amount in US dollars, from 0"),
    ] {
        check("litellm_params", key, value, expected);
    }
    for (key, value, expected) in [
        ("allowed_fails", "few", count),
        ("allowed_fails_policy", "3", "a mapping"),
        ("cooldown_time", "soon", seconds),
        ("enable_tag_filtering", "some", "true or false"),
        ("allow_fail_open", "3", "true or false"),
        ("max_input_tokens", "128k", count),
        ("disable_background_health_check", "often", "true or false"),
        ("health_check_model", "[echo/a]", "text, not a list"),
        ("health_check_timeout", "short", seconds),
        ("output_cost_per_audio_token", "[1]", "an amount in US dollars, from 0, not a list"),
    ] {
        check("model_info", key, value, expected);
    }
}

#[test]
fn a_tag_or_a_policy_that_does_not_fit_is_named() {
    let loaded = check(
        "model_list:
- model_name: a
  litellm_params: {model: echo/a, tags: [free, [paid]]}
- model_name: b
  litellm_params: {model: echo/b}
  model_info: {allowed_fails_policy: {TimeoutErrorAllowedFails: x, TimeoutErorAllowedFails: 1}}
- model_name: c
  litellm_params: {model: echo/c, itpm: 1, tag_regex: [x], output_cost_per_image: 1}
",
        &[
            "config.yaml:3:48: error: model_list[0].litellm_params.tags[1] must be text, not a list",
            "config.yaml:6:65: error: model_list[1].model_info.allowed_fails_policy.TimeoutErrorAllowedFails must be a whole number from 0",
            "config.yaml:6:68: warning: model_list[1].model_info.allowed_fails_policy.TimeoutErorAllowedFails is not a key that Trunkline knows; did you mean TimeoutErrorAllowedFails?",
            "config.yaml:8:35: warning: model_list[2].litellm_params.itpm is not supported: requests and tokens are counted by the minute, all tokens together",
            "config.yaml:8:44: warning: model_list[2].litellm_params.tag_regex is not supported: tags are compared as they are",
            "config.yaml:8:60: warning: model_list[2].litellm_params.output_cost_per_image is not supported: costs are worked out from the prices that have a row here",
        ],
    );
    assert_eq!(loaded.settings.deployments.len(), 1);
}
