//! The keys that are known now: found in memory, read from the store once, forgotten when they change.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use quick_cache::sync::Cache;
use serde_json::Value;
use tokio::time::Instant;
use trunkline_core::{Error, ErrorKind, Subject, SubjectKind};
use trunkline_limits::{Account, Book, Clock, Limits, Sharing};
use trunkline_store::{Kind, Object, Store, member_id};

use crate::allowance::Allowance;
use crate::identity::{Origin, Part};
use crate::notes::spend_reset;
use crate::{Accounts, Identity, Limited, Pepper, Token, counts_as};

/// How keys are kept in memory.
#[derive(Clone, Debug)]
pub struct KeysOptions {
    /// How many keys are kept in memory; those that were not used for long go first. Default 200,000.
    pub cached_max: usize,
    /// How long a request waits for the store. Default 50 ms.
    pub deadline: Duration,
    /// How long a key that there is not stays unknown without a look into the store. Default 1 s.
    pub unknown_for: Duration,
    /// How often the store is asked what has changed. Default 500 ms.
    pub poll_every: Duration,
    /// What all callers together may use. Default: no limit.
    pub global: Limits,
    /// Whether a user's budget holds for the user's keys in teams too. Default false.
    pub user_budget_holds_for_teams: bool,
    /// How limits and budgets are shared with other replicas. Default: each process counts for itself.
    pub sharing: Option<Sharing>,
}

impl Default for KeysOptions {
    fn default() -> Self {
        Self {
            cached_max: 200_000,
            deadline: Duration::from_millis(50),
            unknown_for: Duration::from_secs(1),
            poll_every: Duration::from_millis(500),
            global: Limits::default(),
            user_budget_holds_for_teams: false,
            sharing: None,
        }
    }
}

/// The virtual keys of a gateway.
///
/// A key that is in memory costs one hash and one look. Of many requests with a key that is not, one asks the store and
/// all get its answer. What has changed is forgotten: at once by [`Keys::forget`], and by [`Keys::follow`] what other
/// replicas changed.
#[derive(Debug)]
pub struct Keys {
    store: Arc<dyn Store>,
    pepper: Arc<Pepper>,
    clock: Clock,
    book: Arc<Book>,
    global: Vec<Arc<Account>>,
    options: KeysOptions,
    cached: Cache<Token, Cached>,
    unknown: Cache<Token, Instant>,
    limited: Cache<(Kind, String), Arc<Limited>>,
    parts: Mutex<HashMap<(Kind, String), Weak<Part>>>,
}

/// What is kept of a key: nothing but who it is. It is cloned at each look.
type Cached = Arc<Identity>;

/// How many keys that there are not are kept: whoever tries keys must not drive out those that there are.
const UNKNOWN_MAX: usize = 10_000;

/// How many end users and tags are kept. Callers choose their names.
const LIMITED_MAX: usize = 50_000;

/// How many changes are read at once.
const CHANGES_MAX: u64 = 1_000;

/// How many parts that nobody holds any more may pile up before they are swept out.
const SWEEP_AT: usize = 1_024;

impl Keys {
    /// The keys of a store.
    pub fn new(store: Arc<dyn Store>, pepper: Arc<Pepper>, options: KeysOptions) -> Self {
        Self::with_clock(store, pepper, Clock::system(), options)
    }

    /// The same, by another clock.
    pub fn with_clock(
        store: Arc<dyn Store>,
        pepper: Arc<Pepper>,
        clock: Clock,
        options: KeysOptions,
    ) -> Self {
        let book = Arc::new(match &options.sharing {
            Some(sharing) => Book::shared(clock.clone(), sharing.clone()),
            None => Book::new(clock.clone()),
        });
        let global = (options.global != Limits::default()).then(|| {
            let account = book.account(&Subject::global());
            account.set(&options.global);
            account
        });
        Self {
            store,
            pepper,
            clock,
            book,
            global: global.into_iter().collect(),
            cached: Cache::new(options.cached_max),
            unknown: Cache::new(UNKNOWN_MAX),
            limited: Cache::new(LIMITED_MAX),
            options,
            parts: Mutex::default(),
        }
    }

