//! One subject's account: its limits, and what is counted against them.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rust_decimal::Decimal;
use trunkline_core::Subject;

use crate::passed::Notices;
use crate::sharing::Agenda;
use crate::spending::Spending;
use crate::state::State;
use crate::{BudgetLeft, Clock, Left, Limits, Passed, Period, SoftBudget, Standing};

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
    /// Where it is noted when it uses what replicas share.
    agenda: Option<Arc<Agenda>>,
    is_noted: AtomicBool,
    /// Where it is told that it has passed its soft budget.
    notices: Arc<Notices>,
}

impl Account {
    pub(crate) fn new(
        subject: Subject,
        number: u64,
        clock: Clock,
        agenda: Option<Arc<Agenda>>,
        notices: Arc<Notices>,
    ) -> Self {
        let state = State::new(agenda.clone());
        Self {
            subject,
            number,
            clock,
            stages: AtomicU8::new(0),
            state: Mutex::new(state),
            agenda,
            is_noted: AtomicBool::new(false),
            notices,
        }
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
            (spending.max, spending.soft) = (None, None);
        }
        for budget in &limits.budgets {
            match state.spending(budget.period) {
                Some(spending) => spending.become_budget(budget),
                None => state.spendings.push(Spending::new(budget, now_ms)),
            }
        }
        if let Some(SoftBudget { amount, period }) = limits.soft_budget {
            if state.spending(period).is_none() {
                state.spendings.push(Spending::of(period, now_ms));
            }
            if let Some(spending) = state.spending(period) {
                spending.soft = Some(amount);
            }
        }
        state.spendings.retain(Spending::is_of_use);
        let mut stages = 0;
        if limits.requests_per_minute.is_some() || limits.parallel.is_some() {
            stages |= ADMITS;
        }
        if limits.tokens_per_minute.is_some() || state.spendings.iter().any(Spending::counts) {
            stages |= RESERVES;
        }
        self.stages.store(stages, Ordering::Release);
        state.queue.call_first();
    }

    /// What is spent in the windows of its budgets that are open, without what is reserved: period, beginning and amount.
    pub fn figures(&self) -> Vec<(Option<Period>, i64, Decimal)> {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let budgets = state.spendings.iter_mut().filter(|spending| spending.counts());
        let figure = |spending: &mut Spending| {
            let period = spending.period;
            let window = spending.window(now_ms);
            (period, window.begins_at, window.spent())
        };
        budgets.map(figure).collect()
    }

    /// What is spent in the window of a budget, without what is reserved. `None` if there is no such budget.
    pub fn spent(&self, period: Option<Period>) -> Option<Decimal> {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let spending = state.spending(period).filter(|spending| spending.counts())?;
        Some(spending.window(now_ms).spent())
    }

    /// Notes the newest word of an administrator that what is spent counts as no more than a figure, in the windows of all
    /// budgets. Words are told apart by numbers that grow; 0 is that there was none. Calls that are under way still count.
    ///
    /// The first number that an account is told lowers nothing: what it is seeded with from then on is lowered already. So
    /// it is to be told before it is seeded, and each time that its limits are set. What is shared with other replicas is
    /// to be seeded anew after a further one.
    pub fn note_lowered(&self, number: i64, to: Decimal) {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let before = state.lowered.map_or(number, |before| before.max(number));
        let is_new = state.lowered.replace(before).is_some_and(|before| before < number);
        if !is_new {
            return;
        }
        for spending in &mut state.spendings {
            spending.lower(now_ms, to);
        }
        state.queue.call_first();
    }

    /// What is not spent of the budget that has least left, in US dollars. `None` without one.
    pub fn unspent(&self) -> Option<Decimal> {
        if !self.limits(RESERVES) {
            return None;
        }
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let budgets = state.spendings.iter_mut().filter_map(|spending| {
            let max = spending.max?;
            Some(max.saturating_sub(spending.window(now_ms).spent()).max(Decimal::ZERO))
        });
        budgets.min()
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
            requests: requests_max
                .map(|limit| of_minute(limit, minute.request_lease.taken(limit, minute.requests()))),
            tokens: tokens_max
                .map(|limit| of_minute(limit, minute.token_lease.taken(limit, minute.tokens()))),
            parallel: parallel_max
                .map(|limit| Left::of(limit, parallel.lease.taken(limit, parallel.open()), None)),
            budgets: budgets.collect(),
        }
    }

    /// Tells if a window of this account has just passed its soft budget.
    pub(crate) fn tell_if_passed(&self, spending: &mut Spending, begins_at: i64) {
        let Some((spent, resets_at_ms)) = spending.passes(begins_at) else { return };
        let Spending { max, soft, period, .. } = *spending;
        let (subject, soft_budget) = (self.subject.clone(), soft.unwrap_or_default());
        self.notices.add(Passed { subject, soft_budget, max, spent, period, resets_at_ms });
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

    /// Notes that it uses what replicas share, and soon if a call waits for more of it.
    pub(crate) fn note(&self, is_pending: bool) {
        let Some(agenda) = &self.agenda else { return };
        if !self.is_noted.swap(true, Ordering::AcqRel) {
            agenda.note(&self.subject);
        } else if is_pending {
            agenda.urge();
        }
    }

    /// Sets whether it is known that it uses what replicas share, so that it need not be noted.
    pub(crate) fn set_noted(&self, is_noted: bool) {
        self.is_noted.store(is_noted, Ordering::Release);
    }

    pub(crate) fn agenda(&self) -> Option<&Arc<Agenda>> {
        self.agenda.as_ref()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether nothing would be lost with it, where a store has all that was settled up to a time.
    pub(crate) fn counts_nothing(&self, now_ms: i64, delivered_ms: i64) -> bool {
        if self.is_noted.load(Ordering::Acquire) {
            return false;
        }
        let mut state = self.state();
        state.minute.roll(now_ms);
        let is_delivered = state.settled_at.is_none_or(|settled_ms| settled_ms <= delivered_ms);
        // What replicas share stands in their store, and whoever has not told it everything is held by its keeper.
        let is_free = |spending: &mut Spending| {
            !spending.is_open()
                && spending.estimated(now_ms).is_none()
                && (is_delivered || !spending.has_spent(now_ms) || spending.window(now_ms).lease.is_in_use())
        };
        state.minute.is_empty()
            && state.parallel.open() == 0
            && state.queue.is_empty()
            && state.spendings.iter_mut().all(is_free)
    }
}
