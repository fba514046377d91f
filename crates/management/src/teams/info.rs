//! Showing teams.

use serde_json::{Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, ObjectQuery};

use crate::asked::Query;
use crate::desk::Desk;
use crate::keys::rows::KeyRows;
use crate::teams::rows;
use crate::users::lookup;
use crate::{Asked, Reply, rights};

/// `GET /team/info`
pub(crate) async fn info(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &["team_id"])?;
    let of_key = asked.actor.identity().and_then(|identity| identity.team_id.as_deref());
    let team_id = query.text("team_id").or(of_key).ok_or_else(|| {
        Error::new(ErrorKind::MissingParameter, "`team_id` is missing").with_param("team_id")
    })?;
    let team = rows::find(desk, team_id).await?;
    rights::check_sees_team(asked.actor, &team)?;
    let mut keys = desk.of_team(Kind::Key, team_id).await?;
    let mut members = desk.of_team(Kind::Member, team_id).await?;
    if !asked.actor.sees_everything() && !rights::leads(asked.actor, &team) {
        // Members see what is their own.
        let own = asked.actor.user_id();
        let index = asked.actor.identity().map(|identity| identity.index.as_str());
        let is_own = |user_id: &Option<String>| own.is_some() && user_id.as_deref() == own;
        keys.retain(|key| is_own(&key.user_id) || index == Some(key.id.as_str()));
        members.retain(|member| is_own(&member.user_id));
    }
    let key_rows = KeyRows::read(desk, &keys).await?;
    let keys: Vec<Value> = keys.iter().map(|key| Value::Object(key_rows.row(desk, key))).collect();
    Ok(Reply::ok(json!({
        "team_id": team_id,
        "team_info": rows::row(desk, &team).await?,
        "keys": keys,
        "team_memberships": rows::memberships(desk, &team, &members).await?,
    })))
}

/// `GET /team/list`: all teams, or those of one user.
pub(crate) async fn list(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &["user_id", "team_alias"])?;
    let own = asked.actor.user_id();
    let user_id = match query.text("user_id") {
        Some(user_id) if !asked.actor.sees_everything() && own != Some(user_id) => {
            let role = asked.actor.role().name();
            return Err(rights::forbidden(format!(
                "Only admin users can query all teams/other teams. Your user role={role}"
            )));
        }
        Some(user_id) => Some(user_id),
        None if asked.actor.sees_everything() => None,
        None => Some(own.ok_or_else(|| rights::forbidden("a key without a user lists no teams"))?),
    };
    let alias = query.text("team_alias");
    let teams = match user_id {
        Some(user_id) => {
            let ids = lookup::team_ids(desk, user_id).await?;
            let mut teams = desk.find_all(Kind::Team, &ids).await?;
            teams.retain(|team| alias.is_none() || team.alias.as_deref() == alias);
            teams
        }
        None => {
            let wanted = ObjectQuery { alias: alias.map(str::to_owned), ..ObjectQuery::default() };
            desk.every(Kind::Team, &wanted).await?
        }
    };
    let rows = rows::rows(desk, &teams).await?;
    Ok(Reply::ok(rows.into_iter().map(Value::Object).collect::<Vec<_>>()))
}
