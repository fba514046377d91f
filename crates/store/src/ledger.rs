//! Rows of requests in their table: added once each, searched, forgotten.

use std::borrow::Cow;
use std::collections::HashSet;

use rust_decimal::Decimal;
use trunkline_core::Error;

use crate::body;
use crate::database::Database;
use crate::money::countable;
use crate::objects::whole;
use crate::placeholders::{Placeholders, pieces, tuples};
use crate::row::Row;
use crate::session::Session;
use crate::sqlite::now;
use crate::totals::Totals;
use crate::value::{Value, indexed};
use crate::{CostOrigin, RequestQuery, RequestRow};

/// How many rows one statement adds, or looks for.
pub(crate) const ROWS_MAX: usize = 128;

pub(crate) const COLUMNS: &str =
    "request_id, call_id, started_at, key, user_id, team_id, customer, model_group, body";

pub(crate) async fn record<D: Database>(database: &D, rows: &[RequestRow]) -> Result<u64, Error> {
    let mut seen = HashSet::with_capacity(rows.len());
    let rows: Vec<&RequestRow> = rows.iter().filter(|row| seen.insert(row.request_id.as_str())).collect();
    if rows.is_empty() {
        return Ok(0);
    }
    database.make_room(&rows).await?;
    let recorded = record_new(database, &rows).await;
    if recorded.is_err() {
        database.doubt_room();
    }
    recorded
}

async fn record_new<D: Database>(database: &D, rows: &[&RequestRow]) -> Result<u64, Error> {
    let mut session = database.begin().await?;
    // Rows come twice only after something has failed: they are asked for by name then alone.
    let mut new = insert(&mut session, rows).await?;
    let mut totals = Totals::new(session.places());
    if new == rows.len() as u64 {
        rows.iter().for_each(|row| totals.add(row));
    } else {
        session.rollback().await?;
        session = database.begin().await?;
        let ids = insert_named(&mut session, rows).await?;
        new = ids.len() as u64;
        let are_new = rows.iter().filter(|row| ids.contains(indexed(&row.request_id).as_ref()));
        are_new.for_each(|row| totals.add(row));
    }
    totals.store(&mut session).await?;
    session.commit().await?;
    Ok(new)
}

/// Adds rows, and gives how many were new.
async fn insert(session: &mut Session, rows: &[&RequestRow]) -> Result<u64, Error> {
    let mut new = 0;
    for rows in pieces(rows, ROWS_MAX) {
        let (text, values) = insertion(session, rows)?;
        new += session.execute(&text, values).await?;
    }
    Ok(new)
}

/// Adds rows, and gives the ids of those that were new.
async fn insert_named(session: &mut Session, rows: &[&RequestRow]) -> Result<HashSet<String>, Error> {
    let mut new = HashSet::new();
    for rows in pieces(rows, ROWS_MAX) {
        let (text, values) = insertion(session, rows)?;
        for row in session.fetch(&format!("{text} RETURNING request_id"), values).await? {
            new.insert(row.text(0)?);
        }
    }
    Ok(new)
}

fn insertion<'row>(
    session: &Session,
    rows: &[&'row RequestRow],
) -> Result<(String, Vec<Value<'row>>), Error> {
    let text = format!(
        "INSERT INTO trunkline.requests ({COLUMNS}, reconcilable, spend, recorded_at) VALUES {} ON CONFLICT DO NOTHING",
        tuples(session, rows.len(), 12)
    );
    let recorded_at = now();
    let mut values = Vec::with_capacity(rows.len() * 12);
    for row in rows {
        let name = |name: &'row Option<String>| Value::Text(name.as_deref().map(indexed));
        values.extend([
            Value::Text(Some(indexed(&row.request_id))),
            Value::Text(Some(indexed(&row.call_id))),
            row.started_at.into(),
            name(&row.key),
            name(&row.user_id),
            name(&row.team_id),
            name(&row.customer),
            name(&row.group),
            Value::Text(Some(Cow::Owned(body::write(row)?))),
            i64::from(is_reconcilable(row)).into(),
            Value::Money(countable_spend(row, session.places())),
            recorded_at.into(),
        ]);
    }
    Ok((text, values))
}

/// What its column holds: the figure that sums are made of. The body keeps it as it was given.
pub(crate) fn countable_spend(row: &RequestRow, places: u32) -> Option<Decimal> {
    row.spend.and_then(|spend| countable(spend, places))
}

/// Whether its cost is a guess still, and the upstream can be asked for it: for that of the reply, or of attempts.
pub(crate) fn is_reconcilable(row: &RequestRow) -> bool {
    let of_attempts = || row.attempts.iter().any(|attempt| attempt.generation_id.is_some());
    (!row.cost_origin.is_told() && row.generation_id.is_some())
        || (row.cost_origin != CostOrigin::Reconciled && of_attempts())
}

