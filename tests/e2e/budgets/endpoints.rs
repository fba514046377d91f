//! Budgets hold on every endpoint that costs something, at one process and at three: each is asked, and none is forgotten.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use trunkline_core::Operation;
use trunkline_store::CostOrigin;
use trunkline_testkit::postgres::PostgresServer;
use trunkline_testkit::redis::RedisServer;
use trunkline_testkit::upstream::{Pause, Script, ScriptedUpstream, Step};

use crate::client::{Answer, send};
use crate::office::{CHAT, ask, chat, key, reply, rows, spend, start, units};
use crate::replicas::replica;
use crate::server::{Trunkline, until};

/// Calls at once on a budget that pays for half a call more than may go through.
struct Rush {
    calls: usize,
    /// How many go through.
    paid: RangeInclusive<usize>,
}

/// One process lets through what there is money for.
const AT_ONE: Rush = Rush { calls: 12, paid: 4..=4 };
/// Of three each may leave two leases unused while others are refused, of a call each.
const AT_THREE: Rush = Rush { calls: 66, paid: 34..=40 };

/// The model that is asked for everything.
const MODEL: &str = "m";
/// One whose upstream keeps responses.
const STORING: &str = "storing";

/// The paths of all operations, from the list that the gateway serves by.
fn paths() -> Vec<(String, Operation)> {
    let list = include_str!("../../../crates/gateway/src/endpoints.rs");
    let rows: Vec<&str> = list.lines().filter_map(|line| line.trim().strip_prefix("op(\"")).collect();
    let paths = rows.into_iter().map(|row| {
        let read = row.strip_suffix("),").and_then(|row| row.split_once("\", Operation::"));
        let (path, name) = read.unwrap_or_else(|| panic!("a row is spelled otherwise: {row}"));
        let named = |operation: &Operation| format!("{operation:?}") == name;
        let operation = Operation::ALL.into_iter().find(named).expect("rows name operations that there are");
        (path.replace("{model}", MODEL), operation)
    });
    let paths: Vec<_> = paths.collect();
    let is_served = |operation: &Operation| paths.iter().any(|(_, other)| other == operation);
    assert!(Operation::ALL.iter().all(is_served), "the list is read: {paths:?}");
    paths
}

/// The smallest body that is valid, with its content type.
///
/// WHEN ADDING AN OPERATION: what it is asked with, and what an upstream answers, stand in these two tables.
fn body(operation: Operation) -> (&'static str, &'static str) {
    const FORM: &str = "multipart/form-data; boundary=b";
    let json = match operation {
        Operation::ChatCompletions | Operation::Messages => {
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":10}"#
        }
        Operation::CountTokens => r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#,
        Operation::Completions => r#"{"model":"m","prompt":"hi","max_tokens":10}"#,
        Operation::Embeddings
        | Operation::Moderations
        | Operation::CompactResponse
        | Operation::ResponseInputTokens => r#"{"model":"m","input":"hi"}"#,
        Operation::Responses => r#"{"model":"m","input":"hi","max_output_tokens":10}"#,
        Operation::Rerank | Operation::RerankV2 => r#"{"model":"m","query":"hi","documents":["hi"]}"#,
        Operation::ImageGenerations => r#"{"model":"m","prompt":"hi"}"#,
        Operation::Speech => r#"{"model":"m","input":"hi","voice":"alloy"}"#,
        Operation::Evaluate => r#"{"model":"m","state":"hi","questions":{"a":{"type":"boolean"}}}"#,
        Operation::ImageEdits => {
            return (
                FORM,
                "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nhi\r\n--b--\r\n",
            );
        }
        Operation::Transcriptions => {
            return (
                FORM,
                "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                 Content-Type: audio/wav\r\n\r\nRIFF\r\n--b--\r\n",
            );
        }
        Operation::RetrieveResponse
        | Operation::DeleteResponse
        | Operation::CancelResponse
        | Operation::ListResponseInputItems => return ("application/json", ""),
    };
    ("application/json", json)
}

