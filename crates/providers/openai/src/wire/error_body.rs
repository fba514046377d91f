//! Error envelopes, in any of the shapes that upstreams of this dialect send.

use http::StatusCode;
use serde_json::{Map, Value};

/// The longest message that is taken over, in bytes; the rest stands in the upstream's own body.
const MESSAGE_BYTES_MAX: usize = 4096;
/// How many envelopes inside one another are opened: relays quote the text of those behind them.
const ENVELOPES_MAX: usize = 8;

/// What an error's body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorBody {
    /// The upstream's own words. Where it had none, ours for what it sent.
    pub message: String,
    /// Its word for the sort of error: `invalid_request_error`.
    pub error_type: Option<String>,
    /// Its word for the very error, `context_length_exceeded`; a number too.
    pub code: Option<String>,
    /// The parameter that it blames, where it names one as a text.
    pub param: Option<String>,
    /// The status that the body names, 400 to 599.
    pub status: Option<StatusCode>,
    /// What the vendor behind a relay said, where the relay quotes it beside its own message.
    pub relayed: Option<String>,
}

/// Reads an error's body leniently: nested and flat envelopes, texts, lists, HTML, nothing at all.
///
/// ```
/// use http::StatusCode;
/// use trunkline_openai::wire::error_body;
///
/// let body = br#"{"error": {"message": "no such model", "type": "invalid_request_error", "code": null}}"#;
/// assert_eq!(error_body(StatusCode::NOT_FOUND, body).message, "no such model");
///
/// let html = error_body(StatusCode::BAD_GATEWAY, b"<html><h1>Bad Gateway</h1></html>");
/// assert_eq!(html.message, "the upstream answered 502 with an HTML page");
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
    from_json(text).unwrap_or_else(|| said(cut(text)))
}

/// The error in a JSON text. `None` if it is no JSON, or JSON without any words.
pub(super) fn from_json(text: &str) -> Option<ErrorBody> {
    let value: Value = serde_json::from_str(text).ok()?;
    let found = read(&value, ENVELOPES_MAX);
    Some(ErrorBody {
        message: cut(&found.message?),
        error_type: found.error_type,
        code: found.code,
        param: found.param,
        status: found.status,
        relayed: found.relayed,
    })
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

/// What was found so far, one envelope or several.
#[derive(Default)]
struct Found {
    message: Option<String>,
    error_type: Option<String>,
    code: Option<String>,
    param: Option<String>,
    status: Option<StatusCode>,
    relayed: Option<String>,
}

impl Found {
    /// What the outer envelope says where the inner one is silent.
    fn or(self, outer: Found) -> Found {
        Found {
            message: self.message.or(outer.message),
            error_type: self.error_type.or(outer.error_type),
            code: self.code.or(outer.code),
            param: self.param.or(outer.param),
            status: self.status.or(outer.status),
            relayed: self.relayed.or(outer.relayed),
        }
    }
}

fn read(value: &Value, envelopes: usize) -> Found {
    match value {
        Value::Object(object) => read_object(object, envelopes),
        Value::String(text) => read_text(text, envelopes),
        Value::Array(items) => read_list(items, envelopes),
        Value::Null | Value::Bool(_) | Value::Number(_) => Found::default(),
    }
}

fn read_object(object: &Map<String, Value>, envelopes: usize) -> Found {
    let mut found = Found {
        error_type: text_of(object, &["type", "error_type", "status", "name"]),
        code: word_of(object, &["code", "error_code"]),
        param: text_of(object, &["param"]),
        status: status_of(object),
        relayed: relayed(object),
        message: None,
    };
    if envelopes == 0 {
        return found;
    }
    // `value` is where the AI SDK keeps what it could not read; the true error is in there.
    for name in ["error", "value", "error_message", "message", "msg", "detail", "details", "errors", "title"]
    {
        if found.message.is_some() && name != "error" {
            break;
        }
        if let Some(inner) = object.get(name) {
            found = read(inner, envelopes - 1).or(found);
        }
    }
    found
}

/// A text: words, or an envelope that somebody put into a string.
fn read_text(text: &str, envelopes: usize) -> Found {
    let text = text.trim();
    if envelopes > 0
        && text.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str(text)
    {
        let found = read(&value, envelopes - 1);
        if found.message.is_some() {
            return found;
        }
    }
    Found { message: (!text.is_empty()).then(|| text.to_owned()), ..Found::default() }
}

/// A list of complaints, as validators give them, becomes one line; an envelope in a list is that envelope.
fn read_list(items: &[Value], envelopes: usize) -> Found {
    let complaints: Vec<String> = items.iter().filter_map(complaint).collect();
    if complaints.is_empty() {
        return items
            .first()
            .filter(|_| envelopes > 0)
            .map(|first| read(first, envelopes - 1))
            .unwrap_or_default();
    }
    Found { param: items.first().and_then(place), message: Some(complaints.join("; ")), ..Found::default() }
}

/// `{"loc": ["body", "messages"], "msg": "field required"}` as `body.messages: field required`.
fn complaint(item: &Value) -> Option<String> {
    let words = item.as_str().or_else(|| {
        let words = item.get("msg").or_else(|| item.get("message"))?;
        words.as_str()
    });
    let words = words.filter(|words| !words.is_empty())?;
    Some(match place(item) {
        Some(place) => format!("{place}: {words}"),
        None => words.to_owned(),
    })
}

fn place(item: &Value) -> Option<String> {
    let steps: Vec<String> = item
        .get("loc")?
        .as_array()?
        .iter()
        .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
        .collect();
    (!steps.is_empty()).then(|| steps.join("."))
}

fn text_of(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| object.get(*name)?.as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// A text or a number.
fn word_of(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match object.get(*name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

fn status_of(object: &Map<String, Value>) -> Option<StatusCode> {
    ["code", "status", "statusCode", "status_code", "error_code"].iter().find_map(|name| {
        let number: u16 = match object.get(*name)? {
            Value::Number(number) => number.as_u64()?.try_into().ok()?,
            Value::String(text) => text.trim().parse().ok()?,
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        (400..=599).contains(&number).then(|| StatusCode::from_u16(number).ok())?
    })
}

/// OpenRouter says "Provider returned error" and quotes the provider in `metadata.raw`.
fn relayed(object: &Map<String, Value>) -> Option<String> {
    let raw = object.get("metadata")?.get("raw")?;
    Some(cut(raw.as_str().map_or_else(|| raw.to_string(), str::to_owned).trim()))
}

#[cfg(test)]
#[path = "error_body_tests.rs"]
mod tests;
