//! The file read anew while requests go on.

mod watched;

use std::sync::atomic::{AtomicBool, Ordering};

use trunkline_testkit::upstream::{Pause, Script, ScriptedUpstream, Step};

use crate::client::{get, post};
use crate::server::{Start, Trunkline, until};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const WHOLE: &str = r#"{"id":"x","choices":[{"message":{"content":"one"}}]}"#;

/// A group that answers with a text, and what else is in the file.
fn saying(text: &str, rest: &str) -> String {
    format!(
        "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    mock_response: {text}\n{rest}"
    )
}

async fn says(server: &Trunkline) -> String {
    let answer = post(server.address, "/v1/chat/completions", BODY).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
}

async fn readiness(server: &Trunkline) -> serde_json::Value {
    get(server.address, "/health/readiness").await.json()["config"]["state"].clone()
}

#[tokio::test]
async fn a_changed_file_serves_and_a_bad_one_does_not() {
    let server = Start::new().config(saying("one", "")).serve().await;
    assert_eq!((says(&server).await.as_str(), readiness(&server).await), ("one", "current".into()));
    server.configure(&saying("two", ""));
    until("the new file serves", async || says(&server).await == "two").await;

    server.configure(&saying("three", "trunkline_settings:\n  no_such_key: 1\n"));
    until("readiness tells", async || readiness(&server).await == "last good").await;
    assert_eq!(says(&server).await, "two");
    server.configure("model_list: [");
    server.configure(&saying("four", "general_settings:\n  master_key: sk-late-and-long-enough\n"));
    until("the good file serves", async || says(&server).await == "four").await;
    assert_eq!(readiness(&server).await, "current");
    let log = server.stop().await;
    assert!(log.contains("the new configuration is refused, the last good one serves on"), "{log}");
    assert!(log.contains("config.yaml:7:3: error: trunkline_settings.no_such_key"), "{log}");
    assert!(log.contains("not taken up before a restart: general_settings.master_key"), "{log}");
    assert!(!log.contains("sk-late"), "{log}");
}

#[tokio::test]
async fn variables_of_the_file_are_taken_up_where_it_refers_to_them() {
    let config = |key: &str| {
        let rest = format!("environment_variables:\n  TEXT: {key}\n  OTHER: same\n");
        saying("os.environ/TEXT", &rest)
    };
    let server = Start::new().config(config("one")).variable("OTHER", "different").serve().await;
    assert_eq!(says(&server).await, "one");
    server.configure(&config("two"));
    until("the new text serves", async || says(&server).await == "two").await;
    let log = server.stop().await;
    let told = "changed in environment_variables, and before a restart taken up only where the file refers to it: TEXT\n";
    assert!(log.contains(told), "{log}");
}

#[tokio::test]
async fn a_signal_reads_the_file_that_is_not_watched() {
    let unwatched = "trunkline_settings:\n  reload: false\n";
    let server = Start::new().config(saying("one", unwatched)).serve().await;
    let watched = Start::new().config(saying("one", "")).serve().await;
    server.configure(&saying("two", unwatched));
    watched.configure(&saying("two", ""));
    until("a watched file serves", async || says(&watched).await == "two").await;
    assert_eq!(says(&server).await, "one", "it had as long to look");
    server.signal("-HUP").await;
    until("the new file serves", async || says(&server).await == "two").await;
}

#[tokio::test]
async fn an_open_stream_ends_as_it_began() {
    let begun = "data: {\"model\":\"x\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let mut script = Script::sse([begun, "data: [DONE]\n\n"]);
    script.steps.insert(2, Step::Pause(Pause::Told));
    let answer = move |index, _: &_| if index == 0 { script.clone() } else { Script::json(200, WHOLE) };
    let upstream = ScriptedUpstream::answering(answer).await.expect("a loopback port");
    let config = |base: &str| {
        format!(
            "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {base}/v1\n"
        )
    };
    let server = Start::new().config(config(&upstream.url())).serve().await;
    let stream = BODY.replace("\"model\"", "\"stream\":true,\"model\"");
    let answer = async {
        let answer = post(server.address, "/v1/chat/completions", &stream).await;
        (answer.status, answer.payloads().pop(), answer.complete)
    };
    let change = async {
        upstream.wait_for_requests(1).await;
        server.configure(&saying("two", ""));
        until("the new file serves", async || says(&server).await == "two").await;
        upstream.tell();
    };
    let (answer, ()) = tokio::join!(answer, change);
    assert_eq!(answer, (200, Some("[DONE]".to_owned()), true));
}

