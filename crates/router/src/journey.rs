//! A request under way: what it may still do, what was tried, and how it ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Error, ErrorKind, Event, Reply};

use crate::attempt::Attempt;
use crate::class::{Class, is_failure};
use crate::permit::Permit;
use crate::retry_budget::{Budget, Payer};
use crate::{Candidate, Policy, Wishes};

/// What a request was answered with, and by whom.
#[derive(Debug)]
pub struct Answer {
    /// The reply. Of a stream, `first` was taken from it already.
    pub reply: Reply,
    /// The first events of a stream. `None` for a whole reply, and for a stream that had to begin without one.
    pub first: Option<Vec<Event>>,
    /// The deployment that answered.
    pub candidate: Candidate,
    /// Its model group.
    pub group: Arc<str>,
    /// From sending until the whole reply, or until the first event of a stream.
    pub duration: Duration,
    /// How it came to that.
    pub course: Course,
    /// To be kept until the reply has ended.
    pub permit: Permit,
}

/// Why a request was not answered.
#[derive(Debug)]
pub struct Failed {
    /// The last thing that went wrong.
    pub error: Error,
    /// The deployment that was asked last, with its group, if any was.
    pub last: Option<(Arc<str>, Candidate)>,
    /// How it came to that.
    pub course: Course,
}

/// How a request came to its end.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// How often deployments were asked.
    pub attempts: u32,
    /// The attempts that brought no reply, in order.
    pub failed: Vec<Attempt>,
    /// Attempts after the first one, in the group that was asked last.
    pub retries: u32,
    /// The further attempts that this group would have had.
    pub retries_max: u32,
    /// Groups that were asked after the first one.
    pub fallbacks: u32,
    /// What went by with attempts that brought no reply, and with waits.
    pub lost: Duration,
    /// Whether a further attempt was due, and there was nothing left to pay for it.
    pub is_budget_spent: bool,
}

/// A further attempt that an origin was paid for. It goes back, unless it is made.
struct Paid {
    origin: Arc<Budget>,
    payer: Payer,
    is_made: bool,
}

impl Drop for Paid {
    fn drop(&mut self) {
        if !self.is_made {
            self.origin.give_back(self.payer);
        }
    }
}

/// A request under way.
pub(crate) struct Journey<'w> {
    pub(crate) wishes: &'w Wishes,
    /// How long it may take in all.
    pub(crate) total: Duration,
    /// When the reply must have ended.
    pub(crate) deadline: Instant,
    /// Whether there was a wait before the first attempt.
    pub(crate) has_waited: bool,
    /// How long it has waited for deployments so far, over all groups.
    pub(crate) waited: Duration,
    /// The origins that failed, as opposed to those that refused the request, and who pays for more attempts there.
    failing: Vec<(Arc<Budget>, Payer)>,
    /// Where a further attempt is paid for already.
    paid: Option<Paid>,
    /// What the last attempt failed of.
    pub(crate) error: Option<Error>,
    pub(crate) last: Option<(Arc<str>, Candidate)>,
    /// It is the caller's, who keeps it when nobody waits for the answer any more.
    pub(crate) course: &'w mut Course,
}

impl<'w> Journey<'w> {
    /// `total` is how long it may take, if it says nothing itself.
    pub(crate) fn new(total: Duration, wishes: &'w Wishes, course: &'w mut Course) -> Self {
        let began = Instant::now();
        let total = wishes.timeout.unwrap_or(total);
        Self {
            wishes,
            total,
            deadline: later(began, total),
            has_waited: false,
            waited: Duration::ZERO,
            failing: Vec::new(),
            paid: None,
            error: None,
            last: None,
            course,
        }
    }

    /// What is left of the time for the whole.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Pays for an attempt. At an origin that failed this request already it is paid from what first attempts earned;
    /// any other is free, and earns.
    pub(crate) fn may_ask(&mut self, candidate: &Candidate) -> bool {
        let origin = &candidate.deployment.origin;
        if let Some(payer) = self.payer(origin) {
            match self.paid.as_mut().filter(|paid| Arc::ptr_eq(&paid.origin, origin)) {
                Some(paid) => paid.is_made = true,
                None if !origin.spend(payer) => return false,
                None => {}
            }
        } else {
            origin.earn();
        }
        // What was paid elsewhere is not needed there now, and goes back.
        self.paid = None;
        true
    }

    /// Pays for an attempt beside another one. It is no first attempt, and earns nothing.
    pub(crate) fn may_ask_beside(&self, candidate: &Candidate) -> bool {
        let origin = &candidate.deployment.origin;
        self.payer(origin).is_none_or(|payer| origin.spend(payer))
    }

    /// Pays for an attempt that is to be made after a rest, so that nobody rests for one that is not made. False if
    /// there is nothing left to pay with.
    pub(crate) fn may_ask_later(&mut self, origin: &Arc<Budget>) -> bool {
        let Some(payer) = self.payer(origin) else { return true };
        let may = origin.spend(payer);
        if may {
            self.paid = Some(Paid { origin: Arc::clone(origin), payer, is_made: false });
        }
        may
    }

    /// Who pays for a further attempt at an origin. `None` where it has not failed.
    fn payer(&self, origin: &Arc<Budget>) -> Option<Payer> {
        let failing = self.failing.iter().find(|(failing, _)| Arc::ptr_eq(failing, origin));
        failing.map(|(_, payer)| *payer)
    }

    /// Notes whose origin failed, if that is what the error says, and whether the caller brought it about.
    pub(crate) fn note_origin(&mut self, candidate: &Candidate, error: &Error, payer: Payer) {
        let origin = &candidate.deployment.origin;
        if is_failure(error.kind()) && self.payer(origin).is_none() {
            self.failing.push((Arc::clone(origin), payer));
        }
    }

    pub(crate) fn note(&mut self, group: &Arc<str>, candidate: &Candidate, attempt: Attempt, error: Error) {
        self.course.lost += attempt.duration;
        self.course.failed.push(attempt);
        self.last = Some((Arc::clone(group), candidate.clone()));
        self.error = Some(error);
    }

    /// Waits before a further attempt.
    pub(crate) async fn rest(&mut self, wait: Duration) {
        tokio::time::sleep(wait).await;
        self.course.lost += wait;
    }

    /// Further attempts after this failure: the request's own word, the deployment's, the group's.
    pub(crate) fn retries(&self, policy: &Policy, candidate: &Candidate, error: &Error) -> u32 {
        let of_deployment = candidate.deployment.retries;
        self.wishes.retries.or(of_deployment).unwrap_or_else(|| policy.retries_after(Class::of(error)))
    }

    /// How it ended, when nobody answered. `otherwise` is what is told if nobody was asked.
    pub(crate) fn failed(self, otherwise: Option<Error>) -> Failed {
        let nothing = || Error::new(ErrorKind::Internal, "nobody was asked, and nobody says why");
        let error = self.error.or(otherwise).unwrap_or_else(nothing);
        Failed { error, last: self.last, course: std::mem::take(self.course) }
    }
}

/// A wait that is too long for the clock is no wait at all.
pub(crate) fn later(now: Instant, wait: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now + wait.min(LONG)
}
