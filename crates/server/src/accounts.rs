//! What keys and budgets need: a store, a pepper, a journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use trunkline_config::{CallLimits, LedgerDurability, StoredRow};
use trunkline_core::{Error, ErrorKind, Secret};
use trunkline_gateway::{Accounting, OwnThread};
use trunkline_journal::{Durability, Journal, Options as JournalOptions};
use trunkline_keys::{Keys, KeysOptions, Observer, Pepper, existing_pepper, pepper_of_folder, random_pepper};
use trunkline_ledger::{Ledger, deliver_stranded};
use trunkline_limits::{Budget, Limits, Period};
use trunkline_management::{Deployments, Management};
use trunkline_provider::Registry;
use trunkline_store::{DataFolder, PostgresOptions, SqliteOptions, Store, StorePlace};

use crate::managed::Managed;
use crate::redis;
use crate::sources::Sources;
use crate::stored::{self, Stored};

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
        registry: &Arc<Registry>,
    ) -> Result<Option<Self>, Error> {
        let settings = &sources.loaded.settings;
        let Some(place) = place(sources) else { return Ok(None) };
        let folder = DataFolder::made(place);
        let pepper = Arc::new(Pepper::new(&pepper(sources, &folder)?));
        let store = store(sources, &folder).await?;
        let stored = settings.accounts.models_in_store.then(|| {
            let (store, pepper) = (Arc::clone(&store), Arc::clone(&pepper));
            Arc::new(Stored::new(store, pepper, Arc::clone(registry), Arc::clone(sources)))
        });
        tracing::info!(store = store.name(), folder = %folder.shown(), "keys and budgets are kept");
        if let (LedgerDurability::Memory, Some(place)) =
            (settings.trunkline.ledger_durability, journal_place(&folder))
        {
            deliver_stranded(&place, &store).await?;
        }
        let ledger = Ledger::open(
            journal(sources, &folder)?,
            Arc::clone(&store),
            trunkline_ledger::Options::default(),
        );
        let (leases, sharing) = redis::leases(sources)?.unzip();
        let snapshot = snapshot(sources, &folder);
        let options = KeysOptions { sharing, snapshot, ..options(sources, stored.as_ref()) };
        let keys = Arc::new(Keys::new(store, pepper, options));
        let management = Management::new(Arc::clone(&keys), management_options(sources, stored.as_ref()))?;
        let managed = Arc::new(Managed::new(management, stored.clone()));
        // What is kept in memory cannot be kept for ever.
        let of_memory = folder.path().is_err() && settings.accounts.database_url.is_none();
        let retention = settings.accounts.retention.or(of_memory.then_some(RETENTION_IN_MEMORY));
        let mut accounting = Accounting::new(Arc::clone(&keys), ledger.clone(), retention);
        if let Some(leases) = leases {
            accounting = accounting.with_leases(Arc::new(leases));
        }
        accounting.begin().await;
        Ok(Some(Self { keys, ledger, accounting, managed, stored }))
    }
}

/// The folder of a server of these sources, or why there is none. `None` where nothing is kept.
pub(crate) fn place(sources: &Sources) -> Option<Result<PathBuf, String>> {
    sources.loaded.keeps_accounts(sources.flags.data_dir.as_deref()).then(|| usual_place(sources))
}

fn usual_place(sources: &Sources) -> Result<PathBuf, String> {
    let folder = sources.loaded.data_folder(sources.flags.data_dir.as_deref());
    folder.ok_or_else(|| "neither --data-dir nor HOME is set".to_owned())
}

