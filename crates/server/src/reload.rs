//! The file read anew while the server runs: taken up as a whole, or not at all.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use trunkline_config::{
    Contents, Diagnostic, Places, Settings, Severity, Watch, changed_variables, waiting_for_restart,
};
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
    recipe: Arc<Recipe>,
    /// What the start took up, part of which only a start can.
    at_start: (Settings, Environment),
    hangups: Signal,
    /// `None` where changes are not looked for.
    watch: Option<Watch>,
    /// What the files held when they were read last.
    contents: Contents,
}

/// What a router is made of.
struct Recipe {
    path: PathBuf,
    environment: Environment,
    flags: Flags,
    registry: Arc<Registry>,
}

/// What came of looking at the disk.
struct Look {
    contents: Contents,
    places: Places,
    /// `None` if nothing has changed.
    read: Option<Result<(Sources, Router), String>>,
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
        let hangups = signal(SignalKind::hangup())?;
        let contents = sources.contents;
        let at_start = (sources.loaded.settings, sources.loaded.environment);
        let watch = at_start.0.trunkline.reload.then(Watch::default);
        let recipe = Arc::new(Recipe { path, environment, flags, registry });
        Ok(Some(Self { gateway, recipe, at_start, hangups, watch, contents }))
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
        let _turn = self.gateway.replacing().await;
        let (recipe, contents) = (Arc::clone(&self.recipe), self.contents.clone());
        let before = self.gateway.router();
        // Files are read where no request waits for it.
        let look = move || recipe.look(is_asked_for, contents, &before);
        let Look { contents, places, read } = match tokio::task::spawn_blocking(look).await {
            Ok(look) => look,
            Err(error) => return self.refuse(&error.to_string()),
        };
        self.contents = contents;
        match read {
            None => {}
            Some(Ok((sources, router))) => self.take_up(&sources, router),
            Some(Err(why)) => self.refuse(&why),
        }
        if let Some(Err(error)) = self.watch.as_mut().map(|watch| watch.follow(places)) {
            tracing::warn!(error = %error, "the configuration is not watched as a whole, and looked at every five seconds instead");
        }
    }

    fn refuse(&self, why: &str) {
        let file = self.recipe.path.display();
        tracing::error!(config.file = %file, "the new configuration is refused, the last good one serves on: {why}");
        self.gateway.config_refused();
    }

    fn take_up(&self, sources: &Sources, router: Router) {
        let (settings, environment) = &self.at_start;
        let late = waiting_for_restart(settings, &sources.loaded.settings);
        if !late.is_empty() {
            tracing::warn!("changed, and not taken up before a restart: {}", late.join(", "));
        }
        let variables = changed_variables(environment, &sources.loaded.environment);
        if !variables.is_empty() {
            tracing::warn!(
                "changed in environment_variables, and before a restart taken up only where the file refers to it: {}",
                variables.join(", ")
            );
        }
        let deployments = router.deployments().count();
        self.gateway.serve_by(Arc::new(router));
        self.gateway.config_taken_up();
        let file = self.recipe.path.display();
        tracing::info!(config.file = %file, deployments, "the new configuration serves");
    }
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

impl Recipe {
    /// Reads the file if one of those that it is made of has changed, or in any case.
    fn look(&self, is_asked_for: bool, mut contents: Contents, before: &Router) -> Look {
        let is_new = is_asked_for || contents.have_changed();
        let read = is_new.then(|| {
            contents = Contents::default();
            self.read(&mut contents, before)
        });
        Look { places: Places::of(contents.files()), contents, read }
    }

    /// Reads the file, and makes a router of it that goes on with what the one before has learned.
    fn read(&self, contents: &mut Contents, before: &Router) -> Result<(Sources, Router), String> {
        let sources = Sources::of_file(self.path.clone(), &self.environment, &self.flags, contents);
        let sources = sources.map_err(|error| with_cause(&error))?;
        let findings = &sources.loaded.diagnostics;
        let mut fatal = findings.iter().filter(|finding| finding.fatal);
        if let Some(first) = fatal.next() {
            return Err(match fatal.count() {
                0 => first.to_string(),
                more => format!("{first}; and {more} more, which `trunkline check` tells"),
            });
        }
        let built = assemble::router(&sources, &self.registry, Some(before));
        let (router, left_out) = built.map_err(|error| with_cause(&error))?;
        findings.iter().for_each(tell);
        assemble::tell(&sources, &self.registry, &left_out);
        if router.is_empty() && !before.is_empty() {
            // So it is while somebody writes it anew.
            return Err("it leaves no deployment that could serve".to_owned());
        }
        Ok((sources, router))
    }
}

/// An error and what lies behind it, in one line.
pub(crate) fn with_cause(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// Logs a finding; its severity is the level of the line.
pub(crate) fn tell(finding: &Diagnostic) {
    let (location, words) = (&finding.location, finding.words());
    match finding.severity {
        Severity::Error => tracing::error!("{location}: {words}"),
        Severity::Warning => tracing::warn!("{location}: {words}"),
        Severity::Note => tracing::info!("{location}: {words}"),
    }
}
