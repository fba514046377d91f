//! Everything that a gateway counts: fed by records, told to scrapers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustc_hash::FxBuildHasher;
use trunkline_core::SubjectKind;
use trunkline_gateway::{Exposition, Record, Recorder, Scraped, status_of};
use trunkline_keys::SoftBudgetPassed;
use trunkline_prices::Prices;
use trunkline_router::{DeploymentStanding, Service};

use crate::families;
use crate::key::{Ending, attempt_key, fallback_keys, request_key};
use crate::label::told;
use crate::names::Names;
use crate::page::{Kind, Page, Sample, Samples};
use crate::process::{Process, timestamp};
use crate::row::Row;
use crate::source::{self, Source};
use crate::tallies::Tallies;

type Bases = HashMap<Arc<str>, Option<Box<str>>, FxBuildHasher>;

/// Counts settled requests, and hands each record on to the recorder behind it.
#[derive(Debug)]
pub struct Metrics {
    tallies: Tallies,
    next: Arc<dyn Recorder>,
    /// Further attempts that were due and could not be paid for.
    unpaid: AtomicU64,
    /// Soft budgets that were passed, by whose they are.
    passed: [AtomicU64; SubjectKind::ALL.len()],
    started: SystemTime,
    /// The base of each deployment that was ever seen at a scrape, so that those which a reload removes keep theirs.
    bases: Mutex<Bases>,
    sources: Vec<Arc<dyn Source>>,
}

impl Metrics {
    /// Nothing counted yet. `tallies_max` is how many combinations of labels are kept apart; whatever comes later is
    /// counted as `other`. Names behind a wildcard are labels if `prices` know them.
    pub fn new(next: Arc<dyn Recorder>, prices: Prices, tallies_max: usize) -> Self {
        Self {
            tallies: Tallies::new(Names::new(prices), tallies_max),
            next,
            unpaid: AtomicU64::new(0),
            passed: Default::default(),
            started: SystemTime::now(),
            bases: Mutex::default(),
            sources: Vec::new(),
        }
    }

    /// Tells at each scrape what this source has too, behind everything else.
    pub fn with_source(mut self, source: Arc<dyn Source>) -> Self {
        self.sources.push(source);
        self
    }

    fn count(&self, record: &Record, route: &'static str) {
        let asked_group = record.asked_group.as_deref();
        let key = request_key(record, route);
        self.tallies.count(key, asked_group, |totals| {
            let is_used = || record.spent().is_none();
            totals.note_use(record.observation.usage.as_ref(), record.cost.as_ref(), is_used);
            totals.note_cache(record);
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
                // One is counted already whose request is.
                let is_used = || attempt.usage.is_some() && record.spent().is_some();
                totals.note_use(attempt.usage.as_ref(), attempt.cost.as_ref(), is_used);
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

    fn soft_budget_passed(&self, passed: &SoftBudgetPassed) {
        for (count, _) in self.passed.iter().zip(SubjectKind::ALL).filter(|(_, kind)| *kind == passed.kind) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.next.soft_budget_passed(passed);
    }
}

impl Exposition for Metrics {
    fn text(&self, scraped: &Scraped) -> String {
        let standings: Vec<DeploymentStanding> = scraped.router.standings().collect();
        let mut page = Page::new(scraped.form);
        self.tell_counted(&mut page, &standings);
        tell_deployments(&mut page, &standings);
        self.tell_gateway(&mut page, scraped);
        tell_process(&mut page, self.started);
        for source in &self.sources {
            source::tell(&mut page, &**source);
        }
        page.finish()
    }
}

impl Metrics {
    fn tell_counted(&self, page: &mut Page, standings: &[DeploymentStanding]) {
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        for standing in standings {
            let base = standing.deployment.shown_base().map(Into::into);
            bases.insert(Arc::clone(&standing.deployment.id), base);
        }
        let all = self.tallies.all();
        let rows: Vec<Row<'_>> = all
            .iter()
            .map(|(labels, totals)| {
                let key = labels.key();
                let api_base = bases.get(key.deployment).and_then(Option::as_deref);
                Row { key, caller: &labels.caller, totals, api_base }
            })
            .collect();
        families::tell(page, &rows);
    }

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
        let mut samples = Samples::default();
        for (count, kind) in self.passed.iter().zip(SubjectKind::ALL) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                samples.add(&[("kind", kind.name())], Sample::Whole(count));
            }
        }
        let meaning = "Soft budgets that were passed";
        page.family("trunkline_soft_budgets_passed", Kind::Counter, meaning, &samples);
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
