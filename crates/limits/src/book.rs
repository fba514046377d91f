//! The book of all accounts, and the two stages in which a call takes of them.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use trunkline_core::Subject;

use crate::passed::Notices;
use crate::sharing::{Agenda, WAIT_MAX};
use crate::taking::{self, Attempt, Want};
use crate::{Account, Clock, Passed, Permit, Refusal, Reservation, Sharing, Standing};

const SHARDS: usize = 16;
/// A shard is not looked through for accounts to drop while it holds fewer.
const SWEEP_AT_MIN: usize = 64;
/// A window that should have ended by a clock that stands still is not asked about more often.
const LOOK_AGAIN_MIN: Duration = Duration::from_millis(1);

/// All accounts.
///
/// An account that nobody holds and that counts nothing is dropped, so that there are at most about twice as many as
/// are of use.
#[derive(Debug)]
pub struct Book {
    clock: Clock,
    hasher: RandomState,
    shards: [RwLock<Shard>; SHARDS],
    /// The number of the account that is made next.
    next_account: AtomicU64,
    /// The number of the call that begins to wait next.
    next_call: AtomicU64,
    delivered_ms: AtomicI64,
    /// What is to be asked of the store that replicas share.
    agenda: Option<Arc<Agenda>>,
    next_sequence: AtomicU64,
    notices: Arc<Notices>,
}

#[derive(Debug)]
struct Shard {
    accounts: HashMap<Subject, Arc<Account>>,
    /// How many accounts there may be before it is looked which ones can go.
    sweep_at: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { accounts: HashMap::new(), sweep_at: SWEEP_AT_MIN }
    }
}

impl Book {
    /// A book without accounts, that counts for itself.
    pub fn new(clock: Clock) -> Self {
        Self::with_agenda(clock, None)
    }

    /// A book without accounts, that shares its counters with other replicas: see [`Shared`](crate::Shared).
    ///
    /// Nothing passes that is limited before [`keep_leased`](Self::keep_leased) has claimed it, so that the first call of a
    /// window needs [`admit_within`](Self::admit_within), and waits for a batch or two, to reserve as well. A budget lets
    /// nothing pass before it is seeded, with zero where nothing was spent, since the shared counter begins there; unless
    /// its [policy](Sharing::budgets_on_outage) allows that.
    pub fn shared(clock: Clock, sharing: Sharing) -> Self {
        Self::with_agenda(clock, Some(Arc::new(Agenda::new(sharing))))
    }

