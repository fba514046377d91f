//! Who is in a team: adding, changing and taking out members.

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::Role;
use trunkline_store::{Kind, Object, member_id};

use crate::desk::Desk;
use crate::draft::Draft;
use crate::fields::Fields;
use crate::teams::rows;
use crate::users::lookup;
use crate::{Asked, Reply, members, rights, tables};

/// Somebody who is to be in a team.
#[derive(Debug)]
pub(crate) struct Entry {
    user_id: Option<String>,
    user_email: Option<String>,
    role: &'static str,
}

impl Entry {
    /// Those that a list names, or the one that an object does.
    ///
    /// # Errors
    ///
    /// `InvalidRequest`.
    pub(crate) fn read_all(listed: &Value) -> Result<Vec<Self>, Error> {
        const ENTRIES_MAX: usize = 500;
        let listed = match listed {
            Value::Array(listed) => listed.as_slice(),
            one => std::slice::from_ref(one),
        };
        if listed.is_empty() || listed.len() > ENTRIES_MAX {
            return Err(Self::wrong());
        }
        listed.iter().map(|entry| entry.as_object().and_then(Self::read).ok_or_else(Self::wrong)).collect()
    }

    fn read(members: &Map<String, Value>) -> Option<Self> {
        let fields = tables::ENTRIES.read(members.clone()).ok()?;
        let text = |name: &str| fields.text(name).map(str::to_owned);
        let role = if fields.text("role") == Some("admin") { "admin" } else { "user" };
        let entry = Self { user_id: text("user_id"), user_email: text("user_email"), role };
        (entry.user_id.is_some() || entry.user_email.is_some()).then_some(entry)
    }

    fn wrong() -> Error {
        let message = "a member is {\"role\": \"user\" or \"admin\", and \"user_id\" or \"user_email\"}";
        Error::new(ErrorKind::InvalidRequest, message).with_param("member")
    }
}

/// `POST /team/member_add`
pub(crate) async fn add(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NEW_MEMBERS.read(asked.body.clone())?;
    let _held = desk.hold_names().await;
    let before = rows::find(desk, fields.required("team_id")?).await?;
    rights::check_leads_team(asked.actor, &before, asked.row.path)?;
    let listed = fields.value("member").ok_or_else(|| {
        Error::new(ErrorKind::MissingParameter, "No member/members passed in").with_param("member")
    })?;
    let mut team = before.clone();
    let mut drafts = Vec::new();
    for entry in Entry::read_all(listed)? {
        enter(desk, &mut team, entry, Some(&fields), &mut drafts).await?;
    }
    drafts.push(Draft::changed(before, team, "updated"));
    let written = desk.write(asked.actor, drafts).await?;
    let of_kind = |kind: Kind| -> Vec<Object> {
        written.iter().filter(|object| object.kind == kind).cloned().collect()
    };
    let team = one_team(&written)?;
    let mut row = rows::row(desk, &team).await?;
    let users = of_kind(Kind::User);
    let users = users.iter().map(|user| json!({ "user_id": user.id, "user_email": user.alias }));
    row.insert("updated_users".to_owned(), users.collect());
    let members = rows::memberships(desk, &team, &of_kind(Kind::Member)).await?;
    row.insert("updated_team_memberships".to_owned(), Value::from(members));
    Ok(Reply::ok(row))
}

fn one_team(written: &[Object]) -> Result<Object, Error> {
    let team = written.iter().find(|object| object.kind == Kind::Team);
    team.cloned().ok_or_else(|| Error::new(ErrorKind::Internal, "the store wrote a team and did not give it"))
}

/// Brings somebody into a team. A user who is not there yet is made.
///
/// # Errors
///
/// `InvalidRequest` if it is in it already.
pub(crate) async fn enter(
    desk: &Desk,
    team: &mut Object,
    entry: Entry,
    given: Option<&Fields>,
    drafts: &mut Vec<Draft>,
) -> Result<(), Error> {
    let now = Desk::now();
    let (user, is_new) = user(desk, &entry, now).await?;
    if rights::role_in_team(team, &user.id).is_some() {
        let message = format!("User={} already in team. team_id={}", user.id, team.id);
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("member"));
    }
    members::enter(team, &user.id, user.alias.as_deref(), entry.role);
    let mut member = members::member(team, &user.id, entry.role, now);
    if let Some(fields) = given {
        fields.apply(&mut member);
    }
    drafts.push(Draft::created(member));
    if is_new {
        drafts.push(Draft::created(user));
    }
    Ok(())
}

