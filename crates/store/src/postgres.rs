//! The store in PostgreSQL: what several replicas share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgPool};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use trunkline_core::{Error, ErrorKind, Secret};

use crate::RequestRow;
use crate::database::Database;
use crate::failure::unavailable;
use crate::partitions::{self, FIRST_DAY, Partitions};
use crate::schema;
use crate::session::Session;
use crate::sqlite::now;

/// How long a connection may have lain idle before it is asked whether it is still there.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long the database goes on with a statement whose caller may be gone, and keeps its locks. It is said once there is a
/// connection, and not as it is made: a pooler such as PgBouncer refuses what it does not know then.
const STATEMENT_LIMIT: &str =
    "SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '60s'";

/// The advisory lock of those who make tables.
const TABLES_LOCK: i64 = i64::from_be_bytes(*b"trunkli\x00");

/// What parts of an address are understood. Those that other programs put there are passed over.
const KNOWN_PARAMETERS: [&str; 13] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// How a PostgreSQL database is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// How many connections are held at most. Default 10.
    pub connections_max: u32,
    /// How long is waited for a connection: for one that is busy, or for a new one to be made. Default 5 s.
    pub acquire_timeout: Duration,
    /// Whether rows of requests stand in a partition for each day (in UTC), which goes whole once it is old, from the first
    /// row on: a table that has rows stays as it is. One that has partitions keeps them, whatever stands here. Default no.
    pub partitions: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { connections_max: 10, acquire_timeout: Duration::from_secs(5), partitions: false }
    }
}

/// A store in PostgreSQL, 12 or later.
///
/// All of it is in the schema `trunkline`; other tables of the database are never touched. The database may be down when
/// the store is made: tables are made by the first call that reaches it, and every call before fails.
///
/// A new connection takes longer than a short deadline, and a caller who goes away ends its making. Who asks with short
/// deadlines asks now and then with a longer one as well: [`Store::ping`](crate::Store::ping).
///
/// Money is kept with fifteen places, rounded half to even. Writers of objects tell those who `LISTEN trunkline_changes`.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    wants_partitions: bool,
    tables: Arc<OnceCell<Partitions>>,
}

impl PostgresStore {
    /// A store at an address: `postgresql://user:password@host:5432/name?sslmode=require`. Connects when it is first used.
    ///
    /// # Errors
    ///
    /// `ErrorKind::Configuration` if that is no address of a PostgreSQL database, `ErrorKind::Internal` outside of a Tokio
    /// runtime, which connections are closed on.
    pub fn connect(url: &Secret, options: &PostgresOptions) -> Result<Self, Error> {
        if Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Internal, "a PostgreSQL store needs a Tokio runtime"));
        }
        let connect_options = parse(url)?;
        let pool = PgPoolOptions::new()
            .max_connections(options.connections_max.max(1))
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(STATEMENT_LIMIT).await.map(drop) })
            })
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    if metadata.idle_for > TRUSTED_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(connect_options);
        Ok(Self { pool, wants_partitions: options.partitions, tables: Arc::new(OnceCell::new()) })
    }

    /// The store that a database has already, to be looked at: no table is made or brought up to date. `None` if there is
    /// none.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::connect`], and `ErrorKind::StoreUnavailable` if the database does not answer.
    pub async fn existing(url: &Secret, options: &PostgresOptions) -> Result<Option<Self>, Error> {
        let store = Self::connect(url, options)?;
        let mut session = store.pool.acquire().await.map(Session::Postgres).map_err(unavailable)?;
        if schema::version(&mut session).await? == 0 {
            return Ok(None);
        }
        let partitions = Partitions::new(partitions::is_parted(&mut session).await?);
        drop(session);
        Ok(Some(Self { tables: Arc::new(OnceCell::new_with(Some(partitions))), ..store }))
    }

    /// The partitions that rows stand in, if any. Tables are made first where they are missing; what fails is tried
    /// again by the next call.
    async fn tables(&self) -> Result<&Partitions, Error> {
        self.tables.get_or_try_init(|| self.make_tables()).await
    }

    async fn make_tables(&self) -> Result<Partitions, Error> {
        let mut session = self.pool.acquire().await.map(Session::Postgres).map_err(unavailable)?;
        let is_newest = schema::version(&mut session).await? >= schema::NEWEST;
        let mut is_parted = partitions::is_parted(&mut session).await?;
        drop(session);
        if !is_newest || (self.wants_partitions && !is_parted) {
            let mut session =
                self.pool.begin().await.map(Session::PostgresTransaction).map_err(unavailable)?;
            session.execute("SELECT pg_advisory_xact_lock($1)", vec![TABLES_LOCK.into()]).await?;
            schema::migrate(&mut session, now()).await?;
            if self.wants_partitions {
                is_parted = partitions::part(&mut session, &schema::of_requests()).await?;
            }
            session.commit().await?;
            if self.wants_partitions && !is_parted {
                tracing::warn!(
                    "use_spend_logs_partitioning: the ledger has rows already, and they stay in one table"
                );
            }
        }
        Ok(Partitions::new(is_parted))
    }
}

