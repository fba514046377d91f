//! The task that keeps the leases of a book: it claims more before they are used up, and gives back what nobody needs.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use trunkline_core::Subject;

use crate::shared::{Claim, Held, Shared};
use crate::sharing::Agenda;
use crate::{Account, Book, claims};

/// How many claims there are in one batch.
const BATCH_MAX: usize = 256;
/// How often accounts are looked after that nobody is waiting at, in rests between two batches.
const RESTS_A_LOOK: u32 = 5;
/// How long to rest at most while a store does not answer.
const REST_MAX: Duration = Duration::from_millis(200);
/// How often it is tried to give all back at the end.
const FAREWELLS: u32 = 3;

impl Book {
    /// Keeps the leases of this book until `stop` is ready, and gives back then what is not used. Does nothing for a book
    /// that shares nothing. There is to be one such task for a book, and its owner ends it by `stop`.
    ///
    /// Giving back at the end takes a few deadlines at most. A task that is dropped instead leaves what it held unused
    /// until the window ends, or until [`give_leases_back`](Self::give_leases_back).
    pub async fn keep_leased(&self, shared: &dyn Shared, stop: impl Future<Output = ()> + Send) {
        let Some(agenda) = self.agenda() else { return };
        let mut watch = Watch { book: self, agenda, accounts: HashMap::new() };
        let mut stop = pin!(stop);
        let mut rest = agenda.sharing.rest;
        loop {
            watch.look_at_agenda();
            let idle_since = self.now_ms().saturating_sub(agenda.sharing.idle_ms);
            let is_answered = watch.round(shared, idle_since).await;
            rest = if is_answered { agenda.sharing.rest } else { (rest * 2).min(REST_MAX) };
            let look = agenda.sharing.rest * RESTS_A_LOOK;
            let next = async {
                sleep(rest).await;
                if watch.accounts.is_empty() && !agenda.is_out() {
                    agenda.noted().await;
                } else {
                    // Noted or not, it is time to look.
                    let _ = timeout(look, agenda.noted()).await;
                }
            };
            tokio::select! {
                () = &mut stop => break,
                () = next => {}
            }
        }
        watch.give_back(shared).await;
    }

    /// Gives back what no call uses, of all accounts: for whoever has dropped the task that keeps the leases.
    pub async fn give_leases_back(&self, shared: &dyn Shared) {
        let Some(agenda) = self.agenda() else { return };
        let accounts = self.accounts().into_iter().map(|account| (account.subject().clone(), account));
        Watch { book: self, agenda, accounts: accounts.collect() }.give_back(shared).await;
    }
}

/// The accounts that hold something, or want to.
struct Watch<'a> {
    book: &'a Book,
    agenda: &'a Agenda,
    accounts: HashMap<Subject, Arc<Account>>,
}

impl Watch<'_> {
    fn look_at_agenda(&mut self) {
        for subject in self.agenda.take() {
            let account = self.book.account(&subject);
            self.accounts.insert(subject, account);
        }
    }

    async fn give_back(&mut self, shared: &dyn Shared) {
        for _ in 0..FAREWELLS {
            self.look_at_agenda();
            self.round(shared, i64::MAX).await;
        }
    }

    /// Asks for all accounts once. Gives whether the store answered.
    async fn round(&mut self, shared: &dyn Shared, idle_since: i64) -> bool {
        let now_ms = self.book.now_ms();
        let replica = &self.agenda.sharing.replica;
        let of = |account: &Arc<Account>| {
            let sequence = self.book.next_sequence();
            claims::of(account, replica, now_ms, idle_since, sequence)
        };
        let claims: Vec<Claim> = self.accounts.values().flat_map(of).collect();
        let mut is_answered = true;
        for batch in claims.chunks(BATCH_MAX) {
            // What did not answer once is not waited for once more.
            let held = if is_answered { self.ask(shared, batch).await } else { None };
            is_answered = held.is_some();
            let mut held = held.into_iter().flatten();
            for claim in batch {
                let held = held.next();
                if let Some(account) = self.accounts.get(&claim.counter.subject) {
                    claims::answer(account, claim, self.book.now_ms(), held);
                }
            }
            self.agenda.tell();
        }
        // Nobody is to find out by being refused that the store answers again.
        if claims.is_empty() && self.agenda.is_out() {
            is_answered = self.ask(shared, &[]).await.is_some();
            self.agenda.tell();
        }
        let now_ms = self.book.now_ms();
        self.accounts.retain(|_, account| {
            // Whoever uses it from here on notes it anew, so that nothing is missed between looking and leaving.
            account.set_noted(false);
            let is_kept = !claims::are_settled(account, now_ms);
            if is_kept {
                account.set_noted(true);
            }
            is_kept
        });
        is_answered
    }

    async fn ask(&self, shared: &dyn Shared, batch: &[Claim]) -> Option<Vec<Held>> {
        let held = timeout(self.agenda.sharing.deadline, shared.hold(batch)).await;
        let held = held.ok().and_then(Result::ok).filter(|held| held.len() == batch.len());
        self.agenda.note_batch(held.is_some());
        held
    }
}