/// The user that is meant, and whether it is new.
async fn user(desk: &Desk, entry: &Entry, now: i64) -> Result<(Object, bool), Error> {
    let by_id = match &entry.user_id {
        Some(user_id) => desk.find(Kind::User, user_id).await?,
        None => None,
    };
    let by_email = match &entry.user_email {
        Some(email) => lookup::by_email(desk, email).await?,
        None => None,
    };
    if let (Some(user_id), Some(email), Some(other)) = (&entry.user_id, &entry.user_email, &by_email)
        && other.id != *user_id
    {
        let message = format!("user_email '{email}' and user_id '{user_id}' do not belong to the same user.");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("member"));
    }
    if let Some(user) = by_id.or(by_email) {
        return Ok((user, false));
    }
    let id = match &entry.user_id {
        Some(user_id) => user_id.clone(),
        None => desk.new_id()?,
    };
    let mut user = Object::new(Kind::User, id, now);
    user.alias.clone_from(&entry.user_email);
    user.settings.insert("user_role".to_owned(), Value::from(Role::InternalUser.name()));
    Ok((user, true))
}

/// `POST /team/member_update`
pub(crate) async fn update(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::MEMBERS.read(asked.body.clone())?;
    let (team, user_id) = named(desk, asked, &fields).await?;
    let id = member_id(&team.id, &user_id);
    let before = desk.find(Kind::Member, &id).await?;
    let role = rights::role_in_team(&team, &user_id).unwrap_or("user");
    let mut after = before.clone().unwrap_or_else(|| members::member(&team, &user_id, role, Desk::now()));
    fields.apply(&mut after);
    let mut drafts = vec![match before {
        Some(before) => Draft::changed(before, after.clone(), "updated"),
        None => Draft::created(after.clone()),
    }];
    if let Some(role) = fields.text("role") {
        let email = desk.find(Kind::User, &user_id).await?.and_then(|user| user.alias);
        let mut changed = team.clone();
        members::enter(&mut changed, &user_id, email.as_deref(), role);
        drafts.push(Draft::changed(team.clone(), changed, "updated"));
    }
    desk.write(asked.actor, drafts).await?;
    let shown = |name: &str| after.settings.get(name).cloned().unwrap_or(Value::Null);
    Ok(Reply::ok(json!({
        "team_id": team.id,
        "user_id": user_id,
        "user_email": fields.text("user_email"),
        "role": shown("role"),
        "max_budget_in_team": shown("max_budget_in_team"),
        "budget_duration": shown("budget_duration"),
        "rpm_limit": shown("rpm_limit"),
        "tpm_limit": shown("tpm_limit"),
        "allowed_models": shown("allowed_models"),
    })))
}

/// `POST /team/member_delete`: its keys of this team go with it.
pub(crate) async fn delete(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::MEMBERS.read(asked.body.clone())?;
    let (before, user_id) = named(desk, asked, &fields).await?;
    let mut after = before.clone();
    members::leave(&mut after, &user_id);
    let member = desk.find(Kind::Member, &member_id(&before.id, &user_id)).await?;
    let mut keys = desk.of_team(Kind::Key, &before.id).await?;
    keys.retain(|key| key.user_id.as_deref() == Some(user_id.as_str()));
    let mut drafts: Vec<Draft> = member.into_iter().chain(keys).map(Draft::deleted).collect();
    drafts.push(Draft::changed(before, after, "updated"));
    let written = desk.write(asked.actor, drafts).await?;
    Ok(Reply::ok(rows::row(desk, &one_team(&written)?).await?))
}

/// The team and the member that are meant.
async fn named(desk: &Desk, asked: &Asked<'_>, fields: &Fields) -> Result<(Object, String), Error> {
    let team = rows::find(desk, fields.required("team_id")?).await?;
    rights::check_leads_team(asked.actor, &team, asked.row.path)?;
    let user_id = match (fields.text("user_id"), fields.text("user_email")) {
        (Some(user_id), _) => Some(user_id.to_owned()),
        (None, Some(email)) => lookup::by_email(desk, email).await?.map(|user| user.id),
        (None, None) => {
            let message = "Either user_id or user_email needs to be passed in";
            return Err(Error::new(ErrorKind::MissingParameter, message).with_param("user_id"));
        }
    };
    let user_id = user_id.filter(|user_id| rights::role_in_team(&team, user_id).is_some());
    let user_id = user_id.ok_or_else(|| {
        Error::new(ErrorKind::InvalidRequest, "User not found in team").with_param("user_id")
    })?;
    Ok((team, user_id))
}
