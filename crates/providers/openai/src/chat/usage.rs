//! The tokens of a reply, as the upstream counts them.

use serde::{Deserialize, Serialize};

use super::Extra;
use crate::RawJson;
use crate::lenient::{count, null_as_default};

/// The tokens of a reply, as the upstream counts them: the totals contain their details.
///
/// `trunkline_core::Usage` holds the same in buckets that do not overlap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UsageView {
    /// All input tokens, cached or not.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// All output tokens, reasoning included.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// Input and output.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Of the input tokens.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<InputDetails>,
    /// Of the output tokens.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Option::is_none")]
    pub completion_tokens_details: Option<OutputDetails>,
    /// Input tokens that were written to the prompt cache, where the upstream tells them here.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_tokens: Option<u64>,
    /// What was billed, in the upstream's own digits. Few upstreams tell; those that do mean US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<RawJson>,
    /// What else is told.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Parts of the input tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InputDetails {
    /// Found in the prompt cache.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Written to the prompt cache.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// Given as sound.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// What else is told.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Parts of the output tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputDetails {
    /// Spent on reasoning.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Given as sound.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Given as images.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u64>,
    /// Predicted by the request, and right.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub accepted_prediction_tokens: Option<u64>,
    /// Predicted by the request, and wrong. They are billed.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub rejected_prediction_tokens: Option<u64>,
    /// What else is told.
    #[serde(flatten)]
    pub extra: Extra,
}
