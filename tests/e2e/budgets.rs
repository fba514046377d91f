//! Budgets and limits of keys: what many calls at once may spend, and where it ends.

mod endpoints;

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_testkit::upstream::{Pause, Script, ScriptedUpstream, Step};

use crate::client::Answer;
use crate::office::{
    CHAT, COST, EVENT, MASTER, ask, chat, done, events, key, reply, row, rows, see, spend, start,
};
use crate::server::{Start, Trunkline, until};

/// The key's budget in units of 1e-5 dollars.
const BUDGET: u64 = 1_000;

struct World {
    upstream: ScriptedUpstream,
    server: Trunkline,
    folder: tempfile::TempDir,
}

/// A gateway whose model `m` is answered so: `(whole, streamed)`; its configuration has `more`.
async fn world(answer: impl Fn(bool) -> Script + Send + Sync + 'static, more: &str) -> World {
    let upstream = ScriptedUpstream::answering(move |_, request| {
        answer(String::from_utf8_lossy(&request.body).contains("\"stream\":true"))
    });
    let upstream = upstream.await.expect("a loopback port");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let unpriced = format!(
        "- {{model_name: unpriced, litellm_params: {{model: openai/nobody-knows, api_key: sk-1, api_base: \"{}/v1\"}}}}\n",
        upstream.url()
    );
    let config = format!("model_list:\n{}{unpriced}{more}", row("m", &upstream.url()));
    let server = start(folder.path(), &config).serve().await;
    World { upstream, server, folder }
}

fn answered(is_streamed: bool) -> Script {
    if is_streamed { Script::sse(events(10)) } else { Script::json(200, reply(10)) }
}

fn check_refused(answer: &Answer, max: &str) {
    assert_eq!(answer.error(), (422, "budget_exceeded".to_owned(), "null".to_owned()), "{}", answer.text());
    let message = answer.message();
    assert!(message.starts_with("Budget has been exceeded! Key="), "{message}");
    assert!(message.contains(" Current cost: "), "{message}");
    assert!(message.contains(&format!(", Max budget: {max}")), "{message}");
}

