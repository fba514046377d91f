//! What an account asks of the store that replicas share, and what it makes of the answer.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::account::Account;
use crate::lease::{Claimed, Figures, Lease};
use crate::shared::{Claim, Counter, CounterKind, Generation, Held};
use crate::spending::Base;
use crate::state::State;

/// A shared counter as it stands in one account.
struct Open<'a> {
    kind: CounterKind,
    begins_at_ms: i64,
    generation: Generation,
    ends_at_ms: Option<i64>,
    base: Base,
    others: &'a [(Arc<str>, u64)],
    figures: Figures,
    lease: &'a mut Lease,
    /// Of calls at one time, which come back.
    places: Option<Places>,
}

/// What else there is to know of calls at one time.
#[derive(Clone, Copy)]
struct Places {
    /// How many were open at once of late.
    peak: u64,
    /// Whether it is time to tell that they are still held.
    is_due: bool,
}

impl Open<'_> {
    fn claim(&mut self, idle_since: i64, sequence: u64) -> Option<Claimed> {
        match self.places {
            None => self.lease.claim(self.figures, idle_since, sequence),
            Some(Places { peak, is_due }) => {
                self.lease.claim_places(self.figures, (peak, is_due), idle_since, sequence)
            }
        }
    }

    /// Whether nothing is held that is not used, and the store knows it. A call that is open is to be told of on and on.
    fn is_at_rest(&self) -> bool {
        self.lease.is_at_rest(self.figures) && (self.places.is_none() || self.figures.used == 0)
    }
}

/// What an account asks for. One that nobody has used since `idle_since` gives back what it does not use.
pub(crate) fn of(
    account: &Account,
    replica: &str,
    now_ms: i64,
    idle_since: i64,
    sequence: u64,
) -> Vec<Claim> {
    let mut state = account.state();
    let mut claims = Vec::new();
    let mut holder: Option<Arc<str>> = None;
    for mut open in open(&mut state, now_ms) {
        let noted_spent = open.lease.noted_spent();
        if let Some(Claimed { units, least }) = open.claim(idle_since, sequence) {
            let Open { kind, begins_at_ms, generation, ends_at_ms, base, others, figures, .. } = open;
            let counter = Counter { subject: account.subject().clone(), kind, begins_at_ms, generation };
            let Figures { spent, limit, .. } = figures;
            let holder = holder.get_or_insert_with(|| format!("{replica}.{}", account.number()).into());
            let holder = Arc::clone(holder);
            claims.push(Claim {
                counter,
                holder,
                sequence,
                units,
                least,
                spent,
                noted_spent,
                limit,
                base: base.units,
                base_has_holders: base.has_holders,
                others: others.to_vec(),
                ends_at_ms,
            });
        }
    }
    claims
}

/// Takes the answer to a claim, if there is one, and lets those look again who wait.
pub(crate) fn answer(account: &Account, claim: &Claim, now_ms: i64, held: Option<Held>) {
    let mut state = account.state();
    if let Some(held) = held {
        take(&mut state, claim, now_ms, held);
    }
    for open in open(&mut state, now_ms) {
        open.lease.forget_wanted();
    }
    state.queue.call_first();
}

fn take(state: &mut State, claim: &Claim, now_ms: i64, held: Held) {
    let Claim { counter: Counter { kind, begins_at_ms, generation, .. }, sequence, units, least, .. } =
        *claim;
    let is_it =
        |open: &Open<'_>| (open.kind, open.begins_at_ms, open.generation) == (kind, begins_at_ms, generation);
    let is_newest = open(state, now_ms)
        .into_iter()
        .find(is_it)
        .is_some_and(|open| open.lease.answer(Claimed { units, least }, sequence, &held, now_ms));
    if let (CounterKind::Budget(period), true) = (kind, is_newest) {
        let window = state.spending(period).and_then(|spending| spending.window_of(begins_at_ms));
        if let Some(window) = window {
            window.set_elsewhere_units(held.spent_by_others(claim.spent), held.others);
        }
    }
}

/// Whether an account holds nothing that it does not use, and the store knows it.
pub(crate) fn are_settled(account: &Account, now_ms: i64) -> bool {
    let mut state = account.state();
    let is_quiet = state.queue.is_empty();
    is_quiet && open(&mut state, now_ms).iter().all(Open::is_at_rest)
}

/// The counters of the windows that are open. Budgets of which it is not known what was spent before have none yet.
fn open(state: &mut State, now_ms: i64) -> Vec<Open<'_>> {
    state.minute.roll(now_ms);
    let State { requests_max, tokens_max, parallel_max, minute, parallel, spendings, lowered, .. } = state;
    let (requests, tokens) = (minute.requests(), minute.tokens());
    let (begins_at_ms, ends_at_ms) = (minute.begins_at(), minute.ends_at());
    let mut counters = Vec::new();
    if let Some(limit) = *requests_max {
        let figures = Figures { used: requests, spent: requests, limit };
        let lease = &mut minute.request_lease;
        counters.push(Open {
            kind: CounterKind::Requests,
            begins_at_ms,
            generation: Generation::default(),
            ends_at_ms,
            base: Base::NOTHING,
            others: &[],
            figures,
            lease,
            places: None,
        });
    }
    if let Some(limit) = *tokens_max {
        let figures = Figures { used: tokens, spent: tokens, limit };
        let lease = &mut minute.token_lease;
        let kind = CounterKind::Tokens;
        let (generation, others) = (Generation::default(), &[]);
        counters.push(Open {
            kind,
            begins_at_ms,
            generation,
            ends_at_ms,
            base: Base::NOTHING,
            others,
            figures,
            lease,
            places: None,
        });
    }
    // Of what is not limited any more the store is told that nothing is held.
    if let Some(limit) = parallel_max.or(parallel.lease.is_in_use().then_some(0)) {
        let places = Places { peak: parallel.peak(now_ms), is_due: parallel.is_due(now_ms, limit) };
        counters.push(Open {
            kind: CounterKind::Parallel,
            begins_at_ms: 0,
            generation: Generation::default(),
            ends_at_ms: None,
            base: Base::NOTHING,
            others: &[],
            figures: parallel.figures(limit),
            lease: &mut parallel.lease,
            places: Some(places),
        });
    }
    for spending in spendings {
        let (period, max) = (spending.period, spending.max);
        let window = spending.window(now_ms);
        // Of what is no budget any more the store is told what was spent, and given back the rest.
        let Some(max) = max.or(window.lease.is_in_use().then_some(Decimal::ZERO)) else { continue };
        let Some(figures) = window.figures(max) else { continue };
        counters.push(Open {
            kind: CounterKind::Budget(period),
            begins_at_ms: window.begins_at,
            generation: Generation {
                lowered: lowered.unwrap_or_default(),
                corrected: window.corrected.normalize(),
            },
            ends_at_ms: window.ends_at(),
            base: window.base(),
            others: window.others.as_deref().unwrap_or_default(),
            figures,
            lease: &mut window.lease,
            places: None,
        });
    }
    counters
}
