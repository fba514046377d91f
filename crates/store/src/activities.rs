//! Sums by time and by who, read from the tables that keep them ready.

use rust_decimal::Decimal;
use trunkline_core::Error;

use crate::calendar;
use crate::failure::refused;
use crate::objects::whole;
use crate::placeholders::Placeholders;
use crate::row::Row;
use crate::session::Session;
use crate::totals::{DAY_MS, FIGURES, HOUR_MS, ceiling, floor};
use crate::value::{Value, indexed};
use crate::{Activity, ActivityQuery, Dimension, Sums};

pub(crate) async fn activity(session: &mut Session, query: &ActivityQuery) -> Result<Vec<Activity>, Error> {
    let (text, values) = question(session, query)?;
    session.fetch(&text, values).await?.iter().map(|row| read(&query.by, row)).collect()
}

/// Which table answers, and how long the time is that each of its sums is of.
fn table(query: &ActivityQuery) -> Result<(&'static str, i64), Error> {
    let by_hour = query.by.contains(&Dimension::Hour);
    if query.tag.is_some() || query.by.contains(&Dimension::Tag) {
        if by_hour {
            return Err(refused("tags are told apart by day, not by hour"));
        }
        return Ok(("tag_days", DAY_MS));
    }
    let whole_days =
        [query.from, query.until].into_iter().flatten().all(|bound| bound.rem_euclid(DAY_MS) == 0);
    Ok(if whole_days && !by_hour { ("days", DAY_MS) } else { ("hours", HOUR_MS) })
}

pub(crate) fn question<'query>(
    session: &Session,
    query: &'query ActivityQuery,
) -> Result<(String, Vec<Value<'query>>), Error> {
    let (table, unit) = table(query)?;
    let mut values = Placeholders::new();
    let from = values.add(query.from.map_or(i64::MIN, |from| floor(from, unit)).into());
    let until = values.add(query.until.map_or(i64::MAX, |until| ceiling(until, unit)).into());
    let mut conditions = vec![format!("begins_at >= {from}"), format!("begins_at < {until}")];
    let names = [
        ("key", &query.key),
        ("user_id", &query.user_id),
        ("team_id", &query.team_id),
        ("customer", &query.customer),
        ("model_group", &query.group),
        ("tag", &query.tag),
    ];
    for (column, name) in names {
        if let Some(name) = name {
            conditions.push(format!("{column} = {}", values.add(Value::Text(Some(indexed(name))))));
        }
    }
    let mut columns: Vec<String> = query.by.iter().map(|dimension| expression(*dimension, unit)).collect();
    columns.push(session.money_total("spend"));
    columns.extend(FIGURES.iter().map(|figure| format!("CAST(COALESCE(SUM({figure}), 0) AS BIGINT)")));
    let limit = values.add(query.limit.map_or(i64::MAX, whole).into());
    let text = format!(
        "SELECT {} FROM trunkline.{table} WHERE {}{} LIMIT {limit}",
        columns.join(", "),
        conditions.join(" AND "),
        grouping(&query.by)
    );
    Ok((text, values.into_values()))
}

/// Times in their order, and within them, or without them, the largest spend first.
fn grouping(by: &[Dimension]) -> String {
    if by.is_empty() {
        return String::new();
    }
    let places = |of_time: bool| {
        let is_time = |dimension: &Dimension| matches!(dimension, Dimension::Day | Dimension::Hour);
        let chosen = (1..).zip(by).filter(move |(_, dimension)| is_time(dimension) == of_time);
        chosen.map(|(place, _): (usize, _)| place.to_string())
    };
    let groups: Vec<String> = (1..=by.len()).map(|place| place.to_string()).collect();
    let order: Vec<String> =
        places(true).chain(["spent DESC, rest DESC".to_owned()]).chain(places(false)).collect();
    format!(" GROUP BY {} ORDER BY {}", groups.join(", "), order.join(", "))
}

fn expression(dimension: Dimension, unit: i64) -> String {
    let column = match dimension {
        Dimension::Day if unit != DAY_MS => return format!("begins_at - begins_at % {DAY_MS}"),
        Dimension::Day | Dimension::Hour => "begins_at",
        Dimension::Key => "key",
        Dimension::User => "user_id",
        Dimension::Team => "team_id",
        Dimension::Customer => "customer",
        Dimension::Group => "model_group",
        Dimension::Model => "model",
        Dimension::Provider => "provider",
        Dimension::Operation => "operation",
        Dimension::Tag => "tag",
    };
    column.to_owned()
}

fn read(by: &[Dimension], row: &Row) -> Result<Activity, Error> {
    let mut values = Vec::with_capacity(by.len());
    for (column, dimension) in by.iter().enumerate() {
        values.push(match dimension {
            Dimension::Day => calendar::day(row.integer(column)?),
            Dimension::Hour => calendar::hour(row.integer(column)?),
            Dimension::Key
            | Dimension::User
            | Dimension::Team
            | Dimension::Customer
            | Dimension::Group
            | Dimension::Model
            | Dimension::Provider
            | Dimension::Operation
            | Dimension::Tag => row.text(column)?,
        });
    }
    let sums = sums(row, by.len())?;
    Ok(Activity { values, sums })
}

fn sums(row: &Row, first: usize) -> Result<Sums, Error> {
    let spend: Decimal = row.money_total(first)?;
    let figure = |number: usize| row.count(first + 2 + number);
    Ok(Sums {
        spend,
        requests: figure(0)?,
        completed: figure(1)?,
        unpriced: figure(2)?,
        cache_hits: figure(3)?,
        input_tokens: figure(4)?,
        cache_read_tokens: figure(5)?,
        cache_write_tokens: figure(6)?,
        output_tokens: figure(7)?,
        reasoning_tokens: figure(8)?,
        duration_ms: figure(9)?,
    })
}

pub(crate) async fn count(
    session: &mut Session,
    from: Option<i64>,
    until: Option<i64>,
) -> Result<u64, Error> {
    let (text, values) = counting(from, until);
    session.fetch(text, values).await?.first().map_or(Ok(0), |row| row.count(0))
}

/// Whole days are counted as such, and the hours before and after them singly.
pub(crate) fn counting(from: Option<i64>, until: Option<i64>) -> (&'static str, Vec<Value<'static>>) {
    let from = from.map_or(i64::MIN, |from| floor(from, HOUR_MS));
    let until = until.map_or(i64::MAX, |until| ceiling(until, HOUR_MS));
    let (mut first, mut last) = (
        if from == i64::MIN { from } else { ceiling(from, DAY_MS) },
        if until == i64::MAX { until } else { floor(until, DAY_MS) },
    );
    if first >= last {
        (first, last) = (until, until);
    }
    let text = "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM (
            SELECT requests FROM trunkline.hours WHERE begins_at >= $1 AND begins_at < $2
            UNION ALL SELECT requests FROM trunkline.days WHERE begins_at >= $2 AND begins_at < $3
            UNION ALL SELECT requests FROM trunkline.hours WHERE begins_at >= $3 AND begins_at < $4) AS parts";
    (text, vec![from.into(), first.into(), last.into(), until.into()])
}
