//! Everything that a gateway counts: fed by records, told to scrapers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustc_hash::FxBuildHasher;
use trunkline_core::ErrorKind;
use trunkline_gateway::{Exposition, Outcome, Record, Recorder, Scraped, status_of};
use trunkline_prices::Prices;
use trunkline_router::{Attempt, DeploymentStanding, Service};

use crate::families::{self, Row, told};
use crate::key::{Ending, Key, Subject};
use crate::names::Names;
use crate::page::{Kind, Page, Sample, Samples};
use crate::process::{Process, timestamp};
use crate::tallies::Tallies;

/// The status of a caller that left: nginx' own, and in no other family.
const LEFT: u16 = 499;

type Bases = HashMap<Arc<str>, Option<Box<str>>, FxBuildHasher>;

/// Counts settled requests, and hands each record on to the recorder behind it.
#[derive(Debug)]
pub struct Metrics {
    tallies: Tallies,
    next: Arc<dyn Recorder>,
    /// Further attempts that were due and could not be paid for.
    unpaid: AtomicU64,
    started: SystemTime,
    /// The base of each deployment that was ever seen at a scrape, so that those which a reload removes keep theirs.
    bases: Mutex<Bases>,
}

impl Metrics {
    /// Nothing counted yet. `tallies_max` is how many combinations of labels are kept apart; whatever comes later is
    /// counted as `other`. Names behind a wildcard are labels if `prices` know them.
    pub fn new(next: Arc<dyn Recorder>, prices: Prices, tallies_max: usize) -> Self {
        Self {
            tallies: Tallies::new(Names::new(prices), tallies_max),
            next,
            unpaid: AtomicU64::new(0),
            started: SystemTime::now(),
            bases: Mutex::default(),
        }
    }

    fn count(&self, record: &Record, route: &'static str) {
        let asked_group = record.asked_group.as_deref();
        let key = request_key(record, route);
        self.tallies.count(key, asked_group, |totals| {
            totals.note_use(record.observation.usage.as_ref(), record.cost.as_ref());
            if key.ending == Ending::Completed {
                totals.note_durations(record);
            }
        });
        if record.is_retry_budget_spent {
            self.unpaid.fetch_add(1, Ordering::Relaxed);
        }
        if !record.failed_attempts.is_empty() || record.fallbacks > 0 {
            self.count_attempts(record);
        }
    }

    #[cold]
    fn count_attempts(&self, record: &Record) {
        let asked_group = record.asked_group.as_deref();
        for attempt in &record.failed_attempts {
            self.tallies.count(attempt_key(record, attempt), asked_group, |totals| {
                totals.note_use(attempt.usage.as_ref(), attempt.cost.as_ref());
            });
        }
        for key in fallback_keys(record) {
            self.tallies.count(key, asked_group, |_| {});
        }
    }
}

impl Recorder for Metrics {
    fn opened(&self) {
        self.tallies.opened();
        self.next.opened();
    }

    fn settled(&self, record: &Record) {
        if let Some(route) = record.route {
            self.count(record, route);
        }
        self.tallies.ended();
        self.next.settled(record);
    }
}

impl Exposition for Metrics {
    fn text(&self, scraped: &Scraped) -> String {
        let standings: Vec<DeploymentStanding> = scraped.router.standings().collect();
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        for standing in &standings {
            let base = standing.deployment.shown_base().map(Into::into);
            bases.insert(Arc::clone(&standing.deployment.id), base);
        }
        let all = self.tallies.all();
        let rows: Vec<Row<'_>> = all
            .iter()
            .map(|(labels, totals)| {
                let key = labels.key();
                let api_base = bases.get(key.deployment).and_then(Option::as_deref);
                Row { key, totals, api_base }
            })
            .collect();
        let mut page = Page::new(scraped.form);
        families::tell(&mut page, &rows);
        tell_deployments(&mut page, &standings);
        self.tell_gateway(&mut page, scraped);
        tell_process(&mut page, self.started);
        page.finish()
    }
}

