//! `trunkline_settings`: defaults, file, environment.

use std::collections::BTreeMap;

use trunkline_config::{CallLimits, GlobalLimits, GroupWaits, Section, TrunklineSettings, key_table};

use crate::{check, check_with, read_clean};

#[test]
fn defaults_then_file_then_environment() {
    let yaml = "trunkline_settings: {connect_timeout_ms: '1000', idle_timeout_ms: 5, cors_origins: [https://a.example]}";
    let settings = read_clean(yaml, &[("TRUNKLINE_IDLE_TIMEOUT_MS", "7")]).settings.trunkline;
    let expected = TrunklineSettings {
        connect_timeout_ms: 1000,
        idle_timeout_ms: 7,
        cors_origins: vec!["https://a.example".to_owned()],
        ..TrunklineSettings::default()
    };
    assert_eq!(settings, expected);

    let variables = [
        ("TRUNKLINE_CORS_ORIGINS", "https://a.example, https://b.example"),
        ("TRUNKLINE_REASONING_CONTENT", "false"),
    ];
    let settings = read_clean("", &variables).settings.trunkline;
    assert_eq!(settings.cors_origins, ["https://a.example", "https://b.example"]);
    assert!(!settings.reasoning_content);
}

#[test]
fn the_keys_of_routing() {
    let yaml = "
trunkline_settings:
  queue_wait_ms: 100
  queue_length_max: 10
  attempts_max: '3'
  prompt_cache_affinity: false
  hedging: true
  hedge_delay_ms: 500
  hedge_percent_max: 100
  retry_budget_percent: 0
  retry_budget_burst: 0
  trace_for_keys: true
";
    let settings = read_clean(yaml, &[("TRUNKLINE_RELOAD", "false")]).settings.trunkline;
    let expected = TrunklineSettings {
        queue_wait_ms: 100,
        queue_length_max: 10,
        attempts_max: 3,
        prompt_cache_affinity: false,
        hedging: true,
        hedge_delay_ms: 500,
        hedge_percent_max: 100,
        retry_budget_percent: 0,
        retry_budget_burst: 0,
        trace_for_keys: true,
        reload: false,
        ..TrunklineSettings::default()
    };
    assert_eq!(settings, expected);
    read_clean("trunkline_settings: {queue_wait_ms: 0, hedge_delay_ms: 0}", &[]);
}

#[test]
fn waits_of_groups() {
    const LIST: &str = "model_list: [{model_name: m, litellm_params: {model: echo/m}}]\n";
    let waits = |waits: &str| format!("{LIST}trunkline_settings:\n  group_waits:\n    {waits}\n");
    let settings =
        read_clean(&waits("m: {idle_timeout_ms: '5', total_timeout_ms: 7}"), &[]).settings.trunkline;
    let expected =
        GroupWaits { idle_timeout_ms: Some(5), total_timeout_ms: Some(7), ..GroupWaits::default() };
    assert_eq!(settings.group_waits.get("m"), Some(&expected));
    check(
        &waits("m: {idle_timeout_ms: 0}"),
        &["!config.yaml:4:5: error: trunkline_settings.group_waits.m must be more than 0"],
    );
    check(
        &waits("m: {idle_timeout: 1}"),
        &[
            "!config.yaml:4:5: error: trunkline_settings.group_waits unknown field: found `idle_timeout`, expected `one of `connect_timeout_ms`, `first_event_timeout_ms`, `idle_timeout_ms`, `total_timeout_ms``",
        ],
    );
    check(
        &waits("k: {idle_timeout_ms: 1}"),
        &[
            "config.yaml:4:5: warning: trunkline_settings.group_waits.k names `k`, which is no group of model_list; did you mean m?",
        ],
    );
}

