//! What was spent before this process, or elsewhere: taken over from the store.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_core::{Error, Subject};
use trunkline_limits::{Account, Period};
use trunkline_store::Spent;

use crate::{Accounts, Keys};

/// How often counters are read of which something is put right meanwhile.
const READS_MAX: u32 = 4;

impl Keys {
    /// Takes over what all callers together have spent, in windows that this process does not know yet.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable`. Until it has been done once, what was spent before this process counts as nothing.
    pub async fn seed_global(&self) -> Result<(), Error> {
        self.seed(&self.global).await
    }

    /// Takes over what stands on the counters of all accounts that count by estimates: those of whom it was written down by an
    /// earlier process what they had spent, while the store did not answer. From then on nothing is known from there.
    ///
    /// What that process left is to be in the store by then, and nothing of what this one has spent.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable`. Until it has been done once, those accounts count what was written down.
    pub async fn seed_known(&self) -> Result<(), Error> {
        if self.stands_in() {
            self.store.ping().await?;
            self.note_first_answer();
        }
        self.seed_global().await?;
        // What is put right while it is read is not in what was read.
        for _ in 0..READS_MAX {
            let mut accounts = self.book.accounts();
            accounts.retain(|account| !account.estimated().is_empty());
            if accounts.is_empty() {
                break;
            }
            self.seed_windows(&accounts.iter().collect::<Vec<_>>(), Account::estimated).await?;
        }
        self.note_seeded();
        Ok(())
    }

    /// Takes over what stands on the counters of accounts that are new in this process.
    pub(crate) async fn seed(&self, accounts: &Accounts) -> Result<(), Error> {
        // What is put right while it is read is not in what was read.
        for _ in 0..READS_MAX {
            let new: Vec<&Arc<Account>> =
                accounts.all().filter(|account| !account.unseeded().is_empty()).collect();
            if new.is_empty() {
                break;
            }
            self.seed_windows(&new, Account::unseeded).await?;
        }
        Ok(())
    }

    async fn seed_windows(
        &self,
        accounts: &[&Arc<Account>],
        windows: impl Fn(&Account) -> Vec<(Option<Period>, i64)>,
    ) -> Result<(), Error> {
        let subjects: Vec<Subject> = accounts.iter().map(|account| account.subject().clone()).collect();
        let spent = self.store.spent(&subjects).await?;
        // There may be as many as the book has accounts.
        let mut counters: HashMap<(&Subject, &str, i64), &Spent> = HashMap::with_capacity(spent.len());
        counters.extend(spent.iter().map(|spent| {
            let Spent { subject, period, begins_at, .. } = spent;
            ((subject, period.as_str(), *begins_at), spent)
        }));
        for account in accounts {
            for (period, begins_at) in windows(account) {
                let label = period.map(|period| period.to_string()).unwrap_or_default();
                let counter = counters.get(&(account.subject(), label.as_str(), begins_at));
                let (amount, corrected) =
                    counter.map(|counter| (counter.amount, counter.corrected)).unwrap_or_default();
                account.seed_corrected(period, begins_at, amount, corrected);
            }
        }
        Ok(())
    }
}
