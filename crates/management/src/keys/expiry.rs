//! When a key ends.

use serde_json::Value;
use trunkline_core::{Error, ErrorKind};
use trunkline_store::Object;

use crate::fields::Fields;
use crate::times::{self, Length};

/// When a key ends, in milliseconds since 1970. `None` if it does not.
pub(crate) fn expires_at(key: &Object) -> Option<i64> {
    key.settings.get("expires").and_then(Value::as_str).and_then(times::parse)
}

/// Lets a key end then.
pub(crate) fn set(key: &mut Object, at: Option<i64>) {
    match at.and_then(times::text) {
        Some(text) => key.settings.insert("expires".to_owned(), Value::String(text)),
        None => key.settings.remove("expires"),
    };
}

/// Takes in what a request says about the end: a time, or a length of time from now on.
///
/// # Errors
///
/// `InvalidRequest` if it says both.
pub(crate) fn apply(fields: &Fields, key: &mut Object, now: i64) -> Result<(), Error> {
    if !fields.has("duration") {
        return Ok(());
    }
    if fields.value("duration").is_some() && fields.value("expires").is_some() {
        let message = "`duration` and `expires` say the same: give one of them";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("duration"));
    }
    if let Some(length) = fields.text("duration") {
        set(key, Length::parse(length).and_then(|length| length.after(now)));
    } else if !fields.has("expires") {
        set(key, None);
    }
    Ok(())
}
