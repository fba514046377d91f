//! What is limited and counted of one account, behind its lock.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::lease::Room;
use crate::minute::{Minute, Tokens};
use crate::parallel::Parallel;
use crate::queue::Queue;
use crate::refusal::{Reached, What};
use crate::sharing::Agenda;
use crate::spending::{Spending, Window};
use crate::{OnOutage, Period, Sharing};

/// What is limited and counted.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Where it is known how the store is, where counters are shared.
    agenda: Option<Arc<Agenda>>,
    pub(crate) requests_max: Option<u64>,
    pub(crate) tokens_max: Option<u64>,
    pub(crate) parallel_max: Option<u64>,
    pub(crate) minute: Minute,
    pub(crate) parallel: Parallel,
    pub(crate) spendings: Vec<Spending>,
    pub(crate) queue: Queue,
    pub(crate) settled_at: Option<i64>,
    /// The number of the newest word that lowered what is spent.
    pub(crate) lowered: Option<i64>,
}

/// Whether a call may reserve what it asks for.
pub(crate) enum Verdict {
    Fits,
    /// The reservations of others are in the way, or somebody who came before, or more of a shared limit is on its way.
    Waits(Reached),
    Refused(Reached),
}

/// Whether an account counts for itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    Alone,
    Shared {
        /// What holds where nobody can tell what is left.
        otherwise: OnOutage,
        /// Whether the store does not answer.
        is_out: bool,
    },
}

impl Counting {
    /// Whether more may be had by asking.
    fn may_get_more(self) -> bool {
        matches!(self, Self::Shared { is_out: false, .. })
    }

    /// Whether more may be had only once the store answers again.
    fn waits_for_store(self) -> bool {
        self == Self::Shared { otherwise: OnOutage::Refuse, is_out: true }
    }
}

/// What stands between a call and what it asks of one limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bar {
    Nothing,
    /// Something that goes away.
    Others,
    /// The store that replicas share, which does not answer.
    Outage,
    /// That nobody has told yet what was spent before, where a shared counter is to begin.
    Unknown,
    Limit,
}

impl State {
    pub(crate) fn new(agenda: Option<Arc<Agenda>>) -> Self {
        let minute = if agenda.is_some() { Minute::aligned() } else { Minute::default() };
        Self { agenda, minute, ..Self::default() }
    }

    /// How requests and tokens are counted.
    fn counting(&self) -> Counting {
        self.counting_by(|sharing| sharing.limits_on_outage)
    }

    /// How money is.
    fn counting_of_money(&self) -> Counting {
        self.counting_by(|sharing| sharing.budgets_on_outage)
    }

    fn counting_by(&self, policy: impl FnOnce(&Sharing) -> OnOutage) -> Counting {
        let Some(agenda) = &self.agenda else { return Counting::Alone };
        Counting::Shared { otherwise: policy(&agenda.sharing), is_out: agenda.is_out() }
    }

    pub(crate) fn spending(&mut self, period: Option<Period>) -> Option<&mut Spending> {
        self.spendings.iter_mut().find(|spending| spending.period == period)
    }

    /// What keeps one more request out.
    pub(crate) fn refuses_request(&mut self, now_ms: i64) -> Option<Reached> {
        if let Some(reached) = self.refuses_place(now_ms) {
            return Some(reached);
        }
        let limit = self.requests_max?;
        self.minute.roll(now_ms);
        let used = self.minute.requests();
        let bar = match self.counting() {
            Counting::Alone => bar_of(used < limit),
            Counting::Shared { otherwise, is_out } => {
                let outage = is_out.then_some(otherwise);
                let lease = &mut self.minute.request_lease;
                match lease.room(now_ms, used, used.saturating_add(1), outage, true) {
                    Room::Enough => Bar::Nothing,
                    Room::AsIfAlone => bar_of(used < limit),
                    Room::Comes if used < limit && !lease.is_exhausted() => Bar::Others,
                    Room::Outage if used < limit => Bar::Outage,
                    Room::Comes | Room::Outage => Bar::Limit,
                }
            }
        };
        if bar == Bar::Nothing {
            return None;
        }
        // A limit of zero has no window that could end.
        let used = self.minute.request_lease.taken(limit, used);
        let reached = Reached::count(What::Requests, limit, used, 1, self.minute.ends_at());
        Some(Reached { is_pending: bar == Bar::Others, is_outage: bar == Bar::Outage, ..reached })
    }