impl Metrics {
    fn tell_gateway(&self, page: &mut Page, scraped: &Scraped) {
        let one = |page: &mut Page, name, kind, meaning, value| {
            let mut samples = Samples::default();
            samples.add(&[], value);
            page.family(name, kind, meaning, &samples);
        };
        let open = u64::try_from(self.tallies.open()).unwrap_or(0);
        let meaning = "Requests that are open, of every kind";
        one(page, "litellm_in_flight_requests", Kind::Gauge, meaning, Sample::Whole(open));
        let unpaid = Sample::Whole(self.unpaid.load(Ordering::Relaxed));
        let meaning = "Requests that were not tried again because the retry budget was spent";
        one(page, "trunkline_retry_budget_refusals", Kind::Counter, meaning, unpaid);
        let kept = Sample::Whole(self.tallies.len() as u64);
        one(
            page,
            "trunkline_metrics_tallies",
            Kind::Gauge,
            "Combinations of labels that are kept apart",
            kept,
        );
        let overflowed = Sample::Whole(self.tallies.overflowed());
        let meaning = "How often something was counted as other, for want of room";
        one(page, "trunkline_metrics_overflow", Kind::Counter, meaning, overflowed);

        let reloads = &scraped.reloads;
        let (mut counts, mut times) = (Samples::default(), Samples::default());
        for (outcome, count, last) in [
            ("taken_up", reloads.taken_up, reloads.last_taken_up),
            ("refused", reloads.refused, reloads.last_refused),
        ] {
            let labels = [("outcome", outcome)];
            counts.add(&labels, Sample::Whole(count));
            if let Some(last) = last {
                times.add(&labels, Sample::Float(timestamp(last)));
            }
        }
        let meaning = "Configurations that were read while serving";
        page.family("trunkline_config_reloads", Kind::Counter, meaning, &counts);
        let name = "trunkline_config_last_reload_timestamp_seconds";
        page.family(name, Kind::Gauge, "When one was read last", &times);
        let successful = Sample::Whole(u64::from(reloads.refused_since.is_none()));
        let meaning = "Whether the newest configuration serves";
        one(page, "trunkline_config_last_reload_successful", Kind::Gauge, meaning, successful);
    }
}

fn request_key<'r>(record: &'r Record, route: &'static str) -> Key<'r> {
    let sent = record.status.map_or(0, |status| status.as_u16());
    // A reply that began well is one that a caller may have left, or an upstream cut.
    let has_begun = (200..400).contains(&sent);
    let (ending, status) = match record.outcome {
        Some(Outcome::Completed) | None => (Ending::Completed, sent),
        Some(Outcome::Failed(kind)) if has_begun => (Ending::Cut(kind), status_of(kind).as_u16()),
        Some(Outcome::Failed(kind)) => (Ending::Failed(kind), sent),
        Some(Outcome::CallerGone) if has_begun => (Ending::LeftReply, LEFT),
        Some(Outcome::CallerGone) => (Ending::Left, LEFT),
    };
    Key {
        subject: Subject::Request,
        ending,
        status,
        route,
        requested: record.model.as_deref().unwrap_or_default(),
        group: record.deployment_group.as_deref().or(record.asked_group.as_deref()).unwrap_or_default(),
        deployment: record.deployment.as_deref().unwrap_or_default(),
        provider: record.provider.as_deref().unwrap_or_default(),
        model: record.upstream_model.as_deref().unwrap_or_default(),
    }
}

fn attempt_key<'r>(record: &'r Record, attempt: &'r Attempt) -> Key<'r> {
    let (ending, status) = match attempt.failure {
        Some(kind) => (Ending::Failed(kind), attempt.status.unwrap_or(status_of(kind)).as_u16()),
        None => (Ending::Overtaken, 0),
    };
    Key {
        subject: Subject::Attempt,
        ending,
        status,
        route: "",
        requested: record.model.as_deref().unwrap_or_default(),
        group: &attempt.deployment_group,
        deployment: &attempt.deployment,
        provider: &attempt.provider,
        model: &attempt.upstream_model,
    }
}

/// The groups that were asked after the first one, with what the one before each had failed of.
fn fallback_keys(record: &Record) -> Vec<Key<'_>> {
    let Some(request) = record.route.map(|route| request_key(record, route)) else { return Vec::new() };
    if record.fallbacks == 0 {
        return Vec::new();
    }
    // A group is known by the name that led to it: two names may lead to one wildcard.
    let mut asked: Vec<(&str, Key<'_>)> = Vec::new();
    let mut before: Option<&Attempt> = None;
    for attempt in &record.failed_attempts {
        if asked.last().is_none_or(|(group, _)| *group != &*attempt.group) {
            let key = attempt_key(record, attempt);
            asked.push((&attempt.group, of_fallback(Subject::FallbackFailed, key, before)));
        }
        before = Some(attempt);
    }
    let has_answered = matches!(request.ending, Ending::Completed | Ending::LeftReply | Ending::Cut(_));
    if let (true, Some(group)) = (has_answered, record.group.as_deref()) {
        // Of the group that answered, attempts in vain were made good.
        asked.retain(|(failed, _)| *failed != group);
        before = record.failed_attempts.iter().rev().find(|attempt| *attempt.group != *group);
        asked.push((group, of_fallback(Subject::FallbackAnswered, request, before)));
    }
    // Groups of which no deployment could be asked leave no trace; the first one may be among them.
    let fallbacks = usize::try_from(record.fallbacks).unwrap_or(usize::MAX);
    let first = asked.len().saturating_sub(fallbacks);
    if matches!(request.ending, Ending::Left) {
        // Nobody knows what the last one would have answered.
        asked.pop();
    }
    asked.into_iter().skip(first).map(|(_, key)| key).collect()
}

