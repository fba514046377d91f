//! The other sections, and the three states of their keys.

use trunkline_config::{Environment, parse, without_file};

use crate::{check, check_with, lines, read, read_clean};

#[test]
fn unknown_keys_are_told_of_with_the_nearest_known_one() {
    check(
        "modle_list: []
router_settings:
  retry_aftr: 1
  master_key: sk-own
litellm_settings:
  wholly_unheard_of: 1
",
        &[
            "config.yaml:1:1: warning: modle_list is not a key that Trunkline or LiteLLM knows; did you mean model_list?",
            "config.yaml:3:3: warning: router_settings.retry_aftr is not a key that Trunkline or LiteLLM knows; did you mean retry_after?",
            "config.yaml:4:3: warning: router_settings.master_key is not a key that Trunkline or LiteLLM knows; did you mean general_settings.master_key?",
            "config.yaml:6:3: warning: litellm_settings.wholly_unheard_of is not a key that Trunkline or LiteLLM knows",
        ],
    );
}

#[test]
fn keys_without_effect_are_told_of_unless_their_value_asks_for_nothing() {
    check(
        "litellm_settings:
  force_ipv4: true
  callbacks: []
  modify_params: false
  drop_params: true
  expose_router_debug_in_errors: true
router_settings:
  fallback_on_unsupported_params: false
  enable_weighted_failover: true
general_settings:
  alerting_threshold: 300
  store_model_in_db: false
  turn_off_message_logging: true
",
        &[
            "config.yaml:2:3: warning: litellm_settings.force_ipv4 is not supported: addresses are used as they resolve",
            "config.yaml:6:3: warning: litellm_settings.expose_router_debug_in_errors has no effect with this value: an error never shows the configuration",
            "config.yaml:9:3: warning: router_settings.enable_weighted_failover is not supported: the strategy draws the next deployment too",
            "config.yaml:11:3: warning: general_settings.alerting_threshold is not supported: there are no alerts",
            "config.yaml:13:3: warning: general_settings.turn_off_message_logging is not a key that Trunkline or LiteLLM knows; did you mean litellm_settings.turn_off_message_logging?",
        ],
    );
}

#[test]
fn of_callbacks_there_are_three_and_the_others_are_told_of() {
    let found = |yaml: &str| read(&format!("litellm_settings:\n{yaml}"), &[]).settings;
    for yaml in [
        "  callbacks: prometheus\n",
        "  success_callback: [langfuse, prometheus]\n",
        "  failure_callback: [prometheus]\n",
    ] {
        assert!(found(yaml).metrics, "{yaml}");
    }
    assert!(!found("  callbacks: [prometheus]\n").metrics_open);
    assert!(found("  require_auth_for_metrics_endpoint: false\n").metrics_open);
    check(
        "litellm_settings:
  callbacks: [prometheus, langsmith]
  success_callback: langfuse
  failure_callback: [{a: b}]
",
        &[
            "config.yaml:2:27: warning: litellm_settings.callbacks `langsmith` is not supported: there is no callback but `generic_api`, `otel` and `prometheus`",
            "config.yaml:3:21: warning: litellm_settings.success_callback `langfuse` is not supported: there is no callback but `generic_api`, `otel` and `prometheus`",
            "config.yaml:4:22: warning: litellm_settings.failure_callback is not supported: there is no callback but `generic_api`, `otel` and `prometheus`",
        ],
    );
}

