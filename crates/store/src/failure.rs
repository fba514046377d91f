//! What a database's failure is to those who asked.

use trunkline_core::{Error, ErrorKind};

/// The one error of a database that does not answer, or not as it should. What it said is for the log.
pub(crate) fn unavailable(error: sqlx::Error) -> Error {
    of_database("the store", error)
}

/// The same of any database.
pub(crate) fn of_database(database: &str, error: sqlx::Error) -> Error {
    let what = match &error {
        sqlx::Error::PoolTimedOut => "gave no connection in time",
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => "cannot be reached",
        _ => "does not answer as it should",
    };
    Error::new(ErrorKind::StoreUnavailable, format!("{database} {what}")).with_source(error)
}

/// What is kept cannot be read.
pub(crate) fn unreadable(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::StoreUnavailable, format!("the store keeps {what} that cannot be read"))
        .with_source(error)
}

/// What was given cannot be kept.
pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}
