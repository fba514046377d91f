//! The trunkline server: flags and configuration in, a serving gateway out.

mod accounts;
mod agent;
mod assemble;
mod beside;
mod check;
mod explain;
mod finding;
mod flags;
mod import;
mod managed;
mod reconcile;
mod redis;
mod reload;
mod sources;
mod stored;
mod telemetry;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser};
use tokio::signal::unix::{SignalKind, signal};
use trunkline_agents::Agent;
use trunkline_agents::arguments::{normalized, number};
use trunkline_core::Environment;
use trunkline_gateway::{Log, LogLines, OwnThread, Recorder, Server, StopHandle, Tls};

use accounts::Accounts;
use beside::Beside;
use flags::{Command, Flags};
use reload::Reloader;
use sources::Sources;

fn main() -> ExitCode {
    let flags = Flags::try_parse_from(normalized(std::env::args())).unwrap_or_else(|error| {
        if let Some(file) = flags::file_without_flag(&error) {
            eprintln!("tip: a configuration is named by `--config {file}`\n");
        }
        error.exit()
    });
    // The one place that reads the process environment; everybody else is handed this value.
    #[allow(clippy::disallowed_methods)]
    let environment = Environment::from_iter(
        std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?))),
    );
    let outcome = match &flags.command {
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Flags::command(), "trunkline", &mut std::io::stdout());
            Ok(())
        }
        Some(Command::Claude(asked)) => agent::run(Agent::ClaudeCode, asked, &flags, &environment),
        Some(Command::Codex(asked)) => agent::run(Agent::Codex, asked, &flags, &environment),
        Some(Command::Check { file, strict }) => {
            check::run(&flags.clone().with_file(file.as_ref()), &environment, *strict)
        }
        Some(Command::Explain(asked)) => explain::run(asked, &flags, &environment),
        Some(Command::Reconcile(asked)) => {
            telemetry::install_for_command();
            reconcile::run(asked, &flags, &environment)
        }
        Some(Command::ImportLitellm(asked)) => {
            telemetry::install_for_command();
            import::run(asked, &flags, &environment)
        }
        None if flags.validate_config => check::run(&flags, &environment, false),
        None => match serve(&flags, &environment) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trunkline: {}", reload::with_cause(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is told to stop. What goes wrong once there is a log is told there.
fn serve(flags: &Flags, environment: &Environment) -> Result<ExitCode, Box<dyn Error>> {
    let sources = Sources::read(flags, environment)?;
    let (log, recorder) = telemetry::install(flags, &sources)?;
    Ok(match serve_as_told(sources, &log, recorder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", reload::with_cause(&*error));
            ExitCode::FAILURE
        }
    })
}

fn serve_as_told(mut sources: Sources, log: &Log, recorder: Arc<dyn Recorder>) -> Result<(), Box<dyn Error>> {
    sources.refuse_fatal(finding::tell)?;
    sources.read_price_file()?;
    let sources = Arc::new(sources);
    let files = raise_file_limit();
    let registry = Arc::new(assemble::registry(&sources)?);
    let settings = assemble::gateway_settings(&sources, files);
    let audience = settings.audience();
    let (flags, variables) = (&sources.flags, &sources.loaded.environment);
    let port = number(flags.port, variables, "PORT", 4000)?;
    let workers = number(flags.num_workers, variables, "NUM_WORKERS", 0)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if workers > 0 {
        runtime.worker_threads(workers);
    }
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(async move {
        let accounts = Accounts::open(&sources, &registry).await?;
        let stored = accounts.as_ref().and_then(|accounts| accounts.stored.clone());
        let rows = stored::at_start(stored.as_deref()).await;
        let router = sources.router(&registry, None, rows.as_deref().unwrap_or_default())?;
        sources.tell_without_key(&registry);
        let served = router.deployments().count();
        let exporter = assemble::exporter(&sources, &recorder)?;
        let recorder = exporter.clone().map_or(recorder, |exporter| -> Arc<dyn Recorder> { exporter });
        let (replies, writer) = assemble::replies(&sources)?;
        let more = (accounts.as_ref(), replies, exporter.as_ref());
        let gateway = assemble::gateway(router, settings, recorder, &sources, more);
        let flags = &sources.flags;
        let pem_files = flags.ssl_certfile_path.as_ref().zip(flags.ssl_keyfile_path.as_ref());
        let tls = pem_files.map(|(certificates, key)| Tls::from_pem_files(certificates, key)).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (server, stop) = Server::bind(Arc::clone(&gateway), flags.host, port, tls).await?;
        let signals = watch_signals(stop, log.lines())?;
        let address = server.address()?;
        // A closed standard output is no reason not to serve.
        let text = sources.start_text(served, audience, scheme, address);
        // Whoever reads that it serves may change the file at once.
        let working = Arc::clone(&gateway);
        let reloader = Reloader::new(gateway, registry, sources, (stored, rows))?;
        let _ = std::io::stdout().write_all(text.as_bytes());
        tracing::info!(address = %address, files.limit = files, "serving");
        let (serving, reloading) = (Box::pin(server.run()), Box::pin(reloader.run()));
        let probing = Box::pin(working.probe_at_intervals());
        let pricing = Box::pin(working.take_up_prices_at_intervals());
        let telling = Box::pin(working.tell_of_soft_budgets());
        let beside = Arc::new(Beside { accounts, exporter, writer });
        let mut working_beside = OwnThread::spawn("beside", Arc::clone(&beside).work())?;
        let all = async {
            tokio::select! {
                () = serving => {}
                () = reloading => {}
                () = probing => {}
                () = pricing => {}
                () = telling => {}
                () = working_beside.watch() => {}
            }
        };
        trunkline_memory::giving_back_at_rest(all).await;
        working_beside.end().await;
        beside.finish().await;
        signals.abort();
        Ok(())
    })
}

/// Raises the soft limit on open files to the hard one, and gives what it is then.
fn raise_file_limit() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(error = %error, "the limit on open files could not be raised");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
    })
}

/// The first SIGTERM or SIGINT lets open replies end; a second one ends the process at once.
fn watch_signals(stop: StopHandle, mut lines: LogLines) -> std::io::Result<tokio::task::JoinHandle<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::spawn(async move {
        let mut told = async || tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} };
        told().await;
        stop.stop();
        told().await;
        let _ = lines.flush();
        std::process::exit(130);
    }))
}
