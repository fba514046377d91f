//! The Vercel AI Gateway simulator as a program: prints where it listens, and runs until it is killed.

use std::process::ExitCode;

use trunkline_testkit::simulator::{Simulator, SimulatorOptions};

const USAGE: &str = "usage: vercel-simulator [--port N] [--seed N]";

fn main() -> ExitCode {
    if std::env::args().skip(1).any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        println!(
            "Any key that begins with vck_ is taken; /openai and /anthropic serve what those vendors serve."
        );
        return ExitCode::SUCCESS;
    }
    match parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("vercel-simulator: {message}");
            ExitCode::from(2)
        }
    }
}

/// Reads `--port N` and `--seed N`, also as `--port=N` and `--seed=N`.
fn parse(arguments: impl Iterator<Item = String>) -> Result<SimulatorOptions, String> {
    let mut options = SimulatorOptions::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, arguments.next()),
        };
        let value = value.ok_or_else(|| format!("{name} needs a number\n{USAGE}"))?;
        let number = || format!("{name}: {value} is no number in range\n{USAGE}");
        match name.as_str() {
            "--port" => options.port = value.parse().map_err(|_| number())?,
            "--seed" => options.seed = value.parse().map_err(|_| number())?,
            _ => return Err(format!("unknown argument {name}\n{USAGE}")),
        }
    }
    Ok(options)
}

fn run(options: SimulatorOptions) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let port = options.port;
        let simulator = Simulator::start(options).await;
        let simulator = simulator.map_err(|error| format!("cannot listen on port {port}: {error}"))?;
        println!("listening on {}", simulator.url());
        std::future::pending().await
    })
}
