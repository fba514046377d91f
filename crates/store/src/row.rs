//! One row of an answer, read column by column.

use rust_decimal::Decimal;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, Type};
use trunkline_core::Error;

use crate::failure::unavailable;
use crate::money::{dollars, total};

/// A row of either database. Columns are numbered from 0, in the order of the statement.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn integer(&self, column: usize) -> Result<i64, Error> {
        match self {
            Self::Sqlite(row) => get(row, column),
            Self::Postgres(row) => get(row, column),
        }
    }

    pub(crate) fn text(&self, column: usize) -> Result<String, Error> {
        match self {
            Self::Sqlite(row) => get(row, column),
            Self::Postgres(row) => get(row, column),
        }
    }

    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<String>, Error> {
        match self {
            Self::Sqlite(row) => get(row, column),
            Self::Postgres(row) => get(row, column),
        }
    }

    pub(crate) fn money(&self, column: usize) -> Result<Decimal, Error> {
        match self {
            Self::Sqlite(row) => get(row, column).map(dollars),
            Self::Postgres(row) => get(row, column).map(|amount: Decimal| amount.normalize()),
        }
    }

    /// The sum of a column of money, which takes two columns:
    /// [`Session::money_total`](crate::session::Session::money_total).
    pub(crate) fn money_total(&self, column: usize) -> Result<Decimal, Error> {
        match self {
            Self::Sqlite(row) => Ok(total(get(row, column)?, get(row, column + 1)?)),
            Self::Postgres(_) => self.money(column),
        }
    }

    /// A count, which no honest sum makes negative.
    pub(crate) fn count(&self, column: usize) -> Result<u64, Error> {
        Ok(u64::try_from(self.integer(column)?).unwrap_or(0))
    }
}

fn get<'row, R, T>(row: &'row R, column: usize) -> Result<T, Error>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    T: Decode<'row, R::Database> + Type<R::Database>,
{
    row.try_get(column).map_err(unavailable)
}
