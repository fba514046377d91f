//! What the gateway says that its requests cost.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::Decimal;
use serde_json::Value;
use trunkline_core::{Subject, SubjectKind};
use trunkline_store::{CostOrigin, RequestQuery, RequestRow, SqliteStore, Store};

/// What is known of requests and their costs, wherever it is kept.
pub(crate) trait Ledger {
    fn rows(&self) -> Vec<LedgerRow>;
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LedgerRow {
    pub(crate) call_id: String,
    pub(crate) generation_id: Option<String>,
    pub(crate) origin: Origin,
    /// What the reply cost.
    pub(crate) reply: Option<Decimal>,
    /// What is estimated for attempts that were given up.
    pub(crate) attempts: Decimal,
    /// From its beginning to its end, in milliseconds.
    pub(crate) took_ms: Decimal,
    /// Whether the reply was one that had been kept. The log does not tell.
    pub(crate) is_kept_one: Option<bool>,
}

/// How good a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Reported by the upstream.
    Reported,
    /// Computed from the usage that it reported.
    Computed,
    /// One of both: the log does not tell them apart.
    Told,
    Estimated,
    /// Nothing was used.
    Free,
    Unknown,
    /// One of both: the log says nothing.
    Silent,
}

impl Origin {
    /// Whether the figure is the upstream's own to the last decimal.
    pub(crate) fn is_exact(self) -> bool {
        matches!(self, Self::Reported | Self::Computed | Self::Told | Self::Free)
    }
}

/// The rows of the store that a server has left behind.
pub(crate) struct StoreRows(Vec<RequestRow>);

impl StoreRows {
    const PAGE: u64 = 1_000;

    pub(crate) async fn read(folder: &Path) -> Self {
        let store = SqliteStore::open(&folder.join("trunkline.db")).await.expect("it was made");
        let mut rows = Vec::new();
        loop {
            let offset = rows.len() as u64;
            let query = RequestQuery { offset, limit: Self::PAGE, ..RequestQuery::default() };
            let page = store.requests(&query).await.expect("rows");
            if page.is_empty() {
                store.close().await;
                return Self(rows);
            }
            rows.extend(page);
        }
    }
}

/// That the key of the load, the only one, has spent what its rows add up to, to the last decimal.
pub(crate) async fn hold_key(folder: &Path, rows: &StoreRows) {
    let of_key: Vec<&RequestRow> = rows.0.iter().filter(|row| row.key.is_some()).collect();
    let token = of_key.first().and_then(|row| row.key.as_deref()).expect("half of the load is the key's");
    assert!(of_key.iter().all(|row| row.key.as_deref() == Some(token)), "there is one key");
    assert!(of_key.len() * 3 > rows.0.len() && of_key.len() * 3 < rows.0.len() * 2, "{} rows", of_key.len());
    let store = SqliteStore::open(&folder.join("trunkline.db")).await.expect("it was made");
    let spent = store.spent(&[Subject::new(SubjectKind::Key, token)]).await.expect("counters");
    store.close().await;
    let ever: Decimal = spent.iter().filter(|spent| spent.period.is_empty()).map(|spent| spent.amount).sum();
    assert_eq!(ever, of_key.iter().filter_map(|row| row.spend).sum());
}

impl Ledger for StoreRows {
    fn rows(&self) -> Vec<LedgerRow> {
        self.0.iter().map(stored).collect()
    }
}

fn stored(row: &RequestRow) -> LedgerRow {
    let attempts = row.attempts.iter().filter_map(|attempt| attempt.spend).sum::<Decimal>();
    LedgerRow {
        call_id: row.call_id.clone(),
        generation_id: row.generation_id.clone(),
        origin: match row.cost_origin {
            CostOrigin::Reported | CostOrigin::Reconciled => Origin::Reported,
            CostOrigin::Computed => Origin::Computed,
            CostOrigin::Estimated => Origin::Estimated,
            CostOrigin::Free => Origin::Free,
            CostOrigin::Unknown => Origin::Unknown,
        },
        reply: row.spend.map(|spend| spend - attempts),
        attempts,
        took_ms: Decimal::from(row.ended_at - row.started_at),
        is_kept_one: Some(row.cache_hit),
    }
}

/// The lines of the log.
pub(crate) struct LogLines(pub(crate) String);

impl Ledger for LogLines {
    fn rows(&self) -> Vec<LedgerRow> {
        let lines = self.0.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let requests = lines.filter(|line| line["message"] == "request");
        // The key of the load is made beforehand.
        requests
            .filter(|line| line["operation"] != "POST /key/generate")
            .filter_map(|line| row(&line))
            .collect()
    }
}

fn row(line: &Value) -> Option<LedgerRow> {
    let money = |name: &str| line[name].as_str().and_then(|text| text.parse::<Decimal>().ok());
    let reply = money("cost");
    Some(LedgerRow {
        call_id: line["call.id"].as_str()?.to_owned(),
        generation_id: line["generation.id"].as_str().map(str::to_owned),
        origin: match (reply, line["usage.estimated"] == true) {
            (Some(_), false) => Origin::Told,
            (Some(_), true) => Origin::Estimated,
            (None, _) => Origin::Silent,
        },
        reply,
        attempts: money("cost.attempts").unwrap_or_default(),
        took_ms: line["duration_ms"].as_f64().and_then(|took| Decimal::try_from(took).ok())?,
        is_kept_one: None,
    })
}

/// The rows by call id, of which none may come twice.
pub(crate) fn by_call_id(ledger: &dyn Ledger) -> BTreeMap<String, LedgerRow> {
    let mut rows = BTreeMap::new();
    for row in ledger.rows() {
        let twice = rows.insert(row.call_id.clone(), row);
        assert!(twice.is_none(), "a request has one row: {twice:?}");
    }
    rows
}
