//! Who is in a team: the list that stands in the team, and what each member has there.

use serde_json::{Map, Value, json};
use trunkline_store::{Kind, Object, member_id};

/// What a team says of all its members, under the names that it has for one. It holds for those of whom nothing else is
/// said, whenever it is said.
const OF_ALL: [(&str, &str); 4] = [
    ("team_member_budget", "max_budget_in_team"),
    ("team_member_budget_duration", "budget_duration"),
    ("team_member_rpm_limit", "rpm_limit"),
    ("team_member_tpm_limit", "tpm_limit"),
];

/// The models that a member may call where nothing else is said: what the team says when it comes in, and later while it
/// has just that.
const MODELS_OF_ALL: &str = "default_team_member_models";
const MODELS: &str = "allowed_models";

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
    if let Some(models) = team.settings.get(MODELS_OF_ALL) {
        member.settings.insert(MODELS.to_owned(), models.clone());
    }
    member
}

/// A member with what it has from its team.
pub(crate) fn whole(team: &Object, member: &Object) -> Object {
    let mut whole = member.clone();
    for (of_all, name) in OF_ALL {
        if let Some(value) = team.settings.get(of_all) {
            whole.settings.entry(name).or_insert_with(|| value.clone());
        }
    }
    whole
}

/// A member whose models were those of its team, once the team says others.
pub(crate) fn followed(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    member: &Object,
) -> Option<Object> {
    let (was, is) = (before.get(MODELS_OF_ALL), after.get(MODELS_OF_ALL));
    if was == is || member.settings.get(MODELS) != was {
        return None;
    }
    let mut followed = member.clone();
    match is {
        Some(models) => followed.settings.insert(MODELS.to_owned(), models.clone()),
        None => followed.settings.remove(MODELS),
    };
    Some(followed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(settings: &Value) -> Object {
        let settings = settings.as_object().expect("an object").clone();
        Object { settings, ..Object::new(Kind::Team, "red", 0) }
    }

    #[test]
    fn a_user_is_in_a_list_once() {
        let mut team = team(&json!({}));
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
        let before = team(&json!({ "team_member_budget": 5, "default_team_member_models": ["a"] }));
        let after = team(&json!({ "team_member_budget": 7 }));
        let mut ann = member(&before, "ann", "user", 0);
        assert_eq!(Value::Object(ann.settings.clone()), json!({ "role": "user", "allowed_models": ["a"] }));
        assert_eq!(whole(&before, &ann).settings["max_budget_in_team"], json!(5));
        let followed = |ann: &Object| followed(&before.settings, &after.settings, ann);
        let expected = json!({ "role": "user" });
        assert_eq!(followed(&ann).map(|ann| Value::Object(ann.settings)), Some(expected));
        ann.settings.insert("allowed_models".to_owned(), json!(["b"]));
        ann.settings.insert("max_budget_in_team".to_owned(), json!(1));
        assert_eq!(followed(&ann), None);
        assert_eq!(whole(&after, &ann).settings["max_budget_in_team"], json!(1));
    }
}
