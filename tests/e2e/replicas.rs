//! Three processes over one database and one Redis: what they share, and what holds when Redis does not answer.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use trunkline_testkit::postgres::PostgresServer;
use trunkline_testkit::redis::RedisServer;
use trunkline_testkit::upstream::{Pause, Script, ScriptedUpstream, Step};

use crate::client::Answer;
use crate::office::{CHAT, COST, MASTER, ask, chat, done, events, key, reply, row, see, spend, start};
use crate::server::{Start, Trunkline, until};

/// A cent, in units of 1e-5 dollars.
const BUDGET: u64 = 1_000;

/// So many tokens has a long reply.
const LONG: u64 = 400;

struct World {
    upstream: ScriptedUpstream,
    redis: RedisServer,
    servers: Vec<Trunkline>,
    _folders: Vec<tempfile::TempDir>,
}

/// Three gateways with one model, whose configuration has `more`.
async fn three(more: &str) -> World {
    three_that_wait("2000", more).await
}

/// The same, which wait for Redis that long.
async fn three_that_wait(wait_ms: &str, more: &str) -> World {
    let upstream = ScriptedUpstream::answering(|_, request| {
        let body = String::from_utf8_lossy(&request.body);
        let tokens = if body.contains("at length") { LONG } else { 10 };
        let is_streamed = body.contains("\"stream\":true");
        if body.contains("and waiting") {
            let mut script = Script::sse(events(tokens));
            script.steps.insert(1, Step::Pause(Pause::Told));
            return script;
        }
        if is_streamed { Script::sse(events(tokens)) } else { Script::json(200, reply(tokens)) }
    });
    let upstream = upstream.await.expect("a loopback port");
    let redis = RedisServer::start().expect("a Redis");
    let database = PostgresServer::shared().and_then(PostgresServer::database).expect("a database");
    let config = format!(
        "model_list:\n{}general_settings: {{database_url: \"{database}\"}}\n{more}",
        row("m", &upstream.url())
    );
    let mut world = World { upstream, redis, servers: Vec::new(), _folders: Vec::new() };
    for _ in 0..3 {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let start = replica(folder.path(), &config, &world.redis);
        let server = start.variable("TRUNKLINE_REDIS_TIMEOUT_MS", wait_ms).serve().await;
        world.servers.push(server);
        world._folders.push(folder);
    }
    world
}

/// One of several gateways over a Redis; the database stands in the configuration.
pub(crate) fn replica(folder: &Path, config: &str, redis: &RedisServer) -> Start {
    start(folder, config)
        .variable("REDIS_URL", redis.url())
        // A machine that is busy with other tests is no outage.
        .variable("TRUNKLINE_REDIS_TIMEOUT_MS", "2000")
}

impl World {
    /// A key that every server knows.
    async fn key(&self, fields: Value) -> String {
        key(self.servers[0].address, fields).await
    }

    /// Asks that many times at once, each server in its turn.
    async fn ask(&self, count: usize, key: &str, body: &str) -> Vec<Answer> {
        let asked = (0..count).map(|call| ask(self.servers[call % 3].address, key, CHAT, body));
        join_all(asked).await
    }

    async fn details(&self, server: usize) -> Value {
        see(self.servers[server].address, MASTER, "/health/readiness/details").await.json()
    }
}

