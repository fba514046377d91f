//! A record on its way, from the admission of its request until it is settled.

mod settling;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Call, Cost, Dialect, Error, Fault, Observation, ServiceTier, Usage};
use trunkline_ledger::{Entry, RequestId};
use trunkline_prices::Price;
use trunkline_router::{Candidate, Course, Router};
use trunkline_store::Charge;

use super::{ErrorText, Outcome, Record, Recorder};
use crate::reserve::{Held, Short};

/// Bytes of a request for each token of its input, where nobody has looked closer.
const INPUT_BYTES: u64 = 4;

/// A record on its way: it travels with the reply, and is settled when that ends or is dropped.
#[derive(Debug)]
pub(crate) struct OpenRecord {
    record: Record,
    /// The dialect that the caller speaks.
    pub(crate) dialect: Dialect,
    price: Option<Arc<Price>>,
    /// The service tier that it asks for where it is sent.
    asked_tier: ServiceTier,
    /// What knows the prices of models, where the deployment has many.
    router: Option<Arc<Router>>,
    /// What was tried so far, while nobody has answered yet.
    pub(crate) course: Course,
    /// The length of the request's body, in bytes.
    pub(crate) body_bytes: usize,
    /// Events that were sent to the caller.
    pub(crate) events: u64,
    /// How many of them there had been when the upstream told last what was used.
    events_told: u64,
    /// Whether the reply is of a kind that has no place for what it used.
    pub(crate) is_untold: bool,
    /// What went by with attempts that brought no reply, and with waits.
    pub(crate) lost: Duration,
    /// The further attempts that there would have been.
    pub(crate) retries_max: u32,
    /// Whether everything was tried, so that a caller who tries again asks for the same once more.
    pub(crate) is_all_tried: bool,
    /// Whether the caller may see the attempts, and wants to.
    pub(crate) is_traced: bool,
    /// What it holds of limits and budgets.
    pub(crate) held: Held,
    /// What it is known by in the ledger, if that is known already.
    pub(crate) ledger_id: Option<RequestId>,
    /// Its place in the ledger.
    entry: Option<Entry>,
    /// What its spend counts against.
    charges: Vec<Charge>,
    /// Whether nobody bills for what is asked: then whatever is seen in the reply was paid for before, or is nothing.
    pub(crate) is_free: bool,
    /// Whether all is told that is to be told of it.
    is_settled: bool,
    recorder: Arc<dyn Recorder>,
}

impl OpenRecord {
    /// Opens the record of a request. It is handed on from step to step, so that it stays where it is and its place
    /// is handed on.
    pub(crate) fn open(
        call_id: String,
        operation: Cow<'static, str>,
        recorder: Arc<dyn Recorder>,
    ) -> Box<Self> {
        let record = Record::opened(call_id, operation);
        recorder.opened();
        Box::new(Self {
            record,
            dialect: Dialect::default(),
            price: None,
            asked_tier: ServiceTier::Default,
            router: None,
            course: Course::default(),
            body_bytes: 0,
            events: 0,
            events_told: 0,
            is_untold: false,
            lost: Duration::ZERO,
            retries_max: 0,
            is_all_tried: false,
            is_traced: false,
            held: Held::default(),
            ledger_id: None,
            entry: None,
            charges: Vec::new(),
            is_free: false,
            is_settled: false,
            recorder,
        })
    }

    /// Notes what the request will cost if it goes where it most likely goes.
    pub(crate) fn opened_for(&mut self, candidate: &Candidate, router: &Router, call: &Call) {
        self.asked_tier = candidate.deployment.asked_tier(call);
        let of_model = || router.price(&candidate.prefix, &candidate.upstream_model);
        self.price = candidate.deployment.price.clone().or_else(of_model);
    }

    /// Notes where the request is sent.
    pub(crate) fn sent_to(&mut self, group: &Arc<str>, candidate: &Candidate) {
        self.record.group = Some(Arc::clone(group));
        self.record.deployment = Some(Arc::clone(&candidate.deployment.id));
        self.record.deployment_group = Some(Arc::clone(&candidate.deployment.group));
        self.record.provider = Some(Arc::clone(&candidate.prefix));
        self.record.upstream_model = Some(Arc::clone(&candidate.upstream_model));
        self.price.clone_from(&candidate.deployment.price);
    }

    /// Keeps what knows the prices of models.
    pub(crate) fn priced_by(&mut self, router: &Arc<Router>) {
        self.router = Some(Arc::clone(router));
    }

