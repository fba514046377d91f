//! Where requests wait for a deployment when none can take them: whoever came first goes first, and not too many wait.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use trunkline_core::Operation;

use crate::estimate::Tokens;
use crate::skip::{Ask, skip};
use crate::state::Freed;
use crate::{Route, Wishes};

/// So many lanes are asked at most whether somebody in them could use a place.
const COMPARED_MAX: usize = 64;

/// The queue of one group: a lane for each thing that is waited for.
///
/// The first of each lane looks for a deployment, and leaves alone what the first of another lane could use that came
/// before. So nobody is passed by for a place that would serve, and nobody waits behind one who wants something else.
#[derive(Debug)]
pub(crate) struct Queue {
    length_max: usize,
    length: AtomicUsize,
    lanes: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    /// How many came so far.
    came: u64,
    /// The oldest first. None is empty.
    list: Vec<Lane>,
}

/// Requests that want the same, in the order in which they came.
#[derive(Debug)]
struct Lane {
    want: Arc<Want>,
    tickets: VecDeque<Ticket>,
}

#[derive(Clone, Debug)]
struct Ticket {
    came: u64,
    tokens: Tokens,
    /// Told when it is the first.
    turn: Arc<Notify>,
}

/// What a request waits for: all that decides which deployments can serve it.
#[derive(Debug)]
struct Want {
    route: Route,
    operation: Operation,
    /// Its tags and the deployment that it is bound to.
    wishes: Wishes,
    tried: Vec<usize>,
    /// How many deployments it is too long for.
    too_long: usize,
}

/// A place in a queue.
#[derive(Debug)]
pub(crate) struct Waiting<'q> {
    queue: &'q Queue,
    freed: &'q Freed,
    want: Arc<Want>,
    ticket: Ticket,
}

/// Those who came before, and go first where they can.
#[derive(Debug)]
pub(crate) struct Others {
    /// What each of them wants, and how much it takes.
    wants: Vec<(Arc<Want>, Tokens)>,
    has_kept: AtomicBool,
}

impl Queue {
    pub(crate) fn new(length_max: usize) -> Self {
        Self { length_max, length: AtomicUsize::new(0), lanes: Mutex::default() }
    }