pub(crate) async fn requests(session: &mut Session, query: &RequestQuery) -> Result<Vec<RequestRow>, Error> {
    let (text, values) = search(session, query);
    session.fetch(&text, values).await?.iter().map(read).collect()
}

/// The statement of a search. In SQLite its bounds in time stand in it always, so that an index is what it begins with.
/// PostgreSQL, as long as it has not looked at the table, takes two bounds of one column for a sign of few rows, and sorts
/// all that there are: the upper one is of the id too then, which changes nothing. The lower one is not, so that older
/// partitions are left out.
pub(crate) fn search<'query>(session: &Session, query: &'query RequestQuery) -> (String, Vec<Value<'query>>) {
    let mut values = Placeholders::new();
    let mut conditions = Vec::new();
    if let Some(id) = &query.id {
        let place = values.add(Value::Text(Some(indexed(id))));
        conditions.push(format!("(request_id = {place} OR (call_id = {place} AND call_id <> request_id))"));
    }
    let names = [
        ("key", &query.key),
        ("user_id", &query.user_id),
        ("team_id", &query.team_id),
        ("customer", &query.customer),
        ("model_group", &query.group),
    ];
    for (column, name) in names {
        if let Some(name) = name {
            conditions.push(format!("{column} = {}", values.add(Value::Text(Some(indexed(name))))));
        }
    }
    if query.unreconciled {
        conditions.push("reconcilable = 1".to_owned());
    }
    if let Some((started_at, request_id)) = &query.before {
        let started_at = values.add((*started_at).into());
        let request_id = values.add(Value::Text(Some(indexed(request_id))));
        conditions.push(format!("(started_at, request_id) < ({started_at}, {request_id})"));
    }
    let before = query.before.as_ref().map(|(started_at, _)| started_at.saturating_add(1));
    let until = query.until.unwrap_or(i64::MAX).min(before.unwrap_or(i64::MAX));
    let has_bounds = query.id.is_none() && !session.is_postgres();
    if let Some(from) = query.from.or(has_bounds.then_some(i64::MIN)) {
        conditions.push(format!("started_at >= {}", values.add(from.into())));
    }
    if has_bounds || until < i64::MAX {
        let until = values.add(until.into());
        conditions.push(if session.is_postgres() && query.from.is_some() {
            format!("(started_at, request_id) < ({until}, '')")
        } else {
            format!("started_at < {until}")
        });
    }
    if conditions.is_empty() {
        conditions.push("TRUE".to_owned());
    }
    let (limit, offset) = (values.add(whole(query.limit).into()), values.add(whole(query.offset).into()));
    // One id has few rows. A planner that does not know so yet would go through all of them by their time; of a sum it knows
    // no order.
    let time = if query.id.is_some() { "started_at + 0" } else { "started_at" };
    let text = format!(
        "SELECT {COLUMNS} FROM trunkline.requests WHERE {}
         ORDER BY {time} DESC, request_id DESC LIMIT {limit} OFFSET {offset}",
        conditions.join(" AND ")
    );
    (text, values.into_values())
}

/// Rows in the order of their ids, for those who want all: the next ones after this id.
pub(crate) async fn page(session: &mut Session, after: &str, limit: i64) -> Result<Vec<RequestRow>, Error> {
    let text = format!(
        "SELECT {COLUMNS} FROM trunkline.requests WHERE request_id > $1 ORDER BY request_id LIMIT $2"
    );
    let values = vec![Value::Text(Some(indexed(after))), limit.into()];
    session.fetch(&text, values).await?.iter().map(read).collect()
}

pub(crate) async fn forget(
    session: &mut Session,
    before: i64,
    recorded_before: i64,
    limit: u64,
) -> Result<u64, Error> {
    // The bound stands there twice, so that no partition is locked that has nothing to delete.
    let text = "DELETE FROM trunkline.requests WHERE started_at < $1 AND request_id IN
                (SELECT request_id FROM trunkline.requests
                 WHERE started_at < $1 AND (recorded_at IS NULL OR recorded_at < $2) ORDER BY started_at LIMIT $3)";
    session.execute(text, vec![before.into(), recorded_before.into(), whole(limit).into()]).await
}

pub(crate) fn read(row: &Row) -> Result<RequestRow, Error> {
    body::read(&row.text(8)?, |request| {
        // A text that was too long for its column stands whole in the body.
        if request.request_id.is_empty() {
            request.request_id = row.text(0)?;
        }
        if request.call_id.is_empty() {
            request.call_id = row.text(1)?;
        }
        request.started_at = row.integer(2)?;
        let names = [
            &mut request.key,
            &mut request.user_id,
            &mut request.team_id,
            &mut request.customer,
            &mut request.group,
        ];
        for (column, name) in (3..).zip(names) {
            if name.is_none() {
                *name = row.optional_text(column)?;
            }
        }
        Ok(())
    })
}
