//! The tokens of a request's body or of a reply, from the texts in it; images, sound and files by fixed figures.

use trunkline_core::Document;
use trunkline_core::json::{self, Reader};

use super::script::Weight;
use super::{AUDIO_TOKENS, FILE_TOKENS, IMAGE_LOW_DETAIL_TOKENS, IMAGE_TOKENS, MESSAGE_TOKENS};

/// Members that hold what the model reads, in the bodies of all dialects.
const READ: &[&str] = &["messages", "system", "instructions", "prompt", "input", "query", "documents"];
/// Members that hold what the model wrote, in the replies of all dialects.
const WRITTEN: &[&str] = &["choices", "output", "content"];
/// Members that the model is told of as JSON.
const SCHEMAS: &[&str] = &["tools", "functions", "response_format", "text"];
/// Members inside of messages that are no text of the model's: labels, and what is sealed.
const PASSED_OVER: &[&str] = &[
    "cache_control",
    "call_id",
    "detail",
    "encrypted_content",
    "finish_reason",
    "id",
    "index",
    "logprobs",
    "provider_metadata",
    "providerOptions",
    "reasoning_details",
    "role",
    "signature",
    "status",
    "tool_call_id",
    "tool_use_id",
    "type",
];
/// How deep messages are looked into. What lies deeper is weighed as JSON.
const DEPTH_MAX: usize = 8;
/// What says of an object what it is.
const TYPE: &str = "type";
/// Members that may hold what is long and no text: which it is says the type, and that may stand behind them.
const ASK_FOR_TYPE: &[&str] =
    &["audio_url", "data", "file", "file_data", "image_url", "input_audio", "result", "source", "video_url"];

/// Estimates the input tokens of a request's body: its messages, its prompt or its input, with the tools.
///
/// Texts are weighed as [`tokens`](super::tokens) does, where they stand; nothing is copied. A message is
/// [`MESSAGE_TOKENS`] more. Images, sound and files are the fixed figures of this module, whether they come as base64 or
/// as addresses. A number in a list is a token that the caller made.
///
/// ```
/// use trunkline_core::Document;
/// use trunkline_prices::estimate::input_tokens;
///
/// let body = Document::parse(r#"{"model": "m", "messages": [{"role": "user", "content": "Hello, how are you?"}]}"#)?;
/// assert_eq!(input_tokens(&body), 9);
/// # Ok::<(), trunkline_core::DocumentError>(())
/// ```
pub fn input_tokens(document: &Document) -> u64 {
    let mut weight = Weight::default();
    for name in READ {
        if let Some(raw) = document.raw(name) {
            add_value(&mut Reader::new(raw), 0, &mut weight);
        }
    }
    for name in SCHEMAS {
        if let Some(raw) = document.raw(name).filter(|raw| !json::is_null(raw)) {
            weight.add_code(raw);
        }
    }
    weight.tokens()
}

/// Whether two bodies have the same input, so that one estimate holds for both.
pub fn has_same_input(one: &Document, other: &Document) -> bool {
    READ.iter().chain(SCHEMAS).all(|name| match (one.raw(name), other.raw(name)) {
        // A copy with other members shares what it has in common.
        (Some(one), Some(other)) => std::ptr::eq(one, other) || one == other,
        (one, other) => one.is_none() && other.is_none(),
    })
}

/// Estimates the output tokens of a whole reply in text, where the upstream does not tell them: what the model wrote, with
/// calls of tools.
///
/// ```
/// use trunkline_core::Document;
/// use trunkline_prices::estimate::written_tokens;
///
/// let reply = r#"{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello, how are you?"}}]}"#;
/// let reply = Document::parse(reply)?;
/// assert_eq!(written_tokens(&reply), 9);
/// # Ok::<(), trunkline_core::DocumentError>(())
/// ```
pub fn written_tokens(reply: &Document) -> u64 {
    let mut weight = Weight::default();
    for name in WRITTEN {
        if let Some(raw) = reply.raw(name) {
            add_value(&mut Reader::new(raw), 0, &mut weight);
        }
    }
    weight.tokens()
}

/// Adds the value that stands next, and passes over it.
fn add_value(reader: &mut Reader<'_>, depth: usize, weight: &mut Weight) {
    match reader.first() {
        Some(b'"') => weight.add_escaped(reader.string().unwrap_or_default()),
        Some(b'[' | b'{') if depth == DEPTH_MAX => weight.add_code(reader.skip()),
        Some(b'[') => {
            reader.enter();
            while reader.element() {
                add_value(reader, depth + 1, weight);
            }
        }
        Some(b'{') => add_object(reader, depth, weight),
        Some(b'-' | b'0'..=b'9') => {
            reader.skip();
            weight.add_tokens(1);
        }
        Some(_) | None => {
            reader.skip();
        }
    }
}

