//! Deployments that are added while the server runs: checked before they are kept, read from the store, taken up.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use trunkline_config::StoredRow;
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::{Observer, Pepper};
use trunkline_management::{Deployments, StoredModel, stored_models};
use trunkline_provider::Registry;
use trunkline_store::{Kind, Store};

use crate::sources::Sources;

/// How long the store may take to tell which there are.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a change waits until it serves. It is kept by then.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(5);

/// What the store keeps of deployments, and who waits for it.
pub(crate) struct Stored {
    store: Arc<dyn Store>,
    pepper: Arc<Pepper>,
    registry: Arc<Registry>,
    /// What the file says: its defaults hold for them too.
    sources: Mutex<Arc<Sources>>,
    news: watch::Sender<News>,
}

/// How often it was said that there may be something new, and how much of that serves, or never will.
#[derive(Debug, Default)]
struct News {
    said: u64,
    taken_up: u64,
}

impl Stored {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        pepper: Arc<Pepper>,
        registry: Arc<Registry>,
        sources: Arc<Sources>,
    ) -> Self {
        Self { store, pepper, registry, sources: Mutex::new(sources), news: watch::Sender::default() }
    }

    /// The rows that there are, if the store tells in time.
    pub(crate) async fn rows(&self) -> Result<Vec<StoredRow>, Error> {
        let reading = tokio::time::timeout(DEADLINE, rows(&*self.store, &self.pepper)).await;
        reading.map_err(|_| {
            Error::new(ErrorKind::StoreUnavailable, "the store did not tell in time which models were added")
        })?
    }

    /// Holds new ones against what a newer file says, from now on.
    pub(crate) fn follow(&self, sources: Arc<Sources>) {
        *self.sources.lock().unwrap_or_else(PoisonError::into_inner) = sources;
    }

    /// Says that there may be something new.
    pub(crate) fn say(&self) {
        self.news.send_modify(|news| news.said += 1);
    }

    /// Waits until there may be something new that was not taken up.
    pub(crate) async fn news(&self) {
        self.until(|news| news.said > news.taken_up).await;
    }

    /// How often it was said that there is something new.
    pub(crate) fn said(&self) -> u64 {
        self.news.borrow().said
    }

    /// Notes that everything serves, or never will, that was said until then.
    pub(crate) fn note_taken_up(&self, said: u64) {
        self.news.send_modify(|news| news.taken_up = said);
    }

    /// Waits until what has been said so far serves.
    pub(crate) async fn until_taken_up(&self) {
        let said = self.said();
        let taken_up = self.until(|news| news.taken_up >= said);
        if tokio::time::timeout(TAKEN_UP_WITHIN, taken_up).await.is_err() {
            tracing::warn!("models were changed, and do not serve yet");
        }
    }

    async fn until(&self, is_so: impl FnMut(&News) -> bool) {
        let mut news = self.news.subscribe();
        news.wait_for(is_so).await.expect("the sender is here, and lives as long");
    }
}

/// The rows that a store keeps. What cannot be opened is told of and left out.
pub(crate) async fn rows(store: &dyn Store, pepper: &Pepper) -> Result<Vec<StoredRow>, Error> {
    let (models, unreadable) = stored_models(store, pepper).await?;
    for (id, error) in unreadable {
        tracing::error!("model {id}: the deployment is out of service: {error}");
    }
    Ok(models.iter().map(row).collect())
}

/// The rows that there are at the start. `None` if the store does not tell: it is asked again while the server runs.
pub(crate) async fn at_start(stored: Option<&Stored>) -> Option<Vec<StoredRow>> {
    let Some(stored) = stored else { return Some(Vec::new()) };
    match stored.rows().await {
        Ok(rows) => Some(rows),
        Err(error) => {
            tracing::error!(error = %error, "the models of the store are not served yet");
            None
        }
    }
}

fn row(model: &StoredModel) -> StoredRow {
    StoredRow { name: format!("model {}", model.id), json: Value::Object(model.row.clone()).to_string() }
}

impl Deployments for Stored {
    fn check(&self, deployment: &StoredModel) -> Result<(), Error> {
        let refused =
            |message: String| Error::new(ErrorKind::InvalidRequest, message).with_param("litellm_params");
        let sources = Arc::clone(&self.sources.lock().unwrap_or_else(PoisonError::into_inner));
        let (read, findings) = sources.loaded.stored_deployments(&[row(deployment)]);
        if let Some(finding) = findings.iter().find(|finding| finding.is_error()) {
            return Err(refused(finding.words()));
        }
        let assembly = sources.assembly();
        let tried = read.iter().try_for_each(|row| assembly.try_stored(row, &self.registry));
        tried.map_err(|error| refused(error.message().to_owned()))
    }

    fn changed(&self) {
        self.say();
    }
}

/// Of what others change.
impl Observer for Stored {
    fn changed(&self, kind: Kind) {
        if kind == Kind::Model {
            self.say();
        }
    }
}

/// It holds what opens credentials.
impl fmt::Debug for Stored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stored").field("news", &*self.news.borrow()).finish_non_exhaustive()
    }
}
