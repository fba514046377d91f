//! What is spent and reserved of one budget.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::lease::{Figures, Lease};
use crate::{Budget, Period};

/// Millionths of a dollar, in which budgets are shared.
const UNIT_SCALE: u32 = 6;

/// A budget and what is spent of it, in its window and in the one before.
///
/// Calls that began in the window before may still be settling. What they spend stays there.
#[derive(Debug)]
pub(crate) struct Spending {
    pub(crate) period: Option<Period>,
    /// `None` once it is no budget any more, while calls are still under way that began when it was one.
    pub(crate) max: Option<Decimal>,
    pub(crate) is_listed: bool,
    /// From where on it is told what is spent. `None` is never.
    pub(crate) soft: Option<Decimal>,
    now: Window,
    before: Option<Window>,
}

/// The figures of one window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    pub(crate) begins_at: i64,
    ends_at: Option<i64>,
    /// What others spent: replicas, and this process before it was started anew.
    elsewhere: Decimal,
    /// What this process settled since it was started.
    ours: Decimal,
    /// What calls that are under way may still spend.
    pub(crate) reserved: Decimal,
    /// How many of them there are.
    open: u64,
    /// What of what others spent was put right by the time that it was taken over.
    pub(crate) corrected: Decimal,
    /// Whether it is known what others spent.
    is_seeded: bool,
    /// Whether what others spent is an estimate until that is known.
    is_estimated: bool,
    /// Whether something was put right before that was known: what was read by then may be without it.
    is_outdated: bool,
    /// Whether an administrator has lowered what is spent.
    is_lowered: bool,
    /// Whether it was told that the soft budget is passed.
    is_told: bool,
    /// What is held of the counter that replicas share.
    pub(crate) lease: Lease,
    /// Which replicas spent how much of what others spent, in units of that counter, as its store said last. `None` before
    /// it has said anything.
    pub(crate) others: Option<Vec<(Arc<str>, u64)>>,
}

/// What was used before anybody held anything of a shared counter, as far as one replica knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) units: i64,
    /// Whether what holders used may be a part of it.
    pub(crate) has_holders: bool,
}

impl Base {
    pub(crate) const NOTHING: Self = Self { units: 0, has_holders: false };
}

impl Window {
    fn at(period: Option<Period>, now_ms: i64) -> Self {
        Self {
            begins_at: period.map_or(0, |period| period.begins_at(now_ms)),
            ends_at: period.map(|period| period.ends_at(now_ms)),
            ..Self::default()
        }
    }

    /// Whether it is known what others spent.
    pub(crate) fn is_seeded(&self) -> bool {
        self.is_seeded
    }

    pub(crate) fn spent(&self) -> Decimal {
        self.elsewhere.saturating_add(self.ours)
    }

    /// Takes in what was put right since what others spent was taken over; `corrected` is all that ever was.
    fn correct(&mut self, corrected: Decimal) {
        let before = std::mem::replace(&mut self.corrected, corrected);
        let more = corrected.saturating_sub(before);
        if more.is_zero() {
            return;
        }
        self.elsewhere = self.elsewhere.saturating_add(more);
        if self.is_lowered || !self.lease.is_in_use() {
            // What was lowered before is not taken off once more.
            self.elsewhere = self.elsewhere.max(-self.ours);
        }
        if self.lease.is_in_use() {
            // It is counted by another counter from now on. What each holder spent is told there as it is here.
            self.lease = self.lease.of_next_generation();
        }
    }

    /// What this replica spent or reserved, in units of the shared counter.
    pub(crate) fn units_with(&self, more: Decimal) -> u64 {
        units(self.ours.saturating_add(self.reserved).saturating_add(more))
    }

    /// The same without what is reserved.
    pub(crate) fn spent_units_with(&self, more: Decimal) -> u64 {
        units(self.ours.saturating_add(more))
    }

    /// How the shared counter stands here, if it is known what was spent before. Of a limit parts of units are left out.
    pub(crate) fn figures(&self, max: Decimal) -> Option<Figures> {
        let (used, spent) = (self.units_with(Decimal::ZERO), self.spent_units_with(Decimal::ZERO));
        let limit = scaled(max).floor().try_into().unwrap_or(u64::MAX);
        self.is_seeded.then_some(Figures { used, spent, limit })
    }

