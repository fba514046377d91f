//! Keys whose store has never answered: what an earlier process wrote down stands in for it, and is written down again.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use trunkline_limits::Account;
use trunkline_store::Kind;

use crate::late::Late;
use crate::origin::{LimitedOrigin, Origin};
use crate::reading::is_blocked;
use crate::snapshot::Snapshot;
use crate::source::Source;
use crate::{Accounts, Identity, Keys, Limited, Token};

/// How often it is written down what is known, if that is another by then.
const WRITTEN_EVERY: Duration = Duration::from_secs(60);

/// How long after a change, so that many are written down at once.
const WRITTEN_AFTER: Duration = Duration::from_secs(10);

/// How often one is read that was known, of a store that answers.
const READS_MAX: u32 = 2;

/// How long after a store did not answer it is asked again.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How long it may take to say so.
const PING_MAX: Duration = Duration::from_secs(10);

impl Keys {
    /// Whether the store has never answered, and something is known from elsewhere.
    pub(crate) fn stands_in(&self) -> bool {
        self.standby.as_ref().is_some_and(|standby| !standby.has_answered() && standby.earlier().is_some())
    }

    /// Notes that the store answers. At the first time everything is forgotten that was known from elsewhere.
    pub(crate) fn note_first_answer(&self) {
        let is_first = self.standby.as_ref().is_some_and(|standby| standby.end());
        if is_first {
            self.forget_all();
        }
    }

    /// Who a key was, as far as that was written down. `None` if nobody knows; within it `None` if there is no such key.
    pub(crate) async fn known_before(&self, token: Token) -> Option<Option<Arc<Identity>>> {
        let earlier = self.earlier()?;
        let index = self.pepper.index(&token);
        earlier.object(Kind::Key, index.as_str())?;
        let mut parts = Vec::new();
        let origin = self.origin(Source::Snapshot(&earlier), index.as_str(), &mut parts).await.ok()??;
        if origin.key.deleted {
            return Some(None);
        }
        let standby = self.standby.as_ref()?;
        let held = standby.earlier();
        let earlier = held.as_deref()?;
        let accounts = self.take_up(&parts, || self.accounts_of(&origin))?;
        estimate(&accounts, earlier);
        let identity = Arc::new(Identity::new(token, &origin, accounts, parts));
        self.cached.insert(token, Arc::clone(&identity));
        drop(held);
        Some(Some(identity))
    }

    /// The same for an end user or a tag. `None` if nothing was written down of it.
    pub(crate) async fn limited_before(&self, kind: Kind, id: &str) -> Option<Arc<Limited>> {
        let earlier = self.earlier()?;
        let mut parts = Vec::new();
        let source = Source::Snapshot(&earlier);
        let origin = self.origin_of_limited(source, kind, id, &mut parts).await.ok()??;
        let standby = self.standby.as_ref()?;
        let held = standby.earlier();
        let earlier = held.as_deref()?;
        let accounts = self.take_up(&parts, || self.accounts_of_limited(Some(&origin)))?;
        estimate(&accounts, earlier);
        let limited = Arc::new(Limited::new(id, accounts, is_blocked(Some(&origin)), parts));
        self.limited.insert((kind, id.to_owned()), Arc::clone(&limited));
        drop(held);
        Some(limited)
    }

    /// Counts as spent by all callers what was written down, until the [store tells](Self::seed_known).
    pub fn estimate_global(&self) {
        let Some(standby) = &self.standby else { return };
        if let Some(earlier) = standby.earlier().as_deref() {
            estimate(&self.global, earlier);
        }
    }

