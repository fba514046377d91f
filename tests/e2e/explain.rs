//! Where a request would go, told by the server and by the command.

use serde_json::Value;
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::client::{post, send};
use crate::server::Start;

const CONFIG: &str = "model_list:
- {model_name: m, model_info: {id: a}, litellm_params: {model: openai/x, api_key: sk-never-shown, weight: 3}}
- {model_name: m, model_info: {id: b}, litellm_params: {model: openai/y, api_key: sk-never-shown, weight: 1}}
- {model_name: n, litellm_params: {model: openai/z, api_key: sk-never-shown}}
litellm_settings:
  fallbacks: [{m: [n, gone]}]
";

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn check(told: &Value) {
    assert_eq!((&told["group"], &told["strategy"]), (&"m".into(), &"simple-shuffle".into()));
    assert_eq!(told["candidates"][0]["share"], 0.75);
    let after = &told["fallbacks"]["general"];
    assert_eq!((&after[0]["model"], &after[0]["passed_by"]), (&"n".into(), &Value::Null), "{told}");
    assert_eq!((&after[1]["model"], &after[1]["passed_by"]), (&"gone".into(), &"leads nowhere".into()));
    assert_eq!((&told["resolved"]["by"], &told["next"]), (&"group".into(), &"a".into()));
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
    for list in ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"] {
        for unknown in [r#""nope""#, r#"{"model":"nope","n":2}"#] {
            let named = BODY.replacen('{', &format!(r#"{{"{list}":["n",{unknown}],"#), 1);
            for path in ["/v1/explain", "/v1/chat/completions"] {
                let refused = post(server.address, path, &named).await;
                assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &list.into()));
                let told = format!("`{list}` names `nope`, which leads nowhere");
                assert!(refused.message().contains(&told), "{}", refused.text());
            }
        }
    }
    // No own base, no switches of tests: what the request itself would be refused for is told here too.
    let forbidden = BODY.replace('{', r#"{"user_config":{"a":1},"#);
    assert_eq!(post(server.address, "/v1/explain", &forbidden).await.error().0, 400);
}

#[tokio::test]
async fn what_the_command_was_not_told_is_said_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let request = directory.path().join("request.json");
    std::fs::write(&request, BODY.replace("\"m\"", "\"gpt-40\"")).expect("written");
    let explain = || Start::new().argument("explain").argument(request.display().to_string());
    let (status, _, told) = explain().run().await;
    assert!(
        status.success() && told.contains("`--config FILE`") && told.contains("AI_GATEWAY_API_KEY"),
        "{told}"
    );

    let config = "model_list:
- {model_name: gpt-4o, litellm_params: {model: openai/x, api_key: sk-1}}
- {model_name: \"*\", litellm_params: {model: openai/*, api_base: \"http://me:secret@localhost:1/v1\", rpm: 7}}
router_settings: {num_retries: 1}
";
    let (status, text, told) = explain().config(config).run().await;
    assert!(status.success() && told.is_empty(), "{told}");
    for part in [
        "matches the wildcard *",
        "configured names that are spelled nearly so: gpt-4o\n",
        "gpt-40 at openai, base http://localhost:1, asked",
        "0 of 7 requests of its minute",
        "1 further attempt after the first",
        "\n1 further attempt, ",
        "connect 5 s, ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("secret") && !text.contains("tokens of its minute"), "{text}");
    let (_, json, _) = explain().config(config).argument("--json").run().await;
    let told: Value = serde_json::from_str(&json).expect("JSON");
    let candidate = &told["candidates"][0];
    assert_eq!((&candidate["requests_of_minute"], &candidate["tokens_of_minute"]), (&0.into(), &Value::Null));
    assert_eq!((&candidate["origin"], &told["near"][0]), (&"http://localhost:1".into(), &"gpt-4o".into()));
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
    assert!(status.success() && text.contains("a: x at openai, asked at 75 %"), "{text}");
    assert!(text.contains("if the group fails: n, then gone (leads nowhere)"), "{text}");
    let (status, _, why) = explain(&["--operation", "nothing"]).await;
    assert!(!status.success() && why.contains("there is no operation `nothing`"), "{why}");
}

#[tokio::test]
async fn a_request_that_leads_nowhere_fails_the_command_and_says_why() {
    let directory = tempfile::tempdir().expect("a directory");
    let request = directory.path().join("request.json");
    std::fs::write(&request, BODY.replace("\"m\"", "\"mm\"")).expect("written");
    let start = Start::new().config(CONFIG).argument("explain").argument(request.display().to_string());
    let (status, told, why) = start.run().await;
    assert_eq!((status.code(), told.as_str()), (Some(1), ""));
    assert!(
        why.contains("Invalid model name passed in model=mm") && why.contains("Configured: m, n."),
        "{why}"
    );
}

#[tokio::test]
async fn a_conversation_is_told_to_lead_where_it_goes() {
    let upstream = ScriptedUpstream::answering(|_, _| Script::json(200, r#"{"id":"x","choices":[]}"#)).await;
    let upstream = upstream.expect("a loopback port");
    let row = |id: &str| {
        let base = upstream.url();
        format!(
            "- {{model_name: m, model_info: {{id: {id}}}, litellm_params: {{model: openai/x, api_key: k, api_base: {base}/v1}}}}\n"
        )
    };
    let config = format!("model_list:\n{}{}{}", row("a"), row("b"), row("c"));
    for more in ["", "general_settings: {master_key: sk-of-this-gateway}\n"] {
        let server = Start::new().config(format!("{config}{more}")).serve().await;
        let headers = [("authorization", "Bearer sk-of-this-gateway")];
        for number in 0..4 {
            let body = BODY.replace("hi", &format!("{number}{}", "x".repeat(5_000)));
            let told = send(server.address, "POST", "/v1/explain", &headers, body.as_bytes()).await.json();
            let answer =
                send(server.address, "POST", "/v1/chat/completions", &headers, body.as_bytes()).await;
            assert_eq!(answer.header("x-litellm-model-id"), told["kept_by"].as_str(), "{told}");
            assert_eq!(told["next"], told["kept_by"]);
        }
    }
}

#[tokio::test]
async fn what_the_request_would_be_refused_for_is_told() {
    let config = format!("{CONFIG}general_settings: {{enforce_user_param: true}}\n");
    let server = Start::new().config(config).serve().await;
    for path in ["/v1/chat/completions", "/v1/explain"] {
        let answer = post(server.address, path, BODY).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.text());
        assert!(answer.message().contains("'user' param not passed in"), "{path}: {}", answer.text());
    }
    let named = BODY.replacen('{', r#"{"user":"u","#, 1);
    let unknown = named.replace(r#""model":"m""#, r#""model":"none""#);
    let told = [
        post(server.address, "/v1/chat/completions", &unknown).await.message(),
        post(server.address, "/v1/explain", &unknown).await.message(),
    ];
    assert!(told[0].starts_with("/chat/completions: Invalid model name"), "{told:?}");
    assert_eq!(told[0], told[1]);
    assert_eq!(post(server.address, "/v1/explain", &named).await.status, 200);
}
