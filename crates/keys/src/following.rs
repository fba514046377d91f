//! What goes on beside requests: what other replicas change is forgotten, and what took too long is read to its end.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;
use trunkline_core::{Error, ErrorKind, Subject};
use trunkline_limits::Period;
use trunkline_store::{Kind, corrected};

use crate::late::Late;
use crate::standby::Standby;
use crate::{Keys, Token};

/// How long a read may take that no request waits for any more.
const LATE_READ_MAX: Duration = Duration::from_secs(10);

/// How many changes are read at once.
const CHANGES_MAX: u64 = 1_000;

impl Keys {
    /// Asks the store again and again what has changed, and forgets that; finishes reads that took longer than a request
    /// waits; and writes down what is known. Never ends; whoever polls it ends it.
    ///
    /// Where the store does not answer, what is known is served on, and everything is forgotten once it answers again
    /// and cannot say what was missed.
    pub async fn follow(&self) {
        tokio::join!(self.follow_changes(), self.read_late(), self.read_known(), self.keep_snapshot());
    }

    async fn follow_changes(&self) {
        let mut seen: Option<i64> = None;
        let mut ticks = tokio::time::interval(self.options.poll_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let followed = match seen {
                None => self.begin_to_follow().await.map(Some),
                Some(after) => self.take_in(after).await.map(Some),
            };
            match followed {
                Ok(newest) => {
                    self.note_first_answer();
                    if seen.is_none() {
                        // What was read before the first look may have changed since.
                        self.forget_all();
                        self.read_again();
                        self.note_followed();
                    }
                    seen = newest;
                }
                Err(error) => {
                    tracing::debug!(error = %error, causes = error.causes(), "changes of keys could not be read");
                }
            }
        }
    }

    /// Takes in what was put right before anybody looked, and gives the number of the newest change.
    async fn begin_to_follow(&self) -> Result<i64, Error> {
        let newest = self.store.newest_change().await?;
        let accounts = self.book.accounts();
        let subjects: Vec<Subject> = accounts.iter().map(|account| account.subject().clone()).collect();
        self.correct(&subjects).await?;
        self.tell(Kind::ALL);
        Ok(newest)
    }

    /// Tells who observes which kinds of objects have changed.
    fn tell(&self, kinds: impl IntoIterator<Item = Kind>) {
        if let Some(observer) = &self.options.observer {
            let kinds: BTreeSet<Kind> = kinds.into_iter().collect();
            kinds.into_iter().for_each(|kind| observer.changed(kind));
        }
    }

    /// Takes in that rows were put right which had been counted against these subjects.
    async fn correct(&self, subjects: &[Subject]) -> Result<(), Error> {
        let mut counted = subjects.to_vec();
        counted.retain(|subject| self.book.find(subject).is_some_and(|account| account.is_limited()));
        if counted.is_empty() {
            return Ok(());
        }
        for counter in self.store.spent(&counted).await? {
            let Some(account) = self.book.find(&counter.subject) else { continue };
            let period = Some(counter.period.as_str()).filter(|period| !period.is_empty());
            account.correct(period.map(Period::parse), counter.begins_at, counter.corrected);
        }
        Ok(())
    }

    /// Takes in the changes after the newest that was seen, and gives the newest that there is.
    ///
    /// The newest that was seen is asked for once more: it is there, or its object has changed since and has a larger
    /// number. Where neither is, the database was put back to what it was before, and nobody knows what is different.
    async fn take_in(&self, seen: i64) -> Result<i64, Error> {
        let mut newest = seen;
        let mut after = seen.saturating_sub(1);
        loop {
            let changes = self.store.changes(after, CHANGES_MAX).await?;
            if changes.is_empty() && after < seen {
                newest = self.store.newest_change().await?;
                if newest < seen {
                    tracing::warn!("the database is at an earlier state than before; all keys are read anew");
                    self.standby.iter().for_each(Standby::read_all_again);
                    self.forget_all();
                    self.read_again();
                    self.tell(Kind::ALL);
                }
            }
            let new = || changes.iter().filter(|change| change.number > seen);
            let of_counters: Vec<Subject> = new()
                .filter(|change| change.kind == Kind::Ledger)
                .filter_map(|change| corrected(&change.id))
                .collect();
            self.correct(&of_counters).await?;
            for change in new() {
                self.forget(change.kind, &change.id);
                newest = newest.max(change.number);
            }
            if new().next().is_some() {
                self.read_again();
            }
            self.tell(new().map(|change| change.kind));
            if (changes.len() as u64) < CHANGES_MAX {
                return Ok(newest);
            }
            after = changes.last().map_or(after, |change| change.number);
        }
    }

    /// Has what was made from objects that have changed read anew beside requests: whoever asks next finds it in memory, though
    /// the store may not answer any more by then. Until then what was known stays among what is [known](Self::known).
    fn read_again(&self) {
        for (token, identity) in self.cached.iter() {
            if identity.is_stale() && !self.late.note(Late::Key(token)) {
                self.cached.remove(&token);
            }
        }
        for (name, limited) in self.limited.iter() {
            if limited.is_stale() && !self.late.note(Late::Limited(name.0, name.1.clone())) {
                self.limited.remove(&name);
            }
        }
    }

    /// Reads what was not read in time, four at once. Never ends; whoever polls it ends it.
    async fn read_late(&self) {
        tokio::join!(
            self.read_one_by_one(),
            self.read_one_by_one(),
            self.read_one_by_one(),
            self.read_one_by_one()
        );
    }

    async fn read_one_by_one(&self) {
        while let Some(late) = self.late.next().await {
            self.read_one(late).await;
        }
    }

    /// Gives whether the store answered.
    pub(crate) async fn read_one(&self, late: Late) -> bool {
        let reading = async {
            match late {
                Late::Key(token) => self.read_key(token).await,
                Late::Limited(kind, id) => self.read_end_user_or_tag((kind, id)).await,
            }
        };
        let late = || Error::new(ErrorKind::StoreUnavailable, "the store did not answer");
        let read = timeout(LATE_READ_MAX, reading).await.unwrap_or_else(|_| Err(late()));
        // It answers again, though it was slow: nobody is to be refused to find that out.
        if read.is_ok() {
            self.note_store(true);
        }
        if let Err(error) = &read {
            tracing::debug!(error = %error, causes = error.causes(), "a key could not be read in time, nor later");
        }
        read.is_ok()
    }

    /// Reads a key, and puts it in the place of what was known of it and has changed since.
    async fn read_key(&self, token: Token) -> Result<(), Error> {
        if self.cached.get(&token).is_none_or(|known| !known.is_stale()) {
            return self.look_up(token).await.map(drop);
        }
        match self.read(token).await? {
            Some(identity) => self.cached.insert(token, identity),
            None => drop(self.cached.remove(&token)),
        }
        Ok(())
    }

    async fn read_end_user_or_tag(&self, name: (Kind, String)) -> Result<(), Error> {
        if self.limited.get(&name).is_none_or(|known| !known.is_stale()) {
            return self.look_up_limited(name).await.map(drop);
        }
        let limited = self.read_limited(name.0, &name.1).await?;
        self.limited.insert(name, limited);
        Ok(())
    }
}
