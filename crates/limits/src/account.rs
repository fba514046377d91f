//! One subject's account: its limits, and what is counted against them.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard};

use rust_decimal::Decimal;
use trunkline_core::Subject;

use crate::minute::{Minute, Tokens};
use crate::queue::Queue;
use crate::refusal::{Reached, What};
use crate::spending::Spending;
use crate::{BudgetLeft, Clock, Left, Limits, Period, Standing};

/// The first stage, which takes requests and places.
pub(crate) const ADMITS: u8 = 1;
/// The second, which takes tokens and money.
pub(crate) const RESERVES: u8 = 2;

/// What one subject may use, and what it uses.
///
/// An account without limits takes no lock and counts nothing.
#[derive(Debug)]
pub struct Account {
    subject: Subject,
    /// Accounts are locked in the order of their numbers, so that no two calls can wait for each other.
    number: u64,
    clock: Clock,
    /// The stages at which something is limited.
    stages: AtomicU8,
    state: Mutex<State>,
}

/// What is limited and counted.
#[derive(Debug, Default)]
pub(crate) struct State {
    requests_max: Option<u64>,
    tokens_max: Option<u64>,
    parallel_max: Option<u64>,
    pub(crate) minute: Minute,
    parallel: u64,
    pub(crate) spendings: Vec<Spending>,
    pub(crate) queue: Queue,
    settled_at: Option<i64>,
}

/// Whether a call may reserve what it asks for.
pub(crate) enum Verdict {
    Fits,
    /// The reservations of others are in the way, or somebody who came before.
    Waits(Reached),
    Refused(Reached),
}

impl Account {
    pub(crate) fn new(subject: Subject, number: u64, clock: Clock) -> Self {
        Self { subject, number, clock, stages: AtomicU8::new(0), state: Mutex::default() }
    }

    /// Whose it is.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Sets what the subject may use, from now on. What is counted stays: a budget whose period was one before goes on
    /// where it stood.
    pub fn set(&self, limits: &Limits) {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        state.requests_max = limits.requests_per_minute;
        state.tokens_max = limits.tokens_per_minute;
        state.parallel_max = limits.parallel;
        for spending in &mut state.spendings {
            spending.max = None;
        }
        for budget in &limits.budgets {
            match state.spending(budget.period) {
                Some(spending) => spending.become_budget(budget),
                None => state.spendings.push(Spending::new(budget, now_ms)),
            }
        }
        state.spendings.retain(|spending| spending.max.is_some() || spending.is_open());
        let mut stages = 0;
        if limits.requests_per_minute.is_some() || limits.parallel.is_some() {
            stages |= ADMITS;
        }
        if limits.tokens_per_minute.is_some() || !limits.budgets.is_empty() {
            stages |= RESERVES;
        }
        self.stages.store(stages, Ordering::Release);
        state.queue.call_first();
    }

    /// The windows of its budgets, by period and beginning, of which it is not known yet what was spent before this
    /// account was there.
    pub fn unseeded(&self) -> Vec<(Option<Period>, i64)> {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let budgets = state.spendings.iter_mut().filter(|spending| spending.max.is_some());
        budgets.filter_map(|spending| Some((spending.period, spending.unseeded(now_ms)?))).collect()
    }

    /// Sets what was spent in a window of a budget before this account was there. Gives whether it was set.
    ///
    /// The first figure stays, and further ones change nothing: a store that is asked later holds what this process
    /// settled meanwhile, which would be counted twice. What was settled before the first figure stays on top of it.
    /// So the store is to be asked as soon as the account is there, after what an earlier process left has been
    /// delivered to it.
    pub fn seed(&self, period: Option<Period>, begins_at_ms: i64, spent: Decimal) -> bool {
        self.seed_with(period, begins_at_ms, spent, false)
    }

    /// Sets anew what others spent in a window of a budget, whatever stood there: other replicas, and this process
    /// before it was started. What this process settled must not be in the figure. Gives whether it was set.
    pub fn set_elsewhere(&self, period: Option<Period>, begins_at_ms: i64, spent: Decimal) -> bool {
        self.seed_with(period, begins_at_ms, spent, true)
    }

    fn seed_with(&self, period: Option<Period>, begins_at_ms: i64, spent: Decimal, anew: bool) -> bool {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let is_set = state.spending(period).is_some_and(|spending| {
            spending.window(now_ms);
            spending.seed(begins_at_ms, spent, anew)
        });
        state.queue.call_first();
        is_set
    }

    /// What is spent in the window of a budget, without what is reserved. `None` if there is no such budget.
    pub fn spent(&self, period: Option<Period>) -> Option<Decimal> {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let spending = state.spending(period).filter(|spending| spending.max.is_some())?;
        Some(spending.window(now_ms).spent())
    }

    /// Lowers what is spent to a figure, in the windows of all budgets: an administrator says that the rest does not
    /// count. Calls that are under way still count.
    pub fn reset_spent(&self, to: Decimal) {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        for spending in &mut state.spendings {
            spending.lower(now_ms, to);
        }
        state.queue.call_first();
    }

