//! What went wrong on the way, as an [`Error`] that tells a caller nothing about the network behind it.

use std::error::Error as StdError;
use std::time::Duration;

use trunkline_core::{Error, ErrorKind, Wait};
use trunkline_provider::Waits;

use crate::connector::Unconnected;
use crate::http1::{HEAD_BYTES_MAX, HEADERS_MAX, HeadFlaw};

type Source = Box<dyn StdError + Send + Sync>;

/// The request was sent, and did not get an answer.
pub(crate) fn unanswered(source: impl Into<Source>) -> Error {
    let message = "the upstream broke the connection before it answered";
    Error::new(ErrorKind::UpstreamProtocol, message).with_source(source).having_reached_upstream()
}

/// What came is no reply, or one with a head past all limits.
pub(crate) fn no_reply(flaw: HeadFlaw) -> Error {
    let message = match flaw {
        HeadFlaw::TooLong | HeadFlaw::Syntax(httparse::Error::TooManyHeaders) => format!(
            "the head of the upstream's reply is longer than {HEAD_BYTES_MAX} bytes or has more than {HEADERS_MAX} headers"
        ),
        _ => "the upstream's answer is no reply of HTTP/1.1".to_owned(),
    };
    Error::new(ErrorKind::UpstreamProtocol, message).with_source(flaw).having_reached_upstream()
}

/// What reqwest failed of.
pub(crate) fn of_client(error: reqwest::Error, waits: &Waits) -> Error {
    let error = error.without_url();
    if error.is_builder() {
        return Error::new(ErrorKind::Internal, "the request cannot be sent as it is").with_source(error);
    }
    if !error.is_connect() {
        return unanswered(error);
    }
    if error.is_timeout() {
        return connect_timeout(waits).with_source(error);
    }
    let why = if error.is_dns() {
        UNKNOWN_NAME
    } else if has_source::<rustls::Error>(&error) {
        NO_TLS
    } else {
        ""
    };
    unreachable(why).with_source(error)
}

const UNKNOWN_NAME: &str = ": its name is not known";
const NO_TLS: &str = ": TLS was not agreed on";

/// There is no connection to send the request on.
pub(crate) fn unconnected(why: Unconnected) -> Error {
    let message = match &why {
        Unconnected::Name(_) => UNKNOWN_NAME,
        Unconnected::Tls(_) => NO_TLS,
        Unconnected::Refused(_) => "",
    };
    unreachable(message).with_source(why)
}

/// A connection did not come about in time.
pub(crate) fn connect_timeout(waits: &Waits) -> Error {
    unreachable(&format!(" within {}", spelled(waits.connect))).with_wait(Wait::Connect)
}

fn unreachable(why: &str) -> Error {
    Error::new(ErrorKind::UpstreamUnreachable, format!("no connection to the upstream{why}"))
}

/// The body broke off.
pub(crate) fn cut(source: impl Into<Source>) -> Error {
    let message = "the upstream broke the connection in the middle of its reply";
    Error::new(ErrorKind::UpstreamCut, message).with_source(source).having_reached_upstream()
}

/// The first byte did not come in time.
pub(crate) fn first_event_timeout(waits: &Waits) -> Error {
    timeout(Wait::FirstEvent, format!("no answer from the upstream within {}", spelled(waits.first_event)))
}

/// The body stood still.
pub(crate) fn idle_timeout(waits: &Waits) -> Error {
    timeout(Wait::Idle, format!("the upstream sent nothing for {}", spelled(waits.idle)))
}

/// The call took too long altogether.
pub(crate) fn total_timeout(waits: &Waits) -> Error {
    timeout(Wait::Total, format!("the upstream did not finish within {}", spelled(waits.total)))
}

fn timeout(wait: Wait, message: String) -> Error {
    Error::new(ErrorKind::UpstreamTimeout, message).having_reached_upstream().with_wait(wait)
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
