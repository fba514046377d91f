//! What a call may use of its callers' limits and budgets, reserved before it is sent.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use http::{HeaderName, HeaderValue};
use rust_decimal::Decimal;
use trunkline_core::{
    Body as CallBody, Call, Document, Error, ErrorKind, Operation, Subject, SubjectKind, json,
};
use trunkline_keys::{Identity, Keys, Limited};
use trunkline_limits::{Account, Permit, Refusal, Reservation, Want, What};
use trunkline_prices::estimate;
use trunkline_router::{Candidate, Dearest, Route, Router, Wishes};
use trunkline_store::{Charge, Kind};

use crate::Settings;
use crate::authentication::Caller;
use crate::settings::UnknownPrice;

/// The header that tells of a limit that was put into a body.
pub(crate) static ADDED_LIMIT: HeaderName = HeaderName::from_static("x-trunkline-added-limit");

/// How many tags of a request are looked at for budgets.
const TAGS_MAX: usize = 32;

/// What a call holds of limits and budgets, until it is known what it used.
#[derive(Debug, Default)]
pub(crate) struct Held {
    reservation: Option<Reservation>,
    /// What is metered of a stream that has no limit of its own.
    meter: Option<Meter>,
    /// Who is charged with what it spends, be there a budget or not.
    charged: Vec<Subject>,
    /// About how many tokens of input it has.
    pub(crate) input_tokens: u64,
    /// The most that it may cost.
    pub(crate) bound: Option<Decimal>,
    /// A limit that was put into the body, as the header tells it.
    pub(crate) added_limit: Option<HeaderValue>,
    status: Option<http::StatusCode>,
}

/// How far a reservation reaches into a stream.
#[derive(Debug)]
struct Meter {
    /// Tokens of output that are reserved.
    reserved: u64,
    /// By how many it grows.
    step: u64,
    per_token: Decimal,
}

/// A call, and what is known of where it goes.
#[derive(Debug)]
pub(crate) struct Going<'g> {
    pub(crate) caller: &'g Caller,
    pub(crate) router: &'g Router,
    pub(crate) route: &'g Route,
    pub(crate) candidate: &'g Candidate,
    /// The name that was asked for.
    pub(crate) name: &'g str,
    /// The end user.
    pub(crate) user: Option<&'g str>,
    pub(crate) wishes: &'g Wishes,
}

/// Takes one request of the minute, and one place, of everybody whom the key stands for. Where replicas share the limit it
/// waits for more of it, up to `wait`.
///
/// # Errors
///
/// `RateLimited`, naming the limit; `StoreUnavailable` where replicas share it, and nobody can tell what is left.
pub(crate) async fn admit(keys: Option<&Keys>, caller: &Caller, wait: Duration) -> Result<Permit, Error> {
    let Some(keys) = keys else { return Ok(Permit::default()) };
    let admitted = keys.book().admit_within(always(keys, caller), wait).await;
    admitted.map_err(|refusal| Error::from(shown(refusal, caller.identity())))
}

/// Reserves what a call may use: tokens, and money at the dearest of all that may answer.
///
/// # Errors
///
/// `RateLimited` and `BudgetExceeded`, naming whose limit it is; `PermissionDenied` if nobody knows what the call costs, and
/// it must be known; `Unauthenticated` if the end user is blocked.
pub(crate) async fn reserve(
    keys: Option<&Keys>,
    settings: &Settings,
    going: &Going<'_>,
    call: &mut Call,
) -> Result<Held, Error> {
    let bills = call.operation.bills();
    let is_priced = bills && settings.unknown_price == UnknownPrice::Deny;
    let Some(keys) = keys else {
        if is_priced {
            priced(settings, false, going, &dearest(settings, going, call))?;
        }
        return Ok(Held::default());
    };
    let named = limited(keys, going).await?;
    let accounts = going.caller.identity().map_or(keys.global(), |identity| &identity.accounts.paying);
    let late = late(going, &named);
    let has_budget = has_budget(keys, going.caller, &named);
    let mut held = Held {
        charged: charged(going.caller, &named),
        status: settings.budget_exceeded_status,
        ..Held::default()
    };
    let is_limited = accounts.iter().chain(&late).any(|account| account.is_limited());
    if !is_limited && !is_priced {
        return Ok(held);
    }
    // What nobody bills takes neither tokens nor money; it counts among the requests to its model.
    let mut want =
        Want { accounts: &[], by_model: &late, tokens: 0, amount: None, wait: settings.budget_wait };
    if bills {
        let most = most(settings, has_budget, going, call, &mut held)?;
        want = Want { accounts, tokens: most.tokens, amount: most.amount, ..want };
    }
    let reserved = keys.book().reserve(want).await;
    let identity = going.caller.identity();
    held.reservation =
        Some(reserved.map_err(|refusal| Error::from(shown(refusal, identity)).with_status(held.status))?);
    Ok(held)
}