#[test]
fn limits_of_all_callers() {
    const LIST: &str = "model_list: [{model_name: m, litellm_params: {model: echo/m}}]\n";
    let limits = |limits: &str| format!("{LIST}trunkline_settings:\n  global_limits:\n    {limits}\n");
    let settings = read_clean(&limits("{rpm_limit: 5, models: {m: {tpm_limit: '7'}}}"), &[]).settings;
    let of_m = CallLimits { tpm_limit: Some(7), ..CallLimits::default() };
    let expected = GlobalLimits {
        rpm_limit: Some(5),
        models: BTreeMap::from([("m".to_owned(), of_m)]),
        ..GlobalLimits::default()
    };
    assert_eq!(settings.trunkline.global_limits, expected);
    check(
        &limits("rpm: 5"),
        &[
            "!config.yaml:4:5: error: trunkline_settings.global_limits unknown field: found `rpm`, expected `one of `rpm_limit`, `tpm_limit`, `max_parallel_requests`, `models``",
        ],
    );
    check(
        &limits("models: {k: {rpm_limit: 1}}"),
        &[
            "config.yaml:4:14: warning: trunkline_settings.global_limits.models.k names `k`, which is no group of model_list; did you mean m?",
        ],
    );
}

#[test]
fn keys_of_routing_that_do_not_fit() {
    for (key, wanted) in [
        ("queue_wait_ms", "a whole number from 0"),
        ("queue_length_max", "a whole number from 0"),
        ("attempts_max", "a whole number from 0"),
        ("prompt_cache_affinity", "true or false"),
        ("hedging", "true or false"),
        ("hedge_delay_ms", "a whole number from 0"),
        ("hedge_percent_max", "a whole number from 0"),
        ("retry_budget_percent", "a whole number from 0"),
        ("retry_budget_burst", "a whole number from 0"),
        ("trace_for_keys", "true or false"),
        ("reload", "true or false"),
    ] {
        let column = key.len() + 5;
        check(
            &format!("trunkline_settings:\n  {key}: some\n"),
            &[&format!("!config.yaml:2:{column}: error: trunkline_settings.{key} must be {wanted}")],
        );
    }
    check_with(
        "trunkline_settings:
  queue_length_max: 0
  attempts_max: 0
  hedge_percent_max: 0
",
        &[],
        &[
            "!config.yaml:2:21: error: trunkline_settings.queue_length_max must be more than 0",
            "!config.yaml:3:17: error: trunkline_settings.attempts_max must be more than 0",
            "!config.yaml:4:22: error: trunkline_settings.hedge_percent_max must be more than 0",
        ],
    );
    check_with(
        "trunkline_settings: {retry_budget_percent: 200}",
        &[("TRUNKLINE_HEDGE_PERCENT_MAX", "101")],
        &["!environment: error: TRUNKLINE_HEDGE_PERCENT_MAX must be 100 at most"],
    );
}

#[test]
fn every_value_that_does_not_fit_is_told_of() {
    check_with(
        "trunkline_settings:\n  idle_timeout_ms: soon\n  hedging: perhaps\n  attempts_max: 0\n  queue_wait_ms: long\n",
        &[("TRUNKLINE_QUEUE_LENGTH_MAX", "many")],
        &[
            "!config.yaml:2:20: error: trunkline_settings.idle_timeout_ms must be a whole number from 0",
            "!config.yaml:3:12: error: trunkline_settings.hedging must be true or false",
            "!config.yaml:4:17: error: trunkline_settings.attempts_max must be more than 0",
            "!config.yaml:5:18: error: trunkline_settings.queue_wait_ms must be a whole number from 0",
            "!environment: error: TRUNKLINE_QUEUE_LENGTH_MAX must be a whole number from 0",
        ],
    );
}

#[test]
fn unknown_keys_are_errors_here() {
    check(
        "trunkline_settings:\n  body_byte_max: 1\n  wholly_unheard_of: 1\n",
        &[
            "!config.yaml:2:3: error: trunkline_settings.body_byte_max is not a key of trunkline_settings; did you mean body_bytes_max?",
            "!config.yaml:3:3: error: trunkline_settings.wholly_unheard_of is not a key of trunkline_settings",
        ],
    );
}

