//! `trunkline check`: everything there is to say about a configuration, without serving it.

use std::error::Error;
use std::sync::Arc;

use trunkline_assembly::Assembled;
use trunkline_config::{Location, Severity};
use trunkline_core::Environment;

use crate::assemble;
use crate::flags::Flags;
use crate::sources::Sources;

/// Prints every finding. Fails on errors, and with `strict` on warnings too.
pub(crate) fn run(flags: &Flags, environment: &Environment, strict: bool) -> Result<(), Box<dyn Error>> {
    let mut sources = Sources::read(flags, environment)?;
    let prices = sources.read_price_file();
    let findings = &sources.loaded.diagnostics;
    findings.iter().for_each(|finding| println!("{finding}"));
    let registry = Arc::new(assemble::registry(&sources)?);
    let assembly = sources.assembly();
    let Assembled { router, mut left_out } = assembly.router(&registry, None, &[])?;
    // What costs a row is told once, where it stands.
    let is_told = |location: &Location| {
        findings.iter().any(|finding| finding.severity == Severity::Error && finding.location == *location)
    };
    left_out.retain(|(location, _)| !is_told(location));
    for (location, why) in &left_out {
        println!("{location}: error: the deployment is out of service: {why}");
    }
    if let Err(why) = &prices {
        println!("error: {why}");
    }
    let mut remarks = assembly.without_key(&registry);
    if let Some(file) = sources.file().filter(|_| router.is_empty()) {
        let whole = Location { file: file.to_string_lossy().into(), ..Location::default() };
        remarks.push((whole, NOBODY.to_owned()));
    }
    for (location, why) in &remarks {
        println!("{location}: warning: {why}");
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (
        count(Severity::Error) + left_out.len() + usize::from(prices.is_err()),
        count(Severity::Warning) + remarks.len(),
    );
    match sources.file() {
        Some(_) => {
            let (served, rows) = (router.deployments().count(), sources.loaded.rows);
            println!("deployments: {served} of {rows} in service, errors: {errors}, warnings: {warnings}");
        }
        None => println!(
            "no file was named, by --config or CONFIG_FILE_PATH; errors: {errors}, warnings: {warnings}"
        ),
    }
    if errors > 0 || (strict && warnings > 0) {
        Err("the configuration is not in order".into())
    } else {
        Ok(())
    }
}

/// What a file comes to whose deployments are none, or all out of service.
const NOBODY: &str = "no deployment is in service: every call would be refused as an unknown model";
