//! Lanes of paced streams: what each event costs that comes alone, while many streams are open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bench::{Bench, micros_each, rest, sample, subjects, turns};
use crate::caller::Plan;
use crate::lanes::{Calls, Lane};
use crate::paced_loop::OpenStreams;
use crate::payload::Payload;
use crate::process;
use crate::results::Results;
use crate::subject::Running;

/// Descriptors that a process needs for other things than streams.
const OTHER_FILES: u64 = 200;
/// From the last stream's request until the window begins.
const SETTLE: Duration = Duration::from_secs(1);

/// The shape of a lane: as many streams as there are descriptors for.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) streams: usize,
    over: Duration,
    window: Duration,
    events: usize,
    every_ms: u64,
}

impl Shape {
    pub(crate) fn new(streams: usize, every_ms: u64, duration: Duration, files_max: u64) -> Self {
        // A gateway has two connections for each stream.
        let most = usize::try_from(files_max.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX);
        let every = Duration::from_millis(every_ms);
        // Twice as long as others, since most of the time nothing happens.
        let window = (duration * 2).max(every * 3);
        let over = every.max(Duration::from_millis(streams as u64 / 4));
        let open = over * 2 + SETTLE * 3 + window;
        let events = (open.as_millis() / u128::from(every_ms)) as usize + 2;
        Self { streams: streams.min(most), over, window, events, every_ms }
    }

    pub(crate) fn script(&self) -> String {
        format!("paced-{}-{}", self.events, self.every_ms)
    }

    /// Opens all streams of a subject, and waits until they flow.
    pub(crate) async fn open(&self, running: &Running) -> OpenStreams {
        let calls = Calls {
            payload: Payload::Prompt(200),
            script: "",
            public: None,
            events: self.events as u64,
            connections: 0,
        };
        let plan: Arc<Plan> = crate::bench::plan(&calls, &self.script(), running.address, &running.headers);
        let streams = OpenStreams::open(running.address, self.streams, &plan, self.over).await;
        rest(SETTLE).await;
        streams
    }
}

/// The floor, and Trunkline off and on.
pub(crate) async fn measure(
    bench: &Bench,
    lane: &Lane,
    (streams, every_ms): (usize, u64),
    results: &mut Results,
) -> Result<(), String> {
    let shape = Shape::new(streams, every_ms, bench.duration, bench.files_max);
    if shape.streams < streams {
        let files = bench.files_max;
        results.notes.push(format!(
            "{}: {} streams instead of {streams}, since a process may have {files} files open",
            lane.name, shape.streams
        ));
    }
    let script = shape.script();
    let subjects = subjects(&script, &script);
    let running = bench.start_all(&subjects).await?;
    for round in 0..bench.rounds {
        for place in turns(running.len(), round) {
            let running = &running[place];
            match once(bench, running, &shape).await {
                Ok(figures) => results.samples.push(sample(lane.name, &running.name, round, &figures)),
                Err(why) => {
                    results.notes.push(format!("{}, {}, round {round}: {why}", lane.name, running.name));
                }
            }
        }
    }
    Ok(())
}

async fn once(bench: &Bench, running: &Running, shape: &Shape) -> Result<Vec<(&'static str, f64)>, String> {
    let mut streams = shape.open(running).await;
    let (before, seen_before) = (bench.used(running.pid())?, streams.events());
    let begun = Instant::now();
    let ended = rest(shape.window).await;
    let (after, seen_after) = (bench.used(running.pid())?, streams.events());
    let rss = process::rss_kib(running.pid()).map_err(|error| error.to_string())?;
    let open = streams.open_count();
    streams.close().await;
    // What was hung up upon is given up before the next subject has its turn.
    rest(SETTLE).await;
    let open = open?;
    if open != shape.streams {
        return Err(format!("only {open} of {} streams were open", shape.streams));
    }
    let events = seen_after - seen_before;
    let expected = shape.streams as f64 * (ended - begun).as_secs_f64() * 1000.0 / shape.every_ms as f64;
    if events == 0 {
        return Err("no events came".to_owned());
    }
    Ok(vec![
        ("cpu_us", micros_each(after.subject.saturating_sub(before.subject), events)),
        ("upstream_cpu_us", micros_each(after.upstream.saturating_sub(before.upstream), events)),
        ("load_cpu_us", micros_each(after.load.saturating_sub(before.load), events)),
        ("events", events as f64),
        ("events_share", events as f64 / expected),
        ("streams", shape.streams as f64),
        ("rss_kib", rss as f64),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_streams_than_descriptors() {
        let second = Duration::from_secs(1);
        assert_eq!(Shape::new(9_000, 1_000, second, 20_000).streams, 9_000);
        assert_eq!(Shape::new(9_000, 1_000, second, 4_096).streams, 1_948);
        assert_eq!(Shape::new(100, 20, second, 1_024).streams, 100);
    }

    #[test]
    fn streams_outlast_the_window() {
        let shape = Shape::new(1_000, 100, Duration::from_secs(5), 20_000);
        let lasts = Duration::from_millis(shape.every_ms) * shape.events as u32;
        assert!(lasts > shape.over + SETTLE + shape.window + SETTLE, "{shape:?}");
    }
}
