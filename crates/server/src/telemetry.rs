//! The log: one line a request, and what goes wrong; to standard error, as text or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use trunkline_core::Environment;

use crate::flags::Flags;

/// Installs the one subscriber of the process.
pub(crate) fn install(flags: &Flags, json: bool, environment: &Environment) {
    let json = json || environment.get("JSON_LOGS").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let own = own_level(flags, environment);
    let others = if flags.detailed_debug { LevelFilter::DEBUG } else { LevelFilter::WARN };
    let levels = Targets::new().with_default(others).with_target("trunkline", own);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    let layer = if json { layer.json().flatten_event(true).boxed() } else { layer.boxed() };
    tracing_subscriber::registry().with(layer.with_filter(levels)).init();
}

fn own_level(flags: &Flags, environment: &Environment) -> LevelFilter {
    if flags.debug || flags.detailed_debug {
        return LevelFilter::DEBUG;
    }
    environment.get("LITELLM_LOG").and_then(|text| text.trim().parse().ok()).unwrap_or(LevelFilter::INFO)
}
