//! The keys that are known now: found in memory, read from the store once, forgotten when they change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::time::Instant;
use trunkline_core::{Error, ErrorKind, Subject};
use trunkline_limits::{Book, Breaker, Clock, Limits, Sharing};
use trunkline_store::{Kind, Store};

use crate::allowance::Allowance;
use crate::late::{Late, LateReads};
use crate::parts::Parts;
use crate::standby::Standby;
use crate::{Accounts, Identity, Limited, Observer, Pepper, Token};

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
    /// And of single models, by the names of their groups. Default none.
    pub global_by_model: BTreeMap<String, Limits>,
    /// Whether a user's budget holds for the user's keys in teams too. Default false.
    pub user_budget_holds_for_teams: bool,
    /// How limits and budgets are shared with other replicas. Default: each process counts for itself.
    pub sharing: Option<Sharing>,
    /// Who is told which kinds of objects others have changed. Default nobody.
    pub observer: Option<Arc<dyn Observer>>,
    /// The file in which it is written down what is known of keys, for a start at which the store does not answer. Default none.
    pub snapshot: Option<PathBuf>,
}

impl Default for KeysOptions {
    fn default() -> Self {
        Self {
            cached_max: 200_000,
            deadline: Duration::from_millis(50),
            unknown_for: Duration::from_secs(1),
            poll_every: Duration::from_millis(500),
            global: Limits::default(),
            global_by_model: BTreeMap::new(),
            user_budget_holds_for_teams: false,
            sharing: None,
            observer: None,
            snapshot: None,
        }
    }
}

/// The virtual keys of a gateway.
///
/// A key that is in memory costs one hash and one look. Of many requests with a key that is not, one asks the store and
/// all get its answer. What has changed is forgotten: at once by [`Keys::forget`], and by [`Keys::follow`] what other
/// replicas changed; that also finishes what the store was too slow for.
#[derive(Debug)]
pub struct Keys {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) pepper: Arc<Pepper>,
    pub(crate) clock: Clock,
    pub(crate) book: Arc<Book>,
    pub(crate) global: Accounts,
    pub(crate) options: KeysOptions,
    pub(crate) cached: Cache<Token, Cached>,
    unknown: Cache<Token, Instant>,
    pub(crate) limited: Cache<(Kind, String), Arc<Limited>>,
    pub(crate) parts: Parts,
    pub(crate) late: LateReads,
    /// Keeps requests from waiting for a store that does not answer.
    pub(crate) breaker: Breaker,
    /// Held while accounts are set to what was read.
    pub(crate) setting: Mutex<()>,
    /// What is known of keys beyond this process, where that is wanted.
    pub(crate) standby: Option<Standby>,
}

/// What is kept of a key: nothing but who it is. It is cloned at each look.
type Cached = Arc<Identity>;

/// How many keys that there are not are kept: whoever tries keys must not drive out those that there are.
const UNKNOWN_MAX: usize = 10_000;

