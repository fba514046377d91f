//! Three replicas at random, over a store that loses, delays and dies: together they never allow more than the limit.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::time::Instant;
use trunkline_limits::{CounterKind, OnOutage, Permit};

use super::replica::{Fate, Replica, Store, pass};
use super::*;

const MINUTE_MS: i64 = 60_000;

/// What happens at a replica, or to it.
#[derive(Clone, Debug)]
enum Step {
    Admit { replica: usize },
    Leave { permit: usize },
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
        4 => any::<usize>().prop_map(|permit| Step::Leave { permit }),
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
const PARALLEL_MAX: u64 = 5;
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
    permits: Vec<(usize, Permit)>,
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
            parallel: Some(PARALLEL_MAX),
            budgets: vec![Budget::new(Decimal::new(BUDGET_MAX, 6), None)],
            soft_budget: None,
        }
    }

    fn minute(&self) -> i64 {
        self.clock.now_ms() / MINUTE_MS
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Leave { permit } if !self.permits.is_empty() => {
                drop(self.permits.swap_remove(permit % self.permits.len()));
            }
            Step::Admit { replica: index } => {
                let replica = &self.replicas[index];
                let key = replica.key(&Self::limits());
                if let Ok(permit) = replica.book.admit_within(&key, Duration::from_millis(40)).await {
                    self.permits.push((index, permit));
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
            Step::TopUp { .. } | Step::Settle { .. } | Step::GiveUp { .. } | Step::Leave { .. } => {}
        }
        self.check();
    }

    /// Calls of a replica that is gone are all spent: its upstreams may have answered.
    fn bury(&mut self, replica: usize) {
        self.permits.retain(|(of, _)| *of != replica);
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
        assert!(self.permits.len() as u64 <= PARALLEL_MAX, "{} calls at one time", self.permits.len());
        let minute = self.minute();
        let open = |call: &&Call| call.minute == minute;
        let tokens = self.calls.iter().filter(open).map(|call| call.tokens).sum::<u64>();
        let tokens = tokens + self.tokens.get(&minute).copied().unwrap_or_default();
        assert!(tokens <= TOKENS_MAX, "{tokens} tokens in minute {minute}");
        let reserved = self.calls.iter().map(|call| call.amount).sum::<i64>();
        assert!(self.spent + reserved <= BUDGET_MAX, "{} spent, {reserved} reserved", self.spent);
        for (counter, entries) in &self.store.inner().counters {
            let limit = match counter.kind {
                CounterKind::Requests => REQUESTS_MAX.cast_signed(),
                CounterKind::Tokens => TOKENS_MAX.cast_signed(),
                CounterKind::Parallel => PARALLEL_MAX.cast_signed(),
                CounterKind::Budget(_) => BUDGET_MAX,
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
        // What one that is dead has claimed late it holds, whenever that is noticed.
        self.store.inner().apply_late();
        self.check();
        let is_alive = |holder: &str| {
            self.replicas.iter().any(|replica| holder.split('.').next() == Some(&*replica.name))
        };
        let mut left = BUDGET_MAX;
        for (counter, entries) in &self.store.inner().counters {
            if counter.kind == CounterKind::Parallel {
                let held = entries.holders.iter().filter(|(holder, _)| is_alive(holder));
                let held: u64 = held.map(|(_, entry)| entry.units).sum();
                assert_eq!(held, self.permits.len() as u64, "all that is held is in use");
            }
            if let CounterKind::Budget(_) = counter.kind {
                let unused = entries.holders.iter().filter(|(holder, _)| is_alive(holder));
                let unused: u64 = unused.map(|(_, entry)| entry.units - entry.spent).sum();
                assert_eq!(unused, 0, "nobody alive holds what it does not use");
                left -= entries.total();
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
