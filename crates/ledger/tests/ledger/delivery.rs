//! What is begun and closed reaches the store, once, however the store behaves.

use std::future::{pending, ready};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use trunkline_journal::{Durability, Journal, Options as JournalOptions};
use trunkline_ledger::{Ledger, Options};
use trunkline_store::{CostOrigin, RequestRow};

use crate::map_store::{MapStore, Mood};
use crate::samples::{charges, opening, row, tags};

fn ledger(folder: &Path, store: &Arc<MapStore>) -> Ledger {
    let journal = Journal::open(folder, &JournalOptions::default()).expect("the journal opens");
    // What 1,300 rows take three of.
    let options = Options { batch_rows_max: 500, ..Options::default() };
    Ledger::open(journal, Arc::clone(store) as _, options)
}

/// Returns once nothing waits any more. Time is paused.
async fn all_is_delivered(ledger: &Ledger) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while ledger.state().rows > 0 {
        ticks.tick().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_reaches_the_store_as_it_was_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Well));
    let ledger = ledger(folder.path(), &store);
    let entry = ledger.begin(&opening("one", &tags(), &charges())).expect("is admitted");
    let id = entry.id().to_string();
    entry.close(&row("one")).synced().await.expect("nothing to wait for");
    assert_eq!(ledger.state().rows, 1);
    let state = ledger.deliver(ready(())).await;
    assert_eq!((state.rows, state.delivered, state.unreadable), (0, 1, 0));
    let expected = RequestRow { request_id: id.clone(), ..row("one") };
    assert_eq!(store.rows().get(&id), Some(&expected));
}

