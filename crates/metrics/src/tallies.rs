//! Where requests are counted: a table for each few threads, and one list of all that is counted together.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use trunkline_keys::Token;

use crate::caller::{Caller, KeptCaller, Owner};
use crate::key::{Key, Labels};
use crate::names::{Names, other};
use crate::totals::Totals;

/// Threads beyond so many share tables.
const SHARDS_MAX: usize = 16;

/// Everything that is counted of requests.
#[derive(Debug)]
pub(crate) struct Tallies {
    shards: Box<[Shard]>,
    known: Mutex<Known>,
    /// How many may be kept apart; what comes later is counted as `other`.
    known_max: usize,
    overflowed: AtomicU64,
    names: Names,
}

/// All that is kept apart.
#[derive(Debug, Default)]
struct Known {
    labels: HashTable<Arc<Labels>>,
    /// The keys among them, as each was when it was counted first, so that it has the same labels everywhere.
    owners: HashMap<Token, Arc<Owner>, FxBuildHasher>,
}

impl Known {
    fn find(&self, key: Key<'_>) -> Option<Arc<Labels>> {
        self.labels.find(key.hash(), |labels| labels.key() == key).cloned()
    }

    fn add(&mut self, key: Key<'_>) -> Arc<Labels> {
        let mut owner = |token: Token, new: &dyn Fn() -> Owner| {
            let owner = self.owners.entry(token).or_insert_with(|| Arc::new(new()));
            KeptCaller::Key(Arc::clone(owner))
        };
        let caller = match key.caller {
            Caller::Nobody => KeptCaller::Nobody,
            Caller::Key(identity) => owner(identity.token, &|| Owner::from(identity)),
            Caller::Known(known) => owner(known.token, &|| known.clone()),
            Caller::Other => KeptCaller::Other,
        };
        let labels = Arc::new(Labels::new(&key, caller));
        self.labels.insert_unique(key.hash(), Arc::clone(&labels), |labels| labels.key().hash());
        labels
    }
}

/// What some threads count. Alone in its cache lines, so that no thread waits for another's.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    table: Mutex<HashTable<Counted>>,
    /// Requests that began here less those that ended here: only the sum of all shards has a meaning.
    open: AtomicI64,
}

#[derive(Clone, Debug)]
struct Counted {
    hash: u64,
    labels: Arc<Labels>,
    totals: Totals,
}

impl Counted {
    fn add(&mut self, note: impl FnOnce(&mut Totals)) {
        self.totals.count += 1;
        note(&mut self.totals);
    }
}

fn find<'t>(table: &'t mut HashTable<Counted>, key: Key<'_>) -> Option<&'t mut Counted> {
    table.find_mut(key.hash(), |counted| counted.labels.key() == key)
}

