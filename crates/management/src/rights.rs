//! Who may do what: by role, by owner, and by what somebody is in a team.

use serde_json::Value;
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::{LENT, Role};
use trunkline_store::{Kind, Object};

use crate::desk::Desk;
use crate::{Actor, EndpointRow};

/// Whether a role may call an endpoint at all.
///
/// # Errors
///
/// `Unauthenticated`, which is how LiteLLM says so.
pub(crate) fn check_role(row: &EndpointRow, actor: &Actor) -> Result<(), Error> {
    let role = actor.role();
    if is_enough(role, row.least) {
        return Ok(());
    }
    let message = format!(
        "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
         keys/users/teams. Route={}. Your role={}.",
        row.path,
        role.name()
    );
    Err(Error::new(ErrorKind::Unauthenticated, message))
}

/// Roles are no ladder: whoever looks at everything changes nothing, not even what is its own.
fn is_enough(role: Role, least: Role) -> bool {
    match least {
        Role::ProxyAdmin => role == Role::ProxyAdmin,
        Role::ProxyAdminViewer => matches!(role, Role::ProxyAdmin | Role::ProxyAdminViewer),
        Role::InternalUser => matches!(role, Role::ProxyAdmin | Role::InternalUser),
        Role::InternalUserViewer => role != Role::Team,
        Role::Team => true,
    }
}

/// That somebody may not do this.
pub(crate) fn forbidden(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::PermissionDenied, message)
}

/// What a user is in a team.
pub(crate) fn role_in_team<'t>(team: &'t Object, user_id: &str) -> Option<&'t str> {
    let members = team.settings.get("members_with_roles").and_then(Value::as_array)?;
    let member =
        members.iter().find(|member| member.get("user_id").and_then(Value::as_str) == Some(user_id))?;
    Some(member.get("role").and_then(Value::as_str).unwrap_or("user"))
}

/// Whether somebody leads a team. A key of another team speaks for nobody there.
pub(crate) fn leads(actor: &Actor, team: &Object) -> bool {
    let role = actor.user_id().and_then(|user_id| role_in_team(team, user_id));
    actor.is_administrator() || (role == Some("admin") && speaks_for(actor, Some(&team.id)))
}

/// Whether a key may act on what belongs to a team, or to none: one of a team acts for that team alone.
fn speaks_for(actor: &Actor, team_id: Option<&str>) -> bool {
    let own = actor.identity().and_then(|identity| identity.team_id.as_deref());
    own.is_none() || own == team_id
}

/// Whether somebody may look at a key.
///
/// # Errors
///
/// `PermissionDenied`, or what the store says.
pub(crate) async fn check_sees_key(desk: &Desk, actor: &Actor, key: &Object) -> Result<(), Error> {
    let Some(identity) = actor.identity() else { return Ok(()) };
    let is_own = identity.index.as_str() == key.id
        || (actor.user_id().is_some() && actor.user_id() == key.user_id.as_deref());
    if actor.sees_everything() || is_own || leads_team_of(desk, actor, key).await? {
        return Ok(());
    }
    let role = actor.role().name();
    Err(forbidden(format!("You are not allowed to access this key's info. Your role={role}")))
}

/// Whether somebody may change or delete a key.
///
/// # Errors
///
/// `PermissionDenied`, or what the store says.
pub(crate) async fn check_changes_key(
    desk: &Desk,
    actor: &Actor,
    key: &Object,
    route: &str,
) -> Result<(), Error> {
    if actor.is_administrator() {
        return Ok(());
    }
    let is_own = actor.user_id().is_some()
        && actor.user_id() == key.user_id.as_deref()
        && speaks_for(actor, key.team_id.as_deref());
    let may = match &key.team_id {
        None => is_own,
        Some(team_id) => match desk.find(Kind::Team, team_id).await? {
            Some(team) => leads(actor, &team) || (is_own && is_permitted(actor, &team, route)),
            None => is_own,
        },
    };
    if may {
        return Ok(());
    }
    let role = actor.role().name();
    Err(forbidden(format!("You are not allowed to change this key by {route}. Your role={role}")))
}

