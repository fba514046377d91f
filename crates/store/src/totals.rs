//! What rows add to sums and counters, worked out in memory first: the databases are told each sum once a batch.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use trunkline_core::{Error, Usage};

use crate::money::countable;
use crate::placeholders::{pieces, tuples};
use crate::session::Session;
use crate::value::{Value, indexed};
use crate::{Charge, RequestRow, TAGS_MAX};

pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// What a request can use, or how long it can take, at most; a figure past it is a fault, and would make sums overflow.
const FIGURE_MAX: i64 = 1_000_000_000_000;

/// How many sums one statement changes: SQLite is quickest with few, and PostgreSQL is asked over a network.
const SUMS_MAX_SQLITE: usize = 32;
const SUMS_MAX_POSTGRES: usize = 128;

/// How many counters one statement changes.
const COUNTERS_MAX: usize = 64;

/// The columns that sums are told apart by, after their time and tag.
pub(crate) const NAMES: [&str; 8] =
    ["key", "user_id", "team_id", "customer", "model_group", "model", "provider", "operation"];

/// The columns of a sum that are whole numbers.
pub(crate) const FIGURES: [&str; 10] = [
    "requests",
    "completed",
    "unpriced",
    "cache_hits",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "duration_ms",
];

/// Sums and counters that are to be changed, in the order of their keys: whoever writes them takes their locks in the
/// same order, so that no two wait for each other.
pub(crate) struct Totals<'row> {
    places: u32,
    /// Whether they put right what was counted before.
    corrects: bool,
    hours: BTreeMap<Slot<'row>, Sum>,
    tag_days: BTreeMap<Slot<'row>, Sum>,
    counters: BTreeMap<Counter<'row>, Decimal>,
}

/// Where a sum stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Slot<'row> {
    begins_at: i64,
    /// Empty where tags are not told apart.
    tag: Cow<'row, str>,
    names: [Cow<'row, str>; NAMES.len()],
}

#[derive(Clone, Default, PartialEq)]
struct Sum {
    spend: Decimal,
    figures: [i64; FIGURES.len()],
}

/// Where a counter stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Counter<'row> {
    subject: &'static str,
    id: Cow<'row, str>,
    /// Empty for all models.
    model: Cow<'row, str>,
    period: Cow<'row, str>,
    begins_at: i64,
}

impl<'row> Totals<'row> {
    /// Nothing yet, for a database that keeps so many places of a dollar.
    pub(crate) fn new(places: u32) -> Self {
        Self {
            places,
            corrects: false,
            hours: BTreeMap::new(),
            tag_days: BTreeMap::new(),
            counters: BTreeMap::new(),
        }
    }

    /// The same, of differences to what was counted before.
    pub(crate) fn correcting(places: u32) -> Self {
        Self { corrects: true, ..Self::new(places) }
    }

    pub(crate) fn add(&mut self, row: &'row RequestRow) {
        let sum = Sum::of(row, self.places);
        self.change(row, &sum);
    }

    /// Puts one row in the place of another that was counted. Only their figures may differ.
    pub(crate) fn replace(&mut self, old: &'row RequestRow, new: &RequestRow) {
        let (old_sum, mut sum) = (Sum::of(old, self.places), Sum::of(new, self.places));
        sum.spend -= old_sum.spend;
        for (figure, old) in sum.figures.iter_mut().zip(old_sum.figures) {
            *figure -= old;
        }
        if sum != Sum::default() {
            self.change(old, &sum);
        }
    }

    fn change(&mut self, row: &'row RequestRow, sum: &Sum) {
        let slot = Slot::of(row);
        for charge in &row.charges {
            *self.counters.entry(Counter::of(charge)).or_default() += sum.spend;
        }
        let mut tags: Vec<Cow<'row, str>> = row.tags.iter().take(TAGS_MAX).map(|tag| indexed(tag)).collect();
        tags.sort_unstable();
        tags.dedup();
        for tag in tags {
            let slot = Slot { begins_at: floor(slot.begins_at, DAY_MS), tag, names: slot.names.clone() };
            self.tag_days.entry(slot).or_default().add(sum);
        }
        self.hours.entry(slot).or_default().add(sum);
    }

    /// Adds all of it to what the database has.
    pub(crate) async fn store(self, session: &mut Session) -> Result<(), Error> {
        let mut days: BTreeMap<Slot<'row>, Sum> = BTreeMap::new();
        for (slot, sum) in &self.hours {
            let slot = Slot { begins_at: floor(slot.begins_at, DAY_MS), ..slot.clone() };
            days.entry(slot).or_default().add(sum);
        }
        store_sums(session, "hours", self.hours).await?;
        store_sums(session, "days", days).await?;
        store_sums(session, "tag_days", self.tag_days).await?;
        store_counters(session, self.counters, self.corrects).await
    }
}

impl<'row> Slot<'row> {
    fn of(row: &'row RequestRow) -> Self {
        let name = |name: &'row Option<String>| name.as_deref().map_or(Cow::Borrowed(""), indexed);
        Self {
            begins_at: floor(row.started_at, HOUR_MS),
            tag: Cow::Borrowed(""),
            names: [
                name(&row.key),
                name(&row.user_id),
                name(&row.team_id),
                name(&row.customer),
                name(&row.group),
                name(&row.upstream_model),
                name(&row.provider),
                indexed(&row.operation),
            ],
        }
    }
}