    /// Notes the service tier that the call asked for which was answered.
    pub(crate) fn asked_for(&mut self, tier: ServiceTier) {
        self.asked_tier = tier;
    }

    /// Notes what was tried.
    pub(crate) fn took(&mut self, course: Course) {
        self.lost = course.lost;
        self.retries_max = course.retries_max;
        self.record.is_retry_budget_spent = course.is_budget_spent;
        self.record.attempts = course.attempts;
        self.record.retries = course.retries;
        self.record.fallbacks = course.fallbacks;
        self.record.failed_attempts = course.failed;
        if self.is_free {
            for attempt in &mut self.record.failed_attempts {
                (attempt.usage, attempt.cost) = (None, None);
            }
        }
    }

    /// Whether it takes and costs nothing, whatever is seen in its reply: a reply that was kept, or what nobody bills.
    pub(crate) fn costs_nothing(&self) -> bool {
        self.is_free || self.record.cache_key.is_some()
    }

    /// Notes what a reply, or an event of it, was seen to say.
    pub(crate) fn observe(&mut self, mut seen: Observation) {
        if self.is_free {
            (seen.usage, seen.cost) = (None, None);
        }
        if self.record.cache_key.is_some() {
            // What it took and cost when it was kept, it does not take and cost again.
            self.record.observation.terminal |= seen.terminal;
            return;
        }
        let tells_all = |usage: &Usage| !usage.lacks_output;
        if seen.usage.as_ref().is_some_and(tells_all) {
            self.events_told = self.events;
        } else if self.record.observation.usage.as_ref().is_some_and(tells_all) {
            // All of it was told before.
            seen.usage = None;
        }
        self.record.observation.absorb(seen);
        self.record.cost = self.record.observation.cost.clone().or_else(|| self.computed());
    }

    /// Notes what was tried for a caller who left before there was an answer.
    fn left_during(&mut self, course: Course) {
        if let Some(last) = course.failed.last() {
            self.record.group = Some(Arc::clone(&last.group));
            self.record.deployment = Some(Arc::clone(&last.deployment));
            self.record.deployment_group = Some(Arc::clone(&last.deployment_group));
            self.record.provider = Some(Arc::clone(&last.provider));
            self.record.upstream_model = Some(Arc::clone(&last.upstream_model));
        }
        self.took(course);
    }

    fn computed(&self) -> Option<Cost> {
        let seen = &self.record.observation;
        let usage = seen.usage.as_ref()?;
        let tier = seen.service_tier.unwrap_or(self.asked_tier);
        if let Some(price) = &self.price {
            return price.cost_at(usage, tier);
        }
        let (prefix, model) = (self.record.provider.as_deref()?, self.record.upstream_model.as_deref()?);
        self.router.as_ref()?.price(prefix, model)?.cost_at(usage, tier)
    }

    /// Works out about what a whole reply used that does not tell it: `written` is about how many tokens of output it has.
    /// `None` is that what was made is not text.
    pub(crate) fn estimate_whole(&mut self, written: Option<u64>) {
        match written {
            _ if self.costs_nothing() => {}
            Some(written) => self.used_about(written),
            None => self.estimate_made(),
        }
    }

    /// What is made and is not text costs the most that it may, where that was reserved.
    fn estimate_made(&mut self) {
        if self.record.cost.is_none() {
            self.record.cost = self.held.bound.map(Cost::Computed);
            self.record.cost_is_estimated = self.record.cost.is_some();
        }
    }

    /// Works out about what was used by what did not tell it, or not all of it, before it ended.
    ///
    /// Of a stream that is an event for each token, as upstreams send them, and four bytes of the request for each token of
    /// the input.
    pub(crate) fn estimate(&mut self) {
        if std::mem::take(&mut self.is_untold) && self.record.outcome == Some(Outcome::Completed) {
            return self.estimate_whole(None);
        }
        let untold = self.events - self.events_told;
        let seen = &self.record.observation;
        // What is told before the end covers what came before it: Anthropic's first event tells the input.
        let is_whole = seen.terminal || self.record.outcome == Some(Outcome::Completed);
        if untold == 0
            || self.costs_nothing()
            || self.record.usage_is_estimated
            || (is_whole && seen.usage.as_ref().is_some_and(|usage| !usage.lacks_output))
        {
            return;
        }
        self.used_about(untold);
    }

