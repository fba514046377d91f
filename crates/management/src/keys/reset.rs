//! Setting what a key has spent.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::Spent;

use crate::counters::subject;
use crate::desk::Desk;
use crate::draft::Draft;
use crate::keys::lookup;
use crate::keys::rows::{KeyRows, token};
use crate::{Asked, Reply, numbers, rights, tables, times};

/// `POST /key/{key}/reset_spend`: what was spent counts as this much from now on, in every window.
pub(crate) async fn reset_spend(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::RESET_SPEND.read(asked.body.clone())?;
    let wrong = |message: String| Error::new(ErrorKind::InvalidRequest, message).with_param("reset_to");
    let amount = fields.value("reset_to").and_then(numbers::money);
    let amount = amount.ok_or_else(|| wrong("reset_to must be a number that is not negative".to_owned()))?;
    let before = lookup::find(desk, asked.named.as_deref().unwrap_or_default()).await?;
    rights::check_leads_key(desk, asked.actor, &before, "/key/{key}/reset_spend").await?;
    let rows = KeyRows::read(desk, std::slice::from_ref(&before)).await?;
    let spend = rows.spend(&before);
    if amount > spend {
        return Err(wrong(format!("reset_to ({amount}) must be <= current spend ({})", spend.normalize())));
    }
    if let Some(max) = rows.max_budget(&before).filter(|max| amount > *max) {
        return Err(wrong(format!("reset_to ({amount}) must be <= budget ({max})")));
    }
    let mut after = before.clone();
    let now = times::text(Desk::now()).map_or(Value::Null, Value::String);
    after.settings.insert("spend_reset_at".to_owned(), now);
    let key = desk.write_one(asked.actor, Draft::changed(before, after, "spend_reset")).await?;
    let Some(subject) = subject(&key) else { return Err(lookup::not_found()) };
    for counter in desk.store().spent(std::slice::from_ref(&subject)).await? {
        let set = if counter.amount > amount { amount } else { counter.amount };
        desk.store().set_spent(&Spent { amount: set, ..counter }).await?;
    }
    desk.options().listener.spend_changed(std::slice::from_ref(&subject), amount);
    let rows = KeyRows::read(desk, std::slice::from_ref(&key)).await?;
    let row = rows.row(desk, &key);
    let shown = |name: &str| row.get(name).cloned().unwrap_or(Value::Null);
    Ok(Reply::ok(json!({
        "key_hash": token(desk, &key),
        "spend": numbers::sum(amount.max(Decimal::ZERO)),
        "previous_spend": numbers::sum(spend),
        "max_budget": shown("max_budget"),
        "budget_reset_at": shown("budget_reset_at"),
    })))
}
