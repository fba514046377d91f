//! Making a key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::{RENEWED, Token, display_name};
use trunkline_store::{Kind, Object};

use crate::desk::Desk;
use crate::draft::Draft;
use crate::fields::{self, Fields};
use crate::keys::rows::KeyRows;
use crate::keys::{bounds, ceiling, expiry, lookup};
use crate::times::Length;
use crate::{Actor, Asked, Reply, budgets, request, rights, tables};

/// A key that is about to be written, with the secret that is shown once.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) object: Object,
    pub(crate) secret: String,
}

/// `POST /key/generate`
pub(crate) async fn generate(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = request::read(asked.body.clone(), &tables::KEYS)?;
    answer(desk, asked.actor, fields, false).await
}

/// `POST /key/service-account/generate`: a key of a team that outlives every user.
pub(crate) async fn generate_service_account(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let mut fields = request::read(asked.body.clone(), &tables::KEYS)?;
    if fields.text("team_id").is_none() {
        let message =
            "team_id is required for service account keys. Please specify `team_id` in the request body.";
        return Err(Error::new(ErrorKind::MissingParameter, message).with_param("team_id"));
    }
    fields.remove("user_id");
    answer(desk, asked.actor, fields, true).await
}

async fn answer(desk: &Desk, actor: &Actor, fields: Fields, is_service: bool) -> Result<Reply, Error> {
    let _held = desk.hold_names().await;
    let made = make(desk, actor, fields, is_service).await?;
    let object = desk.write_one(actor, Draft::created(made.object)).await?;
    let rows = KeyRows::read(desk, std::slice::from_ref(&object)).await?;
    Ok(Reply::ok(shown_once(rows.row(desk, &object), &made.secret)))
}

/// The row of a key that has just been made, with the key itself.
pub(crate) fn shown_once(mut row: Map<String, Value>, secret: &str) -> Map<String, Value> {
    let token = row.get("token").cloned().unwrap_or(Value::Null);
    row.insert("token_id".to_owned(), token);
    row.insert("key".to_owned(), Value::from(secret));
    row
}

/// Works out a new key: defaults, owner, bounds. Names must be held meanwhile.
///
/// # Errors
///
/// `InvalidRequest` or `PermissionDenied`, naming what is wrong.
pub(crate) async fn make(
    desk: &Desk,
    actor: &Actor,
    mut fields: Fields,
    is_service: bool,
) -> Result<Made, Error> {
    let now = Desk::now();
    keep_in_team(actor, &mut fields);
    bounds::fill(&mut fields, desk.key_defaults());
    check_owner(desk, actor, &mut fields, is_service).await?;
    let secret = secret(desk, &fields)?;
    let mut object = named(desk, &secret, now);
    fields.apply(&mut object);
    expiry::apply(&fields, &mut object, now)?;
    check_team(desk, &mut object, now).await?;
    check_references(desk, &object).await?;
    rights::check_holds_key(desk, actor, &mut object).await?;
    ceiling::hold(desk, actor, None, &mut object).await?;
    bounds::hold(&mut object, desk.key_bounds(), None, now)?;
    fields::check_budgets(&object)?;
    check_free(desk, &object).await?;
    Ok(Made { object, secret })
}

/// An object for a key, by which it is found and can be shown.
pub(crate) fn named(desk: &Desk, secret: &str, now: i64) -> Object {
    let token = Token::of(secret);
    let mut object = Object::new(Kind::Key, desk.pepper().index(&token).as_str(), now);
    object.settings.insert("key_name".to_owned(), Value::from(display_name(secret)));
    object.settings.insert("token_sealed".to_owned(), Value::from(desk.pepper().seal(&token)));
    object
}

/// The key as it was wished, or a new one that nobody can guess.
fn secret(desk: &Desk, fields: &Fields) -> Result<String, Error> {
    let Some(wished) = fields.text("key") else { return new_secret(desk) };
    check_secret(wished, "key")?;
    Ok(wished.to_owned())
}

/// A new key that nobody can guess.
pub(crate) fn new_secret(desk: &Desk) -> Result<String, Error> {
    const BYTES: usize = 24;
    Ok(format!("sk-{}", URL_SAFE_NO_PAD.encode(desk.random::<BYTES>()?)))
}

/// Whether a key may be one.
///
/// # Errors
///
/// `InvalidRequest`, which does not repeat it.
pub(crate) fn check_secret(secret: &str, param: &str) -> Result<(), Error> {
    const CHARACTERS_MIN: usize = 16;
    const BYTES_MAX: usize = 255;
    let rest = secret.strip_prefix("sk-").unwrap_or_default();
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
    if rest.len() >= CHARACTERS_MIN && secret.len() <= BYTES_MAX && is_plain {
        return Ok(());
    }
    let message = format!(
        "Invalid key format. LiteLLM Virtual Key must start with 'sk-', followed by at least {CHARACTERS_MIN} and \
         at most {} visible ASCII characters.",
        BYTES_MAX - 3
    );
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param(param))
}

