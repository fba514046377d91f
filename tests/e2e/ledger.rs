//! One row for each admitted request, whatever becomes of it, and sums that are what the rows add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_journal::{Journal, Options as JournalOptions};
use trunkline_ledger::{Ledger, Opening};
use trunkline_store::{CostOrigin, RequestRow, SqliteStore};
use trunkline_testkit::upstream::{Cut, Script, ScriptedUpstream};

use crate::billing::Random;
use crate::client::{Answer, send};
use crate::office::{
    CHAT, COST, EVENT, MASTER, ask, chat, done, events, key, reply, row, rows, see, spend, start, units,
};

/// An upstream that does as the text of the request says.
async fn upstream() -> ScriptedUpstream {
    let answer = |_, request: &trunkline_testkit::upstream::UpstreamRequest| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let three = [EVENT; 3].concat();
        match body.as_str() {
            body if body.contains("please fail") => Script::json(500, r#"{"error":{"message":"down"}}"#),
            body if body.contains("please cut") => {
                Script::sse_cut_at(three.as_bytes(), three.len(), Cut::Reset)
            }
            body if body.contains("please wait") => {
                Script::sse_cut_at(three.as_bytes(), three.len(), Cut::Stall)
            }
            body if body.contains("\"stream\":true") => Script::sse(events(10)),
            _ => Script::json(200, reply(10)),
        }
    };
    ScriptedUpstream::answering(answer).await.expect("a loopback port")
}

/// Asks under an id of its own.
async fn ask_as(address: SocketAddr, key: &str, id: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("x-litellm-call-id", id)];
    send(address, "POST", CHAT, &headers, body.as_bytes()).await
}

