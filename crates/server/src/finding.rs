//! Findings about a configuration, as lines of the log.

use trunkline_config::{Diagnostic, Severity};

/// Logs a finding; its severity is the level of the line.
pub(crate) fn tell(finding: &Diagnostic) {
    let (location, words) = (&finding.location, finding.words());
    match finding.severity {
        Severity::Error => tracing::error!("{location}: {words}"),
        Severity::Warning => tracing::warn!("{location}: {words}"),
        Severity::Note => tracing::info!("{location}: {words}"),
    }
}
