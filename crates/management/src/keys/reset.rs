//! Setting what a key has spent.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::{SPEND_RESET_AT, SPEND_RESET_TO};
use trunkline_store::Lowered;

use crate::counters::subject;
use crate::desk::Desk;
use crate::draft::Draft;
use crate::keys::lookup;
use crate::keys::rows::{KeyRows, token};
use crate::{Asked, Reply, numbers, rights, tables, times};

/// `POST /key/{key}/reset_spend`: what was spent counts as no more than this from now on, in every window and of every
/// model. Counters in memory are lowered when the key is read next, at every replica.
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
    // Whoever keeps counters in memory knows by it that there was another word, though clocks differ.
    let last = before.settings.get(SPEND_RESET_AT).and_then(Value::as_str).and_then(times::parse);
    let at = last.map_or(Desk::now(), |last| Desk::now().max(last + 1));
    after.settings.insert(SPEND_RESET_AT.to_owned(), times::text(at).map_or(Value::Null, Value::String));
    after.settings.insert(SPEND_RESET_TO.to_owned(), numbers::value(amount));
    let Some(subject) = subject(&before) else { return Err(lookup::not_found()) };
    let draft = Draft::changed(before, after, "spend_reset").lowering(Lowered { subject, to: amount });
    let key = desk.write_one(asked.actor, draft).await?;
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
