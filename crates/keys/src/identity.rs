//! Who a key is, and what it may do: everything that a request must know of it, read once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind, SubjectKind};
use trunkline_store::Object;

use crate::notes::LENT;
use crate::origin::Origin;
use crate::parts::Part;
use crate::{Accounts, AllowedRoutes, KeyIndex, ModelList, Role, Token};

/// The owner of a key, as far as a request must know it.
#[derive(Debug)]
pub struct Identity {
    /// What the key is known by in public.
    pub token: Token,
    /// What it is found by in the store.
    pub index: KeyIndex,
    /// `sk-...abcd`.
    pub name: String,
    /// The name that people gave it.
    pub alias: Option<Arc<str>>,
    /// The user whom it belongs to.
    pub user_id: Option<Arc<str>>,
    /// The team that it belongs to.
    pub team_id: Option<Arc<str>>,
    /// The team's name among people.
    pub team_alias: Option<Arc<str>>,
    /// What it may do besides calling models.
    pub role: Role,
    /// Whether somebody else than its user made it, who is no administrator: it has nothing of what administrators may.
    pub is_lent: bool,
    /// The endpoints that it may call.
    pub routes: AllowedRoutes,
    /// Names that lead to others for this key alone.
    pub aliases: BTreeMap<String, String>,
    /// Tags that all its requests bear.
    pub tags: Vec<String>,
    /// What its requests count against.
    pub accounts: Accounts,
    tenant: String,
    tenant_hash: u64,
    models: Vec<(SubjectKind, ModelList)>,
    blocked: Option<Blocked>,
    expires_at: Option<jiff::Timestamp>,
    parts: Vec<Arc<Part>>,
    /// Whether it was asked for since somebody looked last.
    is_used: AtomicBool,
}

/// Why a key is of no use for now.
#[derive(Debug, PartialEq, Eq)]
enum Blocked {
    Key,
    Team(String),
}

impl Identity {
    pub(crate) fn new(token: Token, origin: &Origin, accounts: Accounts, parts: Vec<Arc<Part>>) -> Self {
        let Origin { key, user, team, member, budgets: _ } = origin;
        let settings = &key.settings;
        let setting = |name: &str| settings.get(name);
        let shared = |text: &Option<String>| text.as_deref().map(Arc::from);
        let mut models = vec![(SubjectKind::Key, ModelList::read(setting("models")))];
        let owners = [(SubjectKind::Team, team, "models"), (SubjectKind::Member, member, "allowed_models")];
        for (kind, owner, name) in owners {
            if let Some(owner) = owner {
                models.push((kind, ModelList::read(owner.settings.get(name))));
            }
        }
        // As in LiteLLM, a team's key may what the team may, whatever its user may alone.
        if let (Some(user), None) = (user, team) {
            models.push((SubjectKind::User, ModelList::read(user.settings.get("models"))));
        }
        models.retain(|(_, list)| !list.is_all());
        let is_lent = is_true(key, LENT);
        let role = role(user.as_ref(), team.as_ref());
        let tenant = match &key.team_id {
            Some(team) => format!("team {team}"),
            None => format!("key {token}"),
        };
        Self {
            token,
            index: KeyIndex::from_stored(key.id.clone()),
            name: text(settings, "key_name").unwrap_or("sk-...").to_owned(),
            alias: shared(&key.alias),
            user_id: shared(&key.user_id),
            team_id: shared(&key.team_id),
            team_alias: team.as_ref().and_then(|team| shared(&team.alias)),
            role: if is_lent { role.lent() } else { role },
            is_lent,
            routes: AllowedRoutes::read(setting("allowed_routes"), setting("key_type")),
            aliases: aliases(setting("aliases")),
            tags: tags_of(settings),
            accounts,
            tenant_hash: hash(&tenant),
            tenant,
            models,
            blocked: blocked(key, team.as_ref()),
            expires_at: text(settings, "expires").and_then(|text| text.parse().ok()),
            parts,
            is_used: AtomicBool::new(true),
        }
    }

