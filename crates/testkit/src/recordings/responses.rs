//! Event streams of OpenAI's Responses as bytes, as OpenAI and those who serve its dialect send them.
//!
//! Each is written by hand after the documented shape of a stream; none holds anyone's conversation.

/// One stream, with what a reader must make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseStream {
    /// The name of its file, without the ending.
    pub name: &'static str,
    /// The body of the reply, byte for byte.
    pub bytes: &'static [u8],
    /// The `delta` of all `response.output_text.delta` joined.
    pub text: &'static str,
    /// All input, cached or not, and all output, reasoning included.
    pub tokens: Option<(u64, u64)>,
    /// How it ends.
    pub end: ResponseEnd,
}

/// How a recorded stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseEnd {
    /// With `response.completed`.
    Completed,
    /// With `response.incomplete`.
    Incomplete,
    /// With `response.failed`.
    Failed,
    /// With an event of the type `error`.
    Error,
    /// With none of them: it was cut between two events.
    Cut,
}

/// Every recording.
pub fn all() -> &'static [ResponseStream] {
    ALL
}

/// The recording of this name.
pub fn by_name(name: &str) -> Option<&'static ResponseStream> {
    ALL.iter().find(|stream| stream.name == name)
}

macro_rules! recording {
    ($name:literal, $text:expr, $tokens:expr, $end:ident) => {
        ResponseStream {
            name: $name,
            bytes: include_bytes!(concat!("responses/", $name, ".sse")),
            text: $text,
            tokens: $tokens,
            end: ResponseEnd::$end,
        }
    };
}

/// What the streams say, and count, that differ only in their framing.
const FRAMED: &str = "Un café, 茶.";
const FRAMED_TOKENS: Option<(u64, u64)> = Some((12, 8));

/// Texts that look like what a reader searches for.
const LOOKALIKES: &str = "{\"type\":\"response.completed\"}response.completed\"error\"data: [DONE]\n\nevent: response.failed\n{\"type\":\"error\",\"code\":429}\\\"usage\\\":{\"input_tokens\":9}response.failed";

const ALL: &[ResponseStream] = &[
    recording!("text", "Hello from a recorded response.", Some((36, 11)), Completed),
    recording!(
        "non_ascii",
        "Déjà vu: 漢字とかな 🙂👩\u{200d}👩\u{200d}👧 e\u{301}\u{2028}\u{85}ﷺ.",
        Some((31, 40)),
        Completed
    ),
    recording!("tools", "", Some((75, 40)), Completed),
    recording!("custom_tool", "I'll change it.", Some((812, 53)), Completed),
    // A summary of the reasoning, and all of it in an item that only the upstream can read.
    recording!("reasoning", "Two.", Some((19, 130)), Completed),
    recording!("lookalikes", LOOKALIKES, Some((44, 60)), Completed),
    recording!("lookalikes_type_last", LOOKALIKES, Some((44, 60)), Completed),
    recording!("unknown_events", "Known words.", Some((25, 8)), Completed),
    recording!("crlf", FRAMED, FRAMED_TOKENS, Completed),
    recording!("cr", FRAMED, FRAMED_TOKENS, Completed),
    recording!("spaced", FRAMED, FRAMED_TOKENS, Completed),
    recording!("type_last", FRAMED, FRAMED_TOKENS, Completed),
    recording!("multi_line_data", FRAMED, FRAMED_TOKENS, Completed),
    recording!("no_trailing_newline", FRAMED, FRAMED_TOKENS, Completed),
    recording!("incomplete", "Once upon a", Some((20, 16)), Incomplete),
    recording!("failed", "Half", None, Failed),
    recording!("failed_at_once", "", Some((900, 0)), Failed),
    recording!("error_event", "Half", None, Error),
    recording!("nested_error_event", "Half", None, Error),
    recording!("truncated", "Cut off", None, Cut),
    recording!("truncated_before_end", "All said", None, Cut),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The payloads, by a decoder with no regard for speed.
    fn payloads(bytes: &[u8]) -> Vec<Value> {
        let text = std::str::from_utf8(bytes).unwrap().replace("\r\n", "\n").replace('\r', "\n");
        let payload = |event: &str| {
            let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
            serde_json::from_str(&lines.collect::<Vec<_>>().join("\n")).ok()
        };
        text.split("\n\n").filter_map(payload).collect()
    }

    #[test]
    fn every_recording_says_what_its_row_says() {
        for stream in all() {
            let events = payloads(stream.bytes);
            let texts = events.iter().filter(|event| event["type"] == "response.output_text.delta");
            let texts = texts.filter_map(|event| event["delta"].as_str());
            assert_eq!(texts.collect::<String>(), stream.text, "{}", stream.name);
            let last = events.last().unwrap();
            let end = match last["type"].as_str().unwrap() {
                "response.completed" => ResponseEnd::Completed,
                "response.incomplete" => ResponseEnd::Incomplete,
                "response.failed" => ResponseEnd::Failed,
                "error" => ResponseEnd::Error,
                _ => ResponseEnd::Cut,
            };
            assert_eq!(end, stream.end, "{}", stream.name);
            let usage = &last["response"]["usage"];
            let tokens = usage["input_tokens"].as_u64().zip(usage["output_tokens"].as_u64());
            assert_eq!(tokens, stream.tokens, "{}", stream.name);
        }
    }

    #[test]
    fn every_file_has_a_row() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/recordings/responses");
        let files = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut rows: Vec<String> = all().iter().map(|stream| format!("{}.sse", stream.name)).collect();
        names.sort_unstable();
        rows.sort_unstable();
        assert_eq!(names, rows);
    }

    #[test]
    fn framings_are_what_their_names_say() {
        let bytes = |name| by_name(name).unwrap().bytes;
        let has = |name, needle: &[u8]| bytes(name).windows(needle.len()).any(|window| window == needle);
        assert!(has("crlf", b"}\r\n\r\nevent: response.completed\r\n"));
        assert!(has("cr", b"}\r\revent: response.completed\r") && !has("cr", b"\n"));
        assert!(has("spaced", b"{\"type\" : \"response.completed\" , "));
        assert!(has("type_last", b"\"type\": \"response.completed\"}\n") && !has("type_last", b"event:"));
        assert!(has("type_last", b"caf\\u00e9"));
        assert!(has("multi_line_data", b"\ndata: ,\"usage\""));
        assert!(bytes("no_trailing_newline").ends_with(b"}}"));
        assert!(bytes("unknown_events").starts_with(b": ping\n\n"));
    }
}
