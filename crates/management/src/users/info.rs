//! Showing users.

use serde_json::{Value, json};
use trunkline_core::Error;
use trunkline_store::{Kind, ObjectQuery, Order};

use crate::asked::Query;
use crate::counters::Counters;
use crate::desk::Desk;
use crate::keys::rows::KeyRows;
use crate::teams::rows;
use crate::users::lookup;
use crate::{Asked, Reply, rights};

/// `GET /user/info`: the user that is named, or who asks, with keys and teams.
pub(crate) async fn info(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &["user_id"])?;
    let own = asked.actor.user_id();
    let user_id = query.text("user_id").or(own).ok_or_else(|| {
        let message = "`user_id` is missing: whoever asks is no user";
        Error::new(trunkline_core::ErrorKind::MissingParameter, message).with_param("user_id")
    })?;
    if !asked.actor.sees_everything() && own != Some(user_id) {
        let role = asked.actor.role().name();
        return Err(rights::forbidden(format!(
            "You are not allowed to access this user's info. Your role={role}"
        )));
    }
    let user = lookup::find(desk, user_id).await?;
    let keys = desk.of_user(Kind::Key, user_id).await?;
    let team_ids = lookup::team_ids(desk, user_id).await?;
    let teams = desk.find_all(Kind::Team, &team_ids).await?;
    let counters = Counters::read(desk, std::slice::from_ref(&user)).await?;
    let key_rows = KeyRows::read(desk, &keys).await?;
    let keys: Vec<Value> = keys.iter().map(|key| Value::Object(key_rows.row(desk, key))).collect();
    let teams = rows::rows(desk, &teams).await?;
    Ok(Reply::ok(json!({
        "user_id": user_id,
        "user_info": lookup::row(&user, &counters, team_ids),
        "keys": keys,
        "teams": teams,
    })))
}

/// `GET /user/list`
pub(crate) async fn list(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let names = ["page", "page_size", "user_ids", "user_email", "search"];
    let query = Query::read(asked.query, &names)?;
    let page = query.page("page_size", 25)?;
    let ids = query.texts("user_ids");
    let (users, total) = if ids.is_empty() {
        let wanted = ObjectQuery {
            search: query.text("search").or(query.text("user_email")).map(str::to_owned),
            order: Order::Newest,
            offset: page.offset(),
            limit: page.size,
            ..ObjectQuery::default()
        };
        let found = desk.store().list(Kind::User, &wanted).await?;
        (found.items, found.total)
    } else {
        let found = desk.find_all(Kind::User, &ids).await?;
        let total = found.len() as u64;
        let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let size = usize::try_from(page.size).unwrap_or_default();
        (found.into_iter().skip(skipped).take(size).collect(), total)
    };
    let counters = Counters::read(desk, &users).await?;
    let mut rows = Vec::new();
    for user in &users {
        let teams = lookup::team_ids(desk, &user.id).await?;
        let keys = ObjectQuery { user_id: Some(user.id.clone()), limit: 1, ..ObjectQuery::default() };
        let mut row = lookup::row(user, &counters, teams);
        row.insert("key_count".to_owned(), Value::from(desk.store().list(Kind::Key, &keys).await?.total));
        rows.push(row);
    }
    Ok(Reply::ok(json!({
        "users": rows,
        "total": total,
        "page": page.number,
        "page_size": page.size,
        "total_pages": page.pages(total),
    })))
}
