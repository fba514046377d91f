//! The most that a call can cost, and whether that must be known.

use rust_decimal::Decimal;
use trunkline_core::{Body as CallBody, Call, Document, Error, ErrorKind, SubjectKind, json};
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
