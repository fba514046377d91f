//! About how many tokens an input has.

use trunkline_core::Body;

/// Bytes of JSON for each token.
const BYTES: u64 = 4;

/// About how many tokens the input of a body has.
pub(crate) fn input_tokens(body: &Body) -> u64 {
    match body {
        Body::Document(document) => document.len() as u64 / BYTES,
        Body::Form(_) | Body::Empty => 0,
    }
}
