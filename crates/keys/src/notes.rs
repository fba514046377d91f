//! What the program itself notes on a key, in settings that callers neither see nor set.

use rust_decimal::Decimal;
use serde_json::Value;
use trunkline_store::Object;

use crate::allowance::amount;

/// Set on a key that is lent: its secret was shown to somebody who is neither its user nor an administrator.
pub const LENT: &str = "lent";

/// Set on a key that is gone since it was given another secret: nobody gets that secret again.
pub const RENEWED: &str = "renewed";

/// The id under which the limits and the spend of a key are counted, where it had another secret before.
pub const COUNTS_AS: &str = "counts_as";

/// When an administrator said last that what a key has spent counts as no more than a figure. It grows with each word.
pub const SPEND_RESET_AT: &str = "spend_reset_at";

/// That figure.
pub const SPEND_RESET_TO: &str = "spend_reset_to";

/// The last word of an administrator on what a key has spent: its number, and the figure. The number is 0 where there was
/// none.
pub(crate) fn spend_reset(key: &Object) -> (i64, Decimal) {
    let at = key.settings.get(SPEND_RESET_AT).and_then(Value::as_str);
    let at = at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let to = key.settings.get(SPEND_RESET_TO).and_then(amount);
    at.zip(to).map_or((0, Decimal::ZERO), |(at, to)| (at.as_millisecond(), to))
}

/// The id under which the limits and the spend of a key are counted.
pub fn counts_as(key: &Object) -> &str {
    key.settings.get(COUNTS_AS).and_then(Value::as_str).unwrap_or(&key.id)
}
