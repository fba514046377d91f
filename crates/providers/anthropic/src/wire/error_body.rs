//! Error envelopes: `{"type": "error", "error": {…}}`, and what proxies put in their place.

use http::StatusCode;
use trunkline_core::json;

/// The longest message that is taken over, in bytes; the rest stands in the upstream's own body.
const MESSAGE_BYTES_MAX: usize = 4096;
const DEPTH_MAX: usize = 128;

/// What an error's body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorBody {
    /// The upstream's own words. Where it had none, ours for what it sent.
    pub message: String,
    /// Its word for the sort of error: `invalid_request_error`.
    pub error_type: Option<String>,
    /// Its word for the very error, where it has one: `details.error_code`.
    pub code: Option<String>,
}

/// Reads an error's body leniently: Anthropic's envelope, flat ones, texts, HTML, nothing at all.
///
/// ```
/// use http::StatusCode;
/// use trunkline_anthropic::wire::error_body;
///
/// let body = br#"{"type": "error", "error": {"type": "not_found_error", "message": "model: claude-0"}}"#;
/// let error = error_body(StatusCode::NOT_FOUND, body);
/// assert_eq!(error.message, "model: claude-0");
/// assert_eq!(error.error_type.as_deref(), Some("not_found_error"));
/// ```
pub fn error_body(status: StatusCode, body: &[u8]) -> ErrorBody {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return said(format!("the upstream answered {} with an empty body", status.as_u16()));
    }
    if is_html(text) {
        return said(format!("the upstream answered {} with an HTML page", status.as_u16()));
    }
    from_json(text.as_bytes()).unwrap_or_else(|| said(cut(text)))
}

/// The error in a JSON text. `None` if it is no JSON, or JSON without any words.
pub(super) fn from_json(text: &[u8]) -> Option<ErrorBody> {
    json::validate(text, DEPTH_MAX).ok()?;
    let envelope = json::member(text, "error").map(|span| &text[span]);
    if let Some(words) = envelope.and_then(json::string).filter(|words| !words.is_empty()) {
        // `{"error": "words"}`
        return Some(ErrorBody { code: word(text, &["code"]), ..said(cut(&words)) });
    }
    let error = envelope.filter(|error| error.starts_with(b"{")).unwrap_or(text);
    let message = word(error, &["message"]).or_else(|| word(error, &["detail"]))?;
    Some(ErrorBody {
        message: cut(&message),
        error_type: word(error, &["type"]).filter(|word| word != "error"),
        code: word(error, &["details", "error_code"]).or_else(|| word(error, &["code"])),
    })
}

fn word(object: &[u8], path: &[&str]) -> Option<String> {
    let text = json::string(&object[json::path(object, path)?])?;
    (!text.is_empty()).then(|| text.into_owned())
}

fn said(message: String) -> ErrorBody {
    ErrorBody { message, ..ErrorBody::default() }
}

fn is_html(text: &str) -> bool {
    let begins = |tag: &str| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    begins("<!doctype html") || begins("<html") || begins("<head") || begins("<body")
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(MESSAGE_BYTES_MAX);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, message: &str, error_type: Option<&str>, code: Option<&str>) {
        let read = error_body(StatusCode::BAD_GATEWAY, body.as_bytes());
        let read = (read.message.as_str(), read.error_type.as_deref(), read.code.as_deref());
        assert_eq!(read, (message, error_type, code), "{body}");
    }

    #[test]
    fn envelopes() {
        check(
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
            "Overloaded",
            Some("overloaded_error"),
            None,
        );
        check(
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
            "m",
            Some("rate_limit_error"),
            Some("enforced_spend_limit_reached"),
        );
    }

    #[test]
    fn what_proxies_send() {
        check(r#"{"error":{"message":"no","code":"bad"}}"#, "no", None, Some("bad"));
        check(r#"{"error":"down"}"#, "down", None, None);
        check(r#"{"type":"error","message":"flat"}"#, "flat", None, None);
        check(r#"{"error":null,"detail":"Not Found"}"#, "Not Found", None, None);
        check("bad gateway\n", "bad gateway", None, None);
        check("", "the upstream answered 502 with an empty body", None, None);
        check("<HTML><h1>x</h1>", "the upstream answered 502 with an HTML page", None, None);
        check(r#"{"error":{}}"#, r#"{"error":{}}"#, None, None);
        check(r#"{"error":{"message":"cut"#, r#"{"error":{"message":"cut"#, None, None);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let body = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(4000));
        assert_eq!(error_body(StatusCode::BAD_REQUEST, body.as_bytes()).message, "é".repeat(2048));
    }
}
