//! Lanes of memory and of the start: what a process holds, and how soon it answers.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::{Bench, Named, model_of, plan, rest, sample, subjects, turns};
use crate::caller::{Caller, Plan};
use crate::closed_loop::Crowd;
use crate::lanes::{Calls, Lane, Memory};
use crate::paced::Shape;
use crate::payload::Payload;
use crate::process;
use crate::results::{Results, Sample};
use crate::subject::{Running, Subject};
use crate::tally::Tally;

const SCRIPT: &str = "whole-200";
/// How long a process that has just begun to serve is left alone before it counts as idle.
const IDLE: Duration = Duration::from_secs(1);
/// What the burst of large bodies lasts.
const BURST: Duration = Duration::from_secs(3);

/// Every round starts its processes anew: memory remembers.
pub(crate) async fn measure(
    bench: &Bench,
    lane: &Lane,
    memory: Memory,
    results: &mut Results,
) -> Result<(), String> {
    if memory == Memory::AfterBurst {
        return after_burst(bench, lane, results).await;
    }
    let shape = Shape::new(1_000, 1_000, IDLE, bench.files_max);
    let script = if memory == Memory::PerStream { shape.script() } else { SCRIPT.to_owned() };
    for round in 0..bench.rounds {
        let subjects = subjects(&script, &script);
        for place in turns(subjects.len(), round) {
            let (name, subject) = &subjects[place];
            let running = bench.start(name, subject).await?;
            rest(IDLE).await;
            let idle = rss(&running)?;
            let figures = match memory {
                Memory::Idle | Memory::AfterBurst => Ok(vec![("rss_kib", idle)]),
                Memory::Load => under_load(bench, &running, subject).await,
                Memory::PerStream => per_stream(&shape, &running, idle).await,
            };
            match figures {
                Ok(figures) => results.samples.push(sample(lane.name, name, round, &figures)),
                Err(why) => results.notes.push(format!("{}, {name}, round {round}: {why}", lane.name)),
            }
        }
    }
    Ok(())
}

type Found = Result<Vec<(&'static str, f64)>, String>;

/// Looks in the middle of a closed loop, when 32 calls are under way.
async fn under_load(bench: &Bench, running: &Running, subject: &Subject) -> Found {
    let duration = bench.duration.max(IDLE);
    let mut crowd = crowd(running, subject, Payload::Prompt(10_000), 32);
    let looking = async {
        rest(duration / 2).await;
        rss(running)
    };
    let (tally, busy) = tokio::join!(crowd.call_for(duration), looking);
    all_right(&tally)?;
    Ok(vec![("rss_kib", busy?)])
}

async fn per_stream(shape: &Shape, running: &Running, idle: f64) -> Found {
    let mut streams = shape.open(running).await;
    let (open, count) = (rss(running)?, streams.open_count());
    streams.close().await;
    if count? != shape.streams {
        return Err("not all streams were open".to_owned());
    }
    let each = (open - idle) / shape.streams as f64;
    Ok(vec![("idle_rss_kib", idle), ("rss_kib", open), ("kib_a_stream", each)])
}

/// What wrong replies cost says nothing.
fn all_right(tally: &Tally) -> Result<(), String> {
    match &tally.failure {
        Some(failure) => Err(format!("{} failed: {failure}", tally.failed)),
        None if tally.completed == 0 => Err("nothing was answered".to_owned()),
        None => Ok(()),
    }
}

/// All subjects wait at the same time, once: the wait is long.
async fn after_burst(bench: &Bench, lane: &Lane, results: &mut Results) -> Result<(), String> {
    let subjects = subjects(SCRIPT, SCRIPT);
    let running = bench.start_all(&subjects).await?;
    rest(IDLE).await;
    let mut looked = Vec::new();
    for ((_, subject), running) in subjects.iter().zip(&running) {
        let idle = rss(running)?;
        let mut crowd = crowd(running, subject, Payload::Image(1_000_000), 32);
        let answered = all_right(&crowd.call_for(BURST).await);
        looked.push((idle, rss(running)?, answered));
    }
    rest(bench.burst_wait).await;
    for (running, (idle, burst, answered)) in running.iter().zip(looked) {
        if let Err(why) = answered {
            results.notes.push(format!("{}, {}: {why}", lane.name, running.name));
            continue;
        }
        let after = rss(running)?;
        let figures = [
            ("idle_rss_kib", idle),
            ("burst_rss_kib", burst),
            ("rss_kib", after),
            ("times_idle", after / idle),
            ("wait_seconds", bench.burst_wait.as_secs_f64()),
        ];
        results.samples.push(sample(lane.name, &running.name, 0, &figures));
    }
    Ok(())
}

/// From the start of the process to the end of the first reply.
pub(crate) async fn cold_start(bench: &Bench, lane: &Lane, results: &mut Results) -> Result<(), String> {
    for round in 0..bench.rounds {
        let subjects: Vec<Named> = bench.all_subjects(SCRIPT, SCRIPT);
        for place in turns(subjects.len(), round) {
            let (name, subject) = &subjects[place];
            let running = bench.start(name, subject).await?;
            let plan = plan_for(&running, subject, Payload::Prompt(200));
            let outcome = Caller::new(running.address).exchange(&plan.requests[0], &plan).await;
            match outcome {
                Ok(_) => results.samples.push(started(lane, name, round, &running)),
                Err(error) => results.notes.push(format!("{}, {name}, round {round}: {error}", lane.name)),
            }
        }
    }
    Ok(())
}

fn started(lane: &Lane, name: &str, round: usize, running: &Running) -> Sample {
    sample(lane.name, name, round, &[("first_reply_ms", running.started.elapsed().as_secs_f64() * 1000.0)])
}

fn plan_for(running: &Running, subject: &Subject, payload: Payload) -> Arc<Plan> {
    let calls = Calls { payload, script: SCRIPT, public: None, events: 0, connections: 0 };
    plan(&calls, model_of(subject, SCRIPT, SCRIPT), running.address, &running.headers)
}

fn crowd(running: &Running, subject: &Subject, payload: Payload, connections: usize) -> Crowd {
    Crowd::new(running.address, connections, plan_for(running, subject, payload))
}

fn rss(running: &Running) -> Result<f64, String> {
    let kib = process::rss_kib(running.pid()).map_err(|error| format!("{}: {error}", running.name))?;
    Ok(kib as f64)
}
