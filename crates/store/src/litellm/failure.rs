//! What a failure of a LiteLLM database is to those who asked.

use trunkline_core::{Error, ErrorKind};

/// The one error of a database that does not answer, or not as it should. What it said is the source.
pub(crate) fn unavailable(error: sqlx::Error) -> Error {
    let message = match &error {
        sqlx::Error::PoolTimedOut => "LiteLLM's database gave no connection in time",
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => "LiteLLM's database cannot be reached",
        _ => "LiteLLM's database does not answer as it should",
    };
    Error::new(ErrorKind::StoreUnavailable, message).with_source(error)
}

/// A row is no object of JSON.
pub(crate) fn unreadable(table: &str, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::StoreUnavailable, format!("a row of {table} cannot be read")).with_source(error)
}