    /// The pepper that they are kept with.
    pub fn pepper(&self) -> &Arc<Pepper> {
        &self.pepper
    }

    /// Where they are kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Who a key is. `None` if there is no such key. Whether it is blocked or has expired is
    /// [`Identity::check`]'s to say.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable` if it is not in memory, and the store does not tell in time.
    pub async fn find(&self, key: &str) -> Result<Option<Arc<Identity>>, Error> {
        let token = Token::of(key);
        if let Some(identity) = self.cached.get(&token) {
            if !identity.is_stale() && !identity.accounts.are_over(|| self.clock.now_ms()) {
                return Ok(Some(identity));
            }
            self.cached.remove(&token);
        }
        self.look_up(token).await
    }

    async fn look_up(&self, token: Token) -> Result<Option<Arc<Identity>>, Error> {
        if self.is_unknown(token) {
            return Ok(None);
        }
        let read = self.cached.get_or_insert_async(&token, async {
            // Whoever waited for another's look-up need not look as well.
            if self.is_unknown(token) {
                return Err(None);
            }
            // On the heap, so that whoever finds a key in memory carries no room for this.
            match Box::pin(self.read(token)).await {
                Ok(Some(identity)) => Ok(Arc::new(identity)),
                Ok(None) => {
                    self.unknown.insert(token, Instant::now() + self.options.unknown_for);
                    Err(None)
                }
                Err(error) => Err(Some(error)),
            }
        });
        let read = async {
            match read.await {
                Ok(identity) => Ok(Some(identity)),
                Err(None) => Ok(None),
                Err(Some(error)) => Err(error),
            }
        };
        self.in_time(read).await
    }

    fn is_unknown(&self, token: Token) -> bool {
        self.unknown.get(&token).is_some_and(|until| Instant::now() < until)
    }

    async fn read(&self, token: Token) -> Result<Option<Identity>, Error> {
        let index = self.pepper.index(&token);
        // Noted before they are read: what changes meanwhile makes the identity stale from its first day.
        let mut parts = vec![self.part(Kind::Key, index.as_str())];
        let Some(key) = self.object(Kind::Key, index.as_str()).await?.filter(|key| !key.deleted) else {
            return Ok(None);
        };
        let mut owner = async |kind: Kind, id: Option<&str>| -> Result<Option<Object>, Error> {
            let Some(id) = id else { return Ok(None) };
            parts.push(self.part(kind, id));
            self.object(kind, id).await
        };
        let user = owner(Kind::User, key.user_id.as_deref()).await?;
        let team = owner(Kind::Team, key.team_id.as_deref()).await?;
        let both = key.team_id.as_deref().zip(key.user_id.as_deref());
        let member = owner(Kind::Member, both.map(|(team, user)| member_id(team, user)).as_deref()).await?;
        let mut budgets = BTreeMap::new();
        for holder in [Some(&key), user.as_ref(), team.as_ref(), member.as_ref()].into_iter().flatten() {
            let Some(id) = holder.settings.get("budget_id").and_then(Value::as_str) else { continue };
            if let Some(budget) = owner(Kind::Budget, Some(id)).await? {
                budgets.insert(id.to_owned(), budget);
            }
        }
        let origin = Origin { key, user, team, member, budgets };
        let accounts = self.accounts_of(&origin);
        self.seed(&accounts).await?;
        Ok(Some(Identity::new(token, &origin, accounts, parts)))
    }

