//! The groups that are asked when one has failed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use trunkline_core::{Body, Call, Error, ErrorKind};

use crate::journey::Journey;
use crate::wishes::Fallback;
use crate::{Fallbacks, Route, Router, Wishes};

/// The key of fallbacks for all groups without their own.
const ALL: &str = "*";

/// Where a request can still go.
#[derive(Debug)]
pub(crate) struct Onward {
    /// The names under which the first group is known: what it is called, and its fallbacks with it.
    group: Arc<str>,
    /// The groups that were asked.
    asked: Vec<Arc<str>>,
    /// The list that is walked, once it is known which one.
    list: Option<VecDeque<Fallback>>,
    /// The body as it was, where a fallback changed it.
    original: Option<Body>,
    hops: u32,
}

impl Onward {
    pub(crate) fn new(route: &Route) -> Self {
        let group = Arc::clone(route.group());
        Self { asked: vec![Arc::clone(&group)], group, list: None, original: None, hops: 0 }
    }

    /// The next group for a request that failed of this, with the body as it is to be there.
    pub(crate) fn next(
        &mut self,
        router: &Router,
        unavailable: Option<&Error>,
        journey: &Journey<'_>,
        call: &mut Call,
    ) -> Option<Route> {
        let routing = &router.routing;
        let error = journey.error.as_ref().or(unavailable)?;
        let is_over = journey.wishes.no_fallbacks
            || journey.wishes.deployment.is_some()
            || journey.wishes.own_target.is_some()
            || journey.course.attempts >= routing.attempts_max
            || journey.left().is_zero();
        if is_over || !may_help(error) {
            return None;
        }
        let list = self.list.get_or_insert_with(|| {
            list(&routing.fallbacks, &self.group, error.kind(), journey.wishes).into()
        });
        while self.hops < routing.fallbacks.hops_max {
            let fallback = list.pop_front()?;
            let Ok(route) = router.resolve(&fallback.model) else { continue };
            if self.asked.contains(route.group()) || !journey.wishes.reach(&fallback.model, &route) {
                continue;
            }
            self.asked.push(Arc::clone(route.group()));
            self.hops += 1;
            if let Some(original) = self.original.take() {
                call.body = original;
            }
            if let Some(changed) = fallback.changed(&call.body) {
                self.original = Some(std::mem::replace(&mut call.body, changed));
            }
            return Some(route);
        }
        None
    }
}

/// Whether another group may answer what this one failed of: anything that an upstream said, and anything that kept
/// this one from asking it.
pub(crate) fn may_help(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::InvalidRequest
        | ErrorKind::MissingParameter
        | ErrorKind::UnknownModel
        | ErrorKind::UnsupportedEncoding
        | ErrorKind::HeadersTooLarge
        | ErrorKind::BodyTooLarge
        | ErrorKind::BodyTimeout
        | ErrorKind::Unauthenticated
        | ErrorKind::KeyExpired
        | ErrorKind::PermissionDenied
        | ErrorKind::ModelForbidden
        | ErrorKind::NotFound
        | ErrorKind::MethodNotAllowed
        | ErrorKind::UpgradeUnsupported
        | ErrorKind::Conflict
        | ErrorKind::RateLimited
        | ErrorKind::BudgetExceeded
        | ErrorKind::ShuttingDown
        | ErrorKind::StoreUnavailable
        | ErrorKind::Configuration
        | ErrorKind::Internal => false,
        ErrorKind::UnsupportedOperation
        | ErrorKind::Overloaded
        | ErrorKind::NoDeployment
        | ErrorKind::CredentialMissing
        | ErrorKind::CredentialUnusable
        | ErrorKind::UpstreamInvalidRequest
        | ErrorKind::ContextWindowExceeded
        | ErrorKind::ContentPolicy
        | ErrorKind::UpstreamCredential
        | ErrorKind::UpstreamForbidden
        | ErrorKind::UpstreamNotFound
        | ErrorKind::UpstreamRateLimited
        | ErrorKind::UpstreamQuotaExceeded
        | ErrorKind::UpstreamTimeout
        | ErrorKind::UpstreamUnreachable
        | ErrorKind::UpstreamFailed
        | ErrorKind::UpstreamProtocol
        | ErrorKind::UpstreamCut => true,
    }
}

/// Whether content that is refused has fallbacks of its own.
pub(crate) fn has_own_list(configured: &Fallbacks, group: &str, wishes: &Wishes) -> bool {
    let has = |lists: &BTreeMap<String, Vec<String>>| lists.contains_key(group) || lists.contains_key(ALL);
    !wishes.no_fallbacks && (wishes.content_policy_fallbacks.is_some() || has(&configured.content_policy))
}

/// All groups that may stand in for a group, by whatever it fails of, each once.
pub(crate) fn reachable(configured: &Fallbacks, group: &str, wishes: &Wishes) -> BTreeSet<String> {
    if wishes.no_fallbacks || wishes.deployment.is_some() || wishes.own_target.is_some() {
        return BTreeSet::new();
    }
    let failures = [ErrorKind::UpstreamFailed, ErrorKind::ContextWindowExceeded, ErrorKind::ContentPolicy];
    let lists = failures.into_iter().flat_map(|failure| list(configured, group, failure, wishes));
    lists.map(|fallback| fallback.model).collect()
}

/// The list for this failure: that of its kind where there is one, else the general one. The request's own go before
/// what is configured.
pub(crate) fn list(
    configured: &Fallbacks,
    group: &str,
    failure: ErrorKind,
    wishes: &Wishes,
) -> Vec<Fallback> {
    let (own, special) = match failure {
        ErrorKind::ContextWindowExceeded => {
            (wishes.context_window_fallbacks.as_ref(), Some(&configured.context_window))
        }
        ErrorKind::ContentPolicy => {
            (wishes.content_policy_fallbacks.as_ref(), Some(&configured.content_policy))
        }
        _ => (None, None),
    };
    if let Some(own) = own.or(wishes.fallbacks.as_ref()) {
        return own.clone();
    }
    let of_group =
        |lists: &BTreeMap<String, Vec<String>>| lists.get(group).or_else(|| lists.get(ALL)).cloned();
    let models = special
        .and_then(of_group)
        .or_else(|| of_group(&configured.general))
        .unwrap_or_else(|| configured.default.clone());
    models.into_iter().map(|model| Fallback { model, changes: None }).collect()
}
