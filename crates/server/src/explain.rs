//! `trunkline explain`: where a request would go and why, without sending it.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use http::HeaderMap;
use trunkline_agents::Origin;
use trunkline_core::{Document, Environment};
use trunkline_gateway::{Gateway, operation_named};

use crate::assemble;
use crate::flags::{ExplainFlags, Flags};
use crate::sources::Sources;

/// Prints what would become of the request in a file, or of the one on standard input.
pub(crate) fn run(
    asked: &ExplainFlags,
    flags: &Flags,
    environment: &Environment,
) -> Result<(), Box<dyn Error>> {
    let mut sources = Sources::read(flags, environment)?;
    sources.refuse_fatal(|finding| eprintln!("{finding}"))?;
    if sources.file().is_none() && flags.model.is_none() {
        let key = matches!(sources.origin, Origin::Nothing).then_some(
            ", and no credential is set: AI_GATEWAY_API_KEY is one for all models of the Vercel AI Gateway",
        );
        let key = key.unwrap_or_default();
        eprintln!("trunkline: no file is explained; `--config FILE` or CONFIG_FILE_PATH names one{key}");
    }
    let registry = Arc::new(assemble::registry(&sources)?);
    sources.read_price_file()?;
    let router = sources.assembly().router(&registry, None, &[])?.router;
    let gateway = Gateway::new(Arc::new(router), assemble::gateway_settings(&sources, 0));
    let document = Document::parse(request(&asked.request)?)?;
    let explanation = gateway.explain(operation_named(&asked.operation)?, &HeaderMap::new(), document)?;
    let text = if asked.json { format!("{:#}\n", explanation.to_json()) } else { explanation.to_string() };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn request(path: &Path) -> Result<String, String> {
    let is_standard_input = path == Path::new("-");
    let read = if is_standard_input {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| format!("{} cannot be read: {error}", path.display()))
}
