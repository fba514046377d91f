//! Deleting keys.

use serde_json::json;
use trunkline_core::{Error, ErrorKind};
use trunkline_store::Object;

use crate::desk::Desk;
use crate::draft::Draft;
use crate::keys::lookup;
use crate::{Asked, Reply, rights, tables};

/// `POST /key/delete`: all that are named, or none.
pub(crate) async fn delete(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_KEYS.read(asked.body.clone())?;
    let by_alias = fields.value("keys").is_none() && fields.value("key_aliases").is_some();
    let named = fields.required_texts(if by_alias { "key_aliases" } else { "keys" })?;
    let mut keys: Vec<Object> = Vec::new();
    let mut deleted = Vec::new();
    for name in &named {
        let found = if by_alias {
            lookup::by_alias(desk, name).await?
        } else {
            match lookup::find(desk, name).await {
                Ok(key) => Some(key),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            }
        };
        let Some(key) = found else { continue };
        rights::check_changes_key(desk, asked.actor, &key, "/key/delete").await?;
        deleted.push(if by_alias { name.clone() } else { lookup::public(name) });
        if !keys.iter().any(|other| other.id == key.id) {
            keys.push(key);
        }
    }
    if deleted.len() < named.len() {
        let message = format!(
            "Not all keys passed in were deleted. This probably means you don't have access to delete all the keys \
             passed in. Keys passed in={}, Deleted keys =0",
            named.len()
        );
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("keys"));
    }
    desk.write(asked.actor, keys.into_iter().map(Draft::deleted).collect()).await?;
    Ok(Reply::ok(json!({ "deleted_keys": deleted })))
}
