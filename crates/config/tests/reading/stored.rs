//! Rows that stand in no file.

use trunkline_config::{Disabled, Environment, Severity, StoredRow, parse};

const FILE: &str = "model_list:
- {model_name: own, litellm_params: {model: echo/x}, model_info: {id: of-file}}
credential_list:
- {credential_name: shared, credential_values: {api_key: sk-shared}, credential_info: {}}
router_settings: {default_litellm_params: {timeout: 7}, default_max_parallel_requests: 3}
";

fn row(json: &str) -> StoredRow {
    StoredRow { name: "model m1".to_owned(), json: json.to_owned() }
}

fn environment() -> Environment {
    Environment::from_iter([("UPSTREAM_KEY", "sk-variable"), ("LITELLM_MASTER_KEY", "sk-master")])
}

#[test]
fn a_stored_row_is_read_as_one_of_the_file_is() {
    let loaded = parse(FILE, "config.yaml", &environment(), &[]).expect("YAML");
    let (read, findings) = loaded.stored_deployments(&[
        row(
            r#"{"model_name": "a", "litellm_params": {"model": "openai/gpt-4o", "api_key": "os.environ/UPSTREAM_KEY",
                "rpm": 5, "input_cost_per_token": 0.0000025, "temperature": 0.5},
                "model_info": {"id": "m1", "mode": "chat"}}"#,
        ),
        row(
            r#"{"model_name": "b", "litellm_params": {"model": "openai/x", "litellm_credential_name": "shared"},
                "model_info": {"id": "m2"}}"#,
        ),
    ]);
    assert!(findings.is_empty(), "{findings:?}");
    let [first, second] = read.as_slice() else { panic!("two: {read:?}") };
    let key = |deployment: &trunkline_config::DeploymentSettings| {
        deployment.api_key.as_ref().map(|key| key.expose().to_owned())
    };
    assert_eq!((first.group.as_str(), first.id.as_deref(), first.rpm), ("a", Some("m1"), Some(5)));
    assert_eq!(key(first).as_deref(), Some("sk-variable"));
    assert_eq!(first.input_cost_per_token.map(|cost| cost.to_string()).as_deref(), Some("0.0000025"));
    assert_eq!((first.max_parallel_requests, first.timeout.map(|wait| wait.as_secs())), (Some(3), Some(7)));
    assert_eq!(first.location.to_string(), "model m1");
    assert_eq!(key(second).as_deref(), Some("sk-shared"));
}

/// What is said of a row that is left out.
#[track_caller]
fn check_refused(json: &str, words: &str) {
    let loaded = parse(FILE, "config.yaml", &environment(), &[]).expect("YAML");
    let (read, findings) = loaded.stored_deployments(&[row(json)]);
    assert!(read.is_empty(), "{read:?}");
    let finding = findings.iter().find(|finding| finding.is_error()).expect("an error");
    assert!(finding.to_string().contains(words), "{finding}");
    assert!(
        findings.iter().all(|finding| !finding.fatal && !finding.to_string().contains("sk-")),
        "{findings:?}"
    );
}

#[test]
fn a_row_that_cannot_be_used_is_left_out_and_stops_nothing() {
    check_refused("[1", "cannot be read");
    check_refused("[1]", "must be a mapping");
    check_refused(r#"{"litellm_params": {"model": "echo/x"}}"#, "model_name is missing");
    check_refused(
        r#"{"model_name": "a", "litellm_params": {"api_key": "sk-1"}}"#,
        "litellm_params.model is missing",
    );
    check_refused(
        r#"{"model_name": "a", "litellm_params": {"model": "echo/x", "rpm": "many"}}"#,
        "litellm_params.rpm",
    );
    check_refused(
        r#"{"model_name": "a", "litellm_params": {"model": "echo/x"}, "model_info": {"id": "of-file"}}"#,
        "`of-file` is also the id of a deployment of the file",
    );
    check_refused(
        r#"{"model_name": "a", "litellm_params": {"model": "echo/x", "extra_headers": {"a": "os.environ/LITELLM_MASTER_KEY"}}}"#,
        "refers to LITELLM_MASTER_KEY, which is the gateway's own",
    );
    // In the file this stops the start.
    check_refused(
        r#"{"model_name": "a", "litellm_params": {"model": "echo/x", "max_budget": 5}}"#,
        "litellm_params.max_budget is not supported, and what it restricts would go unrestricted",
    );
    check_refused(
        r#"{"model_name": "a", "litellm_params": {"model": "echo/x", "litellm_credential_name": "none"}}"#,
        "names no row of credential_list",
    );
}

#[test]
fn a_variable_that_is_missing_costs_the_row_alone() {
    let loaded = parse(FILE, "config.yaml", &Environment::empty(), &[]).expect("YAML");
    let json = r#"{"model_name": "a", "litellm_params": {"model": "openai/x", "api_key": "os.environ/UPSTREAM_KEY"}}"#;
    let (read, findings) = loaded.stored_deployments(&[row(json)]);
    assert_eq!(read[0].disabled, Some(Disabled::MissingVariables(vec!["UPSTREAM_KEY".to_owned()])));
    assert_eq!((findings.len(), findings[0].severity), (1, Severity::Error));
}
