//! What the reader has to say about a file: where, how grave, which key, and what to do.

use std::fmt;

use crate::Location;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something cannot be used as it is written.
    Error,
    /// Something will not have the effect that the file asks for.
    Warning,
    /// Something worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        })
    }
}

/// One finding. It names keys and variables, never the value of a key that may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// Whether a server must not start with it. An error that is not fatal has cost one deployment.
    pub fatal: bool,
    /// Where it was found.
    pub location: Location,
    /// The dotted path of the key, as in `model_list[2].litellm_params.api_key`. May be empty.
    pub key: String,
    /// What is the matter, to be read after the key.
    pub message: String,
    /// The key that was probably meant.
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// Whether something cannot be used as it is written.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Key, message and suggestion: the finding without its place and its severity, which a log has otherwise.
    pub fn words(&self) -> String {
        let key = if self.key.is_empty() { String::new() } else { format!("{} ", self.key) };
        let suggestion = self.suggestion.as_ref().map(|meant| format!("; did you mean {meant}?"));
        format!("{key}{}{}", self.message, suggestion.unwrap_or_default())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}: {}", self.location, self.severity, self.words())
    }
}

/// The findings so far.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Report {
    pub(crate) fn add(
        &mut self,
        severity: Severity,
        location: &Location,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic {
            severity,
            fatal: false,
            location: location.clone(),
            key: key.into(),
            message: message.into(),
            suggestion: None,
        });
        self.diagnostics.last_mut().expect("one was pushed above")
    }

    /// An error that a server must not start with.
    pub(crate) fn fatal(&mut self, location: &Location, key: impl Into<String>, message: impl Into<String>) {
        self.add(Severity::Error, location, key, message).fatal = true;
    }

    /// An error that costs one deployment.
    pub(crate) fn error(&mut self, location: &Location, key: impl Into<String>, message: impl Into<String>) {
        self.add(Severity::Error, location, key, message);
    }

    pub(crate) fn warn(&mut self, location: &Location, key: impl Into<String>, message: impl Into<String>) {
        self.add(Severity::Warning, location, key, message);
    }

    pub(crate) fn note(&mut self, location: &Location, key: impl Into<String>, message: impl Into<String>) {
        self.add(Severity::Note, location, key, message);
    }
}