impl Sum {
    fn of(row: &RequestRow, places: u32) -> Self {
        let spend = row.spend.and_then(|spend| countable(spend, places));
        let usage = row.usage.as_ref();
        let tokens = |of: fn(&Usage) -> u64| usage.map_or(0, of);
        let duration_ms = u64::try_from(row.ended_at.saturating_sub(row.started_at)).unwrap_or(0);
        let figures = [
            1,
            u64::from(row.outcome == "completed"),
            u64::from(spend.is_none()),
            u64::from(row.cache_hit),
            tokens(Usage::input),
            tokens(|usage| usage.cache_read),
            tokens(|usage| usage.cache_write),
            tokens(Usage::all_output),
            tokens(|usage| usage.reasoning),
            duration_ms,
        ];
        let figures = figures.map(|figure| i64::try_from(figure).unwrap_or(FIGURE_MAX).min(FIGURE_MAX));
        Self { spend: spend.unwrap_or_default(), figures }
    }

    fn add(&mut self, other: &Self) {
        self.spend += other.spend;
        for (figure, other) in self.figures.iter_mut().zip(other.figures) {
            *figure += other;
        }
    }
}

impl<'row> Counter<'row> {
    pub(crate) fn of(charge: &'row Charge) -> Self {
        Self {
            subject: charge.subject.kind.name(),
            id: indexed(&charge.subject.id),
            model: charge.subject.model.as_deref().map_or(Cow::Borrowed(""), indexed),
            period: indexed(&charge.period),
            begins_at: charge.begins_at,
        }
    }

    pub(crate) fn values(self) -> [Value<'row>; 5] {
        [
            Value::text(self.subject),
            Value::Text(Some(self.id)),
            Value::Text(Some(self.model)),
            Value::Text(Some(self.period)),
            self.begins_at.into(),
        ]
    }
}

async fn store_sums(session: &mut Session, table: &str, sums: BTreeMap<Slot<'_>, Sum>) -> Result<(), Error> {
    let tagged = table == "tag_days";
    let mut keys = vec!["begins_at"];
    keys.extend(tagged.then_some("tag"));
    keys.extend(NAMES);
    let changes: Vec<String> =
        FIGURES.iter().map(|figure| format!("{figure} = held.{figure} + excluded.{figure}")).collect();
    let keys = keys.join(", ");
    let before =
        format!("INSERT INTO trunkline.{table} AS held ({keys}, spend, {}) VALUES ", FIGURES.join(", "));
    let after = format!(
        " ON CONFLICT ({keys}) DO UPDATE SET spend = {}, {}",
        session.money_sum("spend"),
        changes.join(", ")
    );
    let columns = 1 + usize::from(tagged) + NAMES.len() + 1 + FIGURES.len();
    let sums: Vec<(Slot<'_>, Sum)> = sums.into_iter().collect();
    let sums_max = if session.is_postgres() { SUMS_MAX_POSTGRES } else { SUMS_MAX_SQLITE };
    for sums in pieces(&sums, sums_max) {
        let mut values = Vec::with_capacity(sums.len() * columns);
        for (slot, sum) in sums {
            values.push(Value::from(slot.begins_at));
            values.extend(tagged.then(|| Value::Text(Some(slot.tag.clone()))));
            values.extend(slot.names.iter().map(|name| Value::Text(Some(name.clone()))));
            values.push(sum.spend.into());
            values.extend(sum.figures.iter().map(|figure| Value::from(*figure)));
        }
        let text = format!("{before}{}{after}", tuples(session, sums.len(), columns));
        session.execute(&text, values).await?;
    }
    Ok(())
}

/// Adds amounts to counters, in their order.
pub(crate) async fn store_counters(
    session: &mut Session,
    counters: BTreeMap<Counter<'_>, Decimal>,
    corrects: bool,
) -> Result<(), Error> {
    let mut amount = session.money_sum("amount");
    let (mut column, mut change) = ("", String::new());
    if corrects {
        // What was lowered since is not taken off once more.
        amount = format!("{}({amount}, 0)", session.greatest());
        (column, change) = (", corrected", format!(", corrected = {}", session.money_sum("corrected")));
    }
    let figures = 1 + usize::from(corrects);
    let columns = 5 + figures;
    let counters: Vec<(Counter<'_>, Decimal)> = counters.into_iter().collect();
    for counters in pieces(&counters, COUNTERS_MAX) {
        let mut values = Vec::with_capacity(counters.len() * columns);
        for (counter, amount) in counters {
            values.extend(counter.clone().values());
            values.extend(std::iter::repeat_n(*amount, figures).map(Value::from));
        }
        let text = format!(
            "INSERT INTO trunkline.counters AS held (subject, id, model, period, begins_at, amount{column}) VALUES {}
             ON CONFLICT (subject, id, model, period, begins_at) DO UPDATE SET amount = {amount}{change}",
            tuples(session, counters.len(), columns)
        );
        session.execute(&text, values).await?;
    }
    Ok(())
}

/// The beginning of the hour or day that a time is in.
pub(crate) fn floor(time: i64, unit: i64) -> i64 {
    time.div_euclid(unit).saturating_mul(unit)
}

/// The end of the hour or day before a time, or the time itself where one begins.
pub(crate) fn ceiling(time: i64, unit: i64) -> i64 {
    let floor = floor(time, unit);
    if floor == time { time } else { floor.saturating_add(unit) }
}
