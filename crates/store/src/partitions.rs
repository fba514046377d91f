//! Rows of requests in a partition of their table for each day, where PostgreSQL was asked for that: old days go whole.
//!
//! Whoever brings the first row of a day makes its partition. The key of the table is the id with the start of the
//! request, since PostgreSQL wants what a table is parted by in it; both are given together, once, so that a row that
//! comes again has the same.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use trunkline_core::Error;

use crate::calendar;
use crate::database::Database;
use crate::session::Session;
use crate::totals::{DAY_MS, floor};

/// From 2020 to 2100 each day has a partition of its own. A request of any other time is a clock's fault, and all of those
/// share one at either end, which stays.
pub(crate) const FIRST_DAY: i64 = 1_577_836_800_000;
const DAYS_END: i64 = 4_102_444_800_000;

/// The advisory lock of those who make or drop partitions.
const LOCK: i64 = i64::from_be_bytes(*b"trunkli\x01");

/// How long it is waited until nobody uses the table, before it is tried again a minute later: who asks meanwhile waits too.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '1s'";

/// How a name begins, before its day.
const PREFIX: &str = "requests_";

/// Whether the table has partitions, and the days that have one, as far as this process knows.
#[derive(Debug)]
pub(crate) struct Partitions {
    has_any: AtomicBool,
    /// Whether another process may have changed the table.
    is_doubted: AtomicBool,
    known: Mutex<BTreeSet<i64>>,
}

impl Partitions {
    pub(crate) fn new(has_any: bool) -> Self {
        Self {
            has_any: AtomicBool::new(has_any),
            is_doubted: AtomicBool::new(false),
            known: Mutex::default(),
        }
    }

    /// Whether rows stand in partitions.
    pub(crate) fn has_any(&self) -> bool {
        self.has_any.load(Ordering::Acquire)
    }

    /// Makes the partitions that these times lack, if the table has any.
    pub(crate) async fn make<D: Database>(
        &self,
        database: &D,
        times: impl Iterator<Item = i64>,
    ) -> Result<(), Error> {
        if self.is_doubted.load(Ordering::Acquire) {
            let has_any = is_parted(&mut database.read().await?).await?;
            self.has_any.store(has_any, Ordering::Release);
            self.is_doubted.store(false, Ordering::Release);
        }
        if !self.has_any() {
            return Ok(());
        }
        let days: BTreeSet<i64> = times
            .filter(|time| (FIRST_DAY..DAYS_END).contains(time))
            .map(|time| floor(time, DAY_MS))
            .collect();
        let lacking: Vec<i64> = days.difference(&*self.known()).copied().collect();
        for day in lacking {
            let mut session = database.begin().await?;
            make(&mut session, day).await?;
            session.commit().await?;
            self.known().insert(day);
        }
        Ok(())
    }

    /// Drops the days that ended before one time and of which no row was recorded since another.
    pub(crate) async fn drop_before<D: Database>(
        &self,
        database: &D,
        before: i64,
        recorded_before: i64,
    ) -> Result<(), Error> {
        let mut session = database.read().await?;
        let names = names(&mut session).await?;
        drop(session);
        for day in names.iter().filter_map(|name| day_of(name)) {
            if day.saturating_add(DAY_MS) <= before {
                let mut session = database.begin().await?;
                drop_unless_recorded(&mut session, day, recorded_before).await?;
                session.commit().await?;
                self.known().remove(&day);
            }
        }
        Ok(())
    }

    /// Another process may have dropped what this one knows, or have made a table with partitions of the one without: it is
    /// looked for anew.
    pub(crate) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Release);
        self.known().clear();
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the table has partitions.
pub(crate) async fn is_parted(session: &mut Session) -> Result<bool, Error> {
    let text =
        "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('trunkline.requests') AND relkind = 'p'";
    Ok(session.fetch(text, Vec::new()).await?.first().map_or(Ok(0), |row| row.integer(0))? > 0)
}

