//! Deleting users, with their keys and their places in teams.

use std::collections::BTreeMap;

use serde_json::Value;
use trunkline_core::Error;
use trunkline_store::{Kind, Object};

use crate::desk::Desk;
use crate::draft::Draft;
use crate::users::lookup;
use crate::{Asked, Reply, members, tables};

/// `POST /user/delete`: all that are named, or none. Gives how many.
pub(crate) async fn delete(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_USERS.read(asked.body.clone())?;
    let user_ids = fields.required_texts("user_ids")?;
    let mut drafts = Vec::new();
    let mut teams: BTreeMap<String, (Object, Object)> = BTreeMap::new();
    for user_id in &user_ids {
        drafts.push(Draft::deleted(lookup::find(desk, user_id).await?));
        drafts.extend(desk.of_user(Kind::Key, user_id).await?.into_iter().map(Draft::deleted));
        for member in desk.of_user(Kind::Member, user_id).await? {
            if let Some(team_id) = &member.team_id {
                leave(desk, &mut teams, team_id, user_id).await?;
            }
            drafts.push(Draft::deleted(member));
        }
    }
    drafts.extend(teams.into_values().map(|(before, after)| Draft::changed(before, after, "updated")));
    desk.write(asked.actor, drafts).await?;
    Ok(Reply::ok(Value::from(user_ids.len())))
}

async fn leave(
    desk: &Desk,
    teams: &mut BTreeMap<String, (Object, Object)>,
    team_id: &str,
    user_id: &str,
) -> Result<(), Error> {
    if !teams.contains_key(team_id) {
        let Some(team) = desk.find(Kind::Team, team_id).await? else { return Ok(()) };
        teams.insert(team_id.to_owned(), (team.clone(), team));
    }
    if let Some((_, after)) = teams.get_mut(team_id) {
        members::leave(after, user_id);
    }
    Ok(())
}
