//! Rows that are too old are deleted, in pieces, as long as there are any.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use trunkline_journal::{Journal, Options as JournalOptions};
use trunkline_ledger::{Ledger, Options};
use trunkline_store::{RequestRow, Store as _};

use crate::map_store::{MapStore, Mood};
use crate::samples::{opening, row};

const DAY: Duration = Duration::from_secs(86_400);

/// A store with rows of last year and a few of now.
async fn filled(old: usize, new: usize) -> (Ledger, Arc<MapStore>) {
    let store = Arc::new(MapStore::new(Mood::Well));
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    let now = i64::try_from(since.as_millis()).expect("it is long until then");
    let rows: Vec<RequestRow> = (0..old + new)
        .map(|number| RequestRow {
            request_id: number.to_string(),
            started_at: now - if number < old { 366 * 86_400_000 } else { 60_000 },
            ..row("one")
        })
        .collect();
    store.record(&rows).await.expect("it is well");
    let journal = Journal::in_memory(&JournalOptions::in_memory());
    let ledger = Ledger::open(journal, Arc::clone(&store) as _, Options::default());
    ledger.deliver_earlier().await;
    (ledger, store)
}

/// Lets the ledger forget until the store was asked so often.
async fn forget(ledger: &Ledger, store: &MapStore, retention: Option<Duration>, calls: u64) {
    let mut asked = store.forgotten.subscribe();
    tokio::select! {
        () = ledger.forget(retention) => {}
        asked = asked.wait_for(|asked| *asked >= calls) => drop(asked.expect("the store lives")),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_deleted_in_pieces_at_once() {
    let (ledger, store) = filled(2_500, 10).await;
    let began = Instant::now();
    forget(&ledger, &store, Some(366 * DAY / 2), 4).await;
    assert_eq!(store.rows().len(), 10);
    assert_eq!(began.elapsed(), Duration::from_secs(60), "three pieces, and the next look after a minute");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again_later() {
    let (ledger, store) = filled(10, 10).await;
    store.set(Mood::Failing);
    forget(&ledger, &store, Some(DAY), 3).await;
    assert_eq!(store.rows().len(), 20);
    store.set(Mood::Well);
    forget(&ledger, &store, Some(DAY), 5).await;
    assert_eq!(store.rows().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nothing_is_deleted_and_with_none_left_everything_is() {
    let (ledger, store) = filled(10, 10).await;
    let forever = tokio::time::timeout(10 * DAY, ledger.forget(None)).await;
    assert!(forever.is_err() && store.rows().len() == 20);
    forget(&ledger, &store, Some(Duration::ZERO), 2).await;
    assert_eq!(store.rows().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_row_whose_answer_was_lost_is_not_deleted_before_it_is_sent_again() {
    let store = Arc::new(MapStore::new(Mood::Mute));
    let journal = Journal::in_memory(&JournalOptions::in_memory());
    let ledger = Ledger::open(journal, Arc::clone(&store) as _, Options::default());
    for name in ["one", "two", "three"] {
        ledger.begin(&opening(name, &[], &[])).expect("is admitted").close(&row(name));
    }
    let story = async {
        // It goes on for minutes, in which everything in the store is too old.
        store.called(60).await;
        assert_eq!(store.rows().len(), 3);
        store.set(Mood::Well);
        let mut asked = store.forgotten.subscribe();
        asked.wait_for(|asked| *asked >= 1).await.expect("the store lives");
    };
    tokio::select! {
        () = story => {}
        _ = ledger.deliver(pending()) => {}
        () = ledger.forget(Some(Duration::ZERO)) => {}
    }
    ledger.deliver(ready(())).await;
    assert_eq!(store.counted.load(Ordering::Relaxed), 3, "each was counted once");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_before_what_an_earlier_process_left_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Mute));
    let open = || {
        let journal = Journal::open(folder.path(), &JournalOptions::default()).expect("the journal opens");
        Ledger::open(journal, Arc::clone(&store) as _, Options::default())
    };
    let ledger = open();
    ledger.begin(&opening("one", &[], &[])).expect("is admitted").close(&row("one"));
    ledger.deliver(ready(())).await;
    drop(ledger);
    let ledger = open();
    store.set(Mood::Well);
    let forgetting = tokio::time::timeout(DAY, ledger.forget(Some(Duration::ZERO))).await;
    assert!(forgetting.is_err() && store.rows().len() == 1);
    ledger.deliver(ready(())).await;
    assert_eq!(store.counted.load(Ordering::Relaxed), 1);
    forget(&ledger, &store, Some(Duration::ZERO), 1).await;
    assert_eq!(store.rows().len(), 0);
}