    /// Notes that it was asked for. Where that is known already nothing is written, which other cores would have to learn of.
    pub(crate) fn note_use(&self) {
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was asked for since this was asked last.
    pub(crate) fn take_use(&self) -> bool {
        self.is_used.swap(false, Ordering::Relaxed)
    }

    /// Whose conversations, ids and cached replies these are: the team's, and else the key's own.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The tenant as a number. Two tenants may have the same with the odds of a hash of 64 bits.
    pub fn tenant_hash(&self) -> u64 {
        self.tenant_hash
    }

    /// Whether an object that it was made from has changed since.
    pub fn is_stale(&self) -> bool {
        self.parts.iter().any(|part| part.is_changed())
    }

    /// Whether the key is good now.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` if the key or its team is blocked, `KeyExpired` if its time has passed.
    pub fn check(&self, now: jiff::Timestamp) -> Result<(), Error> {
        let refused = |message: String| Err(Error::new(ErrorKind::Unauthenticated, message));
        match &self.blocked {
            Some(Blocked::Key) => {
                return refused(
                    "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin."
                        .to_owned(),
                );
            }
            Some(Blocked::Team(team)) => {
                return refused(format!(
                    "Authentication Error, Team={team} is blocked. Update via `/team/unblock` if you're an admin."
                ));
            }
            None => {}
        }
        match self.expires_at {
            Some(until) if until <= now => {
                let message = format!(
                    "Authentication Error - Expired Key. Key Expiry time {until} and current time {now}"
                );
                Err(Error::new(ErrorKind::KeyExpired, message).with_param(&self.name))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether lists of models restrict it at all.
    pub fn is_restricted(&self) -> bool {
        !self.models.is_empty()
    }

    /// Whether a model may be called, which is one of these access groups too.
    ///
    /// # Errors
    ///
    /// `ModelForbidden`, naming whose list it is not on.
    pub fn check_model(&self, model: &str, access_groups: &[&str]) -> Result<(), Error> {
        let forbids =
            |(_, list): &&(SubjectKind, ModelList)| !list.allows(model, access_groups.iter().copied());
        let Some((subject, _)) = self.models.iter().find(forbids) else { return Ok(()) };
        let message = format!(
            "The requested model '{model}' is not available for this API key, or the model name is invalid. Check \
             the models available to you and try again."
        );
        Err(Error::new(ErrorKind::ModelForbidden, message).with_param("model").with_subject(*subject))
    }
}

/// The first bytes of a hash that nobody can aim.
fn hash(tenant: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&Token::of(tenant).as_bytes()[..8]);
    u64::from_be_bytes(first)
}

fn text<'s>(settings: &'s Map<String, Value>, name: &str) -> Option<&'s str> {
    settings.get(name).and_then(Value::as_str)
}

fn is_true(object: &Object, name: &str) -> bool {
    object.settings.get(name) == Some(&Value::Bool(true))
}

fn blocked(key: &Object, team: Option<&Object>) -> Option<Blocked> {
    if is_true(key, "blocked") {
        return Some(Blocked::Key);
    }
    let team = team.filter(|team| is_true(team, "blocked") || team.deleted)?;
    Some(Blocked::Team(team.id.clone()))
}

/// A key without a user looks at itself, and at nothing else.
fn role(user: Option<&Object>, team: Option<&Object>) -> Role {
    match (user, team) {
        (Some(user), _) => Role::of_user(&user.settings),
        (None, Some(_)) => Role::Team,
        (None, None) => Role::InternalUserViewer,
    }
}

fn aliases(setting: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = setting.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(alias, model)| Some((alias.clone(), model.as_str()?.to_owned()))).collect()
}

