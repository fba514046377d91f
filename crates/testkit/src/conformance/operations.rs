//! What the suite knows of each operation, one row each: what it asks, and where a reply to it says what.

use serde_json::Value;
use trunkline_core::Operation;

/// What is known of an operation.
///
/// Places are written as `choices.0.message`; a `*` stands for every item of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The suite's own question as a JSON object, without `model` and `stream`. `None` if it is asked otherwise.
    pub(crate) document: Option<&'static str>,
    /// The same as a form: its parts, without `model` and `stream`.
    pub(crate) form: Option<&'static [Part]>,
    /// The parameters of the address, without `stream`.
    pub(crate) query: Option<&'static str>,
    /// What a well-formed whole reply has, if it is JSON.
    pub(crate) whole_has: &'static str,
    /// Where the text of a whole reply stands. Nowhere, if empty.
    pub(crate) whole_text: &'static str,
    /// Its streams. `None` if it has none.
    pub(crate) events: Option<Events>,
    /// Whether upstreams that report what they bill report it here.
    pub(crate) tells_cost: bool,
}

/// What is known of an operation's streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    /// The `type` of the events that carry text. `None` if events have no types.
    pub(crate) text_type: Option<&'static str>,
    /// Where the text stands in one of them.
    pub(crate) text: &'static str,
    /// What is last.
    pub(crate) last: Last,
    /// The `object` that every event calls itself. `None` if it has a `type` instead.
    pub(crate) object: Option<&'static str>,
}

/// The event that ends a stream well.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Last {
    /// `data: [DONE]`.
    Done,
    /// One of these types.
    Typed(&'static [&'static str]),
}

/// A part of a form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// The name and the media type of a file.
    pub(crate) file: Option<(&'static str, &'static str)>,
    pub(crate) value: &'static [u8],
}

/// A file in which every byte matters: no text, line ends of all kinds, and what looks like a boundary.
const FILE: &[u8] = b"RIFF\x00\xff\xfe\r\n--\r\n\r\n--conformance-\r\nname=\"model\"\n\n\x80\xc3(\r\n";

const NO_EVENTS: Option<Events> = None;

/// A question as JSON, answered in JSON.
const fn asked(document: &'static str, whole_has: &'static str, whole_text: &'static str) -> Row {
    Row {
        document: Some(document),
        form: None,
        query: None,
        whole_has,
        whole_text,
        events: NO_EVENTS,
        tells_cost: true,
    }
}

/// About an object: nothing is sent but the address.
const fn about_object(whole_has: &'static str) -> Row {
    Row { document: None, tells_cost: false, ..asked("", whole_has, "") }
}

const fn chunks(text: &'static str, object: &'static str) -> Option<Events> {
    Some(Events { text_type: None, text, last: Last::Done, object: Some(object) })
}

const fn typed(text_type: &'static str, text: &'static str, last: &'static [&'static str]) -> Option<Events> {
    Some(Events { text_type: Some(text_type), text, last: Last::Typed(last), object: None })
}

const fn text_part(name: &'static str, value: &'static str) -> Part {
    Part { name, file: None, value: value.as_bytes() }
}

const RESPONSE_TEXT: &str = "output.*.content.*.text";
const RESPONSE_EVENTS: Option<Events> = typed(
    "response.output_text.delta",
    "delta",
    &["response.completed", "response.incomplete", "response.failed"],
);
const RERANK: Row = asked(
    r#"{"query":"What is a café?","documents":["茶","A house of coffee 😀"],"top_n":1}"#,
    "results.0",
    "",
);

const IMAGE_FORM: &[Part] = &[
    text_part("prompt", "A café in 茶 😀"),
    Part { name: "image[]", file: Some(("a \\\"b\\\".png", "image/png")), value: FILE },
    Part { name: "image[]", file: Some(("é.png", "image/png")), value: b"" },
];
const SOUND_FORM: &[Part] = &[
    Part { name: "file", file: Some(("a.wav", "audio/wav")), value: FILE },
    text_part("prompt", "café, 茶\r\n😀"),
    text_part("timestamp_granularities[]", "word"),
];

