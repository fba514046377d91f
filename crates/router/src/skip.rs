//! Why a deployment may not be asked now, and when the first of those that may not is back.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{Body, Error, ErrorKind, Operation};

use crate::estimate::Tokens;
use crate::group::Group;
use crate::health::Look;
use crate::queue::Others;
use crate::retry_budget::Budget;
use crate::route::{Members, Route};
use crate::speed::Until;
use crate::state::Standing;
use crate::tags::Wanted;
use crate::window::Rates;
use crate::{Deployment, Policy, Wishes};

/// How many of them are named in the log.
const NAMED_MAX: usize = 4;

/// How many deployments are looked at to say why none can be asked.
const TOLD_MAX: usize = 1_000;

/// Why a deployment is passed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It was asked already, for this request.
    Tried,
    /// Another one is the only one that can answer.
    NotBound,
    /// Its provider does not have the operation.
    Unsupported,
    /// The request's tags do not reach it.
    Tags,
    /// The input is longer than it takes: about so many tokens.
    TooLong(u64),
    /// It failed, and is left alone for so long.
    Resting(Duration),
    /// Its credential was refused, and is left alone for so long.
    CredentialResting(Duration),
    /// It has as many calls open as `max_parallel_requests` allows.
    Full,
    /// Its minute is used up, by `rpm` or `tpm`, and ends after so long.
    RateLimited(Duration),
}

impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |rest: &Duration| rest.as_secs_f64().ceil();
        match self {
            Self::Tried => formatter.write_str("it was asked already"),
            Self::NotBound => formatter.write_str("another one is the only one that can answer"),
            Self::Unsupported => formatter.write_str("its provider does not have the operation"),
            Self::Tags => formatter.write_str("the request's tags do not reach it"),
            Self::TooLong(tokens) => write!(formatter, "the input is too long, about {tokens} tokens"),
            Self::Resting(rest) => write!(formatter, "it failed, and rests for {} s", seconds(rest)),
            Self::CredentialResting(rest) => {
                write!(formatter, "its credential was refused, and rests for {} s", seconds(rest))
            }
            Self::Full => formatter.write_str("as many calls are open as max_parallel_requests allows"),
            Self::RateLimited(rest) => {
                write!(formatter, "rpm or tpm is used up for {} s", seconds(rest))
            }
        }
    }
}

impl Skip {
    /// When that is over, if time alone will mend it.
    fn ends(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Resting(rest) | Self::CredentialResting(rest) | Self::RateLimited(rest) => Some(now + rest),
            Self::Tried | Self::NotBound | Self::Unsupported | Self::Tags | Self::TooLong(_) | Self::Full => {
                None
            }
        }
    }
}

/// What decides between deployments, as far as the request goes.
pub(crate) struct Ask<'a> {
    pub(crate) operation: Operation,
    pub(crate) body: &'a Body,
    pub(crate) wishes: &'a Wishes,
    pub(crate) tried: &'a [usize],
    /// Those before this place are not asked either.
    left_to: usize,
    /// Origins where nothing is left to pay for a further attempt.
    unpaid: &'a [Arc<Budget>],
    pub(crate) policy: &'a Policy,
    /// Those who wait already and go first. Nobody, nearly always.
    pub(crate) others: Option<Others>,
    wanted: Option<Wanted<'a>>,
    tokens: OnceLock<Tokens>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(
        operation: Operation,
        body: &'a Body,
        wishes: &'a Wishes,
        policy: &'a Policy,
        tried: &'a [usize],
    ) -> Self {
        let wanted = Wanted::new(policy, &wishes.tags);
        let (unpaid, others, tokens) = (&[], None, OnceLock::new());
        Self { operation, body, wishes, tried, left_to: 0, unpaid, policy, others, wanted, tokens }
    }

    /// The same past some origins, and past the levels that end before a place.
    pub(crate) fn past(self, unpaid: &'a [Arc<Budget>], left_to: usize) -> Self {
        Self { unpaid, left_to, ..self }
    }

    /// The same for one who waits, and of whose body no more is known than its size.
    pub(crate) fn of_one_who_waits(
        operation: Operation,
        wishes: &'a Wishes,
        policy: &'a Policy,
        tried: &'a [usize],
        tokens: Tokens,
    ) -> Self {
        const NO_BODY: &Body = &Body::Empty;
        Self { tokens: OnceLock::from(tokens), ..Self::new(operation, NO_BODY, wishes, policy, tried) }
    }

    /// Whether the request has been at a deployment, or has nothing to pay for it.
    pub(crate) fn passes(&self, deployment: &Deployment, place: usize) -> bool {
        let is_unpaid = |origin: &Arc<Budget>| Arc::ptr_eq(origin, &deployment.origin);
        place < self.left_to || self.tried.contains(&place) || self.unpaid.iter().any(is_unpaid)
    }

    /// What the time of its answer is the time of.
    pub(crate) fn until(&self) -> Until {
        let streams = matches!(self.body, Body::Document(document) if document.is_true("stream"));
        Until::of(streams && self.operation.streams())
    }

    /// About how many tokens it takes. Worked out where a deployment wants to know.
    pub(crate) fn tokens(&self) -> Tokens {
        *self.tokens.get_or_init(|| Tokens::of(self.operation, self.body))
    }
}

