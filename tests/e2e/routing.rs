//! Groups under load: an upstream that dies, a limit that holds, a budget for further attempts.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use futures_util::{StreamExt, stream};
use trunkline_testkit::upstream::{Pause, Script, ScriptedUpstream, Step};

use crate::client::{Answer, post, send};
use crate::server::{Start, Trunkline, until};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const REPLY: &str = r#"{"id":"x","model":"x","choices":[{"message":{"content":"hello"}}]}"#;

fn row(id: &str, base: &str, more: &str) -> String {
    format!(
        "- {{model_name: m, model_info: {{id: {id}}}, litellm_params: {{model: openai/x, api_key: sk-1, \
         api_base: \"{base}/v1\"{more}}}}}\n"
    )
}

/// An upstream that always answers so.
async fn always(status: u16, body: &'static str) -> ScriptedUpstream {
    ScriptedUpstream::answering(move |_, _| Script::json(status, body)).await.expect("a loopback port")
}

/// An answer after a pause.
fn after(pause: Pause, status: u16) -> Script {
    let mut script = Script::json(status, REPLY);
    script.steps.insert(0, Step::Pause(pause));
    script
}

/// Asks so many times, `at_once` of them at one time.
async fn load(server: &Trunkline, requests: usize, at_once: usize) -> Vec<Answer> {
    let asked = stream::iter(0..requests).map(|_| post(server.address, "/v1/chat/completions", BODY));
    asked.buffer_unordered(at_once).collect().await
}