/// The tags that all requests of a key bear. They stand in its settings, or where LiteLLM keeps them: in the metadata.
pub fn tags_of(settings: &Map<String, Value>) -> Vec<String> {
    let of_metadata = settings.get("metadata").and_then(|metadata| metadata.get("tags"));
    let lists = [settings.get("tags"), of_metadata].into_iter().flatten().filter_map(Value::as_array);
    let mut tags: Vec<String> = lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trunkline_store::Kind;

    use super::*;

    fn object(kind: Kind, id: &str, settings: Value) -> Object {
        let Value::Object(settings) = settings else { panic!("settings are an object") };
        Object { settings, ..Object::new(kind, id, 0) }
    }

    fn identity(key: Value, user: Option<Value>, team: Option<Value>) -> Identity {
        let origin = Origin {
            key: object(Kind::Key, "index", key),
            user: user.map(|user| object(Kind::User, "ann", user)),
            team: team.map(|team| object(Kind::Team, "red", team)),
            member: None,
            budgets: BTreeMap::new(),
        };
        Identity::new(Token::of("sk-1"), &origin, Accounts::default(), Vec::new())
    }

    fn now() -> jiff::Timestamp {
        "2026-11-27T10:00:00Z".parse().expect("a time")
    }

    #[test]
    fn a_key_that_is_blocked_or_old_is_refused_in_litellm_s_words() {
        let told = |key: Value, team: Option<Value>| {
            identity(key, None, team).check(now()).map_err(|error| (error.kind(), error.message().to_owned()))
        };
        assert_eq!(told(json!({}), None), Ok(()));
        let (kind, message) = told(json!({ "blocked": true }), None).expect_err("refused");
        assert_eq!(kind, ErrorKind::Unauthenticated);
        assert_eq!(
            message,
            "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin."
        );
        let (_, message) = told(json!({}), Some(json!({ "blocked": true }))).expect_err("refused");
        assert_eq!(
            message,
            "Authentication Error, Team=red is blocked. Update via `/team/unblock` if you're an admin."
        );
        let (kind, _) = told(json!({ "expires": "2026-11-27T10:00:00Z" }), None).expect_err("refused");
        assert_eq!(kind, ErrorKind::KeyExpired);
        assert_eq!(told(json!({ "expires": "2026-11-27T10:00:01Z" }), None), Ok(()));
    }

    #[test]
    fn every_list_must_allow_the_model() {
        let refused = |identity: &Identity, model: &str| {
            identity.check_model(model, &[]).err().and_then(|error| error.subject())
        };
        let key = json!({ "models": ["a", "b"] });
        let team = json!({ "models": ["b", "c"] });
        let both = identity(key.clone(), None, Some(team.clone()));
        assert_eq!(refused(&both, "b"), None);
        assert_eq!(refused(&both, "a"), Some(SubjectKind::Team));
        assert_eq!(refused(&both, "c"), Some(SubjectKind::Key));
        let own = identity(key, Some(json!({ "models": ["b"] })), None);
        assert_eq!(refused(&own, "a"), Some(SubjectKind::User));
        // A user's own list is for keys of no team.
        let of_team = identity(json!({}), Some(json!({ "models": ["x"] })), Some(team));
        assert_eq!(refused(&of_team, "b"), None);
        assert!(!identity(json!({}), None, None).is_restricted());
    }

    #[test]
    fn a_role_is_the_user_s_and_else_the_least() {
        let role = |user: Option<Value>, team: Option<Value>| identity(json!({}), user, team).role;
        assert_eq!(role(Some(json!({ "user_role": "proxy_admin" })), None), Role::ProxyAdmin);
        assert_eq!(role(Some(json!({})), None), Role::InternalUser);
        assert_eq!(role(Some(json!({ "user_role": "king" })), None), Role::InternalUser);
        assert_eq!(role(None, Some(json!({}))), Role::Team);
        assert_eq!(role(None, None), Role::InternalUserViewer);
    }

    #[test]
    fn a_lent_key_has_nothing_of_what_administrators_may() {
        let role = |user: &str| {
            let user = json!({ "user_role": user });
            identity(json!({ "lent": true }), Some(user), None).role
        };
        assert_eq!(role("proxy_admin"), Role::InternalUser);
        assert_eq!(role("proxy_admin_viewer"), Role::InternalUserViewer);
        assert_eq!(role("internal_user_viewer"), Role::InternalUserViewer);
    }

    #[test]
    fn tags_are_found_in_both_places() {
        let tagged = json!({ "tags": ["b"], "metadata": { "tags": ["a", "b"] } });
        assert_eq!(identity(tagged, None, None).tags, ["a", "b"]);
    }

    #[test]
    fn an_identity_is_stale_once_a_part_has_changed() {
        let part = Arc::new(Part::default());
        let origin = Origin {
            key: object(Kind::Key, "index", json!({})),
            user: None,
            team: None,
            member: None,
            budgets: BTreeMap::new(),
        };
        let identity =
            Identity::new(Token::of("sk-1"), &origin, Accounts::default(), vec![Arc::clone(&part)]);
        assert!(!identity.is_stale());
        part.change();
        assert!(identity.is_stale());
    }
}
