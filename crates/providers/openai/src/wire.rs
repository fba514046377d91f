//! The OpenAI wire format as pure functions: requests, replies, usage, errors, catalogues.
//!
//! A provider crate whose upstream speaks this format builds its `Codec` out of these and adds what is its
//! own. Nothing in here does I/O, and nothing knows a vendor.

mod cost;
mod encode;
mod error_body;
mod failure;
mod models;
mod probe;
mod reply_rules;
mod responses;
mod stream_failure;
mod typed_event;
mod usage;

pub use cost::cost;
pub(crate) use encode::{StreamOptions, encode_with};
pub use encode::{encode, encode_models};
pub use error_body::{ErrorBody, error_body};
pub use failure::classify;
pub use models::models;
pub use probe::{Probe, is_usage_only};
pub use responses::{ResponsesProbe, response_object};
pub use stream_failure::stream_failure;
pub use usage::usage;
