//! The three ways in which an exchange can end.

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The whole reply was handed to the socket.
    Complete,
    /// The caller went away before that.
    CallerLeft,
    /// A fault cut the connection.
    Cut,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::CallerLeft => "caller_left",
            Self::Cut => "cut",
        }
    }
}
