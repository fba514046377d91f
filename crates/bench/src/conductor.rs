//! The conductor: starts what is measured, goes through the lanes, keeps the raw results.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::lanes::{self, Kind, Lane};
use crate::peers::Peer;
use crate::results::Results;
use crate::subject::{Place, pin_this_process};
use crate::{calls, latency, memory, paced, process, report};

/// Flags of `run` that have a value, and those that have none.
pub(crate) const FLAGS: &[&str] = &[
    "lanes",
    "rounds",
    "seconds",
    "burst-wait-seconds",
    "trunkline",
    "out",
    "gateway-core",
    "load-core",
    "litellm",
    "portkey",
    "nginx",
    "database-url",
];
pub(crate) const SWITCHES: &[&str] = &["quick", "peers"];

/// The folder of temporary files, removed when the run ends.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left there is in the system's folder for what is temporary.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Measures the lanes that are asked for.
///
/// # Errors
///
/// Says what could not be started, read or written. Replies that are wrong are notes in the results instead.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), String> {
    let lanes = lanes::chosen(arguments.text("lanes"))?;
    let quick = arguments.has("quick");
    let rounds = arguments.number("rounds", if quick { 2 } else { 5 })?;
    let duration = Duration::from_secs_f64(arguments.number("seconds", if quick { 0.5 } else { 3.0 })?);
    let burst_wait = arguments.number("burst-wait-seconds", if quick { 3 } else { 120 })?;
    let files_max = rlimit::increase_nofile_limit(u64::MAX)
        .map_err(|error| format!("the limit on open files is not known: {error}"))?;
    let folder = Folder(temporary_folder()?);
    let place = place(arguments, &folder.0)?;
    pin_this_process(place.load_core)?;
    let peers = if arguments.has("peers") { peers(arguments) } else { Vec::new() };
    let upstream = place.upstream().await?;
    let burst_wait = Duration::from_secs(burst_wait);
    let bench = Bench { place, upstream, peers, rounds, duration, burst_wait, files_max };
    let mut results = Results {
        taken_at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        machine: process::machine(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rounds,
        seconds: duration.as_secs_f64(),
        database: if arguments.text("database-url").is_some() { "PostgreSQL" } else { "SQLite" }.to_owned(),
        ..Results::default()
    };
    let out = arguments.text("out").map_or_else(|| default_out(results.taken_at), PathBuf::from);
    for lane in lanes {
        eprintln!("{}: {}", lane.name, lane.sends);
        if let Err(why) = measure(&bench, lane, &mut results).await {
            eprintln!("{}: {why}", lane.name);
            results.notes.push(format!("{}: {why}", lane.name));
        }
        // Kept after every lane: a run that is broken off has not been in vain.
        write(&out, &results)?;
    }
    print!("{}", report::markdown(&results));
    eprintln!("raw results: {}", out.display());
    Ok(())
}

async fn measure(bench: &Bench, lane: &Lane, results: &mut Results) -> Result<(), String> {
    match &lane.kind {
        Kind::Calls(calls) => calls::measure(bench, lane, calls, results).await,
        Kind::Features(calls) => calls::features(bench, lane, calls, results).await,
        Kind::Scale(scale) => calls::scale(bench, lane, *scale, results).await,
        Kind::Paced { streams, every_ms } => {
            paced::measure(bench, lane, (*streams, *every_ms), results).await
        }
        Kind::Latency(calls) => latency::measure(bench, lane, calls, results).await,
        Kind::ColdStart => memory::cold_start(bench, lane, results).await,
        Kind::Memory(memory) => memory::measure(bench, lane, *memory, results).await,
    }
}

/// This program and the one that is measured stand beside each other, unless a flag says otherwise.
fn place(arguments: &Arguments, folder: &Path) -> Result<Place, String> {
    let bench =
        std::env::current_exe().map_err(|error| format!("where this program is, is not known: {error}"))?;
    let trunkline =
        arguments.text("trunkline").map_or_else(|| bench.with_file_name("trunkline"), PathBuf::from);
    if !trunkline.is_file() {
        return Err(format!("{} is not there: build it, or name it with --trunkline", trunkline.display()));
    }
    let gateway_core = arguments.number("gateway-core", 0)?;
    let load_core = arguments.number("load-core", 1)?;
    let database = arguments.text("database-url").map(str::to_owned);
    Ok(Place { bench, trunkline, folder: folder.to_path_buf(), gateway_core, load_core, database })
}

fn peers(arguments: &Arguments) -> Vec<Peer> {
    let flag = |name| arguments.text(name);
    let peers = Peer::installed(flag("litellm"), flag("portkey"), flag("nginx"));
    let names: Vec<&str> = peers.iter().map(Peer::name).collect();
    eprintln!(
        "other gateways that are installed: {}",
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    );
    peers
}

fn temporary_folder() -> Result<PathBuf, String> {
    let folder = std::env::temp_dir().join(format!("trunkline-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    Ok(folder)
}

fn default_out(taken_at: u64) -> PathBuf {
    Path::new("target/bench").join(format!("results-{taken_at}.json"))
}

fn write(path: &Path, results: &Results) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let text =
        serde_json::to_string_pretty(results).map_err(|error| format!("results are no JSON: {error}"))?;
    fs::write(path, text + "\n").map_err(failed)
}