/// What an upstream answers. It bills ten tokens of output where it counts them, and 1e-5 dollars where it says
/// what it bills.
fn answer(operation: Operation) -> Script {
    const BILL: &str = r#""providerMetadata":{"gateway":{"cost":"0.00001"}}"#;
    const USAGE: &str = r#""usage":{"input_tokens":1,"output_tokens":10,"total_tokens":11}"#;
    let json = match operation {
        Operation::ChatCompletions => reply(10),
        Operation::Completions => {
            r#"{"id":"c","object":"text_completion","choices":[{"index":0,"text":"a","finish_reason":"stop"}],
                "usage":{"prompt_tokens":1,"completion_tokens":10,"total_tokens":11}}"#
                .to_owned()
        }
        Operation::Embeddings => {
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1]}],
                "usage":{"prompt_tokens":1,"total_tokens":1}}"#
                .to_owned()
        }
        Operation::Responses
        | Operation::CompactResponse
        | Operation::RetrieveResponse
        | Operation::CancelResponse => format!(
            r#"{{"id":"resp_up","object":"response","status":"completed","output":[{{"type":"message","id":"msg_1",
                "content":[{{"type":"output_text","text":"hi"}}]}}],{USAGE}}}"#
        ),
        Operation::Messages => format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","content":[{{"type":"text","text":"hi"}}],
                "stop_reason":"end_turn",{USAGE}}}"#
        ),
        Operation::CountTokens => r#"{"input_tokens":5}"#.to_owned(),
        Operation::ResponseInputTokens => r#"{"object":"response.input_tokens","input_tokens":5}"#.to_owned(),
        Operation::DeleteResponse => {
            r#"{"id":"resp_up","object":"response.deleted","deleted":true}"#.to_owned()
        }
        Operation::ListResponseInputItems => r#"{"object":"list","data":[],"has_more":false}"#.to_owned(),
        Operation::Rerank | Operation::RerankV2 => {
            format!(r#"{{"id":"r","results":[{{"index":0,"relevance_score":0.9}}],{BILL}}}"#)
        }
        Operation::ImageGenerations | Operation::ImageEdits => {
            format!(r#"{{"created":1,"data":[{{"b64_json":"aGk="}}],{BILL}}}"#)
        }
        Operation::Evaluate => {
            format!(r#"{{"model":"x","answers":{{"a":{{"type":"boolean","probability":0.9}}}},{BILL}}}"#)
        }
        Operation::Moderations => r#"{"id":"m","model":"x","results":[{"flagged":false}]}"#.to_owned(),
        Operation::Transcriptions => r#"{"text":"hi"}"#.to_owned(),
        Operation::Speech => return Script::reply(200, &[("content-type", "audio/mpeg")], "ID3"),
    };
    Script::json(200, json)
}

struct World {
    upstream: ScriptedUpstream,
    /// What the upstream answers from now on.
    script: Arc<Mutex<Script>>,
    servers: Vec<Trunkline>,
    folders: Vec<tempfile::TempDir>,
    /// How many calls were made: each server has its turn.
    calls: AtomicUsize,
    _redis: Option<RedisServer>,
}

impl World {
    async fn one() -> Self {
        Self::new(1, "", None).await
    }

    /// Three processes over one PostgreSQL and one Redis.
    async fn three() -> Self {
        let database = PostgresServer::shared().and_then(PostgresServer::database).expect("a database");
        let redis = RedisServer::start().expect("a Redis");
        Self::new(3, &format!("general_settings: {{database_url: \"{database}\"}}\n"), Some(redis)).await
    }

    async fn new(servers: usize, more: &str, redis: Option<RedisServer>) -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let playing = Arc::clone(&script);
        let upstream = ScriptedUpstream::answering(move |_, _| {
            playing.lock().unwrap_or_else(PoisonError::into_inner).clone()
        });
        let upstream = upstream.await.expect("a loopback port");
        // What the one does not have, the other has.
        let row = |name: &str, order: u8, model: &str, key: &str| {
            format!(
                "- {{model_name: {name}, litellm_params: {{model: {model}, api_key: {key}, order: {order}, \
                 api_base: \"{}/v1\", input_cost_per_token: 0.00001, output_cost_per_token: 0.00002}}}}\n",
                upstream.url()
            )
        };
        let config = format!(
            "model_list:\n{}{}{}trunkline_settings: {{reserve_output_tokens: 10, budget_wait_ms: 0}}\n{more}",
            row(MODEL, 1, "vercel_ai_gateway/maker/x", "vck_1"),
            row(MODEL, 2, "openai/x", "sk-1"),
            row(STORING, 1, "openai/x", "sk-1"),
        );
        let (mut world, calls) = (Vec::new(), AtomicUsize::new(0));
        let folders: Vec<_> =
            (0..servers).map(|_| tempfile::tempdir().expect("a temporary directory")).collect();
        for folder in &folders {
            let start = match &redis {
                // Whoever may not pass learns it after twice that time, since what is only reserved may come back.
                Some(redis) => {
                    replica(folder.path(), &config, redis).variable("TRUNKLINE_REDIS_TIMEOUT_MS", "1000")
                }
                None => start(folder.path(), &config),
            };
            world.push(start.serve().await);
        }
        Self { upstream, script, servers: world, folders, calls, _redis: redis }
    }

    /// Where keys are made and looked at.
    fn address(&self) -> SocketAddr {
        self.servers[0].address
    }

    fn answers(&self, script: Script) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    async fn call(&self, key: &str, path: &str, operation: Operation) -> Answer {
        let bearer = format!("Bearer {key}");
        let (kind, body) = body(operation);
        let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
        let server = &self.servers[self.calls.fetch_add(1, Ordering::Relaxed) % self.servers.len()];
        send(server.address, operation.method().as_str(), path, &headers, body.as_bytes()).await
    }

    /// The most that one call may cost, in 1e-5 dollars, as a refusal tells whoever has next to nothing.
    async fn bound(&self, path: &str, operation: Operation) -> u64 {
        let poor = key(self.address(), json!({ "max_budget": 1e-6 })).await;
        let refused = self.call(&poor, path, operation).await;
        check_refused(path, &refused);
        let message = refused.text();
        let most = message.split("this call may cost up to ").nth(1).and_then(|rest| rest.split(';').next());
        let most = most.unwrap_or_else(|| panic!("{path}: {message}"));
        units(&json!(most.parse::<f64>().expect("an amount")))
    }

    /// Calls many times at once with a key whose budget pays for some of them, and gives what was billed. None is answered
    /// before all have asked, so that what is reserved is all that holds them.
    async fn check_rush(&self, key: &str, path: &str, operation: Operation, rush: &Rush, bound: u64) -> u64 {
        let mut held = answer(operation);
        held.steps.insert(0, Step::Pause(Pause::Told));
        self.answers(held);
        let before = self.upstream.requests().len();
        let mut calls: FuturesUnordered<_> =
            (0..rush.calls).map(|_| self.call(key, path, operation)).collect();
        let mut refused = 0;
        let paid = loop {
            tokio::select! {
                answer = calls.next() => check_refused(path, &answer.expect("a call")),
                _ = self.upstream.wait_for_requests(before + rush.calls - refused) => break rush.calls - refused,
            }
            refused += 1;
        };
        assert!(rush.paid.contains(&paid), "{path}: {paid} go through");
        (0..paid).for_each(|_| self.upstream.tell());
        let mut billed = 0;
        while let Some(answer) = calls.next().await {
            assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
            // Sound has no place for its cost, and costs the most that it may.
            let cost = answer.header("x-litellm-response-cost");
            let cost = cost.map_or(bound, |cost| units(&json!(cost.parse::<f64>().expect("an amount"))));
            assert!((1..=bound).contains(&cost), "{path}: {cost}, and {bound} were reserved");
            billed += cost;
        }
        billed
    }
}

