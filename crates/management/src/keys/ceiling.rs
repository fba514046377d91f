//! What a key may be given at most by somebody who is no administrator: never more than is theirs.

use serde_json::Value;
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::ModelList;
use trunkline_store::{Kind, Object, member_id};

use crate::desk::Desk;
use crate::keys::inheritance::{self, Limited};
use crate::{Actor, members, numbers, rights};

/// Somebody whose limits bound those of a key.
struct Owner {
    who: &'static str,
    limited: Limited,
    models: &'static str,
    /// Whether a key that has no limit of its own is given this one. Where the owner's own limit is asked at each
    /// request, it need not be.
    hands_down: bool,
}

const NUMBERS: [&str; 4] = ["max_budget", "max_parallel_requests", "rpm_limit", "tpm_limit"];

/// What only administrators give, and take.
const RESERVED: [&str; 6] =
    ["allowed_routes", "permissions", "blocked", "budget_id", "temp_budget_increase", "temp_budget_expiry"];

/// Holds a key to what its maker has: the key that asks, and the user or the team that the new key belongs to. For a key
/// that is changed, `before` is as it was, and only what is changed is looked at: the rest may be an administrator's gift.
///
/// # Errors
///
/// `PermissionDenied` for what only administrators set, `InvalidRequest` for more than there is.
pub(crate) async fn hold(
    desk: &Desk,
    actor: &Actor,
    before: Option<&Object>,
    key: &mut Object,
) -> Result<(), Error> {
    if actor.is_administrator() {
        return Ok(());
    }
    check_reserved(before, key)?;
    hold_to_owners(desk, actor, before, key).await
}

/// Holds a key whose secret is about to be shown to the key that asks, changed or not: a key that is limited must not get
/// hold of one that is not.
///
/// # Errors
///
/// `InvalidRequest` for more than there is.
pub(crate) async fn hold_shown(desk: &Desk, actor: &Actor, key: &mut Object) -> Result<(), Error> {
    if actor.is_administrator() {
        return Ok(());
    }
    let asking = actor.identity().map(|identity| identity.index.as_str());
    let own_budget = inheritance::budget(desk, key).await?;
    for owner in owners(desk, actor, key).await?.into_iter().filter(|owner| owner.hands_down) {
        if asking != Some(key.id.as_str()) {
            hold_to(&owner, key, own_budget.as_ref(), &|_| true)?;
        }
    }
    Ok(())
}

async fn hold_to_owners(
    desk: &Desk,
    actor: &Actor,
    before: Option<&Object>,
    key: &mut Object,
) -> Result<(), Error> {
    let whole = key.clone();
    let is_changed =
        |name: &str| before.is_none_or(|before| before.settings.get(name) != whole.settings.get(name));
    let own_budget = inheritance::budget(desk, key).await?;
    for owner in owners(desk, actor, key).await? {
        hold_to(&owner, key, own_budget.as_ref(), &is_changed)?;
    }
    Ok(())
}

/// Holds a key, which may refer to a budget, to what one of its owners has.
fn hold_to(
    owner: &Owner,
    key: &mut Object,
    own_budget: Option<&Object>,
    is_changed: &impl Fn(&str) -> bool,
) -> Result<(), Error> {
    if is_changed("models") {
        hold_models(owner, key)?;
    }
    hold_numbers(owner, key, own_budget, is_changed)?;
    if owner.hands_down {
        inheritance::hand_down(&owner.limited, key, own_budget, is_changed)
    } else {
        Ok(())
    }
}

