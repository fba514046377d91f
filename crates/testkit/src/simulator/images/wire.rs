//! The bodies of replies with images, member by member.

use serde::Serialize;

use super::super::metadata::ProviderMetadata;

#[derive(Debug, Serialize)]
pub(crate) struct ImageList<'a> {
    pub(crate) created: u64,
    pub(crate) data: Vec<Image>,
    pub(crate) usage: Usage,
    #[serde(rename = "providerMetadata", skip_serializing_if = "Option::is_none")]
    pub(crate) provider_metadata: Option<&'a ProviderMetadata>,
}

/// Its bytes as base64, or where they are.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Image {
    B64Json(&'static str),
    Url(String),
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) total_tokens: u64,
    pub(crate) input_tokens_details: InputTokensDetails,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct InputTokensDetails {
    pub(crate) text_tokens: u64,
    pub(crate) image_tokens: u64,
}

/// An event of a stream: a sketch, or the image.
#[derive(Debug, Serialize)]
pub(crate) struct ImageEvent<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) b64_json: &'static str,
    pub(crate) created_at: u64,
    pub(crate) size: &'a str,
    pub(crate) quality: &'a str,
    pub(crate) background: &'static str,
    pub(crate) output_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partial_image_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
    #[serde(rename = "providerMetadata", skip_serializing_if = "Option::is_none")]
    pub(crate) provider_metadata: Option<&'a ProviderMetadata>,
}
