//! Who is in a team: the list that stands in the team, and what each member has there.

use serde_json::{Map, Value, json};
use trunkline_store::{Kind, Object, member_id};

/// What the team says of its members, and what a member is given of it where nothing else is said.
const DEFAULTS: [(&str, &str); 5] = [
    ("team_member_budget", "max_budget"),
    ("team_member_budget_duration", "budget_duration"),
    ("team_member_rpm_limit", "rpm_limit"),
    ("team_member_tpm_limit", "tpm_limit"),
    ("default_team_member_models", "allowed_models"),
];

/// Writes a user into a team's list.
pub(crate) fn enter(team: &mut Object, user_id: &str, user_email: Option<&str>, role: &str) {
    leave(team, user_id);
    let member = json!({ "user_id": user_id, "user_email": user_email, "role": role });
    match team.settings.get_mut("members_with_roles") {
        Some(Value::Array(members)) => members.push(member),
        Some(_) | None => {
            team.settings.insert("members_with_roles".to_owned(), json!([member]));
        }
    }
}

/// Takes a user out of a team's list.
pub(crate) fn leave(team: &mut Object, user_id: &str) {
    if let Some(Value::Array(members)) = team.settings.get_mut("members_with_roles") {
        members.retain(|member| member.get("user_id").and_then(Value::as_str) != Some(user_id));
    }
}

/// What a new member has in a team.
pub(crate) fn member(team: &Object, user_id: &str, role: &str, now: i64) -> Object {
    let mut member = Object::new(Kind::Member, member_id(&team.id, user_id), now);
    member.user_id = Some(user_id.to_owned());
    member.team_id = Some(team.id.clone());
    member.settings.insert("role".to_owned(), Value::from(role));
    for (of_team, name) in DEFAULTS {
        if let Some(value) = team.settings.get(of_team) {
            member.settings.insert(name.to_owned(), value.clone());
        }
    }
    member
}

/// What a member has once its team says something else: what it has from the team follows, what it was given stays.
pub(crate) fn followed(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    member: &Object,
) -> Option<Object> {
    let mut followed = member.clone();
    for (of_team, name) in DEFAULTS {
        let (was, is) = (before.get(of_team), after.get(of_team));
        if was == is || member.settings.get(name) != was {
            continue;
        }
        match is {
            Some(value) => followed.settings.insert(name.to_owned(), value.clone()),
            None => followed.settings.remove(name),
        };
    }
    (followed.settings != member.settings).then_some(followed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(settings: Value) -> Object {
        let settings = settings.as_object().expect("an object").clone();
        Object { settings, ..Object::new(Kind::Team, "red", 0) }
    }

    #[test]
    fn a_user_is_in_a_list_once() {
        let mut team = team(json!({}));
        enter(&mut team, "ann", Some("ann@example.com"), "user");
        enter(&mut team, "ben", None, "user");
        enter(&mut team, "ann", None, "admin");
        leave(&mut team, "ben");
        assert_eq!(
            team.settings["members_with_roles"],
            json!([{ "user_id": "ann", "user_email": null, "role": "admin" }])
        );
    }

    #[test]
    fn what_is_from_the_team_follows_the_team() {
        let before = team(json!({ "team_member_budget": 5, "team_member_rpm_limit": 1 }));
        let after = team(json!({ "team_member_budget": 7 }));
        let mut ann = member(&before, "ann", "user", 0);
        let followed = |ann: &Object| super::followed(&before.settings, &after.settings, ann);
        let expected = json!({ "role": "user", "max_budget": 7 });
        assert_eq!(followed(&ann).map(|ann| Value::Object(ann.settings)), Some(expected));
        ann.settings.insert("max_budget".to_owned(), json!(1));
        ann.settings.remove("rpm_limit");
        assert_eq!(followed(&ann), None);
    }
}
