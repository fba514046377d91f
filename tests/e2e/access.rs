//! Who is let in: keys, hosts, origins, methods.

use trunkline_testkit::upstream::{Pause, Script, ScriptedUpstream, Step};

use crate::client::{get, post, send};
use crate::server::{Start, Trunkline};

const KEY: &str = "sk-a-strong-master-key";

async fn keyed() -> Trunkline {
    let config = "model_list:\n- model_name: echo\n  litellm_params:\n    model: echo/x\n";
    Start::new()
        .config(config)
        .variable("LITELLM_MASTER_KEY", KEY)
        .argument("--host")
        .argument("127.0.0.1")
        .serve()
        .await
}

#[tokio::test]
async fn a_key_is_asked_for_wherever_there_is_one() {
    let server = keyed().await;
    let body = r#"{"model":"echo","messages":[{"role":"user","content":"hi"}]}"#;
    for path in ["/v1/chat/completions", "/chat/completions", "/engines/echo/chat/completions"] {
        assert_eq!(post(server.address, path, body).await.status, 401, "{path}");
        let bearer = format!("Bearer {KEY}");
        for (name, value) in
            [("authorization", bearer.as_str()), ("x-litellm-api-key", KEY), ("api-key", KEY)]
        {
            let answer = send(server.address, "POST", path, &[(name, value)], body.as_bytes()).await;
            assert_eq!(answer.status, 200, "{path} with {name}: {}", answer.text());
        }
        let answer =
            send(server.address, "POST", path, &[("authorization", "Bearer sk-other")], body.as_bytes())
                .await;
        assert_eq!(answer.error(), (401, "token_not_found_in_db".to_owned(), "key".to_owned()));
        assert!(!answer.text().contains(KEY));
    }
    for path in
        ["/v1/models", "/models", "/model/info", "/v1/model/info", "/model_group/info", "/v1/models/echo"]
    {
        assert_eq!(get(server.address, path).await.status, 401, "{path}");
    }
    for path in ["/", "/health/liveliness", "/health/liveness", "/health/readiness"] {
        assert_eq!(get(server.address, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_open_gateway_refuses_foreign_hosts_and_pages() {
    let server = Start::new().serve().await;
    let host = |value: &'static str| {
        let address = server.address;
        async move { send(address, "GET", "/v1/models", &[("host", value)], b"").await }
    };
    assert_eq!(host("localhost:4000").await.status, 200);
    assert_eq!(
        host("attacker.example").await.error(),
        (403, "permission_error".to_owned(), "null".to_owned())
    );
    let origin = [("origin", "https://attacker.example")];
    let answer = send(server.address, "GET", "/v1/models", &origin, b"").await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn browsers_are_told_what_they_may() {
    let server = keyed().await;
    let origin = ("origin", "https://app.example");
    let preflight = [
        origin,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = send(server.address, "OPTIONS", "/v1/chat/completions", &preflight, b"").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let answer = send(server.address, "GET", "/v1/models", &[origin], b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, Some("*")));
}

#[tokio::test]
async fn methods_behave() {
    let server = Start::new().serve().await;
    let whole = get(server.address, "/health/liveliness").await;
    let head = send(server.address, "HEAD", "/health/liveliness", &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    let answer = get(server.address, "/v1/chat/completions").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, OPTIONS")));
    let answer = send(server.address, "OPTIONS", "/v1/models", &[], b"").await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    assert_eq!(get(server.address, "/no/such/thing").await.status, 404);
}

#[tokio::test]
async fn requests_above_the_limit_are_refused_and_the_place_is_given_back() {
    let reply = r#"{"id":"x","object":"chat.completion","model":"x","choices":[]}"#;
    let script = Script::new([Step::Pause(Pause::Told)]);
    let held = Script { steps: script.steps.into_iter().chain(Script::json(200, reply).steps).collect() };
    let upstream = ScriptedUpstream::start([held, Script::json(200, reply)]).await.expect("a loopback port");
    let config = format!(
        "general_settings:\n  global_max_parallel_requests: 1\nmodel_list:\n- model_name: m\n  litellm_params:\n    \
         model: openai/x\n    api_base: {}/v1\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let address = server.address;
    let body = r#"{"model":"m","messages":[]}"#;
    let first = tokio::spawn(async move { post(address, "/v1/chat/completions", body).await });
    upstream.wait_for_requests(1).await;
    let refused = post(address, "/v1/chat/completions", body).await;
    assert_eq!(refused.error(), (429, "rate_limit_error".to_owned(), "null".to_owned()));
    assert!(refused.message().contains("max_parallel_requests"), "{}", refused.message());
    upstream.tell();
    assert_eq!(first.await.expect("it ends").status, 200);
    assert_eq!(post(address, "/v1/chat/completions", body).await.status, 200);
}
