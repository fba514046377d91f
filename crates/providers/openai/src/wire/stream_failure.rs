//! Errors inside a reply that began as a success.

use trunkline_core::json;
use trunkline_provider::Failure;

use super::error_body::{ErrorBody, from_json};
use super::failure::{judge, judge_by_words};

/// The failure that an event, or a whole reply with status 200, reports. `None` if it reports none.
///
/// A failure is, where there are neither `choices` nor `data`: what has an `error`; what calls itself one; and
/// the AI SDK's report of an event that it could not read, which holds the upstream's error. Choices that
/// finished for the reason `error` do not hide an `error` beside them.
///
/// Its kind is that of its HTTP twin where it names a status, else what its words say.
pub fn stream_failure(data: &[u8]) -> Option<Failure> {
    if !reports_failure(data) {
        return None;
    }
    let text = String::from_utf8_lossy(data);
    let error = from_json(&text).unwrap_or_else(|| ErrorBody {
        message: "the upstream reported an error without saying which".to_owned(),
        ..ErrorBody::default()
    });
    Some(match error.status {
        Some(status) => Failure { status: Some(status), ..judge(status, error) },
        None => judge_by_words(error),
    })
}

fn reports_failure(data: &[u8]) -> bool {
    let mut has_error = false;
    let mut calls_itself_error = false;
    let mut has_result = false;
    let mut result_failed = false;
    for member in json::members(data) {
        let raw = &data[member.value.clone()];
        match member.key {
            b"error" => has_error = !json::is_null(raw) && raw != b"false" && raw != b"{}",
            b"object" | b"type" => calls_itself_error |= raw == b"\"error\"",
            b"name" => calls_itself_error |= raw.starts_with(b"\"AI_"),
            b"choices" => {
                has_result |= !is_empty_list(raw);
                result_failed = finished_by_error(raw);
            }
            b"data" => has_result |= raw.starts_with(b"["),
            _ => {}
        }
    }
    if has_result {
        return has_error && result_failed;
    }
    has_error || calls_itself_error
}

fn is_empty_list(raw: &[u8]) -> bool {
    json::is_null(raw) || json::elements(raw).next().is_none()
}

fn finished_by_error(choices: &[u8]) -> bool {
    json::elements(choices).any(|span| {
        let choice = &choices[span];
        json::member(choice, "finish_reason").is_some_and(|span| &choice[span] == b"\"error\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_core::ErrorKind;

    fn check(data: &str, expected: Option<(ErrorKind, Option<u16>, &str)>) {
        let read = stream_failure(data.as_bytes());
        let read = read.as_ref().map(|failure| {
            (failure.kind, failure.status.map(|status| status.as_u16()), failure.message.as_str())
        });
        assert_eq!(read, expected, "{data}");
    }

    #[test]
    fn a_status_in_the_code_makes_the_http_twin() {
        check(
            r#"{"error":{"message":"slow","code":429}}"#,
            Some((ErrorKind::UpstreamRateLimited, Some(429), "slow")),
        );
        check(
            r#"{"error":{"message":"no key","code":"401"}}"#,
            Some((ErrorKind::UpstreamCredential, Some(401), "no key")),
        );
        check(r#"{"error":"down","statusCode":503}"#, Some((ErrorKind::UpstreamFailed, Some(503), "down")));
        check(
            r#"{"object":"error","message":"maximum context length is 8","type":"BadRequestError","code":400}"#,
            Some((ErrorKind::ContextWindowExceeded, Some(400), "maximum context length is 8")),
        );
    }

    #[test]
    fn without_a_status_the_words_decide() {
        check(
            r#"{"error":{"message":"slow","type":"rate_limit_error"}}"#,
            Some((ErrorKind::UpstreamRateLimited, None, "slow")),
        );
        check(
            r#"{"error":{"message":"m","type":"server_error"}}"#,
            Some((ErrorKind::UpstreamFailed, None, "m")),
        );
        check(
            r#"{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            Some((ErrorKind::ContextWindowExceeded, None, "m")),
        );
        check(
            r#"{"error":{"message":"blocked by our content policy"}}"#,
            Some((ErrorKind::ContentPolicy, None, "blocked by our content policy")),
        );
        check(r#"{"error":{"message":"what"}}"#, Some((ErrorKind::UpstreamFailed, None, "what")));
        check(
            r#"{"error":{"code":null}}"#,
            Some((ErrorKind::UpstreamFailed, None, "the upstream reported an error without saying which")),
        );
    }

    #[test]
    fn what_the_ai_sdk_could_not_read_is_dug_out() {
        let inner = r#"{\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}"#;
        let form = format!(
            r#"{{"message":"Stream error occurred","name":"AI_TypeValidationError","value":{{"error_message":"{inner}","error_type":"upstream"}}}}"#
        );
        check(&form, Some((ErrorKind::UpstreamFailed, None, "busy")));
        check(&format!(r#"{{"error":{form}}}"#), Some((ErrorKind::UpstreamFailed, None, "busy")));
        check(
            r#"{"message":"Stream error occurred","name":"AI_TypeValidationError","value":{"error_message":"{\"message\":\"too fast\"}","error_type":"rate_limit_error"}}"#,
            Some((ErrorKind::UpstreamRateLimited, None, "too fast")),
        );
    }

    #[test]
    fn a_choice_that_ended_in_error_does_not_hide_it() {
        check(
            r#"{"id":"gen-1","error":{"code":"server_error","message":"gone"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
            Some((ErrorKind::UpstreamFailed, None, "gone")),
        );
        check(
            r#"{"error":{"code":502,"message":"gone"},"choices":[]}"#,
            Some((ErrorKind::UpstreamFailed, Some(502), "gone")),
        );
    }

    #[test]
    fn what_reports_no_failure() {
        check(r#"{"choices":[{"delta":{"content":"\"error\":{}"}}]}"#, None);
        check(r#"{"error":null,"choices":[]}"#, None);
        check(r#"{"error":{"message":"odd"},"choices":[{"delta":{"content":"x"}}]}"#, None);
        check(r#"{"id":"x","usage":{}}"#, None);
        check("[DONE]", None);
        check("", None);
        check("{\"error", None);
    }
}