    /// Whether nobody waits, so that nobody can be passed by.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.length.load(Ordering::Acquire) == 0
    }

    /// How many wait.
    pub(crate) fn length(&self) -> usize {
        self.length.load(Ordering::Acquire)
    }

    /// Those whom a newcomer may not pass by. `None` where somebody waits for just the same.
    pub(crate) fn others(&self, route: &Route, ask: &Ask<'_>) -> Option<Others> {
        let lanes = self.lanes();
        let is_same = |lane: &Lane| lane.want.is_of(route, ask);
        (!lanes.list.iter().any(is_same)).then(|| Others::before(&lanes, u64::MAX))
    }

    /// Takes a place at the end. `None` if it is full.
    pub(crate) fn join<'q>(&'q self, route: &Route, ask: &Ask<'_>, freed: &'q Freed) -> Option<Waiting<'q>> {
        if self.length.fetch_add(1, Ordering::AcqRel) >= self.length_max {
            self.length.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        let tokens = ask.tokens();
        let mut lanes = self.lanes();
        let ticket = Ticket { came: lanes.came, tokens, turn: Arc::default() };
        lanes.came += 1;
        let same = lanes.list.iter_mut().find(|lane| lane.want.is_of(route, ask));
        let want = if let Some(lane) = same {
            lane.tickets.push_back(ticket.clone());
            Arc::clone(&lane.want)
        } else {
            let want = Arc::new(Want::new(route, ask));
            lanes.list.push(Lane { want: Arc::clone(&want), tickets: VecDeque::from([ticket.clone()]) });
            want
        };
        Some(Waiting { queue: self, freed, want, ticket })
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// Waits until everybody who wants the same and came before has left.
    pub(crate) async fn turn(&self) {
        while !self.is_first() {
            self.ticket.turn.notified().await;
        }
    }

    /// Those who want something else, came before, and are the first of their lanes.
    pub(crate) fn others(&self) -> Others {
        Others::before(&self.queue.lanes(), self.ticket.came)
    }

    fn is_first(&self) -> bool {
        let lanes = self.queue.lanes();
        let lane = lanes.list.iter().find(|lane| Arc::ptr_eq(&lane.want, &self.want));
        lane.and_then(|lane| lane.tickets.front()).is_none_or(|first| first.came == self.ticket.came)
    }

    /// Gives up the place, and tells who is the next one.
    fn leave(&self) {
        let mut lanes = self.queue.lanes();
        let Some(at) = lanes.list.iter().position(|lane| Arc::ptr_eq(&lane.want, &self.want)) else { return };
        let tickets = &mut lanes.list[at].tickets;
        tickets.retain(|ticket| ticket.came != self.ticket.came);
        match tickets.front() {
            Some(first) => first.turn.notify_one(),
            None => drop(lanes.list.remove(at)),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.leave();
        self.queue.length.fetch_sub(1, Ordering::AcqRel);
        // What was left to this one may serve the others.
        self.freed.tell();
    }
}

impl Others {
    fn before(lanes: &Lanes, came: u64) -> Self {
        let first = |lane: &Lane| {
            let first = lane.tickets.front().filter(|first| first.came < came)?;
            Some((Arc::clone(&lane.want), first.tokens))
        };
        let wants = lanes.list.iter().filter_map(first).take(COMPARED_MAX).collect();
        Self { wants, has_kept: AtomicBool::new(false) }
    }

    /// Whether one of them could go to this place now.
    pub(crate) fn can_use(&self, place: usize) -> bool {
        let can_use = self.wants.iter().any(|(want, tokens)| want.can_use(place, *tokens));
        if can_use {
            self.has_kept.store(true, Ordering::Relaxed);
        }
        can_use
    }

    /// Whether any place was left to them.
    pub(crate) fn has_kept(&self) -> bool {
        self.has_kept.load(Ordering::Relaxed)
    }
}

impl Want {
    fn new(route: &Route, ask: &Ask<'_>) -> Self {
        let Wishes { tags, deployment, .. } = ask.wishes;
        Self {
            wishes: Wishes { tags: tags.clone(), deployment: deployment.clone(), ..Wishes::default() },
            route: route.clone(),
            operation: ask.operation,
            tried: ask.tried.to_vec(),
            too_long: too_long(route, ask),
        }
    }

    /// Whether a request of the same group wants the same.
    fn is_of(&self, route: &Route, ask: &Ask<'_>) -> bool {
        let model = |route: &Route| {
            let members = route.members()?;
            Some((members.places.clone(), members.stars.as_ref().map(|stars| Arc::clone(&stars.matched))))
        };
        self.operation == ask.operation
            && self.wishes.deployment == ask.wishes.deployment
            && self.wishes.tags == ask.wishes.tags
            && self.tried == ask.tried
            && model(&self.route) == model(route)
            && self.too_long == too_long(route, ask)
    }

    fn can_use(&self, place: usize, tokens: Tokens) -> bool {
        let Some(members) = self.route.members().filter(|members| members.places.contains(&place)) else {
            return false;
        };
        let ask =
            Ask::of_one_who_waits(self.operation, &self.wishes, &members.group.policy, &self.tried, tokens);
        skip(&self.route, members, place, &ask).is_none()
    }
}

/// How many deployments an input is too long for: as many are always the same ones.
fn too_long(route: &Route, ask: &Ask<'_>) -> usize {
    let Some(members) = route.members().filter(|_| ask.policy.pre_call_checks) else { return 0 };
    let limits = members.places.clone().filter_map(|place| members.group.deployments[place].input_tokens_max);
    limits.filter(|limit| ask.tokens().input > *limit).count()
}
