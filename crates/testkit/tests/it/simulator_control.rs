//! The control plane over HTTP, and the records of requests.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trunkline_testkit::simulator::Fault;

use crate::client::{KEY, chat, connect, get, post, request, send};
use crate::simulator_chat::simulator;

async fn control(origin: &str, command: &str, body: &Value) -> (u16, Value) {
    let received = post(origin, &format!("/__sim/{command}"), &body.to_string()).await;
    (received.status, received.json())
}

const OK: u16 = 200;

#[tokio::test]
async fn requests_are_recorded_as_they_came() {
    let simulator = simulator().await;
    let headers = [
        ("authorization", "Bearer vck_test"),
        ("http-referer", "https://example.com"),
        ("x-title", "Exämple"),
        ("x-vercel-ai-gateway-team", "team_1"),
    ];
    let body =
        r#"{ "model" : "openai/gpt-4.1-nano", "messages":[{"role":"user","content":"é"}], "new": 1.0e5 }"#;
    send(&simulator.url(), "POST", "/v1/chat/completions?x=1", &headers, body).await;
    let request = simulator.control().wait_until_ended(0).await;
    assert_eq!((request.path.as_str(), request.query.as_str()), ("/v1/chat/completions", "x=1"));
    assert_eq!(request.body, body.as_bytes());
    assert_eq!((request.referer(), request.team()), (Some("https://example.com"), Some("team_1")));
    assert_eq!(request.headers["x-title"].as_bytes(), "Exämple".as_bytes());
    assert_eq!((request.status, request.model.as_deref()), (Some(200), Some("openai/gpt-4.1-nano")));

    let told = get(&simulator.url(), "/__sim/requests").await.json();
    let told = &told["requests"][0];
    assert_eq!(
        (&told["body"], &told["credential"], &told["outcome"]),
        (&json!(body), &json!("api_key"), &json!("complete"))
    );
    assert_eq!(
        (&told["http_referer"], &told["billed"]),
        (&json!("https://example.com"), &json!("0.0000048"))
    );
    assert!(told["headers"].as_array().unwrap().contains(&json!(["x-title", "Exämple"])));
    assert!(told["ended_after_ms"].as_f64().unwrap() >= told["first_byte_after_ms"].as_f64().unwrap());
}

#[tokio::test]
async fn everything_is_driven_over_http() {
    let simulator = simulator().await;
    let origin = simulator.url();
    let status = async |model: &str| chat(&origin, model, "").await.status;
    assert_eq!(control(&origin, "fault", &json!("html_bad_gateway")).await, (OK, json!({"ok": true})));
    assert_eq!((status("openai/gpt-4o").await, status("openai/gpt-4o").await), (502, 200));
    let fault = json!({"fault": {"rate_limited": {"retry_after": {"seconds": 4}}}, "times": 2, "model": "openai/gpt-4o"});
    assert_eq!(control(&origin, "fault", &fault).await.0, OK);
    assert_eq!((status("openai/gpt-4o-mini").await, status("openai/gpt-4o").await), (200, 429));
    assert_eq!(control(&origin, "clear_faults", &Value::Null).await.0, OK);
    assert_eq!(status("openai/gpt-4o").await, 200);

    let row = json!({"id": "new/model", "pricing": {"input": "1"}});
    assert_eq!(control(&origin, "models", &row).await.0, OK);
    assert_eq!(status("new/model").await, 200);
    let removed = send(&origin, "DELETE", "/__sim/models/new/model", &[], "").await;
    assert_eq!((removed.json(), status("new/model").await), (json!({"removed": true}), 404));

    assert_eq!(control(&origin, "balance", &json!({"balance": "0"})).await.0, OK);
    assert_eq!(status("openai/gpt-4o").await, 402);
    let pacing = json!({"events_per_write": 2, "split": {"every": 7}});
    assert_eq!(control(&origin, "pacing", &pacing).await.0, OK);
    assert_eq!(control(&origin, "now", &json!({"seconds": 5})).await.0, OK);
    assert_eq!(control(&origin, "reset", &Value::Null).await.0, OK);
    assert_eq!(status("openai/gpt-4o").await, 200);
    assert_eq!(get(&origin, "/__sim/requests").await.json()["requests"].as_array().unwrap().len(), 1);
    assert_eq!(
        get(&origin, "/__sim/balance").await.json(),
        json!({"balance": "99.99987", "billed": "0.00013"})
    );
}

#[tokio::test]
async fn an_end_is_waited_for_and_tokens_are_made_over_http() {
    let simulator = simulator().await;
    let origin = simulator.url();
    let token =
        get(&origin, "/__sim/oidc_token?expires_in=60").await.json()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let credits =
        async || send(&origin, "GET", "/v1/credits", &[("authorization", &bearer)], "").await.status;
    assert_eq!(credits().await, OK);
    assert_eq!(get(&origin, "/__sim/ended/0").await.json()["credential"], "oidc_token");
    simulator.control().set_now(Some(1_790_000_061));
    assert_eq!(credits().await, 401);
    let caller_leaves = async {
        simulator.control().fault(Fault::Hang);
        let mut stream = connect(&origin).await;
        let body = r#"{"model":"openai/gpt-4o","messages":[]}"#;
        stream.write_all(request("POST", "/v1/chat/completions", &[KEY], body).as_bytes()).await.unwrap();
        simulator.control().wait_for_requests(3).await;
    };
    let (ended, ()) = tokio::join!(get(&origin, "/__sim/ended/2"), caller_leaves);
    assert_eq!(ended.json()["outcome"], "caller_left");
}

#[tokio::test]
async fn senseless_commands_are_refused_with_a_reason() {
    let simulator = simulator().await;
    let (status, body) = control(&simulator.url(), "fault", &json!({"no_such_fault": 1})).await;
    assert_eq!(status, 400);
    assert!(body["error"].is_string());
    let (status, body) = control(&simulator.url(), "fault", &json!("no-such-fault")).await;
    assert_eq!((status, &body["error"]), (400, &json!("no fault is named no-such-fault")));
    let (status, body) = control(&simulator.url(), "explode", &json!({})).await;
    assert_eq!(status, 404);
    assert!(body["error"].as_str().unwrap().starts_with("no POST /__sim/explode; there are POST reset,"));
    assert_eq!(control(&simulator.url(), "models", &json!({"no": "id"})).await.0, 400);
}

#[tokio::test]
async fn stopping_closes_the_port() {
    let simulator = simulator().await;
    let address = simulator.address();
    simulator.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}