    /// What is known of an end user or a tag. One that nobody has limited is kept too, so that the store is asked once.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable` if it is not in memory, and the store does not tell in time.
    pub async fn limited(&self, kind: Kind, id: &str) -> Result<Arc<Limited>, Error> {
        let name = (kind, id.to_owned());
        if let Some(limited) = self.limited.get(&name) {
            if !limited.is_stale() && !limited.accounts.are_over(|| self.clock.now_ms()) {
                return Ok(limited);
            }
            self.limited.remove(&name);
        }
        let read = self
            .limited
            .get_or_insert_async(&name, async { self.read_limited(kind, id).await.map(Arc::new) });
        self.in_time(read).await
    }

    async fn read_limited(&self, kind: Kind, id: &str) -> Result<Limited, Error> {
        let mut parts = vec![self.part(kind, id)];
        let mut accounts = Accounts::default();
        let Some(object) = self.object(kind, id).await?.filter(|object| !object.deleted) else {
            return Ok(Limited::new(id, accounts, false, parts));
        };
        let budget = match object.settings.get("budget_id").and_then(Value::as_str) {
            Some(budget_id) => {
                parts.push(self.part(Kind::Budget, budget_id));
                self.object(Kind::Budget, budget_id).await?
            }
            None => None,
        };
        let of_budget = budget.as_ref().map(|budget| &budget.settings);
        let allowance = Allowance::read(&object.settings, of_budget, self.clock.now_ms());
        let subject = if kind == Kind::Tag { SubjectKind::Tag } else { SubjectKind::Customer };
        accounts.add(&self.book, &Subject::new(subject, id), &allowance);
        self.seed(&accounts).await?;
        let is_blocked = object.settings.get("blocked") == Some(&Value::Bool(true));
        Ok(Limited::new(id, accounts, is_blocked, parts))
    }

    /// Whatever the store says, if it says it in time.
    async fn in_time<T>(&self, reading: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(self.options.deadline, reading).await.unwrap_or_else(|_| {
            let message = format!("the store did not answer within {} ms", self.options.deadline.as_millis());
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        })
    }

    /// What a key counts against: the key itself, what its user may in its team, its team, its user, and all callers.
    fn accounts_of(&self, origin: &Origin) -> Accounts {
        let now_ms = self.clock.now_ms();
        let mut accounts = Accounts::default();
        let Origin { key, user, team, member, budgets } = origin;
        let read = |object: &Object| {
            let budget =
                object.settings.get("budget_id").and_then(Value::as_str).and_then(|id| budgets.get(id));
            Allowance::read(&object.settings, budget.map(|budget| &budget.settings), now_ms)
        };
        accounts.add(&self.book, &Subject::new(SubjectKind::Key, counts_as(key)), &read(key));
        accounts.note_lowered(spend_reset(key));
        let mut add = |kind: SubjectKind, id: &str, allowance: &Allowance| {
            accounts.add(&self.book, &Subject::new(kind, id), allowance);
        };
        if let Some(team) = team {
            if let Some(user_id) = &key.user_id {
                let own = member.as_ref().map(|member| &member.settings);
                let allowance = Allowance::of_member(own, &team.settings, now_ms);
                add(SubjectKind::Member, &member_id(&team.id, user_id), &allowance);
            }
            add(SubjectKind::Team, &team.id, &read(team));
        }
        if let Some(user) = user {
            let allowance = read(user);
            let subject = Subject::new(SubjectKind::User, &*user.id);
            if team.is_some() && !self.options.user_budget_holds_for_teams {
                // As in LiteLLM: what a user does for a team, the team pays.
                accounts.add_unpaying(&self.book, &subject, &allowance);
            } else {
                accounts.add(&self.book, &subject, &allowance);
            }
        }
        self.global.iter().cloned().for_each(|account| accounts.hold(account));
        accounts.has_budget |= !self.options.global.budgets.is_empty();
        accounts
    }

