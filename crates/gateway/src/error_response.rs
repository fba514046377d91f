//! An error as a whole response: envelope, status, and whether and when to try again.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response};
use trunkline_core::{Dialect, Error, ErrorKind};

use crate::envelope::{envelope, status};
use crate::record::OpenRecord;
use crate::reply_body::ReplyBody;
use crate::{headers, limit_headers};

/// Notes a failure, settles its record, and turns it into the caller's answer.
pub(crate) fn failed(mut record: Box<OpenRecord>, error: &Error) -> Response<ReplyBody> {
    let mut response = response(error, record.dialect, &record.call_id);
    headers::add_request(&record, response.headers_mut());
    headers::add_recorded_target(&record, response.headers_mut());
    limit_headers::add(&mut record, response.headers_mut());
    if record.deployment.is_some() {
        headers::add_attempts(&record, response.headers_mut());
    }
    if record.is_retry_budget_spent || record.is_all_tried && error.retry_after().is_none() {
        // Whoever tries again by itself would ask an upstream that is in trouble three times as often. When waiting helps
        // it may, unless nothing is left to pay for what is tried again: then each of its tries would be a first one.
        response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
    }
    headers::add_upstream(error.upstream_headers(), response.headers_mut());
    if record.dialect == Dialect::Anthropic {
        headers::add_request_id(&record, response.headers_mut());
    }
    record.status = Some(response.status());
    record.fail(error);
    response
}

/// The whole response for an error.
fn response(error: &Error, dialect: Dialect, call_id: &str) -> Response<ReplyBody> {
    let status = status(error);
    let mut response = Response::new(ReplyBody::from(envelope(error, status, dialect, call_id)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    add_retry_headers(error, response.headers_mut());
    response
}

/// After what time a store that is away may be back.
const STORE_WAIT: Duration = Duration::from_secs(1);

/// Tells clients whether and when to try again; OpenAI's SDKs honour all three.
fn add_retry_headers(error: &Error, headers: &mut HeaderMap) {
    let of_store = (error.kind() == ErrorKind::StoreUnavailable).then_some(STORE_WAIT);
    if let Some(wait) = error.retry_after().or(of_store) {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        headers
            .insert("retry-after-ms", HeaderValue::from(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
    }
    if let Some(limit) = error.limit() {
        headers.insert("rate_limit_type", HeaderValue::from_static(limit.name));
        limit_headers::add_reached(&limit, headers);
        let reset = limit.resets_at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
        if let Some(at) = reset.and_then(|at| HeaderValue::try_from(at.to_string()).ok()) {
            headers.insert("reset_at", at);
        }
    }
    if error.is_credential_fault() {
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use trunkline_core::ReachedLimit;

    use super::*;
    use crate::{Record, Recorder};

    #[derive(Debug)]
    struct Nobody;

    impl Recorder for Nobody {
        fn settled(&self, _record: &Record) {}
    }

    #[test]
    fn whoever_may_wait_is_told_not_to_once_the_retry_budget_is_spent() {
        let told = |retry_after, is_retry_budget_spent| {
            let mut record = OpenRecord::open("id".to_owned(), Cow::Borrowed("chat"), Arc::new(Nobody));
            record.is_all_tried = true;
            record.is_retry_budget_spent = is_retry_budget_spent;
            let error = Error::new(ErrorKind::UpstreamFailed, "down").with_retry_after(retry_after);
            let headers = failed(record, &error).headers().clone();
            (headers.contains_key("x-should-retry"), headers.contains_key(RETRY_AFTER))
        };
        let second = Some(Duration::from_secs(1));
        assert_eq!(told(None, false), (true, false));
        assert_eq!(told(second, false), (false, true), "waiting helps");
        assert_eq!(told(second, true), (true, true));
    }

    #[test]
    fn a_limit_is_named_with_the_time_when_it_begins_anew() {
        let limit = ReachedLimit { name: "requests", resets_at: Some(1_795_777_528_000), rate: None };
        let error = Error::new(ErrorKind::RateLimited, "too many").with_limit(limit);
        let headers = response(&error, Dialect::OpenAi, "").headers().clone();
        assert_eq!(
            (&headers["rate_limit_type"], &headers["reset_at"]),
            (&HeaderValue::from_static("requests"), &HeaderValue::from_static("2026-11-27T11:05:28Z"))
        );
    }

    #[test]
    fn whoever_the_store_cannot_tell_of_may_come_back() {
        let error = Error::new(ErrorKind::StoreUnavailable, "the store did not answer");
        assert_eq!(response(&error, Dialect::OpenAi, "").headers()[RETRY_AFTER], HeaderValue::from(1));
    }

    #[test]
    fn waits_round_up_to_whole_seconds() {
        let error = Error::new(ErrorKind::UpstreamRateLimited, "slow down")
            .with_retry_after(Some(Duration::from_millis(1500)));
        let headers = response(&error, Dialect::OpenAi, "").headers().clone();
        assert_eq!(
            (&headers[RETRY_AFTER], &headers["retry-after-ms"]),
            (&HeaderValue::from(2), &HeaderValue::from(1500))
        );
    }
}