    /// Adds so many tokens of output to what was told of the usage.
    fn used_about(&mut self, untold: u64) {
        let input = || Usage { uncached_input: self.input_tokens(), ..Usage::default() };
        let mut usage = self.record.observation.usage.clone().unwrap_or_else(input);
        usage.output = usage.output.saturating_add(untold);
        usage.lacks_output = false;
        self.record.observation.usage = Some(usage);
        self.record.usage_is_estimated = true;
        if self.record.observation.cost.is_none() {
            self.record.cost = self.computed();
        }
    }

    /// About how many tokens of input it has: as they were counted to reserve for them, else by the length of the body.
    fn input_tokens(&self) -> u64 {
        match self.held.input_tokens {
            0 => self.body_bytes as u64 / INPUT_BYTES,
            tokens => tokens,
        }
    }

    /// Sees to it that what is reserved reaches as far as the stream has come.
    ///
    /// # Errors
    ///
    /// As [`Held::reach`].
    pub(crate) fn reach(&mut self) -> Result<(), Short> {
        self.held.reach(self.events, self.record.identity.as_ref())
    }

    /// Notes what the request failed of. What a caller did wrong is the caller's to read, and may hold what is nobody
    /// else's.
    pub(crate) fn fail(&mut self, error: &Error) {
        if error.fault() == Fault::Caller {
            tracing::debug!(call.id = self.record.call_id, error.kind = ?error.kind(), error = %error, "request refused");
        } else if self.record.outcome.is_none() {
            let (message, causes) = (error.message().to_owned(), error.causes());
            self.record.error = Some(Box::new(ErrorText { message, causes }));
        }
        self.end(Outcome::Failed(error.kind()));
    }

    /// Notes how the request ended. The first word counts.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.record.outcome.get_or_insert(outcome);
    }
}

impl std::ops::Deref for OpenRecord {
    type Target = Record;
    fn deref(&self) -> &Record {
        &self.record
    }
}

impl std::ops::DerefMut for OpenRecord {
    fn deref_mut(&mut self) -> &mut Record {
        &mut self.record
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use rust_decimal::Decimal;
    use trunkline_core::ErrorKind;
    use trunkline_router::Attempt;
    use trunkline_store::CostOrigin;

    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<Record>>);

    impl Recorder for Kept {
        fn settled(&self, record: &Record) {
            self.0.lock().expect("no panic").push(record.clone());
        }
    }

    fn settled(change: impl FnOnce(&mut OpenRecord)) -> Record {
        let kept = Arc::new(Kept::default());
        let mut record = OpenRecord::open("id".to_owned(), Cow::Borrowed("chat"), Arc::<Kept>::clone(&kept));
        change(&mut record);
        drop(record);
        let record = kept.0.lock().expect("no panic").pop();
        record.expect("a record")
    }

    #[test]
    fn what_a_cut_stream_used_is_estimated_and_says_so() {
        let cut = settled(|record| {
            record.body_bytes = 400;
            record.events = 7;
            record.end(Outcome::Failed(ErrorKind::UpstreamCut));
        });
        let usage = cut.observation.usage.expect("an estimate");
        assert_eq!((usage.uncached_input, usage.output, cut.usage_is_estimated), (100, 7, true));
    }

    #[test]
    fn what_was_told_at_the_beginning_of_a_cut_stream_is_not_all() {
        let begun = |events: u64, ends: &[Observation]| {
            settled(|record| {
                record.events = 1;
                let usage = Some(Usage { uncached_input: 25, output: 1, ..Usage::default() });
                record.observe(Observation { usage, ..Observation::default() });
                record.events = events;
                ends.iter().for_each(|seen| record.observe(seen.clone()));
            })
        };
        let told = |record: &Record| {
            let usage = record.observation.usage.as_ref().expect("usage");
            (usage.uncached_input, usage.output, record.usage_is_estimated)
        };
        assert_eq!(told(&begun(501, &[])), (25, 501, true));
        // What is told last of all is no estimate, though the caller leaves before the end.
        let last = Observation {
            usage: Some(Usage { uncached_input: 25, output: 480, ..Usage::default() }),
            ..Observation::default()
        };
        assert_eq!(told(&begun(501, std::slice::from_ref(&last))), (25, 480, false));
        let end = Observation { terminal: true, ..Observation::default() };
        assert_eq!(told(&begun(3, std::slice::from_ref(&end))), (25, 1, false));
    }

