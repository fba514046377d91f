//! The models that a body offers the upstream to choose from.

use std::borrow::Cow;

use trunkline_core::{Body as CallBody, Document, json};

/// The models that a body lets the upstream choose from, in the upstream's spelling.
pub(crate) fn offered(body: &CallBody) -> Vec<String> {
    let CallBody::Document(document) = body else { return Vec::new() };
    lists_of_models(document).flat_map(texts).map(Cow::into_owned).collect()
}

/// The lists of models in a body: `models`, and `providerOptions.gateway.models`.
pub(crate) fn lists_of_models(document: &Document) -> impl Iterator<Item = &[u8]> {
    // All of a name: which of two counts is for the upstream's reader to say.
    let gateways = document.raw("providerOptions").into_iter().flat_map(|options| every(options, "gateway"));
    document.raw("models").into_iter().chain(gateways.flat_map(|gateway| every(gateway, "models")))
}

/// The texts of a list.
pub(crate) fn texts(list: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    json::elements(list).filter_map(|span| json::string(list.get(span)?))
}

/// The values of all members of a name.
pub(crate) fn every<'j>(object: &'j [u8], name: &'static str) -> impl Iterator<Item = &'j [u8]> {
    json::members(object)
        .filter(move |member| member.is_named(name))
        .filter_map(|member| object.get(member.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_models_of_a_body_are_looked_at() {
        let body = br#"{"models":["a"],"providerOptions":{"gateway":{"models":["b"]},"gateway":{"models":["c"],"models":["d"]}}}"#;
        let document = Document::parse(body.as_slice()).expect("a document");
        let found: Vec<_> = lists_of_models(&document).flat_map(texts).collect();
        assert_eq!(found, ["a", "b", "c", "d"]);
    }
}
