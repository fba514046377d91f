//! A place in a configuration file.

use std::fmt;
use std::sync::Arc;

/// File, line and column, counted from 1. A line of 0 stands for the file as a whole, or for a source that
/// has no lines, such as the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file as it was named.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, in characters.
    pub column: u64,
}

impl Location {
    /// A source as a whole.
    pub(crate) fn whole(file: &str) -> Self {
        Self { file: file.into(), line: 0, column: 0 }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return formatter.write_str(&self.file);
        }
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}
