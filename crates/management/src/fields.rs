//! The fields of a request: which there are, which are kept, and which are refused.

use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::Object;

use crate::shapes::Shape;
use crate::{numbers, times};

/// A field that a request may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name, as in LiteLLM.
    pub(crate) name: &'static str,
    /// What it may hold.
    pub(crate) shape: Shape,
    /// Where it is kept.
    pub(crate) place: Place,
}

/// Where a field is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the settings, under its own name.
    Settings,
    /// As the alias.
    Alias,
    /// As the user.
    User,
    /// As the team.
    Team,
    /// Nowhere: the endpoint reads it.
    Asked,
}

/// A field that is kept in the settings.
pub(crate) const fn kept(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, place: Place::Settings }
}

/// A field that the endpoint reads.
pub(crate) const fn asked(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, place: Place::Asked }
}

/// A field that is kept in a column.
pub(crate) const fn column(name: &'static str, shape: Shape, place: Place) -> Field {
    Field { name, shape, place }
}

/// What a request may say: the fields that there are, in groups that several endpoints share, and LiteLLM's fields that
/// have no effect here. Those are refused unless they are empty: a restriction that nobody keeps is a hole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) fields: &'static [&'static [Field]],
    pub(crate) refused: &'static [&'static str],
}

impl Table {
    /// Every field.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().copied().flatten()
    }

    fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.name == name)
    }

    /// Reads a body. What it does not name is not there; what it clears is `Null`.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` for a field that there is not, has no effect here, or holds what it may not.
    pub(crate) fn read(&self, body: Map<String, Value>) -> Result<Fields, Error> {
        let mut read = Map::new();
        for (name, value) in body {
            match self.field(&name) {
                Some(field) => {
                    let value = field.shape.read(&name, value)?;
                    read.insert(name, value);
                }
                None if self.refused.contains(&name.as_str()) => {
                    if !is_empty(&value) {
                        let message = format!(
                            "`{name}` is not supported here, and a restriction that nobody keeps would be a hole: \
                             leave it out"
                        );
                        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param(name));
                    }
                }
                None => return Err(self.unknown(&name)),
            }
        }
        Ok(Fields { members: read, table: *self })
    }

    fn unknown(&self, name: &str) -> Error {
        const ALIKE: f64 = 0.8;
        let alike = |other: &&'static Field| strsim::jaro_winkler(name, other.name);
        let nearest = self.fields().max_by(|one, other| alike(one).total_cmp(&alike(other)));
        let message = match nearest.filter(|nearest| alike(nearest) >= ALIKE) {
            Some(nearest) => format!("there is no field `{name}`; did you mean `{}`?", nearest.name),
            None => format!("there is no field `{name}`"),
        };
        Error::new(ErrorKind::InvalidRequest, message).with_param(name)
    }
}

/// Whether a value asks for nothing.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        Value::Number(_) => false,
    }
}

/// The fields that a request named, each as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    members: Map<String, Value>,
    table: Table,
}

impl Fields {
    /// Whether it was named, be it to clear it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// What it says, if it says anything.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Everything that it says.
    pub(crate) fn said(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.value(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.value(name).and_then(Value::as_bool)
    }

    /// What it says, which must be said.
    ///
    /// # Errors
    ///
    /// `MissingParameter`.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Error> {
        self.text(name).ok_or_else(|| missing(name))
    }

    /// The texts that it lists, at least one and not more than can be looked at in one go.
    ///
    /// # Errors
    ///
    /// `MissingParameter` or `InvalidRequest`.
    pub(crate) fn required_texts(&self, name: &str) -> Result<Vec<String>, Error> {
        const TEXTS_MAX: usize = 500;
        let mut texts = self.texts(name);
        texts.sort_unstable();
        texts.dedup();
        match texts.len() {
            0 => Err(missing(name)),
            number if number > TEXTS_MAX => {
                let message = format!("`{name}` may list {TEXTS_MAX} at most, and lists {number}");
                Err(Error::new(ErrorKind::InvalidRequest, message).with_param(name))
            }
            _ => Ok(texts),
        }
    }

