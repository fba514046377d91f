//! Making users.

use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::Role;
use trunkline_store::{Kind, Object};

use crate::counters::Counters;
use crate::desk::Desk;
use crate::draft::Draft;
use crate::fields::{self, Fields};
use crate::keys::rows::KeyRows;
use crate::keys::{bounds, generate};
use crate::users::lookup;
use crate::{Asked, Reply, members, request, tables};

/// `POST /user/new`: a user, and a key of its own unless that is not wished.
pub(crate) async fn create(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let mut fields = request::read(asked.body.clone(), &tables::NEW_USERS)?;
    bounds::fill(&mut fields, desk.user_defaults());
    let _held = desk.hold_names().await;
    let now = Desk::now();
    let user = user(desk, &fields, now).await?;
    let mut drafts = vec![Draft::created(user.clone())];
    let teams = enter_teams(desk, &fields, &user, now, &mut drafts).await?;
    let made = match fields.flag("auto_create_key") {
        Some(false) => None,
        Some(true) | None => Some(generate::make(desk, asked.actor, of_key(&fields, &user)?, false).await?),
    };
    let secret = made.as_ref().map(|made| made.secret.clone());
    drafts.extend(made.map(|made| Draft::created(made.object)));
    let written = desk.write(asked.actor, drafts).await?;
    let find = |kind: Kind| written.iter().find(|object| object.kind == kind);
    let user = find(Kind::User).unwrap_or(&user);
    let counters = Counters::read(desk, std::slice::from_ref(user)).await?;
    let mut reply = Map::new();
    if let (Some(key), Some(secret)) = (find(Kind::Key), secret) {
        let rows = KeyRows::read(desk, std::slice::from_ref(key)).await?;
        reply = generate::shown_once(rows.row(desk, key), &secret);
    }
    reply.extend(lookup::row(user, &counters, teams));
    Ok(Reply::ok(reply))
}

async fn user(desk: &Desk, fields: &Fields, now: i64) -> Result<Object, Error> {
    let id = match fields.text("user_id") {
        Some(id) => id.to_owned(),
        None => desk.new_id()?,
    };
    let exists = |label: &str, value: &str, param: &str| {
        let message = format!("User with {label} {value} already exists");
        Err(Error::new(ErrorKind::Conflict, message).with_param(param))
    };
    if desk.find(Kind::User, &id).await?.is_some() {
        return exists("id", &id, "user_id");
    }
    if let Some(email) = fields.text("user_email")
        && lookup::by_email(desk, email).await?.is_some()
    {
        return exists("email", email, "user_email");
    }
    let mut user = Object::new(Kind::User, id, now);
    fields.apply(&mut user);
    let role = user.settings.entry("user_role");
    role.or_insert_with(|| Value::from(Role::InternalUser.name()));
    fields::check_budgets(&user)?;
    Ok(user)
}

/// What of a request is about the key. Limits are the user's, and hold for its keys together.
fn of_key(fields: &Fields, user: &Object) -> Result<Fields, Error> {
    let mut of_key = Map::new();
    for name in ["key_alias", "duration", "team_id"] {
        if let Some(value) = fields.value(name) {
            of_key.insert(name.to_owned(), value.clone());
        }
    }
    of_key.insert("user_id".to_owned(), Value::from(user.id.as_str()));
    tables::KEYS.read(of_key)
}

/// Makes the user a member of the teams that are named. Gives their ids.
async fn enter_teams(
    desk: &Desk,
    fields: &Fields,
    user: &Object,
    now: i64,
    drafts: &mut Vec<Draft>,
) -> Result<Vec<String>, Error> {
    let mut entered = Vec::new();
    let wrong = || {
        let message =
            "`teams` must be a list of team ids, or of {\"team_id\", \"max_budget_in_team\", \"user_role\"}";
        Error::new(ErrorKind::InvalidRequest, message).with_param("teams")
    };
    let teams = match fields.value("teams") {
        None => return Ok(entered),
        Some(Value::Array(teams)) => teams,
        Some(_) => return Err(wrong()),
    };
    for wanted in teams {
        let wanted = match wanted {
            Value::String(team_id) => Wanted { team_id: team_id.clone(), role: "user", max_budget: None },
            Value::Object(members) => Wanted::read(members.clone()).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        let before = desk.find(Kind::Team, &wanted.team_id).await?.ok_or_else(|| {
            let message = format!("Team not found, passed team_id={}", wanted.team_id);
            Error::new(ErrorKind::InvalidRequest, message).with_param("teams")
        })?;
        if entered.contains(&wanted.team_id) {
            return Err(wrong());
        }
        let mut team = before.clone();
        members::enter(&mut team, &user.id, user.alias.as_deref(), wanted.role);
        let mut member = members::member(&team, &user.id, wanted.role, now);
        if let Some(max_budget) = wanted.max_budget {
            member.settings.insert("max_budget_in_team".to_owned(), max_budget);
        }
        drafts.push(Draft::changed(before, team, "updated"));
        drafts.push(Draft::created(member));
        entered.push(wanted.team_id);
    }
    Ok(entered)
}

/// A team that a new user is to be in.
struct Wanted {
    team_id: String,
    role: &'static str,
    max_budget: Option<Value>,
}

impl Wanted {
    fn read(body: Map<String, Value>) -> Option<Self> {
        let fields = tables::TEAMS_OF_USERS.read(body).ok()?;
        let role = if fields.text("user_role") == Some("admin") { "admin" } else { "user" };
        let max_budget = fields.value("max_budget_in_team").cloned();
        Some(Self { team_id: fields.text("team_id")?.to_owned(), role, max_budget })
    }
}
