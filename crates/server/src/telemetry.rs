//! The log: one line a request, and what goes wrong; to standard error, as text or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::flags::Flags;

/// Installs the one subscriber of the process. `json` and `level` are the texts of LiteLLM's variables for them.
pub(crate) fn install(flags: &Flags, as_json: bool, json: Option<&str>, level: Option<&str>) {
    let asked = level.and_then(|text| text.trim().parse().ok()).unwrap_or(LevelFilter::INFO);
    let own = if flags.debug || flags.detailed_debug { LevelFilter::DEBUG } else { asked };
    let others = if flags.detailed_debug { LevelFilter::DEBUG } else { LevelFilter::WARN };
    let levels = Targets::new().with_default(others).with_target("trunkline", own);
    let colours = std::io::stderr().is_terminal();
    let layer =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    let as_json = as_json || json.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let layer = if as_json { layer.json().flatten_event(true).boxed() } else { layer.boxed() };
    tracing_subscriber::registry().with(layer.with_filter(levels)).init();
}
