//! A database that goes away: known callers are served, unknown ones are told to come back, rows wait.

use std::path::Path;

use futures_util::future::join_all;
use serde_json::json;
use trunkline_testkit::postgres::PostgresServer;
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::office::{CHAT, COST, MASTER, ask, chat, key, reply, row, see, spend, start};
use crate::server::{Start, until};

async fn upstream() -> ScriptedUpstream {
    ScriptedUpstream::answering(|_, _| Script::json(200, reply(10))).await.expect("a loopback port")
}

/// A gateway over a database, which it waits for no longer than it does by itself.
fn over(folder: &Path, upstream: &ScriptedUpstream, database: &str) -> Start {
    let config = format!(
        "model_list:\n{}general_settings: {{database_url: \"{database}\"}}\n",
        row("m", &upstream.url())
    );
    start(folder, &config).variable("TRUNKLINE_STORE_TIMEOUT_MS", "250")
}

/// How many rows the database has of a key.
async fn rows(address: std::net::SocketAddr, key: &str) -> Option<u64> {
    let logs = see(address, MASTER, &format!("/spend/logs/v2?api_key={key}")).await;
    if logs.status == 200 { logs.json()["total"].as_u64() } else { None }
}

#[tokio::test]
async fn who_is_known_is_served_without_a_database_and_the_rows_arrive_later() {
    let postgres = PostgresServer::start().expect("a database server");
    let database = postgres.database().expect("a database");
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = over(folder.path(), &upstream, &database).serve().await;
    let address = server.address;
    let [known, unseen] = [key(address, json!({ "max_budget": 1 })).await, key(address, json!({})).await];
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    until("the key is known", async || ask(address, &known, CHAT, &body).await.status == 200).await;
    let before = upstream.requests().len();

    // Eight callers ask without a pause while the server goes away.
    let callers = (0..8).map(async |_| {
        for _ in 0..40 {
            let answer = ask(address, &known, CHAT, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    });
    let going = async {
        upstream.wait_for_requests(before + 50).await;
        postgres.stop().expect("it stops");
    };
    futures_util::future::join(join_all(callers), going).await;
    for _ in 0..10 {
        assert_eq!(ask(address, &known, CHAT, &body).await.status, 200);
        assert_eq!(ask(address, MASTER, CHAT, &body).await.status, 200);
    }
    for nobody in ["sk-nobody-knows-this-one", &unseen] {
        let answer = ask(address, nobody, CHAT, &body).await;
        assert_eq!(answer.error().0, 503, "nobody knows that it is wrong: {}", answer.text());
        assert_eq!(answer.error().1, "no_db_connection");
        assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
        assert!(!answer.text().contains(nobody), "{}", answer.text());
    }
    assert_eq!(see(address, MASTER, "/health/readiness").await.status, 200);
    let told = see(address, MASTER, "/health/readiness/details").await.json();
    assert_eq!(told["db"], "disconnected", "{told}");
    assert!(told["ledger"]["rows_waiting"].as_u64() > Some(0), "{told}");

    postgres.resume().expect("it starts");
    let asked = upstream.requests().len() as u64 - 10;
    until("the rows arrive", async || rows(address, &known).await == Some(asked)).await;
    assert_eq!(spend(address, &known).await, asked * COST);
    assert_eq!(ask(address, &unseen, CHAT, &body).await.status, 200);
    let told = see(address, MASTER, "/health/readiness/details").await.json();
    assert_eq!((&told["db"], &told["ledger"]["lost"]), (&json!("connected"), &json!(0)), "{told}");
}

#[tokio::test]
async fn a_start_without_the_database_serves_the_master_and_finds_it_later() {
    let postgres = PostgresServer::start().expect("a database server");
    let database = postgres.database().expect("a database");
    postgres.stop().expect("it stops");
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = over(folder.path(), &upstream, &database).serve().await;
    let address = server.address;
    let body = chat("m", "hi", json!({}));
    assert_eq!(ask(address, MASTER, CHAT, &body).await.status, 200);
    assert_eq!(ask(address, "sk-nobody-knows-this-one", CHAT, &body).await.status, 503);
    assert_eq!(ask(address, MASTER, "/key/generate", "{}").await.status, 503);
    let named = chat("m", "hi", json!({ "user": "ann", "tags": ["one", "two", "three"] }));
    assert_eq!(ask(address, MASTER, CHAT, &named).await.status, 200);
    postgres.resume().expect("it starts");
    until("keys are made", async || ask(address, MASTER, "/key/generate", "{}").await.status == 200).await;
    until("what it noted arrives", async || {
        let logs = see(address, MASTER, "/spend/logs/v2").await;
        logs.status == 200 && logs.json()["total"] == 2
    })
    .await;
    assert_eq!(ask(address, "sk-nobody-knows-this-one", CHAT, &body).await.status, 401);
    let log = server.stop().await;
    assert_eq!(log.matches("could not be read, and do not hold for this call").count(), 1, "{log}");
}

#[tokio::test]
async fn what_all_callers_spent_before_a_start_without_the_database_counts_once_it_is_there() {
    let postgres = PostgresServer::start().expect("a database server");
    let database = postgres.database().expect("a database");
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    // 200 units, of which a call takes 25, and reserves no more than that.
    let config = format!(
        "model_list:\n{}general_settings: {{database_url: \"{database}\"}}\nlitellm_settings: {{max_budget: 0.002}}\n",
        row("m", &upstream.url())
    );
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    let served = async || start(folder.path(), &config).serve().await;
    let rows = async |address| {
        let logs = see(address, MASTER, "/spend/logs/v2").await;
        if logs.status == 200 { logs.json()["total"].as_u64() } else { None }
    };
    let first = served().await;
    for _ in 0..3 {
        assert_eq!(ask(first.address, MASTER, CHAT, &body).await.status, 200);
    }
    until("the database has them", async || rows(first.address).await == Some(3)).await;
    first.stop().await;
    postgres.stop().expect("it stops");
    let server = served().await;
    let address = server.address;
    assert_eq!(ask(address, MASTER, CHAT, &body).await.status, 200, "nothing is known of before");
    postgres.resume().expect("it starts");
    until("its row arrives", async || rows(address).await == Some(4)).await;
    let mut passed = 0;
    while ask(address, MASTER, CHAT, &body).await.status == 200 {
        passed += 1;
    }
    assert_eq!(passed, 4, "100 units are spent, each of them counted once");
}
