//! What is learned of deployments, credentials and origins while they serve, and outlives a reload.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::RetryBudget;
use crate::failures::Failures;
use crate::health::{Health, Look};
use crate::places::Places;
use crate::rested::Rested;
use crate::retry_budget::Budget;
use crate::speed::Speed;
use crate::window::Window;

/// Models of one wildcard that are kept apart. A caller can invent names; this is where they end.
const MODELS_MAX: usize = 10_000;

/// How often room is made among them at most: it takes a look at each.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The longest name that is kept, in bytes.
const NAME_BYTES_MAX: usize = 512;

/// What is known of a deployment.
#[derive(Debug)]
pub(crate) struct State {
    /// Calls that are open.
    pub(crate) in_flight: AtomicUsize,
    pub(crate) window: Window,
    /// What the log was told of.
    pub(crate) failures: Failures,
    /// Where one model is called.
    own: Standing,
    /// Where the asked-for name decides on the model: those of which there is something to say.
    by_model: RwLock<FxHashMap<Arc<str>, Arc<Standing>>>,
    has_models: AtomicBool,
    /// When there was last made room among them.
    swept: Mutex<Option<Instant>>,
    /// How often a call was followed by a rest, by what had gone wrong.
    rests: Mutex<Vec<(Rested, u64)>>,
    /// Places for calls at one time, where they are limited.
    places: Arc<Places>,
}

/// What is known of one model of a deployment.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) health: Health,
    pub(crate) speed: Speed,
}

impl Standing {
    fn new() -> Self {
        Self { health: Health::new(), speed: Speed::default() }
    }
}

/// Leads to a [`Standing`] for as long as a call takes.
#[derive(Clone, Debug)]
pub(crate) enum StandingOf {
    Deployment(Arc<State>),
    Model(Arc<Standing>),
}

impl Deref for StandingOf {
    type Target = Standing;

    fn deref(&self) -> &Standing {
        match self {
            Self::Deployment(state) => &state.own,
            Self::Model(standing) => standing,
        }
    }
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            window: Window::default(),
            failures: Failures::default(),
            own: Standing::new(),
            by_model: RwLock::default(),
            has_models: AtomicBool::new(false),
            swept: Mutex::new(None),
            rests: Mutex::default(),
            places: Arc::default(),
        }
    }

    /// The standing of the one model that the deployment calls.
    pub(crate) fn own(&self) -> &Standing {
        &self.own
    }

    /// Whether there is something to say of any single model.
    pub(crate) fn has_models(&self) -> bool {
        self.has_models.load(Ordering::Acquire)
    }

    /// The standing of one of many models, if there is something to say of it.
    pub(crate) fn known(&self, model: &str) -> Option<Arc<Standing>> {
        if !self.has_models() {
            return None;
        }
        self.by_model.read().unwrap_or_else(PoisonError::into_inner).get(model).cloned()
    }

    /// The same, from now on in any case, unless the name is too long, or as many rest as can be kept.
    pub(crate) fn of_model(&self, model: &Arc<str>) -> Arc<Standing> {
        let unkept = || Arc::new(Standing::new());
        if model.len() > NAME_BYTES_MAX {
            return unkept();
        }
        if let Some(known) = self.known(model) {
            return known;
        }
        let mut models = self.by_model.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(standing) = models.get(model) {
            return Arc::clone(standing);
        }
        if models.len() >= MODELS_MAX {
            let mut swept = lock(&self.swept);
            if swept.is_some_and(|swept| swept.elapsed() < SWEEP_EVERY) {
                return unkept();
            }
            *swept = Some(Instant::now());
            // Those that do not rest lose their counts and what is known of their speed. Those that do are not to be
            // freed by whoever invents names.
            models.retain(|_, standing| matches!(standing.health.look(), Look::Resting(_)));
            if models.len() >= MODELS_MAX {
                return unkept();
            }
        }
        let standing = unkept();
        models.insert(Arc::clone(model), Arc::clone(&standing));
        self.has_models.store(true, Ordering::Release);
        standing
    }

    /// Whether one of many models is not in service.
    pub(crate) fn has_a_model_at_rest(&self) -> bool {
        let models = self.by_model.read().unwrap_or_else(PoisonError::into_inner);
        models.values().any(|standing| standing.health.look() != Look::InService)
    }

    /// Notes a rest.
    pub(crate) fn note_rest(&self, rested: Rested) {
        let mut rests = lock(&self.rests);
        match rests.iter_mut().find(|(known, _)| *known == rested) {
            Some((_, count)) => *count += 1,
            None => rests.push((rested, 1)),
        }
    }

    /// How often there was a rest, by what had gone wrong.
    pub(crate) fn rests(&self) -> Vec<(Rested, u64)> {
        lock(&self.rests).clone()
    }

    /// The places for so many calls at one time.
    pub(crate) fn places(&self, max: usize) -> Arc<Places> {
        self.places.set_max(max);
        Arc::clone(&self.places)
    }
}

