//! The members of a question: whether they say anything, and the refusal where they do not.

use trunkline_core::{Document, Error, ErrorKind};

/// What is missing of a question.
pub(crate) fn missing(message: &str, param: &str) -> Error {
    Error::new(ErrorKind::MissingParameter, message).with_param(param)
}

/// Whether a question has a member that says anything.
pub(crate) fn has(document: &Document, name: &str) -> bool {
    document.raw(name).is_some_and(|raw| raw != b"null")
}
