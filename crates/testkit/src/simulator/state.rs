//! What a simulator knows and remembers, shared by its connections and its control.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rust_decimal::Decimal;
use tokio::sync::{Semaphore, watch};

use super::books::{Books, Ending};
use super::catalogue::Catalogue;
use super::clock::Clock;
use super::exchange::{Ended, RecordedRequest};
use super::fault::{Fault, FaultRule};
use super::identifier::Identifiers;
use super::options::{Pacing, Quirks, SimulatorOptions};
use super::outcome::Outcome;
use super::prompt_cache::PromptCache;
use super::response_store::ResponseStore;
use super::script::{Script, Scripts};
use super::sent::Sent;

/// More users than this with scripts of their own, and all begin at their first script again.
const SCRIPTED_USERS_MAX: usize = 100_000;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: SimulatorOptions,
    state: Mutex<State>,
    releases: Semaphore,
    /// Told whenever a recorded request changes.
    changed: watch::Sender<()>,
}

/// A spending limit of a quota entity: soft, the call that crosses it is served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) limit: Decimal,
    pub(crate) spent: Decimal,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) pacing: Pacing,
    pub(crate) quirks: Quirks,
    pub(crate) balance: Decimal,
    pub(crate) total_used: Decimal,
    pub(crate) budgets: BTreeMap<String, Budget>,
    /// The share of the list price that is billed, by model.
    pub(crate) shares: BTreeMap<String, Decimal>,
    pub(crate) rules: Vec<FaultRule>,
    pub(crate) catalogue: Catalogue,
    pub(crate) identifiers: Identifiers,
    pub(crate) books: Books,
    /// What each call of a model costs besides its tokens.
    pub(crate) surcharges: BTreeMap<String, Decimal>,
    /// How many calls each user's scripts were read for.
    scripted: BTreeMap<String, usize>,
    pub(crate) prompt_cache: PromptCache,
    pub(crate) responses: ResponseStore,
    pub(crate) requests: VecDeque<RecordedRequest>,
    next_request: u64,
}

impl State {
    fn new(options: &SimulatorOptions) -> Self {
        Self {
            clock: Clock { fixed_seconds: options.now_seconds },
            pacing: options.pacing.clone(),
            quirks: options.quirks,
            balance: options.balance,
            total_used: Decimal::ZERO,
            budgets: BTreeMap::new(),
            shares: BTreeMap::from([("sim/discounted".to_owned(), Decimal::new(5, 1))]),
            rules: Vec::new(),
            catalogue: Catalogue::new(),
            identifiers: Identifiers::new(options.seed),
            books: Books::new(options.calls_kept),
            surcharges: BTreeMap::from([("sim/surcharged".to_owned(), Decimal::new(25, 5))]),
            scripted: BTreeMap::new(),
            prompt_cache: PromptCache::default(),
            responses: ResponseStore::default(),
            requests: VecDeque::new(),
            next_request: 0,
        }
    }

    /// The faults of the first rule that matches, which is used up by one.
    pub(crate) fn take_faults(&mut self, path: &str, asks_a_model: bool, model: Option<&str>) -> Vec<Fault> {
        let matches = |rule: &FaultRule| rule.times != Some(0) && rule.matches(path, asks_a_model, model);
        let matching = self.rules.iter().position(matches);
        let Some(position) = matching else { return Vec::new() };
        let rule = &mut self.rules[position];
        let faults = rule.faults.clone();
        if let Some(times) = &mut rule.times {
            *times -= 1;
            if *times == 0 {
                self.rules.remove(position);
            }
        }
        faults
    }

    /// Takes the cost of a call from the balance and from the budget of its quota entity.
    pub(crate) fn charge(&mut self, cost: Decimal, quota_entity: Option<&str>) {
        self.balance -= cost;
        self.total_used += cost;
        if let Some(budget) = quota_entity.and_then(|entity| self.budgets.get_mut(entity)) {
            budget.spent += cost;
        }
    }

    /// Gives back what a call did not come to cost.
    fn refund(&mut self, ending: &Ending) {
        self.charge(-ending.refund, ending.quota_entity.as_deref());
    }

    /// The script of the next call of this user.
    pub(crate) fn take_script(&mut self, scripts: &Scripts, user: Option<&str>) -> Script {
        let Some(user) = user else { return scripts.of_call(0) };
        if self.scripted.len() >= SCRIPTED_USERS_MAX {
            self.scripted.clear();
        }
        let calls = self.scripted.entry(user.to_owned()).or_default();
        *calls += 1;
        scripts.of_call(*calls - 1)
    }
}

impl Shared {
    pub(crate) fn new(options: SimulatorOptions) -> Self {
        let state = Mutex::new(State::new(&options));
        Self { options, state, releases: Semaphore::new(0), changed: watch::Sender::new(()) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Back to how it started; ids of requests go on, so that old exchanges cannot write into new records.
    pub(crate) fn reset(&self) {
        let mut state = self.state();
        let next_request = state.next_request;
        *state = State::new(&self.options);
        state.next_request = next_request;
        drop(state);
        self.releases.forget_permits(usize::MAX);
        self.changed.send_replace(());
    }

    /// Records a request under the next id.
    pub(crate) fn record(&self, request: impl FnOnce(u64, Clock) -> RecordedRequest) -> u64 {
        let mut state = self.state();
        let id = state.next_request;
        state.next_request += 1;
        let request = request(id, state.clock);
        while state.requests.len() >= self.options.requests_kept.max(1) {
            state.requests.pop_front();
        }
        if self.options.requests_kept > 0 {
            state.requests.push_back(request);
        }
        drop(state);
        self.changed.send_replace(());
        id
    }

    pub(crate) fn note(&self, id: u64, note: impl FnOnce(&mut RecordedRequest)) {
        let mut state = self.state();
        if let Some(request) = state.requests.iter_mut().rev().find(|request| request.id == id) {
            note(request);
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Writes how a request ended: in its record, in the books, and on the balance.
    pub(crate) fn end(&self, id: u64, outcome: Outcome, sent: &Sent) {
        let mut state = self.state();
        let ending = state.books.end(id, outcome, sent);
        if let Some(ending) = &ending {
            state.refund(ending);
        }
        if let Some(request) = state.requests.iter_mut().rev().find(|request| request.id == id) {
            request.ended = Some(Ended { at: Instant::now(), outcome });
            request.billed = ending.map(|ending| ending.owed.normalize()).or(request.billed);
        }
        drop(state);
        self.changed.send_replace(());
    }

    pub(crate) fn release(&self) {
        self.releases.add_permits(1);
    }

    pub(crate) async fn released(&self) {
        if let Ok(permit) = self.releases.acquire().await {
            permit.forget();
        }
    }

    /// Waits until `find` finds what it looks for among the recorded requests.
    pub(crate) async fn wait<T>(
        &self,
        find: impl Fn(&VecDeque<RecordedRequest>) -> Option<T> + Send + Sync,
    ) -> T {
        self.wait_for(|state| find(&state.requests)).await
    }

    /// Waits until `find` finds what it looks for.
    pub(crate) async fn wait_for<T>(&self, find: impl Fn(&State) -> Option<T> + Send + Sync) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            let found = find(&self.state());
            if let Some(found) = found {
                return found;
            }
            if changed.changed().await.is_err() {
                // Unreachable while `self` holds the sender; waiting on is the harmless answer.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The moment of a record, for the two clocks that it is kept in.
pub(crate) fn moment(clock: Clock) -> (Instant, u64) {
    (Instant::now(), clock.now_ms())
}
