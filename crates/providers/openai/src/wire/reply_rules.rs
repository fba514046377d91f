//! What a reply to each operation is told by: the member that it is about, and the event that ends its stream.

use trunkline_core::Operation;

/// What is known of the replies to an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyRules {
    /// The member that makes a whole reply one. Without it, a reply that reports a failure is that failure.
    pub(super) result: &'static str,
    /// The type of the event that ends a stream. `None` if `[DONE]` alone does, or nothing streams.
    pub(super) end: Option<&'static str>,
}

const fn about(result: &'static str) -> ReplyRules {
    ReplyRules { result, end: None }
}

const fn ending(result: &'static str, end: &'static str) -> ReplyRules {
    ReplyRules { result, end: Some(end) }
}

/// The row of an operation. Responses end in several ways, which their own probe knows.
///
/// One without a row is none of this wire's, or nothing is known of it yet: its replies are searched for a failure
/// with more care, and end with `[DONE]`. So a new operation of another wire touches nothing here.
pub(super) const fn reply_rules(operation: Operation) -> ReplyRules {
    match operation {
        Operation::ChatCompletions | Operation::Completions => about("choices"),
        Operation::Embeddings | Operation::ListResponseInputItems => about("data"),
        Operation::Responses
        | Operation::CompactResponse
        | Operation::RetrieveResponse
        | Operation::CancelResponse => about("output"),
        Operation::ResponseInputTokens => about("input_tokens"),
        Operation::DeleteResponse => about("deleted"),
        Operation::Rerank | Operation::RerankV2 | Operation::Moderations => about("results"),
        Operation::ImageGenerations => ending("data", "image_generation.completed"),
        Operation::ImageEdits => ending("data", "image_edit.completed"),
        Operation::Transcriptions => ending("text", "transcript.text.done"),
        Operation::Speech => ending("audio", "speech.audio.done"),
        Operation::Evaluate => about("answers"),
        _ => about(""),
    }
}
