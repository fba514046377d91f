//! What the simulated model says: the same for the same request, with characters of one to four bytes.

use serde_json::Value;
use serde_json::value::RawValue;

use super::identifier::{Identifiers, stable_hash};
use super::request::ChatRequest;
use super::schema;
use super::tokens;
use super::wire::{Function, Image, ImageUrl, ReasoningDetail, ToolCall};

/// How much of a caller's text an answer quotes.
const QUOTED_CHARACTERS_MAX: usize = 400;
/// The member by which a dialect marks a part of a message that is no word of the user.
pub(crate) const ASIDE: &str = "aside";
/// One white pixel.
const PIXEL_URL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/// An answer, before it is put into a body or a stream.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) text: Option<String>,
    pub(crate) tool_calls: Vec<ToolCall>,
    pub(crate) images: Vec<Image>,
    pub(crate) finish_reason: &'static str,
    /// The stop sequence that ended the text.
    pub(crate) stopped_by: Option<String>,
}

/// Thought before the answer.
#[derive(Debug)]
pub(crate) struct Reasoning {
    pub(crate) text: String,
    pub(crate) family: Family,
    /// Whether the caller wants to see it.
    pub(crate) shown: bool,
}

/// In which form reasoning comes, by the model's creator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Anthropic,
    OpenAi,
    Other,
}

impl Answer {
    pub(crate) fn new(request: &ChatRequest, model: &str, identifiers: &mut Identifiers) -> Self {
        let reasoning = reasons(request).then(|| Reasoning {
            text: format!("Thinking about “{}”: naïve, 考え中 🙂.", quoted(&last_user_text(request), 40)),
            family: Family::of(model),
            shown: request.reasoning.as_ref().is_none_or(|reasoning| reasoning["exclude"] != true),
        });
        let tool_calls = tool_calls(request, identifiers);
        if !tool_calls.is_empty() {
            let finish_reason = "tool_calls";
            let images = Vec::new();
            return Self { reasoning, text: None, tool_calls, images, finish_reason, stopped_by: None };
        }
        let (text, finish_reason, stopped_by) = limited(text(request), request);
        let wants_image = request.modalities.iter().flatten().any(|modality| modality == "image");
        let images =
            wants_image.then_some(Image { kind: "image_url", image_url: ImageUrl { url: PIXEL_URL } });
        let images = images.into_iter().collect();
        Self { reasoning, text: Some(text), tool_calls, images, finish_reason, stopped_by }
    }

    /// Says this and nothing else.
    pub(crate) fn say(&mut self, text: String) {
        self.text = Some(text);
        self.tool_calls.clear();
        self.finish_reason = "stop";
    }

    pub(crate) fn reasoning_tokens(&self) -> u64 {
        self.reasoning.as_ref().map_or(0, |reasoning| tokens::of_text(&reasoning.text))
    }

    /// All that was said and thought.
    pub(crate) fn completion_tokens(&self) -> u64 {
        let calls = self
            .tool_calls
            .iter()
            .map(|call| tokens::of_text(&call.function.name) + tokens::of_text(&call.function.arguments));
        let text = self.text.as_deref().map_or(0, tokens::of_text);
        self.reasoning_tokens() + text + calls.sum::<u64>()
    }
}

impl Reasoning {
    /// The items of `reasoning_details` of a whole reply.
    pub(crate) fn details(&self) -> Vec<ReasoningDetail> {
        let text = self.text_detail(&self.text);
        match self.family {
            Family::Anthropic => vec![ReasoningDetail { signature: Some(self.signature()), ..text }],
            Family::OpenAi | Family::Other => [text].into_iter().chain(self.last_detail()).collect(),
        }
    }

    /// The item that carries a piece of the text in a stream.
    pub(crate) fn text_detail(&self, piece: &str) -> ReasoningDetail {
        let piece = Some(piece.to_owned());
        let format = self.family.format();
        match self.family {
            Family::OpenAi => ReasoningDetail {
                kind: "reasoning.summary",
                summary: piece,
                format,
                ..ReasoningDetail::default()
            },
            Family::Anthropic | Family::Other => {
                ReasoningDetail { kind: "reasoning.text", text: piece, format, ..ReasoningDetail::default() }
            }
        }
    }