    fn with_agenda(clock: Clock, agenda: Option<Arc<Agenda>>) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| RwLock::default()),
            next_account: AtomicU64::new(0),
            next_call: AtomicU64::new(0),
            delivered_ms: AtomicI64::new(i64::MIN),
            agenda,
            next_sequence: AtomicU64::new(1),
            notices: Arc::default(),
        }
    }

    /// The account of a subject, if there is one.
    pub fn find(&self, subject: &Subject) -> Option<Arc<Account>> {
        let shard = self.shards[self.shard(subject)].read().unwrap_or_else(PoisonError::into_inner);
        shard.accounts.get(subject).map(Arc::clone)
    }

    fn shard(&self, subject: &Subject) -> usize {
        usize::try_from(self.hasher.hash_one(subject) >> 32).unwrap_or_default() % SHARDS
    }

    /// The account of a subject. It is made where there is none, and has no limits then.
    ///
    /// Whoever makes limits for a subject holds its account for as long as they are to be kept: one that nobody holds is
    /// dropped with its limits.
    pub fn account(&self, subject: &Subject) -> Arc<Account> {
        let shard = &self.shards[self.shard(subject)];
        let held = shard.read().unwrap_or_else(PoisonError::into_inner).accounts.get(subject).map(Arc::clone);
        if let Some(account) = held {
            return account;
        }
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if shard.accounts.len() >= shard.sweep_at {
            self.sweep(&mut shard);
        }
        let account = shard.accounts.entry(subject.clone()).or_insert_with(|| {
            let number = self.next_account.fetch_add(1, Ordering::Relaxed);
            let (agenda, notices) = (self.agenda.clone(), Arc::clone(&self.notices));
            Arc::new(Account::new(subject.clone(), number, self.clock.clone(), agenda, notices))
        });
        Arc::clone(account)
    }

    /// Notes that a store has all that was settled up to a time, in milliseconds since 1970: accounts that nobody holds
    /// may be dropped with what they spent until then, since the store is asked when they are made anew.
    ///
    /// Without it an account that spent something in a window that is open is kept.
    pub fn note_delivered(&self, until_ms: i64) {
        self.delivered_ms.fetch_max(until_ms, Ordering::Relaxed);
    }

    /// Takes one request of the minute and one place among the calls at one time, of every account or of none.
    ///
    /// # Errors
    ///
    /// The limit that is reached; of several, the one whose account stands first.
    pub fn admit(&self, accounts: &[Arc<Account>]) -> Result<Permit, Refusal> {
        taking::admit(accounts)
    }

    /// The same for a book that shares its counters: waits for more of a limit where this replica holds too little.
    ///
    /// # Errors
    ///
    /// As [`admit`](Self::admit), or when the wait is over.
    pub async fn admit_within(&self, accounts: &[Arc<Account>], wait: Duration) -> Result<Permit, Refusal> {
        let Some(agenda) = &self.agenda else { return taking::admit(accounts) };
        let mut began = None;
        loop {
            let answered = agenda.answered();
            let refusal = match taking::admit(accounts) {
                Err(refusal) if refusal.is_pending => refusal,
                outcome => return outcome,
            };
            let now = Instant::now();
            let deadline = *began.get_or_insert(now) + agenda.patience(wait);
            if now >= deadline {
                return Err(refusal);
            }
            // Told or not, the next look tells.
            let _ = timeout_at(deadline, answered).await;
        }
    }

    /// Reserves tokens and money, of every account or of none.
    ///
    /// A call that only the reservations of others keep out of a budget waits for them, first come, first served. One
    /// that goes away while it waits leaves nothing behind.
    ///
    /// # Errors
    ///
    /// The limit that is reached; of several, the one whose account stands first. At once, if what is spent leaves no
    /// room, and else when the wait is over.
    pub async fn reserve(&self, want: Want<'_>) -> Result<Reservation, Refusal> {
        if !want.is_limited() {
            return Ok(Reservation::default());
        }
        let mut place = None;
        let mut began = None;
        loop {
            let number = || self.next_call.fetch_add(1, Ordering::Relaxed);
            let refusal = match taking::reserve(&want, &mut place, number) {
                Attempt::Taken(reservation) => return Ok(reservation),
                Attempt::Refused(refusal) => return Err(refusal),
                Attempt::Waits(refusal) => refusal,
            };
            let now = Instant::now();
            let wait = match &self.agenda {
                Some(agenda) if refusal.is_pending => agenda.patience(want.wait),
                _ => want.wait.min(WAIT_MAX),
            };
            let deadline = *began.get_or_insert(now) + wait;
            let Some(place) = place.as_ref().filter(|_| now < deadline) else { return Err(refusal) };
            // The budget may begin anew before anybody settles.
            let resets_in = refusal.resets_at_ms.map(|resets_at_ms| {
                let left_ms = resets_at_ms.saturating_sub(refusal.at_ms).max(0);
                Duration::from_millis(left_ms.unsigned_abs()).clamp(LOOK_AGAIN_MIN, WAIT_MAX)
            });
            let until = resets_in.map_or(deadline, |left| deadline.min(now + left));
            // Called or not, the next look tells.
            let _ = timeout_at(until, place.called()).await;
        }
    }

    /// The next soft budget that is passed, of those that were passed before too; each is given once. There is to be one who
    /// asks.
    pub async fn passed(&self) -> Passed {
        self.notices.next().await
    }

    /// What is left, of every account that has limits.
    pub fn remaining(&self, accounts: &[Arc<Account>]) -> Vec<Standing> {
        accounts.iter().filter(|account| account.is_limited()).map(|account| account.standing()).collect()
    }

    /// Whether the store answers where replicas share limits. `None` if this book counts for itself.
    pub fn shared_store_answers(&self) -> Option<bool> {
        self.agenda().map(|agenda| !agenda.is_out())
    }

    /// All accounts that there are now.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        let of = |shard: &RwLock<Shard>| {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.accounts.values().map(Arc::clone).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(of).collect()
    }

    pub(crate) fn agenda(&self) -> Option<&Agenda> {
        self.agenda.as_deref()
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) fn next_sequence(&self) -> u64 {
        self.next_sequence.fetch_add(1, Ordering::Relaxed)
    }

    fn sweep(&self, shard: &mut Shard) {
        let now_ms = self.clock.now_ms();
        let delivered_ms = self.delivered_ms.load(Ordering::Relaxed);
        // Whoever holds one got it from here or from somebody who holds it, so that a count of one cannot grow now.
        shard.accounts.retain(|_, account| {
            Arc::strong_count(account) > 1 || !account.counts_nothing(now_ms, delivered_ms)
        });
        shard.sweep_at = SWEEP_AT_MIN.max(2 * shard.accounts.len());
    }
}

impl Default for Book {
    /// A book without accounts, by the system's clock.
    fn default() -> Self {
        Self::new(Clock::system())
    }
}
