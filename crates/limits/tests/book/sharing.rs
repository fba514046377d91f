//! Three books over one store that loses, delays and dies: together they never allow more than the limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use proptest::prelude::*;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};
use trunkline_core::{Error, ErrorKind};
use trunkline_limits::{
    Claim, Counter, CounterKind, Held, OnOutage, Permit, Shared, Sharing, What, lease_size,
};

use super::*;

const LONG: Duration = Duration::from_secs(60);
const MINUTE_MS: i64 = 60_000;

/// What becomes of one batch.
#[derive(Clone, Copy, Debug)]
enum Fate {
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
struct Store(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counters: BTreeMap<Counter, Entries>,
    fates: VecDeque<Fate>,
    late: Vec<(Instant, Vec<Claim>)>,
    is_dead: bool,
    batches: u64,
}

#[derive(Debug, Default)]
struct Entries {
    base: u64,
    holders: BTreeMap<Arc<str>, Entry>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    sequence: u64,
    units: u64,
    spent: u64,
}

impl Entries {
    fn total(&self) -> u64 {
        self.base + self.holders.values().map(|entry| entry.units).sum::<u64>()
    }
}

impl Inner {
    fn apply(&mut self, claim: &Claim) -> Held {
        let counter = self
            .counters
            .entry(claim.counter.clone())
            .or_insert_with(|| Entries { base: claim.base, ..Entries::default() });
        let before = counter.holders.get(&claim.holder).copied().unwrap_or_default();
        let mut entry = before;
        if claim.sequence > before.sequence {
            let others = counter.total() - before.units;
            let free = claim.limit.saturating_sub(others);
            entry.units = if claim.units <= before.units {
                claim.units
            } else if free >= claim.least {
                claim.units.min(free).max(before.units)
            } else {
                before.units
            };
            entry =
                Entry { sequence: claim.sequence, units: entry.units.max(claim.spent), spent: claim.spent };
            counter.holders.insert(Arc::clone(&claim.holder), entry);
        }
        let spent = counter.base + counter.holders.values().map(|entry| entry.spent).sum::<u64>();
        Held { units: entry.units, left: claim.limit.saturating_sub(counter.total()), spent }
    }

    fn apply_all(&mut self, claims: &[Claim]) -> Vec<Held> {
        let held = claims.iter().map(|claim| self.apply(claim)).collect();
        // What comes late comes after what is newer.
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = later;
        let due: Vec<(Instant, Vec<Claim>)> = due;
        for (_, claims) in due {
            for claim in &claims {
                self.apply(claim);
            }
        }
        held
    }
}

impl Store {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_dead(&self, is_dead: bool) {
        self.inner().is_dead = is_dead;
    }

