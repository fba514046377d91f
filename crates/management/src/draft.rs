//! A change that is to be written, with the line that the audit log has of it.

use serde_json::{Map, Value};
use trunkline_store::{Act, Lowered, Object};

/// What is done to an object that is taken over from elsewhere.
const IMPORTED: &str = "imported";

/// An object as it is and as it shall be.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    before: Option<Object>,
    after: Object,
    action: &'static str,
    lowered: Option<Lowered>,
}

impl Draft {
    /// A new object.
    pub(crate) fn created(after: Object) -> Self {
        Self { before: None, after, action: "created", lowered: None }
    }

    /// An object that is changed.
    pub(crate) fn changed(before: Object, after: Object, action: &'static str) -> Self {
        Self { before: Some(before), after, action, lowered: None }
    }

    /// An object that is taken over from elsewhere, with whoever made it there, and when.
    pub(crate) fn imported(before: Option<Object>, after: Object) -> Self {
        Self { before, after, action: IMPORTED, lowered: None }
    }

    /// An object that is deleted.
    pub(crate) fn deleted(before: Object) -> Self {
        let after = Object { deleted: true, ..before.clone() };
        Self { before: Some(before), after, action: "deleted", lowered: None }
    }

    /// The same, and what somebody has spent is lowered with it.
    pub(crate) fn lowering(self, lowered: Lowered) -> Self {
        Self { lowered: Some(lowered), ..self }
    }

    /// What is to be lowered with it.
    pub(crate) fn lowered(&self) -> Option<&Lowered> {
        self.lowered.as_ref()
    }

    /// The object as it shall be.
    pub(crate) fn object(&self) -> &Object {
        &self.after
    }

    /// What is to be written of it, and noted.
    pub(crate) fn signed(self, by: &str, author: &str, now: i64) -> (Object, Act) {
        let Self { before, mut after, action, lowered: _ } = self;
        after.updated_at = now;
        after.updated_by = Some(author.to_owned());
        if before.is_none() && action != IMPORTED {
            after.created_at = now;
            after.created_by = Some(author.to_owned());
        }
        let act = Act {
            number: 0,
            at: now,
            by: by.to_owned(),
            action: action.to_owned(),
            kind: after.kind,
            id: after.id.clone(),
            before: before.as_ref().map(shown),
            after: (!after.deleted).then(|| shown(&after)),
        };
        (after, act)
    }
}

/// What the audit log shows of an object: nothing that opens anything.
fn shown(object: &Object) -> Map<String, Value> {
    let mut shown = Map::new();
    let columns = [("alias", &object.alias), ("user_id", &object.user_id), ("team_id", &object.team_id)];
    for (name, column) in columns {
        if let Some(text) = column {
            shown.insert(name.to_owned(), Value::String(text.clone()));
        }
    }
    shown.extend(masked(&object.settings));
    shown
}

fn masked(members: &Map<String, Value>) -> Map<String, Value> {
    members.iter().map(|(name, value)| (name.clone(), masked_value(name, value))).collect()
}

fn masked_value(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(masked(members)),
        Value::Array(items) => items.iter().map(|item| masked_value(name, item)).collect(),
        Value::String(_) if is_secret(name) => Value::String("****".to_owned()),
        other => other.clone(),
    }
}

/// Whether what bears such a name is kept from view.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let parts = ["secret", "password", "credential", "sealed", "api_key", "apikey", "authorization", "token"];
    parts.iter().any(|part| name.contains(part)) || name.ends_with("_key")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trunkline_store::Kind;

    use super::*;

    #[test]
    fn a_line_of_the_log_opens_nothing() {
        let mut object = Object::new(Kind::Key, "index", 0);
        object.settings = json!({
            "token_sealed": "abc",
            "tpm_limit": 5,
            "metadata": { "logging": [{ "langfuse_secret_key": "sk-lf" }], "team": "red" },
        })
        .as_object()
        .expect("an object")
        .clone();
        let before = object.clone();
        object.alias = Some("ci".to_owned());
        let (after, act) = Draft::changed(before, object, "updated").signed("master", "master", 7);
        assert_eq!((after.updated_at, after.updated_by.as_deref()), (7, Some("master")));
        assert_eq!(
            Value::Object(act.after.expect("there is one")),
            json!({
                "alias": "ci",
                "token_sealed": "****",
                "tpm_limit": 5,
                "metadata": { "logging": [{ "langfuse_secret_key": "****" }], "team": "red" },
            })
        );
        let (gone, act) = Draft::deleted(after).signed("master", "master", 8);
        assert!(gone.deleted && act.after.is_none() && act.before.is_some());
    }
}
