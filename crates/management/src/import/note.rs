//! What an object that was taken over has noted of that, in a setting that callers neither see nor set.

use ring::digest;
use serde_json::{Map, Value, json};
use trunkline_keys::{COUNTS_AS, LENT, SPEND_RESET_AT, SPEND_RESET_TO};
use trunkline_store::Object;

use crate::import::spending::Taken;

/// The setting that the note stands in.
pub(crate) const IMPORTED: &str = "imported";

/// What the program notes on keys for itself. It says nothing of what somebody gave a key, and stays whatever that is.
const NOTES: [&str; 4] = [COUNTS_AS, LENT, SPEND_RESET_AT, SPEND_RESET_TO];

/// What is noted of an object that was taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// The database that it is from, if that could be told apart from others.
    pub(crate) database: Option<String>,
    /// What it was like then, as a hash.
    pub(crate) content: String,
    /// What was taken over of its spending.
    pub(crate) taken: Taken,
    /// Whether it was deleted here since it is not there any more.
    pub(crate) is_gone: bool,
}

impl Note {
    /// The note of an object, if it was ever taken over.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        let note = object.settings.get(IMPORTED)?;
        let text = |name: &str| note.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            database: text("database"),
            content: text("content")?,
            taken: Taken::read(note.get("spent")),
            is_gone: note.get("gone") == Some(&Value::Bool(true)),
        })
    }

    /// Writes it on an object.
    pub(crate) fn put(&self, object: &mut Object) {
        let note = json!({
            "database": self.database,
            "content": self.content,
            "spent": self.taken.written(),
            "gone": self.is_gone,
        });
        object.settings.insert(IMPORTED.to_owned(), note);
    }
}

/// An object with the notes of the one whose place it takes.
pub(crate) fn kept_notes(held: &Object, mut object: Object) -> Object {
    let notes =
        NOTES.into_iter().filter_map(|name| Some((name.to_owned(), held.settings.get(name)?.clone())));
    object.settings.extend(notes);
    object
}

/// A hash of everything about an object that somebody may change.
pub(crate) fn content(object: &Object) -> String {
    let settings: Map<String, Value> = object
        .settings
        .iter()
        .filter(|(name, _)| *name != IMPORTED && !NOTES.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let whole = json!([object.alias, object.user_id, object.team_id, in_order(Value::Object(settings))]);
    let hash = digest::digest(&digest::SHA256, whole.to_string().as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value whose members stand in the order of their names.
fn in_order(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> =
                members.into_iter().map(|(name, value)| (name, in_order(value))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(in_order).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use trunkline_store::Kind;

    use super::*;

    fn object(settings: Value) -> Object {
        let Value::Object(settings) = settings else { panic!("settings are an object") };
        Object { settings, ..Object::new(Kind::Key, "k", 0) }
    }

    #[test]
    fn a_note_changes_nothing_about_what_an_object_is() {
        let mut key = object(json!({ "models": ["a"], "metadata": { "b": 1, "a": 2 } }));
        let before = content(&key);
        assert_eq!(Note::of(&key), None);
        let note = Note {
            database: Some("1/litellm/public".to_owned()),
            content: before.clone(),
            ..Note::default()
        };
        note.put(&mut key);
        assert_eq!(Note::of(&key), Some(note));
        assert_eq!(content(&key), before);
    }

    #[test]
    fn the_order_of_members_is_no_content() {
        let one = object(json!({ "metadata": { "b": 1, "a": 2 }, "rpm_limit": 5 }));
        let other = object(json!({ "rpm_limit": 5, "metadata": { "a": 2, "b": 1 } }));
        assert_eq!(content(&one), content(&other));
        assert_ne!(
            content(&one),
            content(&object(json!({ "rpm_limit": 6, "metadata": { "a": 2, "b": 1 } })))
        );
        assert_ne!(content(&one), content(&Object { alias: Some("x".to_owned()), ..one.clone() }));
    }
}
