//! The members of a JSON object, kept as they were written.

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value};

/// The members of a JSON object, in their order, each with its value as JSON text.
///
/// `Debug` shows the names alone, since values may be keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Members(Vec<(String, String)>);

impl Members {
    /// Each name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, json)| (name.as_str(), json.as_str()))
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, json)| json)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each name with its value, as pieces of a body.
    pub fn to_parts(&self) -> Vec<(String, Bytes)> {
        self.0.iter().map(|(name, json)| (name.clone(), Bytes::from(json.clone()))).collect()
    }

    /// The object as values. A value that is no JSON, of which the reader makes none, is left out.
    pub fn to_map(&self) -> Map<String, Value> {
        let value = |(name, json): &(String, String)| Some((name.clone(), serde_json::from_str(json).ok()?));
        self.0.iter().filter_map(value).collect()
    }

    /// The whole object.
    pub fn to_json(&self) -> String {
        let members: Vec<String> =
            self.iter().map(|(name, json)| format!("{}:{json}", Value::from(name))).collect();
        format!("{{{}}}", members.join(","))
    }
}

impl FromIterator<(String, String)> for Members {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