    #[test]
    fn a_stream_that_tells_its_input_alone_has_an_estimate_of_its_output() {
        let told = |lacks_output: bool| {
            let record = settled(|record| {
                record.body_bytes = 400;
                record.events = 7;
                let usage = Usage { uncached_input: 25, lacks_output, ..Usage::default() };
                record.observe(Observation { usage: Some(usage), terminal: true, ..Observation::default() });
                record.end(Outcome::Completed);
            });
            let usage = record.observation.usage.expect("usage");
            (usage.uncached_input, usage.output, record.usage_is_estimated)
        };
        assert_eq!(told(true), (25, 7, true));
        assert_eq!(told(false), (25, 0, false), "none is a count, too");
        let told_before = settled(|record| {
            record.events = 7;
            for (output, lacks_output) in [(5, false), (0, true)] {
                let usage = Usage { uncached_input: 25, output, lacks_output, ..Usage::default() };
                record.observe(Observation { usage: Some(usage), ..Observation::default() });
            }
            record.end(Outcome::Completed);
        });
        assert_eq!(told_before.observation.usage.map(|usage| usage.output), Some(5));
    }

    #[test]
    fn what_was_told_is_no_estimate_and_what_was_never_sent_is_nothing() {
        let told = settled(|record| {
            record.events = 7;
            let usage = Some(Usage { output: 3, ..Usage::default() });
            record.observe(Observation { usage, ..Observation::default() });
        });
        assert_eq!(
            (told.observation.usage.map(|usage| usage.output), told.usage_is_estimated),
            (Some(3), false)
        );
        let refused = settled(|record| record.body_bytes = 400);
        assert_eq!((refused.observation.usage, refused.usage_is_estimated), (None, false));
    }

    #[test]
    fn what_nobody_bills_is_free_whoever_is_told_of_it() {
        let usage = Usage { uncached_input: 25, ..Usage::default() };
        let asked = |attempts: u32, outcome: Outcome| {
            let record = settled(|record| {
                record.is_free = true;
                record.attempts = attempts;
                record.observe(Observation { usage: Some(usage.clone()), ..Observation::default() });
                record.end(outcome);
            });
            (record.spent(), record.cost_origin())
        };
        let free = (Some(Decimal::ZERO), CostOrigin::Free);
        assert_eq!(asked(1, Outcome::Completed), free);
        assert_eq!(asked(1, Outcome::CallerGone), free);
        assert_eq!(asked(2, Outcome::Failed(ErrorKind::UpstreamTimeout)), free);
        assert_eq!(asked(0, Outcome::Failed(ErrorKind::RateLimited)), free);
    }

    /// What an attempt before it is estimated to have cost is not all that it may have cost.
    #[test]
    fn what_breaks_off_last_is_unknown_unless_it_is_estimated() {
        let attempt = |cost: Option<i64>| Attempt {
            group: "g".into(),
            deployment: "d".into(),
            deployment_group: "g".into(),
            provider: "p".into(),
            upstream_model: "m".into(),
            status: None,
            failure: Some(ErrorKind::UpstreamCut),
            duration: Duration::ZERO,
            usage: None,
            cost: cost.map(|cost| Cost::Computed(cost.into())),
            generation_id: None,
        };
        let after = |attempts: &[Option<i64>], outcome: Outcome| {
            let record = settled(|record| {
                record.failed_attempts = attempts.iter().map(|cost| attempt(*cost)).collect();
                record.attempts = 2;
                record.end(outcome);
            });
            (record.spent(), record.cost_origin())
        };
        let estimated = |cost: i64| (Some(cost.into()), CostOrigin::Estimated);
        for kind in [ErrorKind::UpstreamCut, ErrorKind::UpstreamTimeout, ErrorKind::UpstreamProtocol] {
            assert_eq!(after(&[Some(1), None], Outcome::Failed(kind)), (None, CostOrigin::Unknown));
            assert_eq!(after(&[None, Some(2)], Outcome::Failed(kind)), estimated(2));
        }
        let answered = after(&[Some(1)], Outcome::Failed(ErrorKind::UpstreamCut));
        assert_eq!(answered, (None, CostOrigin::Unknown), "it is another that broke off");
        assert_eq!(after(&[Some(1), None], Outcome::Failed(ErrorKind::UpstreamFailed)), estimated(1));
        assert_eq!(after(&[Some(1)], Outcome::CallerGone), estimated(1));
    }
}
