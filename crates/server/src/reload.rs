//! What is served, made anew while the server runs: from the file, and from what the store keeps of deployments.
//!
//! Each is taken up as a whole, or not at all.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use trunkline_config::{Contents, Followed, Loaded, StoredRow};
use trunkline_gateway::Gateway;
use trunkline_provider::Registry;
use trunkline_router::Router;

use crate::beside::if_any;
use crate::finding::tell;
use crate::sources::Sources;
use crate::stored::Stored;

/// After how long the store is asked again that did not answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Makes the router anew when the file changes, when the process is told to (SIGHUP), and when deployments are added.
pub(crate) struct Reloader {
    gateway: Arc<Gateway>,
    registry: Arc<Registry>,
    /// What the start took up, part of which only a start can.
    at_start: Arc<Sources>,
    /// What serves now.
    sources: Arc<Sources>,
    /// `None` where no file says what is served. SIGHUP then ends the process, as it always has.
    file: Option<(Followed, Signal)>,
    /// `None` where deployments stand in the file alone.
    stored: Option<Arc<Stored>>,
    /// What the store keeps, as it was known last.
    rows: Vec<StoredRow>,
    /// Whether the store is to be asked again, which did not answer.
    is_due: bool,
}

impl Reloader {
    /// `rows` is what of the store serves already; `None` if it did not answer.
    ///
    /// # Errors
    ///
    /// If the signal cannot be listened for.
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        registry: Arc<Registry>,
        sources: Arc<Sources>,
        (stored, rows): (Option<Arc<Stored>>, Option<Vec<StoredRow>>),
    ) -> std::io::Result<Self> {
        let file = match sources.file().cloned() {
            None => None,
            Some(path) => {
                let is_watched = sources.loaded.settings.trunkline.reload;
                let followed = Followed::new(path, sources.contents.clone(), is_watched);
                Some((followed, signal(SignalKind::hangup())?))
            }
        };
        let (is_due, rows) = (rows.is_none(), rows.unwrap_or_default());
        let at_start = Arc::clone(&sources);
        Ok(Self { gateway, registry, at_start, sources, file, stored, rows, is_due })
    }

    /// Never ends; whoever polls it ends it.
    pub(crate) async fn run(mut self) {
        if self.file.as_ref().is_some_and(|(file, _)| file.is_watched()) {
            // What changed between the start and the watch.
            self.look(false).await;
        }
        loop {
            let news = tokio::select! {
                is_asked_for = changed(self.file.as_mut()) => News::OfFile { is_asked_for },
                () = if_any(self.stored.as_deref().map(Stored::news)), if !self.is_due => News::OfStore,
                () = tokio::time::sleep(ASK_AGAIN), if self.is_due => News::OfStore,
            };
            match news {
                News::OfFile { is_asked_for } => self.look(is_asked_for).await,
                News::OfStore => self.look_into_store().await,
            }
        }
    }

    /// Reads the file, where it has changed or in any case, and takes it up with what the store keeps.
    async fn look(&mut self, is_asked_for: bool) {
        let Some((file, _)) = &mut self.file else { return };
        let _turn = self.gateway.replacing().await;
        let (look, sources, registry) =
            (file.look(is_asked_for), Arc::clone(&self.sources), Arc::clone(&self.registry));
        let (before, rows) = (self.gateway.router(), self.rows.clone());
        // Files are read where no request waits for it.
        let take =
            move || look.take(|file, contents| read(&sources, &registry, file, contents, &before, &rows));
        let (read, unwatched) = match tokio::task::spawn_blocking(take).await {
            Ok(looked) => file.take_in(looked),
            Err(error) => return refuse(&self.gateway, file, &error.to_string()),
        };
        match read {
            None => {}
            Some(Ok((sources, router))) => {
                take_up(&self.gateway, file, &self.at_start.loaded, &sources, router);
                self.sources = Arc::new(sources);
                if let Some(stored) = &self.stored {
                    stored.follow(Arc::clone(&self.sources));
                }
            }
            Some(Err(why)) => refuse(&self.gateway, file, &why),
        }
        if let Some(error) = unwatched {
            tracing::warn!(error = %error, "the configuration is not watched as a whole, and looked at every five seconds instead");
        }
    }

    /// Reads what the store keeps, and takes it up with what the file said last.
    async fn look_into_store(&mut self) {
        let Some(stored) = self.stored.clone() else { return };
        let said = stored.said();
        let rows = match stored.rows().await {
            Ok(rows) => rows,
            Err(error) => {
                if !std::mem::replace(&mut self.is_due, true) {
                    tracing::warn!(error = %error, "models that were added or changed wait for the store");
                }
                return;
            }
        };
        self.is_due = false;
        if self.rows == rows {
            return stored.note_taken_up(said);
        }
        let _turn = self.gateway.replacing().await;
        let before = self.gateway.router();
        let (registry, sources, new) = (Arc::clone(&self.registry), Arc::clone(&self.sources), rows.clone());
        let build = move || sources.router(&registry, Some(&before), &new);
        match tokio::task::spawn_blocking(build).await {
            Ok(Ok(router)) => {
                let deployments = router.deployments().count();
                self.gateway.serve_by(Arc::new(router));
                tracing::info!(deployments, "the models of the store serve");
            }
            Ok(Err(error)) => tracing::error!("the models of the store are refused: {}", with_cause(&error)),
            Err(error) => tracing::error!("the models of the store are refused: {error}"),
        }
        self.rows = rows;
        stored.note_taken_up(said);
    }
}

