//! What a call may use of its callers' limits and budgets, reserved before it is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use rust_decimal::Decimal;
use trunkline_core::{Body as CallBody, Call, Error, Operation, Subject, SubjectKind};
use trunkline_keys::{Identity, Keys};
use trunkline_limits::{Permit, Refusal, Reservation, Want, What};
use trunkline_prices::estimate;
use trunkline_router::Candidate;
use trunkline_store::Charge;

use crate::Settings;
use crate::accounts::{charged, has_budget, late, limited, of_caller};
use crate::authentication::Caller;
use crate::bound::{Most, dearest, priced};
use crate::going::Going;
use crate::settings::UnknownPrice;

/// The header that tells of a limit that was put into a body.
pub(crate) static ADDED_LIMIT: HeaderName = HeaderName::from_static("x-trunkline-added-limit");

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
    /// What it is charged if nobody tells its cost, because nobody knows its price either.
    pub(crate) cap: Option<Decimal>,
    /// A limit that was put into the body, as the header tells it.
    pub(crate) added_limit: Option<HeaderValue>,
    status: Option<http::StatusCode>,
    /// How long a stream waits for more of what replicas share.
    limit_wait: Duration,
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

/// Why a stream may not go on.
pub(crate) struct Short {
    pub(crate) error: Error,
    /// Ready when there may be more to reserve, where replicas share it. `None` if there is no more.
    pub(crate) more: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How long that is to be waited for altogether.
    pub(crate) wait: Duration,
}

/// Takes one request of the minute, and one place, of everybody whom the key stands for. Where replicas share the limit it
/// waits for more of it, up to `wait`.
///
/// # Errors
///
/// `RateLimited`, naming the limit; `StoreUnavailable` where replicas share it, and nobody can tell what is left.
pub(crate) async fn admit(keys: Option<&Keys>, caller: &Caller, wait: Duration) -> Result<Permit, Error> {
    let Some(keys) = keys else { return Ok(Permit::default()) };
    let admitted = keys.book().admit_within(&of_caller(keys, caller).always, wait).await;
    admitted.map_err(|refusal| Error::from(shown(refusal, caller.identity())))
}

/// Reserves what a call may use: tokens, and money at the dearest of all that may answer.
///
/// # Errors
///
/// `RateLimited` and `BudgetExceeded`, naming whose limit it is; `PermissionDenied` if nobody knows what the call costs,
/// and it must be known; `Unauthenticated` if the end user is blocked.
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
    let accounts = &of_caller(keys, going.caller).paying;
    let late = late(keys, going, &named);
    let has_budget = has_budget(keys, going.caller, &named);
    let mut held = Held {
        charged: charged(going.caller, &named),
        status: settings.budget_exceeded_status,
        limit_wait: settings.limit_wait,
        ..Held::default()
    };
    let is_limited = accounts.iter().chain(&late).any(|account| account.is_limited());
    if !is_limited && !is_priced {
        return Ok(held);
    }
    if !bills {
        // What nobody bills takes neither tokens nor money; it counts among the requests to its model.
        let want =
            Want { accounts: &[], by_model: &late, tokens: 0, amount: None, wait: settings.budget_wait };
        held.reservation =
            Some(keys.book().reserve(want).await.map_err(|refusal| held.refused(refusal, going))?);
        return Ok(held);
    }
    let mut most = most(settings, has_budget, going, call, &mut held)?;
    let unspent = || accounts.iter().chain(&late).filter_map(|account| account.unspent()).min();
    most.fit(unspent, call.streaming());
    held.reservation = loop {
        let Most { tokens, amount, .. } = most;
        let want = Want { accounts, by_model: &late, tokens, amount, wait: settings.budget_wait };
        match keys.book().reserve(want).await {
            Ok(reservation) => break Some(reservation),
            // What others have spent while it waited leaves room for less.
            Err(refusal) if is_too_dear(&refusal) && most.fit(unspent, call.streaming()) => {}
            Err(refusal) => return Err(held.refused(refusal, going)),
        }
    };
    if let Some(limit) = most.limit {
        if call.streaming() {
            let Most { output_tokens: reserved, per_token, .. } = most;
            held.meter = per_token.map(|per_token| Meter { reserved, step: limit, per_token });
        } else {
            held.added_limit = add_limit(call, going.candidate, limit);
        }
    }
    Ok(held)
}

/// Works out the most that a call may use, and how long its reply may be to keep to that.
fn most(
    settings: &Settings,
    has_budget: bool,
    going: &Going<'_>,
    call: &Call,
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
    if dearest.amount.is_none() && matches!(settings.unknown_price, UnknownPrice::Cap(_)) {
        (held.bound, held.cap) = (amount, amount);
    }
    // How long a reply is that has one price for all does not matter.
    let limits = has_budget && held.cap.is_none();
    let can_be_less = call.streaming() || can_add_limit(call, going.candidate);
    Ok(Most::new(&dearest, amount, limits, can_be_less.then(|| call.document()).flatten()))
}

/// Whether the budget has room, and the call is too dear for it: waiting for others does not help.
fn is_too_dear(refusal: &Refusal) -> bool {
    matches!(refusal.what, What::Budget { .. }) && !refusal.is_by_reservations()
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
    fn refused(&self, refusal: Refusal, going: &Going<'_>) -> Error {
        Error::from(shown(refusal, going.caller.identity())).with_status(self.status)
    }

    /// Reserves more for a stream that outgrows what was reserved for it.
    ///
    /// # Errors
    ///
    /// `BudgetExceeded` where no budget can pay for more: the stream is to end, if no more comes.
    pub(crate) fn reach(
        &mut self,
        output_tokens: u64,
        identity: Option<&Arc<Identity>>,
    ) -> Result<(), Short> {
        let (Some(meter), Some(reservation)) = (&mut self.meter, &mut self.reservation) else {
            return Ok(());
        };
        while output_tokens > meter.reserved {
            let amount = Decimal::from(meter.step).saturating_mul(meter.per_token);
            let answered = reservation.answered();
            if let Err(refusal) = reservation.top_up(meter.step, amount) {
                let more = answered.filter(|_| refusal.is_pending).map(|answered| Box::pin(answered) as _);
                let error = Error::from(shown(refusal, identity)).with_status(self.status);
                return Err(Short { error, more, wait: reservation.patience(self.limit_wait) });
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

/// A refusal under the name by which people know the key, or its user in its team, and not the one that it has in the
/// store.
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

/// Whether a limit can be put into a body: where its deployment has none of its own, under whichever of the names.
fn can_add_limit(call: &Call, candidate: &Candidate) -> bool {
    let members = estimate::limit_members(call.operation);
    limit_member(call.operation, &candidate.prefix).is_some()
        && !members.iter().any(|limit| candidate.deployment.added(limit).is_some())
}

/// Puts a limit into a body that has none, so that what is reserved is the most that it can use.
fn add_limit(call: &mut Call, candidate: &Candidate, limit: u64) -> Option<HeaderValue> {
    if !can_add_limit(call, candidate) {
        return None;
    }
    let member = limit_member(call.operation, &candidate.prefix)?;
    let CallBody::Document(document) = &mut call.body else { return None };
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
