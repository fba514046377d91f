//! `trunkline check`: everything there is to say about a configuration, without serving it.

use std::process::ExitCode;

use trunkline_config::Severity;
use trunkline_core::Environment;

use crate::assemble;
use crate::flags::Flags;
use crate::sources::Sources;

/// Prints every finding. Fails on errors, and with `strict` on warnings too.
pub(crate) fn run(flags: &Flags, environment: &Environment, strict: bool) -> ExitCode {
    let sources = match Sources::read(flags, environment) {
        Ok(sources) => sources,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut errors = 0;
    let mut warnings = 0;
    for diagnostic in sources.diagnostics() {
        println!("{diagnostic}");
        match diagnostic.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
            Severity::Note => {}
        }
    }
    for error in assemble::problems(&sources) {
        println!("{error}");
        errors += 1;
    }
    let deployments = sources.loaded.settings.deployments.len();
    let failed = errors > 0 || (strict && warnings > 0);
    let verdict = if failed { "not in order" } else { "in order" };
    println!("{verdict}: {deployments} deployments, {errors} errors, {warnings} warnings");
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
