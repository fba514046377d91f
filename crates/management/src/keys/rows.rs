//! Keys as replies show them.

use std::collections::HashMap;

use serde_json::{Map, Value};
use trunkline_core::Error;
use trunkline_store::{Kind, Object};

use crate::counters::Counters;
use crate::desk::Desk;
use crate::{fields, numbers, tables, times};

/// What is needed to show some keys, read at once for all of them.
#[derive(Debug)]
pub(crate) struct KeyRows {
    counters: Counters,
    budgets: HashMap<String, Object>,
}

impl KeyRows {
    /// Reads what these keys are shown with.
    pub(crate) async fn read(desk: &Desk, keys: &[Object]) -> Result<Self, Error> {
        let counters = Counters::read(desk, keys).await?;
        let mut ids: Vec<String> = keys.iter().filter_map(budget_id).map(str::to_owned).collect();
        ids.sort_unstable();
        ids.dedup();
        let budgets = desk.find_all(Kind::Budget, &ids).await?;
        Ok(Self {
            counters,
            budgets: budgets.into_iter().map(|budget| (budget.id.clone(), budget)).collect(),
        })
    }

    /// A key with all that may be shown of it.
    pub(crate) fn row(&self, desk: &Desk, key: &Object) -> Map<String, Value> {
        let mut row = fields::row(&tables::KEYS, key);
        let text = |name: &str| key.settings.get(name).cloned().unwrap_or(Value::Null);
        row.insert("token".to_owned(), token(desk, key));
        row.insert("key_name".to_owned(), text("key_name"));
        row.insert("status".to_owned(), Value::from(status(key, Desk::now())));
        self.counters.show(&self.counted(key), &mut row);
        let budget = self.budget(key).map(|budget| Value::Object(budget_row(budget)));
        row.insert("litellm_budget_table".to_owned(), budget.unwrap_or(Value::Null));
        row
    }

    /// What a key has spent.
    pub(crate) fn spend(&self, key: &Object) -> rust_decimal::Decimal {
        self.counters.spend(&self.counted(key))
    }

    fn budget(&self, key: &Object) -> Option<&Object> {
        budget_id(key).and_then(|id| self.budgets.get(id))
    }

    /// The key with the window that its spend is counted in: its own, or that of the budget that it refers to.
    fn counted(&self, key: &Object) -> Object {
        let mut counted = key.clone();
        let window = self.budget(key).and_then(|budget| budget.settings.get("budget_duration"));
        if let Some(window) = window.filter(|_| !key.settings.contains_key("max_budget")) {
            counted.settings.entry("budget_duration").or_insert_with(|| window.clone());
        }
        counted
    }

    /// The most that a key may spend, by itself or by the budget that it refers to.
    pub(crate) fn max_budget(&self, key: &Object) -> Option<rust_decimal::Decimal> {
        let of = |object: &Object| object.settings.get("max_budget").and_then(numbers::money);
        of(key).or_else(|| self.budget(key).and_then(of))
    }
}

fn budget_id(key: &Object) -> Option<&str> {
    key.settings.get("budget_id").and_then(Value::as_str)
}

fn budget_row(budget: &Object) -> Map<String, Value> {
    fields::row(&tables::BUDGETS, budget)
}

/// What a key is known by in public.
pub(crate) fn token(desk: &Desk, key: &Object) -> Value {
    let sealed = key.settings.get("token_sealed").and_then(Value::as_str);
    let token = sealed.and_then(|sealed| desk.pepper().open(sealed));
    token.map_or(Value::Null, |token| Value::String(token.to_string()))
}

/// Whether a key is good, in LiteLLM's words.
fn status(key: &Object, now: i64) -> &'static str {
    let expires = key.settings.get("expires").and_then(Value::as_str).and_then(times::parse);
    if key.deleted {
        "deleted"
    } else if key.settings.get("blocked") == Some(&Value::Bool(true)) {
        "revoked"
    } else if expires.is_some_and(|expires| expires <= now) {
        "expired"
    } else {
        "active"
    }
}
