//! `os.environ/NAME` and `environment_variables`.

use trunkline_config::Disabled;

use crate::{check, check_with, read_clean};

#[test]
fn references_are_found_wherever_they_stand() {
    let yaml = "
model_list:
- model_name: os.environ/NAME
  litellm_params:
    model: os.environ/MODEL
    api_key: os.environ/KEY
    timeout: os.environ/TIMEOUT
    extra_headers: {x-key: os.environ/KEY}
    stop: [os.environ/STOP, end]
    extra_body: {a: [{b: os.environ/STOP}]}
";
    let variables = [("NAME", "fast"), ("MODEL", "echo/a"), ("KEY", "k"), ("TIMEOUT", "7"), ("STOP", "halt")];
    let deployments = read_clean(yaml, &variables).settings.deployments;
    assert_eq!(deployments[0].group, "fast");
    assert_eq!(deployments[0].model, "echo/a");
    assert_eq!(deployments[0].api_key.as_ref().map(|key| key.expose()), Some("k"));
    assert_eq!(deployments[0].timeout.map(|wait| wait.as_secs()), Some(7));
    assert_eq!(deployments[0].extra_headers["x-key"], "k");
    assert_eq!(deployments[0].defaults.get("stop"), Some(r#"["halt","end"]"#));
    assert_eq!(deployments[0].extra_body.get("a"), Some(r#"[{"b":"halt"}]"#));
}

#[test]
fn a_missing_variable_costs_one_deployment() {
    let loaded = check_with(
        "model_list:
- {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/MISSING, api_base: os.environ/GONE}}
- {model_name: b, litellm_params: {model: openai/b, api_key: os.environ/BLANK}}
- {model_name: c, litellm_params: {model: openai/c, api_key: os.environ/KEY}}
",
        &[("KEY", "k"), ("BLANK", " ")],
        &[
            "config.yaml:2:62: error: model_list[0].litellm_params.api_key refers to MISSING, which is not set; the deployment is out of service",
            "config.yaml:2:92: error: model_list[0].litellm_params.api_base refers to GONE, which is not set; the deployment is out of service",
            "config.yaml:3:62: error: model_list[1].litellm_params.api_key refers to BLANK, which is not set; the deployment is out of service",
        ],
    );
    assert!(loaded.has_errors() && !loaded.is_fatal());
    let disabled: Vec<_> = loaded.settings.deployments.iter().map(|row| row.disabled.clone()).collect();
    assert_eq!(
        disabled,
        [
            Some(Disabled::MissingVariables(vec!["GONE".to_owned(), "MISSING".to_owned()])),
            Some(Disabled::MissingVariables(vec!["BLANK".to_owned()])),
            None
        ]
    );
    assert_eq!(
        disabled[0].as_ref().map(ToString::to_string).as_deref(),
        Some("the configuration refers to GONE and MISSING, which are not set")
    );
}

#[test]
fn a_missing_model_or_name_says_so_once() {
    let loaded = check(
        "model_list:
- {model_name: a, litellm_params: {model: os.environ/MODEL}}
- {model_name: os.environ/NAME, litellm_params: {model: echo/b}}
",
        &[
            "config.yaml:2:43: error: model_list[0].litellm_params.model refers to MODEL, which is not set; the deployment is out of service",
            "config.yaml:3:16: error: model_list[1].model_name refers to NAME, which is not set; the deployment is out of service",
        ],
    );
    assert_eq!(loaded.settings.deployments.len(), 1);
    assert_eq!(loaded.settings.deployments[0].group, "a");
}

#[test]
fn a_missing_variable_elsewhere_stops_the_start() {
    check(
        "general_settings:
  master_key: os.environ/MASTER
  allowed_ips: [os.environ/IP]
  database_url: os.environ/DATABASE
litellm_settings:
  max_budget: os.environ/BUDGET
",
        &[
            "!config.yaml:2:15: error: general_settings.master_key refers to MASTER, which is not set",
            "!config.yaml:3:3: error: general_settings.allowed_ips is not supported, and what it restricts would go unrestricted: callers' addresses are not looked at; remove it, or start with --allow-unsupported allowed_ips",
            "!config.yaml:3:17: error: general_settings.allowed_ips[0] refers to IP, which is not set",
            "!config.yaml:4:17: error: general_settings.database_url refers to DATABASE, which is not set",
            "!config.yaml:6:15: error: litellm_settings.max_budget refers to BUDGET, which is not set",
        ],
    );
}

#[test]
fn a_reference_inside_a_text_is_no_reference() {
    let loaded = check_with(
        "model_list:\n- {model_name: a, litellm_params: {model: openai/a, api_key: Bearer os.environ/KEY}}\n",
        &[("KEY", "k")],
        &[
            "config.yaml:2:62: warning: model_list[0].litellm_params.api_key holds `os.environ/` inside a text, where it is taken literally; let the variable hold the whole text",
        ],
    );
    assert_eq!(loaded.settings.deployments.len(), 1);
}

#[test]
fn the_files_variables_win_and_may_refer_to_others() {
    let loaded = check_with(
        "environment_variables:
  KEY: from-file
  PORT: 4000
  COPY: os.environ/OTHER
  SAME: same
  EMPTY:
model_list:
- {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/KEY, api_base: os.environ/COPY}}
",
        &[("KEY", "from-process"), ("OTHER", "http://other"), ("SAME", "same")],
        &[
            "config.yaml:2:3: note: environment_variables.KEY replaces the variable of this name in the process's environment",
        ],
    );
    assert_eq!(loaded.environment.get("KEY"), Some("from-file"));
    assert_eq!(loaded.environment.get("PORT"), Some("4000"));
    assert_eq!(loaded.environment.get("OTHER"), Some("http://other"));
    let deployment = &loaded.settings.deployments[0];
    assert_eq!(deployment.api_key.as_ref().map(|key| key.expose()), Some("from-file"));
    assert_eq!(deployment.api_base.as_deref(), Some("http://other"));

    check(
        "environment_variables: {A: [1], B: os.environ/C}",
        &[
            "!config.yaml:1:28: error: environment_variables.A must be text",
            "!config.yaml:1:36: error: environment_variables.B refers to C, which is not set",
        ],
    );
}

#[test]
fn a_half_reference_among_the_files_variables_is_told_of_once() {
    check(
        "environment_variables: {A: x os.environ/B}",
        &[
            "config.yaml:1:28: warning: environment_variables.A holds `os.environ/` inside a text, where it is taken literally; let the variable hold the whole text",
        ],
    );
}
