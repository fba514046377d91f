//! Defaults and bounds that the administrator has set for all keys.

use serde_json::Value;
use trunkline_core::{Error, ErrorKind};
use trunkline_limits::Period;
use trunkline_store::Object;

use crate::fields::Fields;
use crate::keys::expiry;
use crate::numbers;
use crate::times::{self, Length};

/// What no key may have more of.
const NUMBERS: [&str; 4] = ["max_budget", "max_parallel_requests", "rpm_limit", "tpm_limit"];

/// Fills in what a request does not say.
pub(crate) fn fill(fields: &mut Fields, defaults: &Fields) {
    for (name, value) in defaults.said() {
        let is_open = match fields.value(name) {
            None => true,
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(members)) => members.is_empty(),
            Some(_) => false,
        };
        if is_open {
            fields.set(name, value.clone());
        }
    }
}

/// Holds a key to the bounds: what it has more of is refused, and what it has without an end gets the bound. Of a key
/// that is changed, only what the change names is looked at.
///
/// # Errors
///
/// `InvalidRequest`, naming the field and both figures.
pub(crate) fn hold(
    key: &mut Object,
    bounds: &Fields,
    change: Option<&Fields>,
    now: i64,
) -> Result<(), Error> {
    let is_meant = |name: &str| change.is_none_or(|change| change.has(name));
    for name in NUMBERS.into_iter().filter(|name| is_meant(name)) {
        let Some(bound) = bounds.value(name) else { continue };
        let (Some(max), given) = (numbers::money(bound), key.settings.get(name).and_then(numbers::money))
        else {
            continue;
        };
        match given {
            Some(given) if given > max => return Err(over(name, &given.to_string(), &max.to_string())),
            Some(_) => {}
            None => {
                key.settings.insert(name.to_owned(), bound.clone());
            }
        }
    }
    if let Some(bound) = bounds.text("budget_duration").filter(|_| is_meant("budget_duration")) {
        let given = key.settings.get("budget_duration").and_then(Value::as_str);
        let about = |text: &str| Period::parse(text).nominal_ms();
        match given {
            Some(given) if about(given) > about(bound) => {
                return Err(over("budget_duration", given, bound));
            }
            Some(_) => {}
            None => {
                key.settings.insert("budget_duration".to_owned(), Value::from(bound));
            }
        }
    }
    let means_end = is_meant("duration") || is_meant("expires");
    if let Some(bound) = bounds.text("duration").filter(|_| means_end) {
        let max = Length::parse(bound).and_then(|length| length.after(now));
        hold_end(key, max, bound)?;
    }
    Ok(())
}

/// Holds a key to a latest end.
///
/// # Errors
///
/// `InvalidRequest` if it is to end later.
pub(crate) fn hold_end(key: &mut Object, latest: Option<i64>, bound: &str) -> Result<(), Error> {
    let Some(latest) = latest else { return Ok(()) };
    match expiry::expires_at(key) {
        Some(expires) if expires > latest => {
            Err(over("duration", &times::text(expires).unwrap_or_default(), bound))
        }
        Some(_) => Ok(()),
        None => {
            expiry::set(key, Some(latest));
            Ok(())
        }
    }
}

fn over(name: &str, given: &str, max: &str) -> Error {
    let message = format!("{name} is over max limit set in config - user_value={given}; max_value={max}");
    Error::new(ErrorKind::InvalidRequest, message).with_param(name)
}
