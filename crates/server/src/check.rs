//! `trunkline check`: everything there is to say about a configuration, without serving it.

use std::error::Error;
use std::sync::Arc;

use trunkline_config::Severity;
use trunkline_core::Environment;

use crate::assemble;
use crate::flags::Flags;
use crate::sources::Sources;

/// Prints every finding. Fails on errors, and with `strict` on warnings too.
pub(crate) fn run(flags: &Flags, environment: &Environment, strict: bool) -> Result<(), Box<dyn Error>> {
    let sources = Sources::read(flags, environment)?;
    let findings = &sources.loaded.diagnostics;
    findings.iter().for_each(|finding| println!("{finding}"));
    let (_, left_out) = assemble::router(&sources, &Arc::new(assemble::registry(&sources)?), None)?;
    for (location, why) in &left_out {
        println!("{location}: error: the deployment is out of service: {why}");
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error) + left_out.len(), count(Severity::Warning));
    let rows = sources.loaded.settings.deployments.len();
    println!("deployments: {rows}, errors: {errors}, warnings: {warnings}");
    if errors > 0 || (strict && warnings > 0) {
        Err("the configuration is not in order".into())
    } else {
        Ok(())
    }
}