fn check_refused(path: &str, answer: &Answer) {
    // Each dialect has an envelope of its own around the same words.
    let text = answer.text();
    assert_eq!(answer.status, 422, "{path}: {text}");
    assert!(text.contains("Budget has been exceeded! Key="), "{path}: {text}");
}

/// Spends a budget, and asks for everything then. Gives how many calls were for nothing.
async fn check_spent(world: &World) -> usize {
    let (address, upstream) = (world.address(), &world.upstream);
    let key = key(address, json!({ "max_budget": 0.001 })).await;
    world.answers(answer(Operation::Responses));
    let body = json!({ "model": STORING, "input": "hi", "max_output_tokens": 10 }).to_string();
    let made = ask(address, &key, "/v1/responses", &body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    world.answers(Script::json(200, reply(1_000)));
    let dear = ask(address, &key, CHAT, &chat(MODEL, "hi", json!({ "max_tokens": 10 }))).await;
    assert_eq!(dear.status, 200, "{}", dear.text());
    until("it is in the books", async || spend(address, &key).await == 21 + 2_005).await;

    let mut asked = upstream.requests().len();
    let mut free = 0;
    for (path, operation) in paths() {
        world.answers(answer(operation));
        let path = path.replace("{id}", &id);
        let answer = world.call(&key, &path, operation).await;
        if operation.bills() {
            check_refused(&path, &answer);
        } else {
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert_eq!(answer.header("x-litellm-response-cost"), Some("0"), "{path}");
            (asked, free) = (asked + 1, free + 1);
        }
        assert_eq!(upstream.requests().len(), asked, "{path}");
    }
    // A response that is streamed again was paid for, and it tells its tokens once more.
    let stream = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_up\",\
        \"object\":\"response\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":5,\
        \"output_tokens\":10,\"total_tokens\":15}}}\n\n";
    world.answers(Script::sse([stream]));
    let path = format!("/v1/responses/{id}?stream=true");
    let again = world.call(&key, &path, Operation::RetrieveResponse).await;
    assert!(again.status == 200 && again.text().contains("response.completed"), "{}", again.text());
    free + 1
}

#[tokio::test]
async fn a_budget_that_is_spent_pays_for_nothing_that_is_billed_and_for_everything_that_is_not() {
    let mut world = World::one().await;
    let free = check_spent(&world).await;
    world.servers.remove(0).stop().await;
    let rows = rows(world.folders[0].path()).await;
    let of_nothing: Vec<_> = rows.iter().filter(|row| row.cost_origin == CostOrigin::Free).collect();
    assert_eq!((rows.len(), of_nothing.len()), (2 + free, free));
    for row in of_nothing {
        assert_eq!((row.spend, &row.usage), (Some(0.into()), &None), "{row:?}");
    }
}

#[tokio::test]
async fn a_budget_that_is_spent_is_spent_at_all_three() {
    check_spent(&World::three().await).await;
}

/// Asks at these paths, where it is billed, each with a key of its own.
async fn check_rushes(world: &World, paths: Vec<(String, Operation)>, rush: &Rush) {
    let address = world.address();
    let mut books = Vec::new();
    for (path, operation) in paths.into_iter().filter(|(_, operation)| operation.bills()) {
        let bound = world.bound(&path, operation).await;
        let budget = bound as f64 * (*rush.paid.end() as f64 + 0.5) / 1e5;
        let key = key(address, json!({ "max_budget": budget })).await;
        let billed = world.check_rush(&key, &path, operation, rush, bound).await;
        books.push((path, key, billed));
    }
    for (path, key, billed) in books {
        until(&path, async || spend(address, &key).await == billed).await;
    }
}

#[tokio::test]
async fn of_many_calls_at_once_as_many_go_through_as_the_budget_pays() {
    check_rushes(&World::one().await, paths(), &AT_ONE).await;
}

#[tokio::test]
async fn of_many_calls_at_once_at_three_no_more_go_through_than_the_budget_pays() {
    // One path of each operation: that all of them lead there shows at one process.
    let mut seen = BTreeSet::new();
    let paths = paths().into_iter().filter(|(_, operation)| seen.insert(operation.name())).collect();
    check_rushes(&World::three().await, paths, &AT_THREE).await;
}