/// What there is to look at.
enum News {
    OfFile { is_asked_for: bool },
    OfStore,
}

/// Waits for a change of the file, and gives whether somebody asks for it to be read. For ever, where there is none.
async fn changed(file: Option<&mut (Followed, Signal)>) -> bool {
    let Some((followed, hangups)) = file else { return std::future::pending().await };
    tokio::select! {
        _ = hangups.recv() => true,
        () = followed.changed() => false,
    }
}

fn refuse(gateway: &Gateway, file: &Followed, why: &str) {
    let file = file.path().display();
    tracing::error!(config.file = %file, "the new configuration is refused, the last good one serves on: {why}");
    gateway.config_refused();
}

fn take_up(gateway: &Gateway, file: &Followed, at_start: &Loaded, sources: &Sources, router: Router) {
    for line in at_start.waiting_for_restart(&sources.loaded) {
        tracing::warn!("{line}");
    }
    let deployments = router.deployments().count();
    gateway.serve_by(Arc::new(router));
    gateway.config_taken_up();
    let file = file.path().display();
    tracing::info!(config.file = %file, deployments, "the new configuration serves");
}

/// Reads the file anew, and makes a router of it that goes on with what the one before has learned.
fn read(
    sources: &Sources,
    registry: &Arc<Registry>,
    file: PathBuf,
    contents: &mut Contents,
    before: &Router,
    rows: &[StoredRow],
) -> Result<(Sources, Router), String> {
    let mut sources = sources.anew(file, contents).map_err(|error| with_cause(&error))?;
    if let Some(why) = sources.loaded.refusal() {
        return Err(why);
    }
    if let Err(why) = sources.read_price_file() {
        tracing::warn!("{why}; the prices of the last good one hold");
    }
    contents.clone_from(&sources.contents);
    sources.loaded.diagnostics.iter().for_each(tell);
    let router = sources.router(registry, Some(before), rows).map_err(|error| with_cause(&error))?;
    sources.tell_without_key(registry);
    if router.is_empty() && !before.is_empty() {
        // So it is while somebody writes it anew.
        return Err("it leaves no deployment that could serve".to_owned());
    }
    Ok((sources, router))
}

/// An error and what lies behind it, in one line.
pub(crate) fn with_cause(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
