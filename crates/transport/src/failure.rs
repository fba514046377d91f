//! What went wrong on the way, as an [`Error`] that tells a caller nothing about the network behind it.

use std::error::Error as StdError;
use std::time::Duration;

use trunkline_core::{Error, ErrorKind};
use trunkline_provider::Waits;

/// The request did not get an answer.
pub(crate) fn unanswered(error: reqwest::Error, waits: &Waits) -> Error {
    let error = error.without_url();
    if error.is_connect() {
        return unreachable(error, waits);
    }
    if error.is_builder() {
        return Error::new(ErrorKind::Internal, "the request cannot be sent as it is").with_source(error);
    }
    let message = "the upstream broke the connection before it answered";
    Error::new(ErrorKind::UpstreamProtocol, message).with_source(error).having_reached_upstream()
}

fn unreachable(error: reqwest::Error, waits: &Waits) -> Error {
    let message = if error.is_timeout() {
        format!("no connection to the upstream within {}", spelled(waits.connect))
    } else if error.is_dns() {
        "no connection to the upstream: its name is not known".to_owned()
    } else if has_source::<rustls::Error>(&error) {
        "no connection to the upstream: TLS was not agreed on".to_owned()
    } else {
        "no connection to the upstream".to_owned()
    };
    Error::new(ErrorKind::UpstreamUnreachable, message).with_source(error)
}

/// The body broke off.
pub(crate) fn cut(error: reqwest::Error) -> Error {
    let message = "the upstream broke the connection in the middle of its reply";
    Error::new(ErrorKind::UpstreamCut, message).with_source(error.without_url()).having_reached_upstream()
}

/// The first byte did not come in time.
pub(crate) fn first_event_timeout(waits: &Waits) -> Error {
    timeout(format!("no answer from the upstream within {}", spelled(waits.first_event)))
}

/// The body stood still.
pub(crate) fn idle_timeout(waits: &Waits) -> Error {
    timeout(format!("the upstream sent nothing for {}", spelled(waits.idle)))
}

/// The call took too long altogether.
pub(crate) fn total_timeout(waits: &Waits) -> Error {
    timeout(format!("the upstream did not finish within {}", spelled(waits.total)))
}

fn timeout(message: String) -> Error {
    Error::new(ErrorKind::UpstreamTimeout, message).having_reached_upstream()
}

fn spelled(wait: Duration) -> String {
    if wait.subsec_nanos() == 0 {
        format!("{} s", wait.as_secs())
    } else {
        format!("{} ms", wait.as_millis())
    }
}

/// Whether an error of this type is among the causes. I/O errors hide what they hold from `source`.
fn has_source<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.is::<T>() {
            return true;
        }
        let held = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => cause.source(),
        };
    }
    false
}