    /// Of what others spent that of nobody who holds something.
    pub(crate) fn base(&self) -> Base {
        let others = self.others.iter().flatten();
        let of_holders = others.fold(0, |sum: i64, (_, spent)| sum.saturating_add_unsigned(*spent));
        let units = signed_units(self.elsewhere).saturating_sub(of_holders);
        Base { units, has_holders: self.others.is_none() }
    }

    /// Takes the word of the store for what others spent, in all and each.
    pub(crate) fn set_elsewhere_units(&mut self, spent: i64, others: Vec<(Arc<str>, u64)>) {
        self.elsewhere = Decimal::from(spent) * Decimal::new(1, UNIT_SCALE);
        self.others = Some(others);
    }

    /// When the budget begins anew. `None` is never.
    pub(crate) fn ends_at(&self) -> Option<i64> {
        self.ends_at
    }
}

impl Spending {
    /// Nothing spent in a period, which is neither a budget nor a soft one yet.
    pub(crate) fn of(period: Option<Period>, now_ms: i64) -> Self {
        Self {
            period,
            max: None,
            is_listed: false,
            soft: None,
            now: Window::at(period, now_ms),
            before: None,
        }
    }

    pub(crate) fn new(budget: &Budget, now_ms: i64) -> Self {
        let mut spending = Self::of(budget.period, now_ms);
        spending.become_budget(budget);
        spending
    }

    /// Whether what is spent counts for anything.
    pub(crate) fn counts(&self) -> bool {
        self.max.is_some() || self.soft.is_some()
    }

    /// Makes it the budget that it is to be; of several with the same period the smallest holds.
    pub(crate) fn become_budget(&mut self, budget: &Budget) {
        if self.max.is_none_or(|max| budget.max < max) {
            self.max = Some(budget.max);
            self.is_listed = budget.is_listed;
        }
    }

    /// The window that a time is in.
    pub(crate) fn window(&mut self, now_ms: i64) -> &mut Window {
        // A clock that is set back opens no window that was closed.
        if self.now.ends_at.is_some_and(|ends_at| ends_at <= now_ms) {
            // Nobody has spent anything in a window that was not there until now.
            let lease = self.now.lease.of_next_window();
            let next = Window { is_seeded: true, lease, ..Window::at(self.period, now_ms) };
            self.before = Some(std::mem::replace(&mut self.now, next));
        }
        &mut self.now
    }

    /// The window that began then, if its figures are still kept.
    pub(crate) fn window_of(&mut self, begins_at: i64) -> Option<&mut Window> {
        let before = self.before.as_mut();
        std::iter::once(&mut self.now).chain(before).find(|window| window.begins_at == begins_at)
    }

    /// Counts an estimate as what others spent in the window that is open, until it is known.
    pub(crate) fn estimate(&mut self, now_ms: i64, begins_at: i64, spent: Decimal) {
        let soft = self.soft;
        let window = self.window(now_ms);
        if window.is_seeded || window.is_estimated {
            return;
        }
        window.is_estimated = true;
        // What was spent in another window has no place in this one.
        if window.begins_at == begins_at {
            window.elsewhere = spent;
            window.is_told |= soft.is_some_and(|soft| spent >= soft);
        }
    }