/// `LITELLM_SALT_KEY`, else what was made at the first start. In memory alone, a key lives as long as the process.
///
/// # Errors
///
/// `Configuration` where keys outlive the process and what they are found by would not.
pub(crate) fn pepper(sources: &Sources, folder: &DataFolder) -> Result<Secret, Error> {
    if let Some(salt) = sources.loaded.environment.secret("LITELLM_SALT_KEY") {
        return Ok(salt);
    }
    match folder.path() {
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

/// The store that a server of these sources keeps, and the rows of deployments in it, for a command beside it: it must be
/// there. One that only looks makes nothing, and brings nothing up to date.
///
/// # Errors
///
/// If there is none, or it cannot be reached.
pub(crate) async fn store_of_others(
    sources: &Sources,
    only_looks: bool,
) -> Result<(Arc<dyn Store>, Vec<StoredRow>), Box<dyn std::error::Error>> {
    let folder = DataFolder::of_others(usual_place(sources));
    let place = store_place(sources, &folder);
    let is_there = match &place {
        StorePlace::Postgres(..) => true,
        StorePlace::Sqlite(file, _) => file.is_file(),
        StorePlace::Memory => false,
    };
    if !is_there {
        let place = folder.path().map(|path| format!(" in {}", path.display())).unwrap_or_default();
        return Err(format!("there is no ledger{place}: name its folder with --data-dir").into());
    }
    let existing = place.existing().await?.ok_or("there is no ledger yet: no server has made one")?;
    let store = if only_looks {
        existing
    } else {
        existing.close().await;
        place.open().await?
    };
    if !sources.loaded.settings.accounts.models_in_store {
        return Ok((store, Vec::new()));
    }
    let pepper = looked_up_pepper(sources, &folder)?;
    let rows = stored::rows(&*store, &pepper).await?;
    Ok((store, rows))
}

/// What keys are found by at a server of these sources, as far as there is one: none is kept for later.
pub(crate) fn looked_up_pepper(sources: &Sources, folder: &DataFolder) -> Result<Pepper, Error> {
    let existing = || folder.path().map_or(Ok(None), existing_pepper)?.map_or_else(random_pepper, Ok);
    let salt = sources.loaded.environment.secret("LITELLM_SALT_KEY");
    Ok(Pepper::new(&salt.map_or_else(existing, Ok)?))
}

/// Which store a server of these sources keeps, and where.
pub(crate) fn store_place(sources: &Sources, folder: &DataFolder) -> StorePlace {
    let accounts = &sources.loaded.settings.accounts;
    match &accounts.database_url {
        Some(url) => {
            let connections_max = u32::try_from(accounts.database_connections_max).unwrap_or(u32::MAX);
            StorePlace::Postgres(
                url.clone(),
                PostgresOptions {
                    connections_max,
                    partitions: accounts.rows_in_partitions,
                    ..PostgresOptions::default()
                },
            )
        }
        None => {
            // What the store has, the journal forgets: it must survive what the journal would.
            let synced = sources.loaded.settings.trunkline.ledger_durability == LedgerDurability::Sync;
            StorePlace::in_folder(folder.path().ok(), SqliteOptions { synced })
        }
    }
}

/// The store of a server of these sources. Where keys could be lost, it is told of.
async fn store(sources: &Sources, folder: &DataFolder) -> Result<Arc<dyn Store>, Error> {
    let place = store_place(sources, folder);
    match &place {
        StorePlace::Sqlite(..) => {
            // The thread that writes makes way for requests. One that reads is made by whoever asks first, and keys are read
            // by it: here, and not beside requests.
            let store = OwnThread::begin(place.open())?;
            store.ping().await?;
            return Ok(store);
        }
        StorePlace::Postgres(..) if sources.loaded.environment.get("LITELLM_SALT_KEY").is_none() => {
            tracing::warn!(
                "keys are kept in a database, and LITELLM_SALT_KEY is not set: keys that are made here are known to this \
                 machine alone"
            );
        }
        StorePlace::Memory => {
            tracing::error!(
                "keys and the ledger are kept in memory alone, and lost at the end: {}",
                folder.shown()
            );
        }
        StorePlace::Postgres(..) => {}
    }
    place.open().await
}

/// Where it is written down what is known of keys, for a start without the database. A store in the same folder needs none.
fn snapshot(sources: &Sources, folder: &DataFolder) -> Option<PathBuf> {
    sources.loaded.settings.accounts.database_url.as_ref()?;
    if folder.path().is_err() {
        tracing::warn!(
            "a start without the database will know no keys, since no file can be kept: {}",
            folder.shown()
        );
    }
    Some(folder.path().ok()?.join("keys.snapshot"))
}

/// The journal of the ledger. One that cannot be written is kept in memory, and lost with the process.
fn journal(sources: &Sources, folder: &DataFolder) -> Result<Journal, Error> {
    let settings = &sources.loaded.settings;
    let own = &settings.trunkline;
    let durability = match own.ledger_durability {
        LedgerDurability::Memory => Durability::Memory,
        LedgerDurability::Write => Durability::Write,
        LedgerDurability::Sync => Durability::Sync,
    };
    if folder.path().is_err() && durability != Durability::Memory && settings.accounts.database_url.is_some()
    {
        tracing::error!(
            "the ledger's journal is kept in memory alone: rows that the database does not have are lost at the end: {}",
            folder.shown()
        );
    }
    let options = JournalOptions {
        durability,
        bytes_max: own.ledger_bytes_max,
        format: trunkline_ledger::FORMAT,
        ..JournalOptions::default()
    };
    Journal::open_or_in_memory(journal_place(folder).as_deref(), &options)
}

/// The folder of the journal, where there is a folder.
fn journal_place(folder: &DataFolder) -> Option<PathBuf> {
    folder.path().ok().map(|path| path.join("journal"))
}

/// What new keys get, what none has more of, and who serves deployments.
fn management_options(sources: &Sources, stored: Option<&Arc<Stored>>) -> trunkline_management::Options {
    let accounts = &sources.loaded.settings.accounts;
    trunkline_management::Options {
        key_defaults: accounts.default_key_parameters.to_map(),
        key_bounds: accounts.key_parameters_max.to_map(),
        max_budget: accounts.max_budget,
        deployments: stored.cloned().map(|stored| -> Arc<dyn Deployments> { stored }),
        ..trunkline_management::Options::default()
    }
}

fn limits(of: CallLimits) -> Limits {
    Limits {
        requests_per_minute: of.rpm_limit,
        tokens_per_minute: of.tpm_limit,
        parallel: of.max_parallel_requests,
        ..Limits::default()
    }
}

fn options(sources: &Sources, stored: Option<&Arc<Stored>>) -> KeysOptions {
    let settings = &sources.loaded.settings;
    let period = settings.accounts.budget_duration.as_deref().map(Period::parse);
    let budgets = settings.accounts.max_budget.map(|max| Budget::new(max, period));
    let of_all = &settings.trunkline.global_limits;
    KeysOptions {
        cached_max: usize::try_from(settings.trunkline.keys_cached_max).unwrap_or(usize::MAX),
        deadline: Duration::from_millis(settings.trunkline.store_timeout_ms),
        global: Limits { budgets: budgets.into_iter().collect(), ..limits(of_all.of_all_models()) },
        global_by_model: of_all.models.iter().map(|(model, of)| (model.clone(), limits(*of))).collect(),
        user_budget_holds_for_teams: settings.accounts.user_budget_holds_for_teams,
        observer: stored.cloned().map(|stored| -> Arc<dyn Observer> { stored }),
        ..KeysOptions::default()
    }
}
