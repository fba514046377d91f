//! The tables, and how a database comes to have them.
//!
//! Versions are numbered, and only go forward. Two versions of the program may use one database at once, so a step may
//! only *add*: a table, an index, or a column that may be null or has a default, none of which a program that does not
//! know it is troubled by. It never renames, never narrows and never drops. A database that is ahead of this program is
//! used as it is.
//!
//! Statements are written once for both databases. Four words stand for what they call differently: `NUMBERED` is a key
//! that counts up and never comes back, `MONEY` an amount, `WHOLE` an integer of 64 bits, and `KEYED` ends a table that
//! is found by its primary key alone.

use trunkline_core::Error;

use crate::session::Session;

/// WHEN ADDING A VERSION: append it, and leave those before it as they are.
const VERSIONS: &[&[&str]] = &[FIRST, SECOND, THIRD];

const FIRST: &[&str] = &[
    "CREATE TABLE trunkline.objects (
        kind TEXT NOT NULL, id TEXT NOT NULL, alias TEXT, user_id TEXT, team_id TEXT, revision WHOLE NOT NULL,
        deleted WHOLE NOT NULL, created_at WHOLE NOT NULL, created_by TEXT, updated_at WHOLE NOT NULL, updated_by TEXT,
        settings TEXT NOT NULL, PRIMARY KEY (kind, id))",
    "CREATE INDEX objects_by_time ON trunkline.objects (kind, deleted, created_at, id)",
    "CREATE INDEX objects_by_alias ON trunkline.objects (kind, deleted, alias, id)",
    "CREATE INDEX objects_by_user ON trunkline.objects (kind, deleted, user_id, created_at)",
    "CREATE INDEX objects_by_team ON trunkline.objects (kind, deleted, team_id, created_at)",
    "CREATE TABLE trunkline.changes (number NUMBERED, kind TEXT NOT NULL, id TEXT NOT NULL)",
    "CREATE INDEX changes_by_object ON trunkline.changes (kind, id)",
    "CREATE TABLE trunkline.acts (
        number NUMBERED, at WHOLE NOT NULL, done_by TEXT NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL,
        id TEXT NOT NULL, before_it TEXT, after_it TEXT)",
    "CREATE TABLE trunkline.requests (
        request_id TEXT NOT NULL PRIMARY KEY, call_id TEXT NOT NULL, started_at WHOLE NOT NULL, key TEXT, user_id TEXT,
        team_id TEXT, customer TEXT, model_group TEXT, reconcilable WHOLE NOT NULL, spend MONEY, body TEXT NOT NULL)",
    "CREATE INDEX requests_by_call ON trunkline.requests (call_id) WHERE call_id <> request_id",
    "CREATE INDEX requests_by_time ON trunkline.requests (started_at)",
    "CREATE INDEX requests_by_key ON trunkline.requests (key, started_at) WHERE key IS NOT NULL",
    "CREATE INDEX requests_by_user ON trunkline.requests (user_id, started_at) WHERE user_id IS NOT NULL",
    "CREATE INDEX requests_by_team ON trunkline.requests (team_id, started_at) WHERE team_id IS NOT NULL",
    "CREATE INDEX requests_by_customer ON trunkline.requests (customer, started_at) WHERE customer IS NOT NULL",
    "CREATE INDEX requests_to_reconcile ON trunkline.requests (started_at) WHERE reconcilable = 1",
    "CREATE TABLE trunkline.hours (
        begins_at WHOLE NOT NULL, key TEXT NOT NULL, user_id TEXT NOT NULL, team_id TEXT NOT NULL,
        customer TEXT NOT NULL, model_group TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
        operation TEXT NOT NULL, spend MONEY NOT NULL, requests WHOLE NOT NULL, completed WHOLE NOT NULL,
        unpriced WHOLE NOT NULL, cache_hits WHOLE NOT NULL, input_tokens WHOLE NOT NULL,
        cache_read_tokens WHOLE NOT NULL, cache_write_tokens WHOLE NOT NULL, output_tokens WHOLE NOT NULL,
        reasoning_tokens WHOLE NOT NULL, duration_ms WHOLE NOT NULL,
        PRIMARY KEY (begins_at, key, user_id, team_id, customer, model_group, model, provider, operation)) KEYED",
    "CREATE TABLE trunkline.days (
        begins_at WHOLE NOT NULL, key TEXT NOT NULL, user_id TEXT NOT NULL, team_id TEXT NOT NULL,
        customer TEXT NOT NULL, model_group TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
        operation TEXT NOT NULL, spend MONEY NOT NULL, requests WHOLE NOT NULL, completed WHOLE NOT NULL,
        unpriced WHOLE NOT NULL, cache_hits WHOLE NOT NULL, input_tokens WHOLE NOT NULL,
        cache_read_tokens WHOLE NOT NULL, cache_write_tokens WHOLE NOT NULL, output_tokens WHOLE NOT NULL,
        reasoning_tokens WHOLE NOT NULL, duration_ms WHOLE NOT NULL,
        PRIMARY KEY (begins_at, key, user_id, team_id, customer, model_group, model, provider, operation)) KEYED",
    "CREATE INDEX days_by_key ON trunkline.days (key, begins_at)",
    "CREATE INDEX days_by_user ON trunkline.days (user_id, begins_at)",
    "CREATE INDEX days_by_team ON trunkline.days (team_id, begins_at)",
    "CREATE TABLE trunkline.tag_days (
        begins_at WHOLE NOT NULL, tag TEXT NOT NULL, key TEXT NOT NULL, user_id TEXT NOT NULL, team_id TEXT NOT NULL,
        customer TEXT NOT NULL, model_group TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
        operation TEXT NOT NULL, spend MONEY NOT NULL, requests WHOLE NOT NULL, completed WHOLE NOT NULL,
        unpriced WHOLE NOT NULL, cache_hits WHOLE NOT NULL, input_tokens WHOLE NOT NULL,
        cache_read_tokens WHOLE NOT NULL, cache_write_tokens WHOLE NOT NULL, output_tokens WHOLE NOT NULL,
        reasoning_tokens WHOLE NOT NULL, duration_ms WHOLE NOT NULL,
        PRIMARY KEY (begins_at, tag, key, user_id, team_id, customer, model_group, model, provider, operation)) KEYED",
    "CREATE TABLE trunkline.counters (
        subject TEXT NOT NULL, id TEXT NOT NULL, model TEXT NOT NULL, period TEXT NOT NULL, begins_at WHOLE NOT NULL,
        amount MONEY NOT NULL, PRIMARY KEY (subject, id, model, period, begins_at)) KEYED",
];

