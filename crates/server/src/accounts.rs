//! What keys and budgets need: a store, a pepper, a journal.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use trunkline_config::{DeploymentSettings, LedgerDurability, StoredRow};
use trunkline_core::{Error, ErrorKind, Secret};
use trunkline_gateway::Accounting;
use trunkline_journal::{Durability, Journal, Options as JournalOptions};
use trunkline_keys::{Keys, KeysOptions, Observer, Pepper, existing_pepper, pepper_of_folder, random_pepper};
use trunkline_ledger::Ledger;
use trunkline_limits::{Budget, Limits, Period};
use trunkline_management::{Deployments, Listener, Management, stored_models};
use trunkline_provider::Registry;
use trunkline_store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store};

use crate::managed::Managed;
use crate::shared;
use crate::sources::Sources;
use crate::stored::{self, Stored};
use crate::stranded;

/// How long rows are kept where there is nothing but memory to keep them.
const RETENTION_IN_MEMORY: Duration = Duration::from_secs(60);

/// Keys, and where they are kept.
pub(crate) struct Accounts {
    pub(crate) keys: Arc<Keys>,
    pub(crate) ledger: Ledger,
    /// What goes on beside requests.
    pub(crate) accounting: Accounting,
    pub(crate) managed: Arc<Managed>,
    /// Deployments that are kept in the store, where that is wanted.
    pub(crate) stored: Option<Arc<Stored>>,
}

impl Accounts {
    /// Opens what the sources name. `None` where nothing is kept.
    pub(crate) async fn open(
        sources: &Arc<Sources>,
        folder: Option<&Path>,
        registry: &Arc<Registry>,
    ) -> Result<Option<Self>, Error> {
        let settings = &sources.loaded.settings;
        let Some(place) = place(sources, folder) else { return Ok(None) };
        let folder = Folder::made(place);
        let pepper = Arc::new(Pepper::new(&pepper(sources, &folder)?));
        let store = store(sources, &folder).await?;
        let stored = settings.accounts.models_in_store.then(|| {
            let (store, pepper) = (Arc::clone(&store), Arc::clone(&pepper));
            Arc::new(Stored::new(store, pepper, Arc::clone(registry), Arc::clone(sources)))
        });
        tracing::info!(store = store.name(), folder = %folder.shown(), "keys and budgets are kept");
        if let (LedgerDurability::Memory, Some(path)) = (settings.trunkline.ledger_durability, folder.path())
        {
            stranded::deliver(&path.join(JOURNAL), &store).await?;
        }
        let ledger = Ledger::open(
            journal(sources, &folder)?,
            Arc::clone(&store),
            trunkline_ledger::Options::default(),
        );
        let leases = shared::leases(sources)?;
        let sharing = leases.is_some().then(|| shared::sharing(sources)).transpose()?;
        let options = KeysOptions { sharing, ..options(sources, stored.as_ref()) };
        let keys = Arc::new(Keys::new(store, pepper, options));
        let management = Management::new(Arc::clone(&keys), management_options(sources, stored.as_ref()))?;
        let managed = Arc::new(Managed::new(management, stored.clone()));
        // What is kept in memory cannot be kept for ever.
        let of_memory = folder.path().is_none() && settings.accounts.database_url.is_none();
        let retention = settings.accounts.retention.or(of_memory.then_some(RETENTION_IN_MEMORY));
        let mut accounting = Accounting::new(Arc::clone(&keys), ledger.clone(), retention);
        if let Some(leases) = leases {
            accounting = accounting.with_leases(Arc::new(leases));
        }
        accounting.begin().await;
        Ok(Some(Self { keys, ledger, accounting, managed, stored }))
    }
}

/// The folder of a server of these sources. `None` where nothing is kept: there is neither a master key, with which keys could
/// be made, nor a database or a folder that somebody named.
pub(crate) fn place(sources: &Sources, named: Option<&Path>) -> Option<Result<PathBuf, String>> {
    let settings = &sources.loaded.settings;
    let is_asked_for = settings.general.master_key.is_some()
        || settings.accounts.database_url.is_some()
        || settings.accounts.max_budget.is_some()
        || settings.accounts.models_in_store
        || named_folder(sources, named).is_some();
    is_asked_for.then(|| usual_place(sources, named))
}

/// The folder that was named, else the state's folder of whoever runs this.
fn usual_place(sources: &Sources, named: Option<&Path>) -> Result<PathBuf, String> {
    let environment = &sources.loaded.environment;
    let of_state = || environment.get("XDG_STATE_HOME").map(PathBuf::from);
    let of_home = || environment.get("HOME").map(|home| Path::new(home).join(".local/state"));
    let usual = || of_state().or_else(of_home).map(|folder| folder.join("trunkline"));
    named_folder(sources, named).or_else(usual).ok_or_else(|| "neither --data-dir nor HOME is set".to_owned())
}