/// `before` is what the group before it failed of.
fn of_fallback<'r>(subject: Subject, key: Key<'r>, before: Option<&Attempt>) -> Key<'r> {
    let failure = before.and_then(|attempt| attempt.failure).unwrap_or(ErrorKind::NoDeployment);
    let status = before.and_then(|attempt| attempt.status).unwrap_or(status_of(failure));
    Key { subject, ending: Ending::Failed(failure), status: status.as_u16(), route: "", ..key }
}

fn tell_deployments(page: &mut Page, standings: &[DeploymentStanding]) {
    let mut states = Samples::default();
    let mut rests = Samples::default();
    let mut limits = [Samples::default(), Samples::default()];
    for standing in standings {
        let deployment = &standing.deployment;
        let own = format!("{}/", deployment.prefix);
        let base = deployment.shown_base().unwrap_or_default();
        let labels = [
            ("litellm_model_name", deployment.model.strip_prefix(&own).unwrap_or(&deployment.model)),
            ("model_id", &*deployment.id),
            ("api_base", told(&base)),
            ("api_provider", told(&deployment.prefix)),
        ];
        let state = match standing.service {
            Service::Healthy => 0,
            Service::Partial => 1,
            Service::Outage => 2,
        };
        states.add(&labels, Sample::Whole(state));
        for (rested, count) in &standing.rests {
            let status = rested.status.unwrap_or(status_of(rested.failure)).as_u16().to_string();
            let labels = [&labels[..], &[("exception_status", status.as_str())]].concat();
            rests.add(&labels, Sample::Whole(*count));
        }
        let of_group = [&[("model_group", &*deployment.group)], &labels[..]].concat();
        let figures = [standing.requests_per_minute_max, standing.tokens_per_minute_max];
        for (samples, figure) in limits.iter_mut().zip(figures) {
            if let Some(figure) = figure {
                samples.add(&of_group, Sample::Whole(figure));
            }
        }
    }
    let meaning = "Whether a deployment is in service (0), in part or on trial (1), or left alone (2)";
    page.family("litellm_deployment_state", Kind::Gauge, meaning, &states);
    let meaning = "How often a deployment was left alone after a failure";
    page.family("litellm_deployment_cooled_down", Kind::Counter, meaning, &rests);
    let [requests, tokens] = limits;
    let meaning = "Requests that a deployment answers in a minute";
    page.family("litellm_deployment_rpm_limit", Kind::Gauge, meaning, &requests);
    let meaning = "Tokens that a deployment reads and writes in a minute";
    page.family("litellm_deployment_tpm_limit", Kind::Gauge, meaning, &tokens);
}