/// What amendments of rows have added to a counter, for processes that took its figure over before.
const SECOND: &[&str] = &["ALTER TABLE trunkline.counters ADD COLUMN corrected MONEY NOT NULL DEFAULT 0"];

/// When a row was recorded, which may be long after its request. None of rows of versions before.
const THIRD: &[&str] = &["ALTER TABLE trunkline.requests ADD COLUMN recorded_at WHOLE"];

/// The tables' version that this program was written for.
pub(crate) const NEWEST: i64 = VERSIONS.len() as i64;

/// The version that a database is at. 0 is one without tables.
pub(crate) async fn version(session: &mut Session) -> Result<i64, Error> {
    let is_there = if session.is_postgres() {
        "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'trunkline' AND tablename = 'schema_versions'"
    } else {
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_versions'"
    };
    if single(session, is_there).await? == 0 {
        return Ok(0);
    }
    single(session, "SELECT COALESCE(MAX(version), 0) FROM trunkline.schema_versions").await
}

/// Brings a database to the newest version, within the transaction that it is given. Only one may do so at a time.
pub(crate) async fn migrate(session: &mut Session, now: i64) -> Result<(), Error> {
    let version = version(session).await?;
    if version == 0 {
        make_schema(session).await?;
        let text = "CREATE TABLE trunkline.schema_versions (version WHOLE NOT NULL PRIMARY KEY, since WHOLE NOT NULL)";
        session.execute(&worded(text, session.is_postgres()), Vec::new()).await?;
    }
    for (number, statements) in (1_i64..).zip(VERSIONS).filter(|(number, _)| *number > version) {
        for statement in *statements {
            session.execute(&worded(statement, session.is_postgres()), Vec::new()).await?;
        }
        let text = "INSERT INTO trunkline.schema_versions (version, since) VALUES ($1, $2)";
        session.execute(text, vec![number.into(), now.into()]).await?;
    }
    Ok(())
}

