//! Answers in text: chat completions and completions, whole or as a stream.

use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_core::{Call, Document, Error, ErrorKind, Event, Observation, Reply, Usage};

use crate::input::{self, Message, Texts};
use crate::{Head, refused, whole};

/// How many words a piece of a streamed answer has.
const WORDS_PER_PIECE: usize = 3;

/// What is answered, and in which of the two forms.
pub(crate) struct Answer {
    form: Form,
    /// One text for each choice.
    texts: Vec<String>,
    usage: Usage,
    /// Whether a stream is to tell the usage.
    include_usage: bool,
}

#[derive(Clone, Copy)]
enum Form {
    Chat,
    Completion,
}

#[derive(Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Answer {
    /// The text of the last message of the user, or of the last message if none is the user's.
    pub(crate) fn to_chat(body: &Document) -> Result<Self, Error> {
        let messages: Vec<Message> = input::required(body, "messages")?;
        let last_of_user = messages.iter().rfind(|message| message.role == "user");
        let Some(message) = last_of_user.or(messages.last()) else {
            let message = "`messages` is empty, so that there is nothing to echo";
            return Err(refused(ErrorKind::InvalidRequest, message).with_param("messages"));
        };
        let asked: Vec<String> = messages.iter().map(Message::text).collect();
        Self::new(Form::Chat, body, &asked, vec![message.text()])
    }

    /// Each prompt.
    pub(crate) fn to_prompts(body: &Document) -> Result<Self, Error> {
        let prompts = input::required::<Texts>(body, "prompt")?.into_vec();
        Self::new(Form::Completion, body, &prompts, prompts.clone())
    }

    fn new(form: Form, body: &Document, asked: &[String], texts: Vec<String>) -> Result<Self, Error> {
        let options: Option<StreamOptions> = input::optional(body, "stream_options")?;
        Ok(Self {
            form,
            usage: input::usage(asked.iter().map(String::as_str), texts.iter().map(String::as_str)),
            texts,
            include_usage: options.unwrap_or_default().include_usage,
        })
    }

    /// The reply, whole or as a stream, as the call asks.
    pub(crate) fn reply(self, head: &Head, call: &Call) -> Result<Reply, Error> {
        if !call.streaming() {
            return whole(&self.document(head), self.usage);
        }
        // One event an item: a real upstream's events come one by one too.
        let events = self.events(head).into_iter().map(|event| Ok(vec![event]));
        Ok(Reply::events(Box::pin(stream::iter(events))))
    }

    fn document(&self, head: &Head) -> Value {
        let choices: Vec<Value> =
            self.texts.iter().enumerate().map(|(index, text)| self.form.choice(index, text)).collect();
        let mut document = self.form.envelope(head, self.form.object(), &choices);
        document["usage"] = usage(&self.usage);
        document
    }

    /// Every event of the stream, up to `[DONE]`.
    fn events(&self, head: &Head) -> Vec<Event> {
        let event = |choices: &[Value]| {
            let chunk = self.form.envelope(head, self.form.chunk_object(), choices);
            Event::from_payload(chunk.to_string().as_bytes())
        };
        let mut events = Vec::new();
        for (index, text) in self.texts.iter().enumerate() {
            let deltas = self.form.deltas(index, text);
            events.extend(deltas.into_iter().map(|choice| event(&[choice])));
        }
        if self.include_usage {
            let mut chunk = self.form.envelope(head, self.form.chunk_object(), &[]);
            chunk["usage"] = usage(&self.usage);
            let mut event = Event::from_payload(chunk.to_string().as_bytes());
            event.set_observation(Observation {
                usage: Some(self.usage.clone()),
                usage_only: true,
                ..Observation::default()
            });
            events.push(event);
        }
        events.push(self.done());
        events
    }

    /// The event that ends the stream. It carries the usage for the record, asked for or not.
    fn done(&self) -> Event {
        let mut done = Event::from_payload(b"[DONE]");
        done.set_observation(Observation {
            usage: Some(self.usage.clone()),
            terminal: true,
            ..Observation::default()
        });
        done
    }
}

impl Form {
    const fn object(self) -> &'static str {
        match self {
            Form::Chat => "chat.completion",
            Form::Completion => "text_completion",
        }
    }

    const fn chunk_object(self) -> &'static str {
        match self {
            Form::Chat => "chat.completion.chunk",
            Form::Completion => "text_completion",
        }
    }

    fn envelope(self, head: &Head, object: &str, choices: &[Value]) -> Value {
        let prefix = match self {
            Form::Chat => "chatcmpl-echo",
            Form::Completion => "cmpl-echo",
        };
        json!({
            "id": format!("{prefix}-{}", head.unique),
            "object": object,
            "created": head.created,
            "model": head.model,
            "choices": choices,
        })
    }

    /// A whole answer.
    fn choice(self, index: usize, text: &str) -> Value {
        match self {
            Form::Chat => json!({
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": null},
                "logprobs": null,
                "finish_reason": "stop",
            }),
            Form::Completion => completion(index, text, Some("stop")),
        }
    }

    /// An answer in pieces: who speaks, the text, why it ended.
    fn deltas(self, index: usize, text: &str) -> Vec<Value> {
        let pieces = pieces(text).into_iter();
        match self {
            Form::Chat => {
                let role = delta(index, &json!({"role": "assistant", "content": ""}), None);
                let end = delta(index, &json!({}), Some("stop"));
                let text = pieces.map(|piece| delta(index, &json!({"content": piece}), None));
                [role].into_iter().chain(text).chain([end]).collect()
            }
            Form::Completion => {
                let end = completion(index, "", Some("stop"));
                let text = pieces.map(|piece| completion(index, piece, None));
                text.chain([end]).collect()
            }
        }
    }
}

/// A choice of a streamed chat completion.
fn delta(index: usize, delta: &Value, finish_reason: Option<&str>) -> Value {
    json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish_reason})
}

/// A choice of a completion, which looks the same whole and in pieces.
fn completion(index: usize, text: &str, finish_reason: Option<&str>) -> Value {
    json!({"index": index, "text": text, "logprobs": null, "finish_reason": finish_reason})
}

/// The text cut behind every few words. Together the pieces are the text, white space included.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.split_inclusive(char::is_whitespace).take(WORDS_PER_PIECE).map(str::len).sum();
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Usage as OpenAI writes it.
fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input(),
        "completion_tokens": usage.all_output(),
        "total_tokens": usage.total(),
    })
}
