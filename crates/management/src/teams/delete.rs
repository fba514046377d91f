//! Deleting teams, with their keys and memberships.

use serde_json::Value;
use trunkline_core::Error;
use trunkline_store::Kind;

use crate::desk::Desk;
use crate::draft::Draft;
use crate::teams::rows;
use crate::{Asked, Reply, tables};

/// `POST /team/delete`: all that are named, or none. Gives them as they were.
pub(crate) async fn delete(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_TEAMS.read(asked.body.clone())?;
    let mut teams = Vec::new();
    let mut drafts = Vec::new();
    for team_id in fields.required_texts("team_ids")? {
        teams.push(rows::find(desk, &team_id).await?);
        for kind in [Kind::Key, Kind::Member] {
            drafts.extend(desk.of_team(kind, &team_id).await?.into_iter().map(Draft::deleted));
        }
    }
    drafts.extend(teams.iter().cloned().map(Draft::deleted));
    let shown = rows::rows(desk, &teams).await?;
    desk.write(asked.actor, drafts).await?;
    Ok(Reply::ok(shown.into_iter().map(Value::Object).collect::<Vec<_>>()))
}
