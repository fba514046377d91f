//! A database that goes away: known callers are served, unknown ones are told to come back, rows wait.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use trunkline_core::Secret;
use trunkline_store::{PostgresOptions, PostgresStore, Store};
use trunkline_testkit::postgres::PostgresServer;
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::office::{CHAT, COST, MASTER, ask, chat, done, key, reply, row, see, spend, start};
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
    start(folder, &config).variable("TRUNKLINE_STORE_TIMEOUT_MS", DEADLINE.as_millis().to_string())
}

/// How many ask at one time, each without a pause.
const CALLERS: usize = 8;

/// Asks again and again until it is told to end, and gives how long each answer took. All of them are good.
fn asking(address: SocketAddr, key: &str, body: &str) -> Asking {
    let (end, ended) = watch::channel(false);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (key, body, ended) = (key.to_owned(), body.to_owned(), ended.clone());
        callers.spawn(async move {
            let mut took = Vec::new();
            while !*ended.borrow() {
                let began = Instant::now();
                let answer = ask(address, &key, CHAT, &body).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                took.push(began.elapsed());
            }
            took
        });
    }
    Asking { callers, end }
}

struct Asking {
    callers: JoinSet<Vec<Duration>>,
    end: watch::Sender<bool>,
}

impl Asking {
    async fn end(self) -> Vec<Duration> {
        self.end.send_replace(true);
        self.callers.join_all().await.concat()
    }
}

