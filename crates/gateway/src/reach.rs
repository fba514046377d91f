//! Which models a caller may reach, by whatever way a request names them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use trunkline_core::{Body, Document, Error, ErrorKind};
use trunkline_keys::Identity;
use trunkline_router::{Reach, Route, Router, Wishes};

use crate::authentication::Caller;
use crate::offered::{lists_of_models, texts};

/// What a key may reach besides the model that it asks for: the groups that stand in for it.
#[derive(Debug)]
struct Within(Arc<Identity>);

impl Reach for Within {
    fn holds(&self, name: &str, route: &Route) -> bool {
        check_one(&self.0, name, route).is_ok()
    }
}

/// The groups that may stand in for the one that a caller asks for. `None` is all.
pub(crate) fn of(caller: &Caller) -> Option<Arc<dyn Reach>> {
    let identity = caller.identity().filter(|identity| identity.is_restricted())?;
    Some(Arc::new(Within(Arc::clone(identity))))
}

/// The name that a caller's own alias stands for, if it is one.
pub(crate) fn aliased(caller: &Caller, name: String) -> String {
    let alias = caller.identity().and_then(|identity| identity.aliases.get(&name));
    alias.map_or(name, Clone::clone)
}

/// Whether there are models that a caller may not call.
pub(crate) fn is_restricted(caller: &Caller) -> bool {
    caller.identity().is_some_and(|identity| identity.is_restricted())
}

/// What a caller is told of a name that leads nowhere: whoever may not call every model is not told which there are.
pub(crate) fn unknown(caller: &Caller, name: &str, error: Error) -> Error {
    match caller
        .identity()
        .filter(|identity| error.kind() == ErrorKind::UnknownModel && identity.is_restricted())
    {
        Some(identity) => identity.check_model(name, &[]).err().unwrap_or(error),
        None => error,
    }
}

/// Checks every model that a request can end at: the one that it names, its own fallbacks, and what its body offers the
/// upstream to choose from.
///
/// # Errors
///
/// `ModelForbidden`, naming the model and whose list it is not on.
pub(crate) fn check(
    caller: &Caller,
    router: &Router,
    (name, route): (&str, &Route),
    body: &Body,
    wishes: &Wishes,
) -> Result<(), Error> {
    let Some(identity) = caller.identity().filter(|identity| identity.is_restricted()) else { return Ok(()) };
    check_one(identity, name, route)?;
    if let Body::Document(document) = body {
        check_offered(identity, route, document)?;
    }
    let lists = [&wishes.fallbacks, &wishes.context_window_fallbacks, &wishes.content_policy_fallbacks];
    for fallback in lists.into_iter().flatten().flatten() {
        let route = router.resolve(&fallback.model)?;
        check_one(identity, &fallback.model, &route)?;
        if let Some(changes) = &fallback.changes {
            check_offered(identity, &route, changes)?;
        }
    }
    Ok(())
}

/// Whether a caller may be shown a name that leads somewhere.
pub(crate) fn holds(caller: &Caller, name: &str, route: &Route) -> bool {
    caller.identity().is_none_or(|identity| check_one(identity, name, route).is_ok())
}

/// The models of a router as a caller sees them. Each name is looked at once.
#[derive(Debug)]
pub(crate) struct View<'v> {
    identity: Option<&'v Identity>,
    router: &'v Router,
    seen: HashMap<String, bool>,
}

impl<'v> View<'v> {
    pub(crate) fn new(caller: &'v Caller, router: &'v Router) -> Self {
        let identity =
            caller.identity().map(|identity| &**identity).filter(|identity| identity.is_restricted());
        Self { identity, router, seen: HashMap::new() }
    }

    /// Whether it shows a name.
    pub(crate) fn shows(&mut self, name: &str) -> bool {
        let Some(identity) = self.identity else { return true };
        if let Some(is_shown) = self.seen.get(name) {
            return *is_shown;
        }
        let is_shown = match self.router.resolve(name) {
            Ok(route) => check_one(identity, name, &route).is_ok(),
            // A wildcard is shown as it is written, and leads nowhere.
            Err(_) => identity.check_model(name, &[]).is_ok(),
        };
        self.seen.insert(name.to_owned(), is_shown);
        is_shown
    }
}

/// A model may be called if its name is allowed, or the group that the name leads to, or if it is one of the access groups
/// that are. Deployments are of access groups: whichever of them answers must be of one.
fn check_one(identity: &Identity, name: &str, route: &Route) -> Result<(), Error> {
    let Err(error) = identity.check_model(name, &[]) else { return Ok(()) };
    if identity.check_model(route.group(), &[]).is_ok() {
        return Ok(());
    }
    for candidate in route.candidates() {
        let groups = candidate.deployment.info.get("access_groups").and_then(Value::as_array);
        let groups: Vec<&str> = groups.into_iter().flatten().filter_map(Value::as_str).collect();
        if groups.is_empty() {
            return Err(error);
        }
        identity.check_model(name, &groups)?;
    }
    Ok(())
}

/// Checks the models that a body lets the upstream choose from: `models`, and `providerOptions.gateway.models`. They are
/// in the upstream's spelling, which a list may hold with or without the provider's prefix.
fn check_offered(identity: &Identity, route: &Route, document: &Document) -> Result<(), Error> {
    let prefix = &route.first().prefix;
    for model in lists_of_models(document).flat_map(texts) {
        if identity.check_model(&format!("{prefix}/{model}"), &[]).is_err() {
            identity.check_model(&model, &[])?;
        }
    }
    Ok(())
}