    /// What was written down, if it is of use still.
    fn earlier(&self) -> Option<Arc<Snapshot>> {
        let standby = self.standby.as_ref()?;
        let earlier = standby.earlier().clone()?;
        if !standby.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                written_at = %jiff::Timestamp::from_millisecond(earlier.written_at_ms).unwrap_or_default(),
                keys = earlier.tokens.len(),
                "the store of keys has not answered yet: those that were known before are served as they were then"
            );
        }
        Some(earlier)
    }

    pub(crate) fn keep_key(&self, origin: &Origin, identity: &Arc<Identity>) {
        if let Some(standby) = &self.standby {
            standby.keep_key(origin, identity);
        }
    }

    pub(crate) fn keep_limited(&self, origin: Option<LimitedOrigin>, limited: &Arc<Limited>) {
        if let (Some(standby), Some(origin)) = (&self.standby, origin) {
            standby.keep_limited(origin, limited);
        }
    }

    /// Keeps that a key is deleted. Of one that there never was nothing is kept: anybody can ask for those.
    pub(crate) fn keep_gone(&self, origin: Option<&Origin>) {
        if let (Some(standby), Some(origin)) = (&self.standby, origin) {
            standby.keep_gone(&origin.key.id);
        }
    }

    pub(crate) fn unkeep(&self, kind: Kind, id: &str) {
        if let Some(standby) = &self.standby {
            standby.unkeep(kind, id);
        }
    }

    /// Writes down what is known again and again.
    pub(crate) async fn keep_snapshot(&self) {
        let Some(standby) = &self.standby else { return pending().await };
        loop {
            // Told or not, what is spent has changed by then.
            let _ = timeout(WRITTEN_EVERY, standby.news.notified()).await;
            sleep(WRITTEN_AFTER).await;
            self.write_snapshot().await;
        }
    }

    /// Writes down what is known, if that is another than what stands there: for a start at which the store does not answer.
    /// Nothing while what was known before is yet to be read anew, which [`follow`](Self::follow) does after
    /// [`seed_known`](Self::seed_known): it stands there already.
    pub async fn write_snapshot(&self) {
        let Some(standby) = &self.standby else { return };
        let Some((number, snapshot)) = standby.snapshot(&self.book, &self.global.always) else { return };
        let (file, pepper) = (Arc::clone(&standby.file), Arc::clone(&self.pepper));
        let writing = tokio::task::spawn_blocking(move || file.write(number, snapshot, &pepper));
        let written = writing.await.unwrap_or_else(|error| Err(error.into()));
        if let Err(error) = written {
            tracing::warn!(error = %error, "what is known of keys could not be written down");
        }
    }

    /// What was known before the store answered, or before everything was forgotten, one after another, once it is of use to
    /// read it: it is seeded right, and stays.
    pub(crate) async fn read_known(&self) {
        let Some(standby) = &self.standby else { return };
        tokio::join!(standby.is_seeded.notified(), standby.is_followed.notified());
        loop {
            match standby.next_to_read() {
                Some(late) => self.read_once_there(late).await,
                None => standby.is_to_read.notified().await,
            }
        }
    }

    /// Reads one of them, however long the store is away. What cannot be read of a store that answers is given up.
    async fn read_once_there(&self, late: Late) {
        for _ in 0..READS_MAX {
            if self.read_one(late.clone()).await {
                return;
            }
            // A database that is being put back may answer and have nothing yet: those that were known are not given up at once.
            sleep(READ_AGAIN_AFTER).await;
            while !timeout(PING_MAX, self.store.ping()).await.is_ok_and(|answer| answer.is_ok()) {
                sleep(READ_AGAIN_AFTER).await;
            }
        }
    }

    pub(crate) fn note_seeded(&self) {
        self.standby.iter().for_each(|standby| standby.is_seeded.notify_one());
    }

    pub(crate) fn note_followed(&self) {
        self.standby.iter().for_each(|standby| standby.is_followed.notify_one());
    }
}

/// Has accounts count what was written down, where the store has not told.
fn estimate(accounts: &Accounts, earlier: &Snapshot) {
    accounts.all().for_each(|account| estimate_one(account, earlier));
}

fn estimate_one(account: &Account, earlier: &Snapshot) {
    for (period, begins_at) in account.unseeded() {
        let mut figures = earlier.spent.get(account.subject()).into_iter().flatten();
        let figure = figures.find(|figure| figure.period == period && figure.begins_at == begins_at);
        account.estimate(period, begins_at, figure.map(|figure| figure.amount).unwrap_or_default());
    }
}
