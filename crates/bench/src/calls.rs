//! Lanes of calls in a closed loop: what each call, or each event of a stream, costs in CPU time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bench::{
    Bench, Named, Used, micros_each, model_of, plan, plan_holding, request, sample, subjects, turns,
};
use crate::caller::Plan;
use crate::closed_loop::Crowd;
use crate::configuration::{Configuration, Features, group_name};
use crate::lanes::{Calls, Lane, PUBLIC_MEMBER, SCALES, Scale};
use crate::process;
use crate::results::{Results, Sample};
use crate::script::Script;
use crate::statistics::percentile;
use crate::subject::{Running, Subject};
use crate::tally::Tally;

/// How many of the groups are called in the lanes of scale, evenly spread.
const GROUPS_CALLED: usize = 64;

/// The floor, Trunkline off and on, and the peers that are installed.
pub(crate) async fn measure(
    bench: &Bench,
    lane: &Lane,
    calls: &Calls,
    results: &mut Results,
) -> Result<(), String> {
    let public = calls.public.unwrap_or(calls.script);
    // Peers are slow: they are held against us where the issue of speed is decided, and nowhere else.
    let subjects = match lane.name {
        "chat-200b" | "stream-200x16" => bench.all_subjects(public, calls.script),
        _ => subjects(public, calls.script),
    };
    let running = bench.start_all(&subjects).await?;
    let plan_of = |subject: &Subject, running: &Running| {
        let model = model_of(subject, public, calls.script);
        plan_holding(calls, model, running.address, &running.headers, rewritten(subject, calls))
    };
    let plans = subjects.iter().zip(&running).map(|((_, subject), running)| plan_of(subject, running));
    rounds(bench, lane, calls, &running, &plans.collect::<Vec<_>>(), results).await
}

/// What shows that Trunkline has rewritten a reply, in the lane that is about it.
fn rewritten(subject: &Subject, calls: &Calls) -> &'static [u8] {
    match subject {
        Subject::Trunkline(_) if calls.public.is_none() => b"",
        Subject::Trunkline(configuration) if configuration.features.reasoning => b"\"reasoning_content\":",
        Subject::Trunkline(_) => PUBLIC_MEMBER,
        Subject::Floor | Subject::Peer(_) => b"",
    }
}

/// Trunkline with nothing, with each feature alone, and with all of them.
pub(crate) async fn features(
    bench: &Bench,
    lane: &Lane,
    calls: &Calls,
    results: &mut Results,
) -> Result<(), String> {
    let ends = [("off", Features::OFF), ("on", Features::ON)];
    let subjects: Vec<Named> = [ends[0]]
        .into_iter()
        .chain(Features::ALONE)
        .chain([ends[1]])
        .map(|(name, features)| {
            let configuration = Configuration::new(features, calls.script, calls.script);
            (name, Subject::Trunkline(Box::new(configuration)))
        })
        .collect();
    let running = bench.start_all(&subjects).await?;
    let plans: Vec<Arc<Plan>> =
        running.iter().map(|running| plan(calls, calls.script, running.address, "")).collect();
    rounds(bench, lane, calls, &running, &plans, results).await
}

/// Trunkline with ten to ten thousand model groups, or deployments of one group.
pub(crate) async fn scale(
    bench: &Bench,
    lane: &Lane,
    scale: Scale,
    results: &mut Results,
) -> Result<(), String> {
    const SCRIPT: &str = "whole-200";
    let payload = crate::payload::Payload::Prompt(200);
    let calls = Calls { payload, script: SCRIPT, public: None, events: 0, connections: 32 };
    let subjects: Vec<Named> = SCALES
        .into_iter()
        .map(|(name, count)| {
            let mut configuration = Configuration::new(Features::ON, SCRIPT, SCRIPT);
            match scale {
                Scale::Groups => configuration.groups = count,
                Scale::Deployments => configuration.deployments = count,
            }
            (name, Subject::Trunkline(Box::new(configuration)))
        })
        .collect();
    let running = bench.start_all(&subjects).await?;
    let plans: Vec<Arc<Plan>> = running
        .iter()
        .zip(SCALES)
        .map(|(running, (_, count))| {
            let asked =
                |model: &str| request(payload.path(), running.address, "", &payload.body(model, false));
            let requests = match scale {
                Scale::Groups => (0..GROUPS_CALLED)
                    .map(|index| asked(&group_name(index * count / GROUPS_CALLED)))
                    .collect(),
                Scale::Deployments => vec![asked(SCRIPT)],
            };
            Arc::new(Plan { requests, events: None, holds: b"", expects_refusals: false })
        })
        .collect();
    rounds(bench, lane, &calls, &running, &plans, results).await
}

