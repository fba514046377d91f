//! Random sequences against a model that does the same sums the slow way.

use proptest::prelude::*;
use trunkline_limits::{Permit, What};

use super::*;

/// What one caller or the clock does.
#[derive(Clone, Debug)]
enum Step {
    Admit { accounts: u8 },
    Leave(usize),
    Reserve { accounts: u8, tokens: u64, amount: i64 },
    TopUp { call: usize, tokens: u64, amount: i64 },
    Settle { call: usize, tokens: u64, spent: i64 },
    GiveUp(usize),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u8..8).prop_map(|accounts| Step::Admit { accounts }),
        any::<usize>().prop_map(Step::Leave),
        (1_u8..8, 0_u64..60, 0_i64..40).prop_map(|(accounts, tokens, amount)| Step::Reserve {
            accounts,
            tokens,
            amount
        }),
        (any::<usize>(), 0_u64..30, 0_i64..20).prop_map(|(call, tokens, amount)| Step::TopUp {
            call,
            tokens,
            amount
        }),
        (any::<usize>(), 0_u64..80, 0_i64..50).prop_map(|(call, tokens, spent)| Step::Settle {
            call,
            tokens,
            spent
        }),
        any::<usize>().prop_map(Step::GiveUp),
        (1_i64..100_000).prop_map(Step::Wait),
    ]
}

const REQUESTS_MAX: u64 = 8;
const PARALLEL_MAX: u64 = 3;
const TOKENS_MAX: u64 = 100;
const BUDGET_MAX: i64 = 100;
const PERIOD_MS: i64 = 300_000;
const ACCOUNTS: usize = 3;

/// One account of the model. Everything is kept and added up anew whenever it is asked for.
#[derive(Default)]
struct Slow {
    /// When each window began.
    windows: Vec<i64>,
    /// The window of each request.
    requests: Vec<usize>,
    parallel: u64,
    /// Window, number of the call, tokens, whether it is open.
    tokens: Vec<(usize, u64, u64, bool)>,
    /// Beginning of the window, number of the call, amount, whether it is open.
    money: Vec<(i64, u64, i64, bool)>,
}

impl Slow {
    fn window(&self, now_ms: i64) -> Option<usize> {
        let last = self.windows.len().checked_sub(1)?;
        (now_ms - self.windows[last] < 60_000).then_some(last)
    }

    fn begin(&mut self, now_ms: i64) -> usize {
        self.window(now_ms).unwrap_or_else(|| {
            self.windows.push(now_ms);
            self.windows.len() - 1
        })
    }

    fn requests(&self, now_ms: i64) -> u64 {
        let window = self.window(now_ms);
        self.requests.iter().filter(|at| Some(**at) == window).count() as u64
    }

    fn tokens(&self, window: Option<usize>) -> u64 {
        self.tokens.iter().filter(|(at, ..)| Some(*at) == window).map(|(_, _, count, _)| count).sum()
    }

    /// How many tokens a call gets that asks for so many.
    fn fit(&self, now_ms: i64, tokens: u64) -> Option<u64> {
        let window = self.window(now_ms);
        let left = TOKENS_MAX.saturating_sub(self.tokens(window));
        let is_alone = !self.tokens.iter().any(|(at, _, _, open)| Some(*at) == window && *open);
        match tokens {
            _ if left == 0 => None,
            tokens if tokens <= left => Some(tokens),
            tokens => (tokens > TOKENS_MAX && is_alone).then_some(left),
        }
    }

    fn money(&self, begins_at: i64, open: bool) -> i64 {
        let of = |(at, _, amount, is_open): &(i64, u64, i64, bool)| {
            if *at == begins_at && *is_open == open { *amount } else { 0 }
        };
        self.money.iter().map(of).sum()
    }

    fn has_money(&self, now_ms: i64, amount: i64) -> bool {
        let begins_at = now_ms - now_ms % PERIOD_MS;
        let (spent, reserved) = (self.money(begins_at, false), self.money(begins_at, true));
        spent < BUDGET_MAX && spent + reserved + amount <= BUDGET_MAX
    }
}

