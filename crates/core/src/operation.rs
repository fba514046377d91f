//! What can be asked of a model, and in whose wire format it is asked.

use std::fmt;

use http::Method;

/// Whose wire format a body is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's: `{"error": {…}}` envelopes, `data: [DONE]` at the end of a stream.
    #[default]
    OpenAi,
    /// OpenAI's Responses: the same envelopes; named events, of which `response.completed`, `.incomplete` or
    /// `.failed` is the last.
    Responses,
    /// Anthropic's Messages: `{"type": "error", "error": {…}}` envelopes, `message_stop` at the end.
    Anthropic,
    /// Cohere's: `{"message": …}` envelopes.
    Cohere,
}

/// One thing that can be asked of a model.
///
/// WHEN ADDING AN OPERATION: give it a row in `Operation::rules`, its endpoint rows in the gateway's
/// `endpoints.rs`, its place among the router's `parameters.rs`, its question and answer in the test of budgets, and
/// fixtures in the conformance suite of each provider that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `POST /chat/completions`, whole or streamed.
    ChatCompletions,
    /// `POST /completions`, OpenAI's older text completion, whole or streamed.
    Completions,
    /// `POST /embeddings`.
    Embeddings,
    /// `POST /responses`, whole or streamed.
    Responses,
    /// `POST /responses/compact`: a conversation made short.
    CompactResponse,
    /// `POST /responses/input_tokens`: how many tokens an input has.
    ResponseInputTokens,
    /// `GET /responses/{id}`, whole or streamed from an event on.
    RetrieveResponse,
    /// `DELETE /responses/{id}`.
    DeleteResponse,
    /// `POST /responses/{id}/cancel`.
    CancelResponse,
    /// `GET /responses/{id}/input_items`.
    ListResponseInputItems,
    /// `POST /messages`, Anthropic's, whole or streamed.
    Messages,
    /// `POST /messages/count_tokens`, Anthropic's.
    CountTokens,
    /// `POST /v1/rerank`, Cohere's.
    Rerank,
    /// `POST /v2/rerank`, Cohere's.
    RerankV2,
    /// `POST /images/generations`, whole or streamed.
    ImageGenerations,
    /// `POST /images/edits`, a form or JSON, whole or streamed.
    ImageEdits,
    /// `POST /audio/transcriptions`, a form; the answer is JSON, a text, or a stream.
    Transcriptions,
    /// `POST /audio/speech`; the answer is sound.
    Speech,
    /// `POST /moderations`.
    Moderations,
    /// `POST /evaluate`, the Vercel AI Gateway's.
    Evaluate,
}

/// What is known of an operation.
#[derive(Clone, Copy)]
struct Rules {
    name: &'static str,
    verb: Verb,
    path: &'static str,
    version: &'static str,
    dialect: Dialect,
    required: &'static [&'static str],
    streams: bool,
    reports_usage: bool,
    object: bool,
    form: bool,
    bytes: bool,
    bills: bool,
    default_model: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Verb {
    Get,
    Post,
    Delete,
}

/// What most operations are: JSON sent, JSON given back, in OpenAI's dialect.
const PLAIN: Rules = Rules {
    name: "",
    verb: Verb::Post,
    path: "",
    version: "v1",
    dialect: Dialect::OpenAi,
    required: &[],
    streams: false,
    reports_usage: false,
    object: false,
    form: false,
    bytes: false,
    bills: true,
    default_model: None,
};

const fn plain(name: &'static str, path: &'static str, required: &'static [&'static str]) -> Rules {
    Rules { name, path, required, ..PLAIN }
}

/// A model that answers with text, and tells the tokens of it.
const fn text(name: &'static str, path: &'static str, required: &'static [&'static str]) -> Rules {
    Rules { streams: true, reports_usage: true, ..plain(name, path, required) }
}

/// About a response: one that is to come, or one that an earlier reply named.
const fn response(name: &'static str, path: &'static str) -> Rules {
    Rules { dialect: Dialect::Responses, ..plain(name, path, &[]) }
}

const fn stored(name: &'static str, verb: Verb, path: &'static str) -> Rules {
    Rules { verb, object: true, bills: false, ..response(name, path) }
}

impl Operation {
    /// Every operation, in the order of this enum.
    pub const ALL: [Operation; 20] = [
        Operation::ChatCompletions,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Responses,
        Operation::CompactResponse,
        Operation::ResponseInputTokens,
        Operation::RetrieveResponse,
        Operation::DeleteResponse,
        Operation::CancelResponse,
        Operation::ListResponseInputItems,
        Operation::Messages,
        Operation::CountTokens,
        Operation::Rerank,
        Operation::RerankV2,
        Operation::ImageGenerations,
        Operation::ImageEdits,
        Operation::Transcriptions,
        Operation::Speech,
        Operation::Moderations,
        Operation::Evaluate,
    ];

