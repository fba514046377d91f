//! What a call has reserved until it is known what it used.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use trunkline_core::Subject;

use crate::minute::Tokens;
use crate::refusal::Refusal;
use crate::spending::Spending;
use crate::state::State;
use crate::{Account, Period};

/// What a call has reserved: tokens, an amount of every budget, and where it was asked for them, places among the calls
/// at one time.
///
/// Dropping it without [`settle`](Self::settle) gives all of it back, and nothing counts as used but the requests.
#[derive(Debug, Default)]
#[must_use = "dropping it gives back all that is reserved"]
pub struct Reservation {
    /// In the order in which accounts are locked.
    parts: Vec<Part>,
    /// The windows of budgets that it was taken of, by the part that they belong to.
    windows: Vec<Window>,
    /// What is reserved in each of them.
    amount: Decimal,
}

/// What is held of one account.
#[derive(Debug)]
struct Part {
    account: Arc<Account>,
    tokens: Option<Tokens>,
    holds_place: bool,
}

/// A window of a budget.
#[derive(Clone, Copy, Debug)]
struct Window {
    part: usize,
    period: Option<Period>,
    begins_at: i64,
}

/// One counter that the spend of a call is added to: a subject, in one window of one of its budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Who is charged.
    pub subject: Subject,
    /// What the budget begins anew with. `None` is never.
    pub period: Option<Period>,
    /// When the window began, in milliseconds since 1970; 0 if it never begins anew.
    pub begins_at_ms: i64,
}

impl Reservation {
    pub(crate) fn with_amount(amount: Decimal) -> Self {
        Self { parts: Vec::new(), windows: Vec::new(), amount }
    }

    /// Takes of an account that is locked already, and has room.
    pub(crate) fn take(
        &mut self,
        account: &Arc<Account>,
        state: &mut State,
        now_ms: i64,
        tokens: u64,
        takes_request: bool,
    ) {
        let holds_place = takes_request && state.take_request(now_ms);
        let tokens = state.take_tokens(now_ms, tokens);
        let part = self.parts.len();
        for spending in state.spendings.iter_mut().filter(|spending| spending.counts()) {
            let begins_at = spending.reserve(now_ms, self.amount);
            self.windows.push(Window { part, period: spending.period, begins_at });
        }
        self.parts.push(Part { account: Arc::clone(account), tokens, holds_place });
    }

    /// The counters that what it spends is added to.
    pub fn charges(&self) -> Vec<Charge> {
        let charge = |window: &Window| {
            let subject = self.parts.get(window.part)?.account.subject().clone();
            Some(Charge { subject, period: window.period, begins_at_ms: window.begins_at })
        };
        self.windows.iter().filter_map(charge).collect()
    }

    /// Reserves more, for a call that may use more than was thought. Nobody waits here. Of a window that has ended
    /// meanwhile, tokens are not limited any more, and money by what this replica knows.
    ///
    /// # Errors
    ///
    /// Where it does not fit. Then nothing is taken, and what was reserved before still is.
    pub fn top_up(&mut self, tokens: u64, amount: Decimal) -> Result<(), Refusal> {
        let amount = amount.max(Decimal::ZERO);
        let accounts: Vec<Arc<Account>> = self.parts.iter().map(|part| Arc::clone(&part.account)).collect();
        let Some(first) = accounts.first() else { return Ok(()) };
        let now_ms = first.clock().now_ms();
        let mut states: Vec<_> = accounts.iter().map(|account| account.state()).collect();
        for (part, state) in self.parts.iter().zip(&mut states) {
            if let Some(reached) = part.tokens.and_then(|taken| state.refuses_tokens(now_ms, taken, tokens)) {
                part.account.note(reached.is_pending);
                return Err(reached.by(part.account.subject(), now_ms));
            }
        }
        for window in &self.windows {
            let (Some(account), Some(state)) = (accounts.get(window.part), states.get_mut(window.part))
            else {
                continue;
            };
            let Window { period, begins_at, .. } = *window;
            if let Some(reached) = state.refuses_amount(now_ms, period, begins_at, amount) {
                account.note(reached.is_pending);
                return Err(reached.by(account.subject(), now_ms));
            }
        }
        for (part, state) in self.parts.iter_mut().zip(&mut states) {
            if let Some(taken) = &mut part.tokens {
                state.minute.take_more(taken, tokens);
            }
        }
        for window in &self.windows {
            let spending = states.get_mut(window.part).and_then(|state| state.spending(window.period));
            if let Some(spending) = spending {
                spending.reserve_more(window.begins_at, amount);
            }
        }
        self.amount = self.amount.saturating_add(amount);
        Ok(())
    }

    /// The next answer of the store that replicas share, from when this is called: after it, what [`top_up`](Self::top_up)
    /// refused as pending may fit. `None` if the book counts for itself.
    pub fn answered(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        self.parts.first()?.account.agenda().map(|agenda| agenda.answered())
    }

    /// How long to wait for such answers altogether, for a call that may wait for so long: longer where it is about to be
    /// known whether the store answers at all.
    pub fn patience(&self, wait: Duration) -> Duration {
        let agenda = self.parts.first().and_then(|part| part.account.agenda());
        agenda.map_or(wait, |agenda| agenda.patience(wait))
    }

    /// Puts what was used in the place of what was reserved: tokens in the minute that they were taken of, if it is not
    /// over, and money in the windows that it was reserved in. Where nobody knows what was spent, all that was reserved
    /// counts as spent.
    pub fn settle(mut self, tokens: u64, spent: Option<Decimal>) {
        let is_known = spent.is_some();
        let spent = spent.unwrap_or(self.amount).max(Decimal::ZERO);
        self.release(tokens, spent, is_known);
    }

    fn release(&mut self, tokens: u64, spent: Decimal, is_known: bool) {
        let parts = std::mem::take(&mut self.parts);
        let Some(first) = parts.first() else { return };
        let now_ms = first.account.clock().now_ms();
        for (index, part) in parts.iter().enumerate() {
            let mut state = part.account.state();
            if let Some(taken) = part.tokens {
                state.minute.settle(taken, tokens);
            }
            if part.holds_place {
                state.give_place_back();
            }
            for window in self.windows.iter().filter(|window| window.part == index) {
                if let Some(spending) = state.spending(window.period) {
                    spending.settle(window.begins_at, self.amount, spent);
                    part.account.tell_if_passed(spending, window.begins_at);
                }
            }
            state.spendings.retain(Spending::is_of_use);
            if !spent.is_zero() {
                state.note_settled(if is_known { now_ms } else { i64::MAX });
            }
            state.queue.call_first();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.release(0, Decimal::ZERO, true);
    }
}
