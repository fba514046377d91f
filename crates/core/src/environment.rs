//! The environment as a value: what a process, a file or a test says, handed down to those who need it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::Secret;

/// A set of named texts, taken once where the program starts.
///
/// Libraries read no process environment; they are given one of these. Cheap to clone. `Debug` shows the
/// names alone, since values may be keys.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<String, String>>);

impl Environment {
    /// An environment in which nothing is set.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The text of a variable. A variable that is set but blank counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.trim().is_empty())
    }

    /// The text of a variable that holds a key.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(Secret::new)
    }

    /// The same with `others` laid over it: theirs win.
    #[must_use]
    pub fn overlaid<K: Into<String>, V: Into<String>>(
        &self,
        others: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut variables = BTreeMap::clone(&self.0);
        variables.extend(others.into_iter().map(|(name, text)| (name.into(), text.into())));
        Self(Arc::new(variables))
    }

    /// The names that are set, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self::empty().overlaid(variables)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Environment").field(&self.0.keys().collect::<Vec<_>>()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_values_win_and_blank_is_unset() {
        let environment = Environment::from_iter([("A", "1"), ("B", " ")]).overlaid([("A", "2")]);
        assert_eq!(environment.get("A"), Some("2"));
        assert_eq!(environment.get("B"), None);
        assert_eq!(environment.names().collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn shows_names_and_no_values() {
        let environment = Environment::from_iter([("KEY", "sk-private")]);
        let shown = format!("{environment:?}");
        assert!(shown.contains("KEY") && !shown.contains("private"));
    }
}
