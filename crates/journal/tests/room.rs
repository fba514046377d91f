//! Room: what is reserved is there, what is full says so, and what is done with is given back.

mod support;

use std::path::Path;

use proptest::prelude::*;
use support::{SEGMENT_BYTES, open, payloads, payloads_from, small};
use trunkline_journal::{Journal, Place};

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "journal")).count()
}

#[test]
fn a_full_journal_refuses_and_keeps_its_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), &small(4)).expect("opens");
    let mut places: Vec<Place> = Vec::new();
    let full = loop {
        match journal.append_and_reserve(1, &[1; 300], 1_000) {
            Ok((place, _)) => places.push(place),
            Err(full) => break full,
        }
    };
    assert_eq!(full.to_string(), "the journal is as large as it may become");
    // Four files, less the longest record in each, hold so many pairs at least.
    let pairs = 4 * (SEGMENT_BYTES - SEGMENT_BYTES / 16 - 64) / 1_324;
    assert!(places.len() > pairs - 8, "{} of {pairs}", places.len());
    assert!(journal.append(1, &[1; 1_500]).is_err());
    let count = places.len();
    for place in places {
        place.append(2, &[2; 1_000]).expect("it was reserved");
    }
    assert_eq!(payloads(&journal).iter().filter(|payload| payload.len() == 1_000).count(), count);
    assert!(files(folder.path()) <= 4);
}

#[test]
fn a_place_that_is_dropped_gives_its_room_back() {
    let journal = Journal::in_memory(&small(2));
    for _ in 0..1_000 {
        drop(journal.reserve(4_000).expect("the one before was given back"));
    }
    let places: Vec<Place> = std::iter::from_fn(|| journal.reserve(4_000).ok()).collect();
    assert!(places.len() > 20);
    drop(places);
    assert!(journal.reserve(4_000).is_ok());
}

#[test]
fn a_record_longer_than_its_place_is_taken_where_there_is_room() {
    let journal = Journal::in_memory(&small(2));
    let place = journal.reserve(100).expect("there is room");
    place.append(1, &[7; 3_000]).expect("there is room");
    let place = journal.reserve(100).expect("there is room");
    while journal.append(1, &[0; 200]).is_ok() {}
    let place = place.append(1, &[7; 3_000]).expect_err("there is no room").place;
    place.append(1, &[7; 100]).expect("it was reserved");
    let too_long = journal.append(1, &[0; SEGMENT_BYTES / 16]).expect_err("is too long");
    assert!(too_long.is_too_long());
}

#[test]
fn files_are_used_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    journal.settle();
    for round in 0..400_u32 {
        for _ in 0..10 {
            journal.append(1, &round.to_le_bytes().repeat(100)).expect("there is room");
        }
        journal.forget_until(journal.end()).expect("is noted");
    }
    assert!(journal.bytes() <= 5 * SEGMENT_BYTES as u64, "{} bytes for 1.6 MB of records", journal.bytes());
    let last = journal.append(1, b"last").expect("there is room");
    drop(journal);
    let journal = open(folder.path());
    assert!(journal.forgotten() <= last && journal.forgotten() > journal.first());
    assert_eq!(payloads_from(&journal, journal.forgotten(), 4_000), [b"last"]);
}

#[test]
fn a_record_that_is_held_stays_and_keeps_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    journal.settle();
    let (place, _) = journal.append_and_reserve(3, b"held", 100).expect("there is room");
    for _ in 0..100 {
        for _ in 0..50 {
            journal.append(1, &[1; 1_000]).expect("what is done with is given back");
        }
        journal.forget_until(journal.end()).expect("is noted");
    }
    assert_eq!(place.held(), Some((3, b"held".to_vec())));
    assert!(payloads(&journal).contains(&b"held".to_vec()));
    assert!(journal.bytes() <= 12 * SEGMENT_BYTES as u64, "{} bytes", journal.bytes());
    place.append(1, b"closed").expect("it was reserved");
    for _ in 0..100 {
        journal.append(1, &[1; 1_000]).expect("there is room");
    }
    journal.forget_until(journal.end()).expect("is noted");
    assert!(!payloads(&journal).contains(&b"held".to_vec()), "nobody holds it any more");
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Begin(usize, usize),
    Close(usize, usize),
    Drop(usize),
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_000_usize).prop_map(Step::Append),
        4 => (0..2_000_usize, 0..4_000_usize).prop_map(|(record, place)| Step::Begin(record, place)),
        4 => (any::<usize>(), 0..4_000_usize).prop_map(|(which, bytes)| Step::Close(which, bytes)),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => Just(Step::Forget),
    ]
}

/// Takes the steps in a journal, and holds it to what it promised.
fn walk(journal: &Journal, steps: Vec<Step>) -> Result<(), TestCaseError> {
    journal.settle();
    let mut places: Vec<(Place, Vec<u8>)> = Vec::new();
    let (mut expected, mut read_from) = (Vec::new(), journal.end());
    let mut number = 0_u64;
    let mut text = |bytes: usize| {
        number += 1;
        [&number.to_le_bytes()[..], &vec![number as u8; bytes]].concat()
    };
    for step in steps {
        match step {
            Step::Append(bytes) => {
                let text = text(bytes);
                if journal.append(1, &text).is_ok() {
                    expected.push(text);
                }
            }
            Step::Begin(bytes, place_bytes) => {
                let text = text(bytes);
                if let Ok((place, _)) = journal.append_and_reserve(1, &text, place_bytes) {
                    expected.push(text.clone());
                    places.push((place, text));
                }
            }
            Step::Close(which, bytes) if !places.is_empty() => {
                let (place, held) = places.swap_remove(which % places.len());
                prop_assert_eq!(place.held(), Some((1, held)));
                let text = vec![5; bytes.min(place.payload_bytes())];
                prop_assert!(place.append(2, &text).is_ok());
                expected.push(text);
            }
            Step::Drop(which) if !places.is_empty() => drop(places.swap_remove(which % places.len())),
            Step::Close(..) | Step::Drop(_) => {}
            Step::Forget => {
                prop_assert_eq!(&payloads_from(journal, read_from, 3_000), &expected);
                expected.clear();
                read_from = journal.end();
                prop_assert!(journal.forget_until(read_from).is_ok());
                // Records that were carried on are read once more.
                let carried = payloads_from(journal, read_from, 3_000);
                prop_assert!(carried.iter().all(|text| places.iter().any(|(_, held)| held == text)));
                read_from = journal.end();
            }
        }
    }
    for (place, held) in places {
        prop_assert_eq!(place.held(), Some((1, held)));
        let text = vec![6; place.payload_bytes()];
        prop_assert!(place.append(2, &text).is_ok());
        expected.push(text);
    }
    prop_assert_eq!(&payloads_from(journal, read_from, 3_000), &expected);
    prop_assert!(journal.bytes() <= journal.bytes_max());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn what_is_promised_is_kept_in_memory(steps in prop::collection::vec(step(), 1..400)) {
        walk(&Journal::in_memory(&small(8)), steps)?;
    }

    #[test]
    fn what_is_promised_is_kept_in_files(steps in prop::collection::vec(step(), 1..400)) {
        let folder = tempfile::tempdir().expect("a folder");
        walk(&Journal::open(folder.path(), &small(8)).expect("opens"), steps)?;
    }
}
