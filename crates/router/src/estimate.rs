//! About how many tokens an input has.

use trunkline_core::Body;
use trunkline_prices::estimate;

/// About how many tokens the input of a body has. Files of a form are not looked into.
pub(crate) fn input_tokens(body: &Body) -> u64 {
    match body {
        Body::Document(document) => estimate::input_tokens(document),
        Body::Form(_) | Body::Empty => 0,
    }
}
