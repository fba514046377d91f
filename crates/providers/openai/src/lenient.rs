//! Reading of upstreams' JSON that bends its types: nulls for lists, `12.0` for counts.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What stands there, or the default for `null`.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A count. Whatever is no whole number that is not negative counts as absent.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Value::Number(number) = Value::deserialize(deserializer)? else {
        return Ok(None);
    };
    let rounded = || number.as_f64().filter(|count| *count >= 0.0).map(|count| count as u64);
    Ok(number.as_u64().or_else(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "count")]
        count: Option<u64>,
        #[serde(default, deserialize_with = "null_as_default")]
        list: Vec<String>,
    }

    fn check(json: &str, count: Option<u64>, list: &[&str]) {
        let row: Row = serde_json::from_str(json).expect("a row");
        assert_eq!((row.count, row.list), (count, list.iter().map(|text| (*text).to_owned()).collect()));
    }

    #[test]
    fn bent_types() {
        check(r#"{"count":12,"list":["a"]}"#, Some(12), &["a"]);
        check(r#"{"count":12.0,"list":null}"#, Some(12), &[]);
        check(r#"{"count":null}"#, None, &[]);
        check(r#"{"count":-1}"#, None, &[]);
        check(r#"{"count":"many"}"#, None, &[]);
    }
}