/// Makes a table with partitions of the one that is there, if that has no rows yet: with the same columns and indexes, by
/// these statements that it was made by. Gives whether it has partitions then.
pub(crate) async fn part(session: &mut Session, statements: &[String]) -> Result<bool, Error> {
    if is_parted(session).await? {
        return Ok(true);
    }
    // A table that has rows is not locked: whoever reads it for long, a dump say, would hold up everybody behind the lock.
    if has_rows(session).await? {
        return Ok(false);
    }
    session.execute(LOCK_TIMEOUT, Vec::new()).await?;
    session.execute("LOCK TABLE trunkline.requests IN ACCESS EXCLUSIVE MODE", Vec::new()).await?;
    if has_rows(session).await? {
        return Ok(false);
    }
    session.execute("DROP TABLE trunkline.requests", Vec::new()).await?;
    for statement in statements {
        session.execute(&parted(statement), Vec::new()).await?;
    }
    let ends = [
        // Small however large a day is: rows stand nearly in the order in which they were recorded.
        "CREATE INDEX requests_by_recording ON trunkline.requests USING brin (recorded_at) WITH (autosummarize = on)"
            .to_owned(),
        partition("earlier", "MINVALUE", &FIRST_DAY.to_string()),
        partition("later", &DAYS_END.to_string(), "MAXVALUE"),
    ];
    for statement in &ends {
        session.execute(statement, Vec::new()).await?;
    }
    Ok(true)
}

async fn has_rows(session: &mut Session) -> Result<bool, Error> {
    Ok(!session.fetch("SELECT 1 FROM trunkline.requests LIMIT 1", Vec::new()).await?.is_empty())
}

/// The statement that makes the table, with partitions; any other as it is.
fn parted(statement: &str) -> String {
    match statement.strip_prefix("CREATE TABLE ").and_then(|rest| rest.strip_suffix(')')) {
        Some(columns) => format!(
            "CREATE TABLE {}, PRIMARY KEY (request_id, started_at)) PARTITION BY RANGE (started_at)",
            columns.replace(" PRIMARY KEY", "")
        ),
        None => statement.to_owned(),
    }
}

fn partition(name: &str, from: &str, until: &str) -> String {
    format!(
        "CREATE TABLE trunkline.{PREFIX}{name} PARTITION OF trunkline.requests FOR VALUES FROM ({from}) TO ({until})"
    )
}

/// Makes a day's partition where there is none. Attached to the table, it lets those who read and write go on meanwhile.
async fn make(session: &mut Session, day: i64) -> Result<(), Error> {
    session.execute("SELECT pg_advisory_xact_lock($1)", vec![LOCK.into()]).await?;
    let name = name_of(day);
    if names(session).await?.contains(&name) {
        return Ok(());
    }
    let until = day + DAY_MS;
    let statements = [
        format!("CREATE TABLE trunkline.{name} (LIKE trunkline.requests INCLUDING ALL)"),
        format!(
            "ALTER TABLE trunkline.requests ATTACH PARTITION trunkline.{name} FOR VALUES FROM ({day}) TO ({until})"
        ),
    ];
    for statement in &statements {
        session.execute(statement, Vec::new()).await?;
    }
    Ok(())
}

async fn drop_unless_recorded(session: &mut Session, day: i64, recorded_before: i64) -> Result<(), Error> {
    session.execute(LOCK_TIMEOUT, Vec::new()).await?;
    session.execute("SELECT pg_advisory_xact_lock($1)", vec![LOCK.into()]).await?;
    let name = name_of(day);
    if !names(session).await?.contains(&name) {
        return Ok(());
    }
    // Who writes rows of that day waits for the look at it, and nobody else. A writer may have the table that the drop then
    // waits for: one of the two gives up after a second, and tries again.
    session.execute(&format!("LOCK TABLE trunkline.{name} IN SHARE ROW EXCLUSIVE MODE"), Vec::new()).await?;
    let late = format!("SELECT 1 FROM trunkline.{name} WHERE recorded_at >= $1 LIMIT 1");
    if session.fetch(&late, vec![recorded_before.into()]).await?.is_empty() {
        session.execute(&format!("DROP TABLE trunkline.{name}"), Vec::new()).await?;
    }
    Ok(())
}

/// What partitions there are.
async fn names(session: &mut Session) -> Result<Vec<String>, Error> {
    let text = "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                WHERE inhparent = to_regclass('trunkline.requests') ORDER BY 1";
    session.fetch(text, Vec::new()).await?.iter().map(|row| row.text(0)).collect()
}

/// `requests_2026_11_28`.
fn name_of(day: i64) -> String {
    format!("{PREFIX}{}", calendar::day(day).replace('-', "_"))
}

