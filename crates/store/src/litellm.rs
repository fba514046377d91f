//! Somebody else's tables: those of a LiteLLM database, which are read and never written.

mod failure;
mod snapshot;
mod table;

use std::fmt;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use trunkline_core::{Error, Secret};

use crate::postgres::parse;

use failure::unavailable;

pub use snapshot::{LitellmRow, LitellmSnapshot};
pub use table::LitellmTable;

/// How long is waited for the connection.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// The schema that Prisma takes where an address names none.
const USUAL_SCHEMA: &str = "public";

/// A PostgreSQL database that LiteLLM keeps its keys in.
#[derive(Clone)]
pub struct LitellmDatabase {
    options: PgConnectOptions,
    schema: String,
}

impl LitellmDatabase {
    /// The database at an address: LiteLLM's `DATABASE_URL`, whose `schema` is looked at too. Connects when it is read.
    ///
    /// # Errors
    ///
    /// `ErrorKind::Configuration` if that is no address of a PostgreSQL database.
    pub fn new(url: &Secret) -> Result<Self, Error> {
        Ok(Self { options: parse(url)?, schema: schema_of(url.expose()).to_owned() })
    }

    /// All of its tables as they are at this moment, in one transaction that can only read.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` if the database does not answer, `ErrorKind::NotFound` if it has no table of keys.
    pub async fn snapshot(&self) -> Result<LitellmSnapshot, Error> {
        let connecting = PgConnection::connect_with(&self.options);
        let connected = tokio::time::timeout(CONNECT_WAIT, connecting).await;
        let connection = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(unavailable)?;
        LitellmSnapshot::begin(connection, &self.schema).await
    }
}

impl fmt::Debug for LitellmDatabase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password stands in the rest.
        formatter.debug_struct("LitellmDatabase").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// The schema that an address names in Prisma's way.
fn schema_of(url: &str) -> &str {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let named = parameters.split('&').find_map(|parameter| parameter.strip_prefix("schema="));
    named.filter(|schema| !schema.is_empty()).unwrap_or(USUAL_SCHEMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_schema_as_prisma_has_it() {
        assert_eq!(schema_of("postgresql://u:p@h/litellm"), "public");
        assert_eq!(schema_of("postgresql://u:p@h/litellm?sslmode=require&schema=gateway"), "gateway");
        assert_eq!(schema_of("postgresql://u:p@h/litellm?schema="), "public");
    }

    #[test]
    fn a_password_is_not_shown() {
        let database = LitellmDatabase::new(&Secret::new("postgresql://u:hunter2@h/d")).expect("an address");
        assert!(!format!("{database:?}").contains("hunter2"));
    }
}
