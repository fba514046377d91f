//! Which store it is, and where.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use trunkline_core::{Error, Secret};

use crate::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store};

/// Which store it is, and where. Nothing is opened before it is asked for.
#[derive(Clone, Debug)]
pub enum StorePlace {
    /// A database of PostgreSQL, by its address.
    Postgres(Secret, PostgresOptions),
    /// A file of SQLite.
    Sqlite(PathBuf, SqliteOptions),
    /// The memory of this process, with which it ends.
    Memory,
}

/// The file of a store in a folder.
const FILE: &str = "trunkline.db";

impl StorePlace {
    /// The file of a folder; memory where there is none.
    pub fn in_folder(folder: Option<&Path>, options: SqliteOptions) -> Self {
        folder.map_or(Self::Memory, |folder| Self::Sqlite(folder.join(FILE), options))
    }

    /// The store there, made where it is not.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::connect`] and [`SqliteStore::open`].
    pub async fn open(&self) -> Result<Arc<dyn Store>, Error> {
        Ok(match self {
            Self::Postgres(url, options) => Arc::new(PostgresStore::connect(url, options)?),
            Self::Sqlite(file, options) => Arc::new(SqliteStore::open_with(file, *options).await?),
            Self::Memory => Arc::new(SqliteStore::in_memory().await?),
        })
    }

    /// The store that is there already, to be looked at: nothing is made or changed. `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::existing`] and [`SqliteStore::existing`].
    pub async fn existing(&self) -> Result<Option<Arc<dyn Store>>, Error> {
        Ok(match self {
            Self::Postgres(url, options) => PostgresStore::existing(url, options).await?.map(shared),
            Self::Sqlite(file, _) => SqliteStore::existing(file).await?.map(shared),
            Self::Memory => None,
        })
    }
}

fn shared<S: Store>(store: S) -> Arc<dyn Store> {
    Arc::new(store)
}