/// How many rows the database has of a key.
async fn rows(address: SocketAddr, key: &str) -> Option<u64> {
    let logs = see(address, MASTER, &format!("/spend/logs/v2?api_key={key}")).await;
    if logs.status == 200 { logs.json()["total"].as_u64() } else { None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_known_is_served_without_a_database_and_the_rows_arrive_later() {
    let postgres = PostgresServer::start().expect("a database server");
    let database = postgres.database().expect("a database");
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = over(folder.path(), &upstream, &database).serve().await;
    let address = server.address;
    let [known, unseen] = [key(address, json!({ "max_budget": 1_000 })).await, key(address, json!({})).await];
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    until("the key is known", async || ask(address, &known, CHAT, &body).await.status == 200).await;
    let before = upstream.requests().len();

    // They ask without a pause while the server goes away, and after it.
    let callers = asking(address, &known, &body);
    upstream.wait_for_requests(before + 50).await;
    postgres.stop().expect("it stops");
    upstream.wait_for_requests(upstream.requests().len() + 50).await;
    callers.end().await;
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

/// How long the gateway waits for the store, of [`over`].
const DEADLINE: Duration = Duration::from_millis(250);

/// How often the database is stopped where it is.
const ROUNDS: usize = 3;

/// How many requests are asked before that, and as many during it.
const REQUESTS: usize = 1_000;

/// What other programs of the machine may add to a hundredth of the answers.
const NOISE: Duration = Duration::from_millis(50);

/// Of 100 answers one took longer than the first of these, and none longer than the second.
fn slowest(mut took: Vec<Duration>) -> (Duration, Duration) {
    took.sort_unstable();
    (took[took.len() * 99 / 100], took[took.len() - 1])
}

/// Whoever waited for a database that hangs would take as long as the gateway's deadline, five times what noise may add.
/// Other programs of the machine can hold up any of the rounds still, but hardly all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_holds_up_nobody_who_is_known() {
    let postgres = PostgresServer::start().expect("a database server");
    let database = postgres.database().expect("a database");
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = over(folder.path(), &upstream, &database).serve().await;
    let address = server.address;
    let known = key(address, json!({ "max_budget": 1_000 })).await;
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    until("the key is known", async || ask(address, &known, CHAT, &body).await.status == 200).await;
    let some = async || {
        let callers = asking(address, &known, &body);
        upstream.wait_for_requests(upstream.requests().len() + REQUESTS).await;
        slowest(callers.end().await)
    };
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let (before, longest_before) = some().await;
        postgres.freeze().expect("it stops where it is");
        let (during, longest) = some().await;
        // Another each time: what the database says late of the last one is known for a second.
        let unknown = ask(address, &format!("sk-nobody-knows-this-one-{round}"), CHAT, &body).await;
        assert_eq!(unknown.status, 503, "the database hangs: {}", unknown.text());
        let told = see(address, MASTER, "/health/readiness/details").await.json();
        assert!(told["ledger"]["rows_waiting"].as_u64() >= Some(REQUESTS as u64), "{told}");
        postgres.thaw().expect("it goes on");
        // On a machine that is busy with other things, a request may take as long as a deadline without any.
        let waits = longest >= DEADLINE && longest_before < DEADLINE;
        let is_held_up = during > before.mul_f64(1.2) + NOISE || waits;
        rounds.push((is_held_up, before, during, longest));
    }
    println!("{rounds:?}");
    assert!(rounds.iter().any(|(is_held_up, ..)| !is_held_up), "{rounds:?}");
    let asked = upstream.requests().len() as u64;
    until("the rows arrive", async || rows(address, &known).await == Some(asked)).await;
    assert_eq!(spend(address, &known).await, asked * COST);
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
    // A store that did not answer is left alone for a second.
    let nobody = async || ask(address, "sk-nobody-knows-this-one", CHAT, &body).await.status;
    until("there is known to be no such key", async || nobody().await == 401).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_the_database_serves_who_was_known_until_it_says_otherwise() {
    let postgres = PostgresServer::start().expect("a database server");
    let database = postgres.database().expect("a database");
    let upstream = upstream().await;
    let (folder, elsewhere) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let server = over(folder.path(), &upstream, &database).serve().await;
    let address = server.address;
    let body = chat("m", "hi", json!({ "max_tokens": 10 }));
    let status = async |address, key: &str| ask(address, key, CHAT, &body).await.status;
    // A call takes 25 units of 110, and reserves no more than that.
    let [known, withdrawn] =
        [key(address, json!({ "max_budget": 0.0011 })).await, key(address, json!({})).await];
    let [revoked, unseen] = [key(address, json!({})).await, key(address, json!({})).await];
    for key in [&known, &known, &withdrawn, &revoked] {
        until("the key is known", async || status(address, key).await == 200).await;
    }
    done(address, "/key/delete", json!({ "keys": [revoked] })).await;
    assert_eq!(status(address, &revoked).await, 401);
    server.stop().await;

    postgres.stop().expect("it stops");
    let server = over(folder.path(), &upstream, &database).serve().await;
    let address = server.address;
    assert_eq!(status(address, &known).await, 200, "50 units are spent, and 60 left");
    assert_eq!(status(address, &known).await, 200);
    assert_eq!(status(address, &known).await, 422, "100 are spent");
    assert_eq!(status(address, &withdrawn).await, 200);
    assert_eq!(status(address, &revoked).await, 401);
    for nobody in ["sk-nobody-knows-this-one", &unseen] {
        assert_eq!(status(address, nobody).await, 503);
    }

    // Another process withdraws a key before this one has looked.
    postgres.resume().expect("it starts");
    let other = over(elsewhere.path(), &upstream, &database).serve().await;
    until("it is withdrawn", async || {
        ask(other.address, MASTER, "/key/delete", &json!({ "keys": [withdrawn] }).to_string()).await.status
            == 200
    })
    .await;
    let began = Instant::now();
    until("it is refused", async || status(address, &withdrawn).await == 401).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    until("the rows arrive", async || rows(address, &known).await == Some(4)).await;
    assert_eq!(spend(address, &known).await, 4 * COST);
    until("its budget is the store's to tell", async || status(address, &known).await == 422).await;
    assert_eq!(status(address, &unseen).await, 200);
    let log = server.stop().await;
    assert_eq!(log.matches("those that were known before are served as they were then").count(), 1, "{log}");
}

#[tokio::test]
async fn rows_stand_in_days_that_go_whole_where_that_is_asked_for() {
    let database = PostgresServer::shared().and_then(PostgresServer::database).expect("a database");
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let settings = format!("{{database_url: \"{database}\", use_spend_logs_partitioning: true}}");
    let config = format!("model_list:\n{}general_settings: {settings}\n", row("m", &upstream.url()));
    let server = start(folder.path(), &config).serve().await;
    assert_eq!(ask(server.address, MASTER, CHAT, &chat("m", "hi", json!({}))).await.status, 200);
    let logs = async || see(server.address, MASTER, "/spend/logs/v2").await.json()["total"].clone();
    until("the row arrives", async || logs().await == 1).await;
    let store = PostgresStore::connect(&Secret::new(database), &PostgresOptions::default());
    let forgotten = store.expect("an address").forget(i64::MAX, i64::MAX, 9).await.expect("an answer");
    assert_eq!(forgotten, 0, "none by itself");
    let logs = see(server.address, MASTER, "/spend/logs/v2").await.json();
    assert_eq!(logs["data"], json!([]), "{logs}");
}

#[tokio::test]
async fn a_file_has_no_partitions_and_the_log_says_so() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = "model_list: [{model_name: m, litellm_params: {model: echo/x}}]\n\
                  general_settings: {use_spend_logs_partitioning: true}\n";
    let log = start(folder.path(), config).serve().await.stop().await;
    assert!(log.contains("SQLite has no partitions"), "{log}");
}
