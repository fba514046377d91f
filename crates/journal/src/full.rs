//! Why a record was not taken.

use std::error::Error;
use std::fmt;

/// A record, or the reservation of one, was not taken, and nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Cap,
    Disk(String),
    TooLong(usize),
}

impl Full {
    pub(crate) fn new(disk: Option<String>) -> Self {
        Self { reason: disk.map_or(Reason::Cap, Reason::Disk) }
    }

    pub(crate) fn too_long(bytes_max: usize) -> Self {
        Self { reason: Reason::TooLong(bytes_max) }
    }

    /// Whether the record is longer than a journal takes, so that waiting for room is of no use.
    pub fn is_too_long(&self) -> bool {
        matches!(self.reason, Reason::TooLong(_))
    }
}

impl fmt::Display for Full {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Cap => write!(formatter, "the journal is as large as it may become"),
            Reason::Disk(why) => write!(formatter, "the journal cannot grow: {why}"),
            Reason::TooLong(bytes_max) => {
                write!(
                    formatter,
                    "the record is longer than the {bytes_max} bytes that a journal takes at once"
                )
            }
        }
    }
}

impl Error for Full {}