/// None may be asked.
#[derive(Debug)]
pub(crate) struct Unavailable {
    /// When the first of them may be asked again, as far as time alone decides.
    pub(crate) returns: Option<Instant>,
    /// Why, for the first that has a reason to tell.
    skip: Option<Skip>,
    /// Whether a place that comes free may help.
    pub(crate) is_full: bool,
    /// Who, and why, of the first of them: for the log.
    named: Vec<(Arc<str>, Skip)>,
}

impl Unavailable {
    /// Others wait already, and go first.
    pub(crate) fn behind_others() -> Self {
        Self { returns: None, skip: Some(Skip::Full), is_full: true, named: Vec::new() }
    }

    /// Who cannot be asked and why, in one line.
    fn reasons(&self) -> String {
        let reasons: Vec<String> = self.named.iter().map(|(id, skip)| format!("{id}: {skip}")).collect();
        reasons.join("; ")
    }

    /// Whether waiting until then may help.
    pub(crate) fn may_end_by(&self, patience: Instant) -> bool {
        self.is_full || self.returns.is_some_and(|returns| returns <= patience)
    }

    /// What the caller is told.
    pub(crate) fn error(&self, group: &str) -> Error {
        let wait = self.returns.map(|returns| returns.saturating_duration_since(Instant::now()));
        let seconds = wait.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        match self.skip {
            Some(Skip::Tags) => Error::new(
                ErrorKind::Unauthenticated,
                format!("Not allowed to access model due to tags configuration. Passed model={group}"),
            )
            .with_param("tags"),
            Some(Skip::Unsupported) => Error::new(
                ErrorKind::UnsupportedOperation,
                format!("no deployment of `{group}` has this operation, and nothing is translated"),
            ),
            Some(Skip::TooLong(tokens)) => Error::new(
                ErrorKind::ContextWindowExceeded,
                format!("the input has about {tokens} tokens, more than any deployment of `{group}` takes"),
            ),
            _ => {
                let when =
                    seconds.map_or_else(String::new, |seconds| format!(" Try again in {seconds} seconds."));
                let why = match self.skip {
                    Some(Skip::Full) => " Limit type: max_parallel_requests.",
                    Some(Skip::RateLimited(_)) => " Limit type: rpm or tpm of the deployments.",
                    Some(Skip::CredentialResting(_)) => " Their credential was refused.",
                    _ => "",
                };
                let message =
                    format!("No deployments available for selected model.{when} Passed model={group}.{why}");
                let wait = wait.or(self.is_full.then_some(Duration::from_secs(1)));
                let error = Error::new(ErrorKind::NoDeployment, message).with_retry_after(wait);
                // Which ones there are, and what is wrong with them, is nobody's but the operator's.
                if self.named.is_empty() { error } else { error.with_source(self.reasons()) }
            }
        }
    }
}

