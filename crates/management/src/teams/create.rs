//! Making teams.

use serde_json::Value;
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object};

use crate::desk::Desk;
use crate::draft::Draft;
use crate::keys::bounds;
use crate::teams::membership::{self, Entry};
use crate::teams::rows;
use crate::{Asked, Reply, fields, request, tables};

/// `POST /team/new`
pub(crate) async fn create(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let mut fields = request::read(asked.body.clone(), &tables::TEAMS)?;
    bounds::fill(&mut fields, desk.team_defaults());
    let _held = desk.hold_names().await;
    let id = match fields.text("team_id") {
        Some(id) => id.to_owned(),
        None => desk.new_id()?,
    };
    if desk.find(Kind::Team, &id).await?.is_some() {
        let message = format!("Team id = {id} already exists. Please use a different team id.");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("team_id"));
    }
    let entries = match fields.remove("members_with_roles") {
        Some(Value::Null) | None => Vec::new(),
        Some(Value::Array(listed)) if listed.is_empty() => Vec::new(),
        Some(listed) => Entry::read_all(&listed)?,
    };
    let mut team = Object::new(Kind::Team, id, Desk::now());
    fields.apply(&mut team);
    fields::check_budgets(&team)?;
    let mut drafts = Vec::new();
    for entry in entries {
        membership::enter(desk, &mut team, entry, None, &mut drafts).await?;
    }
    drafts.push(Draft::created(team.clone()));
    let written = desk.write(asked.actor, drafts).await?;
    let team = written.iter().find(|object| object.kind == Kind::Team).unwrap_or(&team);
    Ok(Reply::ok(rows::row(desk, team).await?))
}
