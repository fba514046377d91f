//! What of a row there is a field for here, and what is left over.

use serde_json::{Map, Value};
use trunkline_store::Object;

use crate::fields::{Table, is_empty};
use crate::import::missing::Missing;
use crate::import::row::{self, Row};
use crate::import::rules::{IN_METADATA, OF_ALL, Rules};
use crate::numbers;

/// How many bytes a name among people may have in the store.
const ALIAS_BYTES_MAX: usize = 500;

/// Limits of single models that LiteLLM reads beside their budgets too, and what they are called here.
const BESIDE_BUDGETS: [(&str, &str); 3] = [
    ("max_parallel_requests", "model_max_parallel_requests"),
    ("rpm_limit", "model_rpm_limit"),
    ("tpm_limit", "model_tpm_limit"),
];

/// Takes a row into an object, as far as there are fields for it. Gives what is left out.
pub(crate) fn take(row: Row, rules: &Rules, object: &mut Object) -> Vec<Missing> {
    let mut missing = Vec::new();
    for (name, value) in prepared(row, rules.table, &mut missing).into_columns() {
        let is_read = rules.read_by_name.contains(&name.as_str()) || OF_ALL.contains(&name.as_str());
        if is_read || is_empty(&value) || !take_one(rules, &name, value, object) {
            continue;
        }
        let is_harmless = rules.harmless.iter().any(|names| names.contains(&name.as_str()));
        missing.push(if is_harmless { Missing::harmless(name) } else { Missing::restriction(name) });
    }
    missing.extend(made_sensible(object));
    missing
}

/// Takes one value over. Gives whether it is left out.
fn take_one(rules: &Rules, name: &str, value: Value, object: &mut Object) -> bool {
    let Some(table) = rules.table else { return true };
    let body = Map::from_iter([(name.to_owned(), value)]);
    match table.read(body) {
        Ok(fields) => {
            fields.apply(object);
            false
        }
        Err(_) => true,
    }
}

/// The row in the spelling that fields here have.
fn prepared(mut row: Row, table: Option<&Table>, missing: &mut Vec<Missing>) -> Row {
    lift(&mut row);
    for name in ["expires", "temp_budget_expiry"] {
        if let Some(at) = row.time(name).and_then(crate::times::text) {
            row.set(name, Value::String(at));
        }
    }
    for name in ["max_budget", "soft_budget"] {
        // As at LiteLLM, what is no figure is no limit.
        if row.text(name).is_some_and(|text| matches!(text, "Infinity" | "-Infinity" | "NaN")) {
            row.remove(name);
        }
    }
    for name in ["alias", "key_alias", "team_alias", "user_email"] {
        if row.text(name).is_some_and(|text| text.len() > ALIAS_BYTES_MAX) {
            row.remove(name);
            missing.push(Missing::harmless(name));
        }
    }
    take_budgets_of_models(&mut row, table);
    row
}

/// What LiteLLM keeps in the metadata and reads there is taken for the field that it is.
fn lift(row: &mut Row) {
    let Some(metadata) = row.metadata() else { return };
    let lifted: Vec<(String, Value)> =
        IN_METADATA.iter().filter_map(|name| metadata.remove_entry(*name)).collect();
    for (name, value) in lifted {
        if row.value(&name).is_none_or(is_empty) {
            row.set(&name, value);
        }
    }
}

/// Takes the budgets of single models. What has no figure is no budget. The limits beside them are taken for the fields that
/// they are, where the row says nothing else of them; LiteLLM asks for them of keys, and of nothing without such fields.
fn take_budgets_of_models(row: &mut Row, table: Option<&Table>) {
    let Some(Value::Object(mut budgets)) = row.remove("model_max_budget") else { return };
    for (beside, name) in BESIDE_BUDGETS {
        let objects = budgets.iter_mut().filter_map(|(model, budget)| Some((model, budget.as_object_mut()?)));
        let lifted = objects.filter_map(|(model, members)| Some((model.clone(), members.remove(beside)?)));
        let lifted: Map<String, Value> = lifted.filter(|(_, count)| !count.is_null()).collect();
        let has_field = table.is_some_and(|table| table.fields().any(|field| field.name == name));
        if has_field && !lifted.is_empty() && row.value(name).is_none_or(is_empty) {
            row.set(name, Value::Object(lifted));
        }
    }
    budgets.retain(|_, budget| {
        let Some(members) = budget.as_object_mut() else { return true };
        members.retain(|_, value| !value.is_null());
        members.contains_key("budget_limit") || members.contains_key("max_budget")
    });
    row.set("model_max_budget", Value::Object(budgets));
}

/// Takes out what does not make sense together. Nobody may more by it.
fn made_sensible(object: &mut Object) -> Vec<Missing> {
    let mut out = Vec::new();
    let amount = |name: &str| object.settings.get(name).and_then(numbers::money);
    if let (Some(soft), Some(max)) = (amount("soft_budget"), amount("max_budget"))
        && soft >= max
    {
        out.push("soft_budget");
    }
    let raise = ["temp_budget_increase", "temp_budget_expiry"];
    if raise.iter().filter(|name| object.settings.contains_key(**name)).count() == 1 {
        out.extend(raise.iter().filter(|name| object.settings.contains_key(**name)));
    }
    out.into_iter()
        .map(|name| {
            object.settings.remove(name);
            Missing::harmless(name)
        })
        .collect()
}

/// Why an object is not taken over whose id can be none here.
pub(crate) const NO_ID: &str = "its id is empty, has more than 255 bytes, or holds a control character";

/// Whether an id can be one here.
pub(crate) fn is_id(text: &str) -> bool {
    const ID_BYTES_MAX: usize = 255;
    !text.is_empty() && text.len() <= ID_BYTES_MAX && !text.chars().any(char::is_control)
}

/// An object that is as old as the row, and whose maker is the same.
pub(crate) fn object(kind: trunkline_store::Kind, id: impl Into<String>, row: &Row, now: i64) -> Object {
    let mut object = Object::new(kind, id, now);
    object.created_at = row.text("created_at").and_then(row::time).unwrap_or(now);
    object.created_by = row.text("created_by").map(str::to_owned);
    object
}
