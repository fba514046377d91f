//! The gate: instructions for each request, counted by valgrind and held against the figures in the repository.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;

/// Requests of the shorter of the two runs. The longer one has twice as many; their difference has no start-up.
const REQUESTS: u64 = 1_000;

/// Who a caller is must take as long with many keys in memory as with few.
const FEW_KEYS: u64 = 10;
const MANY_KEYS: u64 = 100_000;
/// Looks of the shorter of the two runs: a look is far less than a request.
const LOOKS: u64 = 20_000;

/// How often each run is counted. The middle count is taken.
const COUNTS: usize = 3;

/// The figures that are kept in the repository.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Figures {
    /// The C library and valgrind that counted: others take other instructions to the same end.
    counted_with: String,
    /// How much more a request may take, in percent.
    tolerance_percent: f64,
    /// Instructions of a whole chat of 200 bytes.
    whole: u64,
    /// Instructions of a stream of 200 events, 16 of which arrive together.
    stream: u64,
}

/// Counts both shapes, and compares; with `--write`, keeps the new figures instead.
///
/// # Errors
///
/// Gives both figures and what to do where a request takes more than it may.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("gate.json");
    let file = arguments.text("file").map_or(own, PathBuf::from);
    let text =
        fs::read_to_string(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let kept: Figures = serde_json::from_str(&text)
        .map_err(|error| format!("{} is not understood: {error}", file.display()))?;
    let counted = Figures {
        counted_with: tools(),
        tolerance_percent: kept.tolerance_percent,
        whole: a_request("whole")?,
        stream: a_request("stream")?,
    };
    println!(
        "instructions a request: whole {}, stream {}, counted with {}",
        counted.whole, counted.stream, counted.counted_with
    );
    if arguments.has("write") {
        let text = serde_json::to_string_pretty(&counted).map_err(|error| error.to_string())?;
        return fs::write(&file, text + "\n")
            .map_err(|error| format!("{} cannot be written: {error}", file.display()));
    }
    if counted.counted_with != kept.counted_with {
        println!(
            "the figures in gate.json were counted with {}; a difference may be theirs",
            kept.counted_with
        );
    }
    judge("whole", kept.whole, counted.whole, kept.tolerance_percent)?;
    judge("stream", kept.stream, counted.stream, kept.tolerance_percent)?;
    judge_keys(a_look(FEW_KEYS)?, a_look(MANY_KEYS)?, kept.tolerance_percent)
}

/// The versions of what counts besides our own code.
fn tools() -> String {
    let asked = [("getconf", "GNU_LIBC_VERSION"), ("valgrind", "--version")].map(|(program, argument)| {
        let output = Command::new(program).arg(argument).output();
        output.map_or_else(
            |_| "?".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    });
    asked.join(", ")
}

/// # Errors
///
/// Says by how much more a request takes than it may.
fn judge(shape: &str, kept: u64, counted: u64, tolerance_percent: f64) -> Result<(), String> {
    let change = (counted as f64 / kept as f64 - 1.0) * 100.0;
    let figures =
        format!("{shape}: {counted} instructions a request, {change:+.2} % against {kept} in gate.json");
    if change > tolerance_percent {
        return Err(format!(
            "{figures}, and {tolerance_percent} % are allowed. Find what got slower; if it is worth it, run \
             `just gate --write` and say in the commit why"
        ));
    }
    println!("{figures}");
    if change < -tolerance_percent {
        println!("{shape}: that is better; keep it with `just gate --write`");
    }
    Ok(())
}

/// # Errors
///
/// Says by how much more a look takes among many keys than it may.
fn judge_keys(few: u64, many: u64, tolerance_percent: f64) -> Result<(), String> {
    let change = (many as f64 / few as f64 - 1.0) * 100.0;
    let figures = format!(
        "who a caller is: {few} instructions with {FEW_KEYS} keys, {many} with {MANY_KEYS}, {change:+.2} %"
    );
    if change > tolerance_percent {
        return Err(format!("{figures}, and {tolerance_percent} % are allowed: it is to be the same"));
    }
    println!("{figures}");
    Ok(())
}

fn a_request(shape: &str) -> Result<u64, String> {
    of_one(REQUESTS, |requests| {
        count(&["gate-subject", "--shape", shape, "--requests", &requests.to_string()])
    })
}

fn a_look(keys: u64) -> Result<u64, String> {
    of_one(LOOKS, |looks| {
        count(&["gate-keys", "--keys", &keys.to_string(), "--requests", &looks.to_string()])
    })
}

/// What one more takes: the middle of several counts, which do not disturb one another and are taken at one time.
fn of_one(times: u64, count: impl Fn(u64) -> Result<u64, String> + Sync) -> Result<u64, String> {
    let difference = || -> Result<u64, String> {
        let (short, long) = (count(times)?, count(times * 2)?);
        Ok(long.saturating_sub(short) / times)
    };
    let mut counts = thread::scope(|scope| {
        let running: Vec<_> = (0..COUNTS).map(|_| scope.spawn(difference)).collect();
        // What one panicked with is passed on.
        let joined = running.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.collect::<Result<Vec<_>, _>>()
    })?;
    counts.sort_unstable();
    Ok(counts[COUNTS / 2])
}

/// The instructions of a fresh process that does so much.
fn count(arguments: &[&str]) -> Result<u64, String> {
    let bench =
        std::env::current_exe().map_err(|error| format!("where this program is, is not known: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(bench)
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind cannot be run (apt-get install valgrind): {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind failed:\n{text}"));
    }
    instructions(&text)
        .ok_or_else(|| format!("valgrind did not say how many instructions there were:\n{text}"))
}

/// The figure behind `I refs:`, which some versions write with more spaces.
fn instructions(text: &str) -> Option<u64> {
    let figure = text.lines().find_map(|line| {
        let (_, rest) = line.split_once("== I")?;
        rest.trim_start().strip_prefix("refs:")
    })?;
    figure.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_read_as_either_version_writes_it() {
        assert_eq!(instructions("==1== \n==1== I refs:        123,456,789\n"), Some(123_456_789));
        assert_eq!(instructions("==1== I   refs:      42\n==1== I1  misses: 3\n"), Some(42));
        assert_eq!(instructions("==1== nothing"), None);
    }

    #[test]
    fn more_than_the_tolerance_is_refused() {
        assert_eq!(judge("whole", 100_000, 101_999, 2.0), Ok(()));
        assert_eq!(judge("whole", 100_000, 50_000, 2.0), Ok(()));
        let refused = judge("whole", 100_000, 102_100, 2.0).expect_err("it is more");
        assert!(refused.starts_with(
            "whole: 102100 instructions a request, +2.10 % against 100000 in gate.json, and 2 %"
        ));
    }

    #[test]
    fn a_look_among_many_keys_takes_as_long_as_among_few() {
        assert_eq!(judge_keys(1_000, 1_019, 2.0), Ok(()));
        let refused = judge_keys(1_000, 1_030, 2.0).expect_err("it is more");
        assert!(refused.contains("1000 instructions with 10 keys, 1030 with 100000, +3.00 %"), "{refused}");
    }

    #[test]
    fn the_figures_of_the_repository_are_understood() {
        let figures: Figures = serde_json::from_str(include_str!("../gate.json")).expect("figures");
        assert!((figures.tolerance_percent - 2.0).abs() < f64::EPSILON);
        assert!(figures.whole > 0 && figures.stream > 0);
    }
}