/// What is known of a credential at one base: all its deployments rest with it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) health: Health,
}

impl Account {
    /// Notes that it was accepted, with a call that was sent then. True if it is back.
    #[inline]
    pub(crate) fn accepted(&self, sent: Instant) -> bool {
        self.health.look() != Look::InService && self.health.succeeded(sent)
    }

    #[inline]
    pub(crate) fn is_in_service(&self) -> bool {
        // Once its rest is over all may try: one that is refused again begins the next rest.
        !matches!(self.health.look(), Look::Resting(_))
    }

    /// How long it still rests.
    pub(crate) fn rest(&self) -> Duration {
        match self.health.look() {
            Look::Resting(until) => until.saturating_duration_since(Instant::now()),
            Look::InService | Look::MayBeBack => Duration::ZERO,
        }
    }
}

/// Everything that outlives a reload, by the identities of what it is about.
#[derive(Debug)]
pub(crate) struct States {
    retry_budget: RetryBudget,
    deployments: Mutex<FxHashMap<Arc<str>, Arc<State>>>,
    accounts: Mutex<FxHashMap<Box<[u8]>, Arc<Account>>>,
    origins: Mutex<FxHashMap<Arc<str>, Arc<Budget>>>,
    /// Where the first of a queue waits for what others give back.
    pub(crate) freed: Arc<Freed>,
}

/// Tells that a place came free.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    notify: Notify,
    /// How many want to know.
    waiting: AtomicUsize,
}

/// Wants to know for as long as it lives.
#[derive(Debug)]
pub(crate) struct Watch<'f>(&'f Freed);

impl Watch<'_> {
    /// Waits until a place comes free. What comes free after it was enabled counts.
    pub(crate) fn told(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.notify.notified()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Freed {
    pub(crate) fn watch(&self) -> Watch<'_> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Watch(self)
    }

    #[inline]
    pub(crate) fn tell(&self) {
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.notify.notify_waiters();
        }
    }
}

impl States {
    pub(crate) fn new(retry_budget: RetryBudget) -> Self {
        Self {
            retry_budget,
            deployments: Mutex::default(),
            accounts: Mutex::default(),
            origins: Mutex::default(),
            freed: Arc::default(),
        }
    }

    /// New ones, that know what these know of deployments, credentials and origins.
    pub(crate) fn carried_over(&self, retry_budget: RetryBudget) -> Self {
        let copy = |origins: &Mutex<FxHashMap<Arc<str>, Arc<Budget>>>| {
            if retry_budget == self.retry_budget { lock(origins).clone() } else { FxHashMap::default() }
        };
        Self {
            retry_budget,
            deployments: Mutex::new(lock(&self.deployments).clone()),
            accounts: Mutex::new(lock(&self.accounts).clone()),
            origins: Mutex::new(copy(&self.origins)),
            freed: Arc::clone(&self.freed),
        }
    }

    pub(crate) fn deployment(&self, id: &Arc<str>) -> Arc<State> {
        let mut deployments = lock(&self.deployments);
        Arc::clone(deployments.entry(Arc::clone(id)).or_insert_with(|| Arc::new(State::new())))
    }

    pub(crate) fn account(&self, identity: &[u8]) -> Arc<Account> {
        let mut accounts = lock(&self.accounts);
        let new = || Arc::new(Account { health: Health::new() });
        Arc::clone(accounts.entry(identity.into()).or_insert_with(new))
    }

    pub(crate) fn origin(&self, origin: &str) -> Arc<Budget> {
        let mut origins = lock(&self.origins);
        if let Some(budget) = origins.get(origin) {
            return Arc::clone(budget);
        }
        let budget = Arc::new(Budget::new(self.retry_budget));
        origins.insert(origin.into(), Arc::clone(&budget));
        budget
    }

    /// Forgets deployments that are no more.
    pub(crate) fn keep(&self, is_there: impl Fn(&str) -> bool) {
        lock(&self.deployments).retain(|id, _| is_there(id));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(state: &State) -> usize {
        state.by_model.read().expect("no panic").len()
    }

    #[tokio::test(start_paused = true)]
    async fn invented_names_end_somewhere_and_free_nobody() {
        let state = State::new();
        let rest = |name: &str| state.of_model(&name.into()).health.rest(Duration::from_secs(60));
        rest(&"long".repeat(200));
        assert_eq!(kept(&state), 0);
        rest("known");
        (0..MODELS_MAX * 2).for_each(|number| drop(state.of_model(&format!("fine{number}").into())));
        assert!(kept(&state) <= MODELS_MAX);
        (0..MODELS_MAX * 2).for_each(|number| rest(&format!("resting{number}")));
        assert!(kept(&state) <= MODELS_MAX);
        let known = state.known("known").expect("it rests");
        assert!(matches!(known.health.look(), Look::Resting(_)));
    }
}
