//! An error of the Messages dialect, in a refusal as in a stream.

use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Serialize)]
pub(crate) struct MessagesError<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) error: MessagesErrorDetail<'a>,
    pub(crate) request_id: &'a str,
    #[serde(rename = "providerMetadata", skip_serializing_if = "Option::is_none")]
    pub(crate) provider_metadata: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct MessagesErrorDetail<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    pub(crate) message: &'a str,
}
