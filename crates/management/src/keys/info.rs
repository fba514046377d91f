//! Showing keys.

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object};

use crate::asked::Query;
use crate::desk::Desk;
use crate::keys::lookup;
use crate::keys::rows::KeyRows;
use crate::{Actor, Asked, Reply, rights, tables};

/// `GET /key/info`: the key that is named, or the one that asks. A deleted one is shown too.
pub(crate) async fn info(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &["key"])?;
    let key = match query.text("key") {
        Some(named) => lookup::find_ever(desk, named).await?,
        None => own(desk, asked.actor).await?,
    };
    rights::check_sees_key(desk, asked.actor, &key).await?;
    let rows = KeyRows::read(desk, std::slice::from_ref(&key)).await?;
    let (token, row) = apart(rows.row(desk, &key));
    Ok(Reply::ok(json!({ "key": token, "info": row })))
}

/// `POST /v2/key/info`: those that are there, of those that are named.
pub(crate) async fn infos(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_KEYS.read(asked.body.clone())?;
    let named = fields.required_texts("keys")?;
    let mut keys = Vec::new();
    for name in &named {
        match lookup::find(desk, name).await {
            Ok(key) => {
                rights::check_sees_key(desk, asked.actor, &key).await?;
                keys.push(key);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let rows = KeyRows::read(desk, &keys).await?;
    let shown: Vec<_> = keys.iter().map(|key| rows.row(desk, key)).collect();
    let named: Vec<_> = named.iter().map(|name| lookup::public(name)).collect();
    Ok(Reply::ok(json!({ "key": named, "info": shown })))
}

/// `POST /key/health`: whoever reads the reply has a key that is good.
pub(crate) fn health() -> Reply {
    Reply::ok(json!({
        "key": "healthy",
        "logging_callbacks": {
            "callbacks": [],
            "status": "healthy",
            "details": "No logger callbacks configured.",
        },
    }))
}

async fn own(desk: &Desk, actor: &Actor) -> Result<Object, Error> {
    let Some(identity) = actor.identity() else { return Err(lookup::not_found()) };
    desk.find(Kind::Key, identity.index.as_str()).await?.ok_or_else(lookup::not_found)
}

/// The token and the rest of a row.
fn apart(mut row: Map<String, Value>) -> (Value, Map<String, Value>) {
    (row.remove("token").unwrap_or(Value::Null), row)
}
