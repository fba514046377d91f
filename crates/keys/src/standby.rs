//! What is known of keys beyond one process: what an earlier one wrote down, and what this one will.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use quick_cache::sync::Cache;
use tokio::sync::Notify;
use trunkline_limits::{Account, Book};
use trunkline_store::{Kind, Object};

use crate::late::Late;
use crate::origin::{LimitedOrigin, Origin};
use crate::snapshot::{Snapshot, without_secrets};
use crate::snapshot_file::SnapshotFile;
use crate::{Identity, Limited, Pepper, Token};

/// Of how many keys it is written down who they are; of end users and tags together as many more, and of keys that are gone.
/// Those that were not used for long go first.
const KEPT_MAX: usize = 10_000;

/// What is known beyond one process.
#[derive(Debug)]
pub(crate) struct Standby {
    pub(crate) file: Arc<SnapshotFile>,
    /// What an earlier process wrote down, until the store has answered this one.
    earlier: Mutex<Option<Arc<Snapshot>>>,
    has_answered: AtomicBool,
    pub(crate) is_told: AtomicBool,
    keys: Cache<Token, KeptKey>,
    limited: Cache<(Kind, String), KeptLimited>,
    /// Keys that there are not any more, by index.
    gone: Cache<String, ()>,
    /// The number of the next snapshot.
    next: AtomicU64,
    /// Told when something that is written down has changed.
    pub(crate) news: Notify,
    /// What is to be read anew, once the store has said what was spent, and its changes are followed.
    to_read: Mutex<ToRead>,
    /// Told when there is more of that.
    pub(crate) is_to_read: Notify,
    pub(crate) is_seeded: Notify,
    pub(crate) is_followed: Notify,
}

/// What is not known any more and is to be known again.
#[derive(Debug, Default)]
struct ToRead {
    waiting: VecDeque<Late>,
    /// Whether one of them is being read.
    is_reading: bool,
}

/// What a key was made of, for as long as it is in memory.
#[derive(Clone, Debug)]
struct KeptKey {
    origin: Arc<Origin>,
    identity: Weak<Identity>,
}

/// What an end user or a tag was made of, for as long as it is in memory.
#[derive(Clone, Debug)]
struct KeptLimited {
    origin: Arc<LimitedOrigin>,
    limited: Weak<Limited>,
}

impl Standby {
    /// What stands in a file, and what will.
    pub(crate) fn at(path: PathBuf, pepper: &Pepper) -> Self {
        let file = SnapshotFile::at(path);
        let earlier = file.read(pepper).map(Arc::new);
        Self {
            file: Arc::new(file),
            earlier: Mutex::new(earlier),
            has_answered: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
            keys: Cache::new(KEPT_MAX),
            limited: Cache::new(KEPT_MAX),
            gone: Cache::new(KEPT_MAX),
            next: AtomicU64::new(1),
            news: Notify::new(),
            to_read: Mutex::default(),
            is_to_read: Notify::new(),
            is_seeded: Notify::new(),
            is_followed: Notify::new(),
        }
    }

