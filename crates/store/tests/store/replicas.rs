//! PostgreSQL, shared by several, and coming and going.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::net::TcpListener;
use trunkline_core::{ErrorKind, Secret};
use trunkline_store::{Kind, Object, PostgresOptions, PostgresStore, RequestRow, Store, Write};
use trunkline_testkit::postgres::PostgresServer;

use crate::load::load;
use crate::sums::everything;

fn store(address: &str) -> Arc<PostgresStore> {
    let options = PostgresOptions { acquire_timeout: Duration::from_secs(20), ..PostgresOptions::default() };
    Arc::new(PostgresStore::connect(&Secret::new(address), &options).expect("an address of PostgreSQL"))
}

/// A store that gives up soon.
fn hasty(address: &str) -> PostgresStore {
    let options =
        PostgresOptions { acquire_timeout: Duration::from_millis(300), ..PostgresOptions::default() };
    PostgresStore::connect(&Secret::new(address), &options).expect("an address of PostgreSQL")
}

fn one(id: &str) -> Write {
    Write { objects: vec![Object::new(Kind::Key, id, 1)], ..Write::default() }
}

/// One server for all of these, each with a database of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_share_a_database() {
    let address = || PostgresServer::shared().expect("a server").database().expect("a new database");
    replicas_that_start_at_once_lose_no_change(&address()).await;
    rows_that_two_deliver_count_once(&address()).await;
    counters_of_all_are_one(&address()).await;
    tables_of_others_are_left_alone(&address()).await;
    a_database_of_a_later_version_is_used_as_it_is(&address()).await;
}

async fn replicas_that_start_at_once_lose_no_change(address: &str) {
    let writers: Vec<_> = (0..5)
        .map(|number| {
            let store = store(address);
            tokio::spawn(async move {
                for write in 0..20 {
                    store.write(one(&format!("k{number}-{write}"))).await.expect("a write");
                }
            })
        })
        .collect();
    let reader = store(address);
    let (mut seen, mut after) = (HashSet::new(), 0);
    // Whoever asks only for what is later than the last that was seen must see all.
    while seen.len() < 100 {
        let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let changes = reader.changes(after, 1_000).await.expect("changes");
        assert!(!(done && changes.is_empty()), "{} of 100 changes were seen", seen.len());
        after = changes.last().map_or(after, |change| change.number);
        seen.extend(changes.into_iter().map(|change| change.id));
    }
    for writer in writers {
        writer.await.expect("it writes");
    }
}

async fn rows_that_two_deliver_count_once(address: &str) {
    let rows = Arc::new(load(21, 1_000));
    let deliveries: Vec<_> = (0..4_usize)
        .map(|number| {
            let (store, rows) = (store(address), Arc::clone(&rows));
            tokio::spawn(async move {
                let mut new = 0;
                for batch in rows[number * 100..].chunks(90) {
                    new += store.record(batch).await.expect("a record");
                }
                new
            })
        })
        .collect();
    let mut new = 0;
    for delivery in deliveries {
        new += delivery.await.expect("it delivers");
    }
    assert_eq!(new, 1_000);
    let store = store(address);
    let before = everything(&*store).await;
    store.rebuild().await.expect("a rebuild");
    assert!(everything(&*store).await == before, "sums and counters are those of the rows");
}

async fn counters_of_all_are_one(address: &str) {
    let batches: Vec<Vec<RequestRow>> = (31..35).map(|seed| load(seed, 400)).collect();
    let deliveries: Vec<_> = batches
        .into_iter()
        .map(|rows| {
            let store = store(address);
            tokio::spawn(async move {
                for batch in rows.chunks(50) {
                    store.record(batch).await.expect("a record");
                }
            })
        })
        .collect();
    let store = store(address);
    store.rebuild().await.expect("a rebuild while others record");
    for delivery in deliveries {
        delivery.await.expect("it delivers");
    }
    let before = everything(&*store).await;
    store.rebuild().await.expect("a rebuild");
    assert!(everything(&*store).await == before, "a rebuild meanwhile has lost and doubled nothing");
}

async fn tables_of_others_are_left_alone(address: &str) {
    let mut connection = PgConnection::connect(address).await.expect("a connection");
    for statement in [
        "CREATE TABLE objects (kind TEXT, id TEXT)",
        "INSERT INTO objects VALUES ('theirs', 'x')",
        "CREATE TABLE \"LiteLLM_VerificationToken\" (token TEXT PRIMARY KEY)",
        "INSERT INTO \"LiteLLM_VerificationToken\" VALUES ('t')",
    ] {
        sqlx::query(statement).execute(&mut connection).await.expect(statement);
    }
    let store = store(address);
    store.write(one("k1")).await.expect("a write");
    store.record(&load(22, 50)).await.expect("a record");
    store.rebuild().await.expect("a rebuild");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'trunkline')";
    for (statement, expected) in [
        (tables, 2),
        ("SELECT count(*) FROM objects WHERE id = 'x'", 1),
        ("SELECT count(*) FROM objects", 1),
        ("SELECT count(*) FROM \"LiteLLM_VerificationToken\"", 1),
    ] {
        let row = sqlx::query(statement).fetch_one(&mut connection).await.expect(statement);
        assert_eq!(row.get::<i64, _>(0), expected, "{statement}");
    }
}

async fn a_database_of_a_later_version_is_used_as_it_is(address: &str) {
    store(address).ping().await.expect("tables are made");
    let mut connection = PgConnection::connect(address).await.expect("a connection");
    for statement in [
        "INSERT INTO trunkline.schema_versions VALUES (1000, 1)",
        "ALTER TABLE trunkline.requests ADD COLUMN later BIGINT NOT NULL DEFAULT 7",
    ] {
        sqlx::query(statement).execute(&mut connection).await.expect(statement);
    }
    let store = store(address);
    assert_eq!(store.record(&load(23, 20)).await.expect("a record"), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_may_come_later_and_go_meanwhile() {
    let server = PostgresServer::start().expect("a server of its own");
    let address = server.database().expect("a new database");
    server.stop().expect("it stops");
    let store = hasty(&address);
    let rows = load(24, 300);
    let check_down = async || {
        let began = Instant::now();
        let errors = [
            store.ping().await.expect_err("the database is down"),
            store.record(&rows).await.expect_err("the database is down"),
        ];
        assert!(errors.iter().all(|error| error.kind() == ErrorKind::StoreUnavailable));
        assert!(began.elapsed() < Duration::from_secs(5), "nobody hangs");
    };
    check_down().await;
    server.resume().expect("it starts");
    assert_eq!(store.record(&rows[..200]).await.expect("a record"), 200);
    server.stop().expect("it stops");
    check_down().await;
    server.resume().expect("it starts");
    assert_eq!(store.record(&rows).await.expect("a record"), 100);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let store = hasty(&format!("postgresql://u:p@127.0.0.1:{port}/d"));
    let began = Instant::now();
    let error = store.object(Kind::Key, "k1").await.expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let url = Secret::new("postgresql://u:p@127.0.0.1:1/d");
    let error = PostgresStore::connect(&url, &PostgresOptions::default()).expect_err("there is no runtime");
    assert_eq!(error.kind(), ErrorKind::Internal);
}