const CHAT_COMPLETIONS: Row = Row {
    events: chunks("choices.0.delta.content", "chat.completion.chunk"),
    ..asked(
        r#"{"messages":[{"role":"user","content":"What is a café to 茶, in three words? 😀"}]}"#,
        "choices.0.message",
        "choices.0.message.content",
    )
};
const RESPONSES: Row = Row {
    events: RESPONSE_EVENTS,
    ..asked(
        r#"{"input":[{"type":"message","role":"user","content":"What is a café to 茶? 😀"}],"store":false}"#,
        "output",
        RESPONSE_TEXT,
    )
};
const MESSAGES: Row = Row {
    events: typed("content_block_delta", "delta.text", &["message_stop"]),
    ..asked(
        r#"{"max_tokens":64,"messages":[{"role":"user","content":"What is a café to 茶? 😀"}]}"#,
        "content",
        "content.*.text",
    )
};
const IMAGE_GENERATIONS: Row = Row {
    events: typed("image_generation.partial_image", "b64_json", &["image_generation.completed"]),
    ..asked(r#"{"prompt":"A café in 茶 😀"}"#, "data.0", "data.*.b64_json")
};
const IMAGE_EDITS: Row = Row {
    form: Some(IMAGE_FORM),
    events: typed("image_edit.partial_image", "b64_json", &["image_edit.completed"]),
    ..asked(
        r#"{"prompt":"A café in 茶 😀","images":[{"image_url":"data:image/png;base64,AAAA"}]}"#,
        "data.0",
        "data.*.b64_json",
    )
};
const TRANSCRIPTIONS: Row = Row {
    document: None,
    form: Some(SOUND_FORM),
    events: typed("transcript.text.delta", "delta", &["transcript.text.done"]),
    tells_cost: false,
    ..asked("", "text", "text")
};

/// The row of an operation.
///
/// WHEN ADDING AN OPERATION: this is all that the suite must be told of it; its fixtures are the provider's.
pub(crate) const fn row(operation: Operation) -> Row {
    match operation {
        Operation::ChatCompletions => CHAT_COMPLETIONS,
        Operation::Completions => Row {
            events: chunks("choices.0.text", "text_completion"),
            ..asked(
                r#"{"prompt":"What is a café to 茶, in three words? 😀"}"#,
                "choices.0.text",
                "choices.0.text",
            )
        },
        Operation::Embeddings => {
            asked(r#"{"input":"What is a café to 茶, in three words? 😀"}"#, "data.0.embedding", "")
        }
        Operation::Responses => RESPONSES,
        Operation::CompactResponse => {
            asked(r#"{"input":[{"type":"message","role":"user","content":"Much."}]}"#, "output", "")
        }
        Operation::ResponseInputTokens => {
            Row { tells_cost: false, ..asked(r#"{"input":"How long is a café? 😀"}"#, "input_tokens", "") }
        }
        Operation::RetrieveResponse => {
            Row { whole_text: RESPONSE_TEXT, events: RESPONSE_EVENTS, ..about_object("output") }
        }
        Operation::DeleteResponse => about_object("deleted"),
        Operation::CancelResponse => about_object("status"),
        Operation::ListResponseInputItems => {
            Row { query: Some("include%5B%5D=reasoning.encrypted_content&limit=5"), ..about_object("data") }
        }
        Operation::Messages => MESSAGES,
        Operation::CountTokens => Row {
            tells_cost: false,
            ..asked(
                r#"{"messages":[{"role":"user","content":"What is a café to 茶? 😀"}]}"#,
                "input_tokens",
                "",
            )
        },
        Operation::Rerank | Operation::RerankV2 => RERANK,
        Operation::ImageGenerations => IMAGE_GENERATIONS,
        Operation::ImageEdits => IMAGE_EDITS,
        Operation::Transcriptions => TRANSCRIPTIONS,
        Operation::Speech => Row {
            events: typed("speech.audio.delta", "audio", &["speech.audio.done"]),
            tells_cost: false,
            ..asked(r#"{"input":"Un café, 茶. 😀","voice":"alloy"}"#, "", "")
        },
        Operation::Moderations => {
            Row { tells_cost: false, ..asked(r#"{"input":"Un café, 茶. 😀"}"#, "results.0", "") }
        }
        Operation::Evaluate => asked(
            r#"{"state":{"output":"Un café"},"questions":{"short":{"type":"boolean","instructions":"Is it short?"}}}"#,
            "answers",
            "",
        ),
    }
}

/// All texts at a place, joined.
pub(crate) fn texts_at(value: &Value, place: &str) -> String {
    values_at(value, place).into_iter().filter_map(Value::as_str).collect()
}

/// All values at a place. A member that is `null` is one.
pub(crate) fn values_at<'v>(value: &'v Value, place: &str) -> Vec<&'v Value> {
    let mut values = vec![value];
    for step in place.split('.').filter(|step| !step.is_empty()) {
        values = match step {
            "*" => values.into_iter().filter_map(Value::as_array).flatten().collect(),
            name => {
                let inner = |value: &'v Value| match value {
                    Value::Array(items) => name.parse().ok().and_then(|number: usize| items.get(number)),
                    other => other.get(name),
                };
                values.into_iter().filter_map(inner).collect()
            }
        };
    }
    values
}

/// The text that an event's payload carries.
pub(crate) fn event_text(operation: Operation, payload: &[u8]) -> String {
    let Some(events) = row(operation).events else {
        return String::new();
    };
    let Ok(event) = serde_json::from_slice::<Value>(payload) else {
        return String::new();
    };
    let carries_text = events.text_type.is_none_or(|text_type| event["type"] == text_type);
    if carries_text { texts_at(&event, events.text) } else { String::new() }
}

/// Whether an event's payload is the one that ends a stream well.
pub(crate) fn is_last(operation: Operation, payload: &[u8]) -> bool {
    match row(operation).events.map(|events| events.last) {
        None => false,
        Some(Last::Done) => payload == b"[DONE]",
        Some(Last::Typed(types)) => serde_json::from_slice::<Value>(payload)
            .is_ok_and(|event| types.iter().any(|last| event["type"] == *last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_agree_with_what_an_operation_is() {
        for operation in Operation::ALL {
            let row = row(operation);
            assert_eq!(row.events.is_some(), operation.streams(), "{operation}");
            assert_eq!(row.form.is_some(), operation.takes_form(), "{operation}");
            let is_empty = row.document.is_none() && row.form.is_none();
            assert_eq!(is_empty, operation.is_about_object(), "{operation}");
            let question: Value =
                row.document.map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
            for member in operation.required_members() {
                let in_form = row.form.is_some_and(|parts| parts.iter().any(|part| part.name == *member));
                assert!(question.get(member).is_some() || in_form, "{operation} asks without {member}");
            }
        }
    }

    #[test]
    fn texts_stand_where_a_row_says() {
        let response = serde_json::json!({"output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "no"}]},
            {"type": "message", "content": [{"text": "one"}, {"text": " two"}]},
            {"type": "message", "content": [{"text": " three"}]},
        ]});
        assert_eq!(texts_at(&response, RESPONSE_TEXT), "one two three");
        assert_eq!(values_at(&response, "output.1.content.0.text"), [&Value::from("one")]);
        assert!(values_at(&response, "output.7").is_empty());
        let delta = br#"{"type":"response.output_text.delta","delta":"a"}"#;
        let arguments = br#"{"type":"response.function_call_arguments.delta","delta":"b"}"#;
        assert_eq!(event_text(Operation::Responses, delta), "a");
        assert_eq!(event_text(Operation::Responses, arguments), "");
        assert!(!is_last(Operation::Responses, delta));
        assert!(is_last(Operation::Responses, br#"{"type":"response.failed"}"#));
        assert!(is_last(Operation::ChatCompletions, b"[DONE]"));
    }
}
