//! A store that keeps rows in a map, fails when it is told to, and hangs when it is told to.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use trunkline_core::{Error, ErrorKind, Subject};
use trunkline_store::{
    Act, Activity, ActivityQuery, Change, Kind, Object, ObjectQuery, Page, RequestQuery, RequestRow, Spent,
    Store, Write,
};

/// How the store behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Failing,
    /// Rows are taken, and the answer is lost.
    Mute,
    Hanging,
    /// Each row takes 50 ms.
    Slow,
}

/// Rows by their ids, and how often each batch came.
#[derive(Debug)]
pub(crate) struct MapStore {
    rows: Mutex<BTreeMap<String, RequestRow>>,
    mood: watch::Sender<Mood>,
    /// Counts calls, and wakes who waits for one.
    pub(crate) calls: watch::Sender<u64>,
    /// The same of calls that delete what is old.
    pub(crate) forgotten: watch::Sender<u64>,
    pub(crate) repeated: AtomicU64,
    /// How many rows were new when they came.
    pub(crate) counted: AtomicU64,
    pub(crate) largest: AtomicU64,
}

impl MapStore {
    pub(crate) fn new(mood: Mood) -> Self {
        Self {
            rows: Mutex::default(),
            mood: watch::Sender::new(mood),
            calls: watch::Sender::new(0),
            forgotten: watch::Sender::new(0),
            repeated: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            largest: AtomicU64::new(0),
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub(crate) fn rows(&self) -> BTreeMap<String, RequestRow> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns once the store has been called so often.
    pub(crate) async fn called(&self, times: u64) {
        self.calls.subscribe().wait_for(|calls| *calls >= times).await.expect("the store lives");
    }
}

fn unused() -> Error {
    Error::new(ErrorKind::Internal, "the ledger has no use for this")
}

#[async_trait]
impl Store for MapStore {
    fn name(&self) -> &'static str {
        "map"
    }

    async fn record(&self, rows: &[RequestRow]) -> Result<u64, Error> {
        self.calls.send_modify(|calls| *calls += 1);
        let mut mood = self.mood.subscribe();
        let now = *mood.wait_for(|mood| *mood != Mood::Hanging).await.expect("the store lives");
        if now == Mood::Failing {
            return Err(Error::new(ErrorKind::StoreUnavailable, "the store is out"));
        }
        if now == Mood::Slow {
            // The clock is paused.
            let _ =
                tokio::time::timeout(Duration::from_millis(50) * rows.len() as u32, pending::<()>()).await;
        }
        self.largest.fetch_max(rows.len() as u64, Ordering::Relaxed);
        let mut kept = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = 0;
        for row in rows {
            if kept.contains_key(&row.request_id) {
                self.repeated.fetch_add(1, Ordering::Relaxed);
            } else {
                kept.insert(row.request_id.clone(), row.clone());
                new += 1;
            }
        }
        self.counted.fetch_add(new, Ordering::Relaxed);
        if now == Mood::Mute {
            return Err(Error::new(ErrorKind::StoreUnavailable, "the connection was lost"));
        }
        Ok(new)
    }

    async fn ping(&self) -> Result<(), Error> {
        Err(unused())
    }
    async fn object(&self, _: Kind, _: &str) -> Result<Option<Object>, Error> {
        Err(unused())
    }
    async fn objects(&self, _: Kind, _: &[String]) -> Result<Vec<Object>, Error> {
        Err(unused())
    }
    async fn list(&self, _: Kind, _: &ObjectQuery) -> Result<Page<Object>, Error> {
        Err(unused())
    }
    async fn write(&self, _: Write) -> Result<Vec<Object>, Error> {
        Err(unused())
    }
    async fn changes(&self, _: i64, _: u64) -> Result<Vec<Change>, Error> {
        Err(unused())
    }
    async fn newest_change(&self) -> Result<i64, Error> {
        Err(unused())
    }
    async fn acts(&self, _: Option<i64>, _: u64) -> Result<Vec<Act>, Error> {
        Err(unused())
    }
    async fn amend(&self, _: &[RequestRow], _: &str, _: i64) -> Result<u64, Error> {
        Err(unused())
    }
    async fn requests(&self, _: &RequestQuery) -> Result<Vec<RequestRow>, Error> {
        Err(unused())
    }
    async fn count(&self, _: Option<i64>, _: Option<i64>) -> Result<u64, Error> {
        Err(unused())
    }
    async fn activity(&self, _: &ActivityQuery) -> Result<Vec<Activity>, Error> {
        Err(unused())
    }
    async fn spent(&self, _: &[Subject]) -> Result<Vec<Spent>, Error> {
        Err(unused())
    }
    async fn set_spent(&self, _: &Spent) -> Result<(), Error> {
        Err(unused())
    }
    async fn rebuild(&self) -> Result<(), Error> {
        Err(unused())
    }
    async fn forget(&self, before: i64, _: i64, limit: u64) -> Result<u64, Error> {
        let is_well = matches!(*self.mood.borrow(), Mood::Well | Mood::Mute);
        self.forgotten.send_modify(|calls| *calls += 1);
        if !is_well {
            return Err(Error::new(ErrorKind::StoreUnavailable, "the store is out"));
        }
        let mut kept = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let old = kept.values().filter(|row| row.started_at < before).take(limit as usize);
        let old: Vec<String> = old.map(|row| row.request_id.clone()).collect();
        old.iter().for_each(|id| drop(kept.remove(id)));
        Ok(old.len() as u64)
    }
}
