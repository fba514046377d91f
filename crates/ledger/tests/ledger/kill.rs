//! A process that is killed at any moment: each request that it had admitted has exactly one row.

use std::collections::BTreeMap;
use std::env;
use std::future::ready;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::sync::oneshot;
use trunkline_journal::{Journal, Options as JournalOptions};
use trunkline_ledger::{Ledger, Options};
use trunkline_store::{CostOrigin, RequestQuery, RequestRow, SqliteStore, Store};

use crate::samples::{charges, opening, row, tags};

/// Set for the process that is killed: the folder that it works in.
const FOLDER: &str = "TRUNKLINE_KILL_FOLDER";

/// How often a process is killed.
fn rounds() -> u64 {
    if env::var_os("TRUNKLINE_FULL").is_some_and(|value| value == "1") { 200 } else { 20 }
}

const THREADS: u64 = 3;

async fn ledger(folder: &Path) -> (Ledger, Arc<SqliteStore>) {
    // Small files, so that a round goes through several, and gives some of them back.
    let options = JournalOptions { segment_bytes: 256 << 10, ..JournalOptions::default() };
    let journal = Journal::open(&folder.join("journal"), &options).expect("the journal opens");
    let store = Arc::new(SqliteStore::open(&folder.join("store")).await.expect("the store opens"));
    (Ledger::open(journal, Arc::clone(&store) as _, Options::default()), store)
}

/// Begins and closes rows, and tells of each once it is begun. Every third stays open for a while, every eleventh is given
/// up by its owner.
fn begin_and_close(ledger: &Ledger, thread: u64, rows: u64) {
    let (tags, charges) = (tags(), charges());
    let mut open = Vec::new();
    for number in 0..rows {
        let name = format!("{thread}-{number}");
        let entry = ledger.begin(&opening(&name, &tags, &charges)).expect("is admitted");
        let line = format!("begun {}\n", entry.id());
        std::io::stdout().lock().write_all(line.as_bytes()).expect("somebody listens");
        if number % 11 == 5 {
            drop(entry);
        } else if number % 3 == 0 {
            open.push((name, entry));
        } else {
            entry.close(&row(&name));
        }
        if open.len() > 40 {
            let (name, entry) = open.swap_remove(number as usize % 40);
            entry.close(&row(&name));
        }
    }
}

/// By itself a short run of what the killed process does; with a folder, that process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_begun_closed_and_delivered_at_one_time() {
    let own = tempfile::tempdir().expect("a folder");
    let folder = env::var_os(FOLDER).map(PathBuf::from);
    let rows = if folder.is_some() { u64::MAX } else { 300 };
    let (ledger, store) = ledger(folder.as_deref().unwrap_or(own.path())).await;
    let (ended, end) = oneshot::channel::<()>();
    let threads = std::thread::spawn({
        let ledger = ledger.clone();
        move || {
            std::thread::scope(|scope| {
                for thread in 0..THREADS {
                    let ledger = &ledger;
                    scope.spawn(move || begin_and_close(ledger, thread, rows));
                }
            });
            ended.send(())
        }
    });
    let state = ledger.deliver(async { end.await.expect("the threads end") }).await;
    threads.join().expect("nobody panics").expect("somebody waits");
    assert_eq!((state.rows, state.delivered), (0, THREADS * 300));
    assert_eq!(store.count(None, None).await.expect("answers"), THREADS * 300);
}

/// Runs the process until it has told of so many ids, kills it, and gives all ids that it told of.
fn run_and_kill(folder: &Path, ids_min: usize) -> Vec<String> {
    let mut child = Command::new(env::current_exe().expect("a path"))
        .args([
            "--exact",
            "kill::rows_are_begun_closed_and_delivered_at_one_time",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the process starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut ids = Vec::new();
    let mut line = String::new();
    while lines.read_line(&mut line).expect("is read") > 0 {
        // The last line may have been cut off.
        if let Some(id) = line.strip_prefix("begun ").and_then(|id| id.strip_suffix('\n')) {
            ids.push(id.to_owned());
            if ids.len() == ids_min {
                child.kill().expect("it still runs");
            }
        }
        line.clear();
    }
    child.wait().expect("it has ended");
    assert!(ids.len() >= ids_min, "the process ended by itself after {} ids", ids.len());
    ids
}

async fn rows(store: &SqliteStore) -> BTreeMap<String, RequestRow> {
    let mut rows = BTreeMap::new();
    let mut query = RequestQuery { limit: 1_000, ..RequestQuery::default() };
    loop {
        let page = store.requests(&query).await.expect("answers");
        let Some(last) = page.last() else { return rows };
        query.before = Some((last.started_at, last.request_id.clone()));
        for row in page {
            assert!(rows.insert(row.request_id.clone(), row).is_none(), "a row is there twice");
        }
    }
}

/// Each round kills the process after another number of requests, drawn from the round's number; the journal and the store
/// go from one round to the next.
#[tokio::test]
async fn every_request_that_was_admitted_has_one_row() {
    let rounds = rounds();
    let mut folder = tempfile::tempdir().expect("a folder");
    let (mut told, mut interrupted) = (0, 0);
    for round in 0..rounds {
        // Several lives of one folder, then a new one, so that rows stay few.
        if round % 5 == 0 {
            folder = tempfile::tempdir().expect("a folder");
        }
        let ids_min = 1 + (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) as usize % 1_500;
        let ids = run_and_kill(folder.path(), ids_min);
        let (ledger, store) = ledger(folder.path()).await;
        let state = ledger.deliver(ready(())).await;
        assert_eq!((state.rows, state.unreadable, state.lost, state.last_error), (0, 0, 0, None));
        let rows = rows(&store).await;
        for id in &ids {
            let row =
                rows.get(id).unwrap_or_else(|| panic!("round {round}: {id} was admitted and has no row"));
            match row.outcome.as_str() {
                "completed" => assert_eq!(row.cost_origin, CostOrigin::Computed),
                "interrupted" => {
                    assert_eq!((row.cost_origin, row.usage_is_estimated), (CostOrigin::Estimated, true));
                }
                other => panic!("round {round}: {id} ended as {other}"),
            }
        }
        // The sums, which a row that was counted twice would show in, say the same as the rows.
        assert_eq!(store.count(None, None).await.expect("answers"), rows.len() as u64);
        told += ids.len();
        interrupted = rows.values().filter(|row| row.outcome == "interrupted").count();
        store.close().await;
    }
    println!("{rounds} kills, {told} requests admitted, each with one row");
    assert!(told as u64 > rounds * 100 && interrupted > 0, "{told} requests, {interrupted} interrupted");
}
