//! A replica over a store in memory that loses, delays and dies.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use trunkline_core::{Error, ErrorKind};
use trunkline_limits::{Claim, Counter, CounterKind, Held, OnOutage, Shared, Sharing};

use super::*;

/// What becomes of one batch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Answered {
        after_ms: u64,
    },
    QuestionLost,
    AnswerLost,
    /// It is given up by whoever asked, and applied afterwards.
    Late {
        after_ms: u64,
    },
    Refused,
}

/// A store in memory. When its fates are used up it answers at once.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<Inner>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) counters: BTreeMap<Counter, Entries>,
    pub(crate) fates: VecDeque<Fate>,
    late: Vec<(Instant, Vec<Claim>)>,
    is_dead: bool,
    batches: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Entries {
    base: i64,
    /// What of the base may be a holder's that is not here.
    of_holders: u64,
    pub(crate) holders: BTreeMap<Arc<str>, Entry>,
    /// When anybody was heard of last, and since when somebody always was.
    asked: Option<(Instant, Instant)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    sequence: u64,
    pub(crate) units: u64,
    pub(crate) spent: u64,
    /// When it was heard of last. `None` of one of whom others told.
    heard: Option<Instant>,
}

/// After how long nothing is held any more of calls at one time, and after how long without anybody that time begins anew.
const LAPSES: Duration = Duration::from_secs(60);
const SILENT: Duration = Duration::from_secs(20);
/// After how long nothing is held in any case.
const LOST: Duration = Duration::from_secs(600);

impl Entries {
    fn told_by(claim: &Claim) -> Self {
        let entry = |spent| Entry { units: spent, spent, ..Entry::default() };
        let holders = claim.others.iter().map(|(holder, spent)| (Arc::clone(holder), entry(*spent)));
        let of_holders = u64::try_from(claim.base).ok().filter(|_| claim.base_has_holders);
        let of_holders = of_holders.unwrap_or_default();
        Self { base: claim.base, of_holders, holders: holders.collect(), asked: None }
    }

    /// What is used and held in all. It is less than nothing where others have not told yet what was put right.
    pub(crate) fn total(&self) -> i64 {
        self.holders.values().fold(self.base, |sum, entry| sum.saturating_add_unsigned(entry.units))
    }

    /// What is left of a limit by all but this much.
    fn free(&self, limit: u64, but: u64) -> u64 {
        let others = self.total().saturating_sub_unsigned(but);
        limit.saturating_add_signed(others.saturating_neg())
    }

    /// What is spent, by this holder too if it is one.
    fn spent(&self) -> i64 {
        self.holders.values().fold(self.base, |sum, entry| sum.saturating_add_unsigned(entry.spent))
    }

    /// Takes what a holder brings that is not here out of the base.
    fn admit(&mut self, claim: &Claim) {
        if !self.holders.contains_key(&claim.holder) {
            let brought = claim.noted_spent.min(self.of_holders);
            self.of_holders -= brought;
            self.base = self.base.saturating_sub_unsigned(brought);
        }
    }

    /// Forgets those who have not been heard of for long, though others have.
    fn lapse(&mut self, holder: &str) {
        let now = Instant::now();
        let since = self.asked.filter(|(asked, _)| now - *asked <= SILENT).map_or(now, |(_, since)| since);
        self.asked = Some((now, since));
        self.holders.retain(|name, entry| {
            let lapses_from = entry.heard.map_or(since, |heard| heard.max(since));
            let is_lost = entry.heard.is_some_and(|heard| now - heard > LOST);
            **name == *holder || (now - lapses_from <= LAPSES && !is_lost)
        });
    }

    /// Makes all holders a part of the base.
    fn fold(&mut self) {
        for (_, entry) in std::mem::take(&mut self.holders) {
            self.base = self.base.saturating_add_unsigned(entry.spent);
            self.of_holders += entry.spent;
        }
    }
}

impl Inner {
    fn apply(&mut self, claim: &Claim) -> Held {
        let counter = self.counters.entry(claim.counter.clone()).or_insert_with(|| Entries::told_by(claim));
        counter.admit(claim);
        if claim.counter.kind == CounterKind::Parallel {
            counter.lapse(&claim.holder);
        }
        let before = counter.holders.get(&claim.holder).copied().unwrap_or_default();
        let mut entry = before;
        if claim.sequence > before.sequence {
            let free = counter.free(claim.limit, before.units);
            entry.units = if claim.units <= before.units {
                claim.units
            } else if free >= claim.least {
                claim.units.min(free).max(before.units)
            } else {
                before.units
            };
            entry = Entry {
                sequence: claim.sequence,
                units: entry.units.max(claim.spent),
                spent: claim.spent,
                heard: Some(Instant::now()),
            };
            counter.holders.insert(Arc::clone(&claim.holder), entry);
        }
        let spent = counter.spent();
        let others = counter.holders.iter().filter(|(holder, _)| **holder != claim.holder);
        let others = others.map(|(holder, entry)| (Arc::clone(holder), entry.spent));
        let others =
            if matches!(claim.counter.kind, CounterKind::Budget(_)) { others.collect() } else { Vec::new() };
        Held { units: entry.units, left: counter.free(claim.limit, 0), spent, others }
    }

