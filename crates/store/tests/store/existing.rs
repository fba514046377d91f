//! Stores that are looked at without being made.

use trunkline_core::Secret;
use trunkline_store::{Kind, Object, PostgresOptions, PostgresStore, SqliteStore, Store, Write};
use trunkline_testkit::postgres::PostgresServer;

fn one() -> Write {
    Write { objects: vec![Object::new(Kind::Key, "k1", 1)], ..Write::default() }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made_and_one_that_is_there_is_only_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trunkline.db");
    assert!(SqliteStore::existing(&path).await.expect("looked for").is_none());
    assert!(!path.exists());
    let store = SqliteStore::open(&path).await.expect("a store");
    store.write(one()).await.expect("a write");
    // The one that writes is still there, as a server is that runs.
    let seen = SqliteStore::existing(&path).await.expect("read").expect("it is there");
    assert!(seen.object(Kind::Key, "k1").await.expect("an answer").is_some());
    let write = Write { objects: vec![Object::new(Kind::Key, "k2", 1)], ..Write::default() };
    assert!(seen.write(write).await.is_err(), "it is only read");
    seen.close().await;
    store.close().await;
}

#[tokio::test]
async fn a_database_without_tables_gets_none() {
    let address = PostgresServer::shared().expect("a server").database().expect("a new database");
    let (url, options) = (Secret::new(address), PostgresOptions::default());
    for _ in 0..2 {
        assert!(PostgresStore::existing(&url, &options).await.expect("looked for").is_none());
    }
    let store = PostgresStore::connect(&url, &options).expect("an address");
    store.write(one()).await.expect("a write");
    let seen = PostgresStore::existing(&url, &options).await.expect("read").expect("it is there");
    assert!(seen.object(Kind::Key, "k1").await.expect("an answer").is_some());
}
