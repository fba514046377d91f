//! Teams.

use serde_json::{Value, json};
use trunkline_store::{Kind, LitellmRow, Object};

use crate::import::known::{Known, Team};
use crate::import::mapped::{Mapped, Outcome};
use crate::import::missing::Missing;
use crate::import::row::Row;
use crate::import::spending::{Spending, Window};
use crate::import::{rules, taken};
use crate::numbers;

/// Where a team says which budget its members have who have none of their own.
const DEFAULT_BUDGET: &str = "team_member_budget_id";

/// How the limits of that budget are called at a team.
const OF_DEFAULT_BUDGET: [(&str, &str); 4] = [
    ("max_budget", "team_member_budget"),
    ("budget_duration", "team_member_budget_duration"),
    ("rpm_limit", "team_member_rpm_limit"),
    ("tpm_limit", "team_member_tpm_limit"),
];

/// A row of `LiteLLM_TeamTable`. What its members and keys must know is noted.
pub(crate) fn map(row: LitellmRow, known: &mut Known, now: i64) -> Outcome {
    let mut row = Row::new(row);
    let id = row.text("team_id").unwrap_or_default().to_owned();
    let spending = spending(&row, known, now);
    let mut missing: Vec<Missing> = known.belongings(&row);
    let (listed, unnamed) = listed(row.value("members_with_roles"));
    missing.extend(unnamed);
    let default_budget = row.metadata().and_then(|metadata| metadata.remove(DEFAULT_BUDGET));
    let default_budget = default_budget.as_ref().and_then(Value::as_str).map(str::to_owned);
    let is_window_spend_lost = known.is_window_spend_lost(&row);
    let mut object = taken::object(Kind::Team, id.as_str(), &row, now);
    missing.extend(taken::take(row, &rules::TEAMS, &mut object));
    if let Some(budget_id) = &default_budget {
        missing.extend(take_default(known, budget_id, &mut object));
    }
    let members = listed.iter().map(|(user_id, _, role)| (user_id.clone(), *role)).collect();
    if !listed.is_empty() {
        let entry = |(user_id, email, role): &(String, Value, &str)| json!({ "user_id": user_id, "user_email": email, "role": role });
        object.settings.insert("members_with_roles".to_owned(), listed.iter().map(entry).collect());
    }
    if !taken::is_id(&id) {
        return Outcome::skipped(id, taken::NO_ID);
    }
    known.teams.insert(id, Team { default_budget, members });
    let mut mapped = Mapped { spending, ..Mapped::of(object, missing) };
    if is_window_spend_lost {
        mapped.begins_anew.push("budget_limits");
    }
    if let Some(alias) = &mapped.object.alias {
        mapped.name = format!("{alias} ({})", mapped.object.id);
    }
    Outcome::mapped(mapped)
}

