//! What was spent before an account was there: told by a store, estimated until then, put right later.

use rust_decimal::Decimal;

use crate::spending::Spending;
use crate::{Account, Period};

impl Account {
    /// The windows of its budgets, by period and beginning, of which it is not known yet what was spent before this
    /// account was there, and which are not [estimated](Self::estimate).
    pub fn unseeded(&self) -> Vec<(Option<Period>, i64)> {
        self.windows(Spending::unseeded)
    }

    /// The windows of its budgets, by period and beginning, that count by an [estimate](Self::estimate).
    pub fn estimated(&self) -> Vec<(Option<Period>, i64)> {
        self.windows(Spending::estimated)
    }

    fn windows(&self, begins_at: impl Fn(&mut Spending, i64) -> Option<i64>) -> Vec<(Option<Period>, i64)> {
        let now_ms = self.clock().now_ms();
        let mut state = self.state();
        let budgets = state.spendings.iter_mut().filter(|spending| spending.counts());
        budgets.filter_map(|spending| Some((spending.period, begins_at(spending, now_ms)?))).collect()
    }

    /// Counts an estimate as what was spent before this account was there, in the window of a budget that is open, until it is
    /// [seeded](Self::seed). Where that began at another time nothing is known of it: it counts as nothing until then. A
    /// counter that is shared with other replicas begins with no estimate.
    pub fn estimate(&self, period: Option<Period>, begins_at_ms: i64, spent: Decimal) {
        let now_ms = self.clock().now_ms();
        let mut state = self.state();
        if let Some(spending) = state.spending(period) {
            spending.estimate(now_ms, begins_at_ms, spent);
        }
    }

    /// Sets what was spent in a window of a budget before this account was there. Gives whether it was set.
    ///
    /// The first figure stays, but for one that was asked for before something was [put right](Self::correct): then it is to be
    /// asked for again. Further ones change nothing: a store that is asked later holds what this process
    /// settled meanwhile, which would be counted twice. What was settled before the first figure stays on top of it.
    /// So the store is to be asked as soon as the account is there, after what an earlier process left has been
    /// delivered to it.
    pub fn seed(&self, period: Option<Period>, begins_at_ms: i64, spent: Decimal) -> bool {
        self.seed_corrected(period, begins_at_ms, spent, Decimal::ZERO)
    }

    /// The same for a store that also tells how much of the figure is `corrected`: what was put right so far of rows that
    /// were counted before.
    pub fn seed_corrected(
        &self,
        period: Option<Period>,
        begins_at_ms: i64,
        spent: Decimal,
        corrected: Decimal,
    ) -> bool {
        let now_ms = self.clock().now_ms();
        let mut state = self.state();
        let is_set = state.spending(period).is_some_and(|spending| {
            spending.window(now_ms);
            spending.seed(begins_at_ms, spent, corrected)
        });
        state.queue.call_first();
        drop(state);
        self.note(false);
        is_set
    }

    /// Takes in that rows were put right which had been counted in a window of a budget. `corrected` is how much that ever
    /// came to there: what of it is known here already changes nothing.
    pub fn correct(&self, period: Option<Period>, begins_at_ms: i64, corrected: Decimal) {
        let now_ms = self.clock().now_ms();
        let mut state = self.state();
        if let Some(spending) = state.spending(period) {
            spending.window(now_ms);
            spending.correct(begins_at_ms, corrected);
        }
        state.queue.call_first();
        drop(state);
        self.note(false);
    }
}
