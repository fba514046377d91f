//! Connections that rest between two requests.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::task::coop::unconstrained;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use trunkline_provider::TransportBody;

use crate::http1::Connection;

/// How often connections are looked for that rested too long, or that the other side has closed.
const SWEEP_MAX: Duration = Duration::from_secs(10);

/// How long, and on how many connections, the end of a message is waited for whose reader has seen all of it.
const LINGER_MAX: Duration = Duration::from_secs(1);
const LINGERING_MAX: usize = 1024;

/// What two requests must agree on to share a connection.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) is_encrypted: bool,
    pub(crate) authority: Authority,
    pub(crate) accept_invalid_certificates: bool,
}

/// By the authority as it is written. Its own comparison looks at each letter in both cases, which takes longer than
/// the rest of a look into the pool, and whoever writes a host in two ways can have two pools.
impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.authority.as_str() == other.authority.as_str()
            && self.is_encrypted == other.is_encrypted
            && self.accept_invalid_certificates == other.accept_invalid_certificates
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.authority.as_str().hash(state);
        [self.is_encrypted, self.accept_invalid_certificates].hash(state);
    }
}

/// Connections that rest, by origin. The one that was used last is used next, so that those that are not needed
/// grow old.
#[derive(Debug)]
pub(crate) struct Pool {
    state: Mutex<State>,
    idle_timeout: Duration,
    idle_per_origin_max: usize,
}

#[derive(Debug, Default)]
struct State {
    resting: FxHashMap<Origin, VecDeque<Resting>>,
    /// Runs while there is something to sweep.
    sweeper: Option<JoinHandle<()>>,
    /// Bodies whose ends are waited for. They are given up with the pool.
    lingering: JoinSet<()>,
}

#[derive(Debug)]
struct Resting {
    connection: Connection,
    since: Instant,
}

impl Origin {
    /// Where a request goes. `None` if that is no web address, or one with a name and a password in it.
    pub(crate) fn of(uri: &Uri, accept_invalid_certificates: bool) -> Option<Self> {
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let is_encrypted = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(_) | None => return None,
        };
        Some(Self { is_encrypted, authority: authority.clone(), accept_invalid_certificates })
    }
}

impl Pool {
    pub(crate) fn new(idle_timeout: Duration, idle_per_origin_max: usize) -> Self {
        Self { state: Mutex::default(), idle_timeout, idle_per_origin_max }
    }

    /// A connection that rests and that nobody has closed, if there is one.
    pub(crate) async fn take(&self, origin: &Origin) -> Option<Connection> {
        // A task that has used up its turn is told that every socket is quiet.
        unconstrained(poll_fn(|context| Poll::Ready(self.take_now(origin, context)))).await
    }

    fn take_now(&self, origin: &Origin, context: &mut Context<'_>) -> Option<Connection> {
        let runtime = Handle::current().id();
        let mut state = self.lock();
        let resting = state.resting.get_mut(origin)?;
        loop {
            let newest = resting.pop_back()?;
            // A socket is of use only to the runtime that watches it.
            if newest.connection.runtime() != runtime {
                // It is somebody else's, and the others may be too: a new connection is always right.
                resting.push_front(newest);
                return None;
            }
            let mut connection = newest.connection;
            if newest.since.elapsed() < self.idle_timeout && connection.is_quiet(context) {
                return Some(connection);
            }
        }
    }

    /// Lets a connection rest until another request wants it, or until its time is over.
    pub(crate) fn put(self: &Arc<Self>, origin: Origin, mut connection: Connection) {
        // Elsewhere nobody would watch it.
        let Some(runtime) = Handle::try_current().ok().filter(|runtime| runtime.id() == connection.runtime())
        else {
            return;
        };
        connection.rest();
        let resting = Resting { connection, since: Instant::now() };
        let mut state = self.lock();
        let others = state.resting.entry(origin).or_default();
        others.push_back(resting);
        if others.len() > self.idle_per_origin_max {
            others.pop_front();
        }
        if state.sweeper.as_ref().is_none_or(JoinHandle::is_finished) {
            state.sweeper = Some(runtime.spawn(sweep(Arc::downgrade(self), self.idle_timeout)));
        }
    }

    /// Reads on what belongs to a message that is over for its reader, for a moment. Its end brings the connection back
    /// here; one that does not come closes it.
    pub(crate) fn linger(&self, mut rest: TransportBody) {
        let at_once = rest.as_mut().poll_next(&mut Context::from_waker(Waker::noop()));
        let (Poll::Pending, Ok(runtime)) = (at_once, Handle::try_current()) else { return };
        let mut state = self.lock();
        while state.lingering.try_join_next().is_some() {}
        if state.lingering.len() >= LINGERING_MAX {
            return;
        }
        let ended = async move {
            // Only the end is of interest: whoever says more has something else in mind.
            let _last = poll_fn(|context| rest.as_mut().poll_next(context)).await;
        };
        state.lingering.spawn_on(
            async move {
                let _in_time = tokio::time::timeout(LINGER_MAX, ended).await;
            },
            &runtime,
        );
    }

    /// Closes what rested too long, and what the other side has closed. Tells whether anything is left.
    fn sweep(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut state = self.lock();
        state.resting.retain(|_, resting| {
            resting.retain_mut(|each| {
                each.since.elapsed() < self.idle_timeout && each.connection.is_quiet(&mut context)
            });
            !resting.is_empty()
        });
        if state.resting.is_empty() {
            // Whoever rests next starts another one.
            state.sweeper = None;
            return false;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sweeps while there is a pool with something in it.
async fn sweep(pool: Weak<Pool>, idle_timeout: Duration) {
    let every = idle_timeout.min(SWEEP_MAX);
    loop {
        tokio::time::sleep(every).await;
        let Some(pool) = pool.upgrade() else { return };
        // Past its turn a task is told that every socket is quiet.
        if !unconstrained(async { pool.sweep() }).await {
            return;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(sweeper) = self.lock().sweeper.take() {
            sweeper.abort();
        }
    }
}