#[test]
fn what_does_not_fit_names_where_it_came_from() {
    check(
        "trunkline_settings:\n  idle_timeout_ms: soon\n",
        &["!config.yaml:2:20: error: trunkline_settings.idle_timeout_ms must be a whole number from 0"],
    );
    check(
        "trunkline_settings:\n  reasoning_content: 3\n",
        &["!config.yaml:2:22: error: trunkline_settings.reasoning_content must be true or false"],
    );
    check(
        "trunkline_settings:\n  connections_max: 0\n  event_bytes_max: 0\n",
        &["!config.yaml:3:20: error: trunkline_settings.event_bytes_max must be more than 0"],
    );
    check_with(
        "trunkline_settings:\n  idle_timeout_ms: 1\n",
        &[("TRUNKLINE_IDLE_TIMEOUT_MS", "soon")],
        &["!environment: error: TRUNKLINE_IDLE_TIMEOUT_MS must be a whole number from 0"],
    );
}

#[test]
fn foreign_variables_with_our_prefix_are_left_alone() {
    let kubernetes = [("TRUNKLINE_PORT", "tcp://10.0.0.1:4000"), ("TRUNKLINE_SERVICE_HOST", "10.0.0.1")];
    read_clean("", &kubernetes);
    check_with(
        "",
        &[("TRUNKLINE_BODY_BYTE_MAX", "1")],
        &[
            "environment: warning: TRUNKLINE_BODY_BYTE_MAX is not a variable that Trunkline knows; did you mean TRUNKLINE_BODY_BYTES_MAX?",
        ],
    );
}

#[test]
fn litellms_size_limits_lower_ours() {
    let yaml = "general_settings: {max_request_size_mb: 1, max_response_size_mb: 2}";
    let settings = read_clean(yaml, &[]).settings.trunkline;
    assert_eq!(settings.body_bytes_max, 1024 * 1024);
    assert_eq!(settings.body_inflated_bytes_max, 1024 * 1024);
    assert_eq!(settings.reply_bytes_max, 2 * 1024 * 1024);
    let yaml = "general_settings: {max_request_size_mb: 1000}";
    assert_eq!(read_clean(yaml, &[]).settings.trunkline.body_bytes_max, 104_857_600);
}

#[test]
fn the_table_has_the_fields_of_the_struct_with_their_defaults() {
    let defaults = serde_json::to_value(TrunklineSettings::default()).expect("numbers and texts");
    let fields: Vec<(String, String)> = defaults
        .as_object()
        .expect("a struct")
        .iter()
        .map(|(field, value)| (field.clone(), value.to_string()))
        .collect();
    let mut rows: Vec<(String, String)> = key_table()
        .iter()
        .filter(|row| row.section == Section::TrunklineSettings)
        .map(|row| (row.key.to_owned(), row.default.to_owned()))
        .collect();
    rows.sort();
    assert_eq!(rows, fields);
}

#[test]
fn a_cap_for_unknown_prices_is_an_amount_and_is_wanted() {
    use trunkline_config::UnknownPrice;
    for (cap, expected) in [("0.05", "0.05"), ("'5e-2'", "0.05"), ("3", "3")] {
        let yaml = format!("trunkline_settings: {{unknown_price: cap, unknown_price_cap: {cap}}}");
        let settings = read_clean(&yaml, &[]).settings.trunkline;
        assert_eq!(settings.unknown_price, UnknownPrice::Cap);
        let read = settings.unknown_price_cap.map(|cap| cap.normalize().to_string());
        assert_eq!(read.as_deref(), Some(expected), "{cap}");
    }
    let settings =
        read_clean("trunkline_settings: {unknown_price: cap}", &[("TRUNKLINE_UNKNOWN_PRICE_CAP", "0.5")]);
    assert!(settings.settings.trunkline.unknown_price_cap.is_some());
    check(
        "trunkline_settings: {unknown_price: cap}",
        &[
            "!config.yaml:1:37: error: trunkline_settings.unknown_price needs `unknown_price_cap` beside it: US dollars a call",
        ],
    );
    for cap in ["cheap", "-1", "true", "0.0", "'1000000000001'", "1000000000001"] {
        check(
            &format!("trunkline_settings: {{unknown_price_cap: {cap}}}"),
            &[
                "!config.yaml:1:41: error: trunkline_settings.unknown_price_cap must be an amount in US dollars, more than 0",
            ],
        );
    }
}
