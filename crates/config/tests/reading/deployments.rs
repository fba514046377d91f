//! `model_list`: rows into deployments.

use trunkline_config::Disabled;

use crate::{check, check_with, read_clean};

#[test]
fn a_row_with_everything() {
    let yaml = "
model_list:
- model_name: fast
  litellm_params:
    model: openai/gpt-4o
    custom_llm_provider: openai
    api_key: sk-private
    api_base: http://127.0.0.1:8080/v1
    organization: 12345
    extra_headers: {X-Team: a, X-Number: 7}
    headers: {x-team: b, x-other: c}
    extra_body: {providerOptions: {gateway: {order: [vertex]}}, n: 1}
    temperature: 0.7
    max_tokens: 100
    response_format: {type: json_object}
    timeout: 30
    stream_timeout: 2.5
    order: '2'
    max_parallel_requests: 4
    input_cost_per_token: 0.00000125
    output_cost_per_token: 1e-5
    mock_response: hello
    configurable_clientside_auth_params: [api_key, api_base]
  model_info:
    id: fast-1
    mode: chat
    base_model: gpt-4o
    max_tokens: 128000
    note: ours
";
    let loaded = read_clean(yaml, &[]);
    let [deployment] = &loaded.settings.deployments[..] else { panic!("one row, one deployment") };
    assert_eq!(deployment.group, "fast");
    assert_eq!(deployment.model, "openai/gpt-4o");
    assert_eq!(deployment.id.as_deref(), Some("fast-1"));
    assert_eq!(deployment.custom_llm_provider.as_deref(), Some("openai"));
    assert_eq!(deployment.api_key.as_ref().map(|key| key.expose()), Some("sk-private"));
    assert_eq!(deployment.api_base.as_deref(), Some("http://127.0.0.1:8080/v1"));
    assert_eq!(deployment.organization.as_deref(), Some("12345"));
    for (name, value) in [("x-number", "7"), ("x-other", "c"), ("x-team", "a")] {
        assert_eq!(deployment.extra_headers[name], value);
    }
    assert_eq!(deployment.extra_headers.len(), 3);
    let body: Vec<_> = deployment.extra_body.iter().collect();
    assert_eq!(body, [("providerOptions", r#"{"gateway":{"order":["vertex"]}}"#), ("n", "1")]);
    let defaults: Vec<_> = deployment.defaults.iter().collect();
    assert_eq!(
        defaults,
        [("temperature", "0.7"), ("max_tokens", "100"), ("response_format", r#"{"type":"json_object"}"#)]
    );
    assert_eq!(deployment.timeout.map(|wait| wait.as_secs()), Some(30));
    assert_eq!(deployment.stream_timeout.map(|wait| wait.as_millis()), Some(2500));
    assert_eq!(deployment.order, Some(2));
    assert_eq!(deployment.max_parallel_requests, Some(4));
    assert_eq!(deployment.input_cost_per_token.map(|price| price.to_string()).as_deref(), Some("0.00000125"));
    assert_eq!(deployment.output_cost_per_token.map(|price| price.to_string()).as_deref(), Some("0.00001"));
    assert_eq!(deployment.mock_response.as_deref(), Some("hello"));
    assert_eq!(deployment.configurable_clientside_auth_params, ["api_key", "api_base"]);
    assert_eq!(deployment.model_info.get("note"), Some("\"ours\""));
    assert_eq!(
        deployment.model_info.to_json(),
        r#"{"id":"fast-1","mode":"chat","base_model":"gpt-4o","max_tokens":128000,"note":"ours"}"#
    );
    assert_eq!(deployment.location.to_string(), "config.yaml:3:3");
    assert_eq!(deployment.disabled, None);
}

#[test]
fn debug_shows_no_key() {
    let yaml = "
general_settings: {master_key: private-1}
model_list:
- model_name: a
  litellm_params:
    model: openai/a
    api_key: private-2
    extra_headers: {authorization: private-3}
    extra_body: {secret: private-4}
    metadata: {secret: private-5}
";
    let loaded = read_clean(yaml, &[("OTHER", "private-6")]);
    let shown = format!("{loaded:?}");
    assert!(shown.contains("authorization") && !shown.contains("private"), "{shown}");
}

#[test]
fn a_row_that_cannot_be_read_is_left_out_and_the_others_stay() {
    let loaded = check(
        "model_list:
- litellm_params: {model: echo/a}
- model_name: b
- model_name: c
  litellm_params: {api_key: x}
- just text
- model_name: d
  litellm_params: {model: echo/d, timeout: soon}
- model_name: e
  litellm_params: [echo/e]
- model_name: ok
  litellm_params: {model: echo/ok}
",
        &[
            "config.yaml:2:3: error: model_list[0].model_name is missing; the row is left out",
            "config.yaml:3:3: error: model_list[1].litellm_params.model is missing; the row is left out",
            "config.yaml:4:3: error: model_list[2].litellm_params.model is missing; the row is left out",
            "config.yaml:6:3: error: model_list[3] must be a mapping, not text",
            "config.yaml:8:44: error: model_list[4].litellm_params.timeout must be a number of seconds, from 0 to a year",
            "config.yaml:9:3: error: model_list[5].litellm_params.model is missing; the row is left out",
            "config.yaml:10:19: error: model_list[5].litellm_params must be a mapping, not a list",
        ],
    );
    assert_eq!(loaded.settings.deployments.len(), 1);
    assert_eq!(loaded.settings.deployments[0].group, "ok");
    assert!(loaded.has_errors() && !loaded.is_fatal());
}

#[test]
fn two_deployments_cannot_share_an_id() {
    check(
        "model_list:
- {model_name: a, litellm_params: {model: echo/a}, model_info: {id: one}}
- {model_name: b, litellm_params: {model: echo/b}, model_info: {id: one}}
",
        &[
            "!config.yaml:3:3: error: model_info.id `one` is also the id of the deployment at config.yaml:2:3; ids must differ",
        ],
    );
}

#[test]
fn a_blocked_row_stands_among_the_others() {
    let yaml = "model_list:
- {model_name: a, litellm_params: {model: echo/1}}
- {model_name: a, litellm_params: {model: echo/2}, blocked: true}
";
    let deployments = read_clean(yaml, &[]).settings.deployments;
    let disabled: Vec<_> = deployments.iter().map(|row| row.disabled.as_ref()).collect();
    assert_eq!(disabled, [None, Some(&Disabled::Blocked)]);
}

#[test]
fn blocked_stands_in_the_row_or_in_model_info() {
    let yaml = "model_list: [{model_name: a, litellm_params: {model: echo/1}, model_info: {blocked: true}}]";
    let loaded = read_clean(yaml, &[]);
    let disabled = loaded.settings.deployments[0].disabled.as_ref();
    assert_eq!(disabled.map(ToString::to_string).as_deref(), Some("the configuration blocks it"));
}

#[test]
fn a_credential_fills_what_the_row_leaves_open() {
    let yaml = "
credential_list:
- credential_name: shared
  credential_values: {api_key: os.environ/SHARED_KEY, api_base: http://127.0.0.1:1/v1}
model_list:
- {model_name: a, litellm_params: {model: openai/a, litellm_credential_name: shared}}
- {model_name: b, litellm_params: {model: openai/b, litellm_credential_name: shared, api_key: own}}
";
    let loaded = read_clean(yaml, &[("SHARED_KEY", "from-environment")]);
    let keys: Vec<_> =
        loaded.settings.deployments.iter().map(|row| row.api_key.as_ref().map(|key| key.expose())).collect();
    assert_eq!(keys, [Some("from-environment"), Some("own")]);
    assert_eq!(loaded.settings.deployments[1].api_base.as_deref(), Some("http://127.0.0.1:1/v1"));

    let loaded = check(
        yaml,
        &[
            "config.yaml:4:32: error: credential_list[0].credential_values.api_key refers to SHARED_KEY, which is not set; deployments that use it are out of service",
        ],
    );
    assert_eq!(
        loaded.settings.deployments[0].disabled,
        Some(Disabled::MissingVariables(vec!["SHARED_KEY".to_owned()]))
    );
    check(
        "credential_list:\n- credential_name: shared\n  credential_values: {api_kye: x, aws_region_name: y}\n- credential_values: {}\n- text\n",
        &[
            "config.yaml:3:23: warning: credential_list[0].credential_values.api_kye is not a key that Trunkline or LiteLLM knows; did you mean api_key?",
            "config.yaml:3:35: warning: credential_list[0].credential_values.aws_region_name is not supported: Bedrock is not a provider here",
            "config.yaml:4:3: error: credential_list[1] has no credential_name",
            "config.yaml:5:3: error: credential_list[2] must be a mapping, not text",
        ],
    );
    check(
        "model_list: [{model_name: a, litellm_params: {model: openai/a, litellm_credential_name: nobody}}]",
        &[
            "config.yaml:1:14: error: model_list[0].litellm_params.litellm_credential_name names no row of credential_list; the row is left out",
        ],
    );
}

#[test]
fn the_routers_defaults_come_last() {
    let yaml = "
general_settings: {max_parallel_requests: 9}
router_settings: {default_max_parallel_requests: 5, default_litellm_params: {timeout: 10, temperature: 0}}
model_list:
- {model_name: a, litellm_params: {model: echo/a, timeout: 3}}
- {model_name: b, litellm_params: {model: echo/b, max_parallel_requests: 1, temperature: 1}}
";
    let deployments = read_clean(yaml, &[]).settings.deployments;
    assert_eq!(deployments[0].timeout.map(|wait| wait.as_secs()), Some(3));
    assert_eq!(deployments[0].defaults.get("temperature"), Some("0"));
    assert_eq!(deployments[0].max_parallel_requests, Some(5));
    assert_eq!(deployments[1].timeout.map(|wait| wait.as_secs()), Some(10));
    assert_eq!(deployments[1].defaults.get("temperature"), Some("1"));
    assert_eq!(deployments[1].max_parallel_requests, Some(1));
}

#[test]
fn an_unknown_parameter_goes_upstream_unless_it_looks_like_a_slip() {
    let loaded = check(
        "model_list:
- model_name: a
  litellm_params:
    model: openai/a
    api_kye: private
    min_p: 0.1
    temperatur: 1
  model_info: {base_modle: x, anything: 1}
",
        &[
            "config.yaml:5:5: warning: model_list[0].litellm_params.api_kye is not a key that Trunkline or LiteLLM knows; did you mean api_key?",
            "config.yaml:6:5: warning: model_list[0].litellm_params.min_p is not a key that Trunkline or LiteLLM knows; it goes upstream as it stands when the caller does not send it",
            "config.yaml:7:5: warning: model_list[0].litellm_params.temperatur is not a key that Trunkline or LiteLLM knows; it goes upstream as it stands when the caller does not send it; did you mean temperature?",
            "config.yaml:8:16: warning: model_list[0].model_info.base_modle is not a key that Trunkline or LiteLLM knows; did you mean base_model?",
        ],
    );
    let defaults: Vec<_> = loaded.settings.deployments[0].defaults.iter().collect();
    assert_eq!(defaults, [("min_p", "0.1"), ("temperatur", "1")]);
}

#[test]
fn callers_may_bring_their_key_and_base_alone() {
    check_with(
        "model_list:\n- model_name: a\n  litellm_params:\n    model: openai/a\n    configurable_clientside_auth_params: [api_key, organization]\n",
        &[],
        &[
            "config.yaml:5:52: error: model_list[0].litellm_params.configurable_clientside_auth_params may hold `api_key` and `api_base` alone, without a pattern",
        ],
    );
}

#[test]
fn rows_that_would_fail_or_hide_something_are_told_of() {
    check(
        "model_list:
- {model_name: a, litellm_params: {model: echo/a}, model_info: {id: b}}
- {model_name: b, litellm_params: {model: echo/b}, model_info: {id: c}}
- {model_name: c, litellm_params: {model: echo/c, rpm: 0, tpm: 0}, model_info: {id: c2}}
- {model_name: d, litellm_params: {model: openai/d, api_key: \"sk-1\\nsk-2\"}}
",
        &[
            "config.yaml:2:3: warning: model_info.id `b` is also the name of a group: who asks for that gets this deployment alone",
            "config.yaml:3:3: warning: model_info.id `c` is also the name of a group: who asks for that gets this deployment alone",
            "config.yaml:4:56: warning: model_list[2].litellm_params.rpm lets no request through",
            "config.yaml:4:64: warning: model_list[2].litellm_params.tpm lets no request through",
            "config.yaml:5:62: error: model_list[3].litellm_params.api_key holds characters that no HTTP header may hold",
        ],
    );
}

#[test]
fn a_base_says_how_it_is_spoken_to() {
    for base in [
        "127.0.0.1:9/v1",
        "localhost:8080",
        "ftp://host/v1",
        "http://",
        "https:///v1",
        "http://h:99999/v1",
        "http://h:0",
        "http://my host/v1",
    ] {
        let yaml = format!(
            "model_list:\n- {{model_name: a, litellm_params: {{model: openai/x, api_base: '{base}'}}}}\n"
        );
        let loaded = check(
            &yaml,
            &[
                "config.yaml:2:63: error: model_list[0].litellm_params.api_base must be a URL that begins with http:// or https:// and names a host, with a port from 1 to 65535 if any",
            ],
        );
        assert!(loaded.settings.deployments.is_empty(), "{base}");
    }
    for base in ["http://localhost", "HTTPS://host/v1", "http://[::1]:9", "https://1.2.3.4:8/v1"] {
        let yaml = format!(
            "model_list:\n- {{model_name: a, litellm_params: {{model: openai/x, api_base: '{base}'}}}}\n"
        );
        assert_eq!(check(&yaml, &[]).settings.deployments.len(), 1, "{base}");
    }
}