fn day_of(name: &str) -> Option<i64> {
    let date: jiff::civil::Date = name.strip_prefix(PREFIX)?.replace('_', "-").parse().ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use trunkline_core::{ErrorKind, Secret};
    use trunkline_testkit::postgres::PostgresServer;

    use super::*;
    use crate::{PostgresOptions, PostgresStore, RequestRow, Store as _};

    #[tokio::test]
    async fn who_uses_the_table_is_waited_for_and_then_left_alone() {
        let address = PostgresServer::shared().expect("a server").database().expect("a new database");
        let options = PostgresOptions { partitions: true, ..PostgresOptions::default() };
        let store = PostgresStore::connect(&Secret::new(address), &options).expect("an address");
        let load =
            RequestRow { request_id: "r".to_owned(), started_at: 1_795_824_000_000, ..RequestRow::default() };
        store.record(std::slice::from_ref(&load)).await.expect("a record");
        let mut reader = store.begin().await.expect("a transaction");
        reader.fetch("SELECT 1 FROM trunkline.requests", Vec::new()).await.expect("a look");
        let refused = store.forget(i64::MAX, i64::MAX, 9).await.expect_err("somebody looks at it");
        assert_eq!(refused.kind(), ErrorKind::StoreUnavailable);
        reader.commit().await.expect("an end");
        let mut session = store.read().await.expect("a connection");
        assert!(names(&mut session).await.expect("names").contains(&name_of(load.started_at)));
        store.forget(i64::MAX, i64::MAX, 9).await.expect("nobody looks at it");
        assert!(!names(&mut session).await.expect("names").contains(&name_of(load.started_at)));
    }

    const DAY: i64 = 1_795_824_000_000;

    async fn stores() -> [PostgresStore; 2] {
        let address =
            Secret::new(PostgresServer::shared().expect("a server").database().expect("a database"));
        [false, true].map(|partitions| {
            let options = PostgresOptions { partitions, ..PostgresOptions::default() };
            PostgresStore::connect(&address, &options).expect("an address")
        })
    }

    fn row(id: &str, started_at: i64) -> RequestRow {
        RequestRow { request_id: id.to_owned(), started_at, ..RequestRow::default() }
    }

    #[tokio::test]
    async fn a_table_with_rows_is_left_alone_without_waiting_for_its_readers() {
        let [whole, parted] = stores().await;
        whole.record(&[row("a", DAY)]).await.expect("a record");
        let mut reader = whole.begin().await.expect("a transaction");
        reader.fetch("SELECT 1 FROM trunkline.requests", Vec::new()).await.expect("a look");
        let rows = [row("b", DAY)];
        let recorded = tokio::time::timeout(std::time::Duration::from_secs(20), parted.record(&rows));
        assert_eq!(recorded.await.expect("nobody is waited for").expect("a record"), 1);
        reader.commit().await.expect("an end");
    }

    #[tokio::test]
    async fn a_table_that_another_process_has_parted_is_written_to_at_the_second_try() {
        let [early, parted] = stores().await;
        early.newest_change().await.expect("tables");
        parted.newest_change().await.expect("partitions");
        assert!(early.record(&[row("a", DAY)]).await.is_err(), "it has no partition for that day");
        assert_eq!(early.record(&[row("a", DAY)]).await.expect("a record"), 1);
    }

    #[tokio::test]
    async fn older_days_are_left_out_of_a_search() {
        let [_, parted] = stores().await;
        parted.record(&[row("a", DAY), row("b", DAY + 3 * DAY_MS)]).await.expect("a record");
        let query = crate::RequestQuery {
            from: Some(DAY + DAY_MS),
            until: Some(DAY + 9 * DAY_MS),
            limit: 9,
            ..Default::default()
        };
        let mut session = parted.read().await.expect("a connection");
        let (text, values) = crate::ledger::search(&session, &query);
        let plan = session.fetch(&format!("EXPLAIN {text}"), values).await.expect("a plan");
        let plan: String = plan.iter().map(|line| line.text(0).expect("text") + "\n").collect();
        assert!(plan.contains(&name_of(DAY + 3 * DAY_MS)) && !plan.contains(&name_of(DAY)), "{plan}");
    }

    #[test]
    fn a_partition_is_called_by_its_day() {
        assert_eq!(name_of(1_795_824_000_000), "requests_2026_11_28");
        assert_eq!(day_of("requests_2026_11_28"), Some(1_795_824_000_000));
        assert_eq!(day_of("requests_earlier"), None);
        assert_eq!(day_of("others_2026_11_28"), None);
    }
}