/// Asks for a stream, and leaves when some of it has come.
async fn leave(address: SocketAddr, key: &str, id: &str, upstream: &ScriptedUpstream) {
    let index = upstream.requests().len();
    let body = chat("m", "please wait", json!({ "stream": true }));
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nx-litellm-call-id: {id}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut caller = TcpStream::connect(address).await.expect("it listens");
    caller.write_all(request.as_bytes()).await.expect("room");
    let mut seen = String::new();
    while seen.matches("\"content\"").count() < 3 {
        let mut piece = [0; 4096];
        let count = caller.read(&mut piece).await.expect("a piece");
        assert!(count > 0, "the stream goes on");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    drop(caller);
    upstream.hung_up(index).await;
}

/// What a row says of how it went.
fn told(row: &RequestRow) -> (&str, Option<u16>, Option<&str>, CostOrigin, bool) {
    (&row.outcome, row.status, row.error_kind.as_deref(), row.cost_origin, row.usage_is_estimated)
}

#[tokio::test]
async fn each_admitted_request_has_one_row_that_says_what_became_of_it() {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = format!(
        "model_list:\n{}router_settings: {{num_retries: 0}}\nlitellm_settings: {{cache: true, cache_params: {{type: local}}}}\n",
        row("m", &upstream.url())
    );
    let server = start(folder.path(), &config).serve().await;
    let address = server.address;
    let key = key(address, json!({ "key_alias": "ci", "user_id": "ann" })).await;
    let poor = crate::office::key(address, json!({ "max_budget": 0 })).await;
    let streamed = json!({ "stream": true });
    let ask_for = async |id: &str, key: &str, body: String| ask_as(address, key, id, &body).await.status;
    assert_eq!(ask_for("whole", &key, chat("m", "hi", json!({ "user": "end-1" }))).await, 200);
    assert_eq!(ask_for("hit", &key, chat("m", "hi", json!({ "user": "end-1" }))).await, 200);
    assert_eq!(ask_for("streamed", &key, chat("m", "ho", streamed.clone())).await, 200);
    assert_eq!(ask_for("failed", &key, chat("m", "please fail", json!({}))).await, 500);
    assert_eq!(ask_for("cut", &key, chat("m", "please cut", streamed.clone())).await, 200);
    leave(address, &key, "gone", &upstream).await;
    assert_eq!(ask_for("master", MASTER, chat("m", "he", json!({}))).await, 200);
    // Whoever is refused leaves nothing.
    assert_eq!(ask_for("poor", &poor, chat("m", "hi", json!({}))).await, 422);
    assert_eq!(ask_for("nobody", "sk-nobody-0123456789", chat("m", "hi", json!({}))).await, 401);
    assert_eq!(ask_for("no-model", &key, chat("nothing", "hi", json!({}))).await, 400);
    assert_eq!(ask_for("no-json", &key, "{".to_owned()).await, 400);
    server.stop().await;

    let rows = rows(folder.path()).await;
    let ids: BTreeMap<&str, &RequestRow> = rows.iter().map(|row| (row.call_id.as_str(), row)).collect();
    let expected = ["cut", "failed", "gone", "hit", "master", "streamed", "whole"];
    assert_eq!(ids.keys().copied().collect::<Vec<_>>(), expected);
    assert_eq!(rows.len(), expected.len(), "each once");
    let cost = Decimal::new(COST.cast_signed(), 5);
    for id in ["whole", "streamed", "master"] {
        let row = ids[id];
        assert_eq!(told(row), ("completed", Some(200), None, CostOrigin::Computed, false), "{id}");
        assert_eq!((row.spend, row.streamed), (Some(cost), id == "streamed"));
        let usage = row.usage.as_ref().expect("it was told");
        assert_eq!((usage.input(), usage.all_output()), (5, 10));
    }
    let whole = ids["whole"];
    assert_eq!((whole.user_id.as_deref(), whole.customer.as_deref()), (Some("ann"), Some("end-1")));
    assert_eq!((whole.group.as_deref(), whole.upstream_model.as_deref()), (Some("m"), Some("x")));
    assert_eq!((whole.operation.as_str(), whole.route.as_str()), ("chat_completions", CHAT));
    assert_eq!((ids["master"].key.as_deref(), ids["hit"].key.as_deref()), (None, whole.key.as_deref()));
    let hit = ids["hit"];
    assert_eq!((hit.cache_hit, hit.spend, hit.cost_origin), (true, Some(Decimal::ZERO), CostOrigin::Free));
    assert_eq!((ids["failed"].outcome.as_str(), ids["failed"].status), ("failed", Some(500)));
    let cut = told(ids["cut"]);
    assert_eq!(cut, ("failed", Some(200), Some("upstream_cut"), CostOrigin::Estimated, true));
    let gone = ids["gone"];
    assert_eq!((gone.outcome.as_str(), gone.cost_origin), ("caller_gone", CostOrigin::Estimated));
    for id in ["cut", "gone"] {
        let usage = ids[id].usage.as_ref().expect("it is estimated");
        assert_eq!(usage.all_output(), 3, "{id}: an event for each token");
        assert!(ids[id].spend.is_some_and(|spend| spend > Decimal::ZERO), "{id}");
    }
}

#[tokio::test]
async fn what_a_key_has_spent_is_what_its_rows_add_up_to() {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = format!("model_list:\n{}", row("m", &upstream.url()));
    let server = start(folder.path(), &config).serve().await;
    let address = server.address;
    done(address, "/team/new", json!({ "team_id": "red" })).await;
    let [one, two] = [key(address, json!({ "team_id": "red" })).await, key(address, json!({})).await];
    for (key, count) in [(&one, 3), (&two, 2)] {
        for number in 0..count {
            let more = json!({ "stream": number == 0, "metadata": { "tags": ["night"] } });
            assert_eq!(ask(address, key, CHAT, &chat("m", "hi", more)).await.status, 200);
        }
    }
    server.stop().await;

    let server = start(folder.path(), &config).serve().await;
    let address = server.address;
    assert_eq!((spend(address, &one).await, spend(address, &two).await), (3 * COST, 2 * COST));
    let team = see(address, MASTER, "/team/info?team_id=red").await.json();
    assert_eq!(units(&team["team_info"]["spend"]), 3 * COST, "{team}");
    let token = see(address, MASTER, &format!("/key/info?key={one}")).await.json()["key"].clone();
    let token = token.as_str().expect("a token");
    let logs = see(address, MASTER, &format!("/spend/logs/v2?api_key={token}")).await.json();
    let data = logs["data"].as_array().unwrap_or_else(|| panic!("rows: {logs}"));
    assert_eq!((data.len(), logs["total"].as_u64()), (3, Some(3)));
    assert!(data.iter().all(|row| row["api_key"] == token && units(&row["spend"]) == COST), "{logs}");
    let daily = see(address, MASTER, &format!("/key/daily/activity?api_key={token}")).await.json();
    let told = &daily["metadata"];
    assert_eq!(units(&told["total_spend"]), 3 * COST, "{daily}");
    assert_eq!(told["total_api_requests"], 3, "{daily}");
    let own = see(address, &one, "/spend/logs/v2").await.json();
    assert_eq!(own["data"].as_array().map(Vec::len), Some(3), "a key sees its own alone: {own}");
    let whole = see(address, MASTER, "/global/spend").await.json();
    assert_eq!(units(&whole["spend"]), 5 * COST, "{whole}");
    let tags = see(address, MASTER, "/spend/tags").await.json();
    assert!(tags.to_string().contains("night"), "{tags}");
    server.stop().await;
    let sum: Decimal = rows(folder.path()).await.iter().filter_map(|row| row.spend).sum();
    assert_eq!(sum, Decimal::new((5 * COST).cast_signed(), 5));
}

/// Asks until the server is gone; gives the ids of the requests that got a whole reply.
async fn ask_until_killed(address: SocketAddr, key: &str, caller: String) -> Vec<String> {
    let mut replied = Vec::new();
    for number in 0.. {
        let id = format!("{caller}-{number}");
        let body = chat("m", "hi", json!({ "stream": number % 2 == 0 }));
        let request = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nx-litellm-call-id: {id}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let Ok(mut stream) = TcpStream::connect(address).await else { break };
        let mut text = String::new();
        let sent = stream.write_all(request.as_bytes()).await;
        if sent.is_err() || stream.read_to_string(&mut text).await.is_err() {
            break;
        }
        // The last bytes of a stream, and of a whole reply.
        if !text.ends_with("0\r\n\r\n") && !text.ends_with("}") {
            break;
        }
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        replied.push(id);
    }
    replied
}

#[tokio::test]
async fn killed_under_load_no_request_lacks_its_row_and_none_has_two() {
    const CALLERS: usize = 8;
    let is_full = std::env::var_os("TRUNKLINE_FULL").is_some_and(|value| value == "1");
    let kills = if is_full { 200 } else { 20 };
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as u64;
    println!("moments by seed {seed}");
    let mut random = Random::new(seed);
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = format!("model_list:\n{}", row("m", &upstream.url()));
    let mut key_of_all = None;
    let mut replied = BTreeSet::new();
    for kill in 0..kills {
        let server = start(folder.path(), &config).serve().await;
        let address = server.address;
        let key = match &key_of_all {
            Some(key) => String::clone(key),
            None => key_of_all.insert(key(address, json!({})).await).clone(),
        };
        let before = upstream.requests().len();
        let callers = (0..CALLERS).map(|caller| ask_until_killed(address, &key, format!("{kill}-{caller}")));
        // Behind a request, and then somewhere on the way of those that are there by now.
        let (requests, turns) = (1 + random.below(120), random.below(400));
        let killing = async {
            upstream.wait_for_requests(before + requests as usize).await;
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            server.signal("-KILL").await;
        };
        let (ids, ()) = futures_util::future::join(join_all(callers), killing).await;
        server.ended().await;
        replied.extend(ids.into_iter().flatten());
    }
    let server = start(folder.path(), &config).serve().await;
    let key = key_of_all.expect("it was made");
    let told = spend(server.address, &key).await;
    server.stop().await;

    let rows = rows(folder.path()).await;
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for row in &rows {
        *times.entry(&row.call_id).or_default() += 1;
    }
    println!(
        "{kills} kills, {} replies, {} requests at the upstream, {} rows",
        replied.len(),
        upstream.requests().len(),
        rows.len()
    );
    assert!(replied.len() > kills * 10, "{} replies", replied.len());
    let lacking: Vec<_> = replied.iter().filter(|id| !times.contains_key(id.as_str())).collect();
    assert!(lacking.is_empty(), "without a row: {lacking:?}");
    let doubled: Vec<_> = times.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "more than one row: {doubled:?}");
    assert!(rows.len() >= upstream.requests().len(), "what went upstream has a row");
    let sum: Decimal = rows.iter().filter_map(|row| row.spend).sum();
    assert_eq!(Decimal::new(told.cast_signed(), 5), sum.round_dp(5), "{} rows", rows.len());
}

