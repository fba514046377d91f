//! A row of LiteLLM's, and how its values are read.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use trunkline_store::LitellmRow;

use crate::numbers;

/// Columns of JSON. Some versions have written them as a text that holds the JSON.
const OF_JSON: [&str; 11] = [
    "aliases",
    "budget_fallbacks",
    "budget_limits",
    "config",
    "mcp_tool_permissions",
    "members_with_roles",
    "metadata",
    "model_max_budget",
    "model_spend",
    "permissions",
    "router_settings",
];

/// A row of LiteLLM's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row(Map<String, Value>);

impl Row {
    pub(crate) fn new(mut members: LitellmRow) -> Self {
        for name in OF_JSON {
            let inner =
                members.get(name).and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
            if let Some(inner) = inner.filter(|inner: &Value| inner.is_object() || inner.is_array()) {
                members.insert(name.to_owned(), inner);
            }
        }
        Self(members)
    }

    /// What a column holds, if it holds anything.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// An amount; nothing where there is none.
    pub(crate) fn money(&self, name: &str) -> Decimal {
        self.value(name).and_then(numbers::money).unwrap_or_default()
    }

    /// What was spent in all, where LiteLLM counts that.
    pub(crate) fn spent_in_all(&self) -> Option<Decimal> {
        Some(self.money("total_spend")).filter(|total| *total > Decimal::ZERO)
    }

    /// A time in milliseconds since 1970.
    pub(crate) fn time(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(time)
    }

    /// Puts a value in a column.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a column out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// The members of `metadata`.
    pub(crate) fn metadata(&mut self) -> Option<&mut Map<String, Value>> {
        self.0.get_mut("metadata").and_then(Value::as_object_mut)
    }

    /// All columns.
    pub(crate) fn into_columns(self) -> Map<String, Value> {
        self.0
    }
}

/// The time that a text means. LiteLLM keeps times of UTC, without saying so.
pub(crate) fn time(text: &str) -> Option<i64> {
    let zoned = text.parse::<Timestamp>().ok();
    let time = zoned.or_else(|| {
        let plain: DateTime = text.parse().ok()?;
        Some(plain.to_zoned(TimeZone::UTC).ok()?.timestamp())
    });
    time.map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_without_a_zone_are_of_utc() {
        let expected = time("2026-11-27T10:00:00Z");
        assert!(expected.is_some());
        assert_eq!(time("2026-11-27T10:00:00"), expected);
        assert_eq!(time("2026-11-27T11:00:00.000+01:00"), expected);
        assert_eq!(time("tomorrow"), None);
    }

    #[test]
    fn json_in_a_text_is_json() {
        let Value::Object(members) =
            json!({ "metadata": "{\"team\": \"red\"}", "aliases": "none", "spend": 0.1 })
        else {
            panic!("an object")
        };
        let mut row = Row::new(members);
        assert_eq!(row.metadata().map(|metadata| metadata["team"].clone()), Some(json!("red")));
        assert_eq!(row.value("aliases"), Some(&json!("none")));
        assert_eq!(
            (row.money("spend").to_string(), row.money("total_spend")),
            ("0.1".to_owned(), Decimal::ZERO)
        );
    }
}