fn tell_process(page: &mut Page, started: SystemTime) {
    let process = Process::look();
    let mut gauge = |name, meaning, value: Option<Sample>| {
        let mut samples = Samples::default();
        if let Some(value) = value {
            samples.add(&[], value);
        }
        page.family(name, Kind::Gauge, meaning, &samples);
    };
    let whole = |figure: Option<u64>| figure.map(Sample::Whole);
    let meaning = "Memory that is in use, in bytes";
    gauge("process_resident_memory_bytes", meaning, whole(process.resident_bytes));
    let meaning = "Memory that is addressed, in bytes";
    gauge("process_virtual_memory_bytes", meaning, whole(process.virtual_bytes));
    gauge("process_open_fds", "Files that are open", whole(process.open_files));
    gauge("process_max_fds", "Files that may be open", whole(process.open_files_max));
    let meaning = "When the process began to count, in seconds since 1970";
    gauge("process_start_time_seconds", meaning, Some(Sample::Float(timestamp(started))));
    let mut samples = Samples::default();
    samples.add(&[("version", env!("CARGO_PKG_VERSION"))], Sample::Whole(1));
    page.family("trunkline_build_info", Kind::Gauge, "What serves", &samples);
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::time::{Duration, Instant};

    use http::StatusCode;
    use trunkline_core::Observation;

    use super::*;

    fn attempt(group: &str, status: u16) -> Attempt {
        Attempt {
            group: group.into(),
            deployment: format!("id-{group}").into(),
            deployment_group: group.into(),
            provider: "openai".into(),
            upstream_model: "x".into(),
            status: StatusCode::from_u16(status).ok(),
            failure: Some(ErrorKind::UpstreamFailed),
            duration: Duration::from_millis(1),
            usage: None,
            cost: None,
        }
    }

    fn record(failed: &[Attempt], answered: Option<&str>, fallbacks: u32) -> Record {
        let outcome =
            if answered.is_some() { Outcome::Completed } else { Outcome::Failed(ErrorKind::UpstreamFailed) };
        let last = answered.map(Arc::from).or(failed.last().map(|attempt| Arc::clone(&attempt.group)));
        Record {
            call_id: "id".to_owned(),
            operation: Cow::Borrowed("chat_completions"),
            route: Some("/v1/chat/completions"),
            started: Instant::now(),
            model: Some("a".to_owned()),
            user: None,
            asked_group: Some("a".into()),
            group: last.clone(),
            deployment: last.clone(),
            deployment_group: last,
            provider: Some("openai".into()),
            upstream_model: Some("x".into()),
            failed_attempts: failed.to_vec(),
            attempts: 1,
            retries: 0,
            fallbacks,
            error: None,
            is_retry_budget_spent: false,
            streamed: false,
            status: StatusCode::from_u16(if answered.is_some() { 200 } else { 500 }).ok(),
            outcome: Some(outcome),
            upstream_duration: Some(Duration::from_millis(2)),
            until_reply: Some(Duration::from_millis(4)),
            overhead: Some(Duration::from_millis(2)),
            duration: Some(Duration::from_millis(5)),
            observation: Observation::default(),
            usage_is_estimated: false,
            cost: None,
        }
    }

    /// Each fallback as its group, whether it answered, and the status before it.
    fn check(record: &Record, expected: &[(&str, bool, u16)]) {
        let keys = fallback_keys(record);
        let found: Vec<_> = keys
            .iter()
            .map(|key| (key.group, key.subject == Subject::FallbackAnswered, key.status))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn fallbacks_are_those_behind_the_first_group() {
        let [a, b, c] = [attempt("a", 500), attempt("b", 503), attempt("c", 502)];
        check(&record(std::slice::from_ref(&a), None, 0), &[]);
        check(&record(&[a.clone(), a.clone()], Some("b"), 1), &[("b", true, 500)]);
        check(
            &record(&[a.clone(), b.clone(), b.clone()], Some("c"), 2),
            &[("b", false, 500), ("c", true, 503)],
        );
        check(&record(&[a.clone(), b.clone()], Some("b"), 1), &[("b", true, 500)]);
        check(&record(&[a, b, c], None, 2), &[("b", false, 500), ("c", false, 503)]);
        // The first group had nobody to ask.
        check(&record(&[], Some("b"), 1), &[("b", true, 429)]);
        // A caller that leaves the second one has seen it neither fail nor answer.
        let given_up = Attempt { status: None, failure: None, ..attempt("b", 0) };
        let mut left = record(&[attempt("a", 500), given_up], None, 1);
        (left.outcome, left.status) = (Some(Outcome::CallerGone), None);
        check(&left, &[]);
    }

    #[test]
    fn a_reply_that_broke_off_is_a_failure_and_a_caller_that_left_is_none() {
        let mut record = record(&[], Some("a"), 0);
        let mut check = |outcome, status, expected| {
            record.outcome = Some(outcome);
            record.status = status;
            let key = request_key(&record, "/v1/chat/completions");
            assert_eq!((key.ending, key.status), expected);
        };
        let ok = Some(StatusCode::OK);
        check(Outcome::Completed, ok, (Ending::Completed, 200));
        let cut = ErrorKind::UpstreamCut;
        check(Outcome::Failed(cut), ok, (Ending::Cut(cut), 502));
        let busy = ErrorKind::Overloaded;
        check(Outcome::Failed(busy), Some(StatusCode::TOO_MANY_REQUESTS), (Ending::Failed(busy), 429));
        check(Outcome::CallerGone, ok, (Ending::LeftReply, LEFT));
        check(Outcome::CallerGone, None, (Ending::Left, LEFT));
    }
}
