//! Where a request would go, told by the server and by the command.

use serde_json::Value;

use crate::client::post;
use crate::server::Start;

const CONFIG: &str = "model_list:
- {model_name: m, model_info: {id: a}, litellm_params: {model: openai/x, api_key: sk-never-shown, weight: 3}}
- {model_name: m, model_info: {id: b}, litellm_params: {model: openai/y, api_key: sk-never-shown, weight: 1}}
- {model_name: n, litellm_params: {model: openai/z, api_key: sk-never-shown}}
litellm_settings:
  fallbacks: [{m: [n]}]
";

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn check(told: &Value) {
    assert_eq!((&told["group"], &told["strategy"]), (&"m".into(), &"simple-shuffle".into()));
    assert_eq!(told["candidates"][0]["share"], 0.75);
    assert_eq!(told["fallbacks"]["general"], serde_json::json!(["n"]));
    assert!(!told.to_string().contains("sk-never"), "{told}");
}

#[tokio::test]
async fn the_server_tells_and_sends_nothing() {
    let server = Start::new().config(CONFIG).serve().await;
    let answer = post(server.address, "/v1/explain", BODY).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    check(&answer.json());
    let answer = post(server.address, "/v1/explain?operation=nothing", BODY).await;
    assert_eq!(answer.error().0, 400);
    let answer = post(server.address, "/v1/explain", r#"{"model":"none","messages":[]}"#).await;
    assert_eq!(answer.error().0, 400);
    // No own base, no switches of tests: what the request itself would be refused for is told here too.
    let forbidden = BODY.replace('{', r#"{"user_config":{"a":1},"#);
    assert_eq!(post(server.address, "/v1/explain", &forbidden).await.error().0, 400);
}

#[tokio::test]
async fn the_command_tells_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let request = directory.path().join("request.json");
    std::fs::write(&request, BODY).expect("written");
    let explain = |more: &'static [&'static str]| {
        let start = Start::new().config(CONFIG).argument("explain").argument(request.display().to_string());
        more.iter().fold(start, |start, argument| start.argument(*argument)).run()
    };
    let (status, json, _) = explain(&["--json"]).await;
    assert!(status.success());
    check(&serde_json::from_str(&json).expect("JSON"));
    let (status, text, _) = explain(&[]).await;
    assert!(status.success() && text.contains("a: x at openai, 75 % of the draws in its order"), "{text}");
    let (status, _, why) = explain(&["--operation", "nothing"]).await;
    assert!(!status.success() && why.contains("there is no operation `nothing`"), "{why}");
}
