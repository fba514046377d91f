//! `metadata`: LiteLLM's place for tags and trace ids, and OpenAI's for stored completions.

use trunkline_core::{Dialect, Document, json};

/// Whether `metadata` is LiteLLM's place. Elsewhere it is the upstream's own, and LiteLLM's is `litellm_metadata`.
pub(crate) fn is_ours(dialect: Dialect) -> bool {
    match dialect {
        Dialect::OpenAi | Dialect::Cohere => true,
        Dialect::Responses | Dialect::Anthropic => false,
    }
}

/// Reads the tags of a body's `metadata`, which goes upstream only where it is OpenAI's.
pub(crate) fn take(document: &mut Document) -> Vec<String> {
    if !document.contains("metadata") {
        return Vec::new();
    }
    let tags = tags(document.raw("metadata"));
    keep_if(document.is_true("store"), document);
    tags
}

/// Leaves `metadata` in only where it is OpenAI's: all values are texts, and the completion is stored.
pub(crate) fn keep_if(stored: bool, document: &mut Document) {
    let all_texts = document.raw("metadata").is_some_and(|raw| {
        json::members(raw).all(|member| raw.get(member.value).is_some_and(|value| value.starts_with(b"\"")))
    });
    if !(all_texts && stored) {
        document.remove("metadata");
    }
}

/// The tags that metadata hold.
pub(crate) fn tags(metadata: Option<&[u8]>) -> Vec<String> {
    let metadata = metadata.unwrap_or_default();
    texts(json::member(metadata, "tags").and_then(|span| metadata.get(span)))
}

/// The texts of a list.
pub(crate) fn texts(list: Option<&[u8]>) -> Vec<String> {
    let list = list.unwrap_or_default();
    let texts = json::elements(list).filter_map(|span| json::string(list.get(span)?));
    texts.map(std::borrow::Cow::into_owned).collect()
}
