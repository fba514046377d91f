//! Members of teams: what each of them has in a team, and what they are there.

use serde_json::Value;
use trunkline_store::{Kind, LitellmRow, Object, member_id};

use crate::fields::is_empty;
use crate::import::known::{Budget, Known};
use crate::import::mapped::{Mapped, Outcome};
use crate::import::missing::Missing;
use crate::import::row::Row;
use crate::import::spending::Spending;
use crate::import::taken;

/// How the limits of a budget are called at a member. Others hold for no member at LiteLLM.
const OF_BUDGET: [(&str, &str); 4] = [
    ("max_budget", "max_budget_in_team"),
    ("budget_duration", "budget_duration"),
    ("rpm_limit", "rpm_limit"),
    ("tpm_limit", "tpm_limit"),
];

/// A row of `LiteLLM_TeamMembership`. Whoever is in no list of the team has no part in leading it, but what is said of them
/// holds for their keys.
pub(crate) fn map(row: LitellmRow, known: &mut Known, now: i64) -> Outcome {
    let row = Row::new(row);
    let text = |name: &str| row.text(name).unwrap_or_default().to_owned();
    let (team_id, user_id) = (text("team_id"), text("user_id"));
    let name = shown(&team_id, &user_id);
    let Some(team) = known.teams.get_mut(&team_id) else {
        return Outcome::skipped(name, "its team is not there");
    };
    if !taken::is_id(&user_id) {
        return Outcome::skipped(name, taken::NO_ID);
    }
    let role = team.members.remove(&user_id).unwrap_or("user");
    let default_budget = team.default_budget.clone();
    let mut object = member(&team_id, &user_id, role, now);
    let (own, budget) = (row.text("budget_id"), known.budget(&row));
    let missing = take_budget(own, budget, default_budget.as_deref(), &mut object);
    let of_all = default_budget.as_ref().and_then(|id| known.budgets.get(id));
    let spending = spending(&row, [budget, of_all], now);
    let restrictions = Missing::restrictions(&missing);
    if !restrictions.is_empty() {
        known.members.insert(object.id.clone(), restrictions);
    }
    Outcome::mapped(Mapped { name, spending, ..Mapped::of(object, missing) })
}

/// A member of whom there is no row.
pub(crate) fn without_row(team_id: &str, user_id: &str, role: &str, now: i64) -> Outcome {
    let object = member(team_id, user_id, role, now);
    Outcome::mapped(Mapped { name: shown(team_id, user_id), ..Mapped::of(object, Vec::new()) })
}

/// How people know a member.
pub(crate) fn shown(team_id: &str, user_id: &str) -> String {
    format!("{user_id} of team {team_id}")
}

fn member(team_id: &str, user_id: &str, role: &str, now: i64) -> Object {
    let mut member = Object::new(Kind::Member, member_id(team_id, user_id), now);
    member.user_id = Some(user_id.to_owned());
    member.team_id = Some(team_id.to_owned());
    member.settings.insert("role".to_owned(), Value::from(role));
    member
}

/// Takes over what the member's own budget says. What is said of all members stands at the team.
fn take_budget(
    own: Option<&str>,
    budget: Option<&Budget>,
    of_all: Option<&str>,
    member: &mut Object,
) -> Vec<Missing> {
    let Some(id) = own else { return Vec::new() };
    let Some(budget) = budget else { return vec![Missing::restriction("budget_id")] };
    if let Some(models) = budget.models.as_ref().filter(|models| !is_empty(models)) {
        member.settings.insert("allowed_models".to_owned(), models.clone());
    }
    if own == of_all {
        return Vec::new();
    }
    for (name, at_member) in OF_BUDGET {
        if let Some(value) = budget.settings.get(name) {
            member.settings.insert(at_member.to_owned(), value.clone());
        }
    }
    budget.missing.iter().map(|missing| missing.of("budget", id)).collect()
}

/// What a member spends in the team begins anew with the window of its own budget, or else with that of all members.
fn spending(row: &Row, budgets: [Option<&Budget>; 2], now: i64) -> Spending {
    let spent = row.money("spend");
    let windows = budgets.into_iter().flatten().filter_map(|budget| budget.window(spent));
    Spending::of(spent, row.spent_in_all(), &windows.collect::<Vec<_>>(), now)
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use serde_json::json;

    use super::*;
    use crate::import::known::Team;
    use crate::import::row::time;

    const NOW: i64 = 1_795_773_600_000;

    fn known() -> Known {
        let mut known = Known::default();
        let budget = |settings: Value, ends_at: &str| Budget {
            settings: settings.as_object().expect("an object").clone(),
            ends_at: time(ends_at),
            ..Budget::default()
        };
        let monthly = json!({ "max_budget": 5, "budget_duration": "30d", "max_parallel_requests": 2 });
        known.budgets.insert("all".to_owned(), budget(monthly, "2026-12-01T00:00:00"));
        let weekly = json!({ "max_budget": 2, "budget_duration": "7d", "tpm_limit": 9, "soft_budget": 1 });
        let own = Budget { models: Some(json!(["gpt-4o"])), ..budget(weekly, "2026-11-30T00:00:00") };
        known.budgets.insert("own".to_owned(), own);
        let members = [("ann".to_owned(), "admin")].into_iter().collect();
        known.teams.insert("red".to_owned(), Team { default_budget: Some("all".to_owned()), members });
        known
    }

    fn mapped(known: &mut Known, row: &Value) -> Mapped {
        map(row.as_object().expect("an object").clone(), known, NOW).expect_mapped()
    }

    #[test]
    fn a_member_has_its_own_budget_and_spends_in_its_windows() {
        let mut known = known();
        let row = json!({ "user_id": "ann", "team_id": "red", "spend": 1.25, "total_spend": 8, "budget_id": "own" });
        let ann = mapped(&mut known, &row);
        assert_eq!(ann.object.id, member_id("red", "ann"));
        assert_eq!(
            Value::Object(ann.object.settings),
            json!({
                "allowed_models": ["gpt-4o"], "budget_duration": "7d", "max_budget_in_team": 2, "role": "admin", "tpm_limit": 9,
            })
        );
        let windows: Vec<&str> = ann.spending.windows.iter().map(|window| window.period.as_str()).collect();
        assert_eq!((windows, ann.spending.ever), (vec!["7d", "30d"], Some(Decimal::from(8))));
        assert!(known.teams["red"].members.is_empty(), "it is known what she has");
    }

    #[test]
    fn what_all_members_have_stands_at_the_team() {
        let row = json!({ "user_id": "zed", "team_id": "red", "spend": 0.5, "budget_id": "all" });
        let zed = mapped(&mut known(), &row);
        assert_eq!(Value::Object(zed.object.settings), json!({ "role": "user" }));
        assert_eq!(zed.spending.windows.len(), 1);
    }

    #[test]
    fn of_a_team_that_there_is_not_nobody_is_a_member() {
        let row = json!({ "user_id": "ann", "team_id": "gone", "spend": 0 });
        let outcome = map(row.as_object().expect("an object").clone(), &mut known(), NOW);
        assert!(matches!(outcome, Outcome::Skipped { .. }));
    }
}
