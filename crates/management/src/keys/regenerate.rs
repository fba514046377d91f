//! Giving a key another secret.

use serde_json::Value;
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::{COUNTS_AS, RENEWED, counts_as};
use trunkline_store::Object;

use crate::desk::Desk;
use crate::draft::Draft;
use crate::import::note::IMPORTED;
use crate::keys::rows::KeyRows;
use crate::keys::{ceiling, change, generate, lookup};
use crate::{Actor, Asked, Reply, request, rights, tables};

/// `POST /key/regenerate` and `POST /key/{key}/regenerate`: the same key under another secret. The old one is gone at
/// once, and what was spent with it counts on.
pub(crate) async fn regenerate(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let mut fields = request::read(asked.body.clone(), &tables::REGENERATED_KEYS)?;
    if fields.text("grace_period").is_some_and(|period| !period.starts_with('0')) {
        let message = "`grace_period` is not supported here: the old key is of no use any more at once";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("grace_period"));
    }
    let named = match (asked.named.as_deref(), fields.text("key"), asked.actor.identity()) {
        (Some(named), _, _) | (None, Some(named), _) => named.to_owned(),
        (None, None, Some(identity)) => identity.token.to_string(),
        (None, None, None) => return Err(lookup::not_found()),
    };
    let _held = desk.hold_names().await;
    let before = lookup::find(desk, &named).await?;
    rights::check_changes_key(desk, asked.actor, &before, "/key/regenerate").await?;
    let secret = match fields.remove("new_key") {
        Some(Value::String(wished)) => {
            generate::check_secret(&wished, "new_key")?;
            wished
        }
        Some(_) | None => generate::new_secret(desk)?,
    };
    let mut changed = change::changed(desk, asked.actor, &before, &fields).await?;
    rights::check_holds_key(desk, asked.actor, &mut changed).await?;
    ceiling::hold_shown(desk, asked.actor, &mut changed).await?;
    let after = renamed(desk, &changed, &secret);
    if after.id == before.id {
        let message = "`new_key` is the key that there is already";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("new_key"));
    }
    generate::check_unused(desk, &after.id, "new_key").await?;
    let key = write(desk, asked.actor, before, after).await?;
    let rows = KeyRows::read(desk, std::slice::from_ref(&key)).await?;
    Ok(Reply::ok(generate::shown_once(rows.row(desk, &key), &secret)))
}

async fn write(desk: &Desk, actor: &Actor, before: Object, after: Object) -> Result<Object, Error> {
    let id = after.id.clone();
    let mut old = before.clone();
    old.settings.insert(RENEWED.to_owned(), Value::Bool(true));
    let regenerated = Draft::changed(before, after, "regenerated");
    let written = desk.write(actor, vec![Draft::deleted(old), regenerated]).await?;
    let key = written.into_iter().find(|object| object.id == id);
    key.ok_or_else(|| Error::new(ErrorKind::Internal, "the store wrote a key and did not give it"))
}

/// The same key by another secret: another object, as the id of a key comes from its secret. It counts where the old one
/// did, what calls that are under way have reserved included: another secret is no new budget.
fn renamed(desk: &Desk, key: &Object, secret: &str) -> Object {
    let mut renamed = generate::named(desk, secret, key.created_at);
    let own = std::mem::take(&mut renamed.settings);
    renamed.settings = key.settings.clone();
    renamed.settings.extend(own);
    // It is no more the key that was taken over: that one has the old secret.
    renamed.settings.remove(IMPORTED);
    renamed.settings.insert(COUNTS_AS.to_owned(), Value::from(counts_as(key)));
    renamed.alias.clone_from(&key.alias);
    renamed.user_id.clone_from(&key.user_id);
    renamed.team_id.clone_from(&key.team_id);
    renamed.created_by.clone_from(&key.created_by);
    renamed
}