impl Tallies {
    pub(crate) fn new(names: Names, known_max: usize) -> Self {
        let shards = thread::available_parallelism().map_or(1, |threads| threads.get().min(SHARDS_MAX));
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            known: Mutex::default(),
            known_max,
            overflowed: AtomicU64::new(0),
            names,
        }
    }

    pub(crate) fn opened(&self) {
        self.shard().open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self) {
        self.shard().open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Requests that are open.
    pub(crate) fn open(&self) -> i64 {
        self.shards.iter().map(|shard| shard.open.load(Ordering::Relaxed)).sum::<i64>().max(0)
    }

    /// Counts one more under a key, with whatever else is noted of it. `asked_group` is where its requested name leads.
    pub(crate) fn count(&self, key: Key<'_>, asked_group: Option<&str>, note: impl FnOnce(&mut Totals)) {
        let shard = self.shard();
        let mut table = lock(&shard.table);
        // Most requests are like one before.
        if let Some(counted) = find(&mut table, key) {
            return counted.add(note);
        }
        drop(table);
        // A name is looked up while nobody waits for it.
        let key = self.names.folded(key, asked_group);
        let mut table = lock(&shard.table);
        match find(&mut table, key) {
            Some(counted) => counted.add(note),
            None => self.begun(&mut table, key).add(note),
        }
    }

    #[cold]
    fn begun<'t>(&self, table: &'t mut HashTable<Counted>, key: Key<'_>) -> &'t mut Counted {
        let labels = self.labels(key);
        let hash = labels.key().hash();
        let is_same = |counted: &Counted| Arc::ptr_eq(&counted.labels, &labels);
        let new = || Counted { hash, labels: Arc::clone(&labels), totals: Totals::default() };
        table.entry(hash, is_same, |counted| counted.hash).or_insert_with(new).into_mut()
    }

    /// The one copy of labels that all shards share.
    fn labels(&self, key: Key<'_>) -> Arc<Labels> {
        let mut known = lock(&self.known);
        if let Some(labels) = known.find(key) {
            return labels;
        }
        if known.labels.len() < self.known_max {
            return known.add(key);
        }
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        let key = other(key);
        known.find(key).unwrap_or_else(|| known.add(key))
    }

    /// How often something was counted as `other`.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// How many are kept apart.
    pub(crate) fn len(&self) -> usize {
        lock(&self.known).labels.len()
    }

    /// Everything that was counted so far.
    pub(crate) fn all(&self) -> Vec<(Arc<Labels>, Totals)> {
        let mut sums: HashMap<*const Labels, (Arc<Labels>, Totals), FxBuildHasher> = HashMap::default();
        for shard in &self.shards {
            // A copy, so that no request waits while it is added up.
            let counted: Vec<Counted> = lock(&shard.table).iter().cloned().collect();
            for Counted { labels, totals, .. } in counted {
                let new = || (Arc::clone(&labels), Totals::default());
                sums.entry(Arc::as_ptr(&labels)).or_insert_with(new).1.absorb(&totals);
            }
        }
        sums.into_values().collect()
    }

    fn shard(&self) -> &Shard {
        &self.shards[place() % self.shards.len()]
    }
}