/// How many end users and tags are kept. Callers choose their names.
const LIMITED_MAX: usize = 50_000;

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
        let allowance = Allowance {
            whole: options.global.clone(),
            by_model: options.global_by_model.clone(),
            ends_at: None,
        };
        let mut global = Accounts::default();
        if allowance != Allowance::default() {
            global.add(&book, &Subject::global(), &allowance);
        }
        let standby = options.snapshot.clone().map(|path| Standby::at(path, &pepper));
        Self {
            store,
            pepper,
            clock,
            book,
            global,
            cached: Cache::new(options.cached_max),
            unknown: Cache::new(UNKNOWN_MAX),
            limited: Cache::new(LIMITED_MAX),
            options,
            parts: Parts::default(),
            late: LateReads::default(),
            breaker: Breaker::default(),
            setting: Mutex::default(),
            standby,
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
                identity.note_use();
                return Ok(Some(identity));
            }
            self.cached.remove(&token);
        }
        // On the heap, so that whoever finds a key in memory carries no room for this.
        Box::pin(async {
            match self.in_time(self.look_up(token), || Late::Key(token)).await {
                Err(error) => self.known_before(token).await.ok_or(error),
                found => found,
            }
        })
        .await
    }

    pub(crate) async fn look_up(&self, token: Token) -> Result<Option<Arc<Identity>>, Error> {
        if self.is_unknown(token) {
            return Ok(None);
        }
        let read = self.cached.get_or_insert_async(&token, async {
            // Whoever waited for another's look-up need not look as well.
            if self.is_unknown(token) {
                return Err(None);
            }
            match Box::pin(self.read(token)).await {
                Ok(Some(identity)) => Ok(identity),
                Ok(None) => {
                    self.unknown.insert(token, Instant::now() + self.options.unknown_for);
                    Err(None)
                }
                Err(error) => Err(Some(error)),
            }
        });
        match read.await {
            Ok(identity) => Ok(Some(identity)),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }

    fn is_unknown(&self, token: Token) -> bool {
        self.unknown.get(&token).is_some_and(|until| Instant::now() < until)
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
        Box::pin(async {
            match self.in_time(self.look_up_limited(name), || Late::Limited(kind, id.to_owned())).await {
                Err(error) => self.limited_before(kind, id).await.ok_or(error),
                found => found,
            }
        })
        .await
    }

    pub(crate) async fn look_up_limited(&self, name: (Kind, String)) -> Result<Arc<Limited>, Error> {
        self.limited.get_or_insert_async(&name, Box::pin(self.read_limited(name.0, &name.1))).await
    }

    /// Whatever the store says, if it says it in time. What it says later is for those who ask then.
    async fn in_time<T>(
        &self,
        reading: impl Future<Output = Result<T, Error>>,
        late: impl FnOnce() -> Late,
    ) -> Result<T, Error> {
        if !self.breaker.lets_pass() {
            // It may be no more than slow, and then the next one finds it.
            self.late.note_refused(late());
            return Err(Error::new(ErrorKind::StoreUnavailable, "the store has not answered of late"));
        }
        let read = tokio::time::timeout(self.options.deadline, reading).await;
        self.note_store(matches!(read, Ok(Ok(_))));
        read.unwrap_or_else(|_| {
            self.late.note(late());
            let message = format!("the store did not answer within {} ms", self.options.deadline.as_millis());
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        })
    }

    /// Notes whether the store answered.
    pub(crate) fn note_store(&self, is_answered: bool) {
        if is_answered && self.stands_in() {
            // It has never answered: that was found in memory, where it had come from what was known before.
            return;
        }
        match self.breaker.note(is_answered) {
            Some(true) => tracing::info!("the store of keys answers again"),
            Some(false) => {
                tracing::warn!("the store of keys does not answer: keys that are in memory are served on");
            }
            None => {}
        }
    }

    /// Whether the store answered those requests that asked it last.
    pub fn store_answers(&self) -> bool {
        self.breaker.is_closed()
    }

    /// What every request counts against, whoever asks.
    pub fn global(&self) -> &Accounts {
        &self.global
    }

    /// Who is in memory now, those who are yet to be read anew among them.
    pub fn known(&self) -> Vec<Arc<Identity>> {
        self.cached.iter().map(|(_, identity)| identity).collect()
    }

    /// The end users that are in memory now, those whom nobody has limited among them.
    pub fn known_customers(&self) -> Vec<Arc<Limited>> {
        let customers = self.limited.iter().filter(|((kind, _), _)| *kind == Kind::Customer);
        customers.map(|(_, limited)| limited).collect()
    }

    /// All accounts.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Forgets what is kept of an object that has changed. Whoever asks from now on gets what the store says then.
    pub fn forget(&self, kind: Kind, id: &str) {
        self.parts.change(kind, id);
        if kind == Kind::Key {
            // It may be one that was asked for before it was made.
            self.unknown.clear();
        }
        self.unkeep(kind, id);
    }

    /// Forgets everything that has been read, and what is being read. Whoever asks from now on gets what the store says then.
    pub fn forget_all(&self) {
        self.parts.change_all();
        self.unknown.clear();
    }
}
