//! `callbacks`: of all that LiteLLM reports to, the one that Trunkline has.

use crate::coerce;
use crate::node::Value;
use crate::reader::Reader;

/// The callback that serves `/metrics`.
const PROMETHEUS: &str = "prometheus";

/// The keys that name callbacks. LiteLLM takes this one from each.
const KEYS: [&str; 3] = ["callbacks", "success_callback", "failure_callback"];

/// Whether `prometheus` is named. Any other callback is told of.
pub(crate) fn read(reader: &mut Reader<'_, '_>) -> bool {
    KEYS.map(|key| is_named(reader, key)).contains(&true)
}

fn is_named(reader: &mut Reader<'_, '_>, key: &str) -> bool {
    let Some(node) = reader.node(key) else { return false };
    let single = std::slice::from_ref(node);
    let named = if matches!(node.value, Value::List(_)) { reader.items(key) } else { single };
    let mut is_named = false;
    for callback in named {
        let message = match &callback.value {
            Value::Text(name) if name == PROMETHEUS => {
                is_named = true;
                continue;
            }
            _ if coerce::is_off(callback) => continue,
            Value::Text(name) => {
                format!("`{name}` is not supported: there is no callback but `{PROMETHEUS}`")
            }
            _ => format!("is not supported: there is no callback but `{PROMETHEUS}`"),
        };
        reader.report.warn(&callback.location, format!("litellm_settings.{key}"), message);
    }
    is_named
}
