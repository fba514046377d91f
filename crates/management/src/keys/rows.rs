//! Keys as replies show them.

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use trunkline_core::Error;
use trunkline_store::Object;

use crate::budgets::{self, Budgets};
use crate::counters::Counters;
use crate::desk::Desk;
use crate::{fields, tables, times};

/// What is needed to show some keys, read at once for all of them.
#[derive(Debug)]
pub(crate) struct KeyRows {
    counters: Counters,
    budgets: Budgets,
}

impl KeyRows {
    /// Reads what these keys are shown with.
    pub(crate) async fn read(desk: &Desk, keys: &[Object]) -> Result<Self, Error> {
        Ok(Self { counters: Counters::read(desk, keys).await?, budgets: budgets::of(desk, keys).await? })
    }

    /// A key with all that may be shown of it.
    pub(crate) fn row(&self, desk: &Desk, key: &Object) -> Map<String, Value> {
        let mut row = fields::row(&tables::KEYS, key);
        let text = |name: &str| key.settings.get(name).cloned().unwrap_or(Value::Null);
        row.insert("token".to_owned(), token(desk, key));
        row.insert("key_name".to_owned(), text("key_name"));
        row.insert("status".to_owned(), Value::from(status(key, Desk::now())));
        self.counters.show(&self.budgets.counted(key), &mut row);
        row.insert("litellm_budget_table".to_owned(), self.budgets.shown(key));
        row
    }

    /// What a key has spent.
    pub(crate) fn spend(&self, key: &Object) -> Decimal {
        self.counters.spend(&self.budgets.counted(key))
    }

    /// The most that a key may spend, by itself or by the budget that it refers to.
    pub(crate) fn max_budget(&self, key: &Object) -> Option<Decimal> {
        self.budgets.max_budget(key)
    }
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