/// The most that a call may use.
struct Most {
    tokens: u64,
    amount: Option<Decimal>,
}

/// Works out the most that a call may use, and sees to it that it is the most: a body without a limit gets one, and a stream
/// is metered.
fn most(
    settings: &Settings,
    has_budget: bool,
    going: &Going<'_>,
    call: &mut Call,
    held: &mut Held,
) -> Result<Most, Error> {
    let dearest = dearest(settings, going, call);
    held.input_tokens = dearest.input_tokens;
    held.bound = dearest.amount;
    let amount = if has_budget || settings.unknown_price == UnknownPrice::Deny {
        priced(settings, has_budget, going, &dearest)?
    } else {
        None
    };
    if has_budget && let Some(limit) = dearest.limit_to_add {
        if call.streaming() {
            held.meter = dearest.per_output_token.map(|per_token| Meter {
                reserved: dearest.output_tokens,
                step: limit.max(1),
                per_token,
            });
        } else {
            held.added_limit = add_limit(call, going.candidate, limit);
        }
    }
    let tokens = dearest.input_tokens.saturating_add(dearest.output_tokens);
    Ok(Most { tokens, amount: amount.filter(|amount| !amount.is_zero()) })
}

/// The most that a call can cost at all that may answer.
fn dearest(settings: &Settings, going: &Going<'_>, call: &Call) -> Dearest {
    let offered = offered(&call.body);
    let reserve = settings.reserve_output_tokens;
    let of = |call: &Call| going.router.dearest(going.route, call, going.wishes, (&offered, reserve));
    let dearest = of(call);
    match &call.body {
        CallBody::Document(document) if dearest.input_tokens == 0 => {
            of(&Call { body: weighed_whole(document), ..call.clone() })
        }
        CallBody::Document(_) | CallBody::Form(_) | CallBody::Empty => dearest,
    }
}

/// A body in which no input is found, as one whose input is all of it: it may stand in members that nobody weighs, and an
/// estimate of nothing would pass any budget.
fn weighed_whole(document: &Document) -> CallBody {
    let text = String::from_utf8_lossy(&document.to_bytes()).into_owned();
    let mut whole = document.clone();
    whole.set_raw("input", json::text(&text));
    CallBody::Document(whole)
}

/// Checks the end user and the tags of a call that reserves nothing, because its reply was kept.
///
/// # Errors
///
/// `Unauthenticated` if the end user is blocked.
pub(crate) async fn check_named(keys: Option<&Keys>, going: &Going<'_>) -> Result<(), Error> {
    let Some(keys) = keys else { return Ok(()) };
    limited(keys, going).await.map(|_| ())
}

impl Held {
    /// Reserves more for a stream that outgrows what was reserved for it.
    ///
    /// # Errors
    ///
    /// `BudgetExceeded` where no budget can pay for more: the stream is to end.
    pub(crate) fn reach(
        &mut self,
        output_tokens: u64,
        identity: Option<&Arc<Identity>>,
    ) -> Result<(), Error> {
        let Some(meter) = &mut self.meter else { return Ok(()) };
        while output_tokens > meter.reserved {
            let amount = Decimal::from(meter.step).saturating_mul(meter.per_token);
            if let Some(reservation) = &mut self.reservation
                && let Err(refusal) = reservation.top_up(meter.step, amount)
            {
                return Err(Error::from(shown(refusal, identity)).with_status(self.status));
            }
            meter.reserved = meter.reserved.saturating_add(meter.step);
        }
        Ok(())
    }

    /// Puts what was used in the place of what was reserved.
    pub(crate) fn settle(&mut self, tokens: u64, spent: Option<Decimal>) {
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(tokens, spent);
        }
    }

    /// The counters that what it spends is added to.
    pub(crate) fn charges(&self) -> Vec<Charge> {
        let ever =
            |subject: &Subject| Charge { subject: subject.clone(), period: String::new(), begins_at: 0 };
        let mut charges: Vec<Charge> = self.charged.iter().map(ever).collect();
        let reserved = self.reservation.iter().flat_map(Reservation::charges);
        for charge in reserved {
            let period = charge.period.map(|period| period.to_string()).unwrap_or_default();
            let charge = Charge { subject: charge.subject, period, begins_at: charge.begins_at_ms };
            if !charges.contains(&charge) {
                charges.push(charge);
            }
        }
        charges
    }
}

