//! What can be asked of a model, and in whose wire format it is asked.

use std::fmt;

/// Whose wire format a body is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's: `{"error": {…}}` envelopes, `data: [DONE]` at the end of a stream.
    OpenAi,
}

/// One thing that can be asked of a model.
///
/// WHEN ADDING AN OPERATION: give it a row in each match below, an endpoint row in the gateway's
/// `endpoints.rs`, and a conformance case in the testkit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `POST /chat/completions`, whole or streamed.
    ChatCompletions,
    /// `POST /completions`, OpenAI's older text completion, whole or streamed.
    Completions,
    /// `POST /embeddings`.
    Embeddings,
}

impl Operation {
    /// Every operation, in the order of this enum.
    pub const ALL: [Operation; 3] =
        [Operation::ChatCompletions, Operation::Completions, Operation::Embeddings];

    /// The name that capabilities, logs and errors use: `chat_completions`.
    pub const fn name(self) -> &'static str {
        match self {
            Operation::ChatCompletions => "chat_completions",
            Operation::Completions => "completions",
            Operation::Embeddings => "embeddings",
        }
    }

    /// The path below a base URL: `chat/completions`.
    pub const fn path(self) -> &'static str {
        match self {
            Operation::ChatCompletions => "chat/completions",
            Operation::Completions => "completions",
            Operation::Embeddings => "embeddings",
        }
    }

    /// The wire format that its bodies are in.
    pub const fn dialect(self) -> Dialect {
        match self {
            Operation::ChatCompletions | Operation::Completions | Operation::Embeddings => Dialect::OpenAi,
        }
    }

    /// The members that a request body must have, besides `model`.
    pub const fn required_members(self) -> &'static [&'static str] {
        match self {
            Operation::ChatCompletions => &["messages"],
            Operation::Completions => &["prompt"],
            Operation::Embeddings => &["input"],
        }
    }

    /// Whether a reply may be asked for as a stream of events.
    pub const fn streams(self) -> bool {
        match self {
            Operation::ChatCompletions | Operation::Completions => true,
            Operation::Embeddings => false,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