    /// The item behind the text: a signature with an empty text, or what only the provider can read.
    pub(crate) fn last_detail(&self) -> Option<ReasoningDetail> {
        match self.family {
            Family::Anthropic => {
                Some(ReasoningDetail { signature: Some(self.signature()), ..self.text_detail("") })
            }
            Family::OpenAi => Some(ReasoningDetail {
                kind: "reasoning.encrypted",
                data: Some(self.signature()),
                id: Some("rs_sim"),
                format: self.family.format(),
                ..ReasoningDetail::default()
            }),
            Family::Other => None,
        }
    }

    /// Bytes that only the provider could have made; with `/`, `+` and `=`, which careless rewriting spoils.
    fn signature(&self) -> String {
        format!("sig/{:016x}+/==", stable_hash(self.text.as_bytes()))
    }
}

impl Family {
    fn of(model: &str) -> Self {
        match model.split('/').next() {
            Some("anthropic") => Self::Anthropic,
            Some("openai") => Self::OpenAi,
            _ => Self::Other,
        }
    }

    fn format(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic-claude-v1",
            Self::OpenAi => "openai-responses-v1",
            Self::Other => "unknown",
        }
    }
}

fn reasons(request: &ChatRequest) -> bool {
    if request.effort() == Some("none") {
        return false;
    }
    let nested = request.reasoning.as_ref().is_some_and(|it| it.is_object() && it["enabled"] != false);
    let thinking = request.thinking.as_ref().is_some_and(|it| it["type"] != "disabled" && !it.is_null());
    nested || thinking || request.reasoning_effort.is_some()
}

/// The tool calls that the request provokes, if it does.
///
/// A choice that forces a tool is obeyed, unless a tool has just answered; otherwise each tool is called whose
/// name stands in the text of a last message from the user.
fn tool_calls(request: &ChatRequest, identifiers: &mut Identifiers) -> Vec<ToolCall> {
    let tools = request.tools.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if last_role(request) != "user" || tools.is_empty() {
        return Vec::new();
    }
    let text = last_user_text(request);
    let name = |tool: &Value| {
        tool["function"]["name"].as_str().or(tool["custom"]["name"].as_str()).map(str::to_owned)
    };
    let mut wanted = match &request.tool_choice {
        Some(Value::String(choice)) if choice == "none" => Vec::new(),
        Some(choice @ Value::Object(_)) => {
            let chosen = name(choice);
            tools.iter().filter(|tool| chosen.is_some() && name(tool) == chosen).collect()
        }
        _ => tools
            .iter()
            .filter(|tool| name(tool).is_some_and(|name| behind_name(&text, &name).is_some()))
            .collect::<Vec<_>>(),
    };
    if wanted.is_empty() && request.tool_choice.as_ref().is_some_and(|choice| choice == "required") {
        wanted.extend(tools.first());
    }
    if request.parallel_tool_calls == Some(false) {
        wanted.truncate(1);
    }
    let call = |tool: &Value| {
        let name = name(tool)?;
        let given = behind_name(&text, &name).unwrap_or_default();
        let (kind, arguments) = if tool["custom"].is_object() {
            ("custom", given_input(given).unwrap_or_else(|| format!("{name} é 漢字")))
        } else {
            let made = || schema::instance(&tool["function"]["parameters"], &name);
            let made = || Some(made()).filter(Value::is_object).map_or("{}".to_owned(), |it| it.to_string());
            ("function", given_arguments(given).unwrap_or_else(made))
        };
        Some(ToolCall { id: identifiers.prefixed("call_"), kind, function: Function { name, arguments } })
    };
    wanted.into_iter().filter_map(call).collect()
}

/// The pixel that stands for every image, a PNG as base64.
pub(crate) fn pixel_base64() -> &'static str {
    PIXEL_URL.split_once(',').map_or(PIXEL_URL, |(_, base64)| base64)
}

/// What stands behind the first mention of a tool's name as a whole word, spaces skipped.
fn behind_name<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let in_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let mentions = text.match_indices(name).map(|(at, _)| (&text[..at], &text[at + name.len()..]));
    let mut whole =
        mentions.filter(|(before, after)| !before.ends_with(in_word) && !after.starts_with(in_word));
    whole.next().map(|(_, after)| after.trim_start())
}

/// The JSON object with which a text begins, spelt as it is there.
fn given_arguments(text: &str) -> Option<String> {
    let given = serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>().next()?.ok()?;
    Some(given.get().to_owned()).filter(|given| given.starts_with('{'))
}

/// The JSON string with which a text begins, read.
fn given_input(text: &str) -> Option<String> {
    serde_json::Deserializer::from_str(text).into_iter::<String>().next()?.ok()
}

