//! Rows that stand in a partition for each day, in PostgreSQL.

use trunkline_core::Secret;
use trunkline_store::{PostgresOptions, PostgresStore, RequestQuery, RequestRow, Store};
use trunkline_testkit::postgres::PostgresServer;

use crate::ledger::{rows, sums};
use crate::load::{DAY, HOUR, MIDNIGHT, row};
use crate::with_partitions;

struct Database(Secret);

impl Database {
    fn new() -> Self {
        let address = PostgresServer::shared().expect("a server").database().expect("a new database");
        Self(Secret::new(address))
    }

    fn store(&self, options: &PostgresOptions) -> PostgresStore {
        PostgresStore::connect(&self.0, options).expect("an address of PostgreSQL")
    }
}

/// One row of each of these hours.
async fn record(store: &dyn Store, hours: &[i64]) {
    let load: Vec<RequestRow> =
        hours.iter().map(|hour| row(&format!("h{hour}"), MIDNIGHT + hour * HOUR, "1")).collect();
    assert_eq!(store.record(&load).await.expect("a record"), hours.len() as u64);
}

/// The ids of the rows that there are.
async fn ids(store: &dyn Store) -> Vec<String> {
    let mut ids: Vec<String> =
        rows(store, RequestQuery::default()).await.into_iter().map(|row| row.request_id).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_day_goes_whole_once_all_of_it_is_old() {
    let store = Database::new().store(&with_partitions());
    record(&store, &[0, 23, 24, 47, 48]).await;
    let forget = async |before| store.forget(before, i64::MAX, 1).await.expect("an answer");
    // Of the first day one hour is not old enough.
    assert_eq!(forget(MIDNIGHT + 23 * HOUR).await, 0);
    assert_eq!(ids(&store).await, ["h0", "h23", "h24", "h47", "h48"]);
    assert_eq!(forget(MIDNIGHT + DAY).await, 0);
    assert_eq!(ids(&store).await, ["h24", "h47", "h48"]);
    assert_eq!(forget(MIDNIGHT + 2 * DAY + HOUR).await, 0);
    assert_eq!(ids(&store).await, ["h48"]);
    assert_eq!(sums(&store).await.requests, 5, "sums stay");
    // A row of a day that is gone has room again.
    record(&store, &[1]).await;
    assert_eq!(ids(&store).await, ["h1", "h48"]);
}

#[tokio::test]
async fn a_row_of_no_day_is_old_as_well() {
    let store = Database::new().store(&with_partitions());
    let of = |id: &str, started_at| row(id, started_at, "1");
    let load = [of("r1", 0), of("r2", -5), of("r3", MIDNIGHT), of("r4", i64::MAX / 2)];
    assert_eq!(store.record(&load).await.expect("a record"), 4);
    assert_eq!(store.forget(MIDNIGHT, i64::MAX, 9).await.expect("an answer"), 2);
    assert_eq!(ids(&store).await, ["r3", "r4"]);
}

#[tokio::test]
async fn a_day_that_another_process_dropped_has_room_again() {
    let database = Database::new();
    let (store, other) = (database.store(&with_partitions()), database.store(&PostgresOptions::default()));
    record(&store, &[0]).await;
    other.forget(MIDNIGHT + DAY, i64::MAX, 1).await.expect("an answer");
    let late = [row("h1", MIDNIGHT + HOUR, "1")];
    store.record(&late).await.expect_err("it holds the day for one that is there");
    // Whoever delivers rows tries again.
    assert_eq!(store.record(&late).await.expect("a record"), 1);
    assert_eq!(ids(&store).await, ["h1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_bring_the_first_row_of_a_day_at_once_make_one_partition() {
    let database = Database::new();
    let stores: Vec<PostgresStore> = (0..4).map(|_| database.store(&with_partitions())).collect();
    let records = stores.into_iter().enumerate().map(|(number, store)| {
        tokio::spawn(async move {
            for day in 0..5 {
                let load = [row(&format!("d{day} of {number}"), MIDNIGHT + day * DAY, "1")];
                assert_eq!(store.record(&load).await.expect("a record"), 1);
            }
        })
    });
    for record in records.collect::<Vec<_>>() {
        record.await.expect("no panic");
    }
    assert_eq!(ids(&database.store(&PostgresOptions::default())).await.len(), 20);
}

#[tokio::test]
async fn rows_that_stand_in_one_table_stay_there() {
    let database = Database::new();
    record(&database.store(&PostgresOptions::default()), &[0, 24]).await;
    let store = database.store(&with_partitions());
    record(&store, &[25]).await;
    assert_eq!(ids(&store).await, ["h0", "h24", "h25"]);
    assert_eq!(store.forget(MIDNIGHT + HOUR, i64::MAX, 9).await.expect("an answer"), 1, "one by one");
    assert_eq!(ids(&store).await, ["h24", "h25"]);
}

#[tokio::test]
async fn a_table_without_rows_is_made_anew_and_keeps_its_partitions() {
    let database = Database::new();
    assert!(ids(&database.store(&PostgresOptions::default())).await.is_empty());
    record(&database.store(&with_partitions()), &[0, 24]).await;
    // Whoever is not told of partitions finds them.
    let store = database.store(&PostgresOptions::default());
    record(&store, &[48]).await;
    store.forget(MIDNIGHT + DAY, i64::MAX, 9).await.expect("an answer");
    assert_eq!(ids(&store).await, ["h24", "h48"]);
}
