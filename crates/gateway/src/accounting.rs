//! What goes on beside requests where there are keys and a ledger: changes are followed, rows are delivered, old ones go.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use trunkline_keys::Keys;
use trunkline_ledger::Ledger;
use trunkline_limits::Shared;

/// How long after a failure it is asked again what all callers have spent.
const SEED_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How often accounts are told what the store has.
const NOTE_DELIVERED_EVERY: Duration = Duration::from_secs(1);

/// What keys and a ledger over one store want to have done beside requests. Its owner polls it.
#[derive(Debug)]
pub struct Accounting {
    keys: Arc<Keys>,
    ledger: Ledger,
    /// Where leases of limits are taken that other replicas share.
    leases: Option<Arc<dyn Shared>>,
    retention: Option<Duration>,
}

impl Accounting {
    /// For these keys and this ledger. Rows are kept for `retention`; `None` is for ever.
    pub fn new(keys: Arc<Keys>, ledger: Ledger, retention: Option<Duration>) -> Self {
        Self { keys, ledger, leases: None, retention }
    }

    /// Takes leases of limits and budgets there, for keys that [share](trunkline_keys::KeysOptions::sharing) them.
    #[must_use]
    pub fn with_leases(mut self, leases: Arc<dyn Shared>) -> Self {
        self.leases = Some(leases);
        self
    }

    /// Brings to the store what an earlier process left, and reads what all callers have spent. What the store does not
    /// take or tell within the time that a start may take is left to [`work`](Self::work).
    pub async fn begin(&self) {
        // What an earlier process left is a part of what was spent, which is read next.
        let backlog = self.ledger.deliver(ready(())).await;
        if backlog.rows > 0 {
            tracing::warn!(
                rows = backlog.rows,
                "the store has not taken what an earlier process left for it"
            );
        } else {
            let Err(error) = self.keys.seed_global().await else { return };
            tracing::warn!(error = %error, "what all callers have spent is not known yet");
        }
        self.keys.estimate_global();
    }

    /// What goes on beside requests. Never ends; whoever polls it ends it, and the one task that it spawns with it: requests
    /// wait for leases, which must not wait for what else is done here.
    pub async fn work(&self) {
        tokio::select! {
            () = self.keys.follow() => {}
            () = self.deliver() => {}
            () = self.note_delivered() => {}
            () = self.ledger.forget(self.retention) => {}
            () = self.keep_leases() => {}
        }
    }

    /// Brings to the store what is left. What it does not take in time stays for the next start. Of limits that replicas
    /// share it gives back what is held. What is known of keys is written down where that is wanted.
    pub async fn finish(&self) {
        self.keys.write_snapshot().await;
        if let Some(leases) = &self.leases {
            self.keys.book().give_leases_back(&**leases).await;
        }
        let backlog = self.ledger.deliver(ready(())).await;
        if backlog.rows > 0 {
            tracing::warn!(
                rows = backlog.rows,
                "rows of the ledger stay in the journal until the next start"
            );
        }
    }

    /// Claims more of the limits that replicas share before what is held of them is used up.
    async fn keep_leases(&self) {
        let Some(leases) = self.leases.clone() else { return pending().await };
        let book = Arc::clone(self.keys.book());
        let mut task = JoinSet::new();
        task.spawn(async move { book.keep_leased(&*leases, pending()).await });
        if let Some(Err(error)) = task.join_next().await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }

    /// Brings rows to the store. What an earlier process left goes first, then it is read what all callers have spent, and
    /// those who were known before the store answered, and then go the rows of this process: they count in memory already.
    async fn deliver(&self) {
        loop {
            self.ledger.deliver_earlier().await;
            let Err(error) = self.keys.seed_known().await else { break };
            tracing::debug!(error = %error, causes = error.causes(), "what was spent is not known yet");
            sleep(SEED_AGAIN_AFTER).await;
        }
        self.ledger.deliver(pending()).await;
    }

    /// Tells the accounts what the store has, so that those which nobody holds any more can go.
    async fn note_delivered(&self) {
        let mut ticks = interval(NOTE_DELIVERED_EVERY);
        loop {
            ticks.tick().await;
            self.keys.book().note_delivered(self.ledger.delivered_until());
        }
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use tokio::time::{Instant, timeout};
    use trunkline_core::{Secret, Subject, SubjectKind};
    use trunkline_journal::{Journal, Options as JournalOptions};
    use trunkline_keys::{KeysOptions, Pepper};
    use trunkline_limits::{Budget, Limits, Want};
    use trunkline_store::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn what_nobody_holds_any_more_is_freed_once_the_store_has_it() {
        let store = Arc::new(SqliteStore::in_memory().await.expect("a store"));
        let journal = Journal::in_memory(&JournalOptions::in_memory());
        let ledger = Ledger::open(journal, Arc::<SqliteStore>::clone(&store), Default::default());
        let pepper = Arc::new(Pepper::new(&Secret::new("pepper")));
        let keys = Arc::new(Keys::new(store, pepper, KeysOptions::default()));
        let accounting = Accounting::new(Arc::clone(&keys), ledger, None);
        let bob = Subject::new(SubjectKind::Customer, "bob");
        {
            let account = [keys.book().account(&bob)];
            let budgets = vec![Budget::new(Decimal::TEN, None)];
            account[0].set(&Limits { budgets, ..Limits::default() });
            let amount = Some(Decimal::ONE);
            let want = Want { accounts: &account, by_model: &[], tokens: 0, amount, wait: Duration::ZERO };
            keys.book().reserve(want).await.expect("room").settle(0, amount);
        }
        let settled_at = Instant::now();
        while settled_at.elapsed() < Duration::from_millis(2) {
            tokio::task::yield_now().await;
        }
        let freed = async {
            // The book looks for accounts that can go when it gets new ones.
            for number in 0.. {
                drop(keys.book().account(&Subject::new(SubjectKind::Customer, format!("{number}"))));
                if number % 4_096 == 0 && !keys.book().account(&bob).is_limited() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = accounting.work() => panic!("it never ends"),
            freed = timeout(Duration::from_secs(20), freed) => freed.expect("it is freed"),
        }
    }
}
