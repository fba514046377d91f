//! A JSON value kept as the text it arrived in.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A JSON value kept as the text it arrived in: signatures, vendor metadata, digits of money.
///
/// Two of them are equal if their texts are.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// If the value does not serialize.
    pub fn new(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads it as a value of some type.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_text() {
        let text = r#"{"b": 1.50, "a":1e2}"#;
        let raw: RawJson = serde_json::from_str(text).expect("a value");
        assert_eq!(raw.as_str(), text);
        assert_eq!(serde_json::to_string(&raw).expect("it serializes"), text);
    }

    #[test]
    fn reads_and_writes_values() {
        let raw = RawJson::new(&[1, 2]).expect("it serializes");
        assert_eq!(raw.as_str(), "[1,2]");
        assert_eq!(raw.read::<Vec<u8>>().expect("a list"), [1, 2]);
    }
}
