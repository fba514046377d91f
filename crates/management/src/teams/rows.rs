//! Finding a team, and showing teams as replies do.

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object};

use crate::counters::Counters;
use crate::desk::Desk;
use crate::{fields, members, tables};

/// The live team that is named.
///
/// # Errors
///
/// `NotFound`.
pub(crate) async fn find(desk: &Desk, team_id: &str) -> Result<Object, Error> {
    desk.find(Kind::Team, team_id).await?.ok_or_else(|| {
        let message = format!("Team not found, passed team_id={team_id}");
        Error::new(ErrorKind::NotFound, message).with_param("team_id")
    })
}

/// A team with all that may be shown of it.
pub(crate) async fn row(desk: &Desk, team: &Object) -> Result<Map<String, Value>, Error> {
    let counters = Counters::read(desk, std::slice::from_ref(team)).await?;
    Ok(shown(team, &counters))
}

/// Several teams.
pub(crate) async fn rows(desk: &Desk, teams: &[Object]) -> Result<Vec<Map<String, Value>>, Error> {
    let counters = Counters::read(desk, teams).await?;
    Ok(teams.iter().map(|team| shown(team, &counters)).collect())
}

fn shown(team: &Object, counters: &Counters) -> Map<String, Value> {
    let mut row = fields::row(&tables::TEAMS, team);
    row.insert("team_id".to_owned(), Value::from(team.id.as_str()));
    if let Some(members @ Value::Null) = row.get_mut("members_with_roles") {
        *members = json!([]);
    }
    counters.show(team, &mut row);
    row
}

/// What the members of a team have there, and have spent there.
pub(crate) async fn memberships(desk: &Desk, team: &Object, members: &[Object]) -> Result<Vec<Value>, Error> {
    let counters = Counters::read(desk, members).await?;
    let shown = members.iter().map(|member| {
        let member = members::whole(team, member);
        let mut row = fields::row(&tables::MEMBERS, &member);
        counters.show(&member, &mut row);
        let part = |name: &str| row.get(name).cloned().unwrap_or(Value::Null);
        json!({
            "user_id": member.user_id,
            "team_id": member.team_id,
            "role": part("role"),
            "spend": part("spend"),
            "litellm_budget_table": {
                "max_budget": part("max_budget_in_team"),
                "budget_duration": part("budget_duration"),
                "budget_reset_at": part("budget_reset_at"),
                "rpm_limit": part("rpm_limit"),
                "tpm_limit": part("tpm_limit"),
                "max_parallel_requests": part("max_parallel_requests"),
                "allowed_models": part("allowed_models"),
            },
        })
    });
    Ok(shown.collect())
}