    /// What is held of a counter of a kind in all, and of that what is not spent.
    fn held(&self, kind: CounterKind) -> (u64, u64) {
        let inner = self.inner();
        let (_, entries) =
            inner.counters.iter().rev().find(|(counter, _)| counter.kind == kind).expect("asked for");
        let spent: u64 = entries.holders.values().map(|entry| entry.spent).sum();
        (entries.total(), entries.total() - entries.base - spent)
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
async fn pass(time: Duration) {
    let _ = timeout(time, std::future::pending::<()>()).await;
}

/// A replica: a book and the task that keeps its leases.
struct Replica {
    name: String,
    book: Arc<Book>,
    keeper: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Replica {
    fn start(name: &str, store: &Arc<Store>, on_outage: OnOutage) -> Self {
        let began = Instant::now();
        let clock = Clock::new(move || i64::try_from(began.elapsed().as_millis()).expect("not that long"));
        Self::start_at(name, store, on_outage, clock)
    }

    fn start_at(name: &str, store: &Arc<Store>, on_outage: OnOutage, clock: Clock) -> Self {
        let sharing = Sharing { on_outage, idle_ms: 1_000, ..Sharing::new(name) };
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

    async fn end(self) {
        let _ = self.stop.send(());
        self.keeper.await.expect("it ends well");
    }

    fn key(&self, limits: &Limits) -> [Arc<Account>; 1] {
        let key = limited(&self.book, "key", limits);
        for budget in &limits.budgets {
            key.seed(budget.period, 0, Decimal::ZERO);
        }
        [key]
    }
}

fn three(store: &Arc<Store>) -> [Replica; 3] {
    ["a", "b", "c"].map(|name| Replica::start(name, store, OnOutage::Refuse))
}

#[tokio::test(start_paused = true)]
async fn requests_of_three_replicas_are_within_the_limit_and_nearly_all_of_it() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let limits = Limits { requests_per_minute: Some(640), ..Limits::default() };
    let mut admitted = 0;
    let wait = Duration::from_millis(200);
    for round in 0..400_u64 {
        for replica in &replicas {
            admitted += u64::from(replica.book.admit_within(&replica.key(&limits), wait).await.is_ok());
        }
        if round % 10 == 0 {
            pass(Duration::from_millis(20)).await;
        }
    }
    assert!(admitted <= 640);
    assert!(admitted >= 640 - 3 * lease_size(640), "{admitted}");
}

#[tokio::test(start_paused = true)]
async fn two_hundred_calls_at_three_replicas_succeed_where_the_money_pays_them() {
    let micro = |count: i64| Decimal::new(count, 6);
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let budgets = vec![Budget::new(micro(10_000), None)];
    let limits = Limits { budgets, ..Limits::default() };
    let mut calls = JoinSet::new();
    for call in 0..200_usize {
        let (book, key) = (Arc::clone(&replicas[call % 3].book), replicas[call % 3].key(&limits));
        calls.spawn(async move {
            let amount = Some(micro(400));
            let want = Want { accounts: &key, by_model: &[], tokens: 0, amount, wait: LONG };
            let Ok(held) = book.reserve(want).await else { return false };
            pass(Duration::from_millis(100)).await;
            held.settle(0, Some(micro(40)));
            true
        });
    }
    let succeeded = calls.join_all().await.into_iter().filter(|succeeded| *succeeded).count();
    assert_eq!(succeeded, 200);
    pass(Duration::from_millis(500)).await;
    let (held, unused) = store.held(CounterKind::Budget(None));
    assert!(held <= 10_000 && unused <= 3 * lease_size(10_000), "{unused}");
    pass(Duration::from_secs(3)).await;
    assert_eq!(store.held(CounterKind::Budget(None)), (8_000, 0), "who is idle holds nothing");
    let spent = replicas[0].key(&limits)[0].spent(None).expect("a budget");
    assert!(spent <= micro(8_000), "{spent}");
}

#[tokio::test(start_paused = true)]
async fn calls_too_large_for_two_at_once_take_turns() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let mut calls = JoinSet::new();
    for call in 0..30_usize {
        let (book, key) = (Arc::clone(&replicas[call % 3].book), replicas[call % 3].key(&budget(10)));
        calls.spawn(async move {
            let Ok(held) = reserve(&book, &key, 0, 6, LONG).await else { return false };
            pass(Duration::from_millis(50)).await;
            held.settle(0, Some(Decimal::new(1, 1)));
            true
        });
    }
    let succeeded = calls.join_all().await.into_iter().filter(|succeeded| *succeeded).count();
    assert_eq!(succeeded, 30);
}

#[tokio::test(start_paused = true)]
async fn what_is_spent_elsewhere_is_known_and_refused_at_once() {
    let store = Arc::new(Store::default());
    let [a, b, _c] = three(&store);
    let (of_a, of_b) = (a.key(&budget(10)), b.key(&budget(10)));
    let held = reserve(&a.book, &of_a, 0, 8, LONG).await.expect("room");
    held.settle(0, Some(Decimal::from(8)));
    drop(reserve(&b.book, &of_b, 0, 1, LONG).await.expect("room"));
    pass(Duration::from_secs(3)).await;
    drop(reserve(&b.book, &of_b, 0, 1, LONG).await.expect("room"));
    let began = Instant::now();
    let refusal = reserve(&b.book, &of_b, 0, 3, LONG).await.map(drop).expect_err("eight are spent");
    assert_eq!((refusal.used, refusal.is_pending), (Decimal::from(8), false));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn without_a_store_leases_are_used_up_and_then_the_policy_holds() {
    for (on_outage, passes) in [(OnOutage::Refuse, false), (OnOutage::AllowLocally, true)] {
        let store = Arc::new(Store::default());
        let replica = Replica::start("a", &store, on_outage);
        let limits = Limits { requests_per_minute: Some(640), ..Limits::default() };
        let key = replica.key(&limits);
        let admit = || replica.book.admit_within(&key, LONG);
        drop(admit().await.expect("the store answers"));
        pass(Duration::from_millis(30)).await;
        store.set_dead(true);
        let mut admitted = 1_u64;
        while replica.book.admit(&key).is_ok() {
            admitted += 1;
        }
        assert!((lease_size(640)..=2 * lease_size(640) + 1).contains(&admitted), "{admitted}");
        let began = Instant::now();
        assert_eq!(admit().await.is_ok(), passes, "{on_outage:?}");
        assert!(began.elapsed() < Duration::from_millis(300), "the outage is known by then");
        let mut more = 0;
        while replica.book.admit(&key).is_ok() {
            more += 1;
        }
        assert_eq!(more > 0, passes);
        assert!(admitted + more < 640 + u64::from(passes), "never more than the limit by itself");
        store.set_dead(false);
        pass(Duration::from_millis(500)).await;
        assert_eq!(replica.book.admit(&key).is_ok(), !passes, "it goes on from what was used");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_ends_gives_back_what_it_holds() {
    let store = Arc::new(Store::default());
    let [a, b, c] = three(&store);
    for replica in [&a, &b, &c] {
        let held = reserve(&replica.book, &replica.key(&budget(100)), 0, 3, LONG).await.expect("room");
        held.settle(0, Some(Decimal::ONE));
    }
    for replica in [a, b, c] {
        replica.end().await;
    }
    assert_eq!(store.held(CounterKind::Budget(None)), (3_000_000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shared_budget_waits_for_its_seed() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = [limited(&replica.book, "key", &budget(10))];
    let wait = Duration::from_millis(500);
    let refusal = reserve(&replica.book, &key, 0, 1, wait).await.map(drop).expect_err("nobody knows");
    assert!(refusal.is_pending);
    key[0].seed(None, 0, Decimal::from(8));
    assert!(reserve(&replica.book, &key, 0, 1, wait).await.is_ok());
    assert!(reserve(&replica.book, &key, 0, 3, wait).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stream_can_outgrow_what_its_replica_holds() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = replica.key(&budget(10));
    let mut held = reserve(&replica.book, &key, 0, 1, LONG).await.expect("room");
    assert!(held.top_up(0, Decimal::from(5)).expect_err("it holds too little").is_pending);
    held.top_up_within(0, Decimal::from(5), LONG).await.expect("the store has more");
    let began = Instant::now();
    let refusal = held.top_up_within(0, Decimal::from(9), Duration::from_millis(300)).await;
    assert!(matches!(refusal.expect_err("more than the budget").what, What::Budget { .. }));
    assert!(began.elapsed() <= Duration::from_millis(300));
    held.settle(0, Some(Decimal::from(6)));
    assert_eq!(key[0].spent(None), Some(Decimal::from(6)));
}

/// What happens at a replica, or to it.
#[derive(Clone, Debug)]
enum Step {
    Admit { replica: usize },
    Reserve { replica: usize, tokens: u64, amount: i64, wait_ms: u64 },
    TopUp { call: usize, tokens: u64, amount: i64 },
    Settle { call: usize, part: u64 },
    GiveUp { call: usize },
    Pass { ms: u64 },
    Kill { replica: usize },
    End { replica: usize },
    SetDead(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let replica = || 0_usize..3;
    prop_oneof![
        6 => replica().prop_map(|replica| Step::Admit { replica }),
        6 => (replica(), 0_u64..300, 0_i64..4_000_000, 0_u64..300).prop_map(
            |(replica, tokens, amount, wait_ms)| Step::Reserve { replica, tokens, amount, wait_ms }
        ),
        2 => (any::<usize>(), 0_u64..50, 0_i64..900_000)
            .prop_map(|(call, tokens, amount)| Step::TopUp { call, tokens, amount }),
        5 => (any::<usize>(), 0_u64..=100).prop_map(|(call, part)| Step::Settle { call, part }),
        2 => any::<usize>().prop_map(|call| Step::GiveUp { call }),
        4 => (1_u64..2_500).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Pass { ms: 30_000 }),
        1 => replica().prop_map(|replica| Step::Kill { replica }),
        1 => replica().prop_map(|replica| Step::End { replica }),
        1 => any::<bool>().prop_map(Step::SetDead),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => (0_u64..60).prop_map(|after_ms| Fate::Answered { after_ms }),
        1 => Just(Fate::QuestionLost),
        1 => Just(Fate::AnswerLost),
        2 => (0_u64..400).prop_map(|after_ms| Fate::Late { after_ms }),
        1 => Just(Fate::Refused),
    ]
}

const REQUESTS_MAX: u64 = 40;
const TOKENS_MAX: u64 = 1_000;
const BUDGET_MAX: i64 = 10_000_000;

/// A call that has reserved something, as an outsider sees it.
struct Call {
    replica: usize,
    minute: i64,
    tokens: u64,
    amount: i64,
    held: Reservation,
}

/// Three replicas, and what they were seen to allow.
struct World {
    store: Arc<Store>,
    clock: Clock,
    replicas: Vec<Replica>,
    started: usize,
    permits: Vec<Permit>,
    calls: Vec<Call>,
    requests: BTreeMap<i64, u64>,
    /// Of calls that have ended.
    tokens: BTreeMap<i64, u64>,
    spent: i64,
}

impl World {
    fn new(fates: &[Fate]) -> Self {
        let store = Arc::new(Store::default());
        store.inner().fates = fates.iter().copied().collect();
        let began = Instant::now();
        let clock = Clock::new(move || i64::try_from(began.elapsed().as_millis()).expect("not that long"));
        let mut world = Self {
            store,
            clock,
            replicas: vec![],
            started: 0,
            permits: vec![],
            calls: vec![],
            requests: BTreeMap::new(),
            tokens: BTreeMap::new(),
            spent: 0,
        };
        for _ in 0..3 {
            let replica = world.start();
            world.replicas.push(replica);
        }
        world
    }

    fn start(&mut self) -> Replica {
        self.started += 1;
        let name = self.started.to_string();
        Replica::start_at(&name, &self.store, OnOutage::Refuse, self.clock.clone())
    }

    fn limits() -> Limits {
        Limits {
            requests_per_minute: Some(REQUESTS_MAX),
            tokens_per_minute: Some(TOKENS_MAX),
            parallel: None,
            budgets: vec![Budget::new(Decimal::new(BUDGET_MAX, 6), None)],
        }
    }

    fn minute(&self) -> i64 {
        self.clock.now_ms() / MINUTE_MS
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Admit { replica } => {
                let replica = &self.replicas[replica];
                let key = replica.key(&Self::limits());
                if let Ok(permit) = replica.book.admit_within(&key, Duration::from_millis(40)).await {
                    self.permits.push(permit);
                    *self.requests.entry(self.minute()).or_default() += 1;
                }
            }
            Step::Reserve { replica, tokens, amount, wait_ms } => {
                let key = self.replicas[replica].key(&Self::limits());
                let want = Want {
                    accounts: &key,
                    by_model: &[],
                    tokens,
                    amount: Some(Decimal::new(amount, 6)),
                    wait: Duration::from_millis(wait_ms),
                };
                if let Ok(held) = self.replicas[replica].book.reserve(want).await {
                    let minute = self.minute();
                    self.calls.push(Call { replica, minute, tokens, amount, held });
                }
            }
            Step::TopUp { call, tokens, amount } if !self.calls.is_empty() => {
                let minute = self.minute();
                let index = call % self.calls.len();
                let call = &mut self.calls[index];
                if call.held.top_up(tokens, Decimal::new(amount, 6)).is_ok() {
                    call.amount += amount;
                    call.tokens += if call.minute == minute { tokens } else { 0 };
                }
            }
            Step::Settle { call, part } if !self.calls.is_empty() => {
                let call = self.calls.swap_remove(call % self.calls.len());
                let tokens = call.tokens * part / 100;
                let spent = call.amount * i64::try_from(part).expect("a hundred") / 100;
                call.held.settle(tokens, Some(Decimal::new(spent, 6)));
                *self.tokens.entry(call.minute).or_default() +=
                    if call.minute == self.minute() { tokens } else { call.tokens };
                self.spent += spent;
            }
            Step::GiveUp { call } if !self.calls.is_empty() => {
                drop(self.calls.swap_remove(call % self.calls.len()));
            }
            Step::Pass { ms } => pass(Duration::from_millis(ms)).await,
            Step::Kill { replica } => {
                let new = self.start();
                let dead = std::mem::replace(&mut self.replicas[replica], new);
                dead.keeper.abort();
                self.bury(replica);
            }
            Step::End { replica } => {
                let new = self.start();
                self.bury(replica);
                std::mem::replace(&mut self.replicas[replica], new).end().await;
            }
            Step::SetDead(is_dead) => self.store.set_dead(is_dead),
            Step::TopUp { .. } | Step::Settle { .. } | Step::GiveUp { .. } => {}
        }
        self.check();
    }

    /// Calls of a replica that is gone are all spent: its upstreams may have answered.
    fn bury(&mut self, replica: usize) {
        let (dead, alive) =
            std::mem::take(&mut self.calls).into_iter().partition(|call| call.replica == replica);
        self.calls = alive;
        let dead: Vec<Call> = dead;
        for call in dead {
            call.held.settle(call.tokens, Some(Decimal::new(call.amount, 6)));
            *self.tokens.entry(call.minute).or_default() += call.tokens;
            self.spent += call.amount;
        }
    }

    fn check(&self) {
        for (minute, requests) in &self.requests {
            assert!(*requests <= REQUESTS_MAX, "{requests} requests in minute {minute}");
        }
        let minute = self.minute();
        let open = |call: &&Call| call.minute == minute;
        let tokens = self.calls.iter().filter(open).map(|call| call.tokens).sum::<u64>();
        let tokens = tokens + self.tokens.get(&minute).copied().unwrap_or_default();
        assert!(tokens <= TOKENS_MAX, "{tokens} tokens in minute {minute}");
        let reserved = self.calls.iter().map(|call| call.amount).sum::<i64>();
        assert!(self.spent + reserved <= BUDGET_MAX, "{} spent, {reserved} reserved", self.spent);
        for (counter, entries) in &self.store.inner().counters {
            let limit = match counter.kind {
                CounterKind::Requests => REQUESTS_MAX,
                CounterKind::Tokens => TOKENS_MAX,
                CounterKind::Budget(_) => u64::try_from(BUDGET_MAX).expect("positive"),
            };
            assert!(entries.total() <= limit, "{} granted of {counter:?}", entries.total());
        }
    }

    /// The store answers again and nobody calls: then nothing is held that was not spent, but by the dead.
    async fn come_to_rest(&mut self) {
        self.store.set_dead(false);
        self.store.inner().fates.clear();
        while !self.calls.is_empty() {
            self.step(&Step::Settle { call: 0, part: 30 }).await;
        }
        pass(Duration::from_secs(5)).await;
        self.check();
        let is_alive = |holder: &str| {
            self.replicas.iter().any(|replica| holder.split('.').next() == Some(&*replica.name))
        };
        let mut left = BUDGET_MAX;
        for (counter, entries) in &self.store.inner().counters {
            if let CounterKind::Budget(_) = counter.kind {
                let unused = entries.holders.iter().filter(|(holder, _)| is_alive(holder));
                let unused: u64 = unused.map(|(_, entry)| entry.units - entry.spent).sum();
                assert_eq!(unused, 0, "nobody alive holds what it does not use");
                left -= i64::try_from(entries.total()).expect("no more than the limit");
            }
        }
        if left > 0 {
            // Tokens of this minute may be used up.
            pass(Duration::from_secs(60)).await;
            let step = Step::Reserve { replica: 0, tokens: 0, amount: left, wait_ms: 2_000 };
            self.step(&step).await;
            assert_eq!(self.calls.len(), 1, "what is left can be had, all of it");
        }
    }
}

proptest! {
    #[test]
    fn replicas_together_never_allow_more_than_the_limit(
        steps in proptest::collection::vec(step(), 1..60),
        fates in proptest::collection::vec(fate(), 0..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut world = World::new(&fates);
            for step in &steps {
                world.step(step).await;
            }
            world.come_to_rest().await;
        });
    }
}
