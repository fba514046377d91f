//! Findings about a configuration, as lines of the log.

use trunkline_config::{Diagnostic, Severity};
use trunkline_provider::Registry;

use crate::sources::Sources;

/// Logs a finding; its severity is the level of the line.
pub(crate) fn tell(finding: &Diagnostic) {
    let (location, words) = (&finding.location, finding.words());
    match finding.severity {
        Severity::Error => tracing::error!("{location}: {words}"),
        Severity::Warning => tracing::warn!("{location}: {words}"),
        Severity::Note => tracing::info!("{location}: {words}"),
    }
}

/// Logs which deployments of a file have no key.
pub(crate) fn tell_without_key(sources: &Sources, registry: &Registry) {
    for (location, why) in sources.assembly().without_key(registry) {
        tracing::warn!("{location}: {why}");
    }
}