/// A refusal under the name by which people know the key, or its user in its team, and not the one that it has in the store.
fn shown(mut refusal: Refusal, identity: Option<&Arc<Identity>>) -> Refusal {
    let Some(identity) = identity else { return refusal };
    match refusal.subject.kind {
        SubjectKind::Key => {
            refusal.subject.id = match &identity.alias {
                Some(alias) => format!("{alias} ({})", identity.name).into(),
                None => identity.name.as_str().into(),
            };
        }
        SubjectKind::Member => {
            if let (Some(user), Some(team)) = (&identity.user_id, &identity.team_id) {
                // LiteLLM has a form for each.
                refusal.subject.id = match refusal.what {
                    What::Budget { .. } => format!("User={user} in Team={team}").into(),
                    What::Requests | What::Tokens | What::Parallel => format!("{team}:{user}").into(),
                };
            }
        }
        SubjectKind::Global
        | SubjectKind::Team
        | SubjectKind::User
        | SubjectKind::Customer
        | SubjectKind::Tag => {}
    }
    refusal
}

/// The accounts whose requests every request of a caller counts among.
fn always<'k>(keys: &'k Keys, caller: &'k Caller) -> &'k [Arc<Account>] {
    caller.identity().map_or(keys.global(), |identity| &identity.accounts.always)
}

/// The end user and the tags that a request names, as far as somebody has limited them.
///
/// Where the store does not tell, the request goes on without: whoever names a new end user must not be refused because
/// a database is down.
async fn limited(keys: &Keys, going: &Going<'_>) -> Result<Vec<Arc<Limited>>, Error> {
    let user = going.user.map(|user| (Kind::Customer, user));
    let tags = going.wishes.tags.iter().take(TAGS_MAX).map(|tag| (Kind::Tag, tag.as_str()));
    let looked = at_once(user.into_iter().chain(tags), |(kind, id)| keys.limited(kind, id)).await;
    let mut named = Vec::new();
    let mut failed: Vec<Error> = Vec::new();
    for limited in looked {
        match limited {
            Ok(limited) => {
                limited.check()?;
                named.push(limited);
            }
            Err(error) => failed.push(error),
        }
    }
    if let Some(error) = failed.first() {
        let count = failed.len();
        tracing::warn!(error = %error, count, "limits of the end user or of tags could not be read, and do not hold for this call");
    }
    Ok(named)
}

/// Asks for all of them at one time, so that together they wait no longer than one. The answers are in their order.
async fn at_once<S, L: Future>(
    subjects: impl Iterator<Item = S>,
    look: impl Fn(S) -> L,
) -> impl Iterator<Item = L::Output> {
    let mut looking = subjects.map(look);
    let (first, others) = match looking.next() {
        // Most requests name one at most, which needs no list.
        Some(first) => {
            let (first, others) = join(first, join_all(looking)).await;
            (Some(first), others)
        }
        None => (None, Vec::new()),
    };
    first.into_iter().chain(others)
}

/// The accounts that are known only with the body: those of the model, the end user, the tags.
fn late(going: &Going<'_>, named: &[Arc<Limited>]) -> Vec<Arc<Account>> {
    let names = [going.name, &**going.route.group()];
    let identity = going.caller.identity().filter(|identity| identity.accounts.knows_models());
    let of_key = identity.into_iter().flat_map(|identity| identity.accounts.of_models(&names));
    let of_named = named
        .iter()
        .flat_map(|limited| limited.accounts.paying.iter().chain(limited.accounts.of_models(&names)));
    of_key.chain(of_named).cloned().collect()
}

fn has_budget(keys: &Keys, caller: &Caller, named: &[Arc<Limited>]) -> bool {
    let of_caller = match caller.identity() {
        Some(identity) => identity.accounts.has_budget,
        None => !keys.global().is_empty(),
    };
    of_caller || named.iter().any(|limited| limited.accounts.has_budget)
}

fn charged(caller: &Caller, named: &[Arc<Limited>]) -> Vec<Subject> {
    let of_caller = caller.identity().into_iter().flat_map(|identity| identity.accounts.charged());
    of_caller.chain(named.iter().flat_map(|limited| limited.accounts.charged())).cloned().collect()
}