async fn check_a_cent(is_streamed: bool) {
    let world = three("").await;
    let key = world.key(json!({ "max_budget": 0.01 })).await;
    let body = chat("m", "hi", json!({ "max_tokens": 10, "stream": is_streamed }));
    let answers = world.ask(200, &key, &body).await;
    let (good, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    let asked = world.upstream.requests().len() as u64;
    assert_eq!(asked, good.len() as u64);
    assert!(asked * COST <= BUDGET, "{asked} calls cost more than there is");
    let payable = BUDGET / COST;
    assert!(asked * 10 >= payable * 9, "{asked} of {payable} that the money could pay");
    for answer in &refused {
        assert_eq!(answer.error().1, "budget_exceeded", "{}", answer.text());
    }
    for answer in good {
        assert!(answer.complete && (!is_streamed || answer.text().ends_with("data: [DONE]\n\n")));
    }
    for server in &world.servers {
        let told = async || spend(server.address, &key).await == asked * COST;
        until("all is in the books", told).await;
    }
}

#[tokio::test]
async fn two_hundred_at_once_at_three_spend_no_more_than_a_cent() {
    check_a_cent(false).await;
}

#[tokio::test]
async fn two_hundred_streams_at_once_at_three_spend_no_more_than_a_cent() {
    check_a_cent(true).await;
}

/// Each step is more than a process holds ahead of need, and the next one stands ready behind it.
#[tokio::test]
async fn a_stream_without_a_limit_goes_on_as_far_as_the_money_pays() {
    let world = three("trunkline_settings: {reserve_output_tokens: 50, budget_wait_ms: 0}\n").await;
    let body = chat("m", "at length", json!({ "stream": true }));
    let key = world.key(json!({ "max_budget": 0.02 })).await;
    let answer = ask(world.servers[0].address, &key, CHAT, &body).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    let key = world.key(json!({ "max_budget": 0.004 })).await;
    let answer = ask(world.servers[0].address, &key, CHAT, &body).await;
    assert!(answer.text().contains("budget_exceeded"), "{}", answer.text());
    let told = answer.text().matches("\"content\":\"a\"").count();
    // 197 tokens could be paid; what came together with the last of them has been used as well.
    assert!((50..LONG).contains(&(told as u64)), "{told}");
}

/// A stream is told what the settings say, and not that the money is spent.
#[tokio::test]
async fn a_stream_goes_on_or_ends_as_the_settings_say_when_redis_stands_still() {
    for (policy, expected) in [("allow", "data: [DONE]"), ("refuse", "is shared with other replicas")] {
        let more =
            format!("trunkline_settings: {{reserve_output_tokens: 50, budgets_without_redis: {policy}}}\n");
        let world = three(&more).await;
        // A lease of it pays for no step: two thirds of one.
        let key = world.key(json!({ "max_budget": 0.04 })).await;
        let body = |text: &str| chat("m", text, json!({ "stream": true }));
        let first = ask(world.servers[0].address, &key, CHAT, &body("hi")).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let long = body("at length, and waiting");
        let asked = ask(world.servers[0].address, &key, CHAT, &long);
        let freezing = async {
            world.upstream.wait_for_requests(2).await;
            world.redis.freeze().expect("it stands still");
            world.upstream.tell();
        };
        let (answer, ()) = tokio::join!(asked, freezing);
        assert!(answer.text().contains(expected), "{policy}: {}", answer.text());
    }
}

#[tokio::test]
async fn requests_a_minute_hold_for_all_three() {
    const LIMIT: u64 = 64;
    // What Redis has given out, and a busy machine has not taken in time, lies unused.
    let world = three_that_wait("10000", "").await;
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    // Windows are whole minutes by the clock: one that begins meanwhile allows as many again.
    let minute = || {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs() / 60
    };
    // One unit lies unused at each that asked in vain, at most; of one that is asked alone, none.
    for (servers, unused) in [(3, 3), (1, 0)] {
        loop {
            let (began, key) = (minute(), world.key(json!({ "rpm_limit": LIMIT })).await);
            let asked = (0..150).map(|call| ask(world.servers[call % servers].address, &key, CHAT, &body));
            let answers = join_all(asked).await;
            let good = answers.iter().filter(|answer| answer.status == 200).count() as u64;
            if minute() != began {
                continue;
            }
            let refused = answers.iter().find(|answer| answer.status != 200).expect("a refusal");
            assert_eq!(refused.error().0, 429, "{}", refused.text());
            assert!(refused.message().contains("Remaining: 0"), "{}", refused.text());
            assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
            assert!((LIMIT - unused..=LIMIT).contains(&good), "{good} at {servers}");
            break;
        }
    }
}

#[tokio::test]
async fn calls_at_one_time_hold_for_all_three() {
    const LIMIT: usize = 4;
    let limits = format!(
        "trunkline_settings: {{global_limits: {{models: {{m: {{max_parallel_requests: {LIMIT}}}}}}}}}\n"
    );
    for (more, fields) in [
        ("", json!({ "max_parallel_requests": LIMIT })),
        ("", json!({ "model_max_parallel_requests": { "m": LIMIT } })),
        (&*limits, json!({})),
    ] {
        let world = three(more).await;
        let key = world.key(fields.clone()).await;
        let waiting = chat("m", "and waiting", json!({ "stream": true, "max_tokens": 10 }));
        let asked = (0..3 * LIMIT).map(|call| ask(world.servers[call % 3].address, &key, CHAT, &waiting));
        let mut asked: FuturesUnordered<_> = asked.collect();
        for _ in LIMIT..3 * LIMIT {
            let refused = asked.next().await.expect("as many as were asked");
            assert_eq!(refused.error().0, 429, "{fields}: {}", refused.text());
            let words = refused.message();
            assert!(
                words.contains("Limit type: max_parallel_requests. Current limit: 4, Remaining: 0"),
                "{words}"
            );
        }
        (0..LIMIT).for_each(|_| world.upstream.tell());
        while let Some(answer) = asked.next().await {
            assert!(answer.text().ends_with("data: [DONE]\n\n"), "{fields}: {}", answer.text());
        }
        assert_eq!(world.upstream.requests().len(), LIMIT, "{fields}");
        let body = chat("m", "hi", json!({ "max_tokens": 10 }));
        until("places are free again", async || {
            world.ask(3, &key, &body).await.iter().all(|answer| answer.status == 200)
        })
        .await;
    }
}

#[tokio::test]
async fn what_one_process_keeps_another_gives() {
    let world = three("litellm_settings: {cache: true}\n").await;
    let team = done(world.servers[0].address, "/team/new", json!({})).await;
    let key = world.key(json!({ "team_id": team["team_id"] })).await;
    for is_streamed in [false, true] {
        let begun = Instant::now();
        for round in 0.. {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing is found");
            // A reply is written beside its request: one that is asked for at once may not be there yet.
            let body = chat("m", &format!("{is_streamed} {round}"), json!({ "stream": is_streamed }));
            let first = ask(world.servers[0].address, &key, CHAT, &body).await;
            assert_eq!(first.status, 200, "{}", first.text());
            let asked = world.upstream.requests().len();
            let again = ask(world.servers[1].address, &key, CHAT, &body).await;
            assert_eq!(again.text(), first.text());
            if world.upstream.requests().len() == asked {
                assert!(again.header("x-litellm-cache-key").is_some(), "{:?}", again.headers);
                break;
            }
        }
    }
    let told = world.details(0).await;
    assert_eq!((&told["cache"], &told["cache_answers"]), (&json!("redis"), &json!(true)), "{told}");
}

/// Keys with a limit, with a budget, and with neither, each served by every server.
struct Keys {
    limited: String,
    paid: String,
    free: String,
}

async fn keys(world: &World, body: &str) -> Keys {
    let limited = world.key(json!({ "rpm_limit": 1_000_000 })).await;
    let paid = world.key(json!({ "max_budget": 0.1 })).await;
    let free = world.key(json!({})).await;
    for key in [&limited, &paid, &free] {
        for answer in world.ask(6, key, body).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    assert_eq!(world.details(0).await["limits"], "shared with other replicas");
    Keys { limited, paid, free }
}

/// Asks while Redis does not answer: limits and what has none go on, money is refused.
async fn check_outage(world: &World, keys: &Keys, body: &str) {
    // First each uses up what it holds of the money, and then nobody can tell how much is left.
    let begun = Instant::now();
    let refused = loop {
        let answers = world.ask(3, &keys.paid, body).await;
        if let Some(refused) = answers.into_iter().find(|answer| answer.status == 503) {
            break refused;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody is refused");
    };
    assert!(refused.message().contains("is shared with other replicas"), "{}", refused.text());
    assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
    for key in [&keys.limited, &keys.free] {
        for answer in world.ask(30, key, body).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    for server in 0..3 {
        let told = world.details(server).await;
        if told["limits"].as_str().is_some_and(|text| text.ends_with("does not answer")) {
            let metrics = see(world.servers[server].address, MASTER, "/metrics").await;
            assert!(metrics.text().contains("\ntrunkline_limits_answering 0\n"), "{}", metrics.text());
            break;
        }
        assert_ne!(server, 2, "nobody has noticed: {told}");
    }
}

async fn until_paid(world: &World, keys: &Keys, body: &str) {
    until("the money is counted again", async || {
        world.ask(3, &keys.paid, body).await.iter().all(|answer| answer.status == 200)
    })
    .await;
}

const OUTAGE: &str =
    "trunkline_settings: {limits_without_redis: allow, budgets_without_redis: refuse, metrics: true}\n";

#[tokio::test]
async fn while_redis_stands_still_calls_go_on_as_the_settings_say() {
    let world = three(OUTAGE).await;
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    let keys = keys(&world, &body).await;
    world.redis.freeze().expect("it stands still");
    check_outage(&world, &keys, &body).await;
    world.redis.thaw().expect("it goes on");
    until_paid(&world, &keys, &body).await;
    // What each had counted by itself is right for all.
    world.ask(600, &keys.paid, &body).await;
    let of_paid = async || spend(world.servers[0].address, &keys.paid).await;
    until("all is in the books", async || of_paid().await * 10 >= 10_000 * 9).await;
    assert!(of_paid().await <= 10_000, "{}", of_paid().await);
}

#[tokio::test]
async fn while_redis_is_gone_calls_go_on_as_the_settings_say() {
    let world = three(OUTAGE).await;
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    let keys = keys(&world, &body).await;
    world.redis.stop().expect("it ends");
    check_outage(&world, &keys, &body).await;
    world.redis.resume().expect("another starts in its place");
    until_paid(&world, &keys, &body).await;
    // It has lost what it kept: what each process has spent it is told again, and what each held may be granted once more.
    world.ask(600, &keys.paid, &body).await;
    let of_paid = async || spend(world.servers[0].address, &keys.paid).await;
    until("all is in the books", async || of_paid().await * 10 >= 10_000 * 9).await;
    let held = 3 * 10_000 / 64;
    assert!(of_paid().await <= 10_000 + held, "{}", of_paid().await);
}
