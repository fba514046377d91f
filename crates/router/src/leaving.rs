//! A call that is given up: noted with what it may cost, whoever lost the patience.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::Body;

use crate::attempt::Attempt;
use crate::estimate::input_tokens;
use crate::journey::Journey;
use crate::{Candidate, Route, Router};

/// Notes who was being asked, if nobody waits for the answer any more.
pub(crate) struct Leaving<'a, 'w> {
    router: &'a Router,
    group: &'a Arc<str>,
    /// Who is asked, and since when.
    asked: (&'a Candidate, Instant),
    body: &'a Body,
    pub(crate) journey: &'a mut Journey<'w>,
    is_over: bool,
}

impl<'a, 'w> Leaving<'a, 'w> {
    pub(crate) fn new(
        router: &'a Router,
        route: &'a Route,
        asked: (&'a Candidate, Instant),
        body: &'a Body,
        journey: &'a mut Journey<'w>,
    ) -> Self {
        Self { router, group: route.group(), asked, body, journey, is_over: false }
    }

    /// Whoever waited has heard of it.
    pub(crate) fn end(mut self) {
        self.is_over = true;
    }

    #[cold]
    fn note(&mut self) {
        let (candidate, since) = self.asked;
        let attempt = self.router.given_up(self.group, candidate, self.body, since.elapsed());
        self.journey.course.failed.push(attempt);
    }
}

impl Drop for Leaving<'_, '_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.note();
        }
    }
}

impl Router {
    /// An attempt that was given up with all that it held. Its upstream may have read the input by then, and bills it.
    pub(crate) fn given_up(
        &self,
        group: &Arc<str>,
        candidate: &Candidate,
        body: &Body,
        took: Duration,
    ) -> Attempt {
        let price = self.price_of(candidate);
        Attempt::overtaken(group, candidate, took).having_read(input_tokens(body), price.as_deref())
    }
}
