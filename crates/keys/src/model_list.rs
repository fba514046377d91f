//! Which models somebody may call, in LiteLLM's words.

use serde_json::Value;

/// A list of models as keys, users and teams have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ModelList {
    /// All there are: the list is empty, or says so.
    #[default]
    All,
    /// Those that the names allow.
    Named(Vec<String>),
}

/// Names with a meaning of their own.
const EVERYTHING: [&str; 3] = ["*", "all-proxy-models", "all-team-models"];
const NOTHING: &str = "no-default-models";

impl ModelList {
    /// The list that stands in an object's settings.
    pub fn read(settings: Option<&Value>) -> Self {
        let names = settings.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if names.is_empty() || names.iter().any(|name| EVERYTHING.contains(&name.as_str())) {
            return Self::All;
        }
        // The name that allows nothing stays in the list, and no model bears it.
        Self::Named(names)
    }

    /// Whether a model may be called: under this name, or as one of these access groups.
    pub fn allows<'g>(&self, model: &str, access_groups: impl IntoIterator<Item = &'g str>) -> bool {
        let Self::Named(names) = self else { return true };
        names.iter().any(|name| name != NOTHING && matches(name, model))
            || access_groups.into_iter().any(|group| names.iter().any(|name| name == group))
    }

    /// Whether it allows everything.
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// Whether a name of a list, which may hold `*`, means a model.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(list: &Value, model: &str, groups: &[&str], expected: bool) {
        let allowed = ModelList::read(Some(list)).allows(model, groups.iter().copied());
        assert_eq!(allowed, expected, "{model} by {list}");
    }

    #[test]
    fn a_list_allows_names_wildcards_and_access_groups() {
        check(&json!([]), "anything", &[], true);
        check(&json!(null), "anything", &[], true);
        check(&json!(["*"]), "anything", &[], true);
        check(&json!(["all-proxy-models"]), "anything", &[], true);
        check(&json!(["gpt-4o"]), "gpt-4o", &[], true);
        check(&json!(["gpt-4o"]), "gpt-4o-mini", &[], false);
        check(&json!(["openai/*"]), "openai/gpt-4o", &[], true);
        check(&json!(["openai/*"]), "anthropic/claude", &[], false);
        check(&json!(["*/gpt-*-mini"]), "openai/gpt-4o-mini", &[], true);
        check(&json!(["*/gpt-*-mini"]), "openai/gpt-4o", &[], false);
        check(&json!(["a*a"]), "a", &[], false);
        check(&json!(["beta"]), "gpt-4o", &["beta"], true);
        check(&json!(["beta"]), "gpt-4o", &["stable"], false);
        check(&json!(["no-default-models"]), "gpt-4o", &[], false);
        check(&json!(["no-default-models"]), "no-default-models", &[], false);
    }
}
