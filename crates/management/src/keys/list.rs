//! Listing keys.

use serde_json::{Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object, ObjectQuery, Order, Page};

use crate::asked::{PageOf, Query};
use crate::desk::Desk;
use crate::keys::lookup;
use crate::keys::rows::{KeyRows, token};
use crate::{Actor, Asked, Reply, rights};

/// `GET /key/list`
pub(crate) async fn list(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(
        asked.query,
        &[
            "page",
            "size",
            "user_id",
            "team_id",
            "key_alias",
            "key_hash",
            "search",
            "status",
            "return_full_object",
            "sort_by",
            "sort_order",
        ],
    )?;
    let page = query.page("size", 10)?;
    let wanted = narrowed(desk, asked.actor, wanted(&query, page)?).await?;
    let found = match query.text("key_hash") {
        Some(hash) => one(desk, hash, &wanted).await?,
        None => desk.store().list(Kind::Key, &wanted).await?,
    };
    let keys = if query.flag("return_full_object")? {
        let rows = KeyRows::read(desk, &found.items).await?;
        found.items.iter().map(|key| Value::Object(rows.row(desk, key))).collect()
    } else {
        found.items.iter().map(|key| token(desk, key)).collect::<Vec<_>>()
    };
    Ok(Reply::ok(json!({
        "keys": keys,
        "total_count": found.total,
        "current_page": page.number,
        "total_pages": page.pages(found.total),
    })))
}

/// `GET /key/aliases`
pub(crate) async fn aliases(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &["page", "size", "search", "team_id"])?;
    let page = query.page("size", 50)?;
    let wanted = ObjectQuery { order: Order::Alias, ..wanted(&query, page)? };
    let wanted = narrowed(desk, asked.actor, wanted).await?;
    // A key without an alias cannot be told from others by the store, so that all are looked at.
    let keys = desk.every(Kind::Key, &ObjectQuery { offset: 0, ..wanted }).await?;
    let mut aliases: Vec<String> = keys.into_iter().filter_map(|key| key.alias).collect();
    aliases.sort_unstable();
    aliases.dedup();
    let total = aliases.len() as u64;
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let shown: Vec<_> =
        aliases.into_iter().skip(skipped).take(usize::try_from(page.size).unwrap_or_default()).collect();
    Ok(Reply::ok(json!({
        "aliases": shown,
        "total_count": total,
        "current_page": page.number,
        "total_pages": page.pages(total),
        "size": page.size,
    })))
}

fn wanted(query: &Query, page: PageOf) -> Result<ObjectQuery, Error> {
    let text = |name: &str| query.text(name).map(str::to_owned);
    let wrong =
        |name: &str, message: &str| Err(Error::new(ErrorKind::InvalidRequest, message).with_param(name));
    let deleted = match query.text("status") {
        None => false,
        Some("deleted") => true,
        Some(_) => return wrong("status", "Invalid status value. Currently only 'deleted' is supported."),
    };
    let order = match (query.text("sort_by"), query.text("sort_order")) {
        (None | Some("created_at"), None | Some("desc")) => Order::Newest,
        (None | Some("created_at"), Some("asc")) => Order::Oldest,
        (Some("key_alias"), None | Some("asc")) => Order::Alias,
        (Some("key_alias"), Some("desc")) => {
            return wrong("sort_order", "by key_alias, keys are sorted `asc` alone");
        }
        (Some(_), _) => return wrong("sort_by", "keys are sorted by `created_at` or `key_alias`"),
        (_, Some(_)) => return wrong("sort_order", "`sort_order` must be `asc` or `desc`"),
    };
    Ok(ObjectQuery {
        user_id: text("user_id"),
        team_id: text("team_id"),
        alias: text("key_alias"),
        search: text("search"),
        deleted,
        order,
        offset: page.offset(),
        limit: page.size,
    })
}

/// Narrows what is listed to what whoever asks may see: a user's own keys, or those of a team that it leads.
async fn narrowed(desk: &Desk, actor: &Actor, mut wanted: ObjectQuery) -> Result<ObjectQuery, Error> {
    if actor.sees_everything() {
        return Ok(wanted);
    }
    let own = actor.user_id().ok_or_else(|| rights::forbidden("a key without a user lists no keys"))?;
    if let Some(team_id) = &wanted.team_id {
        let team = desk.find(Kind::Team, team_id).await?;
        if team.is_some_and(|team| rights::leads(actor, &team)) {
            return Ok(wanted);
        }
    }
    match &wanted.user_id {
        Some(user_id) if user_id != own => {
            Err(rights::forbidden("You are not authorized to check another user's keys"))
        }
        Some(_) => Ok(wanted),
        None => {
            wanted.user_id = Some(own.to_owned());
            Ok(wanted)
        }
    }
}

/// The key of that token, if the rest of what is wanted holds for it too.
async fn one(desk: &Desk, hash: &str, wanted: &ObjectQuery) -> Result<Page<Object>, Error> {
    let found = match lookup::find_ever(desk, hash).await {
        Ok(key) => Some(key),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let is = |wanted: &Option<String>, column: &Option<String>| wanted.is_none() || wanted == column;
    let items: Vec<Object> = found
        .into_iter()
        .filter(|key| {
            is(&wanted.user_id, &key.user_id)
                && is(&wanted.team_id, &key.team_id)
                && is(&wanted.alias, &key.alias)
                && key.deleted == wanted.deleted
        })
        .collect();
    let total = items.len() as u64;
    Ok(Page { items, total })
}
