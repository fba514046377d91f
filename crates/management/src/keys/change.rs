//! Changing keys: their settings, and whether they are let in.

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::Object;

use crate::desk::Desk;
use crate::draft::Draft;
use crate::fields::{self, Fields};
use crate::keys::rows::KeyRows;
use crate::keys::{bounds, ceiling, expiry, generate, lookup};
use crate::{Actor, Asked, Reply, request, rights, tables};

/// `POST /key/update`
pub(crate) async fn update(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let (named, row) = update_one(desk, asked.actor, asked.body.clone()).await?;
    Ok(Reply::ok(with_key(row, named.as_deref())))
}

/// `POST /key/bulk_update`: each by itself, and what went wrong beside what went well.
pub(crate) async fn update_in_bulk(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    const KEYS_MAX: usize = 500;
    let fields = tables::KEYS_IN_BULK.read(asked.body.clone())?;
    let wrong = || {
        let message =
            format!("`keys` must be a list of 1 to {KEYS_MAX} changes, each an object with a `key`");
        Error::new(ErrorKind::InvalidRequest, message).with_param("keys")
    };
    let Some(Value::Array(changes)) = fields.value("keys") else { return Err(wrong()) };
    if changes.is_empty() || changes.len() > KEYS_MAX {
        return Err(wrong());
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for change in changes {
        let Value::Object(body) = change else { return Err(wrong()) };
        let shown =
            body.get("key").and_then(Value::as_str).map(lookup::public).map_or(Value::Null, Value::from);
        match update_one(desk, asked.actor, body.clone()).await {
            Ok((_, row)) => done.push(json!({ "key": shown, "key_info": row })),
            Err(error) => {
                failed.push(json!({ "key": shown, "key_info": null, "failed_reason": error.message() }));
            }
        }
    }
    Ok(Reply::ok(json!({
        "total_requested": changes.len(),
        "successful_updates": done,
        "failed_updates": failed,
    })))
}

/// `POST /key/block` and `POST /key/unblock`
pub(crate) async fn block(desk: &Desk, asked: &Asked<'_>, blocked: bool) -> Result<Reply, Error> {
    let fields = tables::NAMED_KEYS.read(asked.body.clone())?;
    let before = lookup::find(desk, fields.required("key")?).await?;
    rights::check_leads_key(desk, asked.actor, &before, asked.row.path).await?;
    let mut after = before.clone();
    after.settings.insert("blocked".to_owned(), Value::Bool(blocked));
    let action = if blocked { "blocked" } else { "unblocked" };
    let key = desk.write_one(asked.actor, Draft::changed(before, after, action)).await?;
    let rows = KeyRows::read(desk, std::slice::from_ref(&key)).await?;
    Ok(Reply::ok(rows.row(desk, &key)))
}

/// Changes one key. Gives what it was named by, and its row.
async fn update_one(
    desk: &Desk,
    actor: &Actor,
    body: Map<String, Value>,
) -> Result<(Option<String>, Map<String, Value>), Error> {
    let fields = request::read(body, &tables::KEYS)?;
    let _held = desk.hold_names().await;
    let before = named(desk, &fields).await?;
    rights::check_changes_key(desk, actor, &before, "/key/update").await?;
    let after = changed(desk, actor, &before, &fields).await?;
    let key = desk.write_one(actor, Draft::changed(before, after, "updated")).await?;
    let rows = KeyRows::read(desk, std::slice::from_ref(&key)).await?;
    Ok((fields.text("key").map(str::to_owned), rows.row(desk, &key)))
}

async fn named(desk: &Desk, fields: &Fields) -> Result<Object, Error> {
    match (fields.text("key"), fields.text("key_alias")) {
        (Some(key), _) => lookup::find(desk, key).await,
        (None, Some(alias)) => lookup::by_alias(desk, alias).await?.ok_or_else(lookup::not_found),
        (None, None) => {
            let message = "either key or key_alias must be provided";
            Err(Error::new(ErrorKind::MissingParameter, message).with_param("key"))
        }
    }
}

/// A key with changes. Names must be held meanwhile.
///
/// # Errors
///
/// `InvalidRequest` or `PermissionDenied`, naming what is wrong.
pub(crate) async fn changed(
    desk: &Desk,
    actor: &Actor,
    before: &Object,
    fields: &Fields,
) -> Result<Object, Error> {
    let now = Desk::now();
    let mut after = before.clone();
    fields.apply(&mut after);
    expiry::apply(fields, &mut after, now)?;
    if !actor.is_administrator() && (after.user_id != before.user_id || after.team_id != before.team_id) {
        return Err(rights::forbidden("Only proxy admins can change the user or the team of a key."));
    }
    generate::check_references(desk, &after).await?;
    ceiling::hold(desk, actor, Some(before), &mut after).await?;
    bounds::hold(&mut after, desk.key_bounds(), Some(fields), now)?;
    fields::check_budgets(&after)?;
    generate::check_alias(desk, &after, &before.id).await?;
    Ok(after)
}

/// The row of a key, with what it was named by.
fn with_key(mut row: Map<String, Value>, named: Option<&str>) -> Map<String, Value> {
    let key = named.map(lookup::public).map(Value::from);
    let key = key.or_else(|| row.get("token").cloned()).unwrap_or(Value::Null);
    row.insert("key".to_owned(), key);
    row
}