    /// What an earlier process wrote down. Whoever makes something of it holds this until that can be found, and with it
    /// forgotten.
    pub(crate) fn earlier(&self) -> MutexGuard<'_, Option<Arc<Snapshot>>> {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Acquire)
    }

    /// Notes that the store has answered, and gives whether something was known from elsewhere until now.
    pub(crate) fn end(&self) -> bool {
        if self.has_answered.swap(true, Ordering::AcqRel) {
            return false;
        }
        // Held, so that nobody finds neither what it says nor that it is to be read.
        let mut earlier = self.earlier();
        let Some(snapshot) = earlier.take() else { return false };
        let limited = snapshot.objects.keys().filter(|(kind, _)| matches!(kind, Kind::Customer | Kind::Tag));
        let keys = snapshot.tokens.iter().filter_map(|token| Token::parse(token));
        self.read_again(
            keys.map(Late::Key).chain(limited.map(|(kind, id)| Late::Limited(*kind, id.clone()))),
        );
        true
    }

    /// Has everything read anew that is known. It is to be called before that is forgotten.
    pub(crate) fn read_all_again(&self) {
        let is_known =
            |(_, kept): &(_, KeptKey)| kept.identity.upgrade().is_some_and(|known| !known.is_stale());
        let keys = self.keys.iter().filter(is_known).map(|(token, _)| Late::Key(token));
        let is_known =
            |(_, kept): &(_, KeptLimited)| kept.limited.upgrade().is_some_and(|known| !known.is_stale());
        let limited = self.limited.iter().filter(is_known).map(|((kind, id), _)| Late::Limited(kind, id));
        self.read_again(keys.chain(limited));
    }

    fn read_again(&self, late: impl Iterator<Item = Late>) {
        self.to_read().waiting.extend(late);
        self.is_to_read.notify_one();
    }

    /// What is to be read next. Whoever asks for it has read what was next before, or has given it up.
    pub(crate) fn next_to_read(&self) -> Option<Late> {
        let mut to_read = self.to_read();
        let next = to_read.waiting.pop_front();
        to_read.is_reading = next.is_some();
        next
    }

    /// Whether something was known that is still to be read anew.
    fn knows_less(&self) -> bool {
        let to_read = self.to_read();
        to_read.is_reading || !to_read.waiting.is_empty()
    }

    fn to_read(&self) -> MutexGuard<'_, ToRead> {
        self.to_read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keep_key(&self, origin: &Origin, identity: &Arc<Identity>) {
        let Origin { key, user, team, member, budgets } = origin.clone();
        let origin = Origin {
            key: without_secrets(key),
            user: user.map(without_secrets),
            team: team.map(without_secrets),
            member: member.map(without_secrets),
            budgets: budgets.into_iter().map(|(id, budget)| (id, without_secrets(budget))).collect(),
        };
        self.gone.remove(origin.key.id.as_str());
        let kept = KeptKey { origin: Arc::new(origin), identity: Arc::downgrade(identity) };
        self.keys.insert(identity.token, kept);
    }

    pub(crate) fn keep_limited(&self, origin: LimitedOrigin, limited: &Arc<Limited>) {
        let LimitedOrigin { object, budget } = origin;
        let name = (object.kind, object.id.clone());
        let (object, budget) = (without_secrets(object), budget.map(without_secrets));
        let origin = Arc::new(LimitedOrigin { object, budget });
        self.limited.insert(name, KeptLimited { origin, limited: Arc::downgrade(limited) });
    }

    pub(crate) fn keep_gone(&self, index: &str) {
        self.gone.insert(index.to_owned(), ());
    }

    /// Takes back that something is known, which has changed.
    pub(crate) fn unkeep(&self, kind: Kind, id: &str) {
        if kind == Kind::Key {
            self.gone.remove(id);
        }
        self.news.notify_one();
    }

    /// What is to be written down now, and its number. `None` where nobody knows anything: neither has the store answered, nor
    /// was anything written down before; and where more stands there than is known, until that has been read anew.
    pub(crate) fn snapshot(&self, book: &Book, global: &[Arc<Account>]) -> Option<(u64, Snapshot)> {
        let number = self.next.fetch_add(1, Ordering::AcqRel);
        let knew_less = self.knows_less();
        let earlier = self.earlier().clone();
        let mut snapshot = match earlier {
            Some(earlier) => {
                // All there is comes from there, but for what was spent since.
                let mut snapshot = Snapshot::clone(&earlier);
                snapshot.add_spent(&book.accounts());
                snapshot
            }
            None if !self.has_answered() => return None,
            None => self.kept(),
        };
        // What was forgotten, or read, meanwhile is missing in it.
        if knew_less || self.knows_less() {
            return None;
        }
        snapshot.add_spent(global);
        snapshot.written_at_ms = jiff::Timestamp::now().as_millisecond();
        Some((number, snapshot))
    }

    /// All that was read and has not changed since.
    fn kept(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let keys: Vec<_> = self.keys.iter().collect();
        for (token, kept) in keys {
            let Some(identity) = kept.identity.upgrade() else {
                self.keys.remove_if(&token, |kept| kept.identity.strong_count() == 0);
                continue;
            };
            if identity.take_use() {
                // So that others go before it.
                self.keys.get(&token);
            }
            if !identity.is_stale() {
                kept.origin.objects().for_each(|object| snapshot.add(object));
                snapshot.add_spent(identity.accounts.all());
                snapshot.tokens.push(token.to_string());
            }
        }
        let limited: Vec<_> = self.limited.iter().collect();
        for (name, kept) in limited {
            match kept.limited.upgrade() {
                Some(limited) if limited.is_stale() => {}
                Some(limited) => {
                    kept.origin.objects().for_each(|object| snapshot.add(object));
                    snapshot.add_spent(limited.accounts.all());
                }
                None => drop(self.limited.remove_if(&name, |kept| kept.limited.strong_count() == 0)),
            }
        }
        for (index, ()) in self.gone.iter() {
            snapshot.add(&Object { deleted: true, ..Object::new(Kind::Key, index, 0) });
        }
        snapshot
    }
}
