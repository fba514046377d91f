//! Reads JSON text in place: finds members and elements as spans of bytes, and decodes only what is asked for.
//!
//! [`validate`] and [`Document::parse`](crate::Document::parse) decide whether text is JSON. Everything else here
//! trusts that it is, because it was decided before or because it comes from an upstream: on text that is not JSON
//! the readers answer `None`, or a span that means nothing, and never panic.

mod escapes;
mod levels;
mod reader;
mod scan;
mod stops;
mod strings;
mod walk;

use std::borrow::Cow;
use std::ops::Range;

use crate::document_error::DocumentError;

pub use reader::Reader;
pub(crate) use scan::{Spans, object};
pub use strings::is_named;
pub(crate) use strings::unescape;
pub use walk::{Elements, Member, Members};

/// The span of the value of a top-level member of `object`: the first with that name. Stops as soon as it is found.
pub fn member(object: &[u8], name: &str) -> Option<Range<usize>> {
    members(object).find(|member| member.is_named(name)).map(|member| member.value)
}

/// The top-level members of `object` in order. Ends early where the text is not JSON.
pub fn members(object: &[u8]) -> Members<'_> {
    Members::new(object)
}

/// The spans of the elements of `array` in order. Ends early where the text is not JSON.
pub fn elements(array: &[u8]) -> Elements<'_> {
    Elements::new(array)
}

/// The span of the value that the member names in `path` lead to, one object inside the other.
pub fn path(text: &[u8], path: &[&str]) -> Option<Range<usize>> {
    let mut span = walk::trimmed(text);
    for name in path {
        let value = member(text.get(span.clone())?, name)?;
        span = span.start + value.start..span.start + value.end;
    }
    Some(span)
}

/// The string that `raw` is as JSON text, unescaped. `None` where it is not a JSON string; one with a lone surrogate
/// escape is not.
pub fn string(raw: &[u8]) -> Option<Cow<'_, str>> {
    unescape(strings::inside_quotes(raw)?)
}

/// The whole number that `raw` is as JSON text. `None` for a sign, a fraction, an exponent, or more than 64 bits.
pub fn u64(raw: &[u8]) -> Option<u64> {
    // `parse` alone would let a plus sign pass.
    if raw.first()?.is_ascii_digit() { std::str::from_utf8(raw).ok()?.parse().ok() } else { None }
}

/// Whether `raw` is `null`.
pub fn is_null(raw: &[u8]) -> bool {
    raw == b"null"
}

/// A string as JSON text, with its quotes.
pub fn text(value: &str) -> String {
    // Names of models, which is what is mostly asked for, have nothing to escape.
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        return ["\"", value, "\""].concat();
    }
    serde_json::Value::from(value).to_string()
}

/// Decides whether `bytes` are one JSON value of any type, by the rules of [`Document`](crate::Document).
///
/// # Errors
/// Says what is wrong and where; a value nested deeper than `depth_max` is refused.
pub fn validate(bytes: &[u8], depth_max: usize) -> Result<(), DocumentError> {
    scan::value(bytes, depth_max)
}