/// Both, with what is under way.
struct Pair {
    hand: Hand,
    book: Book,
    accounts: Vec<Arc<Account>>,
    slow: Vec<Slow>,
    permits: Vec<(u8, Permit)>,
    calls: Vec<(u64, u8, i64, Reservation)>,
    next_call: u64,
    now_ms: i64,
    /// The beginnings of the budget's windows that were looked into.
    seen: Vec<i64>,
}

impl Pair {
    fn new() -> Self {
        let hand = Hand::default();
        let book = Book::new(hand.clock());
        let limits = Limits {
            requests_per_minute: Some(REQUESTS_MAX),
            tokens_per_minute: Some(TOKENS_MAX),
            parallel: Some(PARALLEL_MAX),
            budgets: vec![Budget::new(Decimal::from(BUDGET_MAX), Some(Period::parse("5m")))],
            soft_budget: None,
        };
        let accounts = ["a", "b", "c"].map(|id| limited(&book, id, &limits)).to_vec();
        let slow = (0..ACCOUNTS).map(|_| Slow::default()).collect();
        Self {
            hand,
            book,
            accounts,
            slow,
            permits: vec![],
            calls: vec![],
            next_call: 0,
            now_ms: 0,
            seen: vec![],
        }
    }

    fn chosen(&self, accounts: u8) -> Vec<Arc<Account>> {
        members(accounts).map(|index| Arc::clone(&self.accounts[index])).collect()
    }

    fn step(&mut self, step: &Step) {
        let now_ms = self.now_ms;
        match *step {
            Step::Admit { accounts } => {
                let fits = members(accounts).all(|index| {
                    let slow = &self.slow[index];
                    slow.requests(now_ms) < REQUESTS_MAX && slow.parallel < PARALLEL_MAX
                });
                let outcome = self.book.admit(&self.chosen(accounts));
                assert_eq!(outcome.is_ok(), fits, "{step:?}");
                if let Ok(permit) = outcome {
                    for index in members(accounts) {
                        let slow = &mut self.slow[index];
                        let window = slow.begin(now_ms);
                        slow.requests.push(window);
                        slow.parallel += 1;
                    }
                    self.permits.push((accounts, permit));
                }
            }
            Step::Leave(which) if !self.permits.is_empty() => {
                let (accounts, permit) = self.permits.swap_remove(which % self.permits.len());
                drop(permit);
                members(accounts).for_each(|index| self.slow[index].parallel -= 1);
            }
            Step::Reserve { accounts, tokens, amount } => self.reserve(accounts, tokens, amount),
            Step::TopUp { call, tokens, amount } if !self.calls.is_empty() => {
                self.top_up(call % self.calls.len(), tokens, amount);
            }
            Step::Settle { call, tokens, spent } if !self.calls.is_empty() => {
                let (number, accounts, _, held) = self.calls.swap_remove(call % self.calls.len());
                held.settle(tokens, Some(Decimal::from(spent)));
                self.end(number, accounts, tokens, spent);
            }
            Step::GiveUp(call) if !self.calls.is_empty() => {
                let (number, accounts, _, held) = self.calls.swap_remove(call % self.calls.len());
                drop(held);
                self.end(number, accounts, 0, 0);
            }
            Step::Wait(ms) => {
                self.now_ms += ms;
                self.hand.set(self.now_ms);
            }
            Step::Leave(_) | Step::TopUp { .. } | Step::Settle { .. } | Step::GiveUp(_) => {}
        }
    }

    fn reserve(&mut self, accounts: u8, tokens: u64, amount: i64) {
        let now_ms = self.now_ms;
        let fits = members(accounts).all(|index| {
            let slow = &self.slow[index];
            slow.fit(now_ms, tokens).is_some() && slow.has_money(now_ms, amount)
        });
        let outcome = try_reserve(&self.book, &self.chosen(accounts), tokens, amount);
        assert_eq!(outcome.is_ok(), fits, "{tokens} tokens, {amount} dollars");
        let Ok(held) = outcome else { return };
        let number = self.next_call;
        self.next_call += 1;
        let begins_at = now_ms - now_ms % PERIOD_MS;
        for index in members(accounts) {
            let slow = &mut self.slow[index];
            let count = slow.fit(now_ms, tokens).expect("it fits");
            let window = slow.begin(now_ms);
            slow.tokens.push((window, number, count, true));
            slow.money.push((begins_at, number, amount, true));
        }
        assert!(held.charges().iter().all(|charge| charge.begins_at_ms == begins_at));
        self.calls.push((number, accounts, begins_at, held));
    }

