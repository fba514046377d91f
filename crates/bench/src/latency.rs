//! Lanes of latency: what is added at half of capacity, in an open loop at a constant rate.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::{Bench, model_of, plan, sample, subjects, turns};
use crate::caller::Plan;
use crate::calls;
use crate::lanes::{Calls, Lane};
use crate::open_loop;
use crate::results::Results;
use crate::statistics::percentile;

/// What every round measures first: the upstream without anything before it.
const DIRECT: &str = "direct";

/// The floor, and Trunkline off and on; latency of the upstream alone is taken from each.
pub(crate) async fn measure(
    bench: &Bench,
    lane: &Lane,
    calls: &Calls,
    results: &mut Results,
) -> Result<(), String> {
    let subjects = subjects(calls.script, calls.script);
    let running = bench.start_all(&subjects).await?;
    let mut rate = f64::INFINITY;
    let mut targets =
        vec![(DIRECT, bench.upstream.address, plan(calls, calls.script, bench.upstream.address, ""))];
    for ((name, subject), running) in subjects.iter().zip(&running) {
        let plan =
            plan(calls, model_of(subject, calls.script, calls.script), running.address, &running.headers);
        let measured = calls::once(bench, running, calls, &plan).await?;
        if measured.requests() == 0 || measured.tally.failed > 0 {
            return Err(format!("{}, {name}: {:?}", lane.name, measured.tally.failure));
        }
        let own = measured.used.subject.as_secs_f64();
        let load = (measured.used.load + measured.used.upstream).as_secs_f64();
        rate = rate.min(half_of_capacity(own, load, measured.requests()));
        targets.push((*name, running.address, plan));
    }
    for round in 0..bench.rounds {
        let mut direct = None;
        // The upstream alone comes first in every round; the others have their turns.
        for place in std::iter::once(0).chain(turns(targets.len() - 1, round).map(|place| place + 1)) {
            let (name, address, plan) = &targets[place];
            let tally = open_loop::call(
                *address,
                calls.connections,
                Arc::<Plan>::clone(plan),
                rate,
                bench.duration.max(Duration::from_secs(1)),
            );
            let mut tally = tally.await;
            if let Some(failure) = &tally.failure {
                results.notes.push(format!(
                    "{}, {name}, round {round}: {} failed: {failure}",
                    lane.name, tally.failed
                ));
                continue;
            }
            let percentiles = [0.5, 0.99].map(|share| percentile(&mut tally.latencies, share));
            let [Some(p50), Some(p99)] = percentiles else { continue };
            let (direct50, direct99) = *direct.get_or_insert((p50, p99));
            let mut figures = vec![("rate", rate), ("p50_us", p50), ("p99_us", p99)];
            if *name != DIRECT {
                figures.extend([("added_p50_us", p50 - direct50), ("added_p99_us", p99 - direct99)]);
            }
            results.samples.push(sample(lane.name, name, round, &figures));
        }
    }
    Ok(())
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