/// Asks 200 times at once on a cent, with a limit of the reply or without.
async fn check_a_cent(is_streamed: bool, limit: Value) {
    let World { upstream, server, folder: _folder } = world(answered, "").await;
    let address = server.address;
    let key = key(address, json!({ "max_budget": 0.01 })).await;
    let body = chat("m", "hi", json!({ "max_tokens": limit, "stream": is_streamed }));
    let answers = join_all((0..200).map(|_| ask(address, &key, CHAT, &body))).await;
    let (good, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    let asked = upstream.requests().len() as u64;
    assert_eq!(asked, good.len() as u64);
    assert!(asked * COST <= BUDGET, "{asked} calls cost more than there is");
    let payable = BUDGET / COST;
    assert!(asked * 10 >= payable * 9, "{asked} of {payable} that the money could pay");
    for answer in &refused {
        check_refused(answer, "0.01");
    }
    for answer in good {
        assert!(answer.complete && (!is_streamed || answer.text().ends_with("data: [DONE]\n\n")));
    }
    until("all is in the books", async || spend(address, &key).await == asked * COST).await;
}

#[tokio::test]
async fn two_hundred_at_once_spend_no_more_than_a_cent() {
    check_a_cent(false, json!(10)).await;
}

#[tokio::test]
async fn two_hundred_streams_at_once_spend_no_more_than_a_cent() {
    check_a_cent(true, json!(10)).await;
}

/// What is reserved without a limit is eight times as much as there is.
#[tokio::test]
async fn two_hundred_at_once_without_a_limit_use_most_of_a_cent() {
    check_a_cent(false, Value::Null).await;
}

#[tokio::test]
async fn two_hundred_streams_at_once_without_a_limit_use_most_of_a_cent() {
    check_a_cent(true, Value::Null).await;
}

/// As some upstreams answer. The key's next start would begin with all of its budget otherwise.
#[tokio::test]
async fn a_whole_reply_that_tells_no_usage_is_estimated() {
    let silent = |_| {
        let text = "word ".repeat(80);
        let choice = json!({ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" });
        Script::json(200, json!({ "id": "gen_1", "model": "x", "choices": [choice] }).to_string())
    };
    let World { upstream: _upstream, server, folder: _folder } =
        world(silent, "trunkline_settings: {metrics: true}\n").await;
    let key = key(server.address, json!({ "max_budget": 0.01 })).await;
    let body = chat("m", "hi", json!({ "max_tokens": 200 }));
    let answer = ask(server.address, &key, CHAT, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A hundred tokens of text and a role out, and five in.
    until("it is in the books", async || spend(server.address, &key).await == 2 * 104 + 5).await;
    let metrics = see(server.address, MASTER, "/metrics").await;
    assert_eq!(metrics.status, 200, "{}", metrics.text());
    assert!(!metrics.text().contains("trunkline_unpriced_requests{"), "{}", metrics.text());
}

#[tokio::test]
async fn a_whole_reply_that_its_caller_does_not_wait_for_is_estimated_by_the_time() {
    let pausing = |_| Script::new([Step::Pause(Pause::Told)]);
    let World { upstream, server, folder: _folder } = world(pausing, "").await;
    let key = key(server.address, json!({ "max_budget": 0.01 })).await;
    let body = chat("m", "hi", json!({ "max_tokens": 20 }));
    let mut caller = TcpStream::connect(server.address).await.expect("it listens");
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.write_all(head.as_bytes()).await.expect("room");
    upstream.wait_for_requests(1).await;
    // In a fifth of a second all of it may be written.
    let early = tokio::time::timeout(Duration::from_millis(210), caller.read(&mut [0; 1])).await;
    assert!(early.is_err(), "nothing is answered");
    drop(caller);
    until("it is in the books", async || spend(server.address, &key).await == 2 * 20 + 5).await;
}

#[tokio::test]
async fn what_nobody_knows_the_cost_of_is_counted_once() {
    let pausing = |_| Script::new([Step::Pause(Pause::Told)]);
    let World { upstream, server, folder: _folder } =
        world(pausing, "trunkline_settings: {metrics: true}\n").await;
    let mut caller = TcpStream::connect(server.address).await.expect("it listens");
    let body = chat("unpriced", "hi", json!({}));
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {MASTER}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.write_all(head.as_bytes()).await.expect("room");
    upstream.wait_for_requests(1).await;
    drop(caller);
    let unpriced = async || {
        let metrics = see(server.address, MASTER, "/metrics").await.text();
        let counts = metrics.lines().filter(|line| line.starts_with("trunkline_unpriced_requests_total{"));
        counts.map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    until("it is counted", async || !unpriced().await.is_empty()).await;
    assert_eq!(unpriced().await, ["1"], "the request, and not its attempt too");
}

#[tokio::test]
async fn a_stream_without_a_limit_ends_with_an_error_when_the_money_is_gone() {
    let head = Script::sse(Vec::<&str>::new()).steps.remove(0);
    let script = move |_| {
        let chunk = format!("{:x}\r\n{EVENT}\r\n", EVENT.len());
        let event = [Step::Pause(Pause::Told), Step::Send(chunk.into_bytes().into())];
        let events = (0..200).flat_map(|_| event.clone());
        Script::new([head.clone()].into_iter().chain(events))
    };
    let World { upstream, server, folder: _folder } =
        world(script, "trunkline_settings: {reserve_output_tokens: 10}\n").await;
    let key = key(server.address, json!({ "max_budget": 0.002 })).await;
    let body = chat("m", "hi", json!({ "stream": true }));
    let mut caller = TcpStream::connect(server.address).await.expect("it listens");
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    caller.write_all(head.as_bytes()).await.expect("room");
    upstream.wait_for_requests(1).await;
    let mut text = String::new();
    let mut told = 0;
    loop {
        // One event at a time: the next is sent when this one has come.
        if text.matches("data: ").count() >= told {
            upstream.tell();
            told += 1;
        }
        let mut piece = [0; 4096];
        let count = caller.read(&mut piece).await.expect("a piece");
        if count == 0 {
            break;
        }
        text.push_str(std::str::from_utf8(&piece[..count]).expect("text"));
    }
    assert!(text.contains("\"budget_exceeded\"") && !text.contains("[DONE]"), "{text}");
    // In the stream as before it, the key is called as people know it, and not as the store does.
    let end = &key[key.len() - 4..];
    assert!(text.contains(&format!("Budget has been exceeded! Key=sk-...{end} Current cost: ")), "{text}");
    upstream.hung_up(0).await;
    // Two hundred units pay for some tokens in, and less than a hundred out.
    let tokens = text.matches("\"content\"").count() as u64;
    assert!(tokens * 2 <= 200 && tokens * 2 >= 120, "{tokens} tokens");
    let refused = ask(server.address, &key, CHAT, &body).await;
    check_refused(&refused, "0.002");
}

#[tokio::test]
async fn an_image_is_asked_for_only_if_there_is_money_for_one() {
    let World { upstream, server, folder: _folder } =
        world(answered, "trunkline_settings: {reserve_output_tokens: 100}\n").await;
    let [poor, rich] = [
        key(server.address, json!({ "max_budget": 0.003 })).await,
        key(server.address, json!({ "max_budget": 0.006 })).await,
    ];
    let body = |count: u32| json!({ "model": "m", "prompt": "a cat", "n": count }).to_string();
    let path = "/v1/images/generations";
    // An image may cost two hundred units, and some for what describes it.
    check_refused(&ask(server.address, &poor, path, &body(2)).await, "0.003");
    assert_eq!(upstream.requests().len(), 0);
    for (key, count) in [(&poor, 1), (&rich, 2)] {
        let answer = ask(server.address, key, path, &body(count)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn the_status_of_a_spent_budget_can_be_chosen() {
    let more = "litellm_settings: {budget_exceeded_status_code: 429}\n";
    let World { upstream: _upstream, server, folder: _folder } = world(answered, more).await;
    let key = key(server.address, json!({ "max_budget": 0.0001 })).await;
    let answer = ask(server.address, &key, CHAT, &chat("m", "hi", json!({ "max_tokens": 10 }))).await;
    assert_eq!(answer.error(), (429, "budget_exceeded".to_owned(), "null".to_owned()));
}

#[tokio::test]
async fn what_all_callers_may_spend_is_told() {
    let World { upstream: _upstream, server, folder: _folder } =
        world(answered, "litellm_settings: {max_budget: 2.5}\n").await;
    let told = see(server.address, MASTER, "/global/spend").await.json();
    assert_eq!((&told["spend"], &told["max_budget"]), (&json!(0), &json!(2.5)), "{told}");
}

#[tokio::test]
async fn what_nobody_knows_the_price_of_is_denied_to_who_has_a_budget() {
    let World { upstream, server, folder: _folder } = world(answered, "").await;
    let [with, without] =
        [key(server.address, json!({ "max_budget": 5 })).await, key(server.address, json!({})).await];
    let body = chat("unpriced", "hi", json!({}));
    let denied = ask(server.address, &with, CHAT, &body).await;
    assert_eq!(denied.error(), (403, "permission_error".to_owned(), "model".to_owned()));
    for named in ["`unpriced`", "`input_cost_per_token`", "price_file", "catalogue_prices_refresh_seconds"] {
        assert!(denied.message().contains(named), "{}", denied.message());
    }
    assert_eq!(upstream.requests().len(), 0);
    assert_eq!(ask(server.address, &without, CHAT, &body).await.status, 200);
    // What is free needs no price.
    let counted =
        ask(server.address, &with, "/v1/responses/input_tokens", r#"{"model":"unpriced","input":"hi"}"#);
    assert_eq!(counted.await.status, 200);
}

#[tokio::test]
async fn what_nobody_knows_the_price_of_can_be_denied_to_everybody_with_or_without_keys() {
    let deny = "trunkline_settings: {unknown_price: deny}\n";
    let World { upstream, server, folder: _folder } = world(answered, deny).await;
    let row = |name: &str, price: &str| {
        format!(
            "- {{model_name: {name}, litellm_params: {{model: openai/nobody-knows, api_key: sk-1, api_base: \"{}/v1\"{price}}}}}\n",
            upstream.url()
        )
    };
    let priced = row("m", ", input_cost_per_token: 0.00001, output_cost_per_token: 0.00002");
    let open =
        Start::new().config(format!("model_list:\n{}{priced}{deny}", row("unpriced", ""))).serve().await;
    for address in [server.address, open.address] {
        let denied = ask(address, MASTER, CHAT, &chat("unpriced", "hi", json!({}))).await;
        assert_eq!(denied.error(), (403, "permission_error".to_owned(), "model".to_owned()));
        assert!(denied.message().contains("calls without a known price are denied"), "{}", denied.message());
        assert_eq!(ask(address, MASTER, CHAT, &chat("m", "hi", json!({}))).await.status, 200);
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn what_nobody_knows_the_price_of_can_be_charged_at_a_cap() {
    let cap = "trunkline_settings: {unknown_price: cap, unknown_price_cap: 0.004}\n";
    let World { upstream, server, folder } = world(answered, cap).await;
    let address = server.address;
    let caller = key(address, json!({ "max_budget": 0.01 })).await;
    let without = key(address, json!({})).await;
    let body = |is_streamed: bool| chat("unpriced", "hi", json!({ "stream": is_streamed }));
    assert_eq!(ask(address, &without, CHAT, &body(false)).await.status, 200);
    for is_streamed in [false, true] {
        assert_eq!(ask(address, &caller, CHAT, &body(is_streamed)).await.status, 200);
    }
    // Two fifths are spent twice, and the last fifth does not pay for a third.
    check_refused(&ask(address, &caller, CHAT, &body(false)).await, "0.01");
    // What has a price is charged at that, and fits.
    let priced = chat("m", "hi", json!({ "max_tokens": 10 }));
    assert_eq!(ask(address, &caller, CHAT, &priced).await.status, 200);
    assert_eq!(upstream.requests().len(), 4);
    assert!(!String::from_utf8_lossy(&upstream.requests()[1].body).contains("max_"), "it is not cut short");
    until("it is all spent", async || spend(address, &caller).await == 800 + COST).await;
    server.stop().await;
    let origins: Vec<_> = rows(folder.path()).await.iter().rev().map(|row| row.cost_origin.name()).collect();
    assert_eq!(origins, ["unknown", "estimated", "estimated", "computed"]);
}

#[tokio::test]
async fn requests_and_tokens_of_a_minute_are_exact() {
    let World { upstream, server, folder: _folder } = world(answered, "").await;
    let address = server.address;
    let of_requests = key(address, json!({ "rpm_limit": 30 })).await;
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    let answers = join_all((0..100).map(|_| ask(address, &of_requests, CHAT, &body))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((good, upstream.requests().len()), (30, 30));
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.error().0, 429);
        assert!(
            refused.message().contains("Limit type: requests. Current limit: 30"),
            "{}",
            refused.message()
        );
        let seconds = refused.header("retry-after").and_then(|text| text.parse::<u64>().ok());
        assert!(seconds.is_some_and(|seconds| (1..=60).contains(&seconds)), "{:?}", refused.headers);
    }
    // Fifteen tokens are used of each call, and more is reserved while it is under way.
    let of_tokens = key(address, json!({ "tpm_limit": 150 })).await;
    let mut passed = 0;
    let refused = loop {
        let answer = ask(address, &of_tokens, CHAT, &body).await;
        if answer.status != 200 {
            break answer;
        }
        passed += 1;
        assert!(passed <= 10, "more tokens than there are");
    };
    assert!(passed >= 8, "{passed} calls");
    assert_eq!(refused.error().0, 429);
    assert!(refused.message().contains("Limit type: tokens. Current limit: 150"), "{}", refused.message());
}

#[tokio::test]
async fn a_stream_holds_its_place_until_it_ends() {
    let mut steps = Script::sse(events(3)).steps;
    steps.insert(2, Step::Pause(Pause::Told));
    let script = move |is_streamed| if is_streamed { Script::new(steps.clone()) } else { answered(false) };
    let World { upstream, server, folder: _folder } = world(script, "").await;
    let address = server.address;
    let streamed = chat("m", "hi", json!({ "stream": true }));
    let whole = chat("m", "hi", json!({}));
    done(address, "/team/new", json!({ "team_id": "red", "model_max_parallel_requests": { "m": 1 } })).await;
    for (fields, descriptor) in [
        (json!({ "max_parallel_requests": 1 }), "api_key"),
        (json!({ "model_max_parallel_requests": { "m": 1, "unpriced": 5 } }), "model_per_key"),
        (json!({ "metadata": { "model_max_parallel_requests": { "m": 1 } } }), "model_per_key"),
        (json!({ "team_id": "red" }), "model_per_team"),
    ] {
        let key = key(address, fields).await;
        let asked = upstream.requests().len();
        let first = async {
            let answer = ask(address, &key, CHAT, &streamed).await;
            assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
        };
        let others = async {
            upstream.wait_for_requests(asked + 1).await;
            let refused = ask(address, &key, CHAT, &whole).await;
            assert_eq!(refused.error().0, 429);
            let words = refused.message();
            assert!(words.starts_with(&format!("Rate limit exceeded for {descriptor}: ")), "{words}");
            assert!(words.contains("Limit type: max_parallel_requests. Current limit: 1"), "{words}");
            assert_eq!(ask(address, MASTER, CHAT, &whole).await.status, 200, "it is that key's limit");
            let other = ask(address, &key, CHAT, &chat("unpriced", "hi", json!({}))).await;
            assert_eq!(other.status == 200, descriptor != "api_key", "{}", other.text());
            upstream.tell();
        };
        let both = tokio::time::timeout(Duration::from_secs(20), futures_util::future::join(first, others));
        both.await.expect("it ends");
        assert_eq!(ask(address, &key, CHAT, &whole).await.status, 200);
    }
}

/// The master key's calls count among them.
#[tokio::test]
async fn all_callers_together_are_limited() {
    let limits = "trunkline_settings: {global_limits: {rpm_limit: 4, models: {m: {rpm_limit: 2}}}}\n";
    let World { upstream, server, folder: _folder } = world(answered, limits).await;
    let address = server.address;
    let key = key(address, json!({})).await;
    let (limited, other) = (chat("m", "hi", json!({})), chat("unpriced", "hi", json!({})));
    for (caller, body, expected) in [
        (&*key, &limited, None),
        (MASTER, &limited, None),
        (&key, &limited, Some("model_per_global: all callers:m. Limit type: requests. Current limit: 2")),
        (MASTER, &other, None),
        (MASTER, &other, Some("global: all callers. Limit type: requests. Current limit: 4")),
    ] {
        let answer = ask(address, caller, CHAT, body).await;
        let Some(expected) = expected else {
            assert_eq!(answer.status, 200, "{}", answer.text());
            continue;
        };
        assert_eq!(answer.error().0, 429);
        let words = answer.message();
        assert!(words.starts_with(&format!("Rate limit exceeded for {expected}")), "{words}");
    }
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn a_team_s_budget_holds_for_all_of_its_keys() {
    let World { upstream: _upstream, server, folder: _folder } = world(answered, "").await;
    let address = server.address;
    done(address, "/team/new", json!({ "team_id": "red", "max_budget": 0.001 })).await;
    let [one, two] =
        [key(address, json!({ "team_id": "red" })).await, key(address, json!({ "team_id": "red" })).await];
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    let mut good = 0;
    let refused = loop {
        let answer = ask(address, if good % 2 == 0 { &one } else { &two }, CHAT, &body).await;
        if answer.status != 200 {
            break answer;
        }
        good += 1;
    };
    assert!((3..=4).contains(&good), "{good} calls of 25 units on a hundred: {}", refused.text());
    assert_eq!(refused.error().0, 422);
    let words = refused.message();
    assert!(words.starts_with("Budget has been exceeded! Team=red Current cost: "), "{words}");
}

#[tokio::test]
async fn a_member_who_is_refused_is_named_with_the_team() {
    let World { upstream: _upstream, server, folder: _folder } = world(answered, "").await;
    let address = server.address;
    done(address, "/user/new", json!({ "user_id": "ben" })).await;
    done(address, "/team/new", json!({ "team_id": "red" })).await;
    let member = json!({ "team_id": "red", "member": { "role": "user", "user_id": "ben" }, "max_budget_in_team": 0.0001, "rpm_limit": 1 });
    done(address, "/team/member_add", member).await;
    let key = key(address, json!({ "team_id": "red", "user_id": "ben" })).await;
    let refused = ask(address, &key, CHAT, &chat("m", "hi", json!({ "max_tokens": 10 }))).await;
    let words = refused.message();
    assert!(words.starts_with("Budget has been exceeded! User=ben in Team=red Current cost: 0"), "{words}");
    let refused = ask(address, &key, CHAT, &chat("m", "hi", json!({ "max_tokens": 1 }))).await;
    let words = refused.message();
    assert!(
        words.starts_with("Rate limit exceeded for team_member: red:ben. Limit type: requests"),
        "{words}"
    );
}

#[tokio::test]
async fn whose_limit_refused_a_request_is_told_with_what_is_left_of_it() {
    let World { upstream: _upstream, server, folder: _folder } = world(answered, "").await;
    let address = server.address;
    done(address, "/customer/new", json!({ "user_id": "end-1", "rpm_limit": 1 })).await;
    done(address, "/tag/new", json!({ "name": "night", "rpm_limit": 1 })).await;
    let by_model = key(address, json!({ "model_rpm_limit": { "m": 1 } })).await;
    let by_tokens = key(address, json!({ "model_tpm_limit": { "m": 40 } })).await;
    let plain = key(address, json!({})).await;
    for (descriptor, what, max, key, more) in [
        ("end_user", "requests", "1", &plain, json!({ "user": "end-1" })),
        ("tag", "requests", "1", &plain, json!({ "metadata": { "tags": ["night"] } })),
        ("model_per_key", "requests", "1", &by_model, json!({})),
        ("model_per_key", "tokens", "40", &by_tokens, json!({ "max_tokens": 30 })),
    ] {
        let body = chat("m", "hi", more);
        let first = ask(address, key, CHAT, &body).await;
        assert_eq!(first.status, 200, "{descriptor}: {}", first.text());
        let refused = ask(address, key, CHAT, &body).await;
        assert_eq!(refused.status, 429, "{descriptor}: {}", refused.text());
        let of = |name: &str| refused.header(&format!("x-ratelimit-{descriptor}-{name}-{what}"));
        let left = if what == "tokens" { "25" } else { "0" };
        assert_eq!((of("limit"), of("remaining")), (Some(max), Some(left)), "{:?}", refused.headers);
    }
}