    /// What keeps one more call at one time out.
    fn refuses_place(&mut self, now_ms: i64) -> Option<Reached> {
        let limit = self.parallel_max?;
        let counting = self.counting();
        let used = self.parallel.open();
        let bar = match counting {
            _ if used >= limit => Bar::Limit,
            Counting::Alone => Bar::Nothing,
            Counting::Shared { otherwise, is_out } => {
                self.parallel.lapse(now_ms);
                let outage = is_out.then_some(otherwise);
                // Whoever is refused at once does not wait for another place.
                let is_full = self.parallel.is_full(now_ms);
                match self.parallel.lease.room(now_ms, used, used.saturating_add(1), outage, !is_full) {
                    Room::Enough | Room::AsIfAlone => Bar::Nothing,
                    Room::Comes if is_full => Bar::Limit,
                    Room::Comes => Bar::Others,
                    Room::Outage => Bar::Outage,
                }
            }
        };
        if bar == Bar::Nothing {
            return None;
        }
        let used = self.parallel.lease.taken(limit, used);
        let reached = Reached::count(What::Parallel, limit, used, 1, None);
        Some(Reached { is_pending: bar == Bar::Others, is_outage: bar == Bar::Outage, ..reached })
    }

    /// Takes one request, and gives whether a place was taken that must be given back.
    pub(crate) fn take_request(&mut self, now_ms: i64) -> bool {
        if self.requests_max.is_some() {
            self.minute.take_request(now_ms);
        }
        if self.parallel_max.is_none() {
            return false;
        }
        self.parallel.take(now_ms);
        true
    }

    pub(crate) fn give_place_back(&mut self) {
        self.parallel.give_back();
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
        let is_behind = self.queue.has_before(number);
        let mut waits = None;
        match self.judge_tokens(now_ms, tokens) {
            Some(reached) if reached.is_pending => waits = Some(reached),
            Some(reached) => return Verdict::Refused(reached),
            None => {}
        }
        let Some(amount) = amount else { return waits.map_or(Verdict::Fits, Verdict::Waits) };
        let counting = self.counting_of_money();
        for spending in &mut self.spendings {
            let Some(max) = spending.max else { continue };
            let what = What::Budget { period: spending.period, is_listed: spending.is_listed };
            let window = spending.window(now_ms);
            let bar = bar_of_budget(window, now_ms, max, amount, counting, !is_behind);
            let (used, reserved, resets_at_ms) = (window.spent(), window.reserved, window.ends_at());
            let is_pending = bar == Bar::Unknown || (counting.may_get_more() && bar == Bar::Others);
            let is_outage = matches!(bar, Bar::Outage | Bar::Unknown);
            let reached = Reached {
                what,
                limit: max,
                used,
                reserved,
                asked: amount,
                resets_at_ms,
                is_pending,
                is_outage,
            };
            match bar {
                Bar::Limit | Bar::Outage => return Verdict::Refused(reached),
                Bar::Nothing if !is_behind => {}
                Bar::Nothing | Bar::Others | Bar::Unknown => {
                    waits.get_or_insert(reached);
                }
            }
        }
        waits.map_or(Verdict::Fits, Verdict::Waits)
    }

    fn judge_tokens(&mut self, now_ms: i64, tokens: u64) -> Option<Reached> {
        let limit = self.tokens_max?;
        self.minute.roll(now_ms);
        let used = self.minute.tokens();
        let counting = self.counting();
        let held = self.tokens_held(now_ms, tokens);
        if self.minute.fit(limit, held, tokens).is_some() {
            return None;
        }
        let lease = &self.minute.token_lease;
        let is_pending = counting.may_get_more() && used < limit && !lease.is_exhausted();
        let is_outage = counting.waits_for_store() && used < limit;
        let used = lease.taken(limit, used);
        let reached = Reached::count(What::Tokens, limit, used, tokens, self.minute.ends_at());
        Some(Reached { is_pending, is_outage, ..reached })
    }

    /// How many tokens of the minute can be used by now.
    fn tokens_held(&mut self, now_ms: i64, tokens: u64) -> u64 {
        let limit = self.tokens_max.unwrap_or(u64::MAX);
        let Counting::Shared { otherwise, is_out } = self.counting() else { return limit };
        let outage = is_out.then_some(otherwise);
        let used = self.minute.tokens();
        // One that is larger than the limit takes what there is, so that it asks for a first piece only.
        let least = if tokens > limit { 1 } else { tokens.max(1) };
        let lease = &mut self.minute.token_lease;
        match lease.room(now_ms, used, used.saturating_add(least), outage, true) {
            Room::AsIfAlone => limit,
            Room::Enough | Room::Comes | Room::Outage => lease.held(),
        }
    }

