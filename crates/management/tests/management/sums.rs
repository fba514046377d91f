//! How many sums are worked out at one time.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::watch;
use trunkline_core::{Error, Subject};
use trunkline_management::Options;
use trunkline_store::{
    Act, Activity, ActivityQuery, Change, Kind, Object, ObjectQuery, Page, RequestQuery, RequestRow, Spent,
    SqliteStore, Store, Write,
};

use crate::office::Office;

/// A store that holds back its sums.
#[derive(Debug)]
struct HeldSums {
    store: SqliteStore,
    is_held: watch::Sender<bool>,
    asked: watch::Sender<Asked>,
}

/// How many sums it was asked for and has not told.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    now: usize,
    most: usize,
}

impl HeldSums {
    async fn is_asked_for(&self, sums: usize) {
        self.asked.subscribe().wait_for(|asked| asked.now >= sums).await.expect("the store lives");
    }

    async fn sums(&self, query: &ActivityQuery) -> Result<Vec<Activity>, Error> {
        self.asked.send_modify(|asked| {
            asked.now += 1;
            asked.most = asked.most.max(asked.now);
        });
        self.is_held.subscribe().wait_for(|is_held| !is_held).await.expect("the store lives");
        self.asked.send_modify(|asked| asked.now -= 1);
        self.store.activity(query).await
    }
}

macro_rules! like_another {
    ($($method:ident($($name:ident: $type:ty),*) -> $output:ty;)+) => {
        #[async_trait]
        impl Store for HeldSums {
            fn name(&self) -> &'static str {
                "held"
            }

            async fn activity(&self, query: &ActivityQuery) -> Result<Vec<Activity>, Error> {
                self.sums(query).await
            }

            $(async fn $method(&self, $($name: $type),*) -> Result<$output, Error> {
                self.store.$method($($name),*).await
            })+
        }
    };
}

like_another! {
    ping() -> ();
    object(kind: Kind, id: &str) -> Option<Object>;
    objects(kind: Kind, ids: &[String]) -> Vec<Object>;
    list(kind: Kind, query: &ObjectQuery) -> Page<Object>;
    write(write: Write) -> Vec<Object>;
    changes(after: i64, limit: u64) -> Vec<Change>;
    newest_change() -> i64;
    acts(before: Option<i64>, limit: u64) -> Vec<Act>;
    record(rows: &[RequestRow]) -> u64;
    amend(rows: &[RequestRow], by: &str, at: i64) -> u64;
    requests(query: &RequestQuery) -> Vec<RequestRow>;
    count(from: Option<i64>, until: Option<i64>) -> u64;
    spent(subjects: &[Subject]) -> Vec<Spent>;
    set_spent(spent: &Spent) -> ();
    rebuild() -> ();
    forget(before: i64, recorded_before: i64, limit: u64) -> u64;
}

/// SQLite has four readers, which those wait for whose keys are looked up.
#[tokio::test]
async fn two_sums_are_worked_out_at_one_time_and_others_go_on() {
    let store = Arc::new(HeldSums {
        store: SqliteStore::in_memory().await.expect("a store"),
        is_held: watch::Sender::new(true),
        asked: watch::Sender::default(),
    });
    let office = Office::over(Arc::clone(&store) as Arc<dyn Store>, Options::default());
    let dates = "start_date=2026-11-01&end_date=2026-11-30";
    let pages = [
        "/global/spend".to_owned(),
        format!("/spend/logs/v2?{dates}&user_id=u"),
        format!("/global/spend/report?{dates}"),
        format!("/user/daily/activity?{dates}"),
        format!("/team/daily/activity?{dates}"),
        "/spend/tags".to_owned(),
    ];
    let sums = join_all(pages.iter().map(|page| office.seen(page)));
    let others = async {
        store.is_asked_for(2).await;
        // Each goes to the store and back, as the other sums would by now.
        for _ in 0..20 {
            office.seen("/user/list").await;
        }
        store.is_held.send_replace(false);
    };
    tokio::join!(sums, others);
    assert_eq!(store.asked.borrow().most, 2);
}
