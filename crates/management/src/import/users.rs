//! Users.

use serde_json::Value;
use trunkline_core::Subject;
use trunkline_keys::Role;
use trunkline_store::{Kind, LitellmRow};

use crate::import::known::Known;
use crate::import::mapped::{Mapped, Outcome};
use crate::import::missing::Missing;
use crate::import::row::Row;
use crate::import::spending::{Spending, Window};
use crate::import::{rules, taken};

/// The user on whom LiteLLM counts what all callers together have spent.
const ALL_CALLERS: &str = "litellm-proxy-budget";

/// A row of `LiteLLM_UserTable`. What its keys must know is noted.
pub(crate) fn map(row: LitellmRow, known: &mut Known, now: i64) -> Outcome {
    let mut row = Row::new(row);
    let id = row.text("user_id").unwrap_or_default().to_owned();
    let (role, told) = role(&row);
    let spending = spending(&row, now);
    let mut missing: Vec<Missing> = known.belongings(&row);
    missing.extend(told);
    if row.metadata().is_some_and(|metadata| metadata.get("scim_active") == Some(&Value::Bool(false))) {
        known.deactivated.insert(id.clone());
    }
    let mut object = taken::object(Kind::User, id.as_str(), &row, now);
    missing.extend(taken::take(row, &rules::USERS, &mut object));
    object.settings.insert("user_role".to_owned(), Value::from(role.name()));
    let restrictions = Missing::restrictions(&missing);
    if !restrictions.is_empty() {
        known.users.insert(id.clone(), restrictions);
    }
    if !taken::is_id(&id) {
        return Outcome::skipped(id, taken::NO_ID);
    }
    let mut mapped = Mapped { spending, ..Mapped::of(object, missing) };
    if id == ALL_CALLERS {
        mapped.subject = Some(Subject::global());
    }
    Outcome::mapped(mapped)
}

/// The role that comes nearest, and that there is no such role where there is none. LiteLLM takes one that it does not know
/// for an internal user; those of callers may look at what is theirs.
fn role(row: &Row) -> (Role, Option<Missing>) {
    match row.text("user_role") {
        None => (Role::InternalUser, None),
        Some("team" | "customer") => (Role::InternalUserViewer, Some(Missing::harmless("user_role"))),
        Some(name) => match Role::named(name) {
            Some(role) => (role, None),
            None => (Role::InternalUser, Some(Missing::harmless("user_role"))),
        },
    }
}

fn spending(row: &Row, now: i64) -> Spending {
    let spent = row.money("spend");
    let window = Window::of(row, spent);
    Spending::of(spent, None, window.as_slice(), now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_773_600_000;

    fn mapped(known: &mut Known, row: &Value) -> Mapped {
        map(row.as_object().expect("an object").clone(), known, NOW).expect_mapped()
    }

    #[test]
    fn a_user_comes_with_address_limits_and_role() {
        let user = mapped(
            &mut Known::default(),
            &json!({
                "user_id": "ann", "user_email": "ann@example.com", "user_alias": "Ann", "user_role": "proxy_admin_viewer",
                "teams": ["red"], "team_id": null, "sso_user_id": "x", "models": ["no-default-models"], "max_budget": 5,
                "budget_duration": "1d", "budget_reset_at": "2026-11-28T00:00:00", "spend": 3.5, "rpm_limit": 2,
                "metadata": { "cost_center": 7 }, "organization_id": null,
            }),
        );
        assert_eq!(user.object.alias.as_deref(), Some("ann@example.com"));
        assert_eq!(
            Value::Object(user.object.settings),
            json!({
                "budget_duration": "1d", "max_budget": 5, "metadata": { "cost_center": 7 }, "models": ["no-default-models"],
                "rpm_limit": 2, "user_alias": "Ann", "user_role": "proxy_admin_viewer",
            })
        );
        assert_eq!(user.missing, []);
        assert_eq!(user.spending.windows[0].amount.to_string(), "3.5");
    }

    #[test]
    fn a_role_that_there_is_not_is_no_more_than_it_was() {
        let role = |role: Value| {
            let user = mapped(&mut Known::default(), &json!({ "user_id": "ann", "user_role": role }));
            (user.object.settings["user_role"].clone(), user.missing.len())
        };
        assert_eq!(role(json!(null)), (json!("internal_user"), 0));
        assert_eq!(role(json!("org_admin")), (json!("internal_user"), 1));
        assert_eq!(role(json!("king")), (json!("internal_user"), 1));
        assert_eq!(role(json!("customer")), (json!("internal_user_viewer"), 1));
        assert_eq!(role(json!("proxy_admin")), (json!("proxy_admin"), 0));
    }

    #[test]
    fn its_keys_must_know_what_restricts_it_or_that_it_is_switched_off() {
        let mut known = Known::default();
        mapped(
            &mut known,
            &json!({ "user_id": "ann", "policies": ["p"], "metadata": { "scim_active": false } }),
        );
        mapped(&mut known, &json!({ "user_id": "ben", "metadata": { "scim_active": true } }));
        assert_eq!(known.users["ann"], [Missing::restriction("policies")]);
        assert!(known.deactivated.contains("ann") && !known.deactivated.contains("ben"));
        assert!(!known.users.contains_key("ben"));
    }

    #[test]
    fn what_all_callers_spent_is_theirs() {
        let all = mapped(&mut Known::default(), &json!({ "user_id": "litellm-proxy-budget", "spend": 7 }));
        assert_eq!(all.subject, Some(Subject::global()));
    }
}
