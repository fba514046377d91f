//! What a database's failure is to those who asked.

use trunkline_core::{Error, ErrorKind};

/// The one error of a database that does not answer, or not as it should. What it said is for the log.
pub(crate) fn unavailable(error: sqlx::Error) -> Error {
    let message = match &error {
        sqlx::Error::PoolTimedOut => "the store gave no connection in time",
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => "the store cannot be reached",
        _ => "the store does not answer as it should",
    };
    Error::new(ErrorKind::StoreUnavailable, message).with_source(error)
}

/// What is kept cannot be read.
pub(crate) fn unreadable(what: &str, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::StoreUnavailable, format!("the store keeps {what} that cannot be read"))
        .with_source(error)
}

/// What was given cannot be kept.
pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}