    fn top_up(&mut self, call: usize, tokens: u64, amount: i64) {
        let (number, accounts, begins_at, held) = &mut self.calls[call];
        // Of older windows nothing is kept and nothing is refused.
        let is_kept = self.seen.iter().rev().take(2).any(|at| at == begins_at);
        let has_money = |slow: &Slow| {
            amount == 0
                || !is_kept
                || slow.money(*begins_at, false) + slow.money(*begins_at, true) + amount <= BUDGET_MAX
        };
        let has_tokens = |slow: &Slow| {
            let window = slow.window(self.now_ms);
            let is_live = slow.tokens.iter().any(|(at, of, ..)| of == number && Some(*at) == window);
            tokens == 0 || !is_live || slow.tokens(window) + tokens <= TOKENS_MAX
        };
        let fits = members(*accounts).all(|index| {
            let slow = &self.slow[index];
            has_money(slow) && has_tokens(slow)
        });
        let outcome = held.top_up(tokens, Decimal::from(amount));
        if let Err(refusal) = &outcome {
            assert!(matches!(refusal.what, What::Tokens | What::Budget { .. }));
        }
        assert_eq!(outcome.is_ok(), fits, "{tokens} more tokens, {amount} more dollars");
        if !fits {
            return;
        }
        for index in members(*accounts) {
            let slow = &mut self.slow[index];
            let window = slow.window(self.now_ms);
            for (at, of, count, _) in &mut slow.tokens {
                if of == number && Some(*at) == window {
                    *count += tokens;
                }
            }
            for (_, of, reserved, open) in &mut slow.money {
                if of == number && *open {
                    *reserved += amount;
                }
            }
        }
    }

    fn end(&mut self, number: u64, accounts: u8, tokens: u64, spent: i64) {
        for index in members(accounts) {
            let slow = &mut self.slow[index];
            let window = slow.window(self.now_ms);
            for (at, of, count, open) in &mut slow.tokens {
                if *of == number {
                    *open = false;
                    if Some(*at) == window {
                        *count = tokens;
                    }
                }
            }
            for (_, of, amount, open) in &mut slow.money {
                if *of == number {
                    (*amount, *open) = (spent, false);
                }
            }
        }
    }

    fn compare(&mut self) {
        let begins_at = self.now_ms - self.now_ms % PERIOD_MS;
        if self.seen.last() != Some(&begins_at) {
            self.seen.push(begins_at);
        }
        for (account, slow) in self.accounts.iter().zip(&self.slow) {
            let left = account.standing();
            let used = |limit: u64, used: u64| Some(limit.saturating_sub(used));
            let remaining = |left: Option<trunkline_limits::Left>| left.map(|left| left.remaining);
            assert_eq!(remaining(left.requests), used(REQUESTS_MAX, slow.requests(self.now_ms)));
            let tokens = slow.tokens(slow.window(self.now_ms));
            assert_eq!(
                remaining(left.tokens),
                used(TOKENS_MAX, if slow.window(self.now_ms).is_some() { tokens } else { 0 })
            );
            assert_eq!(remaining(left.parallel), used(PARALLEL_MAX, slow.parallel));
            assert_eq!(left.budgets[0].spent, Decimal::from(slow.money(begins_at, false)));
            assert_eq!(left.budgets[0].reserved, Decimal::from(slow.money(begins_at, true)));
        }
    }
}

/// The accounts whose bits are set.
fn members(accounts: u8) -> impl Iterator<Item = usize> {
    (0..ACCOUNTS).filter(move |index| accounts & (1 << index) != 0)
}

proptest! {
    #[test]
    fn the_book_does_as_the_model_does(steps in proptest::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.step(step);
            pair.compare();
        }
        pair.permits.clear();
        pair.calls.clear();
        for account in &pair.accounts {
            let left = account.standing();
            prop_assert_eq!(left.parallel.map(|left| left.remaining), Some(PARALLEL_MAX));
            prop_assert_eq!(left.budgets[0].reserved, Decimal::ZERO);
        }
    }
}