/// A key that a team's key makes is one of that team, unless it says otherwise.
fn keep_in_team(actor: &Actor, fields: &mut Fields) {
    let team_id = actor.identity().and_then(|identity| identity.team_id.as_deref());
    if let Some(team_id) = team_id.filter(|_| !actor.is_administrator() && fields.text("team_id").is_none()) {
        fields.set("team_id", Value::from(team_id));
    }
}

/// Whose key it becomes, and whether whoever asks may make it.
async fn check_owner(desk: &Desk, actor: &Actor, fields: &mut Fields, is_service: bool) -> Result<(), Error> {
    let team = match fields.text("team_id") {
        Some(team_id) => Some(desk.find(Kind::Team, team_id).await?.ok_or_else(|| {
            let message = format!("Unable to find team object in database. Team ID: {team_id}");
            Error::new(ErrorKind::InvalidRequest, message).with_param("team_id")
        })?),
        None => None,
    };
    if let Some(team) = &team {
        check_in_team(fields.text("user_id"), team)?;
    }
    if actor.is_administrator() {
        return Ok(());
    }
    let Some(own) = actor.user_id().map(str::to_owned) else {
        return Err(rights::forbidden("a key without a user makes no keys"));
    };
    rights::check_speaks_for(actor, fields.text("team_id"))?;
    let route = if is_service { "/key/service-account/generate" } else { "/key/generate" };
    if let Some(team) = &team {
        let leads = rights::leads(actor, team);
        if !leads && !rights::is_permitted(actor, team, route) {
            return Err(rights::forbidden(format!(
                "Team member does not have permissions for endpoint: {route}. team_id={}",
                team.id
            )));
        }
        if is_service || (leads && fields.has("user_id")) {
            return Ok(());
        }
    }
    match fields.text("user_id") {
        Some(user_id) if user_id != own => Err(rights::forbidden(format!(
            "User can only create keys for themselves. Got user_id={user_id}, Your ID={own}"
        ))),
        Some(_) => Ok(()),
        None => {
            fields.set("user_id", Value::from(own));
            Ok(())
        }
    }
}

fn check_in_team(user_id: Option<&str>, team: &Object) -> Result<(), Error> {
    match user_id {
        Some(user_id) if rights::role_in_team(team, user_id).is_none() => {
            let message = format!("User={user_id} not assigned to team={}", team.id);
            Err(Error::new(ErrorKind::InvalidRequest, message).with_param("user_id"))
        }
        Some(_) | None => Ok(()),
    }
}

/// What a team says of the keys of its members.
async fn check_team(desk: &Desk, key: &mut Object, now: i64) -> Result<(), Error> {
    let Some(team_id) = &key.team_id else { return Ok(()) };
    let Some(team) = desk.find(Kind::Team, team_id).await? else { return Ok(()) };
    let length = team.settings.get("team_member_key_duration").and_then(Value::as_str);
    match length {
        Some(length) if key.user_id.is_some() => {
            bounds::hold_end(key, Length::parse(length).and_then(|length| length.after(now)), length)
        }
        Some(_) | None => Ok(()),
    }
}

/// What a key refers to must be there: a budget or a team that there is not bounds nothing.
///
/// # Errors
///
/// `InvalidRequest`, naming it.
pub(crate) async fn check_references(desk: &Desk, key: &Object) -> Result<(), Error> {
    budgets::check_reference(desk, key).await?;
    if let Some(id) = &key.team_id
        && desk.find(Kind::Team, id).await?.is_none()
    {
        let message = format!("Team={id} does not exist");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("team_id"));
    }
    Ok(())
}

/// Whether key and alias are free.
///
/// # Errors
///
/// `InvalidRequest`, in LiteLLM's words.
pub(crate) async fn check_free(desk: &Desk, key: &Object) -> Result<(), Error> {
    check_unused(desk, &key.id, "key").await?;
    check_alias(desk, key, &key.id).await
}

/// Whether no key has the secret that this id comes from, nor had it before it was given another: what that has spent
/// still counts under the id, for the key that has its place.
///
/// # Errors
///
/// `InvalidRequest`, in LiteLLM's words.
pub(crate) async fn check_unused(desk: &Desk, id: &str, param: &str) -> Result<(), Error> {
    let is_used = |key: Object| !key.deleted || key.settings.contains_key(RENEWED);
    if !desk.store().object(Kind::Key, id).await?.is_some_and(is_used) {
        return Ok(());
    }
    let message = "Key already exists in the database. Please use a different key.";
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param(param))
}

/// Whether no key but one bears a key's alias.
///
/// # Errors
///
/// `InvalidRequest`, in LiteLLM's words.
pub(crate) async fn check_alias(desk: &Desk, key: &Object, but: &str) -> Result<(), Error> {
    let Some(alias) = &key.alias else { return Ok(()) };
    match lookup::by_alias(desk, alias).await? {
        Some(other) if other.id != but => {
            let message = format!(
                "Key with alias '{alias}' already exists. Unique key aliases across all keys are required."
            );
            Err(Error::new(ErrorKind::InvalidRequest, message).with_param("key_alias"))
        }
        Some(_) | None => Ok(()),
    }
}