    fn apply_all(&mut self, claims: &[Claim]) -> Vec<Held> {
        let held = claims.iter().map(|claim| self.apply(claim)).collect();
        // What comes late comes after what is newer.
        self.apply_late();
        held
    }

    /// Applies what has come late by now: nobody waits for the answer.
    pub(crate) fn apply_late(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = later;
        let due: Vec<(Instant, Vec<Claim>)> = due;
        for (_, claims) in due {
            for claim in &claims {
                self.apply(claim);
            }
        }
    }
}

impl Store {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_dead(&self, is_dead: bool) {
        self.inner().is_dead = is_dead;
    }

    /// Has not heard of any holder for long.
    pub(crate) fn fold(&self) {
        self.inner().counters.values_mut().for_each(Entries::fold);
    }

    /// Loses all counters, as a store in memory does that is started anew.
    pub(crate) fn forget(&self) {
        self.inner().counters.clear();
    }

    /// What is held of a counter of a kind in all, and of that what is not spent.
    pub(crate) fn held(&self, kind: CounterKind) -> (i64, i64) {
        let inner = self.inner();
        let (_, entries) =
            inner.counters.iter().rev().find(|(counter, _)| counter.kind == kind).expect("asked for");
        (entries.total(), entries.total() - entries.spent())
    }
}

#[async_trait]
impl Shared for Store {
    async fn hold(&self, claims: &[Claim]) -> Result<Vec<Held>, Error> {
        let fate = {
            let mut inner = self.inner();
            inner.batches += 1;
            let fate = inner.fates.pop_front().unwrap_or(Fate::Answered { after_ms: 1 });
            if inner.is_dead { Fate::QuestionLost } else { fate }
        };
        match fate {
            Fate::Answered { after_ms } => {
                pass(Duration::from_millis(after_ms)).await;
                return Ok(self.inner().apply_all(claims));
            }
            Fate::Refused => return Err(Error::new(ErrorKind::StoreUnavailable, "no")),
            Fate::QuestionLost => {}
            Fate::AnswerLost => {
                self.inner().apply_all(claims);
            }
            Fate::Late { after_ms } => {
                let at = Instant::now() + Duration::from_millis(after_ms);
                self.inner().late.push((at, claims.to_vec()));
            }
        }
        std::future::pending().await
    }
}

/// Lets time pass. The clock is paused, so that it takes none.
pub(crate) async fn pass(time: Duration) {
    let _ = timeout(time, std::future::pending::<()>()).await;
}

/// A replica: a book and the task that keeps its leases.
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) book: Arc<Book>,
    pub(crate) keeper: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Replica {
    pub(crate) fn start(name: &str, store: &Arc<Store>, on_outage: OnOutage) -> Self {
        let began = Instant::now();
        let clock = Clock::new(move || i64::try_from(began.elapsed().as_millis()).expect("not that long"));
        Self::start_at(name, store, on_outage, clock)
    }

    pub(crate) fn start_at(name: &str, store: &Arc<Store>, on_outage: OnOutage, clock: Clock) -> Self {
        let (limits_on_outage, budgets_on_outage) = (on_outage, on_outage);
        let sharing = Sharing { limits_on_outage, budgets_on_outage, idle_ms: 1_000, ..Sharing::new(name) };
        let book = Arc::new(Book::shared(clock, sharing));
        let (stop, stopped) = oneshot::channel::<()>();
        let (kept, store) = (Arc::clone(&book), Arc::clone(store));
        let keeper = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            kept.keep_leased(&*store, until).await;
        });
        Self { name: name.to_owned(), book, keeper, stop }
    }

    pub(crate) async fn end(self) {
        let _ = self.stop.send(());
        self.keeper.await.expect("it ends well");
    }

    pub(crate) fn key(&self, limits: &Limits) -> [Arc<Account>; 1] {
        let key = limited(&self.book, "key", limits);
        for budget in &limits.budgets {
            key.seed(budget.period, 0, Decimal::ZERO);
        }
        [key]
    }
}