    /// Sets a field, whatever the request says.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// Takes a field out, as if the request had not named it.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Writes what is kept into an object. What is `Null` is taken out of it.
    pub(crate) fn apply(&self, object: &mut Object) {
        for (name, value) in &self.members {
            let Some(field) = self.table.field(name) else { continue };
            let column = match field.place {
                Place::Asked => continue,
                Place::Settings => {
                    match value {
                        Value::Null => object.settings.remove(name),
                        value => object.settings.insert(name.clone(), value.clone()),
                    };
                    continue;
                }
                Place::Alias => &mut object.alias,
                Place::User => &mut object.user_id,
                Place::Team => &mut object.team_id,
            };
            *column = value.as_str().map(str::to_owned);
        }
    }
}

fn missing(name: &str) -> Error {
    Error::new(ErrorKind::MissingParameter, format!("`{name}` is missing")).with_param(name)
}

/// An object as replies show it: every field that is kept, and who wrote it when.
pub(crate) fn row(table: &Table, object: &Object) -> Map<String, Value> {
    let column = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
    let time = |at: i64| times::text(at).map_or(Value::Null, Value::String);
    let mut row = Map::new();
    for field in table.fields() {
        let value = match field.place {
            Place::Asked => continue,
            Place::Settings => {
                object.settings.get(field.name).cloned().unwrap_or_else(|| field.shape.empty())
            }
            Place::Alias => column(&object.alias),
            Place::User => column(&object.user_id),
            Place::Team => column(&object.team_id),
        };
        row.insert(field.name.to_owned(), value);
    }
    row.insert("created_at".to_owned(), time(object.created_at));
    row.insert("created_by".to_owned(), column(&object.created_by));
    row.insert("updated_at".to_owned(), time(object.updated_at));
    row.insert("updated_by".to_owned(), column(&object.updated_by));
    row
}

/// Budgets must make sense together.
///
/// # Errors
///
/// `InvalidRequest` if an alert would come after the end, or a raise has no end.
pub(crate) fn check_budgets(object: &Object) -> Result<(), Error> {
    let amount = |name: &str| object.settings.get(name).and_then(numbers::money);
    let has = |name: &str| object.settings.contains_key(name);
    if has("temp_budget_increase") != has("temp_budget_expiry") {
        let message = "temp_budget_increase and temp_budget_expiry must be set together";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("temp_budget_increase"));
    }
    match (amount("soft_budget"), amount("max_budget")) {
        (Some(soft), Some(max)) if soft >= max => {
            let message = format!("soft_budget ({soft}) must be strictly lower than max_budget ({max})");
            Err(Error::new(ErrorKind::InvalidRequest, message).with_param("soft_budget"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trunkline_store::Kind;

    use super::*;

    const TABLE: Table = Table {
        fields: &[&[
            kept("max_budget", Shape::Money),
            kept("models", Shape::Texts),
            column("key_alias", Shape::Text, Place::Alias),
            asked("duration", Shape::Lifetime),
        ]],
        refused: &["guardrails"],
    };

    fn read(body: Value) -> Result<Fields, String> {
        let Value::Object(body) = body else { panic!("a body is an object") };
        TABLE.read(body).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn what_is_unknown_or_without_effect_is_refused() {
        let refused = |body: Value| read(body).map(|_| ()).expect_err("refused");
        assert_eq!(
            refused(json!({ "max_buget": 5 })),
            "there is no field `max_buget`; did you mean `max_budget`?"
        );
        assert_eq!(refused(json!({ "colour": 5 })), "there is no field `colour`");
        assert!(refused(json!({ "guardrails": ["x"] })).starts_with("`guardrails` is not supported"));
        for nothing in [json!([]), json!(null), json!({}), json!(""), json!(false), json!({ "a": [] })] {
            assert!(read(json!({ "guardrails": nothing })).is_ok());
        }
    }

    #[test]
    fn null_clears_and_absence_keeps() {
        let mut object = Object::new(Kind::Key, "k", 0);
        read(json!({ "max_budget": "5", "models": ["a"], "key_alias": "x" }))
            .expect("good")
            .apply(&mut object);
        assert_eq!(object.settings.get("max_budget"), Some(&json!(5)));
        assert_eq!(object.alias.as_deref(), Some("x"));
        read(json!({ "max_budget": null, "key_alias": null, "duration": "1d" }))
            .expect("good")
            .apply(&mut object);
        assert_eq!(object.settings, *json!({ "models": ["a"] }).as_object().expect("an object"));
        assert_eq!(object.alias, None);
        assert_eq!(row(&TABLE, &object)["max_budget"], Value::Null);
    }
}
