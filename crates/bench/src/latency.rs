//! Lanes of latency: what is added at half of capacity, in an open loop at a constant rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::bench::{Bench, micros_each, plan, subjects, turns};
use crate::caller::Plan;
use crate::calls;
use crate::lanes::{Calls, Lane};
use crate::open_loop;
use crate::results::{Figures, Results, Sample};
use crate::statistics::percentile;
use crate::subject::Running;

/// What every round measures first: the upstream without anything before it.
const DIRECT: &str = "direct";

/// One that is called, where it is, and which process it is.
struct Target<'n> {
    name: &'n str,
    address: SocketAddr,
    pid: u32,
    plan: Arc<Plan>,
}

/// The floor, and Trunkline off and on; latency of the upstream alone is taken from each.
pub(crate) async fn measure(
    bench: &Bench,
    lane: &Lane,
    calls: &Calls,
    results: &mut Results,
) -> Result<(), String> {
    let subjects = subjects(calls.script, calls.script);
    let running = bench.start_all(&subjects).await?;
    let target = |name, running: &Running| Target {
        name,
        address: running.address,
        pid: running.pid(),
        plan: plan(calls, calls.script, running.address, &running.headers),
    };
    let direct = target(DIRECT, &bench.upstream);
    let targets: Vec<Target<'_>> =
        subjects.iter().zip(&running).map(|((name, _), running)| target(name, running)).collect();
    let mut rate = f64::INFINITY;
    for (target, running) in targets.iter().zip(&running) {
        let measured = calls::once(bench, running, calls, &target.plan).await?;
        if measured.requests() == 0 || measured.tally.failed > 0 {
            return Err(format!("{}: {:?}", target.name, measured.tally.failure));
        }
        let own = measured.used.subject.as_secs_f64();
        let load = (measured.used.load + measured.used.upstream).as_secs_f64();
        rate = rate.min(half_of_capacity(own, load, measured.requests()));
    }
    for round in 0..bench.rounds {
        // The upstream alone comes first in every round; the others have their turns.
        let alone = once(bench, &direct, calls, rate).await;
        let [alone50, alone99] =
            ["p50_us", "p99_us"].map(|name| alone.as_ref().ok().map(|found| found[name]));
        note(results, lane, DIRECT, round, alone);
        let (Some(alone50), Some(alone99)) = (alone50, alone99) else { continue };
        for place in turns(targets.len(), round) {
            let measured = once(bench, &targets[place], calls, rate).await.map(|mut figures| {
                figures.insert("added_p50_us".to_owned(), figures["p50_us"] - alone50);
                figures.insert("added_p99_us".to_owned(), figures["p99_us"] - alone99);
                figures
            });
            note(results, lane, targets[place].name, round, measured);
        }
    }
    Ok(())
}

fn note(results: &mut Results, lane: &Lane, name: &str, round: usize, measured: Result<Figures, String>) {
    let (lane, subject) = (lane.name.to_owned(), name.to_owned());
    match measured {
        Ok(figures) => results.samples.push(Sample { lane, subject, round, figures }),
        Err(why) => results.notes.push(format!("{lane}, {subject}, round {round}: {why}")),
    }
}

/// One open loop.
async fn once(bench: &Bench, target: &Target<'_>, calls: &Calls, rate: f64) -> Result<Figures, String> {
    let duration = bench.duration.max(Duration::from_secs(1));
    let before = bench.used(target.pid)?;
    let plan = Arc::clone(&target.plan);
    let mut tally = open_loop::call(target.address, calls.connections, plan, rate, duration).await;
    let after = bench.used(target.pid)?;
    if let Some(failure) = tally.failure {
        return Err(format!("{} failed: {failure}", tally.failed));
    }
    let percentiles = [0.5, 0.99].map(|share| percentile(&mut tally.latencies, share));
    let [Some(p50), Some(p99)] = percentiles else { return Err("nothing was answered".to_owned()) };
    let cpu = micros_each(after.subject.saturating_sub(before.subject), tally.completed);
    let figures = [("rate", rate), ("p50_us", p50), ("p99_us", p99), ("cpu_us", cpu)];
    Ok(figures.map(|(name, figure)| (name.to_owned(), figure)).into_iter().collect())
}

/// Half of what the busier of the two cores can do, in calls a second.
fn half_of_capacity(own_seconds: f64, load_seconds: f64, requests: u64) -> f64 {
    requests as f64 / own_seconds.max(load_seconds) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busier_core_counts() {
        // 50 µs a call on the one core, 20 µs on the other: 20,000 a second at most.
        let rate = half_of_capacity(0.5, 0.2, 10_000);
        assert!((rate - 10_000.0).abs() < 1e-6, "{rate}");
        let rate = half_of_capacity(0.1, 0.2, 10_000);
        assert!((rate - 25_000.0).abs() < 1e-6, "{rate}");
    }
}