#[tokio::test]
async fn what_a_start_with_a_journal_left_is_delivered_by_one_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = JournalOptions { format: trunkline_ledger::FORMAT, ..JournalOptions::default() };
    let journal = Journal::open(&folder.path().join("journal"), &options).expect("the journal opens");
    let store = SqliteStore::in_memory().await.expect("a store");
    let earlier = Ledger::open(journal, Arc::new(store), Default::default());
    let opening = Opening { call_id: "call-1", ..Opening::default() };
    drop(earlier.begin(&opening).expect("is admitted"));
    drop(earlier);
    let config = "model_list: [{model_name: e, litellm_params: {model: echo/x}}]\n\
                  trunkline_settings: {ledger_durability: memory}\n";
    let server = start(folder.path(), config).serve().await;
    let logs = see(server.address, MASTER, "/spend/logs").await.json();
    assert_eq!(logs[0]["litellm_call_id"], "call-1", "{logs}");
    server.stop().await;
}

/// As long as its head had told, though next to nothing of it came: cut, and standing still until a wait is over.
#[tokio::test]
async fn a_whole_reply_that_does_not_come_to_its_end_costs_about_as_much_as_it_had_told() {
    const BYTES: usize = 4_000;
    for cut in [Cut::Close, Cut::Stall] {
        let broken = ScriptedUpstream::answering(move |_, _| {
            Script::json_cut_at(200, " ".repeat(BYTES).as_bytes(), 1, cut)
        });
        let (broken, good) = (broken.await.expect("a loopback port"), upstream().await);
        let folder = tempfile::tempdir().expect("a temporary directory");
        let config = format!(
            "model_list:\n{}{}router_settings: {{num_retries: 0, fallbacks: [{{broken: [m]}}]}}\n\
             trunkline_settings: {{idle_timeout_ms: 200}}\n",
            row("broken", &broken.url()),
            row("m", &good.url()),
        );
        let server = start(folder.path(), &config).serve().await;
        let body = chat("broken", "hi", json!({ "max_tokens": 2_000 }));
        let answer = ask(server.address, MASTER, CHAT, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        server.stop().await;
        let rows = rows(folder.path()).await;
        let [row] = &rows[..] else { panic!("{rows:?}") };
        let usage = row.attempts[0].usage.as_ref().expect("an estimate");
        assert_eq!(usage.output, BYTES as u64 / 4, "{cut:?}");
        assert_eq!(row.attempts[0].spend, Some(Decimal::new(5 + 2 * BYTES as i64 / 4, 5)), "{cut:?}");
        assert_eq!(row.spend, Some(Decimal::new(25 + 5 + 2 * BYTES as i64 / 4, 5)), "{cut:?}");
    }
}
