//! Event streams of Anthropic's Messages as bytes, as Anthropic and those who serve its dialect send them.
//!
//! Each is written by hand after the documented shape of a stream; none holds anyone's conversation.

use super::StreamEnd;

/// One stream, with what a reader must make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// The name of its file, without the ending.
    pub name: &'static str,
    /// The body of the reply, byte for byte.
    pub bytes: &'static [u8],
    /// All `delta.text` joined.
    pub text: &'static str,
    /// All input, cached or not, and all output, as the whole stream tells them.
    pub tokens: Option<(u64, u64)>,
    /// How it ends. What stands for `[DONE]` is `message_stop`.
    pub end: StreamEnd,
}

/// Every recording.
pub fn all() -> &'static [Message] {
    ALL
}

/// The recording of this name.
pub fn by_name(name: &str) -> Option<&'static Message> {
    ALL.iter().find(|message| message.name == name)
}

macro_rules! whole {
    ($name:literal, $text:expr, $input:literal, $output:literal) => {
        Message {
            name: $name,
            bytes: include_bytes!(concat!("messages/", $name, ".sse")),
            text: $text,
            tokens: Some(($input, $output)),
            end: StreamEnd::Done,
        }
    };
}

macro_rules! broken {
    ($name:literal, $text:expr, $end:ident) => {
        Message {
            name: $name,
            bytes: include_bytes!(concat!("messages/", $name, ".sse")),
            text: $text,
            tokens: None,
            end: StreamEnd::$end,
        }
    };
}

/// What the streams say that differ only in their framing.
const FRAMED: &str = "Un café, 茶.";

const ALL: &[Message] = &[
    whole!("text", "Hello from a recorded message.", 25, 12),
    whole!(
        "non_ascii",
        "Déjà vu: 漢字とかな 🙂👩\u{200d}👩\u{200d}👧 e\u{301}\u{2028}\u{85}ﷺ. café 😀 a/b",
        31,
        40
    ),
    whole!("tools", "I'll check both.", 472, 89),
    // Of the output, 141 tokens are thinking.
    whole!("thinking", "27 × 453 = 12,231.", 44, 160),
    // The counts of `message_start` are both zero, as the Vercel AI Gateway has them; 1,024 were in the cache.
    whole!("empty_start", "Counted at the end.", 1042, 9),
    // 3 read anew, 1,812 written to the cache, 20,480 read from it.
    whole!("prompt_cache", "From memory.", 22_295, 6),
    // The input grows while the upstream itself calls tools.
    whole!("server_tools", "Let me search. It says so.", 10_682, 510),
    // 180,000 and 3,500 stand in `iterations` alone.
    whole!("compaction", "Go on.", 203_000, 4500),
    whole!("pings", "Slow and steady.", 25, 7),
    whole!("unknown_events", "Known words.", 25, 8),
    whole!(
        "lookalikes",
        "{\"type\":\"message_stop\"}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n\"usage\":{\"output_tokens\":9}\\\"type\":\"error\"",
        50,
        33
    ),
    whole!("refusal", "I", 25, 4),
    whole!("crlf", FRAMED, 25, 11),
    whole!("cr", FRAMED, 25, 11),
    whole!("spaced", FRAMED, 25, 11),
    whole!("multi_line_data", FRAMED, 25, 11),
    whole!("no_trailing_newline", FRAMED, 25, 11),
    broken!("error_event", "Half", Error),
    broken!("error_at_once", "", Error),
    broken!("truncated", "Cut off", Cut),
    broken!("truncated_before_stop", "Cut off", Cut),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The payloads that are JSON, by a decoder with no regard for speed.
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
        for message in all() {
            let events = payloads(message.bytes);
            let texts = events.iter().filter_map(|event| event["delta"]["text"].as_str());
            assert_eq!(texts.collect::<String>(), message.text, "{}", message.name);
            let last = events.last().unwrap()["type"].as_str().unwrap();
            assert_eq!(last == "message_stop", message.end == StreamEnd::Done, "{}", message.name);
            assert_eq!(last == "error", message.end == StreamEnd::Error, "{}", message.name);
        }
    }

    #[test]
    fn every_file_has_a_row() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/recordings/messages");
        let files = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut rows: Vec<String> = all().iter().map(|message| format!("{}.sse", message.name)).collect();
        names.sort_unstable();
        rows.sort_unstable();
        assert_eq!(names, rows);
    }

    #[test]
    fn framings_are_what_their_names_say() {
        let bytes = |name| by_name(name).unwrap().bytes;
        let has = |name, needle: &[u8]| bytes(name).windows(needle.len()).any(|window| window == needle);
        assert!(has("crlf", b"}\r\n\r\nevent: message_stop\r\n"));
        assert!(has("cr", b"}\r\revent: message_stop\r") && !has("cr", b"\n"));
        assert!(has("spaced", b"{\"type\": \"message_stop\"}") && !has("spaced", b"event:"));
        assert!(has("multi_line_data", b"\ndata:\"message_stop\"\ndata: }"));
        assert!(bytes("no_trailing_newline").ends_with(b"{\"type\":\"message_stop\"}"));
    }
}
