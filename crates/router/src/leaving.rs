//! A call that is given up or breaks off: noted with what it may cost, whoever lost the patience.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Call, Error, ErrorKind, Operation, Usage};

use crate::attempt::Attempt;
use crate::estimate::{answers_in_text, input_tokens, written};
use crate::give::prepare;
use crate::journey::Journey;
use crate::{Candidate, Route, Router, Wishes};

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
    /// An attempt that failed. One whose whole reply had begun, and broke off or did not end in time, its upstream may bill
    /// all the same.
    pub(crate) fn failed(
        &self,
        group: &Arc<str>,
        candidate: &Candidate,
        (call, wishes): (&Call, &Wishes),
        (error, took): (&Error, Duration),
    ) -> Attempt {
        let attempt = Attempt::failed(group, candidate, error, took);
        let begun = match error.kind() {
            ErrorKind::UpstreamCut => error.reply_bytes().filter(|bytes| *bytes > 0),
            ErrorKind::UpstreamTimeout => error.reply_bytes(),
            _ => None,
        };
        let Some(bytes) = begun.filter(|_| is_priced_by_tokens(call.operation)) else { return attempt };
        let mut spare = call.clone();
        let own = prepare(&mut spare, candidate, wishes);
        let call = own.as_deref().unwrap_or(call);
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

/// Whether what is used of an operation is worked out of tokens that are estimated here.
fn is_priced_by_tokens(operation: Operation) -> bool {
    answers_in_text(operation) || operation == Operation::Embeddings
}