    /// Takes over what stands on the counters of accounts that are new in this process.
    async fn seed(&self, accounts: &Accounts) -> Result<(), Error> {
        let new: Vec<&Arc<Account>> =
            accounts.all().filter(|account| !account.unseeded().is_empty()).collect();
        if new.is_empty() {
            return Ok(());
        }
        let subjects: Vec<Subject> = new.iter().map(|account| account.subject().clone()).collect();
        let spent = self.store.spent(&subjects).await?;
        for account in new {
            for (period, begins_at) in account.unseeded() {
                let label = period.map(|period| period.to_string()).unwrap_or_default();
                let counter = spent.iter().find(|counter| {
                    counter.subject == *account.subject()
                        && counter.period == label
                        && counter.begins_at == begins_at
                });
                account.seed(period, begins_at, counter.map(|counter| counter.amount).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// What every request counts against, whoever asks.
    pub fn global(&self) -> &[Arc<Account>] {
        &self.global
    }

    /// Who is in memory now.
    pub fn known(&self) -> Vec<Arc<Identity>> {
        self.cached.iter().map(|(_, identity)| identity).collect()
    }

    /// All accounts.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Takes over what all callers together have spent, in windows that this process does not know yet.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable`. Until it has been done once, what was spent before this process counts as nothing.
    pub async fn seed_global(&self) -> Result<(), Error> {
        let mut accounts = Accounts::default();
        accounts.always.extend(self.global.iter().cloned());
        self.seed(&accounts).await
    }

    async fn object(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        self.store.object(kind, id).await
    }

    /// Forgets what is kept of an object that has changed. Whoever asks from now on gets what the store says then.
    pub fn forget(&self, kind: Kind, id: &str) {
        if let Some(part) = self.lock_parts().remove(&(kind, id.to_owned())).and_then(|part| part.upgrade()) {
            part.change();
        }
        if kind == Kind::Key {
            // It may be one that was asked for before it was made.
            self.unknown.clear();
        }
    }

    /// Forgets everything that has been read.
    pub fn forget_all(&self) {
        self.cached.clear();
        self.unknown.clear();
        self.limited.clear();
    }

    /// Asks the store again and again what has changed, and forgets that. Never ends; whoever polls it ends it.
    ///
    /// Where the store does not answer, what is known is served on, and everything is forgotten once it answers again
    /// and cannot say what was missed.
    pub async fn follow(&self) {
        let mut seen: Option<i64> = None;
        let mut ticks = tokio::time::interval(self.options.poll_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let followed = match seen {
                None => self.store.newest_change().await.map(Some),
                Some(after) => self.take_in(after).await.map(Some),
            };
            match followed {
                Ok(newest) => {
                    if seen.is_none() {
                        // What was read before the first look may have changed since.
                        self.forget_all();
                    }
                    seen = newest;
                }
                Err(error) => {
                    tracing::debug!(error = %error, causes = error.causes(), "changes of keys could not be read");
                }
            }
        }
    }

    /// Takes in the changes after a number, and gives the newest.
    async fn take_in(&self, mut after: i64) -> Result<i64, Error> {
        loop {
            let changes = self.store.changes(after, CHANGES_MAX).await?;
            for change in &changes {
                self.forget(change.kind, &change.id);
                after = after.max(change.number);
            }
            if (changes.len() as u64) < CHANGES_MAX {
                return Ok(after);
            }
        }
    }

    /// The mark of an object, shared by all identities that are made from it.
    fn part(&self, kind: Kind, id: &str) -> Arc<Part> {
        let mut parts = self.lock_parts();
        if let Some(part) = parts.get(&(kind, id.to_owned())).and_then(Weak::upgrade) {
            return part;
        }
        if parts.len() >= SWEEP_AT && parts.len().is_power_of_two() {
            parts.retain(|_, part| part.strong_count() > 0);
        }
        let part = Arc::new(Part::default());
        parts.insert((kind, id.to_owned()), Arc::downgrade(&part));
        part
    }

    fn lock_parts(&self) -> MutexGuard<'_, HashMap<(Kind, String), Weak<Part>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