/// Headers as they would be sent.
fn exposed(headers: &[(String, trunkline_config::Secret)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect()
}

#[test]
fn callbacks_that_send_take_their_settings_from_the_environment() {
    let yaml = "litellm_settings:\n  callbacks: [generic_api]\n  success_callback: [otel, generic_api]\n";
    let exports = |variables: &[(&str, &str)]| read_clean(yaml, variables).settings.exports;
    let own = [
        ("GENERIC_LOGGER_ENDPOINT", "https://host/hook"),
        ("GENERIC_LOGGER_HEADERS", "Authorization=Bearer a%20b=, x=1"),
        ("OTEL_EXPORTER", "otlp_http"),
        ("OTEL_ENDPOINT", "http://collector:4318"),
        ("OTEL_HEADERS", "Authorization=Bearer%20t"),
        ("OTEL_SERVICE_NAME", "router"),
    ];
    let found = exports(&own);
    let webhook = found.webhook.expect("a webhook");
    assert_eq!(webhook.endpoint.expose(), "https://host/hook");
    assert_eq!(exposed(&webhook.headers), [("Authorization", "Bearer a%20b="), ("x", "1")]);
    let traces = found.traces.expect("a collector");
    assert_eq!(traces.endpoint.expose(), "http://collector:4318");
    assert_eq!(exposed(&traces.headers), [("Authorization", "Bearer t")]);
    assert_eq!(traces.service_name, "router");

    let standard = [
        ("GENERIC_LOGGER_ENDPOINT", "https://host/hook"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard:4318"),
        ("OTEL_ENDPOINT", "http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b"),
        ("OTEL_HEADERS", "c=d"),
    ];
    let traces = exports(&standard).traces.expect("a collector");
    assert_eq!(traces.endpoint.expose(), "http://standard:4318");
    assert_eq!((exposed(&traces.headers), traces.service_name.as_str()), (vec![("a", "b")], "trunkline"));
    let unnamed = read_clean("litellm_settings: {callbacks: [prometheus]}\n", &own).settings.exports;
    assert!(unnamed.webhook.is_none() && unnamed.traces.is_none(), "variables alone send nothing");
}

#[test]
fn callbacks_that_cannot_send_are_told_of() {
    let yaml = "litellm_settings:\n  callbacks: [generic_api, otel]\n  failure_callback: [otel]\n";
    let loaded = check(
        yaml,
        &[
            "config.yaml:2:15: warning: litellm_settings.callbacks `generic_api` sends nothing: set GENERIC_LOGGER_ENDPOINT",
            "config.yaml:2:28: warning: litellm_settings.callbacks `otel` sends nothing: set OTEL_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT",
        ],
    );
    assert!(loaded.settings.exports.webhook.is_none() && loaded.settings.exports.traces.is_none());
    check_with(
        "litellm_settings: {callbacks: otel}\n",
        &[("OTEL_EXPORTER", "otlp_grpc"), ("OTEL_ENDPOINT", "http://collector:4317")],
        &[
            "config.yaml:1:31: warning: litellm_settings.callbacks `otel` sends nothing: OTEL_EXPORTER is `otlp_grpc`, and traces go by OTLP over HTTP alone; `otlp_http` is its name",
        ],
    );
    check_with(
        "litellm_settings: {callbacks: otel}\n",
        &[("OTEL_ENDPOINT", "http://collector:4318"), ("OTEL_HEADERS", "a=b,secret")],
        &["environment: warning: OTEL_HEADERS holds something that is not `name=value`, which is left out"],
    );
}

#[test]
fn keys_that_restrict_stop_the_start() {
    let yaml = "litellm_settings:
  max_internal_user_budget: 10
general_settings:
  allowed_routes: [/v1/models]
router_settings:
  optional_pre_call_checks: [prompt_caching]
model_list:
- {model_name: a, litellm_params: {model: echo/a, max_budget: 1}, model_info: {team_id: t}}
guardrails:
- guardrail_name: pii
";
    let tail = "is not supported, and what it restricts would go unrestricted";
    check(
        yaml,
        &[
            &format!(
                "!config.yaml:2:3: error: litellm_settings.max_internal_user_budget {tail}: budgets are set at each key, user, team, end user and tag; remove it, or start with --allow-unsupported max_internal_user_budget"
            ),
            &format!(
                "!config.yaml:4:3: error: general_settings.allowed_routes {tail}: every route is served; remove it, or start with --allow-unsupported allowed_routes"
            ),
            "config.yaml:6:3: warning: router_settings.optional_pre_call_checks is not supported: deployments have no budgets; `rpm` and `tpm` hold without it; calls stay with a deployment by their prompt alone (`prompt_cache_affinity`)",
            &format!(
                "!config.yaml:8:51: error: model_list[0].litellm_params.max_budget {tail}: deployments have no budgets; remove it, or start with --allow-unsupported max_budget"
            ),
            &format!(
                "!config.yaml:8:80: error: model_list[0].model_info.team_id {tail}: what a team may call stands with the team, in `models`; remove it, or start with --allow-unsupported team_id"
            ),
            &format!(
                "!config.yaml:9:1: error: guardrails {tail}: there are no guardrails; remove it, or start with --allow-unsupported guardrails"
            ),
        ],
    );
    let allowed =
        ["litellm_params.max_budget", "general_settings.allowed_routes", "team_id", "guardrails", "nothing"];
    let loaded =
        parse(yaml, "config.yaml", &Environment::empty(), &allowed.map(str::to_owned)).expect("YAML");
    assert_eq!(
        lines(&loaded),
        [
            "config.yaml:2:3: error: litellm_settings.max_internal_user_budget is not supported, and what it restricts would go unrestricted: budgets are set at each key, user, team, end user and tag; remove it, or start with --allow-unsupported max_internal_user_budget",
            "config.yaml:4:3: warning: general_settings.allowed_routes is not supported and restricts nothing, as was allowed: every route is served",
            "config.yaml:6:3: warning: router_settings.optional_pre_call_checks is not supported: deployments have no budgets; `rpm` and `tpm` hold without it; calls stay with a deployment by their prompt alone (`prompt_cache_affinity`)",
            "config.yaml:8:51: warning: model_list[0].litellm_params.max_budget is not supported and restricts nothing, as was allowed: deployments have no budgets",
            "config.yaml:8:80: warning: model_list[0].model_info.team_id is not supported and restricts nothing, as was allowed: what a team may call stands with the team, in `models`",
            "config.yaml:9:1: warning: guardrails is not supported and restricts nothing, as was allowed: there are no guardrails",
            "--allow-unsupported: warning: nothing is allowed to be without effect, but no such key stands there",
        ]
    );
}

#[test]
fn a_restriction_that_is_switched_off_restricts_nothing() {
    check(
        "litellm_settings: {max_budget: 0, guardrails: [], block_requests_for_models_without_pricing: 'false'}
router_settings: {optional_pre_call_checks: [], provider_budget_config: {}}
general_settings: {allowed_ips: null, enable_jwt_auth: no, custom_auth: ''}
",
        &[],
    );
    check(
        "router_settings: {optional_pre_call_checks: [router_budget_limiting]}",
        &[
            "!config.yaml:1:19: error: router_settings.optional_pre_call_checks is not supported, and what it restricts would go unrestricted: deployments have no budgets; `rpm` and `tpm` hold without it; calls stay with a deployment by their prompt alone (`prompt_cache_affinity`); remove it, or start with --allow-unsupported optional_pre_call_checks",
        ],
    );
}

#[test]
fn health_check_interval_of_the_router_is_an_error_as_in_litellm() {
    check(
        "router_settings: {health_check_interval: 10}",
        &[
            "!config.yaml:1:19: error: router_settings.health_check_interval belongs in general_settings; did you mean general_settings.health_check_interval?",
        ],
    );
}

#[test]
fn the_master_key_comes_from_the_file_else_from_the_environment() {
    let key = |yaml, variables: &[(&str, &str)]| {
        read_clean(yaml, variables).settings.general.master_key.map(|key| key.expose().to_owned())
    };
    assert_eq!(key("", &[]), None);
    assert_eq!(key("general_settings: {master_key: }", &[]), None);
    assert_eq!(key("", &[("LITELLM_MASTER_KEY", "from-environment")]).as_deref(), Some("from-environment"));
    let file = "general_settings: {master_key: from-file}";
    assert_eq!(key(file, &[("LITELLM_MASTER_KEY", "from-environment")]).as_deref(), Some("from-file"));
    assert_eq!(
        key("environment_variables: {LITELLM_MASTER_KEY: laid-over}", &[]).as_deref(),
        Some("laid-over")
    );
}

#[test]
fn a_master_key_that_protects_nothing_is_refused() {
    let advice = "choose one of your own, as `openssl rand -hex 32` makes them";
    let known = format!(
        "!config.yaml:1:32: error: general_settings.master_key is a key that everybody knows; {advice}"
    );
    check("general_settings: {master_key: sk-1234}", &[&known]);
    let empty = format!("!config.yaml:1:32: error: general_settings.master_key is empty; {advice}");
    check("general_settings: {master_key: ''}", &[&empty]);
    let variable = format!("!environment: error: LITELLM_MASTER_KEY is a key that everybody knows; {advice}");
    check_with("", &[("LITELLM_MASTER_KEY", "sk-1234")], &[&variable]);

    let permit = "general_settings: {master_key: sk-1234, dangerously_permit_weak_or_unset_master_key: true}";
    assert!(read_clean(permit, &[]).settings.general.master_key.is_some());
    let variables = [("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "True")];
    let settings = read_clean("general_settings: {master_key: sk-1234}", &variables).settings;
    assert!(settings.general.master_key.is_some() && settings.general.permit_weak_or_unset_master_key);
    let empty = "general_settings: {master_key: '', dangerously_permit_weak_or_unset_master_key: true}";
    assert!(read_clean(empty, &[]).settings.general.master_key.is_none());
}

#[test]
fn general_settings_are_read() {
    let yaml = "
general_settings:
  litellm_key_header_name: X-My-Key
  forward_client_headers_to_llm_api: true
  forward_openai_org_id: true
  allow_client_side_credentials: 'true'
  always_include_stream_usage: on
  return_wildcard_routes: 1
  completion_model: fast
  user_header_name: X-User
  user_header_mappings:
  - {header_name: X-Customer, litellm_user_role: customer}
";
    let general = read_clean(yaml, &[]).settings.general;
    assert_eq!(general.key_header_name.as_ref().map(|name| name.as_str()), Some("x-my-key"));
    assert!(general.forward_client_headers && general.health_check_details);
    assert!(general.forward_openai_organization && general.client_side_credentials);
    assert!(general.always_include_stream_usage && general.return_wildcard_routes);
    assert_eq!(general.completion_model.as_deref(), Some("fast"));
    assert_eq!(general.user_headers, ["x-user", "x-customer"]);

    check(
        "general_settings:\n  litellm_key_header_name: 'my key'\n  user_header_mappings: {header_name: X-U, litellm_user_role: internal_user}\n",
        &[
            "!config.yaml:2:28: error: general_settings.litellm_key_header_name must be the name of a header",
            "config.yaml:3:25: warning: general_settings.user_header_mappings[0].litellm_user_role is not supported: only `customer` can be named by a header",
        ],
    );
}

#[test]
fn probes_and_mocks_are_off_unless_asked_for() {
    let general = read_clean("", &[]).settings.general;
    assert!(!general.background_health_checks && !general.allow_mock_testing_params);
    assert_eq!((general.health_check_interval.as_secs(), general.health_check_concurrency), (300, None));
    let yaml = "general_settings: {background_health_checks: true, health_check_interval: '60', health_check_concurrency: 4, dangerously_allow_mock_testing_request_params: yes}";
    let general = read_clean(yaml, &[]).settings.general;
    assert!(general.background_health_checks && general.allow_mock_testing_params);
    assert_eq!((general.health_check_interval.as_secs(), general.health_check_concurrency), (60, Some(4)));
    let zeros = "general_settings: {health_check_interval: 0, health_check_concurrency: 0}";
    let general = read_clean(zeros, &[]).settings.general;
    assert_eq!((general.health_check_interval.as_secs(), general.health_check_concurrency), (300, None));
    check(
        "general_settings:
  background_health_checks: sometimes
  health_check_interval: often
  health_check_concurrency: -1
  dangerously_allow_mock_testing_request_params: 7
",
        &[
            "!config.yaml:2:29: error: general_settings.background_health_checks must be true or false",
            "!config.yaml:3:26: error: general_settings.health_check_interval must be a number of seconds, from 0 to a year",
            "!config.yaml:4:29: error: general_settings.health_check_concurrency must be a whole number from 0",
            "!config.yaml:5:50: error: general_settings.dangerously_allow_mock_testing_request_params must be true or false",
        ],
    );
}

#[test]
fn timeouts_have_an_order_of_precedence() {
    let timeout = |yaml, variables: &[(&str, &str)]| {
        read_clean(yaml, variables).settings.upstream.timeout.map(|wait| wait.as_secs())
    };
    let variables = [("REQUEST_TIMEOUT", "3")];
    assert_eq!(timeout("", &[]), None);
    assert_eq!(timeout("", &variables), Some(3));
    assert_eq!(timeout("router_settings: {timeout: 2}", &variables), Some(2));
    let both = "{router_settings: {timeout: 2}, litellm_settings: {request_timeout: 1}}";
    assert_eq!(timeout(both, &variables), Some(1));
    check_with(
        "",
        &[("REQUEST_TIMEOUT", "soon")],
        &["!environment: error: REQUEST_TIMEOUT must be a number of seconds, from 0 to a year"],
    );
}

#[test]
fn without_a_file_the_environment_speaks() {
    let environment =
        Environment::from_iter([("LITELLM_MASTER_KEY", "own"), ("TRUNKLINE_JSON_DEPTH_MAX", "9")]);
    let loaded = without_file(&environment);
    assert!(loaded.diagnostics.is_empty() && loaded.files.is_empty());
    assert!(loaded.settings.general.master_key.is_some());
    assert_eq!(loaded.settings.trunkline.json_depth_max, 9);
}

#[test]
fn keys_that_begin_right_or_stand_elsewhere_are_guessed() {
    check(
        "num_retries: 1
router_settings:
  num_retry: 1
  queue_wait: 1
litellm_settings: {routing_strategy: simple-shuffle}
general_settings: {num_retry: 1, wholly_unheard_of: 1}
",
        &[
            "config.yaml:1:1: warning: num_retries is not a key that Trunkline or LiteLLM knows; did you mean litellm_settings.num_retries?",
            "config.yaml:3:3: warning: router_settings.num_retry is not a key that Trunkline or LiteLLM knows; did you mean num_retries?",
            "config.yaml:4:3: warning: router_settings.queue_wait is not a key that Trunkline or LiteLLM knows; did you mean trunkline_settings.queue_wait_ms?",
            "config.yaml:5:20: warning: litellm_settings.routing_strategy is not a key that Trunkline or LiteLLM knows; did you mean router_settings.routing_strategy?",
            "config.yaml:6:20: warning: general_settings.num_retry is not a key that Trunkline or LiteLLM knows; did you mean litellm_settings.num_retries?",
            "config.yaml:6:34: warning: general_settings.wholly_unheard_of is not a key that Trunkline or LiteLLM knows",
        ],
    );
}
