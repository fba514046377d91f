//! The most that a call can cost, and whether that must be known.

use rust_decimal::Decimal;
use trunkline_core::{Body as CallBody, Call, Document, Error, ErrorKind, SubjectKind, json};
use trunkline_prices::estimate::answers;
use trunkline_router::Dearest;

use crate::Settings;
use crate::going::Going;
use crate::offered::offered;
use crate::settings::UnknownPrice;

/// The most that a call can cost at all that may answer.
pub(crate) fn dearest(settings: &Settings, going: &Going<'_>, call: &Call) -> Dearest {
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

/// So few tokens a stream reserves ahead at least.
const STREAM_TOKENS_MIN: u64 = 16;
/// So few tokens a whole reply may have at least that is given a limit.
const WHOLE_TOKENS_MIN: u64 = 32;

/// The most that a call may use, which is reserved for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) tokens: u64,
    pub(crate) amount: Option<Decimal>,
    pub(crate) output_tokens: u64,
    pub(crate) per_token: Option<Decimal>,
    /// The limit of one answer that is to hold, if it has none of its own.
    pub(crate) limit: Option<u64>,
    input_tokens: u64,
    input_amount: Option<Decimal>,
    /// How many answers it gets, where their limit can be lowered.
    answers: Option<u64>,
}

impl Most {
    /// What a call may use. `limits` says that it is to have a limit; `flexible` is its body if that can be any.
    pub(crate) fn new(
        dearest: &Dearest,
        amount: Option<Decimal>,
        limits: bool,
        flexible: Option<&Document>,
    ) -> Self {
        let Dearest { input_tokens, output_tokens, input_amount, per_output_token, .. } = *dearest;
        let limit = dearest.limit_to_add.filter(|_| limits).map(|limit| limit.max(1));
        // A fallback may have another limit, which nobody lowers.
        let answers = flexible
            .filter(|_| amount.is_some())
            .map(answers)
            .filter(|answers| limit.is_some_and(|limit| limit.saturating_mul(*answers) == output_tokens));
        Self {
            tokens: input_tokens.saturating_add(output_tokens),
            amount: amount.filter(|amount| !amount.is_zero()),
            output_tokens,
            per_token: per_output_token,
            limit,
            input_tokens,
            input_amount,
            answers,
        }
    }

    /// Makes the output of a call without a limit fit what is not spent of a small budget, so that most of it can be used, by
    /// several at once: a fourth of it for a stream, which reserves more as it goes on, and a half for a whole reply. Gives
    /// whether it is less than before.
    pub(crate) fn fit(&mut self, unspent: impl FnOnce() -> Option<Decimal>, is_stream: bool) -> bool {
        let (Some(answers), Some(limit), Some(input)) = (self.answers, self.limit, self.input_amount) else {
            return false;
        };
        let per_token = self.per_token.filter(|per_token| !per_token.is_zero());
        let (Some(per_token), Some(unspent)) = (per_token, unspent()) else { return false };
        let (share, least) = if is_stream { (4, STREAM_TOKENS_MIN) } else { (2, WHOLE_TOKENS_MIN) };
        let left = unspent.saturating_sub(input).max(Decimal::ZERO) / Decimal::from(share);
        let affordable = left.checked_div(per_token).and_then(|tokens| u64::try_from(tokens).ok());
        let fits = (affordable.unwrap_or(u64::MAX) / answers).max(least);
        if fits >= limit {
            return false;
        }
        self.limit = Some(fits);
        self.output_tokens = fits.saturating_mul(answers);
        self.tokens = self.input_tokens.saturating_add(self.output_tokens);
        self.amount = Some(input.saturating_add(per_token.saturating_mul(Decimal::from(self.output_tokens))));
        true
    }
}

/// What is to be reserved. `None` is an unknown price that does not matter.
pub(crate) fn priced(
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
        UnknownPrice::Cap(amount) => return Ok(has_budget.then_some(amount)),
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
        "nobody knows what `{}` costs, or a model that may stand in for it, and {why}. A price can stand in the model's row \
         (`input_cost_per_token`, `output_cost_per_token`) or in a file (`trunkline_settings.price_file`), and the Vercel AI \
         Gateway's own list has those of its models (`trunkline_settings.catalogue_prices_refresh_seconds`)",
        going.name
    );
    Err(Error::new(ErrorKind::PermissionDenied, message).with_param("model").with_subject(SubjectKind::Key))
}