/// What only administrators set, or change.
fn check_reserved(before: Option<&Object>, key: &Object) -> Result<(), Error> {
    for name in RESERVED {
        let is = |object: &Object| object.settings.get(name).filter(|value| !is_nothing(value)).cloned();
        if is(key) != before.and_then(is) {
            return Err(rights::forbidden(format!("Only proxy admins can set `{name}` on a key.")));
        }
    }
    let Some(before) = before else { return Ok(()) };
    let kept = texts(key.settings.get("tags"));
    if texts(before.settings.get("tags")).iter().any(|tag| !kept.contains(tag)) {
        return Err(rights::forbidden("Only proxy admins can take `tags` from a key."));
    }
    let kind = |object: &Object| object.settings.get("key_type").and_then(Value::as_str).map(str::to_owned);
    let narrow = kind(before).filter(|kind| kind != "default");
    if narrow.is_some() && narrow != kind(key) {
        return Err(rights::forbidden("Only proxy admins can change the `key_type` of a key."));
    }
    Ok(())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

async fn owners(desk: &Desk, actor: &Actor, key: &Object) -> Result<Vec<Owner>, Error> {
    let mut owners = Vec::new();
    if let Some(identity) = actor.identity()
        && let Some(object) = desk.find(Kind::Key, identity.index.as_str()).await?
    {
        let limited = Limited { budget: inheritance::budget(desk, &object).await?, object };
        owners.push(Owner { who: "key", limited, models: "models", hands_down: true });
    }
    let mut add = |who, object: Option<Object>, models| {
        let limited = object.map(|object| Limited { object, budget: None });
        owners.extend(limited.map(|limited| Owner { who, limited, models, hands_down: false }));
    };
    match (&key.team_id, &key.user_id) {
        (Some(team_id), user_id) => {
            let team = desk.find(Kind::Team, team_id).await?;
            if let (Some(team), Some(user_id)) = (&team, user_id) {
                add("team member", Some(member(desk, team, user_id).await?), "allowed_models");
            }
            add("team", team, "models");
        }
        (None, Some(user_id)) => add("user", desk.find(Kind::User, user_id).await?, "models"),
        (None, None) => {}
    }
    Ok(owners)
}

/// What a user has in a team, under the names that limits have elsewhere.
async fn member(desk: &Desk, team: &Object, user_id: &str) -> Result<Object, Error> {
    let kept = desk.find(Kind::Member, &member_id(&team.id, user_id)).await?;
    let member = kept.unwrap_or_else(|| members::member(team, user_id, "user", Desk::now()));
    let mut member = members::whole(team, &member);
    if let Some(max_budget) = member.settings.remove("max_budget_in_team") {
        member.settings.insert("max_budget".to_owned(), max_budget);
    }
    Ok(member)
}

fn hold_models(owner: &Owner, key: &mut Object) -> Result<(), Error> {
    let list = owner.limited.object.settings.get(owner.models);
    let allowed = ModelList::read(list);
    if allowed.is_all() {
        return Ok(());
    }
    let given = key.settings.get("models");
    if ModelList::read(given).is_all() {
        if let (true, Some(list)) = (owner.hands_down, list) {
            key.settings.insert("models".to_owned(), list.clone());
        }
        return Ok(());
    }
    let is_beyond = |model: &&str| *model != "no-default-models" && !allowed.allows(model, []);
    let Some(beyond) = texts(given).into_iter().find(is_beyond) else { return Ok(()) };
    let message = format!("Model not in allowed {} models: {beyond}", owner.who);
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param("models"))
}

fn hold_numbers(
    owner: &Owner,
    key: &mut Object,
    own_budget: Option<&Object>,
    is_changed: &impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let of_owner = |name: &str| owner.limited.setting(name).and_then(numbers::money);
    for name in NUMBERS.into_iter().filter(|name| is_changed(name)) {
        let Some(max) = of_owner(name) else { continue };
        match inheritance::setting(key, own_budget, name).and_then(numbers::money) {
            Some(given) if given > max => {
                return Err(beyond(owner, name, &given.to_string(), &max.to_string()));
            }
            // What the owner has by a budget comes with that.
            None if owner.hands_down && owner.limited.says(name) => {
                key.settings.insert(name.to_owned(), numbers::value(max));
            }
            Some(_) | None => {}
        }
    }
    let max = of_owner("max_budget").filter(|_| is_changed("budget_limits"));
    let Some(max) = max else { return Ok(()) };
    let budgets = key.settings.get("budget_limits").and_then(Value::as_array).into_iter().flatten();
    let greatest = budgets.filter_map(|budget| budget.get("max_budget").and_then(numbers::money)).max();
    match greatest {
        Some(given) if given > max => {
            Err(beyond(owner, "budget_limits", &given.to_string(), &max.to_string()))
        }
        Some(_) | None => Ok(()),
    }
}

fn beyond(owner: &Owner, name: &str, given: &str, max: &str) -> Error {
    let who = owner.who;
    let message = format!("{name} higher than {who} max. {who} {name}={max}, asked for={given}");
    Error::new(ErrorKind::InvalidRequest, message).with_param(name)
}
