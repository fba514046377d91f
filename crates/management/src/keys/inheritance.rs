//! What a key has of the key that made it: whoever is restricted makes none that is less so.

use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::{AllowedRoutes, tags_of};
use trunkline_store::{Kind, Object};

use crate::desk::Desk;
use crate::keys::{bounds, expiry};
use crate::times;

/// What is handed down as it is.
const WHOLE: [&str; 7] = [
    "budget_limits",
    "model_max_budget",
    "model_max_parallel_requests",
    "model_rpm_limit",
    "model_tpm_limit",
    "budget_id",
    "budget_duration",
];

/// Somebody who is limited, with the budget that holds for what is not said.
pub(crate) struct Limited {
    pub(crate) object: Object,
    pub(crate) budget: Option<Object>,
}

impl Limited {
    /// What limits it.
    pub(crate) fn setting(&self, name: &str) -> Option<&Value> {
        setting(&self.object, self.budget.as_ref(), name)
    }

    /// Whether it says so itself, and no budget for it.
    pub(crate) fn says(&self, name: &str) -> bool {
        said(&self.object, name).is_some()
    }
}

/// The budget that an object refers to. A deleted one holds on.
pub(crate) async fn budget(desk: &Desk, object: &Object) -> Result<Option<Object>, Error> {
    match object.settings.get("budget_id").and_then(Value::as_str) {
        Some(id) => desk.store().object(Kind::Budget, id).await,
        None => Ok(None),
    }
}

/// What limits an object: its own word, else that of its budget. A window stands beside its figure.
pub(crate) fn setting<'o>(object: &'o Object, budget: Option<&'o Object>, name: &str) -> Option<&'o Value> {
    let is_of_another = name == "budget_duration" && said(object, "max_budget").is_some();
    let of_budget = budget.filter(|_| !is_of_another).and_then(|budget| said(budget, name));
    said(object, name).or(of_budget)
}

fn said<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    object.settings.get(name).filter(|value| !value.is_null())
}

/// Gives a key what the key that asks has, where nothing else is said: whoever finds that key must not be able to shed its
/// limits.
///
/// # Errors
///
/// `InvalidRequest` for what would be less of a limit, or another.
pub(crate) fn hand_down(
    owner: &Limited,
    key: &mut Object,
    own_budget: Option<&Object>,
    is_changed: &impl Fn(&str) -> bool,
) -> Result<(), Error> {
    if owner.setting("max_budget").is_some()
        && owner.setting("budget_duration").is_none()
        && key.settings.contains_key("budget_duration")
        && is_changed("budget_duration")
    {
        let message =
            "the budget of the key that asks never begins anew, so that of no key that it makes does";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("budget_duration"));
    }
    for name in WHOLE.into_iter().filter(|name| is_changed(name)) {
        hand_down_whole(owner, key, own_budget, name)?;
    }
    if is_changed("allowed_routes") || is_changed("key_type") {
        hand_down_routes(&owner.object.settings, &mut key.settings)?;
    }
    if is_changed("tags") {
        hand_down_tags(&owner.object.settings, &mut key.settings);
    }
    if !is_changed("expires") {
        return Ok(());
    }
    let latest = expiry::expires_at(&owner.object);
    bounds::hold_end(key, latest, &latest.and_then(times::text).unwrap_or_default())
}

fn hand_down_whole(
    owner: &Limited,
    key: &mut Object,
    own_budget: Option<&Object>,
    name: &str,
) -> Result<(), Error> {
    let Some(own) = owner.setting(name) else { return Ok(()) };
    match setting(key, own_budget, name) {
        Some(given) if given == own => Ok(()),
        None if owner.object.id != key.id => {
            // What the owner has by a budget comes with that.
            if owner.says(name) {
                key.settings.insert(name.to_owned(), own.clone());
            }
            Ok(())
        }
        Some(_) | None => {
            let message =
                format!("`{name}` is that of the key that asks, and cannot be another, its own included");
            Err(Error::new(ErrorKind::InvalidRequest, message).with_param(name))
        }
    }
}

/// The endpoints that a key may call: those of the owner, or fewer.
fn hand_down_routes(owner: &Map<String, Value>, key: &mut Map<String, Value>) -> Result<(), Error> {
    const NAMES: [&str; 2] = ["allowed_routes", "key_type"];
    let read =
        |settings: &Map<String, Value>| AllowedRoutes::read(settings.get(NAMES[0]), settings.get(NAMES[1]));
    let (own, given) = (read(owner), read(key));
    if own.hold(&given) {
        return Ok(());
    }
    if given != AllowedRoutes::All {
        let message = "`key_type` and `allowed_routes` go beyond those of the key that asks";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("key_type"));
    }
    for name in NAMES {
        match owner.get(name) {
            Some(value) => key.insert(name.to_owned(), value.clone()),
            None => key.remove(name),
        };
    }
    Ok(())
}

/// The tags of a key: the owner's, and what it has besides.
fn hand_down_tags(owner: &Map<String, Value>, key: &mut Map<String, Value>) {
    let kept = tags_of(key);
    let missing: Vec<String> = tags_of(owner).into_iter().filter(|tag| !kept.contains(tag)).collect();
    if missing.is_empty() {
        return;
    }
    let own = key.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let tags = own.into_iter().chain(missing.into_iter().map(Value::String)).collect();
    key.insert("tags".to_owned(), Value::Array(tags));
}
