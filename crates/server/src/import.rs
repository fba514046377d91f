//! `trunkline import-litellm`: LiteLLM's keys, brought into the store that the server would use.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use trunkline_core::Environment;
use trunkline_keys::Pepper;
use trunkline_management::{Import, ImportOptions};
use trunkline_store::{DataFolder, LitellmDatabase, Store, StorePlace};

use crate::accounts;
use crate::flags::{Flags, ImportFlags};
use crate::sources::Sources;

/// Imports, and prints what came of it.
pub(crate) fn run(
    asked: &ImportFlags,
    flags: &Flags,
    environment: &Environment,
) -> Result<(), Box<dyn Error>> {
    let sources = Sources::read(flags, environment)?;
    // What else is found is about what is served, which is not the question here.
    sources.refuse_fatal(|finding| {
        if finding.fatal {
            eprintln!("{finding}");
        }
    })?;
    let settings = &sources.loaded.settings;
    let from = asked.from.as_ref().or(settings.accounts.database_url.as_ref());
    let from = from.ok_or("no database to import from: name LiteLLM's by --from, or by DATABASE_URL")?;
    let database = LitellmDatabase::new(from)?;
    let options = ImportOptions {
        dry_run: asked.dry_run,
        overwrite: asked.overwrite,
        allowed: flags.allow_unsupported.clone(),
        master_key: settings.general.master_key.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let (store, pepper) = target(&sources, asked.dry_run).await?;
        let imported = Import::new(Arc::clone(&store), pepper, options).run(&database).await;
        store.close().await;
        Ok::<_, Box<dyn Error>>(imported?)
    })?;
    std::io::stdout().write_all(report.to_string().as_bytes())?;
    Ok(())
}

/// The store that the server would use, and what keys are found by in it.
async fn target(sources: &Sources, only_looks: bool) -> Result<(Arc<dyn Store>, Pepper), Box<dyn Error>> {
    let place = accounts::place(sources).ok_or(
        "the server would keep no keys, if it were started like this: set LITELLM_MASTER_KEY, or name its \
         configuration by --config",
    )?;
    if only_looks {
        return Ok(looked_at(sources, &DataFolder::of_others(place)).await?);
    }
    let folder = DataFolder::made(place);
    let is_shared = sources.loaded.settings.accounts.database_url.is_some();
    if folder.path().is_err() && !is_shared {
        return Err(format!("keys would be kept in memory alone: {}", folder.shown()).into());
    }
    let pepper = Pepper::new(&accounts::pepper(sources, &folder)?);
    if is_shared && sources.loaded.environment.get("LITELLM_SALT_KEY").is_none() {
        eprintln!(
            "trunkline: LITELLM_SALT_KEY is not set: the keys are known to servers that have this pepper alone, {}",
            folder.shown()
        );
    }
    Ok((accounts::store_place(sources, &folder).open().await?, pepper))
}

/// The same, and nothing is made: where there is no store yet, an empty one takes its place.
async fn looked_at(
    sources: &Sources,
    folder: &DataFolder,
) -> Result<(Arc<dyn Store>, Pepper), trunkline_core::Error> {
    let pepper = accounts::looked_up_pepper(sources, folder)?;
    let store = match accounts::store_place(sources, folder).existing().await? {
        Some(store) => store,
        None => StorePlace::Memory.open().await?,
    };
    Ok((store, pepper))
}
