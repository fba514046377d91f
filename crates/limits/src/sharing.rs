//! How a book shares its counters, and which of its accounts have something to ask a store for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use trunkline_core::Subject;

/// After how many batches without an answer a store counts as dead. One that is lost is not waited for in vain by many.
const FAILURES_MAX: u32 = 3;

/// Waiting for longer is waiting for ever.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(86_400);

/// How a book shares its counters with those of other replicas.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// What this replica is known by: different from all others, and different after each start.
    pub replica: Arc<str>,
    /// What holds of requests and tokens while the store does not answer: after three batches in a row without an answer.
    pub limits_on_outage: OnOutage,
    /// What holds of money then, and where it is not known yet what was spent before.
    pub budgets_on_outage: OnOutage,
    /// How long the store has for one batch.
    pub deadline: Duration,
    /// How long to rest between two batches.
    pub rest: Duration,
    /// After how long without use what is held is given back. The next call waits for the store then.
    pub idle_ms: i64,
}

impl Sharing {
    /// Refuses in an outage; 50 ms for a batch, 10 ms between two, and ten seconds until leases are given back.
    pub fn new(replica: impl Into<Arc<str>>) -> Self {
        Self {
            replica: replica.into(),
            limits_on_outage: OnOutage::default(),
            budgets_on_outage: OnOutage::default(),
            deadline: Duration::from_millis(50),
            rest: Duration::from_millis(10),
            idle_ms: 10_000,
        }
    }
}

/// What holds once a replica has used up what it holds and the store does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOutage {
    /// Nothing passes that is limited.
    #[default]
    Refuse,
    /// What this replica counts by itself is held to the whole limit.
    AllowLocally,
}

/// The accounts that have something to ask for, and those who wait for the answer.
#[derive(Debug)]
pub(crate) struct Agenda {
    pub(crate) sharing: Sharing,
    subjects: Mutex<Vec<Subject>>,
    /// Called when an account is noted.
    noted: Notify,
    /// Called when a batch was answered, or was not.
    answered: Arc<Notify>,
    /// How many batches in a row were not answered.
    failures: AtomicU32,
}

impl Agenda {
    pub(crate) fn new(sharing: Sharing) -> Self {
        Self {
            sharing,
            subjects: Mutex::default(),
            noted: Notify::new(),
            answered: Arc::default(),
            failures: AtomicU32::new(0),
        }
    }

    pub(crate) fn note(&self, subject: &Subject) {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner).push(subject.clone());
        self.noted.notify_one();
    }

    /// Has one looked at soon that was noted before.
    pub(crate) fn urge(&self) {
        self.noted.notify_one();
    }

    /// Those that were noted since the last time.
    pub(crate) fn take(&self) -> Vec<Subject> {
        std::mem::take(&mut *self.subjects.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn noted(&self) {
        self.noted.notified().await;
    }

    /// Notes that a batch was answered, or was not.
    pub(crate) fn note_batch(&self, is_answered: bool) {
        let failures = self.failures.load(Ordering::Relaxed);
        let now = if is_answered { 0 } else { failures.saturating_add(1) };
        self.failures.store(now, Ordering::Relaxed);
        if now == FAILURES_MAX {
            tracing::warn!(
                "where replicas share limits does not answer: what holds now is what the settings say"
            );
        } else if is_answered && failures >= FAILURES_MAX {
            tracing::info!("where replicas share limits answers again");
        }
    }

    /// Tells those who wait that a batch was answered, or was not.
    pub(crate) fn tell(&self) {
        self.answered.notify_waiters();
    }

    /// Whether the store does not answer.
    pub(crate) fn is_out(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= FAILURES_MAX
    }

    /// How long a call that may wait for so long is to wait for more of a limit: two batches at least, since one may have
    /// gone out just before; and where the store has begun not to answer, until it is known whether it does.
    pub(crate) fn patience(&self, wait: Duration) -> Duration {
        let batches = match self.failures.load(Ordering::Relaxed) {
            1..FAILURES_MAX => FAILURES_MAX + 1,
            _ => 2,
        };
        let batch = self.sharing.deadline.saturating_add(self.sharing.rest);
        wait.max(batch.saturating_mul(batches)).min(WAIT_MAX)
    }

    /// The next answer, from when this is called.
    pub(crate) fn answered(&self) -> OwnedNotified {
        Arc::clone(&self.answered).notified_owned()
    }
}
