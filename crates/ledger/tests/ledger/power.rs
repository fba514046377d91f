//! A machine that loses its power, again and again: what a request was told is safe is there, once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use trunkline_core::ErrorKind;
use trunkline_journal::{Disk, Durability, Journal, Options as JournalOptions};
use trunkline_ledger::{Ledger, Options};
use trunkline_store::CostOrigin;

use crate::map_store::{MapStore, Mood};
use crate::samples::{charges, opening, row, tags};

/// How often the power goes.
const LIVES: usize = 40;

/// What says how far the journal is done with. To lose it may cost work, and no row.
const MARKS: &str = "marks";

/// How many ask at one time.
const CALLERS: usize = 4;

/// A disk that has of each file what was forced to it, of each name as much, and no more. It fails once the power is
/// gone, and so does the store.
#[derive(Debug)]
struct Platter {
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    names: Mutex<BTreeSet<PathBuf>>,
    calls: AtomicUsize,
    power_goes_at: usize,
    store: Arc<MapStore>,
}

impl Platter {
    /// With what an earlier one had.
    fn new(folder: &Path, power_goes_at: usize, store: &Arc<MapStore>) -> Arc<Self> {
        let files: BTreeMap<PathBuf, Vec<u8>> =
            paths(folder).into_iter().map(|path| (path.clone(), fs::read(path).expect("is read"))).collect();
        let names = Mutex::new(files.keys().cloned().collect());
        let (files, store, calls) = (Mutex::new(files), Arc::clone(store), AtomicUsize::new(0));
        Arc::new(Self { files, names, calls, power_goes_at, store })
    }

    fn has_power(&self) -> io::Result<()> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < self.power_goes_at {
            return Ok(());
        }
        self.store.set(Mood::Failing);
        Err(io::Error::other("the power is gone"))
    }

    /// Puts back what the disk has, and nothing else.
    fn restore(&self, folder: &Path) {
        for path in paths(folder) {
            fs::remove_file(path).expect("is removed");
        }
        let files = self.files.lock().expect("nobody panics");
        for name in self.names.lock().expect("nobody panics").iter() {
            fs::write(name, files.get(name).map_or(&[][..], Vec::as_slice)).expect("is written");
        }
    }
}

impl Disk for Platter {
    fn sync_file(&self, path: &Path, _: &File) -> io::Result<()> {
        let mut files = self.files.lock().expect("nobody panics");
        self.has_power()?;
        files.insert(path.to_owned(), fs::read(path)?);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut names = self.names.lock().expect("nobody panics");
        self.has_power()?;
        *names = paths(folder).into_iter().collect();
        Ok(())
    }
}

/// The files of a journal: its segments, and what says how far it is done with.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_kept =
        |path: &PathBuf| path.ends_with(MARKS) || path.extension().is_some_and(|ending| ending == "journal");
    paths.filter(is_kept).collect()
}

/// What requests were told, by the ids under which their callers know them.
#[derive(Debug, Default)]
struct Told {
    /// They are noted: something may be sent for them.
    begun: BTreeSet<String>,
    /// Their rows are safe: their replies ended.
    closed: BTreeSet<String>,
}

fn open(folder: &Path, disk: Arc<dyn Disk>, store: &Arc<MapStore>) -> Option<Ledger> {
    // Small files, few of them, so that a life goes through several and uses them again.
    let options = JournalOptions {
        durability: Durability::Sync,
        segment_bytes: 64 << 10,
        bytes_max: 16 * (64 << 10),
        disk,
        ..JournalOptions::default()
    };
    let journal = match Journal::open(folder, &options) {
        Ok(journal) => journal,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error}");
            return None;
        }
    };
    // Rows reach the store before they are on the disk, now and then.
    let options = Options { batch_wait: Duration::ZERO, ..Options::default() };
    Some(Ledger::open(journal, Arc::clone(store) as _, options))
}

/// Requests that are begun and closed, each step waited for, until the power goes.
async fn ask(ledger: Ledger, name: String) -> Told {
    let (tags, charges) = (tags(), charges());
    let mut told = Told::default();
    for number in 0.. {
        let call_id = format!("{name}-{number}");
        let Ok(entry) = ledger.begin(&opening(&call_id, &tags, &charges)) else { break };
        if entry.synced().await.is_err() {
            break;
        }
        told.begun.insert(call_id.clone());
        if entry.close(&row(&call_id)).synced().await.is_err() {
            break;
        }
        told.closed.insert(call_id);
    }
    told
}

/// One life, which ends when the power goes.
async fn live(ledger: Ledger, life: usize) -> Told {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(ask(ledger.clone(), format!("{life}-{caller}")));
    }
    let all = tokio::select! {
        all = callers.join_all() => all,
        _ = ledger.deliver(std::future::pending()) => unreachable!("nobody stops it"),
    };
    let mut told = Told::default();
    for one in all {
        told.begun.extend(one.begun);
        told.closed.extend(one.closed);
    }
    told
}

/// Each life ends after another number of calls to the disk, drawn from its number; the disk and the store go from one life
/// to the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_that_was_told_it_is_safe_is_without_its_row_and_none_has_two() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Well));
    let mut told = Told::default();
    for life in 0..LIVES {
        store.set(Mood::Well);
        let power_goes_at = 1 + (life + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) % 400;
        let platter = Platter::new(folder.path(), power_goes_at, &store);
        if let Some(ledger) = open(folder.path(), Arc::clone(&platter) as _, &store) {
            let one = live(ledger, life).await;
            told.begun.extend(one.begun);
            told.closed.extend(one.closed);
        }
        platter.restore(folder.path());
        let marks = folder.path().join(MARKS);
        if life % 2 == 0 && marks.exists() {
            fs::remove_file(marks).expect("is removed");
        }
    }
    store.set(Mood::Well);
    let ledger = open(folder.path(), Arc::new(trunkline_journal::SystemDisk), &store).expect("opens");
    let state = ledger.deliver(std::future::ready(())).await;
    assert_eq!((state.rows, state.lost, state.last_error), (0, 0, None));
    check(&told, &store);
}

fn check(told: &Told, store: &MapStore) {
    let rows = store.rows();
    let mut outcomes: BTreeMap<&str, (&str, CostOrigin)> = BTreeMap::new();
    for row in rows.values() {
        let outcome = (row.outcome.as_str(), row.cost_origin);
        let before = outcomes.insert(&row.call_id, outcome);
        assert_eq!(before, None, "{} has two rows", row.call_id);
    }
    for call_id in &told.begun {
        let outcome = outcomes.get(call_id.as_str());
        let outcome = *outcome.unwrap_or_else(|| panic!("{call_id} was begun and has no row"));
        let is_closed = told.closed.contains(call_id);
        assert!(
            outcome == ("completed", CostOrigin::Computed)
                || (outcome == ("interrupted", CostOrigin::Estimated) && !is_closed),
            "{call_id} is {outcome:?}"
        );
    }
    let interrupted = outcomes.values().filter(|(outcome, _)| *outcome == "interrupted").count();
    assert!(
        told.closed.len() > 10 * LIVES && interrupted > 0,
        "{} closed, {interrupted} interrupted",
        told.closed.len()
    );
}
