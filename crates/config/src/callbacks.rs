//! `callbacks`: of all that LiteLLM reports to, those that Trunkline has.

use trunkline_core::Environment;

use crate::coerce;
use crate::exports::{self, ExportSettings};
use crate::node::Value;
use crate::reader::Reader;

/// The callback that serves `/metrics`.
const PROMETHEUS: &str = "prometheus";
/// The callback that sends rows to a webhook.
const GENERIC_API: &str = "generic_api";
/// The callback that sends traces to a collector.
const OTEL: &str = "otel";

/// The keys that name callbacks. LiteLLM takes these from each.
const KEYS: [&str; 3] = ["callbacks", "success_callback", "failure_callback"];

/// What is named.
#[derive(Debug, Default)]
pub(crate) struct Callbacks {
    /// Whether `prometheus` is.
    pub(crate) metrics: bool,
    /// What the others send, and where.
    pub(crate) exports: ExportSettings,
}

/// The callbacks that are named. Any that Trunkline does not have is told of.
pub(crate) fn read(reader: &mut Reader<'_, '_>, environment: &Environment) -> Callbacks {
    let mut found = Callbacks::default();
    let mut seen = Vec::new();
    for key in KEYS {
        let Some(node) = reader.node(key) else { continue };
        let single = std::slice::from_ref(node);
        let named = if matches!(node.value, Value::List(_)) { reader.items(key) } else { single };
        let path = format!("litellm_settings.{key}");
        for callback in named {
            let (location, report) = (&callback.location, &mut *reader.report);
            let name = match &callback.value {
                Value::Text(name) if !coerce::is_off(callback) => name.as_str(),
                _ if coerce::is_off(callback) => continue,
                _ => {
                    report.warn(location, &path, format!("is not supported: {}", others()));
                    continue;
                }
            };
            match name {
                PROMETHEUS => found.metrics = true,
                // Named twice it is told of once.
                GENERIC_API | OTEL if seen.contains(&name) => {}
                GENERIC_API => {
                    found.exports.webhook = exports::webhook(environment, location, &path, report);
                }
                OTEL => found.exports.traces = exports::traces(environment, location, &path, report),
                _ => report.warn(location, &path, format!("`{name}` is not supported: {}", others())),
            }
            seen.push(name);
        }
    }
    found
}

fn others() -> String {
    format!("there is no callback but `{GENERIC_API}`, `{OTEL}` and `{PROMETHEUS}`")
}