    /// What is left to the subject.
    pub fn standing(&self) -> Standing {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        state.minute.roll(now_ms);
        let State { requests_max, tokens_max, parallel_max, minute, parallel, spendings, .. } = &mut *state;
        let of_minute = |limit, used| Left::of(limit, used, minute.ends_at());
        let budgets = spendings.iter_mut().filter_map(|spending| {
            let (max, period) = (spending.max?, spending.period);
            let window = spending.window(now_ms);
            Some(BudgetLeft {
                period,
                max,
                spent: window.spent(),
                reserved: window.reserved,
                begins_at_ms: window.begins_at,
                resets_at_ms: window.ends_at(),
            })
        });
        Standing {
            subject: self.subject.clone(),
            requests: requests_max.map(|limit| of_minute(limit, minute.requests())),
            tokens: tokens_max.map(|limit| of_minute(limit, minute.tokens())),
            parallel: parallel_max.map(|limit| Left::of(limit, *parallel, None)),
            budgets: budgets.collect(),
        }
    }

    /// Whether it has any limit.
    pub fn is_limited(&self) -> bool {
        self.limits(ADMITS | RESERVES)
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether something is limited at one of these stages.
    pub(crate) fn limits(&self, stages: u8) -> bool {
        self.stages.load(Ordering::Acquire) & stages != 0
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether nothing would be lost with it, where a store has all that was settled up to a time.
    pub(crate) fn counts_nothing(&self, now_ms: i64, delivered_ms: i64) -> bool {
        let mut state = self.state();
        state.minute.roll(now_ms);
        let is_delivered = state.settled_at.is_none_or(|settled_ms| settled_ms <= delivered_ms);
        let is_free =
            |spending: &mut Spending| !spending.is_open() && (is_delivered || !spending.has_spent(now_ms));
        state.minute.is_empty()
            && state.parallel == 0
            && state.queue.is_empty()
            && state.spendings.iter_mut().all(is_free)
    }
}

impl State {
    pub(crate) fn spending(&mut self, period: Option<Period>) -> Option<&mut Spending> {
        self.spendings.iter_mut().find(|spending| spending.period == period)
    }

    /// What keeps one more request out.
    pub(crate) fn refuses_request(&mut self, now_ms: i64) -> Option<Reached> {
        if let Some(limit) = self.parallel_max.filter(|limit| self.parallel >= *limit) {
            return Some(Reached::count(What::Parallel, limit, self.parallel, 1, None));
        }
        let limit = self.requests_max?;
        self.minute.roll(now_ms);
        let used = self.minute.requests();
        // A limit of zero has no window that could end.
        (used >= limit).then(|| Reached::count(What::Requests, limit, used, 1, self.minute.ends_at()))
    }

    /// Takes one request, and gives whether a place was taken that must be given back.
    pub(crate) fn take_request(&mut self, now_ms: i64) -> bool {
        if self.requests_max.is_some() {
            self.minute.take_request(now_ms);
        }
        let takes_place = self.parallel_max.is_some();
        self.parallel += u64::from(takes_place);
        takes_place
    }

    pub(crate) fn give_place_back(&mut self) {
        self.parallel = self.parallel.saturating_sub(1);
    }

    /// Whether a call with this number in the order of all may reserve tokens, and an amount of every budget. Without
    /// an amount the budgets are not looked at.
    pub(crate) fn judge(
        &mut self,
        now_ms: i64,
        tokens: u64,
        amount: Option<Decimal>,
        number: u64,
    ) -> Verdict {
        if let Some(limit) = self.tokens_max {
            self.minute.roll(now_ms);
            if self.minute.fit(limit, tokens).is_none() {
                let used = self.minute.tokens();
                let ends_at = self.minute.ends_at();
                return Verdict::Refused(Reached::count(What::Tokens, limit, used, tokens, ends_at));
            }
        }
        let Some(amount) = amount else { return Verdict::Fits };
        let is_behind = self.queue.has_before(number);
        let mut waits = None;
        for spending in &mut self.spendings {
            let Some(max) = spending.max else { continue };
            let what = What::Budget { period: spending.period, is_listed: spending.is_listed };
            let window = spending.window(now_ms);
            let spent = window.spent();
            let (reserved, resets_at_ms) = (window.reserved, window.ends_at());
            let reached = Reached { what, limit: max, used: spent, reserved, asked: amount, resets_at_ms };
            let alone = spent.saturating_add(amount);
            if spent >= max || alone > max {
                return Verdict::Refused(reached);
            }
            if is_behind || alone.saturating_add(reserved) > max {
                waits.get_or_insert(reached);
            }
        }
        waits.map_or(Verdict::Fits, Verdict::Waits)
    }

    /// Takes tokens, if they are limited.
    pub(crate) fn take_tokens(&mut self, now_ms: i64, tokens: u64) -> Option<Tokens> {
        let limit = self.tokens_max?;
        self.minute.roll(now_ms);
        let count = self.minute.fit(limit, tokens).unwrap_or(tokens);
        Some(self.minute.take_tokens(now_ms, count))
    }

    pub(crate) fn tokens_max(&self) -> Option<u64> {
        self.tokens_max
    }

    pub(crate) fn note_settled(&mut self, now_ms: i64) {
        self.settled_at = Some(now_ms);
    }
}