/// A row that is made of the opening, after the machine has ended, has to be the one that the store has already.
#[tokio::test(start_paused = true)]
async fn a_row_begins_when_its_opening_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Well));
    let ledger = ledger(folder.path(), &store);
    let (tags, charges) = (tags(), charges());
    let opening = opening("one", &tags, &charges);
    // The clock was set meanwhile.
    let later = |at: i64| at + 86_400_000;
    let closed = row("one");
    let closed = RequestRow {
        started_at: later(closed.started_at),
        first_byte_at: closed.first_byte_at.map(later),
        ended_at: later(closed.ended_at),
        ..closed
    };
    ledger.begin(&opening).expect("is admitted").close(&closed).synced().await.expect("nothing to wait for");
    ledger.deliver(ready(())).await;
    let rows = store.rows();
    let told = rows.values().next().expect("a row");
    assert_eq!(told.started_at, opening.started_at);
    assert_eq!(told, &RequestRow { request_id: told.request_id.clone(), ..row("one") });
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_dropped_leaves_an_estimated_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Well));
    let ledger = ledger(folder.path(), &store);
    drop(ledger.begin(&opening("one", &tags(), &charges())).expect("is admitted"));
    ledger.deliver(ready(())).await;
    let rows = store.rows();
    let row = rows.values().next().expect("a row");
    assert_eq!(
        (rows.len(), row.outcome.as_str(), row.cost_origin),
        (1, "interrupted", CostOrigin::Estimated)
    );
    assert_eq!(
        (row.spend, row.usage.as_ref().map(|usage| usage.uncached_input)),
        ("0.003".parse().ok(), Some(1200))
    );
    assert_eq!((row.charges.as_slice(), row.tags.as_slice()), (charges().as_slice(), tags().as_slice()));
    assert!(row.usage_is_estimated && row.call_id == "one");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_and_comes_back_gets_every_row_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Failing));
    let ledger = ledger(folder.path(), &store);
    for number in 0..1_300 {
        let name = number.to_string();
        ledger.begin(&opening(&name, &[], &[])).expect("is admitted").close(&row(&name));
    }
    let watch = async {
        store.called(5).await;
        let state = ledger.state();
        assert_eq!((state.rows, state.last_error.as_deref()), (1_300, Some("the store is out")));
        assert!(state.failing_since.is_some());
        store.set(Mood::Well);
        store.called(8).await;
    };
    let state = ledger.deliver(watch).await;
    assert_eq!((state.rows, state.delivered, state.failing_since), (0, 1_300, None));
    assert_eq!(store.rows().len(), 1_300);
    assert_eq!(store.largest.load(std::sync::atomic::Ordering::Relaxed), 500);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_given_up_and_asked_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Hanging));
    let ledger = ledger(folder.path(), &store);
    ledger.begin(&opening("one", &[], &[])).expect("is admitted").close(&row("one"));
    let watch = async {
        store.called(2).await;
        assert_eq!(ledger.state().last_error.as_deref(), Some("the store did not take rows in time"));
        store.set(Mood::Well);
    };
    let state = ledger.deliver(watch).await;
    assert_eq!((state.rows, store.rows().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_is_given_fewer_rows_until_it_takes_them_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Slow));
    let ledger = ledger(folder.path(), &store);
    let add = |from: u32, until: u32| {
        for number in from..until {
            let name = number.to_string();
            ledger.begin(&opening(&name, &[], &[])).expect("is admitted").close(&row(&name));
        }
    };
    add(0, 1_000);
    let largest = || store.largest.load(std::sync::atomic::Ordering::Relaxed);
    let watch = async {
        // 500 rows would take 25 s and 250 half of that, of 10 s: two calls are late, and eight of 125 rows are not.
        store.called(10).await;
        assert_eq!((largest(), ledger.state().delivered), (125, 875));
        store.set(Mood::Well);
        all_is_delivered(&ledger).await;
        add(1_000, 3_000);
        all_is_delivered(&ledger).await;
    };
    let state = ledger.deliver(watch).await;
    assert_eq!((state.rows, state.delivered), (0, 3_000));
    assert_eq!(largest(), 500, "it is given more again");
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_not_delivered_before_the_end_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Hanging));
    {
        let ledger = ledger(folder.path(), &store);
        ledger.begin(&opening("one", &[], &[])).expect("is admitted").close(&row("one"));
        assert_eq!(ledger.deliver(ready(())).await.rows, 1);
    }
    store.set(Mood::Well);
    assert_eq!(ledger(folder.path(), &store).deliver(ready(())).await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_known_until_when_the_store_has_every_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Failing));
    let ledger = ledger(folder.path(), &store);
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        i64::try_from(since.as_millis()).expect("a time")
    };
    assert_eq!(ledger.delivered_until(), i64::MIN);
    ledger.begin(&opening("one", &[], &[])).expect("is admitted").close(&row("one"));
    let closed_at = now();
    while now() <= closed_at {
        std::hint::spin_loop();
    }
    ledger.deliver(store.called(3)).await;
    assert!(ledger.delivered_until() < closed_at, "the store has none of it");
    store.set(Mood::Well);
    ledger.deliver(ready(())).await;
    assert!((closed_at..=now()).contains(&ledger.delivered_until()));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_process_left_is_delivered_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Failing));
    {
        let ledger = ledger(folder.path(), &store);
        ledger.begin(&opening("closed", &[], &[])).expect("is admitted").close(&row("closed"));
        drop(ledger.begin(&opening("open", &[], &[])).expect("is admitted"));
    }
    let ledger = ledger(folder.path(), &store);
    ledger.begin(&opening("own", &[], &[])).expect("is admitted").close(&row("own"));
    let mending = async {
        store.called(3).await;
        store.set(Mood::Well);
    };
    tokio::join!(ledger.deliver_earlier(), mending);
    let delivered = || -> Vec<String> { store.rows().into_values().map(|row| row.call_id).collect() };
    let mut earlier = delivered();
    earlier.sort();
    assert_eq!(earlier, ["closed", "open"]);
    // Once is enough.
    ledger.deliver_earlier().await;
    assert_eq!((delivered().len(), ledger.deliver(ready(())).await.rows), (2, 0));
    assert_eq!(delivered().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_folder_rows_go_through_memory() {
    let store = Arc::new(MapStore::new(Mood::Well));
    let journal = Journal::in_memory(&JournalOptions::in_memory());
    assert_eq!(journal.durability(), Durability::Memory);
    let ledger = Ledger::open(journal, Arc::clone(&store) as _, Options::default());
    let feed = async {
        for number in 0..20_000 {
            let name = number.to_string();
            ledger.begin(&opening(&name, &tags(), &charges())).expect("is admitted").close(&row(&name));
            if number % 1_000 == 0 {
                store.called(1 + number / 1_000).await;
            }
        }
    };
    tokio::select! {
        () = feed => {}
        _ = ledger.deliver(pending()) => {}
    }
    assert_eq!(ledger.deliver(ready(())).await.rows, 0);
    assert_eq!(store.rows().len(), 20_000);
    assert!(ledger.state().bytes < 16 << 20, "what was delivered is given back");
}

#[tokio::test(start_paused = true)]
async fn rows_of_an_earlier_process_are_counted_once_however_often_they_are_delivered() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MapStore::new(Mood::Failing));
    {
        let ledger = ledger(folder.path(), &store);
        // More than a batch, so that a delivery whose count were too high would look for a batch without a pause.
        for number in 0..600 {
            let name = number.to_string();
            ledger.begin(&opening(&name, &[], &[])).expect("is admitted").close(&row(&name));
        }
    }
    let ledger = ledger(folder.path(), &store);
    for _ in 0..3 {
        assert_eq!(ledger.deliver(ready(())).await.rows, 500, "what was read, and not taken");
    }
    store.set(Mood::Well);
    let state = ledger.deliver(ready(())).await;
    assert_eq!((state.rows, state.delivered, store.rows().len()), (0, 600, 600));
    let calls = *store.calls.borrow();
    ledger.begin(&opening("new", &[], &[])).expect("is admitted").close(&row("new"));
    let state = ledger.deliver(store.called(calls + 1)).await;
    assert_eq!((state.rows, state.delivered), (0, 601));
}