    const fn rules(self) -> Rules {
        match self {
            Operation::ChatCompletions => text("chat_completions", "chat/completions", &["messages"]),
            Operation::Completions => text("completions", "completions", &["prompt"]),
            Operation::Embeddings => {
                Rules { reports_usage: true, ..plain("embeddings", "embeddings", &["input"]) }
            }
            Operation::Responses => {
                Rules { dialect: Dialect::Responses, ..text("responses", "responses", &[]) }
            }
            Operation::CompactResponse => {
                Rules { reports_usage: true, ..response("compact_response", "responses/compact") }
            }
            Operation::ResponseInputTokens => {
                Rules { bills: false, ..response("response_input_tokens", "responses/input_tokens") }
            }
            Operation::RetrieveResponse => {
                Rules { streams: true, ..stored("retrieve_response", Verb::Get, "responses/{id}") }
            }
            Operation::DeleteResponse => stored("delete_response", Verb::Delete, "responses/{id}"),
            Operation::CancelResponse => stored("cancel_response", Verb::Post, "responses/{id}/cancel"),
            Operation::ListResponseInputItems => {
                stored("list_response_input_items", Verb::Get, "responses/{id}/input_items")
            }
            Operation::Messages => {
                Rules { dialect: Dialect::Anthropic, ..text("messages", "messages", &["messages"]) }
            }
            Operation::CountTokens => Rules {
                dialect: Dialect::Anthropic,
                bills: false,
                ..plain("count_tokens", "messages/count_tokens", &["messages"])
            },
            Operation::Rerank => {
                Rules { dialect: Dialect::Cohere, ..plain("rerank", "rerank", &["query", "documents"]) }
            }
            Operation::RerankV2 => Rules {
                version: "v2",
                dialect: Dialect::Cohere,
                ..plain("rerank_v2", "rerank", &["query", "documents"])
            },
            Operation::ImageGenerations => {
                Rules { streams: true, ..plain("image_generations", "images/generations", &["prompt"]) }
            }
            Operation::ImageEdits => {
                Rules { streams: true, form: true, ..plain("image_edits", "images/edits", &["prompt"]) }
            }
            Operation::Transcriptions => Rules {
                streams: true,
                form: true,
                bytes: true,
                ..plain("transcriptions", "audio/transcriptions", &["file"])
            },
            Operation::Speech => {
                Rules { streams: true, bytes: true, ..plain("speech", "audio/speech", &["input"]) }
            }
            Operation::Moderations => Rules {
                default_model: Some("omni-moderation-latest"),
                ..plain("moderations", "moderations", &["input"])
            },
            Operation::Evaluate => {
                Rules { reports_usage: true, ..plain("evaluate", "evaluate", &["questions"]) }
            }
        }
    }

    /// The name that capabilities, logs and errors use: `chat_completions`.
    pub const fn name(self) -> &'static str {
        self.rules().name
    }

    /// The method that it is asked with.
    pub const fn method(self) -> Method {
        match self.rules().verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Delete => Method::DELETE,
        }
    }

    /// The path below a base URL: `chat/completions`. `{id}` in it stands for [`Call::object`](crate::Call::object).
    pub const fn path(self) -> &'static str {
        self.rules().path
    }

    /// The version of the API that the path belongs to, as the last segment of a base URL names it: `v1`.
    pub const fn version(self) -> &'static str {
        self.rules().version
    }

    /// The wire format that its bodies are in.
    pub const fn dialect(self) -> Dialect {
        self.rules().dialect
    }

    /// The members that a request body must have, besides `model`.
    pub const fn required_members(self) -> &'static [&'static str] {
        self.rules().required
    }

    /// Whether a reply may be asked for as a stream of events.
    pub const fn streams(self) -> bool {
        self.rules().streams
    }

    /// Whether its replies tell the tokens that it took, at any upstream that tells them at all.
    pub const fn reports_usage(self) -> bool {
        self.rules().reports_usage
    }

    /// Whether its body may be a form.
    pub const fn takes_form(self) -> bool {
        self.rules().form
    }

    /// Whether its reply may be something else than JSON: sound, a plain text.
    pub const fn answers_in_bytes(self) -> bool {
        self.rules().bytes
    }

    /// Whether it is about an object that an earlier reply named, by its id, and names no model itself.
    pub const fn is_about_object(self) -> bool {
        self.rules().object
    }

    /// Whether upstreams take money for it. What they do not bill is held against no budget, needs no price, and costs 0:
    /// counting tokens, and whatever is about a response that was paid for when it was made.
    pub const fn bills(self) -> bool {
        self.rules().bills
    }

    /// The model that is meant where a body names none.
    pub const fn default_model(self) -> Option<&'static str> {
        self.rules().default_model
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_all_different_and_paths_end_in_no_slash() {
        let mut names: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Operation::ALL.len());
        for operation in Operation::ALL {
            let path = operation.path();
            assert!(!path.starts_with('/') && !path.ends_with('/'), "{path}");
            assert_eq!(path.contains("{id}"), operation.is_about_object(), "{path}");
        }
    }

    #[test]
    fn counts_and_what_is_about_an_earlier_response_cost_nothing_and_all_else_does() {
        let free: Vec<Operation> =
            Operation::ALL.into_iter().filter(|operation| !operation.bills()).collect();
        let expected = [
            Operation::ResponseInputTokens,
            Operation::RetrieveResponse,
            Operation::DeleteResponse,
            Operation::CancelResponse,
            Operation::ListResponseInputItems,
            Operation::CountTokens,
        ];
        assert_eq!(free, expected);
        assert!(free.iter().all(|operation| !operation.reports_usage()));
    }
}