/// What is to be reserved. `None` is an unknown price that does not matter.
fn priced(
    settings: &Settings,
    has_budget: bool,
    going: &Going<'_>,
    dearest: &Dearest,
) -> Result<Option<Decimal>, Error> {
    if dearest.amount.is_some() {
        return Ok(dearest.amount);
    }
    let is_denied = match settings.unknown_price {
        UnknownPrice::Allow => false,
        UnknownPrice::Deny => true,
        UnknownPrice::DenyWithBudget => has_budget,
    };
    if !is_denied {
        return Ok(None);
    }
    let why = if has_budget {
        "this caller's budget must be able to pay for it"
    } else {
        "calls without a known price are denied"
    };
    let message = format!(
        "nobody knows what `{}` costs, or a model that may stand in for it, and {why}: give its deployment a price \
         (input_cost_per_token, output_cost_per_token)",
        going.name
    );
    Err(Error::new(ErrorKind::PermissionDenied, message).with_param("model").with_subject(SubjectKind::Key))
}

/// Puts a limit into a body that has none, so that what is reserved is the most that it can use.
fn add_limit(call: &mut Call, candidate: &Candidate, limit: u64) -> Option<HeaderValue> {
    let operation = call.operation;
    let CallBody::Document(document) = &mut call.body else { return None };
    let member = limit_member(operation, &candidate.prefix)?;
    if estimate::limit_members(operation).iter().any(|limit| candidate.deployment.added(limit).is_some()) {
        // The deployment has a limit of its own, under whichever of the names.
        return None;
    }
    document.set_raw(member, limit.to_string().into_bytes());
    HeaderValue::try_from(format!("{member}={limit}")).ok()
}

/// What an operation calls the most tokens of an answer. OpenAI's newer models take no `max_tokens` in chats, and those
/// who speak its wire do not all know the newer name.
fn limit_member(operation: Operation, prefix: &str) -> Option<&'static str> {
    match operation {
        Operation::ChatCompletions if matches!(prefix, "openai" | "azure") => Some("max_completion_tokens"),
        Operation::ChatCompletions | Operation::Completions | Operation::Messages => Some("max_tokens"),
        Operation::Responses | Operation::CompactResponse => Some("max_output_tokens"),
        _ => None,
    }
}

/// The models that a body lets the upstream choose from, in the upstream's spelling.
fn offered(body: &CallBody) -> Vec<String> {
    let CallBody::Document(document) = body else { return Vec::new() };
    lists_of_models(document).flat_map(texts).map(Cow::into_owned).collect()
}

/// The lists of models in a body: `models`, and `providerOptions.gateway.models`.
pub(crate) fn lists_of_models(document: &Document) -> impl Iterator<Item = &[u8]> {
    // All of a name: which of two counts is for the upstream's reader to say.
    let gateways = document.raw("providerOptions").into_iter().flat_map(|options| every(options, "gateway"));
    document.raw("models").into_iter().chain(gateways.flat_map(|gateway| every(gateway, "models")))
}

/// The texts of a list.
pub(crate) fn texts(list: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    json::elements(list).filter_map(|span| json::string(list.get(span)?))
}

/// The values of all members of a name.
fn every<'j>(object: &'j [u8], name: &'static str) -> impl Iterator<Item = &'j [u8]> {
    json::members(object)
        .filter(move |member| member.is_named(name))
        .filter_map(|member| object.get(member.value))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn all_models_of_a_body_are_looked_at() {
        let body = br#"{"models":["a"],"providerOptions":{"gateway":{"models":["b"]},"gateway":{"models":["c"],"models":["d"]}}}"#;
        let document = Document::parse(body.as_slice()).expect("a document");
        let found: Vec<_> = lists_of_models(&document).flat_map(texts).collect();
        assert_eq!(found, ["a", "b", "c", "d"]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_names_are_looked_up_in_the_time_of_one() {
        let began = tokio::time::Instant::now();
        let wait = Duration::from_millis(50);
        let look = async |name: usize| {
            // The later ones are there first.
            tokio::time::sleep(wait / u32::try_from(name + 1).expect("a small number")).await;
            name
        };
        for count in [0, 1, 2, TAGS_MAX + 1] {
            assert!(at_once(0..count, look).await.eq(0..count));
        }
        assert_eq!(began.elapsed().as_millis(), 3 * wait.as_millis());
    }
}
