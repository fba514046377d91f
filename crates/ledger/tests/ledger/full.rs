//! A journal that is full, and rows that are longer than their places.

use std::future::ready;
use std::sync::Arc;

use trunkline_core::ErrorKind;
use trunkline_journal::{Journal, Options as JournalOptions};
use trunkline_ledger::{Entry, Ledger, Opening, Options, WhenFull};
use trunkline_store::{AttemptRow, RequestRow};

use crate::map_store::{MapStore, Mood};
use crate::samples::{charges, opening, row, tags};

fn ledger(when_full: WhenFull) -> (Ledger, Arc<MapStore>) {
    let store = Arc::new(MapStore::new(Mood::Well));
    let small = JournalOptions { segment_bytes: 256 << 10, bytes_max: 1 << 20, ..JournalOptions::default() };
    let options = Options { when_full, ..Options::default() };
    (Ledger::open(Journal::in_memory(&small), Arc::clone(&store) as _, options), store)
}

/// Requests that are begun until there is no room, at most so many.
fn fill(ledger: &Ledger, entries_max: usize) -> Vec<Entry> {
    let (tags, charges) = (tags(), charges());
    let begin = |_| ledger.begin(&opening("fills", &tags, &charges)).ok();
    (0..entries_max).map_while(begin).collect()
}

#[tokio::test(start_paused = true)]
async fn a_full_journal_refuses_requests_until_rows_are_delivered() {
    let (ledger, store) = ledger(WhenFull::Refuse);
    let entries = fill(&ledger, 10_000);
    let error = ledger.begin(&opening("one", &[], &[])).expect_err("there is no room");
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(error.message(), "no request can be recorded now, so that none is sent; try again later");
    assert_eq!(error.causes().as_deref(), Some("the journal is as large as it may become"));
    let count = entries.len();
    for entry in entries {
        entry.close(&row("fills"));
    }
    let state = ledger.deliver(ready(())).await;
    assert_eq!((state.rows, state.lost, state.shortened, store.rows().len()), (0, 0, 0, count));
    assert!(ledger.begin(&opening("one", &[], &[])).is_ok());
}

#[tokio::test(start_paused = true)]
async fn where_it_is_so_configured_requests_are_served_and_rows_that_find_no_room_are_counted() {
    let (ledger, store) = ledger(WhenFull::Drop);
    let entries = fill(&ledger, 2_000);
    assert_eq!(entries.len(), 2_000);
    for entry in entries.into_iter().rev() {
        entry.close(&row("fills"));
    }
    let state = ledger.deliver(ready(())).await;
    assert!(state.lost > 0, "{state:?}");
    assert_eq!(store.rows().len() as u64 + state.lost, 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_long_row_in_a_full_journal_keeps_what_counts() {
    let (ledger, store) = ledger(WhenFull::Refuse);
    let mut entries = fill(&ledger, 10_000);
    let attempts = vec![row("one").attempts[0].clone(); 20];
    let long = RequestRow {
        metadata: Some("m".repeat(3_000)),
        error_kind: Some("é".repeat(400)),
        team_id: Some("t".repeat(4_000)),
        attempts: [attempts, vec![AttemptRow::default()]].concat(),
        ..row("one")
    };
    let entry = entries.pop().expect("one was begun");
    let id = entry.id().to_string();
    entry.close(&long);
    let entry = ledger
        .begin(&Opening { call_id: "two", ..Opening::default() })
        .expect("the row was shorter than its place");
    let whole = entry.id().to_string();
    let state = ledger.deliver(ready(())).await;
    assert_eq!((state.shortened, state.lost), (1, 0));
    let rows = store.rows();
    let kept = rows.get(&id).expect("it has a row");
    let expected = row("one");
    assert_eq!(
        (kept.spend, &kept.usage, &kept.charges),
        (expected.spend, &expected.usage, &expected.charges)
    );
    assert_eq!(
        (&kept.key, &kept.team_id, kept.outcome.as_str()),
        (&expected.key, &expected.team_id, "completed")
    );
    assert_eq!((kept.metadata.as_deref(), kept.attempts.len()), (None, 0));
    assert_eq!(kept.error_kind.as_deref(), Some("é".repeat(24).as_str()));
    // Where there is room, the whole row is kept.
    drop(entries);
    ledger.deliver(ready(())).await;
    entry.close(&long);
    ledger.deliver(ready(())).await;
    assert_eq!(store.rows().get(&whole).map(|row| row.attempts.len()), Some(21));
}

#[test]
fn names_that_no_journal_takes_are_refused_whatever_is_configured() {
    let (ledger, _) = ledger(WhenFull::Drop);
    let tags = vec!["t".repeat(100_000)];
    let error = ledger.begin(&opening("one", &tags, &[])).expect_err("is too long");
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}