fn text(request: &ChatRequest) -> String {
    let format = request.response_format.as_ref().unwrap_or(&Value::Null);
    let asked = match format["type"].as_str() {
        Some("json_schema") => Some(&format["json_schema"]["schema"]),
        Some("json") => Some(&format["schema"]),
        Some("json_object") => Some(&Value::Null),
        _ => None,
    };
    if let Some(asked) = asked {
        return if asked.is_object() {
            schema::instance(asked, "answer").to_string()
        } else {
            serde_json::json!({ "answer": quoted(&last_user_text(request), QUOTED_CHARACTERS_MAX) })
                .to_string()
        };
    }
    if last_role(request) == "tool" {
        let result = last_said(request).map(content_text).unwrap_or_default();
        return format!("The tool said “{}”. Voilà, 漢字 🙂.", quoted(&result, QUOTED_CHARACTERS_MAX));
    }
    format!("You said “{}”. Voilà, 漢字 🙂.", quoted(&last_user_text(request), QUOTED_CHARACTERS_MAX))
}

/// The text up to a stop sequence and within the limit of tokens, and why it ends.
fn limited(mut text: String, request: &ChatRequest) -> (String, &'static str, Option<String>) {
    let stops = match &request.stop {
        Some(Value::String(stop)) => vec![stop.as_str()],
        Some(Value::Array(stops)) => stops.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let found = |stop: &&str| text.find(*stop).map(|at| (at, (*stop).to_owned()));
    let cut = stops.iter().filter(|stop| !stop.is_empty()).filter_map(found).min();
    let mut stopped_by = None;
    if let Some((at, stop)) = cut {
        text.truncate(at);
        stopped_by = Some(stop);
    }
    // A whole number may be spelt `1e2`; from one that is too large or negative the cast takes the nearest.
    let tokens_max =
        request.max_completion_tokens.or(request.max_tokens).map_or(u64::MAX, |most| most as u64);
    if tokens::of_text(&text) <= tokens_max {
        return (text, "stop", stopped_by);
    }
    let bytes_max = usize::try_from(tokens_max.saturating_mul(4)).unwrap_or(usize::MAX);
    text.truncate(text.floor_char_boundary(bytes_max));
    (text, "length", None)
}

fn last_role(request: &ChatRequest) -> &str {
    last_said(request).and_then(|message| message["role"].as_str()).unwrap_or_default()
}

/// The last message that is not an instruction: agents put some behind the user's words.
fn last_said(request: &ChatRequest) -> Option<&Value> {
    request.messages.iter().rev().find(|message| message["role"] != "system")
}

fn last_user_text(request: &ChatRequest) -> String {
    let last = request.messages.iter().rev().find(|message| message["role"] == "user");
    last.map(content_text).unwrap_or_default()
}

fn content_text(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let heard = parts.iter().filter(|part| part[ASIDE] != true);
            heard.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn quoted(text: &str, characters_max: usize) -> String {
    text.chars().take(characters_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(members: &str) -> Answer {
        let request = ChatRequest::read(format!(r#"{{"model":"a/b",{members}}}"#).as_bytes()).unwrap();
        Answer::new(&request, &request.model, &mut Identifiers::new(0))
    }

    const USER: &str = r#""messages":[{"role":"user","content":"use wx for Oslo"}]"#;
    const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"wx","parameters":{"type":"object",
        "properties":{"city":{"type":"string"}},"required":["city"]}}},{"type":"function","function":{"name":"clock"}}]"#;

    #[test]
    fn an_answer_quotes_the_user() {
        let answer = answer(USER);
        assert_eq!(answer.text.as_deref(), Some("You said “use wx for Oslo”. Voilà, 漢字 🙂."));
        assert_eq!(answer.finish_reason, "stop");
        assert_eq!(answer.completion_tokens(), 13);
    }

    #[test]
    fn tools_are_called_when_named_or_forced() {
        let names = |members: &str| {
            let answer = answer(&format!("{members},{TOOLS}"));
            answer.tool_calls.iter().map(|call| call.function.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(USER), ["wx"]);
        assert_eq!(names(&format!(r#"{USER},"tool_choice":"none""#)), [""; 0]);
        let forced = r#""tool_choice":{"type":"function","function":{"name":"clock"}}"#;
        assert_eq!(names(&format!("{USER},{forced}")), ["clock"]);
        let inside = r#""messages":[{"role":"user","content":"wxyz clock-work"}]"#;
        assert_eq!(names(inside), [""; 0]);
        let other = r#""messages":[{"role":"user","content":"hello"}],"tool_choice":"required""#;
        assert_eq!(names(other), ["wx"]);
        let both = r#""messages":[{"role":"user","content":"clock and wx"}]"#;
        assert_eq!(names(both), ["wx", "clock"]);
        assert_eq!(names(&format!(r#"{both},"parallel_tool_calls":false"#)), ["wx"]);
        let answered = answer(&format!(
            r#""messages":[{{"role":"user","content":"wx"}},{{"role":"tool","content":"3°"}}],{TOOLS}"#
        ));
        assert_eq!(answered.text.as_deref(), Some("The tool said “3°”. Voilà, 漢字 🙂."));
        let called = answer(&format!("{USER},{TOOLS}"));
        assert_eq!(called.tool_calls[0].function.arguments, r#"{"city":"city é 漢字"}"#);
        assert_eq!((called.finish_reason, called.text), ("tool_calls", None));
    }

    #[test]
    fn arguments_may_be_given() {
        let prompt =
            serde_json::json!([{"role": "user", "content": "use wx {\"city\": \"Oslo\", \"n\": 1.0} now"}]);
        let called = answer(&format!(r#""messages":{prompt},{TOOLS}"#));
        assert_eq!(called.tool_calls[0].function.arguments, r#"{"city": "Oslo", "n": 1.0}"#);
        let tools = r#""tools":[{"type":"custom","custom":{"name":"patch"}}]"#;
        let prompt = serde_json::json!([{"role": "user", "content": "patch \"a\\nb\""}]);
        let called = answer(&format!(r#""messages":{prompt},{tools}"#));
        assert_eq!(
            (called.tool_calls[0].kind, &*called.tool_calls[0].function.arguments),
            ("custom", "a\nb")
        );
    }

    #[test]
    fn limits_and_stops_cut_the_text() {
        let cut = answer(&format!(r#"{USER},"max_tokens":0.3e1"#));
        assert_eq!((cut.text.as_deref(), cut.finish_reason), (Some("You said “"), "length"));
        let stopped = answer(&format!(r#"{USER},"stop":["Oslo","wx"]"#));
        assert_eq!((stopped.text.as_deref(), stopped.finish_reason), (Some("You said “use "), "stop"));
        assert_eq!((cut.stopped_by, stopped.stopped_by.as_deref()), (None, Some("wx")));
    }

    #[test]
    fn structured_answers_satisfy_their_schema() {
        let format = r#""response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object",
            "required":["n"],"properties":{"n":{"type":"integer"}}}}}"#;
        assert_eq!(answer(&format!("{USER},{format}")).text.as_deref(), Some(r#"{"n":7}"#));
        let format = r#""response_format":{"type":"json_object"}"#;
        assert_eq!(
            answer(&format!("{USER},{format}")).text.as_deref(),
            Some(r#"{"answer":"use wx for Oslo"}"#)
        );
    }

    #[test]
    fn reasoning_comes_when_asked_for_in_three_forms() {
        assert!(answer(USER).reasoning.is_none());
        assert!(answer(&format!(r#"{USER},"reasoning":{{"enabled":false}}"#)).reasoning.is_none());
        assert!(answer(&format!(r#"{USER},"reasoning_effort":"none""#)).reasoning.is_none());
        let hidden = answer(&format!(r#"{USER},"reasoning":{{"exclude":true}}"#));
        assert!(!hidden.reasoning.as_ref().unwrap().shown && hidden.reasoning_tokens() > 0);
        let reasoning = |family| Reasoning { text: "t".to_owned(), family, shown: true };
        let spelled = |family| serde_json::to_string(&reasoning(family).details()).unwrap();
        assert_eq!(
            spelled(Family::Other),
            r#"[{"type":"reasoning.text","text":"t","format":"unknown","index":0}]"#
        );
        assert_eq!(
            spelled(Family::Anthropic),
            r#"[{"type":"reasoning.text","text":"t","signature":"sig/af63e94c860202a3+/==","format":"anthropic-claude-v1","index":0}]"#
        );
        assert_eq!(
            spelled(Family::OpenAi),
            r#"[{"type":"reasoning.summary","summary":"t","format":"openai-responses-v1","index":0},{"type":"reasoning.encrypted","data":"sig/af63e94c860202a3+/==","id":"rs_sim","format":"openai-responses-v1","index":0}]"#
        );
    }
}