async fn rounds(
    bench: &Bench,
    lane: &Lane,
    calls: &Calls,
    running: &[Running],
    plans: &[Arc<Plan>],
    results: &mut Results,
) -> Result<(), String> {
    for round in 0..bench.rounds {
        for place in turns(running.len(), round) {
            let measured = once(bench, &running[place], calls, &plans[place]).await?;
            if let Some(failure) = &measured.tally.failure {
                let (name, failed) = (&running[place].name, measured.tally.failed);
                results
                    .notes
                    .push(format!("{}, {name}, round {round}: {failed} failed: {failure}", lane.name));
            }
            if let Err(why) = measured.check_refusals(calls.script) {
                results.notes.push(format!("{}, {}, round {round}: {why}", lane.name, running[place].name));
                continue;
            }
            results.samples.extend(measured.sample(lane.name, &running[place].name, round, calls));
        }
    }
    Ok(())
}

/// What one closed loop came to.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    pub(crate) used: Used,
    elapsed: Duration,
    rss_kib: f64,
}

/// One closed loop against one subject, after a warm-up that also makes the connections.
pub(crate) async fn once(
    bench: &Bench,
    running: &Running,
    calls: &Calls,
    plan: &Arc<Plan>,
) -> Result<Measured, String> {
    let mut crowd = Crowd::new(running.address, calls.connections, Arc::clone(plan));
    crowd.call_for(bench.duration / 5).await;
    let before = bench.used(running.pid())?;
    let begun = Instant::now();
    let tally = crowd.call_for(bench.duration).await;
    let elapsed = begun.elapsed();
    let after = bench.used(running.pid())?;
    let used = Used {
        subject: after.subject.saturating_sub(before.subject),
        upstream: after.upstream.saturating_sub(before.upstream),
        load: after.load.saturating_sub(before.load),
    };
    let rss_kib = process::rss_kib(running.pid()).map_err(|error| error.to_string())? as f64;
    Ok(Measured { tally, used, elapsed, rss_kib })
}

impl Measured {
    /// Calls that were answered as planned.
    pub(crate) fn requests(&self) -> u64 {
        self.tally.completed + self.tally.refused
    }

    /// Sees to it that as many calls were refused as the script says, and no more.
    fn check_refusals(&self, script: &str) -> Result<(), String> {
        let expected = match Script::parse(script) {
            Some(Script::Fault { percent }) => percent as f64 / 100.0,
            _ => 0.0,
        };
        let share = self.tally.refused as f64 / self.requests().max(1) as f64;
        // A phase begins and ends somewhere among the faults.
        if (share - expected).abs() <= 0.002 {
            return Ok(());
        }
        Err(format!("{:.1} % of the calls were refused instead of {:.1} %", share * 100.0, expected * 100.0))
    }

    /// The figures, unless replies were wrong: what a wrong reply costs says nothing.
    fn sample(mut self, lane: &str, subject: &str, round: usize, calls: &Calls) -> Option<Sample> {
        let requests = self.requests();
        if requests == 0 || self.tally.failed > 0 {
            return None;
        }
        let units = if calls.events > 0 { self.tally.completed * calls.events } else { requests };
        let mut figures = vec![
            ("cpu_us", micros_each(self.used.subject, units)),
            ("upstream_cpu_us", micros_each(self.used.upstream, units)),
            ("load_cpu_us", micros_each(self.used.load, units)),
            ("requests", requests as f64),
            ("requests_a_second", requests as f64 / self.elapsed.as_secs_f64()),
            ("busy_share", self.used.subject.as_secs_f64() / self.elapsed.as_secs_f64()),
            ("refused_share", self.tally.refused as f64 / requests as f64),
            ("rss_kib", self.rss_kib),
        ];
        for (name, share) in [("p50_us", 0.5), ("p99_us", 0.99)] {
            figures.extend(percentile(&mut self.tally.latencies, share).map(|figure| (name, figure)));
        }
        Some(sample(lane, subject, round, &figures))
    }
}
