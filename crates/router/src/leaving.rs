//! A call that is given up: noted with what it may cost, whoever lost the patience.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Usage};

use crate::attempt::Attempt;
use crate::estimate::{input_tokens, written};
use crate::journey::Journey;
use crate::{Candidate, Route, Router};

/// Notes who was being asked, if nobody waits for the answer any more.
pub(crate) struct Leaving<'a, 'w> {
    router: &'a Router,
    group: &'a Arc<str>,
    /// Who is asked, and since when.
    asked: (&'a Candidate, Instant),
    call: &'a Call,
    pub(crate) journey: &'a mut Journey<'w>,
    is_over: bool,
}

impl<'a, 'w> Leaving<'a, 'w> {
    pub(crate) fn new(
        router: &'a Router,
        route: &'a Route,
        asked: (&'a Candidate, Instant),
        call: &'a Call,
        journey: &'a mut Journey<'w>,
    ) -> Self {
        Self { router, group: route.group(), asked, call, journey, is_over: false }
    }

    /// Whoever waited has heard of it.
    pub(crate) fn end(mut self) {
        self.is_over = true;
    }

    #[cold]
    fn note(&mut self) {
        let (candidate, since) = self.asked;
        let took = since.elapsed();
        let output = written(self.call, took);
        let attempt = self.router.given_up(self.group, candidate, self.call, (took, output));
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
    /// An attempt that was given up with all that it held, after some time, when it may have written `output`. Its upstream
    /// may have read the input by then, and bills it.
    pub(crate) fn given_up(
        &self,
        group: &Arc<str>,
        candidate: &Candidate,
        call: &Call,
        (took, output): (Duration, u64),
    ) -> Attempt {
        let price = self.price_of(candidate);
        let usage = Usage { uncached_input: input_tokens(&call.body), output, ..Usage::default() };
        Attempt::overtaken(group, candidate, took)
            .having_used(usage, (price.as_deref(), candidate.deployment.asked_tier(call)))
    }
}
