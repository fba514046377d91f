//! Where requests are counted: a table for each few threads, and one list of all that is counted together.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::key::{Key, Labels};
use crate::names::{Names, other};
use crate::totals::Totals;

/// Threads beyond so many share tables.
const SHARDS_MAX: usize = 16;

/// Everything that is counted of requests.
#[derive(Debug)]
pub(crate) struct Tallies {
    shards: Box<[Shard]>,
    known: Mutex<HashTable<Arc<Labels>>>,
    /// How many may be kept apart; what comes later is counted as `other`.
    known_max: usize,
    overflowed: AtomicU64,
    names: Names,
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
        let find = |known: &HashTable<Arc<Labels>>, key: Key<'_>| {
            known.find(key.hash(), |labels| labels.key() == key).cloned()
        };
        if let Some(labels) = find(&known, key) {
            return labels;
        }
        let mut kept = key;
        if known.len() >= self.known_max {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            kept = other(key);
            if let Some(labels) = find(&known, kept) {
                return labels;
            }
        }
        let labels = Arc::new(Labels::new(&kept));
        known.insert_unique(kept.hash(), Arc::clone(&labels), |labels| labels.key().hash());
        labels
    }

    /// How often something was counted as `other`.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// How many are kept apart.
    pub(crate) fn len(&self) -> usize {
        lock(&self.known).len()
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
    use crate::key::{Ending, Subject};

    fn tallies(known_max: usize) -> Tallies {
        Tallies::new(Names::new(Prices::bundled()), known_max)
    }

    fn key(requested: &str) -> Key<'_> {
        Key {
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
}
