//! A call that is given up or breaks off: noted with what it may cost, whoever lost the patience.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error, ErrorKind, Operation, Usage};

use crate::attempt::Attempt;
use crate::estimate::{answers_in_text, input_tokens, written};
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
        let output = written(self.call, took, 0);
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
    /// An attempt that failed. One whose reply broke off or did not come in time its upstream may bill all the same.
    pub(crate) fn failed(
        &self,
        group: &Arc<str>,
        candidate: &Candidate,
        call: &Call,
        (error, took): (&Error, Duration),
    ) -> Attempt {
        let attempt = Attempt::failed(group, candidate, error, took);
        let bytes = error.reply_bytes().unwrap_or_default();
        let has_begun = match error.kind() {
            ErrorKind::UpstreamCut => bytes > 0,
            ErrorKind::UpstreamTimeout => error.reached_upstream() && error.upstream_status().is_none(),
            _ => false,
        };
        if !has_begun || !(answers_in_text(call.operation) || call.operation == Operation::Embeddings) {
            return attempt;
        }
        let output = written(call, took, bytes);
        self.having_used(attempt, candidate, call, output)
    }

    /// An attempt that was given up with all that it held, after some time, when it may have written `output`. Its upstream
    /// may have read the input by then, and bills it.
    pub(crate) fn given_up(
        &self,
        group: &Arc<str>,
        candidate: &Candidate,
        call: &Call,
        (took, output): (Duration, u64),
    ) -> Attempt {
        self.having_used(Attempt::overtaken(group, candidate, took), candidate, call, output)
    }

    /// An attempt whose upstream has read the input, and may have written `output`.
    fn having_used(&self, attempt: Attempt, candidate: &Candidate, call: &Call, output: u64) -> Attempt {
        let price = self.price_of(candidate);
        let usage = Usage { uncached_input: input_tokens(&call.body), output, ..Usage::default() };
        attempt.having_used(usage, (price.as_deref(), candidate.deployment.asked_tier(call)))
    }
}
