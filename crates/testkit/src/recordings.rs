//! Event streams as bytes, in the shapes that the Vercel AI Gateway and its kin put on the wire.
//!
//! Each is written by hand after the documented shape of a stream; none holds anyone's conversation.

pub mod messages;
pub mod responses;

/// One stream, with what a reader must make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recording {
    /// The name of its file, without the ending.
    pub name: &'static str,
    /// The body of the reply, byte for byte.
    pub bytes: &'static [u8],
    /// All `delta.content` joined.
    pub content: &'static str,
    /// How many events carry data, `[DONE]` included.
    pub events: usize,
    /// How it ends.
    pub end: StreamEnd,
}

/// How a recorded stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// With `[DONE]`.
    Done,
    /// With an event that tells an error, and no `[DONE]`.
    Error,
    /// With neither: it was cut between two events.
    Cut,
}

/// Every recording.
pub fn all() -> &'static [Recording] {
    ALL
}

/// The recording of this name.
pub fn by_name(name: &str) -> Option<&'static Recording> {
    ALL.iter().find(|recording| recording.name == name)
}

macro_rules! recording {
    ($name:literal, $events:literal, $end:ident, $content:expr) => {
        Recording {
            name: $name,
            bytes: include_bytes!(concat!("recordings/", $name, ".sse")),
            content: $content,
            events: $events,
            end: StreamEnd::$end,
        }
    };
}

/// What the streams say that differ only in their framing.
const FRAMED: &str = "Un café, 茶.";

const ALL: &[Recording] = &[
    recording!("text", 10, Done, "Hello from a recorded stream."),
    recording!(
        "non_ascii",
        15,
        Done,
        "Déjà vu: 漢字とかな 🙂👩\u{200d}👩\u{200d}👧 e\u{301}\u{2028}\u{85}ﷺ."
    ),
    recording!("lookalikes", 9, Done, "\"usage\":{\"prompt_tokens\":9}\\\"data: [DONE]\n\n{\"error\":\t\0"),
    recording!("tools", 10, Done, ""),
    recording!("reasoning_deepseek", 9, Done, "Two."),
    recording!("reasoning_anthropic", 10, Done, "Done."),
    recording!("reasoning_openai", 10, Done, "Three."),
    recording!("crlf", 7, Done, FRAMED),
    recording!("cr", 7, Done, FRAMED),
    recording!("byte_order_mark", 7, Done, FRAMED),
    recording!("no_trailing_newline", 7, Done, FRAMED),
    recording!("comments", 7, Done, FRAMED),
    recording!("named_events", 7, Done, FRAMED),
    recording!("multi_line_data", 7, Done, FRAMED),
    recording!("usage_only_chunk", 5, Done, "Four."),
    recording!("error_event", 3, Error, "Half"),
    recording!("relayed_error_event", 3, Error, "Half"),
    recording!("truncated", 3, Cut, "Cut off"),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// A decoder as the standard describes it, with no regard for speed.
    fn data(bytes: &[u8]) -> Vec<String> {
        let text = std::str::from_utf8(bytes).unwrap().trim_start_matches('\u{feff}');
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut events = Vec::new();
        let mut lines = Vec::new();
        for line in text.split('\n').chain([""]) {
            if let Some(data) = line.strip_prefix("data:") {
                lines.push(data.strip_prefix(' ').unwrap_or(data));
            } else if line.is_empty() && !lines.is_empty() {
                events.push(lines.join("\n"));
                lines.clear();
            }
        }
        events
    }

    #[test]
    fn every_recording_says_what_its_row_says() {
        for recording in all() {
            let mut events = data(recording.bytes);
            assert_eq!(events.len(), recording.events, "{}", recording.name);
            let done = events.pop_if(|last| last == "[DONE]").is_some();
            assert_eq!(done, recording.end == StreamEnd::Done, "{}", recording.name);
            let events =
                events.iter().map(|event| serde_json::from_str::<Value>(event).unwrap()).collect::<Vec<_>>();
            let content = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
            assert_eq!(content.collect::<String>(), recording.content, "{}", recording.name);
            let failed = events.iter().any(|event| event.get("choices").is_none());
            assert_eq!(failed, recording.end == StreamEnd::Error, "{}", recording.name);
        }
    }

    #[test]
    fn every_file_has_a_row() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/recordings");
        let names = std::fs::read_dir(directory).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".sse").map(str::to_owned)
        });
        for name in names {
            assert!(by_name(&name).is_some(), "{name}.sse has no row");
        }
    }

    #[test]
    fn framings_are_what_their_names_say() {
        let bytes = |name| by_name(name).unwrap().bytes;
        let has = |name, needle: &[u8]| bytes(name).windows(needle.len()).any(|window| window == needle);
        assert!(has("crlf", b"}\r\n\r\ndata:"));
        assert!(has("cr", b"}\r\rdata:") && !has("cr", b"\n"));
        assert!(bytes("byte_order_mark").starts_with(b"\xef\xbb\xbfdata:"));
        assert!(bytes("no_trailing_newline").ends_with(b"[DONE]"));
        assert!(has("comments", b"\n: keep-alive 0"));
        assert!(has("multi_line_data", b"\ndata: ,\"object\""));
    }
}