    /// Sets what others spent in a window. The first figure stays, but for one that was read before something was put right.
    /// Gives whether it was set.
    pub(crate) fn seed(&mut self, begins_at: i64, spent: Decimal, corrected: Decimal) -> bool {
        let soft = self.soft;
        match self.window_of(begins_at) {
            Some(window) if window.is_outdated => {
                window.is_outdated = false;
                false
            }
            Some(window) if !window.is_seeded => {
                window.elsewhere = spent;
                window.corrected = corrected;
                window.is_seeded = true;
                window.is_estimated = false;
                // Whoever spent that much elsewhere has told it there.
                window.is_told |= soft.is_some_and(|soft| spent >= soft);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes in what was put right in a window. Where it is not known yet what others spent, that will be a part of it: what
    /// is read from then on.
    pub(crate) fn correct(&mut self, begins_at: i64, corrected: Decimal) {
        match self.window_of(begins_at) {
            Some(window) if window.is_seeded => window.correct(corrected),
            Some(window) => window.is_outdated = true,
            None => {}
        }
    }

    /// When the window began whose figure of others is not known yet, nor estimated.
    pub(crate) fn unseeded(&mut self, now_ms: i64) -> Option<i64> {
        let window = self.window(now_ms);
        (!window.is_seeded && !window.is_estimated).then_some(window.begins_at)
    }

    /// When the window began whose figure of others is an estimate.
    pub(crate) fn estimated(&mut self, now_ms: i64) -> Option<i64> {
        let window = self.window(now_ms);
        (!window.is_seeded && window.is_estimated).then_some(window.begins_at)
    }

    /// Lowers what is spent to a figure. Where it is counted by a shared counter, what others spent until now is not known
    /// here: the next one begins with what the ledger says of them, so that it is to be seeded anew.
    pub(crate) fn lower(&mut self, now_ms: i64, to: Decimal) {
        let soft = self.soft;
        let window = self.window(now_ms);
        window.elsewhere = window.spent().min(to);
        window.ours = Decimal::ZERO;
        window.is_lowered = true;
        window.is_seeded &= !window.lease.is_in_use();
        window.lease = window.lease.of_next_window();
        window.others = None;
        window.is_told &= soft.is_some_and(|soft| window.spent() >= soft);
    }

    /// What is spent in a window that has just passed the soft budget, and when that window ends. `None` if it has not, or
    /// it was told before.
    pub(crate) fn passes(&mut self, begins_at: i64) -> Option<(Decimal, Option<i64>)> {
        let soft = self.soft?;
        let window = self.window_of(begins_at)?;
        if window.is_told || window.spent() < soft {
            return None;
        }
        window.is_told = true;
        Some((window.spent(), window.ends_at()))
    }

    /// Reserves an amount in the window that is open, and gives when that began.
    pub(crate) fn reserve(&mut self, now_ms: i64, amount: Decimal) -> i64 {
        let window = self.window(now_ms);
        window.reserved = window.reserved.saturating_add(amount);
        window.open += 1;
        window.begins_at
    }

    pub(crate) fn reserve_more(&mut self, begins_at: i64, more: Decimal) {
        if let Some(window) = self.window_of(begins_at) {
            window.reserved = window.reserved.saturating_add(more);
        }
    }

    /// Turns what a call has reserved into what it spent.
    pub(crate) fn settle(&mut self, begins_at: i64, reserved: Decimal, spent: Decimal) {
        if let Some(window) = self.window_of(begins_at) {
            window.reserved = window.reserved.saturating_sub(reserved).max(Decimal::ZERO);
            window.ours = window.ours.saturating_add(spent);
            window.open = window.open.saturating_sub(1);
        }
    }

    /// Whether something would be lost with it: it counts, calls are under way, or a shared counter knows it as this
    /// replica's.
    pub(crate) fn is_of_use(&self) -> bool {
        self.counts() || self.is_open() || self.now.lease.is_in_use()
    }

    /// Whether calls are under way that began in one of its windows.
    pub(crate) fn is_open(&self) -> bool {
        self.now.open > 0 || self.before.as_ref().is_some_and(|window| window.open > 0)
    }

    /// Whether this process spent something in the window that is open.
    pub(crate) fn has_spent(&mut self, now_ms: i64) -> bool {
        !self.window(now_ms).ours.is_zero()
    }
}

/// Whole units, no fewer than the amount.
fn units(amount: Decimal) -> u64 {
    scaled(amount.max(Decimal::ZERO)).ceil().try_into().unwrap_or(u64::MAX)
}

/// The same of an amount that may be less than nothing, as what was put right of it is.
fn signed_units(amount: Decimal) -> i64 {
    let limit = if amount.is_sign_negative() { i64::MIN } else { i64::MAX };
    scaled(amount).ceil().try_into().unwrap_or(limit)
}

fn scaled(amount: Decimal) -> Decimal {
    amount.saturating_mul(Decimal::from(10_u64.pow(UNIT_SCALE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn daily(max: i64) -> Spending {
        Spending::new(&Budget::new(Decimal::from(max), Some(Period::DAILY)), 5)
    }

    #[test]
    fn a_call_spends_in_the_window_that_it_began_in() {
        let mut spending = daily(10);
        let begins_at = spending.reserve(5, Decimal::from(4));
        assert_eq!(begins_at, 0);
        assert_eq!(spending.window(DAY_MS).spent(), Decimal::ZERO);
        assert_eq!(spending.window_of(begins_at).map(|window| window.reserved), Some(Decimal::from(4)));
        spending.settle(begins_at, Decimal::from(4), Decimal::from(3));
        assert_eq!(spending.window(DAY_MS).spent(), Decimal::ZERO);
        assert_eq!(spending.window_of(0).map(|window| window.spent()), Some(Decimal::from(3)));
        spending.window(2 * DAY_MS);
        assert!(spending.window_of(0).is_none(), "only the one before is kept");
        assert!(!spending.is_open());
    }

    #[test]
    fn what_others_spent_is_set_once_and_never_added() {
        let mut spending = daily(10);
        assert_eq!(spending.unseeded(5), Some(0));
        spending.reserve(5, Decimal::ONE);
        spending.settle(0, Decimal::ONE, Decimal::ONE);
        assert!(spending.seed(0, Decimal::from(5), Decimal::ZERO));
        assert!(!spending.seed(0, Decimal::from(6), Decimal::ZERO), "which holds what was settled meanwhile");
        assert!(!spending.seed(DAY_MS, Decimal::from(6), Decimal::ZERO), "another window");
        assert_eq!(spending.window(5).spent(), Decimal::from(6));
        assert_eq!(spending.unseeded(DAY_MS), None, "nobody can have spent in a window that begins now");
    }

    #[test]
    fn an_estimate_counts_until_it_is_known_what_others_spent() {
        let mut spending = daily(10);
        spending.estimate(5, 0, Decimal::from(4));
        spending.estimate(5, 0, Decimal::from(9));
        assert_eq!((spending.unseeded(5), spending.estimated(5)), (None, Some(0)));
        spending.reserve(5, Decimal::ONE);
        spending.settle(0, Decimal::ONE, Decimal::ONE);
        assert_eq!(spending.window(5).spent(), Decimal::from(5), "the first one, and what is spent here");
        assert!(spending.seed(0, Decimal::from(3), Decimal::ZERO));
        assert_eq!((spending.unseeded(5), spending.estimated(5)), (None, None));
        assert_eq!(spending.window(5).spent(), Decimal::from(4), "it has taken the estimate's place");
        spending.estimate(5, 0, Decimal::from(9));
        assert_eq!(spending.window(5).spent(), Decimal::from(4), "it is known");
        let mut of_today = daily(10);
        of_today.estimate(5, -DAY_MS, Decimal::from(4));
        assert_eq!(of_today.window(5).spent(), Decimal::ZERO, "that was yesterday");
        assert_eq!((of_today.unseeded(5), of_today.estimated(5)), (None, Some(0)));
    }

    #[test]
    fn what_is_put_right_counts_once_whenever_the_store_was_asked() {
        let corrected = |quarters: i64| Decimal::new(25 * quarters, 2);
        let mut spending = daily(10);
        spending.correct(0, corrected(-2));
        assert!(!spending.seed(0, Decimal::new(55, 1), corrected(0)), "it was read before");
        assert!(spending.seed(0, Decimal::from(5), corrected(-2)));
        spending.correct(0, corrected(-2));
        assert_eq!(spending.window(5).spent(), Decimal::from(5), "it was a part of the figure");
        spending.reserve(5, Decimal::ONE);
        spending.settle(0, Decimal::ONE, Decimal::ONE);
        spending.correct(0, corrected(-4));
        spending.correct(DAY_MS, corrected(-8));
        assert_eq!(spending.window(5).spent(), Decimal::new(55, 1), "own rows are put right as well");
        spending.lower(5, Decimal::ZERO);
        spending.correct(0, corrected(-3));
        assert_eq!(spending.window(5).spent(), corrected(1), "on top of what an administrator has set");
        spending.correct(0, corrected(-9));
        assert_eq!(spending.window(5).spent(), Decimal::ZERO, "no less than nothing is spent");
    }

    #[test]
    fn parts_of_a_shared_unit_are_used_whole_and_of_a_limit_left_out() {
        let mut spending = Spending::new(&Budget::new(Decimal::new(25, 7), None), 5);
        spending.seed(0, Decimal::new(1, 7), Decimal::ZERO);
        spending.reserve(5, Decimal::new(11, 7));
        let window = spending.window(5);
        let figures = window.figures(Decimal::new(25, 7)).expect("seeded");
        assert_eq!((figures.used, figures.spent, figures.limit), (2, 0, 2));
        assert_eq!(window.base(), Base { units: 1, has_holders: true });
        window.set_elsewhere_units(3, vec![("b.1".into(), 2)]);
        assert_eq!(window.base(), Base { units: 1, has_holders: false });
        window.correct(Decimal::new(-25, 7));
        assert_eq!(
            window.base(),
            Base { units: -1, has_holders: false },
            "2.5 less, and what is left of a unit is used"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_opens_no_window_again() {
        let mut spending = daily(10);
        spending.reserve(DAY_MS, Decimal::ONE);
        assert_eq!(spending.reserve(5, Decimal::ONE), DAY_MS);
    }
}
