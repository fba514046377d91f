//! The trunkline server: flags and configuration in, a serving gateway out.

mod assemble;
mod check;
mod flags;
mod sources;
mod start_text;
mod telemetry;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser};
use tokio::signal::unix::{SignalKind, signal};
use trunkline_core::{Environment, Error, ErrorKind};
use trunkline_gateway::{Gateway, Server, StopHandle, Tls};

use flags::{Command, Flags};
use sources::Sources;

fn main() -> ExitCode {
    let flags = Flags::parse_from(flags::normalized(std::env::args()));
    // The one place that reads the process environment; everybody else is handed this value.
    #[allow(clippy::disallowed_methods)]
    let environment = Environment::from_iter(
        std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?))),
    );
    match &flags.command {
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Flags::command(), "trunkline", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
        Some(Command::Check { strict }) => check::run(&flags, &environment, *strict),
        None if flags.validate_config || flags.skip_server_startup => check::run(&flags, &environment, false),
        None => match serve(&flags, &environment) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("trunkline: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn serve(flags: &Flags, environment: &Environment) -> Result<(), Error> {
    let sources = Sources::read(flags, environment)?;
    telemetry::install(flags, sources.loaded.settings.json_logs, &sources.loaded.environment);
    sources.refuse_fatal()?;
    let files = raise_file_limit();
    let router = assemble::router(&sources)?;
    let settings = assemble::gateway_settings(&sources, files)?;
    let address = address(flags, &sources, &settings)?;
    let workers = flags.num_workers.or_else(|| sources.loaded.environment.get("NUM_WORKERS")?.parse().ok());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = workers {
        builder.worker_threads(workers.max(1));
    }
    let runtime = builder.enable_all().build().map_err(|error| {
        Error::new(ErrorKind::Internal, format!("the runtime did not start: {error}")).with_source(error)
    })?;
    runtime.block_on(async {
        let tls = match (&flags.ssl_certfile_path, &flags.ssl_keyfile_path) {
            (Some(certificates), Some(key)) => Some(Tls::from_pem_files(certificates, key)?),
            _ => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let gateway = Arc::new(Gateway::new(Arc::new(router), settings));
        let (server, stop) = Server::bind(gateway, address, tls).await?;
        let signals = watch_signals(stop)?;
        let bound = server.address()?;
        print!("{}", start_text::of(&sources, scheme, bound));
        tracing::info!(address = %bound, files.limit = files, "serving");
        server.run().await;
        signals.abort();
        Ok(())
    })
}

/// The address to listen on: every one with a key, this machine alone without.
fn address(
    flags: &Flags,
    sources: &Sources,
    settings: &trunkline_gateway::Settings,
) -> Result<SocketAddr, Error> {
    let closed = settings.master_key.is_some() || settings.open_to_all;
    let default = IpAddr::V4(if closed { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST });
    let host = match flags.host.as_deref() {
        None => default,
        Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(host) => host.parse().map_err(|_| {
            let message = format!("--host {host} is not an address; give one such as 127.0.0.1 or 0.0.0.0");
            Error::new(ErrorKind::Configuration, message)
        })?,
    };
    if !closed && !host.is_loopback() {
        let message = format!(
            "--host {host} would serve others than this machine, and there is no master key. Set \
             general_settings.master_key or LITELLM_MASTER_KEY, or listen on 127.0.0.1"
        );
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let port = match flags.port {
        Some(port) => port,
        None => match sources.loaded.environment.get("PORT") {
            None => 4000,
            Some(text) => text.trim().parse().map_err(|_| {
                Error::new(
                    ErrorKind::Configuration,
                    format!("the variable PORT is `{text}`, which is no port"),
                )
            })?,
        },
    };
    Ok(SocketAddr::new(host, port))
}

/// Raises the soft limit on open files to the hard one, and gives what it is then.
fn raise_file_limit() -> u64 {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(error = %error, "the limit on open files could not be raised");
            rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
        }
    }
}

/// The first SIGTERM or SIGINT lets open replies end; a second one ends the process at once.
fn watch_signals(stop: StopHandle) -> Result<tokio::task::JoinHandle<()>, Error> {
    let unavailable = |error: std::io::Error| {
        Error::new(ErrorKind::Internal, format!("signals cannot be watched: {error}")).with_source(error)
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(unavailable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unavailable)?;
    Ok(tokio::spawn(async move {
        for signals in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if signals == 0 {
                stop.stop();
            } else {
                tracing::warn!("a second signal: stopping at once");
                std::process::exit(130);
            }
        }
    }))
}
