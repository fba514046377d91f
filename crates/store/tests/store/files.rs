//! The file of SQLite: whose it is, what is there after a restart, and several that start at once.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sqlx::{Connection as _, SqliteConnection};
use trunkline_core::ErrorKind;
use trunkline_store::{Kind, Object, RequestQuery, SqliteStore, Store, Write};

use crate::load::load;

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).await.expect("a store in a file")
}

fn one(id: &str) -> Write {
    Write { objects: vec![Object::new(Kind::Key, id, 1)], ..Write::default() }
}

#[tokio::test]
async fn a_file_is_its_owner_s_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a").join("b").join("trunkline.db");
    let store = open(&path).await;
    store.write(one("k1")).await.expect("a write");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("a")), 0o700);
    for name in ["trunkline.db", "trunkline.db-wal", "trunkline.db-shm"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trunkline.db");
    let rows = load(11, 50);
    let store = open(&path).await;
    store.write(one("k1")).await.expect("a write");
    store.close().await;
    assert!(!path.with_file_name("trunkline.db-wal").exists(), "the log is written back");
    let error = store.ping().await.expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    // The second is not closed, as if its process had ended.
    let store = open(&path).await;
    store.record(&rows).await.expect("a record");
    let again = open(&path).await;
    assert!(again.object(Kind::Key, "k1").await.expect("an answer").is_some());
    let all = RequestQuery { limit: 100, ..RequestQuery::default() };
    assert_eq!(again.requests(&all).await.expect("rows").len(), 50);
    assert_eq!(again.record(&rows).await.expect("a record"), 0);
    drop(store);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_may_start_and_write_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trunkline.db");
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let path = path.clone();
            tokio::spawn(async move {
                let store = open(&path).await;
                for write in 0..10 {
                    store.write(one(&format!("k{number}-{write}"))).await.expect("a write");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it opens and writes");
    }
    assert_eq!(open(&path).await.changes(0, 100).await.expect("changes").len(), 60);
}

#[tokio::test]
async fn a_file_of_a_later_version_is_used_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trunkline.db");
    open(&path).await.close().await;
    let address = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&address).await.expect("a connection");
    for statement in [
        "INSERT INTO schema_versions (version, since) VALUES (1000, 1)",
        "ALTER TABLE objects ADD COLUMN later TEXT",
        "ALTER TABLE requests ADD COLUMN later INTEGER NOT NULL DEFAULT 7",
        "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT",
        "INSERT INTO changes (kind, id) VALUES ('a kind of later', 'x')",
    ] {
        sqlx::query(statement).execute(&mut connection).await.expect(statement);
    }
    let store = open(&path).await;
    store.write(one("k1")).await.expect("a write");
    assert_eq!(store.record(&load(12, 20)).await.expect("a record"), 20);
    let changes = store.changes(0, 1).await.expect("changes");
    assert_eq!(changes[0].id, "k1", "kinds of a later version are passed over");
}

#[tokio::test]
async fn what_is_no_file_of_ours_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let letter = folder.path().join("letter");
    std::fs::write(&letter, "dear reader, ".repeat(1_000)).expect("a letter");
    for path in [letter.as_path(), folder.path(), &letter.join("trunkline.db")] {
        let error = SqliteStore::open(path).await.expect_err("this is no file of ours");
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{}", path.display());
    }
    let text = std::fs::read_to_string(&letter).expect("the letter");
    assert!(text.starts_with("dear reader"), "what is not ours is left as it is");
}
