//! Where requests wait for a deployment when none can take them: whoever came first goes first, and not too many wait.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use trunkline_core::Operation;

use crate::estimate::Tokens;
use crate::state::Freed;

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
    key: Key,
    want: Arc<dyn Want>,
    tickets: VecDeque<Ticket>,
}

#[derive(Clone, Debug)]
struct Ticket {
    came: u64,
    tokens: Tokens,
    /// Told when it is the first.
    turn: Arc<Notify>,
}

/// What a request waits for: all that decides which deployments can serve it. Those that have the same wait in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The name that was asked for, where it fills stars.
    pub(crate) model: Option<Arc<str>>,
    pub(crate) places: Range<usize>,
    pub(crate) operation: Operation,
    pub(crate) tags: Vec<String>,
    /// The deployment that it is bound to.
    pub(crate) deployment: Option<String>,
    pub(crate) tried: Vec<usize>,
    /// How many deployments it is too long for: as many are always the same ones.
    pub(crate) too_long: usize,
}

/// Tells what would serve those who wait.
pub(crate) trait Want: fmt::Debug + Send + Sync {
    /// Whether a request of so many tokens could go to this place now.
    fn can_use(&self, place: usize, tokens: Tokens) -> bool;
}

/// A place in a queue.
#[derive(Debug)]
pub(crate) struct Waiting<'q> {
    queue: &'q Queue,
    freed: &'q Freed,
    want: Arc<dyn Want>,
    ticket: Ticket,
}

/// Those who came before, and go first where they can.
#[derive(Debug)]
pub(crate) struct Others {
    /// What each of them wants, and how much it takes.
    wants: Vec<(Arc<dyn Want>, Tokens)>,
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
    pub(crate) fn others(&self, key: &Key) -> Option<Others> {
        let lanes = self.lanes();
        let is_there = lanes.list.iter().any(|lane| lane.key == *key);
        (!is_there).then(|| Others::before(&lanes, u64::MAX))
    }

    /// Takes a place at the end. `None` if it is full.
    pub(crate) fn join<'q>(
        &'q self,
        key: Key,
        want: Arc<dyn Want>,
        tokens: Tokens,
        freed: &'q Freed,
    ) -> Option<Waiting<'q>> {
        if self.length.fetch_add(1, Ordering::AcqRel) >= self.length_max {
            self.length.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        let mut lanes = self.lanes();
        let ticket = Ticket { came: lanes.came, tokens, turn: Arc::default() };
        lanes.came += 1;
        let want = if let Some(lane) = lanes.list.iter_mut().find(|lane| lane.key == key) {
            lane.tickets.push_back(ticket.clone());
            Arc::clone(&lane.want)
        } else {
            let tickets = VecDeque::from([ticket.clone()]);
            lanes.list.push(Lane { key, want: Arc::clone(&want), tickets });
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