    /// Takes tokens, if they are limited.
    pub(crate) fn take_tokens(&mut self, now_ms: i64, tokens: u64) -> Option<Tokens> {
        let limit = self.tokens_max?;
        self.minute.roll(now_ms);
        let held = self.tokens_held(now_ms, tokens);
        let count = self.minute.fit(limit, held, tokens).unwrap_or(tokens);
        Some(self.minute.take_tokens(now_ms, count))
    }

    /// Whether a call that is under way may take more tokens than it took.
    pub(crate) fn refuses_tokens(&mut self, now_ms: i64, taken: Tokens, more: u64) -> Option<Reached> {
        let limit = self.tokens_max?;
        self.minute.roll(now_ms);
        let counting = self.counting();
        let held = self.tokens_held(now_ms, more).min(limit);
        if self.minute.has_room(taken, held, more) {
            return None;
        }
        let lease = &self.minute.token_lease;
        let is_pending = counting.may_get_more() && held < limit && !lease.is_exhausted();
        let is_outage = counting.waits_for_store() && held < limit;
        let reached = Reached::count(What::Tokens, limit, self.minute.tokens(), more, self.minute.ends_at());
        Some(Reached { is_pending, is_outage, ..reached })
    }

    /// Whether a call that is under way may reserve more of a budget, in the window that it began in.
    pub(crate) fn refuses_amount(
        &mut self,
        now_ms: i64,
        period: Option<Period>,
        begins_at: i64,
        more: Decimal,
    ) -> Option<Reached> {
        let counting = self.counting_of_money();
        let spending = self.spending(period)?;
        let limit = spending.max?;
        let what = What::Budget { period, is_listed: spending.is_listed };
        // Of a window that is long over nothing is kept.
        let window = spending.window_of(begins_at).filter(|_| !more.is_zero())?;
        // Nothing is fetched any more of a window that has ended.
        let is_over = window.ends_at().is_some_and(|ends_at| ends_at <= now_ms);
        let fits = window.spent().saturating_add(window.reserved).saturating_add(more) <= limit;
        let bar = match counting {
            Counting::Shared { .. } if !is_over => {
                match bar_of_budget(window, now_ms, limit, more, counting, true) {
                    // Nobody waits here for what others give back.
                    Bar::Others if fits && counting.waits_for_store() => Bar::Outage,
                    bar => bar,
                }
            }
            Counting::Shared { .. } | Counting::Alone => bar_of(fits),
        };
        let (used, reserved, resets_at_ms) = (window.spent(), window.reserved, window.ends_at());
        let is_pending = bar == Bar::Unknown || (counting.may_get_more() && bar == Bar::Others);
        let is_outage = matches!(bar, Bar::Outage | Bar::Unknown);
        let reached =
            Reached { what, limit, used, reserved, asked: more, resets_at_ms, is_pending, is_outage };
        (bar != Bar::Nothing).then_some(reached)
    }

    /// Notes that something was spent, and when. A store never has what nobody knows: `i64::MAX`.
    pub(crate) fn note_settled(&mut self, at_ms: i64) {
        self.settled_at = Some(self.settled_at.map_or(at_ms, |settled_ms| settled_ms.max(at_ms)));
    }
}

fn bar_of(fits: bool) -> Bar {
    if fits { Bar::Nothing } else { Bar::Limit }
}

/// What stands between a call and an amount of a budget. A call that `asks` has more of a shared one fetched.
fn bar_of_budget(
    window: &mut Window,
    now_ms: i64,
    max: Decimal,
    amount: Decimal,
    counting: Counting,
    asks: bool,
) -> Bar {
    let spent = window.spent();
    let alone = spent.saturating_add(amount);
    if spent >= max || alone > max {
        return Bar::Limit;
    }
    let fits_locally = alone.saturating_add(window.reserved) <= max;
    let fits_locally = if fits_locally { Bar::Nothing } else { Bar::Others };
    let Counting::Shared { otherwise, is_out } = counting else { return fits_locally };
    if !window.is_seeded() {
        return if otherwise == OnOutage::AllowLocally { fits_locally } else { Bar::Unknown };
    }
    let outage = is_out.then_some(otherwise);
    let (used, needed) = (window.units_with(Decimal::ZERO), window.units_with(amount));
    match window.lease.room(now_ms, used, needed, outage, asks) {
        Room::Enough => Bar::Nothing,
        Room::AsIfAlone => fits_locally,
        Room::Comes => Bar::Others,
        // What calls give back that are under way may be enough.
        Room::Outage if window.spent_units_with(amount) <= window.lease.held() => Bar::Others,
        Room::Outage => Bar::Outage,
    }
}
