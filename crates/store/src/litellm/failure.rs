//! What a failure of a LiteLLM database is to those who asked.

use trunkline_core::{Error, ErrorKind};

use crate::failure::of_database;

/// The one error of a database that does not answer, or not as it should. What it said is the source.
pub(crate) fn unavailable(error: sqlx::Error) -> Error {
    of_database("LiteLLM's database", error)
}

/// A row is no object of JSON.
pub(crate) fn unreadable(table: &str, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::StoreUnavailable, format!("a row of {table} cannot be read")).with_source(error)
}
