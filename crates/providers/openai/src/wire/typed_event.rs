//! Events that say in `type` what they are: the dialect's streams of anything but chats and text completions.

use std::borrow::Cow;

use trunkline_core::json;

/// The longest type that is looked for, in bytes.
const TYPE_BYTES_MAX: usize = 64;

/// How deep an event that ends a stream may be nested: it repeats the request's own schemas, some levels further
/// in than they were there.
const DEPTH_MAX: usize = 1024;

/// The type, where it is the first member, as OpenAI and most others write it. A glance at the first bytes: an
/// event with a whole picture in it costs no more than one with a word.
pub(super) fn leading_type(data: &[u8]) -> Option<&[u8]> {
    let rest = data.trim_ascii_start().strip_prefix(b"{")?;
    let rest = rest.trim_ascii_start().strip_prefix(br#""type""#)?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let near = &rest[..rest.len().min(TYPE_BYTES_MAX)];
    let end = memchr::memchr2(b'"', b'\\', near)?;
    (near[end] == b'"').then(|| &near[..end])
}

/// The type, wherever it stands.
pub(super) fn event_type(data: &[u8]) -> Option<Cow<'_, str>> {
    json::member(data, "type").and_then(|span| json::string(&data[span]))
}

/// Whether all of an event is there. The beginning of a terminal event that was cut off is no end.
pub(super) fn is_whole(data: &[u8]) -> bool {
    json::validate(data, DEPTH_MAX).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, expected: Option<&str>) {
        let read = leading_type(data.as_bytes()).map(|read| std::str::from_utf8(read).unwrap());
        assert_eq!(read, expected, "{data}");
    }

    #[test]
    fn the_type_in_front_is_read_without_the_rest() {
        check(r#"{"type":"response.completed","response":{"#, Some("response.completed"));
        check(" {\n \"type\" : \"error\"", Some("error"));
        check(r#"{"sequence_number":1,"type":"error"}"#, None);
        check(r#"{"type":"a\"b"}"#, None);
        check(r#"{"type":7}"#, None);
        check(r#"{"type":"unfinished"#, None);
        check(&format!(r#"{{"type":"{}"}}"#, "x".repeat(100)), None);
        assert_eq!(event_type(br#"{"sequence_number":1,"type":"error"}"#).as_deref(), Some("error"));
    }
}
