//! The configuration: LiteLLM's file unchanged, and nothing ignored in silence.

use crate::client::{get, post};
use crate::server::Start;

const ECHO: &str = "model_list:\n- model_name: echo\n  litellm_params:\n    model: echo/x\n";

#[tokio::test]
async fn a_missing_variable_costs_its_deployment_and_is_said_so() {
    let config = format!(
        "{ECHO}- model_name: gone\n  litellm_params:\n    model: openai/x\n    api_key: os.environ/NOT_SET_ANYWHERE\n"
    );
    let server = Start::new().config(config.clone()).serve().await;
    let body = r#"{"model":"echo","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(post(server.address, "/v1/chat/completions", body).await.status, 200);
    let body = r#"{"model":"gone","messages":[]}"#;
    assert_eq!(post(server.address, "/v1/chat/completions", body).await.status, 400);
    let log = server.stop().await;
    assert!(log.contains("NOT_SET_ANYWHERE"), "{log}");

    let (status, text, _) = Start::new().config(config).argument("check").run().await;
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("NOT_SET_ANYWHERE"), "{text}");
}

#[tokio::test]
async fn a_file_of_which_nothing_is_in_service_is_not_ready() {
    let config = "model_list:\n- model_name: gone\n  litellm_params:\n    model: openai/x\n    api_key: os.environ/NOT_SET\n";
    let server = Start::new().config(config).serve().await;
    assert!(server.start_text.contains("0 of 1 deployments"), "{}", server.start_text);
    let ready = get(server.address, "/health/readiness").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &"no deployment".into()));
}

#[tokio::test]
async fn a_bad_file_is_refused_with_the_place() {
    let (status, _, log) = Start::new().config("model_list:\n- model_name: [\n").run().await;
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("config.yaml:"), "{log}");
    let (status, _, log) = Start::new().argument("--config").argument("/no/such/file.yaml").run().await;
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("/no/such/file.yaml"), "{log}");
}

#[tokio::test]
async fn unknown_keys_warn_with_the_place_and_the_nearest_key() {
    let config = format!("{ECHO}router_settings:\n  timeot: 5\n");
    let (status, text, _) = Start::new().config(config.clone()).argument("check").run().await;
    assert!(status.success(), "{text}");
    assert!(text.contains("config.yaml:6:") && text.contains("did you mean timeout"), "{text}");
    let (status, _, _) = Start::new().config(config).argument("check").argument("--strict").run().await;
    assert_eq!(status.code(), Some(1));
}

#[tokio::test]
async fn a_check_counts_what_it_prints_and_names_what_would_fail() {
    let row = |name: &str, more: &str| format!("- {{model_name: {name}, {more}}}\n");
    let rows = row("a", "litellm_params: {model: echo/x}, model_info: {id: same}")
        + &row("b", "litellm_params: {model: echo/x}, model_info: {id: same}")
        + &row("c", "litellm_params: {model: openai/x, api_base: 'localhost:1/v1', api_key: sk-1}")
        + &row("d", "litellm_params: {model: openai/x}")
        + &row("e", "litellm_params: {model: openai/x, api_base: 'http://localhost:1/v1'}")
        + &row("f", "litellm_params: {model: nobody/x}");
    let (status, text, _) = Start::new().config(format!("model_list:\n{rows}")).argument("check").run().await;
    assert_eq!(status.code(), Some(1), "{text}");
    let of = |severity: &str| text.lines().filter(|line| line.contains(&format!(": {severity}: "))).count();
    let summary =
        format!("deployments: 3 of 6 in service, errors: {}, warnings: {}", of("error"), of("warning"));
    assert!(text.ends_with(&format!("{summary}\n")), "{text}");
    assert_eq!((of("error"), of("warning")), (3, 1), "{text}");
    assert!(text.contains("`d` has no key: set OPENAI_API_KEY, or api_key in its row"), "{text}");
    assert!(text.contains("api_base must be a URL that begins with http://"), "{text}");

    let (status, text, _) = Start::new().config("model_list: []\n").argument("check").run().await;
    assert!(status.success() && text.contains("warning: no deployment is in service"), "{text}");
    let (status, text, _) = Start::new().argument("check").run().await;
    assert!(status.success() && text.starts_with("no file was named"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_named_without_its_flag_is_found_or_told_of() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("own.yaml");
    std::fs::write(&path, ECHO).expect("the file is written");
    let path = path.to_str().expect("text");
    let (status, text, _) = Start::new().argument("check").argument(path).run().await;
    assert!(status.success() && text.contains("deployments: 1 of 1"), "{text}");
    let (status, _, told) = Start::new().argument(path).run().await;
    assert_eq!(status.code(), Some(2));
    assert!(told.starts_with(&format!("tip: a configuration is named by `--config {path}`")), "{told}");
}

#[tokio::test]
async fn a_key_that_restricts_and_is_not_supported_stops_the_start() {
    let config = format!("{ECHO}litellm_settings:\n  max_internal_user_budget: 10\n");
    let (status, _, log) = Start::new().config(config.clone()).run().await;
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("max_internal_user_budget"), "{log}");
    let server = Start::new()
        .config(config)
        .argument("--allow-unsupported")
        .argument("max_internal_user_budget")
        .serve()
        .await;
    assert_eq!(get(server.address, "/health/liveliness").await.status, 200);
}

#[tokio::test]
async fn two_deployments_with_one_id_are_refused() {
    let row = "- model_name: echo\n  litellm_params:\n    model: echo/x\n  model_info:\n    id: same\n";
    let (status, _, log) = Start::new().config(format!("model_list:\n{row}{row}")).run().await;
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("same"), "{log}");
}

#[tokio::test]
async fn a_deployment_s_defaults_canned_answers_and_aliases_work() {
    let config = "model_list:\n- model_name: canned\n  litellm_params:\n    model: openai/gpt-4o\n    mock_response: Always this\n\
                  router_settings:\n  model_group_alias:\n    other: canned\n    unlisted: {model: canned, hidden: true}\n";
    let server = Start::new().config(config).serve().await;
    for model in ["canned", "other", "unlisted"] {
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#);
        let json = post(server.address, "/v1/chat/completions", &body).await.json();
        assert_eq!(json["choices"][0]["message"]["content"], "Always this", "{model}");
        assert_eq!(json["model"], model);
    }
    let listed = get(server.address, "/v1/models").await.text();
    assert!(listed.contains("\"other\"") && !listed.contains("unlisted"), "{listed}");
}

#[tokio::test]
async fn a_single_model_can_be_named_on_the_command_line() {
    let upstream =
        trunkline_testkit::upstream::ScriptedUpstream::start([trunkline_testkit::upstream::Script::json(
            200,
            r#"{"id":"x","object":"chat.completion","model":"llama3","choices":[]}"#,
        )])
        .await
        .expect("a loopback port");
    let server = Start::new()
        .argument("--model=openai/llama3")
        .argument("--alias=llama")
        .argument(format!("--api_base={}/v1", upstream.url()))
        .serve()
        .await;
    let answer = post(server.address, "/v1/chat/completions", r#"{"model":"llama","messages":[]}"#).await;
    assert_eq!((answer.status, &answer.json()["model"]), (200, &"llama".into()));
    assert_eq!(upstream.requests()[0].target, "/v1/chat/completions");
}