/// Who is in a team: each with an address and a role. Whoever is known by an address alone is in it once there is a user.
fn listed(members: Option<&Value>) -> (Vec<(String, Value, &'static str)>, Option<Missing>) {
    let mut listed: Vec<(String, Value, &'static str)> = Vec::new();
    let mut has_unnamed = false;
    for member in members.and_then(Value::as_array).into_iter().flatten() {
        let user_id = member.get("user_id").and_then(Value::as_str).filter(|id| taken::is_id(id));
        let Some(user_id) = user_id else {
            has_unnamed = true;
            continue;
        };
        let role = if member.get("role").and_then(Value::as_str) == Some("admin") { "admin" } else { "user" };
        if !listed.iter().any(|(other, ..)| other == user_id) {
            listed.push((user_id.to_owned(), member.get("user_email").cloned().unwrap_or(Value::Null), role));
        }
    }
    (listed, has_unnamed.then(|| Missing::harmless("members_with_roles")))
}

/// Takes over what all members have. A budget of nothing is none there, and nobody asks for its other limits.
fn take_default(known: &Known, budget_id: &str, team: &mut Object) -> Vec<Missing> {
    let Some(budget) = known.budgets.get(budget_id) else {
        return vec![Missing::restriction(DEFAULT_BUDGET)];
    };
    let is_nothing = |name: &str, value: &Value| {
        name == "max_budget" && numbers::money(value).is_some_and(|amount| amount.is_zero())
    };
    for (own, of_all) in OF_DEFAULT_BUDGET {
        if let Some(value) = budget.settings.get(own).filter(|value| !is_nothing(own, value)) {
            team.settings.insert(of_all.to_owned(), value.clone());
        }
    }
    budget.missing.iter().map(|missing| missing.of("budget", budget_id)).collect()
}

fn spending(row: &Row, known: &Known, now: i64) -> Spending {
    let spent = row.money("spend");
    let own = Window::of(row, spent);
    let id = row.text("team_id").unwrap_or_default();
    Spending::of(spent, None, own.as_slice(), now).with(&known.windows_of_limits(row, "team", id), now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::known::Budget;

    const NOW: i64 = 1_795_773_600_000;

    fn mapped(known: &mut Known, row: &Value) -> Mapped {
        map(row.as_object().expect("an object").clone(), known, NOW).expect_mapped()
    }

    fn with_budget(settings: &Value) -> Known {
        let mut known = Known::default();
        let settings = settings.as_object().expect("an object").clone();
        known.budgets.insert("b".to_owned(), Budget { settings, ..Budget::default() });
        known
    }

    #[test]
    fn a_team_comes_with_its_members_and_what_they_all_have() {
        let mut known = with_budget(&json!({
            "max_budget": 5, "budget_duration": "30d", "rpm_limit": 2, "max_parallel_requests": 9,
        }));
        let team = mapped(
            &mut known,
            &json!({
                "team_id": "red", "team_alias": "Red", "admins": [], "members": ["ann"], "blocked": false, "spend": 12.5,
                "members_with_roles": [
                    { "role": "admin", "user_id": "ann", "user_email": "ann@example.com" },
                    { "role": "user", "user_id": "ben", "user_email": null },
                    { "role": "user", "user_id": "ben", "user_email": null },
                    { "role": "user", "user_id": null, "user_email": "cid@example.com" },
                ],
                "metadata": { "team_member_budget_id": "b", "team_member_key_duration": "30d", "cost_center": 7 },
                "max_budget": 100, "models": ["gpt-4o"], "team_member_permissions": ["/key/generate"],
                "default_team_member_models": ["gpt-4o"], "model_id": 3,
            }),
        );
        assert_eq!(
            Value::Object(team.object.settings),
            json!({
                "default_team_member_models": ["gpt-4o"], "max_budget": 100,
                "members_with_roles": [
                    { "role": "admin", "user_id": "ann", "user_email": "ann@example.com" },
                    { "role": "user", "user_id": "ben", "user_email": null },
                ],
                "metadata": { "cost_center": 7 }, "models": ["gpt-4o"], "team_member_budget": 5,
                "team_member_budget_duration": "30d", "team_member_key_duration": "30d",
                "team_member_permissions": ["/key/generate"], "team_member_rpm_limit": 2,
            })
        );
        let left: Vec<String> = team.missing.iter().map(Missing::to_string).collect();
        assert_eq!(left, ["members_with_roles", "model_id"]);
        assert!(team.missing.iter().all(|missing| !missing.restricts));
        assert_eq!(team.spending.ever.map(|amount| amount.to_string()).as_deref(), Some("12.5"));
        assert_eq!(known.teams["red"].members.len(), 2);
        assert_eq!(team.name, "Red (red)");
    }

    #[test]
    fn what_would_let_a_team_do_more_blocks_it() {
        let check = |metadata: Value, expected: bool| {
            let mut team = mapped(&mut Known::default(), &json!({ "team_id": "red", "metadata": metadata }));
            team.hold_back(&[]);
            assert_eq!(team.object.settings.contains_key("blocked"), expected, "{metadata}");
        };
        check(json!({ "guardrails": ["pii"] }), true);
        check(json!({ "tags": ["t"] }), true);
        check(json!({ "team_member_budget_id": "gone" }), true);
        check(json!({ "guardrails": [], "soft_budget_alerting_emails": ["a@b"] }), false);
    }

    #[test]
    fn a_budget_of_nothing_for_all_members_is_none() {
        let mut known = with_budget(&json!({ "max_budget": 0, "tpm_limit": 7 }));
        let team =
            mapped(&mut known, &json!({ "team_id": "red", "metadata": { "team_member_budget_id": "b" } }));
        assert_eq!(Value::Object(team.object.settings), json!({ "team_member_tpm_limit": 7 }));
    }
}