/// The folder that a flag or the file names.
fn named_folder(sources: &Sources, named: Option<&Path>) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| {
        let folder = &sources.loaded.settings.trunkline.data_dir;
        Some(folder).filter(|folder| !folder.is_empty()).map(PathBuf::from)
    })
}

/// The file of a store in SQLite.
const FILE: &str = "trunkline.db";

/// The folder of the journal.
const JOURNAL: &str = "journal";

/// Where things are kept: a folder that can be written, or none.
pub(crate) struct Folder(Result<PathBuf, String>);

impl Folder {
    /// A folder, made where it is not there.
    pub(crate) fn made(place: Result<PathBuf, String>) -> Self {
        let path = match place {
            Ok(path) => path,
            Err(why) => return Self(Err(why)),
        };
        let made = std::fs::create_dir_all(&path).and_then(|()| check_writable(&path));
        Self(made.map(|()| path.clone()).map_err(|error| format!("{}: {error}", path.display())))
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.0.as_deref().ok()
    }

    pub(crate) fn shown(&self) -> String {
        match &self.0 {
            Ok(path) => path.display().to_string(),
            Err(why) => format!("none, {why}"),
        }
    }
}

/// Whether a file can be made in a folder. Several who start at once over one folder make a file each.
fn check_writable(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".writable-{:016x}", RandomState::new().hash_one(std::process::id())));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(probe)
}

/// `LITELLM_SALT_KEY`, else what was made at the first start. In memory alone, a key lives as long as the process.
///
/// # Errors
///
/// `Configuration` where keys outlive the process and what they are found by would not.
pub(crate) fn pepper(sources: &Sources, folder: &Folder) -> Result<Secret, Error> {
    if let Some(salt) = sources.loaded.environment.secret("LITELLM_SALT_KEY") {
        return Ok(salt);
    }
    match &folder.0 {
        Ok(path) => pepper_of_folder(path),
        Err(why) if sources.loaded.settings.accounts.database_url.is_some() => {
            let message = format!(
                "keys are kept in a database, and what they are found by would be lost with this process, since no file can \
                 be kept ({why}): set LITELLM_SALT_KEY, the same at every replica, or --data-dir to a folder that can be \
                 written"
            );
            Err(Error::new(ErrorKind::Configuration, message))
        }
        Err(_) => random_pepper(),
    }
}

/// The store that a server of these sources keeps, and the deployments in it, for a command beside it: it must be there.
/// One that only looks brings nothing up to date.
///
/// # Errors
///
/// If there is none, or it cannot be reached.
pub(crate) async fn store_of_others(
    sources: &Sources,
    folder: Option<&Path>,
    only_looks: bool,
) -> Result<(Arc<dyn Store>, Vec<DeploymentSettings>), Box<dyn std::error::Error>> {
    let path = usual_place(sources, folder);
    let has_database = sources.loaded.settings.accounts.database_url.is_some();
    let has_file = path.as_ref().is_ok_and(|path| path.join(FILE).is_file());
    if !has_database && !has_file {
        let place = path.map(|path| format!(" in {}", path.display())).unwrap_or_default();
        return Err(format!("there is no ledger{place}: name its folder with --data-dir").into());
    }
    let store = if only_looks {
        let existing = existing_store(sources, path.as_deref().ok()).await?;
        existing.ok_or("there is no ledger yet: no server has made one")?
    } else {
        store(sources, &Folder(path.clone())).await?
    };
    let mut deployments = Vec::new();
    if sources.loaded.settings.accounts.models_in_store {
        let pepper = Pepper::new(&looked_up_pepper(sources, path.as_deref().ok())?);
        let (models, _) = stored_models(&*store, &pepper).await?;
        let rows: Vec<StoredRow> = models.iter().map(stored::row).collect();
        deployments = stored::deployments(sources, &rows);
    }
    Ok((store, deployments))
}

/// The pepper of a server of these sources, as far as there is one: none is kept for later.
pub(crate) fn looked_up_pepper(sources: &Sources, place: Option<&Path>) -> Result<Secret, Error> {
    match sources.loaded.environment.secret("LITELLM_SALT_KEY") {
        Some(salt) => Ok(salt),
        None => place.map_or(Ok(None), existing_pepper)?.map_or_else(random_pepper, Ok),
    }
}