/// The number of this thread among those that count.
fn place() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    PLACE.with(|place| {
        if place.get() == usize::MAX {
            place.set(THREADS.fetch_add(1, Ordering::Relaxed));
        }
        place.get()
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use trunkline_prices::Prices;

    use super::*;
    use crate::caller::tests::{identity, owner};
    use crate::key::{Ending, Subject};

    fn tallies(known_max: usize) -> Tallies {
        Tallies::new(Names::new(Prices::bundled()), known_max)
    }

    fn key(requested: &str) -> Key<'_> {
        Key {
            caller: Caller::Nobody,
            subject: Subject::Request,
            ending: Ending::Completed,
            status: 200,
            route: "/v1/chat/completions",
            requested,
            group: "m",
            deployment: "d",
            provider: "openai",
            model: "x",
        }
    }

    fn asked_by(caller: Caller<'_>) -> Key<'_> {
        Key { caller, ..key("m") }
    }

    #[test]
    fn threads_count_apart_and_are_added_up() {
        const THREADS: u64 = 40;
        let tallies = tallies(10);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..100 {
                        tallies.opened();
                        tallies.count(key("m"), Some("m"), |totals| totals.tokens.input += 2);
                    }
                    (0..99).for_each(|_| tallies.ended());
                });
            }
        });
        let all = tallies.all();
        let [(labels, totals)] = &all[..] else { panic!("{all:?}") };
        assert_eq!(labels.key(), key("m"));
        assert_eq!((totals.count, totals.tokens.input), (THREADS * 100, THREADS * 200));
        assert_eq!(tallies.open(), 40);
    }

    #[test]
    fn what_there_is_no_room_for_is_counted_as_other() {
        let tallies = tallies(3);
        for number in 0..100 {
            tallies.count(key(&format!("configured-{number}")), Some("m"), |_| {});
        }
        assert_eq!((tallies.len(), tallies.overflowed()), (4, 97));
        let counts: u64 = tallies.all().iter().map(|(_, totals)| totals.count).sum();
        assert_eq!(counts, 100, "nothing is lost");
        let of_other = tallies.all().into_iter().find(|(labels, _)| labels.key().requested == "other");
        assert_eq!(of_other.map(|(_, totals)| totals.count), Some(97));
    }

    #[test]
    fn ten_thousand_invented_names_are_one() {
        let tallies = tallies(1_000);
        for number in 0..10_000 {
            tallies.count(key(&format!("invented-{number}")), Some("*"), |_| {});
        }
        assert_eq!((tallies.len(), tallies.overflowed()), (1, 0));
    }

    #[test]
    fn keys_of_one_team_are_told_apart_and_so_is_the_master_key() {
        let tallies = tallies(10);
        let [ann, ben] = [owner("sk-ann", "ann's", "ann"), owner("sk-ben", "ben's", "ben")];
        let callers = [Caller::Known(&ann), Caller::Known(&ben), Caller::Nobody];
        for (caller, times) in callers.into_iter().zip(1..) {
            (0..times).for_each(|_| tallies.count(asked_by(caller), Some("m"), |_| {}));
        }
        let all = tallies.all();
        let count = |caller| {
            let found = all.iter().find(|(labels, _)| labels.key() == asked_by(caller));
            found.map(|(_, totals)| totals.count)
        };
        assert_eq!(callers.map(count), [Some(1), Some(2), Some(3)]);
        assert_eq!(tallies.len(), 3);
    }

    #[test]
    fn a_key_whose_alias_changed_is_one_and_has_its_first_name_in_all_that_is_counted() {
        let tallies = tallies(10);
        let [before, after] = ["first", "second"].map(|alias| identity("sk-ann", alias));
        let [before, after] = [Caller::of(Some(&before)), Caller::of(Some(&after))];
        tallies.count(asked_by(before), Some("m"), |_| {});
        tallies.count(asked_by(after), Some("m"), |_| {});
        // Another tally of the same key, counted first under its new name.
        tallies.count(Key { ending: Ending::LeftReply, ..asked_by(after) }, Some("m"), |_| {});
        let all = tallies.all();
        let told = all
            .iter()
            .map(|(labels, totals)| (totals.count, labels.caller.told(|owner| owner.alias.as_deref())));
        let mut told: Vec<(u64, &str)> = told.collect();
        told.sort_unstable();
        assert_eq!(told, [(1, "first"), (2, "first")]);
    }

    #[test]
    fn twenty_thousand_keys_stay_within_the_bound_and_none_of_their_requests_is_lost() {
        const KEYS: usize = 20_000;
        const MAX: usize = 10_000;
        let tallies = tallies(MAX);
        let owners: Vec<_> = (0..KEYS).map(|number| owner(&format!("sk-{number}"), "a", "u")).collect();
        for owner in owners.iter().chain(&owners) {
            tallies.count(asked_by(Caller::Known(owner)), Some("m"), |totals| totals.tokens.input += 5);
        }
        assert_eq!((tallies.len(), tallies.overflowed()), (MAX + 1, 2 * (KEYS - MAX) as u64));
        let all = tallies.all();
        let sum = |of: fn(&Totals) -> u64| all.iter().map(|(_, totals)| of(totals)).sum::<u64>();
        assert_eq!((sum(|totals| totals.count), sum(|totals| totals.tokens.input)), (40_000, 200_000));
        let other: Vec<_> = all.iter().filter(|(labels, _)| labels.key().caller == Caller::Other).collect();
        let [(labels, totals)] = other[..] else { panic!("{other:?}") };
        assert_eq!((labels.key().requested, totals.count), ("other", 20_000));
        assert_eq!(lock(&tallies.known).owners.len(), MAX, "keys that have no room are not kept");
    }
}
