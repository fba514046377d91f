//! A store that keeps rows in a map, fails when it is told to, and hangs when it is told to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use rust_decimal::Decimal;
use tokio::sync::watch;
use trunkline_core::{Error, ErrorKind, Subject, SubjectKind, Usage};
use trunkline_ledger::Opening;
use trunkline_store::{
    Act, Activity, ActivityQuery, AttemptRow, Change, Charge, CostOrigin, Kind, Object, ObjectQuery, Page,
    RequestQuery, RequestRow, Spent, Store, Write,
};

/// How the store behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Failing,
    Hanging,
}

/// Rows by their ids, and how often each batch came.
#[derive(Debug)]
pub(crate) struct MapStore {
    rows: Mutex<BTreeMap<String, RequestRow>>,
    mood: watch::Sender<Mood>,
    /// Counts calls, and wakes who waits for one.
    pub(crate) calls: watch::Sender<u64>,
    pub(crate) repeated: AtomicU64,
    pub(crate) largest: AtomicU64,
}

impl MapStore {
    pub(crate) fn new(mood: Mood) -> Self {
        Self {
            rows: Mutex::default(),
            mood: watch::Sender::new(mood),
            calls: watch::Sender::new(0),
            repeated: AtomicU64::new(0),
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
    async fn amend(&self, _: &[RequestRow]) -> Result<u64, Error> {
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
    async fn forget(&self, _: i64, _: u64) -> Result<u64, Error> {
        Err(unused())
    }
}

/// An opening as most are.
pub(crate) fn opening<'a>(call_id: &'a str, tags: &'a [String], charges: &'a [Charge]) -> Opening<'a> {
    Opening {
        started_at: 1_764_000_000_000,
        call_id,
        operation: "chat_completions",
        route: "/v1/chat/completions",
        streamed: true,
        key: Some("6f1ed002ab5595859014ebf0951522d9d4ee8a2a8d3f7c4c5b6a79881122aabb"),
        user_id: Some("ada@example.com"),
        team_id: Some("3f7c4c5b-6a79-4188-9c1a-2aabb0c1d2e3"),
        tags,
        model: "gpt-4o",
        group: Some("gpt-4o"),
        bound: Some(Decimal::new(40_960, 6)),
        input_tokens: 1200,
        input_spend: Some(Decimal::new(3, 3)),
        charges,
        ..Opening::default()
    }
}

pub(crate) fn tags() -> Vec<String> {
    vec!["production".to_owned(), "search".to_owned()]
}

pub(crate) fn charges() -> Vec<Charge> {
    let charge = |subject| Charge { subject, period: "30d".to_owned(), begins_at: 1_763_000_000_000 };
    vec![
        charge(Subject::new(SubjectKind::Team, "3f7c4c5b-6a79-4188-9c1a-2aabb0c1d2e3")),
        charge(Subject::new(
            SubjectKind::Key,
            "6f1ed002ab5595859014ebf0951522d9d4ee8a2a8d3f7c4c5b6a79881122aabb",
        )),
        charge(Subject::global().with_model("gpt-4o")),
    ]
}

/// A row as most are: one attempt that answered.
pub(crate) fn row(call_id: &str) -> RequestRow {
    let usage = Some(Usage { uncached_input: 1180, cache_read: 20, output: 350, ..Usage::default() });
    let spend = Some(Decimal::new(6_475, 6));
    RequestRow {
        call_id: call_id.to_owned(),
        started_at: 1_764_000_000_000,
        first_byte_at: Some(1_764_000_000_412),
        ended_at: 1_764_000_004_100,
        operation: "chat_completions".to_owned(),
        route: "/v1/chat/completions".to_owned(),
        streamed: true,
        status: Some(200),
        outcome: "completed".to_owned(),
        key: Some("6f1ed002ab5595859014ebf0951522d9d4ee8a2a8d3f7c4c5b6a79881122aabb".to_owned()),
        user_id: Some("ada@example.com".to_owned()),
        team_id: Some("3f7c4c5b-6a79-4188-9c1a-2aabb0c1d2e3".to_owned()),
        tags: tags(),
        model: "gpt-4o".to_owned(),
        group: Some("gpt-4o".to_owned()),
        deployment: Some("b1946ac92492d234".to_owned()),
        provider: Some("openai".to_owned()),
        upstream_model: Some("gpt-4o-2024-11-20".to_owned()),
        api_base: Some("https://api.openai.com/v1".to_owned()),
        usage: usage.clone(),
        spend,
        cost_origin: CostOrigin::Computed,
        cost: spend,
        generation_id: Some("chatcmpl-9nqDkQ3Yx7JXh1Zl2bT8".to_owned()),
        client_address: Some("10.1.2.3".to_owned()),
        attempts: vec![AttemptRow {
            group: "gpt-4o".to_owned(),
            deployment: "b1946ac92492d234".to_owned(),
            provider: "openai".to_owned(),
            upstream_model: "gpt-4o-2024-11-20".to_owned(),
            duration_ms: 4080,
            status: Some(200),
            usage,
            spend,
            generation_id: Some("chatcmpl-9nqDkQ3Yx7JXh1Zl2bT8".to_owned()),
            ..AttemptRow::default()
        }],
        charges: charges(),
        ..RequestRow::default()
    }
}
