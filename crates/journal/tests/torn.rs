//! Records that were cut off: wherever that was, what stands before is there, and what comes after is found again.

mod support;

use std::fs;
use std::path::Path;

use support::{open, payloads};

const OPENING_BYTES: usize = 64;
const HEAD_BYTES: usize = 12;

fn texts(count: u8) -> Vec<Vec<u8>> {
    (1..=count).map(|number| vec![number; 10 + usize::from(number)]).collect()
}

/// The file of a journal with these records.
fn file_with(texts: &[Vec<u8>]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    for text in texts {
        journal.append(1, text).expect("there is room");
    }
    drop(journal);
    fs::read(folder.path().join("00000000.journal")).expect("the file is there")
}

fn place(folder: &Path, bytes: &[u8]) {
    fs::write(folder.join("00000000.journal"), bytes).expect("is written");
}

/// What stands in a file whose bytes from `cut` on are `filler`, and what is there after one more record was appended.
fn check(bytes: &[u8], cut: usize, filler: u8, expected: &[Vec<u8>]) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut torn = bytes.to_vec();
    torn[cut..].fill(filler);
    place(folder.path(), &torn);
    let journal = open(folder.path());
    assert_eq!(payloads(&journal), expected, "cut at {cut}, filled with {filler}");
    journal.append(1, b"after").expect("there is room");
    drop(journal);
    let with_one_more = [expected, &[b"after".to_vec()]].concat();
    assert_eq!(payloads(&open(folder.path())), with_one_more, "cut at {cut}, filled with {filler}");
}

#[test]
fn a_record_that_was_cut_off_anywhere_ends_the_reading() {
    let texts = texts(4);
    let bytes = file_with(&texts);
    let ends: Vec<usize> = texts
        .iter()
        .scan(OPENING_BYTES, |end, text| {
            *end += HEAD_BYTES + text.len();
            Some(*end)
        })
        .collect();
    for cut in OPENING_BYTES..=ends[3] {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        for filler in [0, 0xFF] {
            check(&bytes, cut, filler, &texts[..whole]);
        }
    }
}

/// With the machine, any page can be lost, and later ones be there. A record that fills the gap exactly must not bring
/// those back.
#[test]
fn what_stands_behind_a_gap_does_not_come_back() {
    let texts = vec![vec![1; 20], vec![2; 20], vec![3; 20]];
    let mut bytes = file_with(&texts);
    let second = OPENING_BYTES + HEAD_BYTES + 20;
    bytes[second..second + HEAD_BYTES + 20].fill(0);
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), &bytes);
    let journal = open(folder.path());
    assert_eq!(payloads(&journal), [vec![1; 20]]);
    journal.append(1, &[9; 20]).expect("there is room");
    drop(journal);
    assert_eq!(payloads(&open(folder.path())), [vec![1; 20], vec![9; 20]]);
}

#[test]
fn a_file_that_was_never_begun_is_room_for_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), &vec![0; support::SEGMENT_BYTES]);
    fs::write(folder.path().join("00000001.journal"), [0; 100]).expect("is written");
    let journal = open(folder.path());
    assert!(payloads(&journal).is_empty());
    assert_eq!(journal.bytes(), support::SEGMENT_BYTES as u64);
    journal.append(1, b"first").expect("there is room");
    drop(journal);
    assert_eq!(payloads(&open(folder.path())), [b"first"]);
}

#[test]
fn a_file_whose_opening_is_damaged_is_set_aside() {
    let mut bytes = file_with(&texts(2));
    bytes[17] ^= 1;
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), &bytes);
    let journal = open(folder.path());
    assert_eq!((journal.damaged(), payloads(&journal).len()), (1, 0));
    assert!(folder.path().join("00000000.damaged").exists());
}
