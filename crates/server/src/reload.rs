//! The file read anew while the server runs: taken up as a whole, or not at all.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use trunkline_config::{Settings, Watch, fingerprint, waiting_for_restart};
use trunkline_core::Environment;
use trunkline_gateway::Gateway;
use trunkline_provider::Registry;
use trunkline_router::Router;

use crate::assemble;
use crate::flags::Flags;
use crate::sources::Sources;

/// Reads the file again when it changes, and when the process is told to (SIGHUP).
pub(crate) struct Reloader {
    gateway: Arc<Gateway>,
    registry: Arc<Registry>,
    environment: Environment,
    flags: Flags,
    /// What the start took up, part of which only a start can.
    at_start: Settings,
    files: Vec<PathBuf>,
    path: PathBuf,
    hangups: Signal,
    /// `None` where changes are not looked for.
    watch: Option<Watch>,
    /// What the files held when they were read last.
    seen: u64,
}

impl Reloader {
    /// `None` where no file says what is served. SIGHUP then ends the process, as it always has.
    ///
    /// # Errors
    ///
    /// If the signal cannot be listened for.
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        registry: Arc<Registry>,
        environment: Environment,
        flags: Flags,
        sources: Sources,
    ) -> std::io::Result<Option<Self>> {
        let Some(path) = sources.file().cloned() else { return Ok(None) };
        let (seen, hangups) = (sources.loaded.fingerprint, signal(SignalKind::hangup())?);
        let (files, at_start) = (sources.loaded.files, sources.loaded.settings);
        let watch =
            at_start.trunkline.reload.then(|| Watch::of(&files).map_err(|error| unwatched(&error)).ok());
        let watch = watch.flatten();
        Ok(Some(Self { gateway, registry, environment, flags, at_start, files, path, hangups, watch, seen }))
    }

    async fn run(mut self) {
        if self.watch.is_some() {
            // What changed between the start and the watch.
            self.look(false).await;
        }
        loop {
            let is_asked_for = tokio::select! {
                _ = self.hangups.recv() => true,
                () = changed(self.watch.as_mut()) => false,
            };
            self.look(is_asked_for).await;
        }
    }

    async fn look(&mut self, is_asked_for: bool) {
        let seen = fingerprint(&self.files);
        // Other files stand in the same directory, and an editor touches one file several times.
        if is_asked_for || seen != self.seen {
            self.seen = seen;
            self.reload().await;
        }
    }

    async fn reload(&mut self) {
        let (path, environment) = (self.path.clone(), self.environment.clone());
        let (flags, registry) = (self.flags.clone(), Arc::clone(&self.registry));
        let before = self.gateway.router();
        // Files are read where no request waits for it.
        let read = move || read(path, &environment, &flags, &registry, &before);
        let read = tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(error.to_string()));
        match read {
            Ok((sources, router)) => self.take_up(sources, router),
            Err(why) => {
                tracing::error!(config.file = %self.path.display(), "the new configuration is refused, the last good one serves on: {why}");
                self.gateway.config_refused();
            }
        }
    }

    fn take_up(&mut self, sources: Sources, router: Router) {
        let late = waiting_for_restart(&self.at_start, &sources.loaded.settings);
        if !late.is_empty() {
            tracing::warn!("changed, and not taken up before a restart: {}", late.join(", "));
        }
        let deployments = router.deployments().count();
        self.gateway.serve_by(Arc::new(router));
        self.gateway.config_taken_up();
        tracing::info!(config.file = %self.path.display(), deployments, "the new configuration serves");
        self.files = sources.loaded.files;
        if let Some(Err(error)) = self.watch.as_mut().map(|watch| watch.follow(&self.files)) {
            unwatched(&error);
        }
        self.seen = sources.loaded.fingerprint;
    }
}

fn unwatched(error: &dyn std::error::Error) {
    tracing::warn!(error = %error, "the configuration is not watched as a whole; SIGHUP reads it anew");
}

/// Waits for a change. For ever, where nothing is watched.
async fn changed(watch: Option<&mut Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// Reads the file anew for as long as the server runs. Never ends.
pub(crate) async fn run(reloader: Option<Reloader>) {
    match reloader {
        Some(reloader) => reloader.run().await,
        None => std::future::pending().await,
    }
}

/// Reads the file, and makes a router of it that goes on with what the one before has learned.
fn read(
    path: PathBuf,
    environment: &Environment,
    flags: &Flags,
    registry: &Arc<Registry>,
    before: &Router,
) -> Result<(Sources, Router), String> {
    let sources = Sources::of_file(path, environment, flags).map_err(|error| error.to_string())?;
    let findings = &sources.loaded.diagnostics;
    if let Some(fatal) = findings.iter().find(|finding| finding.fatal) {
        return Err(fatal.to_string());
    }
    let built = assemble::router(&sources, registry, Some(before)).map_err(|error| error.to_string())?;
    findings.iter().for_each(|finding| tracing::warn!("{finding}"));
    let (router, left_out) = built;
    for (location, why) in left_out {
        tracing::error!("{location}: the deployment is out of service: {why}");
    }
    Ok((sources, router))
}