/// Who may not make a schema can be given one that is made already.
async fn make_schema(session: &mut Session) -> Result<(), Error> {
    if session.is_postgres() {
        let is_there = "SELECT COUNT(*) FROM pg_namespace WHERE nspname = 'trunkline'";
        if single(session, is_there).await? == 0 {
            session.execute("CREATE SCHEMA trunkline", Vec::new()).await?;
        }
    }
    Ok(())
}

/// The statements that made the table of rows what it is, in PostgreSQL's words.
pub(crate) fn of_requests() -> Vec<String> {
    let statements = VERSIONS.iter().copied().flatten();
    let of_requests = statements.filter(|statement| statement.contains(" trunkline.requests "));
    of_requests.map(|statement| worded(statement, true)).collect()
}

async fn single(session: &mut Session, text: &str) -> Result<i64, Error> {
    let rows = session.fetch(text, Vec::new()).await?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// A statement in the words of one database. Text is compared byte by byte in both.
fn worded(statement: &str, postgres: bool) -> String {
    if postgres {
        return statement
            .replace("NUMBERED", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
            .replace("WHOLE", "BIGINT")
            .replace("MONEY", "NUMERIC(38,15)")
            .replace(" TEXT", " TEXT COLLATE \"C\"")
            // Sums change often, and have no index on what changes: with room in its page a sum stays where it is.
            .replace(" KEYED", " WITH (fillfactor = 70)");
    }
    let tail = if statement.ends_with(" KEYED") { "STRICT, WITHOUT ROWID" } else { "STRICT" };
    let text = statement.trim_end_matches(" KEYED");
    let text = if text.starts_with("CREATE TABLE") { format!("{text} {tail}") } else { text.to_owned() };
    text.replace("NUMBERED", "INTEGER PRIMARY KEY AUTOINCREMENT")
        .replace("WHOLE", "INTEGER")
        .replace("MONEY", "INTEGER")
}

#[cfg(test)]
mod tests {
    use trunkline_core::Subject;

    use super::*;
    use crate::database::Database as _;
    use crate::{Spent, SqliteStore, Store as _};

    #[tokio::test]
    async fn a_database_of_an_earlier_version_gets_what_it_lacks() {
        let store = SqliteStore::in_memory().await.expect("a store");
        let spent = Spent {
            subject: Subject::global(),
            period: String::new(),
            begins_at: 0,
            amount: "1.5".parse().expect("a decimal"),
            corrected: "0".parse().expect("a decimal"),
        };
        store.set_spent(&spent).await.expect("it is set");
        let mut session = store.begin().await.expect("a transaction");
        let to_first = [
            "ALTER TABLE trunkline.counters DROP COLUMN corrected",
            "ALTER TABLE trunkline.requests DROP COLUMN recorded_at",
            "DELETE FROM trunkline.schema_versions WHERE version > 1",
        ];
        for statement in to_first {
            session.execute(statement, Vec::new()).await.expect("it is done");
        }
        migrate(&mut session, 7).await.expect("it is brought up to date");
        assert_eq!(version(&mut session).await.expect("a version"), NEWEST);
        session.commit().await.expect("it is done");
        assert_eq!(store.spent(&[Subject::global()]).await.expect("counters"), [spent]);
    }
}