/// Whether somebody may block a key, let it in again, or set what it has spent: whoever leads its team, and not who owns
/// it.
///
/// # Errors
///
/// `PermissionDenied`, or what the store says.
pub(crate) async fn check_leads_key(
    desk: &Desk,
    actor: &Actor,
    key: &Object,
    route: &str,
) -> Result<(), Error> {
    if leads_team_of(desk, actor, key).await? {
        return Ok(());
    }
    let user_id = actor.user_id().unwrap_or("None");
    let role = actor.role().name();
    Err(forbidden(format!(
        "Only proxy admins, team admins, or org admins can call {route}. user_role={role}, user_id={user_id}"
    )))
}

async fn leads_team_of(desk: &Desk, actor: &Actor, key: &Object) -> Result<bool, Error> {
    if actor.is_administrator() {
        return Ok(true);
    }
    let Some(team_id) = &key.team_id else { return Ok(false) };
    Ok(desk.find(Kind::Team, team_id).await?.is_some_and(|team| leads(actor, &team)))
}

/// Whether somebody may call an endpoint for keys of their own in a team: who is a member of it, where it lets its members.
pub(crate) fn is_permitted(actor: &Actor, team: &Object, route: &str) -> bool {
    let is_member = actor.user_id().is_some_and(|user_id| role_in_team(team, user_id).is_some());
    let permissions = team.settings.get("team_member_permissions").and_then(Value::as_array);
    let is_listed = permissions.into_iter().flatten().any(|permission| permission.as_str() == Some(route));
    is_member && is_listed && speaks_for(actor, Some(&team.id))
}

/// Whether somebody may make what belongs to a team, or to none: by a key of that team or of no team, or as an
/// administrator.
///
/// # Errors
///
/// `PermissionDenied`.
pub(crate) fn check_speaks_for(actor: &Actor, team_id: Option<&str>) -> Result<(), Error> {
    if actor.is_administrator() || speaks_for(actor, team_id) {
        return Ok(());
    }
    let own = actor.identity().and_then(|identity| identity.team_id.as_deref()).unwrap_or("None");
    Err(forbidden(format!(
        "a key of team={own} makes keys of that team alone: leave `team_id` out, or ask with a key of no team"
    )))
}

/// Whether somebody may be shown the secret of a key, which is as good as being its user. A key that is shown to somebody
/// else is noted to be lent, so that it stays harmless when its user becomes an administrator.
///
/// # Errors
///
/// `PermissionDenied` if its user may more than an internal user, or the key that asks belongs to another team; or what
/// the store says.
pub(crate) async fn check_holds_key(desk: &Desk, actor: &Actor, key: &mut Object) -> Result<(), Error> {
    if actor.is_administrator() {
        return Ok(());
    }
    check_speaks_for(actor, key.team_id.as_deref())?;
    let is_own = actor.user_id().is_some() && actor.user_id() == key.user_id.as_deref();
    let is_lent = actor.identity().is_some_and(|identity| identity.is_lent);
    if is_own && !is_lent {
        return Ok(());
    }
    key.settings.insert(LENT.to_owned(), Value::Bool(true));
    let (Some(user_id), false) = (&key.user_id, is_own) else { return Ok(()) };
    let role = match desk.find(Kind::User, user_id).await? {
        Some(user) => Role::of_user(&user.settings),
        None => Role::InternalUser,
    };
    if matches!(role, Role::InternalUser | Role::InternalUserViewer) {
        return Ok(());
    }
    Err(forbidden(format!(
        "User={user_id} is {}: only proxy admins, and {user_id} with a key of its own, make keys for it or regenerate \
         them. Ask one of them",
        role.name()
    )))
}

/// Whether somebody may look at a team.
///
/// # Errors
///
/// `PermissionDenied`.
pub(crate) fn check_sees_team(actor: &Actor, team: &Object) -> Result<(), Error> {
    let is_member = actor.user_id().is_some_and(|user_id| role_in_team(team, user_id).is_some());
    let is_of_key =
        actor.identity().is_some_and(|identity| identity.team_id.as_deref() == Some(team.id.as_str()));
    if actor.sees_everything() || is_member || is_of_key {
        return Ok(());
    }
    let user_id = actor.user_id().unwrap_or("None");
    Err(forbidden(format!("User={user_id} not authorized to access this team={}", team.id)))
}

/// Whether somebody may change who is in a team.
///
/// # Errors
///
/// `PermissionDenied`.
pub(crate) fn check_leads_team(actor: &Actor, team: &Object, route: &str) -> Result<(), Error> {
    if leads(actor, team) {
        return Ok(());
    }
    Err(forbidden(format!(
        "Call not allowed. User not proxy admin OR team admin. route={route}, team_id={}",
        team.id
    )))
}
