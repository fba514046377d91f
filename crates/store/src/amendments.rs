//! Figures of rows that are there, put right: with sums, counters, and all who are to learn of it, in one transaction.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value as Json, json};
use trunkline_core::{Error, Subject};

use crate::body;
use crate::corrected::corrected_id;
use crate::ledger::{COLUMNS, ROWS_MAX, countable_spend, is_reconcilable, read};
use crate::objects::{add_act, lock_writers, note_change, tell_of_changes};
use crate::placeholders::{Placeholders, pieces};
use crate::session::Session;
use crate::totals::Totals;
use crate::value::{Value, indexed};
use crate::{Act, Kind, RequestRow};

/// What the audit log names an amendment by.
const ACTION: &str = "reconciled";

/// How long the name of a subject may be, among changes: what PostgreSQL's indexes have room for. None that is longer has
/// limits, whose names are shorter.
const SUBJECT_BYTES_MAX: usize = 2_000;

pub(crate) async fn amend(
    session: &mut Session,
    rows: &[RequestRow],
    by: &str,
    at: i64,
) -> Result<u64, Error> {
    lock_writers(session).await?;
    let figures: HashMap<&str, &RequestRow> = rows.iter().map(|row| (row.request_id.as_str(), row)).collect();
    let mut ids: Vec<&str> = figures.keys().copied().collect();
    ids.sort_unstable();
    let mut amended = Vec::new();
    for ids in pieces(&ids, ROWS_MAX) {
        for old in by_id(session, ids).await? {
            let Some(figures) = figures.get(old.request_id.as_str()) else { continue };
            let new = with_figures(&old, figures);
            if new != old {
                amended.push((old, new));
            }
        }
    }
    if amended.is_empty() {
        return Ok(0);
    }
    let mut totals = Totals::correcting(session.places());
    for (old, new) in &amended {
        put(session, new).await?;
        totals.replace(old, new);
    }
    totals.store(session).await?;
    for subject in charged_otherwise(&amended, session.places()) {
        note_change(session, Kind::Ledger, &subject).await?;
    }
    add_act(session, &act(&amended, by, at)).await?;
    tell_of_changes(session).await?;
    Ok(amended.len() as u64)
}

/// A row with the figures of another: what it used and what it cost.
fn with_figures(row: &RequestRow, figures: &RequestRow) -> RequestRow {
    RequestRow {
        usage: figures.usage.clone(),
        usage_is_estimated: figures.usage_is_estimated,
        spend: figures.spend,
        cost_origin: figures.cost_origin,
        cost: figures.cost,
        market_cost: figures.market_cost,
        surcharge_cost: figures.surcharge_cost,
        gateway_cost: figures.gateway_cost,
        is_byok: figures.is_byok,
        is_contradictory: figures.is_contradictory,
        attempts: figures.attempts.clone(),
        ..row.clone()
    }
}

/// The rows of these ids, for this transaction alone until it ends.
async fn by_id(session: &mut Session, ids: &[&str]) -> Result<Vec<RequestRow>, Error> {
    let mut values = Placeholders::new();
    let places: Vec<String> = ids.iter().map(|id| values.add(Value::Text(Some(indexed(id))))).collect();
    let lock = if session.is_postgres() { " FOR UPDATE" } else { "" };
    let text = format!(
        "SELECT {COLUMNS} FROM trunkline.requests WHERE request_id IN ({}) ORDER BY request_id{lock}",
        places.join(", ")
    );
    session.fetch(&text, values.into_values()).await?.iter().map(read).collect()
}

async fn put(session: &mut Session, row: &RequestRow) -> Result<(), Error> {
    let text = "UPDATE trunkline.requests SET reconcilable = $1, spend = $2, body = $3 WHERE request_id = $4 AND started_at = $5";
    let values = vec![
        i64::from(is_reconcilable(row)).into(),
        Value::Money(countable_spend(row, session.places())),
        Value::Text(Some(body::write(row)?.into())),
        Value::Text(Some(indexed(&row.request_id))),
        row.started_at.into(),
    ];
    session.execute(text, values).await?;
    Ok(())
}

/// Whose counters have another figure by it, as changes name them.
fn charged_otherwise(amended: &[(RequestRow, RequestRow)], places: u32) -> BTreeSet<String> {
    let has_other_spend = |(old, new): &&(RequestRow, RequestRow)| {
        countable_spend(old, places).unwrap_or_default() != countable_spend(new, places).unwrap_or_default()
    };
    let charges = amended.iter().filter(has_other_spend).flat_map(|(old, _)| &old.charges);
    let subjects: BTreeSet<&Subject> = charges.map(|charge| &charge.subject).collect();
    let ids = subjects.into_iter().map(corrected_id);
    ids.filter(|id| id.len() <= SUBJECT_BYTES_MAX).collect()
}

/// What the audit log says of it: of each row what it said before, and after.
fn act(amended: &[(RequestRow, RequestRow)], by: &str, at: i64) -> Act {
    let said = |row: &RequestRow| -> (String, Json) {
        let tokens = |of: fn(&trunkline_core::Usage) -> u64| row.usage.as_ref().map(of);
        let figures = json!({
            "spend": row.spend.map(|spend| spend.normalize().to_string()),
            "cost_origin": row.cost_origin.name(),
            "input_tokens": tokens(trunkline_core::Usage::input),
            "output_tokens": tokens(trunkline_core::Usage::all_output),
        });
        (row.request_id.clone(), figures)
    };
    let before: Map<String, Json> = amended.iter().map(|(old, _)| said(old)).collect();
    let after: Map<String, Json> = amended.iter().map(|(_, new)| said(new)).collect();
    Act {
        number: 0,
        at,
        by: by.to_owned(),
        action: ACTION.to_owned(),
        kind: Kind::Ledger,
        id: "requests".to_owned(),
        before: Some(before),
        after: Some(after),
    }
}
