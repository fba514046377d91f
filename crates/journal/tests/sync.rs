//! A machine that ends: a disk that keeps of each file what was forced to it, and nothing else.

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use support::{SEGMENT_BYTES, open, payloads, small};
use trunkline_core::ErrorKind;
use trunkline_journal::{Disk, Durability, Journal, Options};

/// Copies a file where it is forced to the disk, until the power goes.
#[derive(Debug)]
struct Platter {
    folder: PathBuf,
    calls: AtomicUsize,
    power_goes_at: usize,
    copying: Mutex<()>,
}

impl Platter {
    fn new(folder: &Path, power_goes_at: usize) -> Arc<Self> {
        let (folder, calls) = (folder.to_owned(), AtomicUsize::new(0));
        Arc::new(Self { folder, calls, power_goes_at, copying: Mutex::default() })
    }
}

impl Disk for Platter {
    fn sync_file(&self, path: &Path, _: &File) -> io::Result<()> {
        let _one = self.copying.lock().expect("nobody panics");
        if self.calls.fetch_add(1, Ordering::Relaxed) >= self.power_goes_at {
            return Err(io::Error::other("the power is gone"));
        }
        fs::copy(path, self.folder.join(path.file_name().expect("a file"))).map(drop)
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

fn options(platter: &Arc<Platter>) -> Options {
    Options { durability: Durability::Sync, disk: Arc::clone(platter) as _, ..small(64) }
}

/// Four threads append and wait, until the power goes. Gives what they were told is safe.
fn told_safe(journal: &Journal) -> BTreeSet<Vec<u8>> {
    let safe = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let safe = &safe;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                for number in 0.. {
                    let text = [thread, number, 0].map(u32::to_le_bytes).concat().repeat(40);
                    let Ok(position) = journal.append(1, &text) else { return };
                    match runtime.block_on(journal.synced(position)) {
                        Ok(()) => safe.lock().expect("nobody panics").insert(text),
                        Err(error) => return assert_eq!(error.kind(), ErrorKind::StoreUnavailable),
                    };
                }
            });
        }
    });
    safe.into_inner().expect("nobody panicked")
}

#[test]
fn what_was_told_to_be_safe_is_there_after_the_machine_ended() {
    let mut has_forgotten = false;
    for power_goes_at in [2, 3, 10, 50, 333, 700] {
        let (folder, rest) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let platter = Platter::new(rest.path(), power_goes_at);
        let journal = Journal::open(folder.path(), &options(&platter)).expect("opens");
        let safe = told_safe(&journal);
        let appended = payloads(&journal).len();
        drop(journal);
        let found: BTreeSet<Vec<u8>> = payloads(&open(rest.path())).into_iter().collect();
        assert!(safe.is_subset(&found), "{} of {} are lost", (&safe - &found).len(), safe.len());
        // What is appended while a file is forced to the disk may come along.
        has_forgotten |= found.len() < appended;
        assert!(power_goes_at < 10 || !safe.is_empty());
        assert!(power_goes_at < 700 || found.len() * 492 > SEGMENT_BYTES, "more than one file is used");
    }
    assert!(has_forgotten, "the disk forgets what was not forced to it");
}

#[tokio::test]
async fn many_that_wait_are_served_by_few_calls() {
    let (folder, rest) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let platter = Platter::new(rest.path(), usize::MAX);
    let journal = Journal::open(folder.path(), &options(&platter)).expect("opens");
    let before = platter.calls.load(Ordering::Relaxed);
    let waits: Vec<_> =
        (0..100).map(|_| journal.synced(journal.append(1, &[1; 50]).expect("there is room"))).collect();
    for wait in waits {
        wait.await.expect("is on the disk");
    }
    let calls = platter.calls.load(Ordering::Relaxed) - before;
    assert!(calls <= 2, "{calls} calls");
}

#[tokio::test]
async fn a_journal_that_ends_tells_those_who_wait() {
    let (folder, rest) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let platter = Platter::new(rest.path(), usize::MAX);
    let journal = Journal::open(folder.path(), &options(&platter)).expect("opens");
    let wait = journal.synced(journal.append(1, b"one").expect("there is room"));
    drop(journal);
    let error = wait.await.expect_err("nobody forces it to the disk any more");
    assert_eq!(error.message(), "the journal was closed before a record was on the disk");
}

/// Forces nothing to the disk once it is broken.
#[derive(Debug, Default)]
struct Breaking {
    is_broken: AtomicBool,
    tries: AtomicUsize,
}

impl Disk for Breaking {
    fn sync_file(&self, _: &Path, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        if !self.is_broken.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.tries.fetch_add(1, Ordering::Relaxed);
        Err(io::Error::other("the disk is broken"))
    }
}

#[test]
fn a_file_that_cannot_be_forced_to_the_disk_is_not_left_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Arc::new(Breaking::default());
    let options = Options { durability: Durability::Sync, disk: Arc::clone(&disk) as _, ..small(64) };
    let journal = Journal::open(folder.path(), &options).expect("opens");
    disk.is_broken.store(true, Ordering::Relaxed);
    while journal.append(1, &[1; 1_000]).is_ok() {}
    assert!(disk.tries.load(Ordering::Relaxed) > 0, "a further file was tried");
    let counted = journal.bytes() / SEGMENT_BYTES as u64;
    drop(journal);
    let names = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = names.filter(|path| path.extension().is_some_and(|ending| ending == "journal")).count();
    assert!(files as u64 <= counted, "{files} files, {counted} counted");
}
