//! The gateway: what it is made of, and how it is told to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use http::Method;
use tokio::sync::Notify;
use trunkline_keys::Keys;
use trunkline_ledger::Ledger;
use trunkline_router::Router;

use crate::Settings;
use crate::admission::Admission;
use crate::call_ids::CallIds;
use crate::endpoints;
use crate::exposition::Exposition;
use crate::extension::{self, Extension};
use crate::found::Found;
use crate::pulse::Pulse;
use crate::record::{LogRecorder, Recorder};
use crate::reloads::Reloads;
use crate::reply_cache::ReplyCache;
use crate::seal::Seal;

/// An OpenAI-compatible HTTP service over a [`Router`].
#[derive(Debug)]
pub struct Gateway {
    router: ArcSwap<Router>,
    replacing: tokio::sync::Mutex<()>,
    pub(crate) settings: Settings,
    pub(crate) admission: Admission,
    pub(crate) seal: Arc<Seal>,
    /// Virtual keys, if there is a store of them.
    pub(crate) keys: Option<Arc<Keys>>,
    /// Whether their store answers, for probes.
    pub(crate) pulse: Pulse,
    /// Replies that are kept, if any are.
    pub(crate) replies: Option<ReplyCache>,
    /// Where each admitted request leaves a row, if anywhere.
    pub(crate) ledger: Option<Ledger>,
    pub(crate) recorder: Arc<dyn Recorder>,
    pub(crate) call_ids: CallIds,
    /// Set when the gateway has been told to stop: probes fail from then on.
    draining: AtomicBool,
    /// Fires when open replies have had their time.
    stop: Arc<Notify>,
    /// What came of newer configurations.
    reloads: Mutex<Reloads>,
    /// Endpoints of another crate, if there are any.
    pub(crate) extension: Option<Arc<dyn Extension>>,
    /// What answers to scrapers, if anything is counted.
    pub(crate) exposition: Option<Arc<dyn Exposition>>,
    /// What the last round of probes found, if there are rounds.
    found: Mutex<Option<Vec<Found>>>,
}

impl Gateway {
    /// A gateway that logs one line for each request.
    pub fn new(router: Arc<Router>, settings: Settings) -> Self {
        Self {
            router: ArcSwap::new(router),
            replacing: tokio::sync::Mutex::default(),
            admission: Admission::new(&settings),
            seal: Arc::new(Seal::new(settings.salt_key.as_ref().or(settings.master_key.as_ref()))),
            settings,
            keys: None,
            pulse: Pulse::default(),
            ledger: None,
            replies: None,
            recorder: Arc::new(LogRecorder),
            call_ids: CallIds::default(),
            draining: AtomicBool::new(false),
            stop: Arc::new(Notify::new()),
            reloads: Mutex::default(),
            extension: None,
            exposition: None,
            found: Mutex::new(None),
        }
    }

    /// Gives the records of settled requests to `recorder` instead of the log.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = recorder;
        self
    }

    /// Serves whoever shows one of these keys, and not the master key alone.
    #[must_use]
    pub fn with_keys(mut self, keys: Arc<Keys>) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Keeps replies, and gives them again.
    #[must_use]
    pub fn with_replies(mut self, replies: ReplyCache) -> Self {
        self.replies = Some(replies);
        self
    }

    /// Leaves a row in this ledger for each request that is admitted.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Answers the endpoints of an extension too. One of the gateway's own goes before one of the same path.
    #[must_use]
    pub fn with_extension(mut self, extension: Arc<dyn Extension>) -> Self {
        self.extension = Some(extension);
        self
    }

    /// Answers `GET /metrics` with what `exposition` tells. Without one there is no such endpoint.
    #[must_use]
    pub fn with_exposition(mut self, exposition: Arc<dyn Exposition>) -> Self {
        self.exposition = Some(exposition);
        self
    }

    /// Tells the recorder of soft budgets as they are passed. Never ends; whoever polls it ends it.
    pub async fn tell_of_soft_budgets(&self) {
        let Some(keys) = &self.keys else { return std::future::pending().await };
        loop {
            self.recorder.soft_budget_passed(&keys.soft_budget_passed().await);
        }
    }

    /// The router that serves now. Whoever has begun with it goes on with it.
    pub fn router(&self) -> Arc<Router> {
        self.router.load_full()
    }

    /// A turn at replacing the router: to be held from where the one that serves is looked at until the one that was
    /// made of it serves, so that nothing that somebody else does meanwhile is undone.
    pub async fn replacing(&self) -> impl Drop + '_ {
        self.replacing.lock().await
    }

    /// Serves by another router from now on. Requests under way go on with the one that they began with.
    pub fn serve_by(&self, router: Arc<Router>) {
        self.router.store(router);
    }

    /// The methods that a path answers to, the extension's too.
    pub(crate) fn methods(&self, path: &str) -> Vec<&Method> {
        let mut methods = endpoints::methods(path);
        let rows = self.extension.as_ref().map(|extension| extension.rows()).unwrap_or_default();
        for method in extension::methods(rows, path) {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        methods
    }

    pub(crate) fn keep_found(&self, found: Vec<Found>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }

    pub(crate) fn last_found(&self) -> Option<Vec<Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a newer configuration was refused, so that the last good one serves on. Readiness says so.
    pub fn config_refused(&self) {
        self.lock_reloads().note_refused();
    }

    /// Notes that the newest configuration serves.
    pub fn config_taken_up(&self) {
        self.lock_reloads().note_taken_up();
    }

    /// What came of newer configurations since the start.
    pub fn reloads(&self) -> Reloads {
        *self.lock_reloads()
    }

    fn lock_reloads(&self) -> MutexGuard<'_, Reloads> {
        self.reloads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether it has been told to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Lets the probes fail, so that nobody sends more; what is open goes on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Ends the replies that are still open, each with an error event that says why.
    pub fn stop(&self) {
        self.stop.notify_waiters();
    }

    pub(crate) fn stopped(&self) -> tokio::sync::futures::OwnedNotified {
        Arc::clone(&self.stop).notified_owned()
    }
}
