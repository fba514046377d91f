//! Starts: after a clean end, beside another process, over what another version left, and where nothing can be written.

mod support;

use std::fs;

use support::{SEGMENT_BYTES, open, payloads, payloads_from, small};
use trunkline_core::ErrorKind;
use trunkline_journal::{Durability, Journal, Options, Position};

#[test]
fn records_are_there_after_a_start_over_many_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected: Vec<Vec<u8>> = (0..500_u32).map(|number| number.to_le_bytes().repeat(150)).collect();
    for part in expected.chunks(100) {
        let journal = open(folder.path());
        for text in part {
            journal.append(1, text).expect("there is room");
        }
    }
    let journal = open(folder.path());
    // Pieces that end between records, within heads and within payloads.
    for piece_bytes in [1, 612, 613, 619, 623, 624, 1_000, 1 << 20] {
        assert_eq!(payloads_from(&journal, journal.first(), piece_bytes), expected);
    }
    assert_eq!(journal.opened_at(), journal.end());
    let position = journal.append(1, b"new").expect("there is room");
    assert_eq!(payloads_from(&journal, position, 10), [b"new"]);
    assert_eq!(payloads_from(&journal, journal.opened_at(), 10), [b"new"]);
}

/// What was appended behind a seal was once never read again.
#[test]
fn a_start_after_a_sealed_file_goes_on_in_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    let text = [7; 1_000];
    // Into the second file.
    let appended = SEGMENT_BYTES / 1_000 + 2;
    for _ in 0..appended {
        journal.append(1, &text).expect("there is room");
    }
    let second = payloads_from(&journal, Position::from_number(2 << 32), 4_000).len();
    assert!(second > 0 && second < 5, "{second} in the second file");
    drop(journal);
    // The second file was never on the disk.
    for entry in fs::read_dir(folder.path()).expect("is read") {
        let path = entry.expect("an entry").path();
        let is_of_second = fs::read(&path).expect("is read").get(16) == Some(&2);
        if is_of_second && path.extension().is_some_and(|ending| ending == "journal") {
            fs::remove_file(path).expect("is removed");
        }
    }
    let journal = open(folder.path());
    assert_eq!(payloads_from(&journal, journal.opened_at(), 10), Vec::<Vec<u8>>::new());
    journal.append(1, b"new").expect("there is room");
    assert_eq!(payloads_from(&journal, journal.opened_at(), 10), [b"new"]);
    let all = payloads(&journal);
    assert_eq!((all.len(), all.last().map(Vec::as_slice)), (appended - second + 1, Some(&b"new"[..])));
    drop(journal);
    assert_eq!(payloads(&open(folder.path())), all);
}

#[test]
fn a_folder_is_one_process_s_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    let error = Journal::open(folder.path(), &small(4)).expect_err("the folder is taken");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().starts_with("the journal is in use by another process"), "{error}");
    // A place outlives the journal, and so does its claim.
    let place = journal.reserve(10).expect("there is room");
    drop(journal);
    assert!(Journal::open(folder.path(), &small(4)).is_err());
    place.append(1, b"late").expect("it was reserved");
    assert_eq!(payloads(&open(folder.path())), [b"late"]);
}

#[test]
fn another_version_s_files_are_refused() {
    for offset in [8, 9] {
        let folder = tempfile::tempdir().expect("a folder");
        let later = Options { format: 2, ..small(4) };
        let writer = if offset == 8 { small(4) } else { later.clone() };
        drop(Journal::open(folder.path(), &writer).expect("opens"));
        let path = folder.path().join("00000000.journal");
        let mut bytes = fs::read(&path).expect("is there");
        bytes[offset] = 2;
        fs::write(&path, bytes).expect("is written");
        let error = Journal::open(folder.path(), &small(4)).expect_err("is another version's");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains("another version of this program (format 2)"), "{error}");
        assert_eq!(Journal::open(folder.path(), &later).is_ok(), offset == 9);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, b"no folder").expect("is written");
    let error = Journal::open(&file.join("journal"), &small(4)).expect_err("is below a file");
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(error.message().starts_with("the journal's folder cannot be made: "), "{error}");
    assert!(!error.message().contains("file/journal"), "the path is for the log alone: {error}");
    assert!(error.causes().expect("a cause").contains("file/journal"));
}

#[test]
fn what_is_done_with_is_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    journal.append(1, b"done").expect("there is room");
    let second = journal.append(1, b"due").expect("there is room");
    journal.settle();
    journal.forget_until(second).expect("is noted");
    drop(journal);
    let journal = open(folder.path());
    assert_eq!((journal.forgotten(), journal.settled() < journal.opened_at()), (second, true));
    assert_eq!(payloads_from(&journal, journal.forgotten(), 100), [b"due"]);
}

/// Where the machine ended, the note of what is done with may be there and the records be lost. What is appended then is
/// not done with.
#[test]
fn nothing_past_the_end_is_done_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    for _ in 0..10 {
        journal.append(1, &[1; 100]).expect("there is room");
    }
    journal.forget_until(journal.end()).expect("is noted");
    drop(journal);
    let path = folder.path().join("00000000.journal");
    let mut bytes = fs::read(&path).expect("is there");
    bytes[64 + 3 * 112..].fill(0);
    fs::write(&path, bytes).expect("is written");
    for text in [b"one", b"two"] {
        let journal = open(folder.path());
        assert!(journal.forgotten() <= journal.end());
        journal.append(1, text).expect("there is room");
    }
    let journal = open(folder.path());
    assert_eq!(payloads_from(&journal, journal.forgotten(), 100), [b"one", b"two"]);
}

#[test]
fn in_memory_nothing_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    let options = Options { durability: Durability::Memory, ..small(4) };
    let journal = Journal::open(&path, &options).expect("opens");
    journal.append(1, b"one").expect("there is room");
    assert_eq!((payloads(&journal), path.exists()), (vec![b"one".to_vec()], false));
    assert_eq!((journal.durability(), journal.first() > Position::START), (Durability::Memory, true));
}

#[test]
fn where_there_is_no_folder_a_journal_is_in_memory_and_has_its_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    let lost = Options { durability: Durability::Memory, ..small(2) };
    for (place, options) in [(None, small(2)), (None, lost.clone()), (Some(path.as_path()), lost)] {
        let journal = Journal::open_or_in_memory(place, &options).expect("opens");
        assert_eq!((journal.durability(), path.exists()), (Durability::Memory, false));
        let text = [7; 1_000];
        for _ in 0..4 * SEGMENT_BYTES / text.len() {
            journal.append(1, &text).expect("memory has room for more than these files");
        }
    }
    let journal = Journal::open_or_in_memory(Some(&path), &small(2)).expect("opens");
    assert_eq!((journal.durability(), path.exists()), (Durability::Write, true));
}