#[tokio::test]
async fn what_a_deployment_has_used_is_not_forgotten() {
    let upstream = ScriptedUpstream::answering(|_, _| Script::json(200, r#"{"id":"x","choices":[]}"#));
    let upstream = upstream.await.expect("a loopback port");
    let config = |rest: &str| {
        format!(
            "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    rpm: 2\n    api_base: {}/v1\n{rest}",
            upstream.url()
        )
    };
    let server = Start::new().config(config("")).serve().await;
    let status = async |body: &str| post(server.address, "/v1/chat/completions", body).await.status;
    assert_eq!((status(BODY).await, status(BODY).await), (200, 200));
    server.configure(&config(
        "- model_name: n\n  litellm_params:\n    model: openai/y\n    mock_response: hi\n",
    ));
    let other = BODY.replace("\"m\"", "\"n\"");
    until("the new file serves", async || status(&other).await == 200).await;
    assert_eq!(status(BODY).await, 429);
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn a_deployment_that_rests_goes_on_resting() {
    let refusing = ScriptedUpstream::answering(|_, _| Script::json(429, r#"{"error":{"message":"busy"}}"#));
    let refusing = refusing.await.expect("a loopback port");
    let good = ScriptedUpstream::answering(|_, _| Script::json(200, WHOLE)).await.expect("a loopback port");
    let row = |url: String| {
        format!("- model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {url}/v1\n")
    };
    let config = |rest: &str| {
        let rows = row(refusing.url()) + &row(good.url());
        format!("router_settings:\n  cooldown_time: 600\nmodel_list:\n{rows}{rest}")
    };
    let server = Start::new().config(config("")).serve().await;
    // Who is refused is led on; which of the two is asked first is left to chance.
    until("one rests", async || {
        says(&server).await;
        !refusing.requests().is_empty()
    })
    .await;
    let asked = refusing.requests().len();
    server.configure(&config(
        "- model_name: n\n  litellm_params:\n    model: openai/y\n    mock_response: hi\n",
    ));
    let other = BODY.replace("\"m\"", "\"n\"");
    until("the new file serves", async || {
        post(server.address, "/v1/chat/completions", &other).await.status == 200
    })
    .await;
    for _ in 0..20 {
        says(&server).await;
    }
    assert_eq!(refusing.requests().len(), asked, "it rests for ten minutes");
}

/// Asks until it is told to stop, for whole replies or for streams, and gives how many were as they should be.
async fn load(server: &Trunkline, is_done: &AtomicBool, body: &str) -> usize {
    let mut asked = 0;
    while !is_done.load(Ordering::Relaxed) {
        let answer = post(server.address, "/v1/chat/completions", body).await;
        assert_eq!((answer.status, answer.complete), (200, true), "{}", answer.text());
        if body.contains("stream") {
            assert_eq!(answer.payloads().pop().as_deref(), Some("[DONE]"), "{}", answer.text());
        } else {
            assert_eq!(answer.json()["choices"][0]["message"]["content"], "one");
        }
        asked += 1;
    }
    asked
}

#[tokio::test]
async fn two_hundred_reloads_under_load_fail_no_request() {
    const CALLERS: usize = 8;
    let events =
        ["data: {\"model\":\"x\",\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n", "data: [DONE]\n\n"];
    let upstream = ScriptedUpstream::answering(move |_, request| {
        let is_stream = request.body.windows(6).any(|word| word == b"stream");
        if is_stream { Script::sse(events) } else { Script::json(200, WHOLE) }
    });
    let upstream = upstream.await.expect("a loopback port");
    let config = |version: usize| {
        format!(
            "trunkline_settings:\n  reload: false\nmodel_list:\n\
             - model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {}/v1\n\
             - model_name: n\n  litellm_params:\n    model: openai/x\n    mock_response: v{version}\n",
            upstream.url()
        )
    };
    let server = Start::new().config(config(0)).serve().await;
    let is_done = AtomicBool::new(false);
    let stream = BODY.replace("\"model\"", "\"stream\":true,\"model\"");
    let callers =
        (0..CALLERS).map(|index| load(&server, &is_done, if index % 2 == 0 { BODY } else { &stream }));
    let version_body = BODY.replace("\"m\"", "\"n\"");
    let reloads = async {
        for version in 1..=200 {
            server.configure(&config(version));
            server.signal("-HUP").await;
            let text = format!("v{version}");
            until("the new file serves", async || {
                let answer = post(server.address, "/v1/chat/completions", &version_body).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                answer.json()["choices"][0]["message"]["content"] == text.as_str()
            })
            .await;
        }
        is_done.store(true, Ordering::Relaxed);
    };
    let (asked, ()) = tokio::join!(futures_util::future::join_all(callers), reloads);
    assert!(asked.iter().all(|asked| *asked > 20), "{asked:?}");
    // Each asks on one connection at a time, and the next router goes on with those of the one before.
    let connections = upstream.connections();
    assert!(connections <= 2 * CALLERS, "{connections} connections for {asked:?} requests");
}
