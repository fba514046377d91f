//! The store in one file of SQLite: the default, for one process on one machine.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlitePool};
use trunkline_core::{Error, ErrorKind};

use crate::database::Database;
use crate::failure::unavailable;
use crate::schema;
use crate::session::Session;

/// How many can read at once. Readers do not wait for the writer, nor it for them.
const READERS_MAX: u32 = 4;

/// How long is waited for a connection, and for another process that writes to the same file.
const WAIT: Duration = Duration::from_secs(5);

/// After how long a file that another connection has for itself is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// SQLite's code for a file that another connection has for itself.
const BUSY: u32 = 5;

/// How long a reader's connection is kept without use.
const READER_IDLE: Duration = Duration::from_secs(60);

/// How many pages the write-ahead log has before it is written back: 16 MiB. What changes often is written back once.
const WAL_PAGES: &str = "4000";

/// How much of the file the writer keeps in memory, in KiB, as SQLite writes it.
const WRITER_CACHE: &str = "-8000";

/// How large the write-ahead log stays once it has been written back.
const WAL_BYTES_MAX: &str = "67108864";

/// How a file of SQLite is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Whether what was committed survives the end of the machine too: each commit waits for the disk. Default false.
    pub synced: bool,
}

/// A store in SQLite.
///
/// There is one connection that writes, and up to four that read. What was committed survives the end of the process;
/// unless [`SqliteOptions::synced`] is set, the last moments before the *machine* loses power may be lost, but the file is
/// never left broken.
///
/// Money is kept in whole picodollars (0.000000000001 US dollars), rounded half to even; one sum goes up to 9 million
/// dollars and stays there. The rows themselves keep every figure as it was given.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens a file, and makes it, and the folders that it is in, where they are not there: readable by their owner alone.
    /// What is written is written by a thread of its own, which has the priority of the one that this is called on.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` if the file cannot be made, or is none of ours.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, SqliteOptions::default()).await
    }

    /// As [`SqliteStore::open`], used as the options say.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`].
    pub async fn open_with(path: &Path, how: SqliteOptions) -> Result<Self, Error> {
        create(path).map_err(|error| {
            let message = format!("the store {} cannot be made", path.display());
            Error::new(ErrorKind::StoreUnavailable, message).with_source(error)
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("journal_size_limit", WAL_BYTES_MAX);
        let options = usual(options);
        let for_writer = options
            .clone()
            .synchronous(if how.synced { SqliteSynchronous::Full } else { SqliteSynchronous::Normal })
            .pragma("wal_autocheckpoint", WAL_PAGES)
            .pragma("cache_size", WRITER_CACHE);
        let writer = writer(for_writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(WAIT)
            .idle_timeout(READER_IDLE)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        let store = Self { writer, readers };
        store.migrate().await?;
        Ok(store)
    }

    /// The store that a file holds already, to be looked at: nothing in it is changed or brought up to date. `None` if
    /// there is no such file, or no store in it.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` if the file cannot be read, or is none of ours.
    pub async fn existing(path: &Path) -> Result<Option<Self>, Error> {
        if !path.exists() {
            return Ok(None);
        }
        let readers =
            writer(usual(SqliteConnectOptions::new().filename(path)).pragma("query_only", "ON")).await?;
        let store = Self { writer: readers.clone(), readers };
        let version = schema::version(&mut store.read().await?).await?;
        Ok((version > 0).then_some(store))
    }

    /// A store that ends with the process: for tests, and where there is no disk to write to. One connection reads and
    /// writes, so that readers wait for the writer.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` if there is no memory for it.
    pub async fn in_memory() -> Result<Self, Error> {
        let writer = writer(usual(SqliteConnectOptions::new().filename(":memory:"))).await?;
        let store = Self { readers: writer.clone(), writer };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), Error> {
        // By the writer, which is there: readers connect when they are wanted, with the threads of those who want them.
        let mut session = self.writer.acquire().await.map(Session::Sqlite).map_err(unavailable)?;
        let version = schema::version(&mut session).await?;
        drop(session);
        if version >= schema::NEWEST {
            return Ok(());
        }
        // Of two processes that start at once the second waits here, and finds the tables there.
        let mut session = self.begin().await?;
        schema::migrate(&mut session, now()).await?;
        session.commit().await
    }
}

#[async_trait]
impl Database for SqliteStore {
    const NAME: &'static str = "sqlite";

    async fn read(&self) -> Result<Session, Error> {
        self.readers.acquire().await.map(Session::Sqlite).map_err(unavailable)
    }

    async fn begin(&self) -> Result<Session, Error> {
        // A transaction that begins as a reader's can fail to become a writer's; this one waits for its turn.
        self.writer.begin_with("BEGIN IMMEDIATE").await.map(Session::SqliteTransaction).map_err(unavailable)
    }

    async fn end(&self) {
        self.readers.close().await;
        // The last to close the file writes the write-ahead log back.
        self.writer.close().await;
    }
}

fn usual(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(WAIT)
        .foreign_keys(false)
        .statement_cache_capacity(200)
        .disable_statement_logging()
}

async fn writer(options: SqliteConnectOptions) -> Result<SqlitePool, Error> {
    let deadline = Instant::now() + WAIT;
    loop {
        match connect(options.clone()).await {
            // The first connection turns a new file's journal into a write-ahead log, alone. SQLite does not wait for that
            // by itself, since two who both wait would wait for each other.
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            outcome => return outcome.map_err(unavailable),
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    // An extended code holds the plain one in its lowest byte.
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == BUSY)
}

async fn connect(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(WAIT)
        // A store in memory is gone with its connection.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

fn create(path: &Path) -> io::Result<()> {
    let mut folders = DirBuilder::new();
    folders.recursive(true);
    let mut file = OpenOptions::new();
    file.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folders.mode(0o700);
        file.mode(0o600);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        folders.create(folder)?;
    }
    file.open(path).map(drop)
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(synced: bool, expected: i64) {
        let folder = tempfile::tempdir().expect("a folder");
        let how = SqliteOptions { synced };
        let store = SqliteStore::open_with(&folder.path().join("s.db"), how).await.expect("a store");
        let mut session = store.begin().await.expect("a transaction");
        let rows = session.fetch("PRAGMA synchronous", Vec::new()).await.expect("an answer");
        assert_eq!(rows[0].integer(0).expect("a number"), expected, "{how:?}");
    }

    #[tokio::test]
    async fn a_commit_waits_for_the_disk_where_that_is_asked_for() {
        // In SQLite's words: NORMAL, of which the write-ahead log is not forced to the disk, and FULL.
        check(false, 1).await;
        check(true, 2).await;
    }
}
