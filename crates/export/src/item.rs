//! What waits for a destination: a finished request, or that a soft budget was passed.

use std::sync::Arc;

use trunkline_keys::SoftBudgetPassed;

use crate::row::Row;

/// Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Request(Arc<Row>),
    Passed(Arc<SoftBudgetPassed>),
}

impl Item {
    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Request(row) => row.bytes(),
            Self::Passed(_) => size_of::<Self>() + size_of::<SoftBudgetPassed>(),
        }
    }

    /// The request, if it is one.
    pub(crate) fn request(&self) -> Option<&Row> {
        match self {
            Self::Request(row) => Some(row),
            Self::Passed(_) => None,
        }
    }
}
