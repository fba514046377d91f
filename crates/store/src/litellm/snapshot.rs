//! The tables as they are at one moment, read page by page.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, Executor as _, PgConnection, Row as _, SqlSafeStr as _};
use trunkline_core::{Error, ErrorKind};

use super::failure::{unavailable, unreadable};
use crate::LitellmTable;

/// A row, column by column, as PostgreSQL writes it in JSON: amounts with all their digits, times without a zone. Passwords
/// are left out.
pub type LitellmRow = Map<String, Value>;

/// How many rows a page has at most.
const ROWS_MAX: usize = 1_000;

/// One transaction that sees what was committed when it began, and writes nothing.
pub struct LitellmSnapshot {
    connection: PgConnection,
    schema: String,
    database: Option<String>,
    tables: BTreeSet<LitellmTable>,
}

impl LitellmSnapshot {
    pub(crate) async fn begin(mut connection: PgConnection, schema: &str) -> Result<Self, Error> {
        connection.execute("SET statement_timeout = '60s'").await.map_err(unavailable)?;
        // Not everybody may ask this, and a transaction would be over by the refusal.
        let database = fetch(&mut connection, IDENTITY, &[schema]).await.and_then(|rows| text(&rows)).ok();
        // Spend is a float there.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL extra_float_digits = 3";
        connection.execute(begin).await.map_err(unavailable)?;
        let mut tables = BTreeSet::new();
        for table in LitellmTable::ALL {
            let rows = fetch(&mut connection, IS_THERE, &[schema, table.name()]).await?;
            if !rows.is_empty() {
                tables.insert(table);
            }
        }
        if !tables.contains(&LitellmTable::Keys) {
            let message = format!(
                "the database has no table {} in its schema {schema}: it is not one of LiteLLM's, or another \
                 `?schema=` is meant",
                LitellmTable::Keys.name()
            );
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        Ok(Self { connection, schema: schema.to_owned(), database, tables })
    }

    /// What tells this database apart from others, however it is reached. `None` if the server does not say.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Whether the database has a table: older ones lack some.
    pub fn has(&self, table: LitellmTable) -> bool {
        self.tables.contains(&table)
    }

    /// The rows that come after one, in the order of the primary key; the first ones where none is given. Nothing at the
    /// end, and of a table that there is not.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` if the database does not answer, or not as it should.
    pub async fn page(
        &mut self,
        table: LitellmTable,
        after: Option<&LitellmRow>,
    ) -> Result<Vec<LitellmRow>, Error> {
        if !self.has(table) {
            return Ok(Vec::new());
        }
        let statement = page(&self.schema, table, after.is_some());
        let after: Vec<&str> = match after {
            Some(row) => {
                table.key().iter().filter_map(|column| row.get(*column).and_then(Value::as_str)).collect()
            }
            None => Vec::new(),
        };
        let rows = fetch(&mut self.connection, &statement, &after).await?;
        rows.iter().map(|row| read(row, table)).collect()
    }

    /// How many rows a table has; none if there is no such table.
    ///
    /// # Errors
    ///
    /// As [`LitellmSnapshot::page`].
    pub async fn count(&mut self, table: LitellmTable) -> Result<u64, Error> {
        if !self.has(table) {
            return Ok(0);
        }
        let statement = format!("SELECT COUNT(*)::text FROM {}", named(&self.schema, table));
        let counted = text(&fetch(&mut self.connection, &statement, &[]).await?)?;
        Ok(counted.parse().unwrap_or_default())
    }
}

impl fmt::Debug for LitellmSnapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LitellmSnapshot").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// The number that a server was given when it was made, and where in it the tables stand.
const IDENTITY: &str =
    "SELECT system_identifier::text || '/' || current_database() || '/' || $1 FROM pg_control_system()";

/// Whether it may be read is another question, which the first page answers.
const IS_THERE: &str = "SELECT table_of.relname::text FROM pg_class AS table_of
                        JOIN pg_namespace AS schema_of ON schema_of.oid = table_of.relnamespace
                        WHERE schema_of.nspname = $1 AND table_of.relname = $2 AND table_of.relkind IN ('r', 'p', 'v', 'm', 'f')";

fn page(schema: &str, table: LitellmTable, goes_on: bool) -> String {
    let columns: Vec<String> = table.key().iter().map(|column| quoted(column)).collect();
    let columns = columns.join(", ");
    let places: Vec<String> = (1..=table.key().len()).map(|place| format!("${place}")).collect();
    let condition =
        if goes_on { format!(" WHERE ({columns}) > ({})", places.join(", ")) } else { String::new() };
    let table = named(schema, table);
    format!(
        "SELECT (to_jsonb(held) - 'password')::text FROM {table} AS held{condition} ORDER BY {columns} LIMIT {ROWS_MAX}"
    )
}

fn named(schema: &str, table: LitellmTable) -> String {
    format!("{}.{}", quoted(schema), quoted(table.name()))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Statements are not kept: a pooler may give the next transaction another connection.
async fn fetch(connection: &mut PgConnection, text: &str, values: &[&str]) -> Result<Vec<PgRow>, Error> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), values.iter().map(|value| value.len()).sum());
    for value in values {
        arguments.add(*value).map_err(|error| unavailable(sqlx::Error::Encode(error)))?;
    }
    let statement = AssertSqlSafe(text.to_owned()).into_sql_str();
    let query = sqlx::query_with(statement, arguments).persistent(false);
    query.fetch_all(connection).await.map_err(unavailable)
}

fn text(rows: &[PgRow]) -> Result<String, Error> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound).map_err(unavailable)?;
    row.try_get(0).map_err(unavailable)
}

fn read(row: &PgRow, table: LitellmTable) -> Result<LitellmRow, Error> {
    let text: String = row.try_get(0).map_err(unavailable)?;
    serde_json::from_str(&text).map_err(|error| unreadable(table.name(), error))
}