/// A message, a part of one, a call of a tool, a result.
fn add_object(reader: &mut Reader<'_>, depth: usize, weight: &mut Weight) {
    let (object, before) = (reader.clone(), *weight);
    let (mut kind, mut is_typeless) = (None, false);
    reader.enter();
    while let Some(key) = reader.key() {
        if kind.is_none() && !is_typeless {
            if json::is_named(key, TYPE) {
                kind = Some(reader.clone().skip());
            } else if ASK_FOR_TYPE.iter().any(|name| name.as_bytes() == key) {
                kind = type_ahead(reader.clone());
                // It is looked for once: an object may have a million of such members.
                is_typeless = kind.is_none();
            }
            let mut medium = object.clone();
            if let Some(tokens) = kind.and_then(|kind| medium_tokens(&mut medium, kind)) {
                *reader = medium;
                *weight = before;
                weight.add_tokens(tokens);
                return;
            }
        }
        match key {
            b"role" => {
                reader.skip();
                weight.add_tokens(MESSAGE_TOKENS);
            }
            // What a tool is called with stands here as an object, elsewhere as a text.
            b"input" | b"parameters" | b"input_schema" if reader.first() == Some(b'{') => {
                weight.add_code(reader.skip());
            }
            // The picture that a tool drew.
            b"result" if kind == Some(b"\"image_generation_call\"") => {
                reader.skip();
                weight.add_tokens(IMAGE_TOKENS);
            }
            key if PASSED_OVER.iter().any(|name| name.as_bytes() == key) => {
                reader.skip();
            }
            _ => add_value(reader, depth + 1, weight),
        }
    }
}

/// The type of an object of which the value of a member stands next.
fn type_ahead<'a>(mut reader: Reader<'a>) -> Option<&'a [u8]> {
    reader.skip();
    while let Some(key) = reader.key() {
        let value = reader.skip();
        if json::is_named(key, TYPE) {
            return Some(value);
        }
    }
    None
}

/// The tokens of a part that is not text, which is passed over then. `None` where it is text.
fn medium_tokens(object: &mut Reader<'_>, kind: &[u8]) -> Option<u64> {
    let tokens = match kind {
        b"\"image_url\"" | b"\"input_image\"" | b"\"image\"" | b"\"computer_screenshot\"" => {
            return Some(if has_low_detail(object) { IMAGE_LOW_DETAIL_TOKENS } else { IMAGE_TOKENS });
        }
        b"\"input_audio\"" | b"\"audio\"" | b"\"audio_url\"" => AUDIO_TOKENS,
        b"\"file\"" | b"\"input_file\"" | b"\"video\"" | b"\"video_url\"" | b"\"input_video\"" => FILE_TOKENS,
        b"\"document\"" if !is_document_of_text(object) => FILE_TOKENS,
        b"\"redacted_thinking\"" => 0,
        _ => return None,
    };
    object.skip();
    Some(tokens)
}

/// Whether an image asks for low detail, in itself or in its address. Passes over it once: it may be long.
fn has_low_detail(image: &mut Reader<'_>) -> bool {
    let (mut own, mut of_address) = (None, None);
    image.enter();
    while let Some(key) = image.key() {
        if json::is_named(key, "image_url") && image.first() == Some(b'{') {
            image.enter();
            while let Some(key) = image.key() {
                let value = image.skip();
                if json::is_named(key, "detail") {
                    of_address = of_address.or(Some(value));
                }
            }
            continue;
        }
        let value = image.skip();
        if json::is_named(key, "detail") {
            own = own.or(Some(value));
        }
    }
    own.or(of_address) == Some(b"\"low\"")
}

