//! One connection, or one transaction on it: where statements of either database are run.

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{
    Arguments as _, AssertSqlSafe, PgConnection, Postgres, SqlSafeStr as _, SqlStr, Sqlite, SqliteConnection,
    Transaction,
};
use trunkline_core::Error;

use crate::failure::unavailable;
use crate::money::{MILLION, POSTGRES_PLACES, SQLITE_PLACES, picodollars, rounded};
use crate::row::Row;
use crate::value::Value;

/// Runs statements. A transaction that is dropped without [`Session::commit`] has not happened.
pub(crate) enum Session {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTransaction(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTransaction(Transaction<'static, Postgres>),
}

enum Connection<'session> {
    Sqlite(&'session mut SqliteConnection),
    Postgres(&'session mut PgConnection),
}

impl Session {
    /// Runs a statement, and gives how many rows it has changed.
    ///
    /// Statements are written for both databases: tables are in the schema `trunkline`, which SQLite does not have, and
    /// values stand as `$1`, `$2`.
    pub(crate) async fn execute(&mut self, text: &str, values: Vec<Value<'_>>) -> Result<u64, Error> {
        match self.connection() {
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(sqlite_text(text), sqlite_arguments(values)?);
                query.execute(connection).await.map(|done| done.rows_affected())
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(postgres_text(text), postgres_arguments(values)?);
                query.execute(connection).await.map(|done| done.rows_affected())
            }
        }
        .map_err(unavailable)
    }

    /// Runs a statement, and gives its rows.
    pub(crate) async fn fetch(&mut self, text: &str, values: Vec<Value<'_>>) -> Result<Vec<Row>, Error> {
        match self.connection() {
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(sqlite_text(text), sqlite_arguments(values)?);
                let rows = query.fetch_all(connection).await;
                rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(postgres_text(text), postgres_arguments(values)?);
                let rows = query.fetch_all(connection).await;
                rows.map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        }
        .map_err(unavailable)
    }

    /// Runs a statement in PostgreSQL alone: what one writer need not do.
    pub(crate) async fn execute_in_postgres(
        &mut self,
        text: &str,
        values: Vec<Value<'_>>,
    ) -> Result<(), Error> {
        if self.is_postgres() {
            self.execute(text, values).await?;
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self {
            Self::SqliteTransaction(transaction) => transaction.commit().await.map_err(unavailable),
            Self::PostgresTransaction(transaction) => transaction.commit().await.map_err(unavailable),
            Self::Sqlite(_) | Self::Postgres(_) => Ok(()),
        }
    }

    /// Takes back what a transaction has done so far.
    pub(crate) async fn rollback(self) -> Result<(), Error> {
        match self {
            Self::SqliteTransaction(transaction) => transaction.rollback().await.map_err(unavailable),
            Self::PostgresTransaction(transaction) => transaction.rollback().await.map_err(unavailable),
            Self::Sqlite(_) | Self::Postgres(_) => Ok(()),
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_) | Self::PostgresTransaction(_))
    }

    /// How many places of a dollar are kept.
    pub(crate) fn places(&self) -> u32 {
        if self.is_postgres() { POSTGRES_PLACES } else { SQLITE_PLACES }
    }

    /// The sum of what a column holds and what is to be added to it, in a statement that inserts. SQLite's largest number
    /// is not far away for money: a sum stays where it is rather than refuse all that is recorded from then on.
    pub(crate) fn money_sum(&self, column: &str) -> String {
        let sum = format!("held.{column} + excluded.{column}");
        if self.is_postgres() { sum } else { format!("MIN({sum}, 9000000000000000000)") }
    }

    /// The function that gives the greatest of its arguments.
    pub(crate) fn greatest(&self) -> &'static str {
        if self.is_postgres() { "GREATEST" } else { "MAX" }
    }

    /// The sum of a column over rows, as two columns, `spent` and `rest`. SQLite gives up a statement whose sum passes its
    /// largest number, so that whole millions of picodollars and what is less are summed apart there.
    pub(crate) fn money_total(&self, column: &str) -> String {
        if self.is_postgres() {
            return format!("COALESCE(SUM({column}), 0) AS spent, 0 AS rest");
        }
        let [millions, less] = [format!("SUM({column} / {MILLION})"), format!("SUM({column} % {MILLION})")];
        format!(
            "COALESCE({millions} + {less} / {MILLION}, 0) AS spent, COALESCE({less} % {MILLION}, 0) AS rest"
        )
    }

    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::SqliteTransaction(transaction) => Connection::Sqlite(transaction),
            Self::Postgres(connection) => Connection::Postgres(connection),
            Self::PostgresTransaction(transaction) => Connection::Postgres(transaction),
        }
    }
}

fn sqlite_text(text: &str) -> SqlStr {
    AssertSqlSafe(text.replace("trunkline.", "")).into_sql_str()
}

fn postgres_text(text: &str) -> SqlStr {
    AssertSqlSafe(text.to_owned()).into_sql_str()
}

fn sqlite_arguments(values: Vec<Value<'_>>) -> Result<SqliteArguments, Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Integer(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text),
            Value::Money(amount) => arguments.add(amount.map(picodollars)),
        }
        .map_err(|error| unavailable(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: Vec<Value<'_>>) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 16 * values.len());
    for value in values {
        match value {
            Value::Integer(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text),
            Value::Money(amount) => arguments.add(amount.map(|amount| rounded(amount, POSTGRES_PLACES))),
        }
        .map_err(|error| unavailable(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}