#[async_trait]
impl Database for PostgresStore {
    const NAME: &'static str = "postgresql";

    async fn read(&self) -> Result<Session, Error> {
        self.tables().await?;
        self.pool.acquire().await.map(Session::Postgres).map_err(unavailable)
    }

    async fn begin(&self) -> Result<Session, Error> {
        self.tables().await?;
        self.pool.begin().await.map(Session::PostgresTransaction).map_err(unavailable)
    }

    async fn make_room(&self, rows: &[&RequestRow]) -> Result<(), Error> {
        self.tables().await?.make(self, rows.iter().map(|row| row.started_at)).await
    }

    fn doubt_room(&self) {
        if let Some(partitions) = self.tables.get() {
            partitions.doubt();
        }
    }

    async fn forget_days(&self, before: i64, recorded_before: i64) -> Result<i64, Error> {
        let partitions = self.tables().await?;
        if !partitions.has_any() {
            return Ok(before);
        }
        partitions.drop_before(self, before, recorded_before).await?;
        Ok(before.min(FIRST_DAY))
    }

    async fn end(&self) {
        self.pool.close().await;
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresStore")
            .field("connections", &self.pool.size())
            .finish_non_exhaustive()
    }
}

/// An address as it is connected to, be it behind a pooler.
pub(crate) fn parse(url: &Secret) -> Result<PgConnectOptions, Error> {
    // Neither the address nor what is wrong with it is shown: a password stands in it.
    let wrong = || {
        let message =
            "the database's address is none of PostgreSQL: postgresql://user:password@host:5432/name";
        Error::new(ErrorKind::Configuration, message)
    };
    let text = url.expose();
    if !text.starts_with("postgresql://") && !text.starts_with("postgres://") {
        return Err(wrong());
    }
    let options: PgConnectOptions = understood(text).parse().map_err(|_| wrong())?;
    // A pooler such as PgBouncer refuses a connection that says how floats are written.
    Ok(options.application_name("trunkline").extra_float_digits(None).disable_statement_logging())
}

/// An address without the parameters that nobody here understands.
fn understood(url: &str) -> String {
    let Some((address, parameters)) = url.split_once('?') else { return url.to_owned() };
    let known = parameters.split('&').filter(|parameter| {
        let name = parameter.split_once('=').map_or(*parameter, |(name, _)| name);
        KNOWN_PARAMETERS.contains(&name)
    });
    format!("{address}?{}", known.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_other_programs_are_passed_over() {
        let url = "postgresql://u:p@h:5432/litellm?schema=public&sslmode=require&connection_limit=10";
        assert_eq!(understood(url), "postgresql://u:p@h:5432/litellm?sslmode=require");
        assert_eq!(understood("postgres://h/d"), "postgres://h/d");
    }

    #[test]
    fn an_address_of_something_else_is_refused_and_not_shown() {
        for url in ["mysql://root:hunter2@h/d", "postgresql://u:hunter2@h:port/d", ""] {
            let error = parse(&Secret::new(url)).expect_err("no address of PostgreSQL");
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!format!("{error:?} {error}").contains("hunter2"));
        }
    }
}