/// Whether a document of Messages comes as text or as parts, and not as a file.
fn is_document_of_text(object: &Reader<'_>) -> bool {
    let raw = object.clone().skip();
    let kind = json::path(raw, &["source", "type"]);
    kind.is_some_and(|span| matches!(&raw[span], b"\"text\"" | b"\"content\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(body: &str, expected: u64) {
        let document = Document::parse(body.to_owned()).expect("a document");
        assert_eq!(input_tokens(&document), expected, "{body}");
    }

    #[test]
    fn every_dialect_has_its_input() {
        check("{}", 0);
        check(r#"{"messages": [{"role": "user", "content": "abcdefgh"}]}"#, 6);
        check(r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "abcdefgh"}]}]}"#, 6);
        check(r#"{"system": "abcdefgh", "messages": [{"content": null, "role": "assistant"}]}"#, 6);
        check(r#"{"prompt": "abcdefgh"}"#, 2);
        check(r#"{"prompt": [[1, 2, 3], [4]]}"#, 4);
        check(r#"{"input": ["abcd", "efgh"], "model": "a-long-name-of-a-model"}"#, 2);
        check(r#"{"instructions": "abcd", "input": [{"role": "user", "content": "abcd"}]}"#, 6);
        check(r#"{"query": "abcd", "documents": ["abcd", {"text": "abcd"}]}"#, 3);
        check(r#"{"tools": [{"name": "f"}], "stop": "abcd"}"#, 5);
    }

    #[test]
    fn calls_of_tools_are_read() {
        check(
            r#"{"messages": [{"role": "assistant", "tool_calls": [{"id": "call_0123456789", "type": "function",
                "function": {"name": "abcd", "arguments": "{\"a\":1}"}}]}]}"#,
            8,
        );
        check(
            r#"{"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "abcd",
                "input": {"a":1}}]}]}"#,
            8,
        );
    }

    #[test]
    fn no_base64_is_weighed() {
        let blob = "QUJD".repeat(10_000);
        let part = |part: &str, expected: u64| {
            let part = part.replace("BLOB", &blob);
            check(&format!(r#"{{"messages": [{{"role": "user", "content": [{part}]}}]}}"#), expected + 4);
        };
        part(r#"{"type": "image_url", "image_url": {"url": "data:image/png;base64,BLOB"}}"#, IMAGE_TOKENS);
        part(
            r#"{"image_url": {"detail": "low", "url": "data:image/png;base64,BLOB"}, "type": "image_url"}"#,
            85,
        );
        part(r#"{"type": "input_image", "detail": "low", "image_url": "data:image/png;base64,BLOB"}"#, 85);
        part(r#"{"type": "image", "source": {"type": "base64", "data": "BLOB"}}"#, IMAGE_TOKENS);
        part(r#"{"type": "input_audio", "input_audio": {"data": "BLOB", "format": "wav"}}"#, AUDIO_TOKENS);
        part(r#"{"type": "file", "file": {"data": "BLOB", "media_type": "application/pdf"}}"#, FILE_TOKENS);
        part(r#"{"type": "document", "source": {"type": "base64", "data": "BLOB"}}"#, FILE_TOKENS);
        part(r#"{"type": "reasoning", "encrypted_content": "BLOB", "summary": []}"#, 0);
        part(r#"{"type": "thinking", "thinking": "abcd", "signature": "BLOB"}"#, 1);
        part(r#"{"type": "redacted_thinking", "data": "BLOB"}"#, 0);
        part(r#"{"type": "image_generation_call", "result": "BLOB"}"#, IMAGE_TOKENS);
        part(
            r#"{"type": "tool_result", "content": [{"type": "image", "source": {"type": "base64", "data": "BLOB"}}]}"#,
            IMAGE_TOKENS,
        );
    }

    #[test]
    fn a_document_of_text_is_text() {
        check(
            r#"{"messages": [{"content": [{"type": "document", "source": {"type": "text", "media_type": "",
                "data": "abcdefgh"}}]}]}"#,
            2,
        );
    }

    #[test]
    fn the_type_of_a_part_may_stand_anywhere_in_it() {
        let others: String = (0..20).map(|number| format!(r#""{number}": "abcd", "#)).collect();
        let part = format!(r#"{{{others}"type": "image_url"}}"#);
        check(&format!(r#"{{"messages": [{{"content": [{part}]}}]}}"#), IMAGE_TOKENS);
        check(&format!(r#"{{"messages": [{{{others}"content": "abcd"}}]}}"#), 21);
    }

    #[test]
    fn what_lies_deep_is_weighed_as_json() {
        let deep = format!("{}\"x\"{}", "[".repeat(100), "]".repeat(100));
        check(&format!(r#"{{"messages": {deep}}}"#), (203u64 - 16).div_ceil(3));
    }

    /// Each of these members would be a reason to look for a type behind it.
    #[test]
    fn a_body_of_many_members_that_ask_for_a_type_is_read_once() {
        let many = r#""data":1,"#.repeat(400_000);
        let began = std::time::Instant::now();
        check(&format!(r#"{{"messages": [{{{many}"role": "user"}}]}}"#), 400_000 + MESSAGE_TOKENS);
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    }

    proptest! {
        /// No body makes it fail, and a longer text is never fewer tokens.
        #[test]
        fn more_text_is_more_tokens(text in "[ -~é汉\\n]{0,300}") {
            let of = |text: &str| {
                let content = json::text(text);
                let body = format!(r#"{{"messages": [{{"role": "user", "content": {content}}}]}}"#);
                input_tokens(&Document::parse(body).expect("a document"))
            };
            prop_assert!(of(&text) >= MESSAGE_TOKENS);
            prop_assert!(of(&[text.as_str(), text.as_str()].concat()) >= of(&text));
        }
    }
}
