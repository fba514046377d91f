//! Taking of several accounts in one step: all are locked, all are looked at, and only then all give.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use rust_decimal::Decimal;

use crate::account::{ADMITS, RESERVES};
use crate::place::Place;
use crate::refusal::{Reached, Refusal};
use crate::state::{State, Verdict};
use crate::{Account, Permit, Reservation};

/// What a call wants to reserve.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// Accounts that have admitted the request already.
    pub accounts: &'a [Arc<Account>],
    /// Accounts that are known only now, such as those of one model: of these one request and one place are taken too.
    pub by_model: &'a [Arc<Account>],
    /// The most tokens that the call may use, input and output together.
    pub tokens: u64,
    /// The most that it may cost, in US dollars. `None` of what costs nothing: budgets are not looked at then, and what
    /// it costs all the same is charged to them.
    pub amount: Option<Decimal>,
    /// How long to wait where only the reservations of others are in the way.
    pub wait: Duration,
}

impl Want<'_> {
    /// Whether anything of it is limited.
    pub(crate) fn is_limited(&self) -> bool {
        self.accounts.iter().any(|account| account.limits(RESERVES))
            || self.by_model.iter().any(|account| account.is_limited())
    }
}

/// What became of one try.
pub(crate) enum Attempt {
    Taken(Reservation),
    Refused(Refusal),
    Waits(Refusal),
}

/// One account that a call counts against.
struct Ask<'a> {
    account: &'a Arc<Account>,
    /// Where the caller named it: of several refusals the first one is told.
    position: usize,
    takes_request: bool,
}

/// Takes one request and one place of every account.
pub(crate) fn admit(accounts: &[Arc<Account>]) -> Result<Permit, Refusal> {
    let mut permit = Permit::default();
    let asks = in_order(accounts, &[], ADMITS);
    let Some(first) = asks.first() else { return Ok(permit) };
    let now_ms = first.account.clock().now_ms();
    let mut states = lock(&asks);
    let mut refused = First::default();
    for (ask, state) in asks.iter().zip(&mut states) {
        let reached = state.refuses_request(now_ms);
        ask.account.note(reached.is_some_and(|reached| reached.is_pending));
        refused.note(ask, reached);
    }
    if let Some(refusal) = refused.refusal(now_ms) {
        return Err(refusal);
    }
    for (ask, state) in asks.iter().zip(&mut states) {
        if state.take_request(now_ms) {
            permit.hold(ask.account);
        }
    }
    Ok(permit)
}

/// Tries to reserve what a call wants. If it has to wait it gets a place where it is to wait, or keeps the one that it
/// has. A place that it has is left once it gets what it wants.
///
/// `number` is where a call stands in the order of all that has no place yet.
pub(crate) fn reserve(want: &Want<'_>, place: &mut Option<Place>, number: impl FnOnce() -> u64) -> Attempt {
    let amount = want.amount.map(|amount| amount.max(Decimal::ZERO));
    let mut reservation = Reservation::with_amount(amount.unwrap_or_default());
    let asks = in_order(want.accounts, want.by_model, RESERVES);
    let Some(first) = asks.first() else { return Attempt::Taken(reservation) };
    let now_ms = first.account.clock().now_ms();
    let may_pass = place.as_ref().map_or(u64::MAX, Place::number);
    let mut states = lock(&asks);
    let (mut refused, mut waits) = (First::default(), First::default());
    let mut waits_at = None;
    for (index, (ask, state)) in asks.iter().zip(&mut states).enumerate() {
        let of_request = if ask.takes_request { state.refuses_request(now_ms) } else { None };
        let verdict = match of_request {
            Some(reached) if reached.is_pending => Verdict::Waits(reached),
            Some(reached) => Verdict::Refused(reached),
            None => state.judge(now_ms, want.tokens, amount, may_pass),
        };
        let mut is_pending = false;
        match verdict {
            Verdict::Fits => {}
            Verdict::Refused(reached) => refused.note(ask, Some(reached)),
            Verdict::Waits(reached) => {
                is_pending = reached.is_pending;
                waits.note(ask, Some(reached));
                waits_at.get_or_insert(index);
            }
        }
        ask.account.note(is_pending);
    }
    if let Some(refusal) = refused.refusal(now_ms) {
        return Attempt::Refused(refusal);
    }
    if let Some(refusal) = waits.refusal(now_ms) {
        let at = waits_at.and_then(|index| Some((asks.get(index)?, states.get_mut(index)?)));
        let Some((ask, state)) = at.filter(|_| refusal.is_pending || !want.wait.is_zero()) else {
            return Attempt::Refused(refusal);
        };
        if place.as_ref().is_none_or(|place| !place.is_at(ask.account)) {
            let number = place.as_ref().map_or_else(number, Place::number);
            let left = place.replace(Place::join(ask.account, state, number));
            // Leaving a queue locks its account.
            drop(states);
            drop(left);
        }
        return Attempt::Waits(refusal);
    }
    for (ask, state) in asks.iter().zip(&mut states) {
        reservation.take(ask.account, state, now_ms, want.tokens, ask.takes_request);
    }
    Attempt::Taken(reservation)
}

/// The accounts with limits, each once, in the order in which they are locked.
fn in_order<'a>(accounts: &'a [Arc<Account>], by_model: &'a [Arc<Account>], stages: u8) -> Vec<Ask<'a>> {
    let mut asks = Vec::new();
    let known = accounts.iter().map(|account| (account, false, stages));
    let new = by_model.iter().map(|account| (account, true, ADMITS | RESERVES));
    for (position, (account, takes_request, stages)) in known.chain(new).enumerate() {
        if account.limits(stages) {
            asks.push(Ask { account, position, takes_request });
        }
    }
    asks.sort_unstable_by_key(|ask| (ask.account.number(), !ask.takes_request, ask.position));
    asks.dedup_by_key(|ask| ask.account.number());
    asks
}

fn lock<'a>(asks: &[Ask<'a>]) -> Vec<MutexGuard<'a, State>> {
    asks.iter().map(|ask| ask.account.state()).collect()
}

/// Of several limits the one whose account the caller named first.
#[derive(Default)]
struct First<'a>(Option<(usize, &'a Arc<Account>, Reached)>);

impl<'a> First<'a> {
    fn note(&mut self, ask: &Ask<'a>, reached: Option<Reached>) {
        let Some(reached) = reached else { return };
        if self.0.as_ref().is_none_or(|(position, ..)| ask.position < *position) {
            self.0 = Some((ask.position, ask.account, reached));
        }
    }

    fn refusal(&self, now_ms: i64) -> Option<Refusal> {
        let (_, account, reached) = self.0.as_ref()?;
        Some(reached.by(account.subject(), now_ms))
    }
}