#[tokio::test]
async fn an_upstream_that_is_down_sees_a_tenth_more_and_the_burst() {
    const REQUESTS: usize = 2_000;
    let upstream = always(503, r#"{"error":{"message":"down"}}"#).await;
    // It never rests, so that every request reaches it and only the budget holds the others back.
    let config = format!("model_list:\n{}", row("a", &upstream.url(), ", cooldown_time: 0"));
    let server = Start::new().config(config).serve().await;
    let began = Instant::now();
    let answers = load(&server, REQUESTS, 64).await;
    assert!(answers.iter().all(|answer| answer.status == 503));
    // Clients honour it, and do not triple what is tried in vain.
    assert!(answers.iter().all(|answer| answer.header("x-should-retry") == Some("false")));
    let by_time = 11 + began.elapsed().as_secs();
    let most = REQUESTS + REQUESTS / 10 + usize::try_from(by_time).expect("a few seconds");
    let seen = upstream.requests().len();
    // A tenth is not only the bound: it is what is spent.
    assert!((REQUESTS + REQUESTS / 10..=most).contains(&seen), "{seen} of {REQUESTS}, {most} at most");

    let refused = answers.iter().filter(|answer| answer.message().contains("the retry budget"));
    let refused = refused.count();
    let log = server.stop().await;
    let told = log.lines().filter(|line| line.contains("retry_budget.spent=true")).count();
    assert_eq!(told, refused, "who is refused reads it, and so does the operator");
    assert!(refused > REQUESTS / 2, "{refused}");
    let loud = log.lines().filter(|line| line.contains("attempt failed")).count();
    let most = 1 + began.elapsed().as_secs() / 10;
    assert!((1..=most).contains(&(loud as u64)), "{loud} lines");
}

#[tokio::test]
async fn with_one_of_two_dead_callers_notice_nothing() {
    const REQUESTS: usize = 2_000;
    let good = always(200, REPLY).await;
    let gone = trunkline_testkit::upstream::refused_url().await.expect("a port");
    let rows = row("a", &gone, "") + &row("b", &good.url(), "");
    let server = Start::new().config(format!("model_list:\n{rows}")).serve().await;
    let answers = load(&server, REQUESTS, 32).await;
    let well = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(well * 1_000 >= REQUESTS * 999, "{well} of {REQUESTS}");
    // Once it rests nobody is sent there but the one that finds out, so that the others take as long as ever.
    let detours =
        answers.iter().filter(|answer| answer.header("x-litellm-attempted-retries") != Some("0")).count();
    assert!((5..=60).contains(&detours), "{detours} of {REQUESTS} tried the dead one");
}

#[tokio::test]
async fn clients_do_not_multiply_what_the_budget_does_not_pay_for_though_they_are_told_when_to_come_back() {
    let upstream = ScriptedUpstream::answering(|_, _| {
        let headers = [("content-type", "application/json"), ("retry-after", "1")];
        Script::reply(503, &headers, r#"{"error":{"message":"down"}}"#)
    });
    let upstream = upstream.await.expect("a loopback port");
    let config = format!(
        "model_list:\n{}trunkline_settings:\n  retry_budget_percent: 0\n  retry_budget_burst: 0\n",
        row("a", &upstream.url(), ", cooldown_time: 0")
    );
    let server = Start::new().config(config).serve().await;
    for answer in load(&server, 5, 1).await {
        let told = (answer.status, answer.header("x-should-retry"), answer.header("retry-after"));
        assert_eq!(told, (503, Some("false"), Some("1")));
    }
    assert_eq!(upstream.requests().len(), 5);
}

#[tokio::test]
async fn of_a_thousand_at_once_a_hundred_pass_a_limit_of_a_hundred() {
    let upstream = always(200, REPLY).await;
    let config = format!("model_list:\n{}", row("a", &upstream.url(), ", rpm: 100"));
    let server = Start::new().config(config).serve().await;
    let answers = load(&server, 1_000, 250).await;
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((passed, upstream.requests().len()), (100, 100));
    let refused = answers.iter().find(|answer| answer.status == 429).expect("the others are refused");
    assert!(refused.header("retry-after").is_some_and(|seconds| seconds != "0"), "{:?}", refused.headers);
    assert_eq!(refused.header("x-should-retry"), None, "waiting helps");
}

#[tokio::test]
async fn where_cooldowns_are_disabled_nothing_else_brings_them_back() {
    for (status, refusal) in
        [(429, r#"{"error":{"message":"slow down"}}"#), (401, r#"{"error":{"message":"no"}}"#)]
    {
        let (first, second) = (always(status, refusal).await, always(200, REPLY).await);
        // The group's own length, then the row's.
        let group = row("a", &first.url(), ", order: 1, cooldown_time: 60")
            .replace("id: a", "id: a, cooldown_time: 60");
        let rows = group + &row("b", &second.url(), ", order: 2");
        let config = format!("router_settings: {{disable_cooldowns: true}}\nmodel_list:\n{rows}");
        let server = Start::new().config(config).serve().await;
        assert!(load(&server, 3, 1).await.iter().all(|answer| answer.status == 200));
        assert_eq!(first.requests().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn whoever_ends_every_response_as_failed_rests() {
    const FAILED: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n\
        event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"error\":{\"code\":\"server_error\",\
        \"message\":\"gone\"}}}\n\n";
    let first = ScriptedUpstream::answering(|_, _| {
        Script::reply(200, &[("content-type", "text/event-stream")], FAILED)
    });
    let first = first.await.expect("a loopback port");
    let second = always(503, r#"{"error":{"message":"asked"}}"#).await;
    let rows = row("a", &first.url(), ", order: 1") + &row("b", &second.url(), ", order: 2");
    let server = Start::new().config(format!("model_list:\n{rows}")).serve().await;
    let body = r#"{"model":"m","input":"hi","stream":true}"#;
    for _ in 0..5 {
        let answer = post(server.address, "/v1/responses", body).await;
        assert!(answer.text().contains("response.failed"), "{}", answer.text());
    }
    assert_eq!((first.requests().len(), second.requests().len()), (5, 0));
    assert_eq!(post(server.address, "/v1/responses", body).await.status, 503);
    assert_eq!(first.requests().len(), 5, "it rests");
}

#[tokio::test]
async fn attempts_fallbacks_and_mock_failures_are_told() {
    let bad = always(500, r#"{"error":{"message":"broken"}}"#).await;
    let good = always(200, REPLY).await;
    let (first, second) = (row("a", &bad.url(), ", order: 1"), row("b", &good.url(), ", order: 2"));
    let other = row("c", &good.url(), "").replace("model_name: m", "model_name: n");
    let general = "general_settings:\n  dangerously_allow_mock_testing_request_params: true\n";
    let config =
        format!("{general}model_list:\n{first}{second}{other}router_settings:\n  fallbacks: [{{m: [n]}}]\n");
    let server = Start::new().config(config).serve().await;
    let ask = async |more: &str| {
        let body = BODY.replace("\"model\"", &format!("{more}\"model\""));
        let headers = [("content-type", "application/json"), ("x-trunkline-trace", "1")];
        send(server.address, "POST", "/v1/chat/completions", &headers, body.as_bytes()).await
    };
    let tried = ask("").await;
    assert_eq!(tried.json()["model"], "m");
    assert_eq!(tried.header("x-litellm-attempted-retries"), Some("1"));
    assert_eq!(tried.header("x-litellm-max-retries"), Some("2"));
    assert_eq!(tried.header("x-litellm-model-id"), Some("b"));
    let attempts = tried.header("x-trunkline-attempts").expect("it was asked for");
    assert!(
        attempts.starts_with("a 500 UpstreamFailed ") && attempts.contains(", b 200 answered "),
        "{attempts}"
    );

    let fell_back = ask(r#""mock_testing_fallbacks":true,"#).await;
    assert_eq!(fell_back.header("x-litellm-attempted-fallbacks"), Some("1"));
    assert_eq!(
        (fell_back.json()["model"].as_str(), fell_back.header("x-litellm-model-group")),
        (Some("n"), Some("n"))
    );
    let kept = ask(r#""mock_testing_fallbacks":true,"disable_fallbacks":true,"#).await;
    assert_eq!(kept.status, 502);
    let once = ask(r#""num_retries":0,"disable_fallbacks":true,"#).await;
    assert_eq!(once.status, 500);
}

#[tokio::test]
async fn as_many_calls_are_open_as_may_be_and_the_others_follow() {
    const PLACES: usize = 3;
    const REQUESTS: usize = 40;
    let upstream =
        ScriptedUpstream::answering(|_, _| after(Pause::Told, 200)).await.expect("a loopback port");
    let rows = row("a", &upstream.url(), &format!(", max_parallel_requests: {PLACES}"));
    let config = format!("model_list:\n{rows}trunkline_settings:\n  queue_wait_ms: 15000\n");
    let server = Start::new().config(config).serve().await;
    let asked = tokio::spawn({
        let address = server.address;
        join_all((0..REQUESTS).map(move |_| post(address, "/v1/chat/completions", BODY)))
    });
    // All have come: as many as may be are with the upstream, and the others wait.
    until("the others wait", async || {
        let explained = post(server.address, "/v1/explain", BODY).await.json();
        explained["waiting"].as_u64() == u64::try_from(REQUESTS - PLACES).ok()
    })
    .await;
    let mut peak = 0;
    for answered in 0..REQUESTS {
        let due = REQUESTS.min(answered + PLACES);
        let open = upstream.wait_for_requests(due).await.len() - answered;
        assert_eq!(open, due - answered, "after {answered} answers");
        peak = peak.max(open);
        upstream.tell();
    }
    assert_eq!(peak, PLACES);
    let answers = asked.await.expect("no panic");
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(upstream.requests().len(), REQUESTS);
}

/// The time that 99 of a hundred requests take at most.
fn percentile_99(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

#[tokio::test]
async fn with_one_of_two_dead_the_slowest_take_as_long_as_ever() {
    const ROUNDS: usize = 7;
    const REQUESTS: usize = 400;
    // Slow as upstreams are, and the dead one no faster, so that a detour would take twice as long.
    let answering = async |status| {
        let pause = Pause::For(Duration::from_millis(20));
        ScriptedUpstream::answering(move |_, _| after(pause, status)).await.expect("a loopback port")
    };
    let (one, two, dead) = (answering(200).await, answering(200).await, answering(503).await);
    let rows = |first: &str| format!("model_list:\n{}{}", row("a", first, ""), row("b", &two.url(), ""));
    let healthy = Start::new().config(rows(&one.url())).serve().await;
    let broken = Start::new().config(rows(&dead.url())).serve().await;
    // From the fifth failure on it rests.
    load(&broken, 100, 8).await;
    load(&healthy, 100, 8).await;
    let timed = async |server: &Trunkline| {
        let began = Instant::now();
        let status = post(server.address, "/v1/chat/completions", BODY).await.status;
        (status, began.elapsed())
    };
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        // Each pair side by side: what slows one down slows the other.
        let pairs = stream::iter(0..REQUESTS).map(|_| async { join(timed(&healthy), timed(&broken)).await });
        let pairs: Vec<_> = pairs.buffer_unordered(12).collect().await;
        assert!(pairs.iter().all(|((well, _), (also, _))| (*well, *also) == (200, 200)));
        let healthy = percentile_99(pairs.iter().map(|((_, took), _)| *took).collect());
        let broken = percentile_99(pairs.iter().map(|(_, (_, took))| *took).collect());
        ratios.push(broken.as_secs_f64() / healthy.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios[ROUNDS / 2] <= 1.2, "{ratios:?}");
}

#[tokio::test]
async fn what_rests_is_named_in_the_log_and_not_to_the_caller() {
    let gone = trunkline_testkit::upstream::refused_url().await.expect("a port");
    let rows = row("first-one", &gone, "") + &row("second-one", &gone, "");
    let settings = "router_settings: {allowed_fails: 0, cooldown_time: 60, num_retries: 1}\n";
    let server = Start::new().config(format!("{settings}model_list:\n{rows}")).serve().await;
    assert_eq!(post(server.address, "/v1/chat/completions", BODY).await.status, 503);
    let refused = post(server.address, "/v1/chat/completions", BODY).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some_and(|seconds| seconds == "60"), "{:?}", refused.headers);
    assert!(!refused.text().contains("-one"), "{}", refused.text());
    let log = server.stop().await;
    let line = log.lines().find(|line| line.contains("failed: NoDeployment")).expect("a line");
    for id in ["first-one", "second-one"] {
        assert!(line.contains(&format!("{id}: it failed, and rests for 60 s")), "{line}");
    }
}

#[tokio::test]
async fn tags_that_reach_nobody_are_no_wrong_key() {
    let settings = "router_settings: {enable_tag_filtering: true}\n";
    let rows = row("a", "http://127.0.0.1:1", ", tags: [paid]");
    let server = Start::new().config(format!("{settings}model_list:\n{rows}")).serve().await;
    let body = BODY.replace("\"model\"", "\"tags\":[\"free\"],\"model\"");
    let refused = post(server.address, "/v1/chat/completions", &body).await;
    assert_eq!(refused.error(), (401, "auth_error".to_owned(), "tags".to_owned()));
}

#[tokio::test]
async fn who_answered_is_said_once() {
    let odd = always(200, "[1]").await;
    let config = format!("model_list:\n{}", row("a", &odd.url(), ", num_retries: 0"));
    let server = Start::new().config(config).serve().await;
    let answer = post(server.address, "/v1/chat/completions", BODY).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.message(), "openai answered with something that is no JSON object");
}
