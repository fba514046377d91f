//! Measures Trunkline against a bare proxy: `run` conducts, `upstream` and `floor` serve, `gate` counts.

mod answer;
mod arguments;
mod bench;
mod caller;
mod calls;
mod closed_loop;
mod comparison;
mod conductor;
mod configuration;
mod exchange;
mod floor;
mod gate;
mod gate_keys;
mod gate_subject;
mod hand;
mod http1;
mod lanes;
mod latency;
mod listener;
mod marker;
mod memory;
mod open_loop;
mod paced;
mod paced_loop;
mod payload;
mod peers;
mod process;
mod question;
mod reply;
mod report;
mod results;
mod script;
mod statistics;
mod subject;
mod tally;
mod upstream;
mod virtual_key;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};
// The server's allocator: floor and gate are to differ from it in nothing but what they do.
use trunkline_memory as _;

use arguments::Arguments;
use results::Results;

const USAGE: &str = "\
trunkline-bench run [--lanes A,B*] [--rounds N] [--seconds S] [--quick] [--peers] [--out FILE] [--trunkline FILE]
                    [--burst-wait-seconds N] [--gateway-core N] [--load-core N] [--litellm FILE] [--portkey FILE]
                    [--nginx FILE] [--database-url URL]
trunkline-bench report --raw FILE [--page FILE]
trunkline-bench lanes
trunkline-bench upstream [--port N]
trunkline-bench floor --upstream ADDRESS [--port N]
trunkline-bench load --address ADDRESS --lane NAME [--model NAME] [--rate N] [--seconds S]
trunkline-bench gate [--write]
trunkline-bench gate-subject --shape whole|stream --requests N
trunkline-bench gate-keys --keys N --requests N";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    match dispatch(&command, words.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("trunkline-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, words: Vec<String>) -> Result<(), String> {
    match command {
        "run" => {
            let arguments = Arguments::parse(words, conductor::FLAGS, conductor::SWITCHES)?;
            // One thread: it shares its core with the upstream.
            single()?.block_on(conductor::run(&arguments))
        }
        "report" => report(&Arguments::parse(words, &["raw", "page"], &[])?),
        "lanes" => {
            lanes::LANES.iter().for_each(|lane| println!("{:<18} {}", lane.name, lane.sends));
            Ok(())
        }
        "upstream" => {
            let arguments = Arguments::parse(words, &["port"], &[])?;
            single()?.block_on(upstream::run(arguments.number("port", 0)?)).map_err(|error| error.to_string())
        }
        "floor" => {
            let arguments = Arguments::parse(words, &["port", "upstream"], &[])?;
            let upstream = arguments.text("upstream").ok_or("--upstream is missing")?;
            let upstream =
                upstream.parse().map_err(|_| format!("--upstream is `{upstream}`, which is no address"))?;
            // The server's runtime: as many threads as there are cores to run on.
            let runtime =
                Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
            runtime
                .block_on(floor::run(arguments.number("port", 0)?, upstream))
                .map_err(|error| error.to_string())
        }
        "load" => {
            let arguments = Arguments::parse(words, hand::FLAGS, &[])?;
            single()?.block_on(hand::run(&arguments))
        }
        "gate" => gate::run(&Arguments::parse(words, &["file"], &["write"])?),
        "gate-keys" => gate_keys::run(&Arguments::parse(words, &["keys", "requests"], &[])?),
        "gate-subject" => gate_subject::run(&Arguments::parse(words, &["shape", "requests"], &["metrics"])?),
        _ => Err(format!("there is no `{command}`\n{USAGE}")),
    }
}

fn single() -> Result<Runtime, String> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("there is no runtime: {error}"))
}

/// Prints the tables of raw results, or puts them into a page.
fn report(arguments: &Arguments) -> Result<(), String> {
    let raw = arguments.text("raw").ok_or("--raw is missing")?;
    let read =
        |path: &str| fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"));
    let results: Results =
        serde_json::from_str(&read(raw)?).map_err(|error| format!("{raw} holds no results: {error}"))?;
    let Some(page) = arguments.text("page") else {
        print!("{}", report::markdown(&results));
        return Ok(());
    };
    let text = report::page_with(&read(page)?, &results)?;
    let failed = |error: std::io::Error| format!("{page} cannot be written: {error}");
    fs::copy(raw, Path::new(page).with_file_name(report::RAW)).map_err(failed)?;
    fs::write(page, text).map_err(failed)
}