/// Why a deployment may not be asked now.
pub(crate) fn skip(route: &Route, members: &Members, place: usize, ask: &Ask<'_>) -> Option<Skip> {
    let group = &members.group;
    let deployment = &group.deployments[place];
    if ask.passes(deployment, place) {
        return Some(Skip::Tried);
    }
    if ask.wishes.deployment.as_ref().is_some_and(|id| **id != *deployment.id) {
        return Some(Skip::NotBound);
    }
    let is_alone = members.places.len() == 1;
    if !is_alone {
        if !supports(group, route, place, ask.operation) {
            return Some(Skip::Unsupported);
        }
        if !deployment.account.is_in_service() {
            return Some(Skip::CredentialResting(deployment.account.rest()));
        }
    }
    if let Some(wanted) = &ask.wanted
        && (!ask.policy.tags_fail_open || group.any_fits(wanted, ask.policy))
        && !wanted.fits(ask.policy, &deployment.tags, group.any_default_tag)
    {
        return Some(Skip::Tags);
    }
    if ask.policy.pre_call_checks && deployment.input_tokens_max.is_some_and(|max| ask.tokens().input > max) {
        return Some(Skip::TooLong(ask.tokens().input));
    }
    let look = standing_at(route, members, place, |standing| standing.health.look());
    if let Some(Look::Resting(until)) = look {
        return Some(Skip::Resting(until.saturating_duration_since(Instant::now())));
    }
    if deployment.parallel.as_ref().is_some_and(|places| places.are_taken()) {
        return Some(Skip::Full);
    }
    if deployment.rates != Rates::default() {
        let tokens = if deployment.rates.tokens.is_some() { deployment.reserved(ask.tokens()) } else { 0 };
        if let Some(ends) = deployment.state.window.ends(deployment.rates, tokens) {
            return Some(Skip::RateLimited(ends.saturating_duration_since(Instant::now())));
        }
    }
    let is_kept = ask.others.as_ref().is_some_and(|others| others.can_use(place));
    is_kept.then_some(Skip::Full)
}

/// When the first deployment may be asked again, if none may be now.
pub(crate) fn first_back(route: &Route, members: &Members, ask: &Ask<'_>) -> Option<Instant> {
    let is_ready = |place: usize| skip(route, members, place, ask).is_none();
    if members.places.clone().take(TOLD_MAX).any(is_ready) {
        return None;
    }
    unavailable(route, members, ask).returns
}

/// Why none of them may be asked, as far as it can be told.
pub(crate) fn unavailable(route: &Route, members: &Members, ask: &Ask<'_>) -> Unavailable {
    let now = Instant::now();
    let mut unavailable = Unavailable { returns: None, skip: None, is_full: false, named: Vec::new() };
    for place in members.places.clone().take(TOLD_MAX) {
        let skip = skip(route, members, place, ask);
        let Some(skip) = skip else { continue };
        let deployment = &members.group.deployments[place];
        unavailable.is_full |= match skip {
            Skip::Full => true,
            Skip::RateLimited(_) => deployment.state.window.may_get_back(deployment.rates),
            _ => false,
        };
        let passes = skip == Skip::Full || skip.ends(now).is_some();
        if passes && unavailable.named.len() < NAMED_MAX {
            unavailable.named.push((Arc::clone(&deployment.id), skip));
        }
        if let Some(ends) = skip.ends(now) {
            unavailable.returns = Some(unavailable.returns.map_or(ends, |first| first.min(ends)));
        }
        // What time mends tells more than what was asked already.
        let tells_more = |before: Skip| matches!(before, Skip::Tried | Skip::NotBound | Skip::Unsupported);
        if unavailable.skip.is_none_or(tells_more) {
            unavailable.skip = Some(skip);
        }
    }
    unavailable
}

/// Looks at what is known of the deployment at a place, if anything is.
pub(crate) fn standing_at<T>(
    route: &Route,
    members: &Members,
    place: usize,
    look: impl Fn(&Standing) -> T,
) -> Option<T> {
    let deployment = &members.group.deployments[place];
    if !deployment.has_many_models() {
        return Some(look(deployment.state.own()));
    }
    // Most wildcards have nothing to say of any model.
    if !deployment.state.has_models() {
        return None;
    }
    let candidate = route.at(place)?;
    deployment.state.known(&candidate.upstream_model).map(|standing| look(&standing))
}

fn supports(group: &Group, route: &Route, place: usize, operation: Operation) -> bool {
    // Where all are of one kind, one answer holds for all, and the provider itself says what it lacks.
    group.kinds.len() == 1
        || route.at(place).is_some_and(|candidate| candidate.capabilities().supports(operation))
}
