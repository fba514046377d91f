//! Why a configuration could not be read at all.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Location;

/// Why a configuration could not be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The named file cannot be read, or is too large to be a configuration.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An included file cannot be read, or is too large.
    #[error("{location}: cannot read the included file {}", path.display())]
    UnreadableInclude {
        /// Where it is included.
        location: Location,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file includes itself, directly or through others.
    #[error("{location}: {} includes itself", path.display())]
    Cycle {
        /// Where the circle closes.
        location: Location,
        /// The file.
        path: PathBuf,
    },
    /// A file is not UTF-8.
    #[error("{} is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// A file is not YAML.
    #[error("{location}: {message}")]
    Yaml {
        /// Where the parser stopped.
        location: Location,
        /// What it said.
        message: String,
    },
}

impl LoadError {
    pub(crate) fn yaml(file: &Arc<str>, error: &serde_saphyr::Error) -> Self {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let message = match error {
            serde_saphyr::Error::MultipleDocuments { .. } => {
                "a second document begins; one file holds one".to_owned()
            }
            // The parser repeats the place, which stands in front already.
            other => other.to_string().replacen(&format!(" at line {line}, column {column}"), "", 1),
        };
        Self::Yaml { location: Location { file: Arc::clone(file), line, column }, message }
    }
}
