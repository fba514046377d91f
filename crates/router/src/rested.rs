//! What brought a deployment a rest.

use http::StatusCode;
use trunkline_core::{Error, ErrorKind};

/// What a rest followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rested {
    /// What had gone wrong.
    pub failure: ErrorKind,
    /// The upstream's status, where it sent one.
    pub status: Option<StatusCode>,
}

impl Rested {
    pub(crate) fn after(error: &Error) -> Self {
        Self { failure: error.kind(), status: error.upstream_status() }
    }
}
