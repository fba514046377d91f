//! The Messages wire format as pure functions: requests, replies, usage, errors, catalogues.
//!
//! A provider crate whose upstream speaks this format builds its `Codec` out of these and adds what is its
//! own. Nothing in here does I/O, and nothing knows whose upstream it is.

mod date;
mod encode;
mod error_body;
mod failure;
mod models;
mod probe;
mod usage;

pub(crate) use encode::without_version;
pub use encode::{Authentication, encode, encode_models};
pub use error_body::{ErrorBody, error_body};
pub use failure::{classify, stream_failure};
pub use models::models;
pub use probe::MessagesProbe;
pub use usage::usage;
