//! Changing teams: their settings, their models, and whether their keys are let in.

use serde_json::{Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object};

use crate::desk::Desk;
use crate::draft::Draft;
use crate::teams::rows;
use crate::{Asked, Reply, fields, members, request, tables};

/// `POST /team/update`
pub(crate) async fn update(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = request::read(asked.body.clone(), &tables::TEAMS)?;
    if fields.has("members_with_roles") {
        let message =
            "who is in a team is changed by /team/member_add, /team/member_update and /team/member_delete";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("members_with_roles"));
    }
    let before = rows::find(desk, fields.required("team_id")?).await?;
    let mut after = before.clone();
    fields.apply(&mut after);
    fields::check_budgets(&after)?;
    let mut drafts = Vec::new();
    for member in desk.of_team(Kind::Member, &before.id).await? {
        if let Some(followed) = members::followed(&before.settings, &after.settings, &member) {
            drafts.push(Draft::changed(member, followed, "updated"));
        }
    }
    drafts.push(Draft::changed(before, after.clone(), "updated"));
    let written = desk.write(asked.actor, drafts).await?;
    let team = written.iter().find(|object| object.kind == Kind::Team).unwrap_or(&after);
    Ok(Reply::ok(json!({ "team_id": team.id, "data": rows::row(desk, team).await? })))
}

/// `POST /team/block` and `POST /team/unblock`
pub(crate) async fn block(desk: &Desk, asked: &Asked<'_>, blocked: bool) -> Result<Reply, Error> {
    let fields = tables::NAMED_TEAMS.read(asked.body.clone())?;
    let before = rows::find(desk, fields.required("team_id")?).await?;
    let mut after = before.clone();
    after.settings.insert("blocked".to_owned(), Value::Bool(blocked));
    let action = if blocked { "blocked" } else { "unblocked" };
    let team = desk.write_one(asked.actor, Draft::changed(before, after, action)).await?;
    Ok(Reply::ok(rows::row(desk, &team).await?))
}

/// `POST /team/model/add` and `POST /team/model/delete`
pub(crate) async fn models(desk: &Desk, asked: &Asked<'_>, add: bool) -> Result<Reply, Error> {
    let fields = tables::TEAM_MODELS.read(asked.body.clone())?;
    let before = rows::find(desk, fields.required("team_id")?).await?;
    let named = fields.required_texts("models")?;
    let mut after = before.clone();
    let models = if add { with(&before, named) } else { without(&before, &named)? };
    after.settings.insert("models".to_owned(), Value::from(models));
    let team = desk.write_one(asked.actor, Draft::changed(before, after, "updated")).await?;
    Ok(Reply::ok(rows::row(desk, &team).await?))
}

const NOTHING: &str = "no-default-models";

fn listed(team: &Object) -> Vec<String> {
    let models = team.settings.get("models").and_then(Value::as_array).into_iter().flatten();
    models.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn with(team: &Object, named: Vec<String>) -> Vec<String> {
    let mut models = listed(team);
    models.extend(named);
    models.sort_unstable();
    models.dedup();
    models
}

/// A list that has become empty would allow everything: whoever took models away did not mean that.
fn without(team: &Object, named: &[String]) -> Result<Vec<String>, Error> {
    let mut models = listed(team);
    if models.is_empty() {
        let message = "the team has no list of models, so that it may call all: give it one by /team/update";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("models"));
    }
    models.retain(|model| !named.contains(model));
    if models.is_empty() {
        models.push(NOTHING.to_owned());
    }
    Ok(models)
}
