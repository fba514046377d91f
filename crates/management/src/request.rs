//! What a request says of a key, brought into one form.

use serde_json::{Map, Value};
use trunkline_core::Error;

use crate::fields::{Fields, Table};
use crate::tables::IN_METADATA;

/// Reads a body. What LiteLLM keeps in the metadata and reads there is taken for the field that it is.
///
/// # Errors
///
/// As [`Table::read`].
pub(crate) fn read(mut body: Map<String, Value>, table: &Table) -> Result<Fields, Error> {
    if let Some(Value::Object(metadata)) = body.get_mut("metadata") {
        let lifted: Vec<(String, Value)> =
            IN_METADATA.iter().filter_map(|name| metadata.remove_entry(*name)).collect();
        for (name, value) in lifted {
            body.entry(name).or_insert(value);
        }
    }
    table.read(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tables::KEYS;

    fn body(value: &Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_restriction_in_the_metadata_is_one() {
        let given =
            json!({ "metadata": { "model_tpm_limit": { "gpt-4o": 5 }, "tags": ["a"], "team": "red" } });
        let read = read(body(&given), &KEYS).expect("good");
        assert_eq!(read.value("model_tpm_limit"), Some(&json!({ "gpt-4o": 5 })));
        assert_eq!(read.value("tags"), Some(&json!(["a"])));
        assert_eq!(read.value("metadata"), Some(&json!({ "team": "red" })));
        let hidden = json!({ "metadata": { "guardrails": ["x"] } });
        assert!(super::read(body(&hidden), &KEYS).is_err());
    }
}