/// The store that a server of these sources keeps, to be looked at. `None` if it has not been made yet.
pub(crate) async fn existing_store(
    sources: &Sources,
    place: Option<&Path>,
) -> Result<Option<Arc<dyn Store>>, Error> {
    if let Some(url) = &sources.loaded.settings.accounts.database_url {
        let store = PostgresStore::existing(url, &PostgresOptions::default()).await?;
        return Ok(store.map(|store| -> Arc<dyn Store> { Arc::new(store) }));
    }
    let Some(place) = place else { return Ok(None) };
    let store = SqliteStore::existing(&place.join(FILE)).await?;
    Ok(store.map(|store| -> Arc<dyn Store> { Arc::new(store) }))
}

pub(crate) async fn store(sources: &Sources, folder: &Folder) -> Result<Arc<dyn Store>, Error> {
    let accounts = &sources.loaded.settings.accounts;
    if let Some(url) = &accounts.database_url {
        if sources.loaded.environment.get("LITELLM_SALT_KEY").is_none() {
            tracing::warn!(
                "keys are kept in a database, and LITELLM_SALT_KEY is not set: keys that are made here are known to this \
                 machine alone"
            );
        }
        let connections = u32::try_from(accounts.database_connections_max).unwrap_or(u32::MAX);
        let options = PostgresOptions { connections_max: connections, ..PostgresOptions::default() };
        return Ok(Arc::new(PostgresStore::connect(url, &options)?));
    }
    match folder.path() {
        Some(path) => {
            // What the store has, the journal forgets: it must survive what the journal would.
            let synced = sources.loaded.settings.trunkline.ledger_durability == LedgerDurability::Sync;
            let file = path.join(FILE);
            Ok(Arc::new(SqliteStore::open_with(&file, SqliteOptions { synced }).await?))
        }
        None => {
            tracing::error!(
                "keys and the ledger are kept in memory alone, and lost at the end: {}",
                folder.shown()
            );
            Ok(Arc::new(SqliteStore::in_memory().await?))
        }
    }
}

/// The journal of the ledger. One that cannot be written is kept in memory, and lost with the process.
fn journal(sources: &Sources, folder: &Folder) -> Result<Journal, Error> {
    let settings = &sources.loaded.settings;
    let own = &settings.trunkline;
    let durability = match own.ledger_durability {
        LedgerDurability::Memory => Durability::Memory,
        LedgerDurability::Write => Durability::Write,
        LedgerDurability::Sync => Durability::Sync,
    };
    match folder.path().filter(|_| durability != Durability::Memory) {
        Some(path) => {
            let options = JournalOptions {
                durability,
                bytes_max: own.ledger_bytes_max,
                format: trunkline_ledger::FORMAT,
                ..JournalOptions::default()
            };
            Journal::open(&path.join(JOURNAL), &options)
        }
        None => {
            if durability != Durability::Memory && settings.accounts.database_url.is_some() {
                tracing::error!(
                    "the ledger's journal is kept in memory alone: rows that the database does not have are lost at the \
                     end: {}",
                    folder.shown()
                );
            }
            let options = JournalOptions { format: trunkline_ledger::FORMAT, ..JournalOptions::in_memory() };
            Ok(Journal::in_memory(&options))
        }
    }
}

/// What new keys get, what none has more of, and whom to tell of what changes.
fn management_options(sources: &Sources, stored: Option<&Arc<Stored>>) -> trunkline_management::Options {
    let accounts = &sources.loaded.settings.accounts;
    trunkline_management::Options {
        key_defaults: accounts.default_key_parameters.to_map(),
        key_bounds: accounts.key_parameters_max.to_map(),
        max_budget: accounts.max_budget,
        listener: Arc::new(Told { stored: stored.cloned() }),
        deployments: stored.cloned().map(|stored| -> Arc<dyn Deployments> { stored }),
        ..trunkline_management::Options::default()
    }
}

/// What follows at once from what an administrator does here: deployments are taken up.
#[derive(Debug)]
struct Told {
    stored: Option<Arc<Stored>>,
}

impl Listener for Told {
    fn models_changed(&self) {
        self.stored.iter().for_each(|stored| stored.say());
    }
}

fn options(sources: &Sources, stored: Option<&Arc<Stored>>) -> KeysOptions {
    let settings = &sources.loaded.settings;
    let period = settings.accounts.budget_duration.as_deref().map(Period::parse);
    let budgets = settings.accounts.max_budget.map(|max| Budget::new(max, period));
    KeysOptions {
        cached_max: usize::try_from(settings.trunkline.keys_cached_max).unwrap_or(usize::MAX),
        deadline: Duration::from_millis(settings.trunkline.store_timeout_ms),
        global: Limits { budgets: budgets.into_iter().collect(), ..Limits::default() },
        user_budget_holds_for_teams: settings.accounts.user_budget_holds_for_teams,
        observer: stored.cloned().map(|stored| -> Arc<dyn Observer> { stored }),
        ..KeysOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_who_start_over_one_folder_can_all_write_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        check_writable(folder.path()).expect("it can be written");
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
    }
}
