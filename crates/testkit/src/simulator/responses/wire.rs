//! The bodies of Responses, member by member in the order in which OpenAI sends them.

use serde::Serialize;
use serde_json::Value;

use super::super::metadata::ProviderMetadata;

/// A response, at any point of its life.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Response<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created_at: u64,
    pub(crate) status: &'static str,
    pub(crate) background: bool,
    pub(crate) error: Option<ResponseError>,
    pub(crate) incomplete_details: Option<IncompleteDetails>,
    pub(crate) instructions: Option<&'a str>,
    pub(crate) max_output_tokens: Option<u64>,
    pub(crate) model: &'a str,
    pub(crate) output: &'a [Item],
    pub(crate) parallel_tool_calls: bool,
    pub(crate) previous_response_id: Option<&'a str>,
    pub(crate) prompt_cache_key: Option<&'a str>,
    pub(crate) reasoning: Value,
    pub(crate) store: bool,
    pub(crate) temperature: Value,
    pub(crate) text: Value,
    pub(crate) tool_choice: Value,
    pub(crate) tools: &'a [Value],
    pub(crate) top_p: Value,
    pub(crate) truncation: Value,
    pub(crate) usage: Option<Usage>,
    pub(crate) user: Value,
    pub(crate) metadata: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider_metadata: Option<&'a ProviderMetadata>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ResponseError {
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct IncompleteDetails {
    pub(crate) reason: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) input_tokens_details: InputTokensDetails,
    pub(crate) output_tokens: u64,
    pub(crate) output_tokens_details: OutputTokensDetails,
    pub(crate) total_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct InputTokensDetails {
    pub(crate) cached_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct OutputTokensDetails {
    pub(crate) reasoning_tokens: u64,
}

/// An item of the output; in a stream it begins with nothing in it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Item {
    Reasoning {
        id: String,
        summary: Vec<Part>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<String>,
    },
    Message {
        id: String,
        status: &'static str,
        role: &'static str,
        content: Vec<Part>,
    },
    FunctionCall {
        id: String,
        status: &'static str,
        call_id: String,
        name: String,
        arguments: String,
    },
    CustomToolCall {
        id: String,
        status: &'static str,
        call_id: String,
        name: String,
        input: String,
    },
    Compaction {
        id: String,
        encrypted_content: String,
    },
}

/// A part of a message or of a summary.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Part {
    SummaryText { text: String },
    OutputText { text: String, annotations: [(); 0], logprobs: [(); 0] },
}

impl Item {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Reasoning { id, .. }
            | Self::Message { id, .. }
            | Self::FunctionCall { id, .. }
            | Self::CustomToolCall { id, .. }
            | Self::Compaction { id, .. } => id,
        }
    }
}

impl Part {
    pub(crate) fn output_text(text: &str) -> Self {
        Self::OutputText { text: text.to_owned(), annotations: [], logprobs: [] }
    }
}

/// One event of a stream, without its `sequence_number`.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(crate) enum StreamEvent<'a> {
    #[serde(rename = "response.created")]
    Created { response: &'a Response<'a> },
    #[serde(rename = "response.in_progress")]
    InProgress { response: &'a Response<'a> },
    #[serde(rename = "response.output_item.added")]
    ItemAdded { output_index: usize, item: Item },
    #[serde(rename = "response.reasoning_summary_part.added")]
    SummaryPartAdded { item_id: &'a str, output_index: usize, summary_index: usize, part: Part },
    #[serde(rename = "response.reasoning_summary_text.delta")]
    SummaryDelta { item_id: &'a str, output_index: usize, summary_index: usize, delta: &'a str },
    #[serde(rename = "response.reasoning_summary_text.done")]
    SummaryDone { item_id: &'a str, output_index: usize, summary_index: usize, text: &'a str },
    #[serde(rename = "response.reasoning_summary_part.done")]
    SummaryPartDone { item_id: &'a str, output_index: usize, summary_index: usize, part: &'a Part },
    #[serde(rename = "response.content_part.added")]
    PartAdded { item_id: &'a str, output_index: usize, content_index: usize, part: Part },
    #[serde(rename = "response.output_text.delta")]
    TextDelta {
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        delta: &'a str,
        logprobs: [(); 0],
    },
    #[serde(rename = "response.output_text.done")]
    TextDone { item_id: &'a str, output_index: usize, content_index: usize, text: &'a str, logprobs: [(); 0] },
    #[serde(rename = "response.content_part.done")]
    PartDone { item_id: &'a str, output_index: usize, content_index: usize, part: &'a Part },
    #[serde(rename = "response.function_call_arguments.delta")]
    ArgumentsDelta { item_id: &'a str, output_index: usize, delta: &'a str },
    #[serde(rename = "response.function_call_arguments.done")]
    ArgumentsDone { item_id: &'a str, output_index: usize, name: &'a str, arguments: &'a str },
    #[serde(rename = "response.custom_tool_call_input.delta")]
    InputDelta { item_id: &'a str, output_index: usize, delta: &'a str },
    #[serde(rename = "response.custom_tool_call_input.done")]
    InputDone { item_id: &'a str, output_index: usize, input: &'a str },
    #[serde(rename = "response.output_item.done")]
    ItemDone { output_index: usize, item: &'a Item },
    #[serde(rename = "response.completed")]
    Completed { response: &'a Response<'a> },
    #[serde(rename = "response.incomplete")]
    Incomplete { response: &'a Response<'a> },
}

impl StreamEvent<'_> {
    /// What stands behind `event: `, the same as its `type`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "response.created",
            Self::InProgress { .. } => "response.in_progress",
            Self::ItemAdded { .. } => "response.output_item.added",
            Self::SummaryPartAdded { .. } => "response.reasoning_summary_part.added",
            Self::SummaryDelta { .. } => "response.reasoning_summary_text.delta",
            Self::SummaryDone { .. } => "response.reasoning_summary_text.done",
            Self::SummaryPartDone { .. } => "response.reasoning_summary_part.done",
            Self::PartAdded { .. } => "response.content_part.added",
            Self::TextDelta { .. } => "response.output_text.delta",
            Self::TextDone { .. } => "response.output_text.done",
            Self::PartDone { .. } => "response.content_part.done",
            Self::ArgumentsDelta { .. } => "response.function_call_arguments.delta",
            Self::ArgumentsDone { .. } => "response.function_call_arguments.done",
            Self::InputDelta { .. } => "response.custom_tool_call_input.delta",
            Self::InputDone { .. } => "response.custom_tool_call_input.done",
            Self::ItemDone { .. } => "response.output_item.done",
            Self::Completed { .. } => "response.completed",
            Self::Incomplete { .. } => "response.incomplete",
        }
    }
}

/// The reply to counting.
#[derive(Debug, Serialize)]
pub(crate) struct TokenCount {
    pub(crate) object: &'static str,
    pub(crate) input_tokens: u64,
}

/// A conversation made short.
#[derive(Debug, Serialize)]
pub(crate) struct Compacted<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created_at: u64,
    pub(crate) output: &'a [Item],
    pub(crate) usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider_metadata: Option<&'a ProviderMetadata>,
}

/// A response that was deleted.
#[derive(Debug, Serialize)]
pub(crate) struct Deleted<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) deleted: bool,
}

/// The items that a response answered.
#[derive(Debug, Serialize)]
pub(crate) struct ItemList<'a> {
    pub(crate) object: &'static str,
    pub(crate) data: &'a [Value],
    pub(crate) first_id: &'a Value,
    pub(crate) last_id: &'a Value,
    pub(crate) has_more: bool,
}
