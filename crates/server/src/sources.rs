//! Where the configuration comes from: a file, a flag, or the environment alone.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use trunkline_config::{Loaded, load, without_file};
use trunkline_core::{Environment, ErrorKind};
use trunkline_vercel_ai_gateway::credential_origin;

use crate::flags::Flags;

/// What the server was told, and by whom.
pub(crate) struct Sources {
    pub(crate) loaded: Loaded,
    pub(crate) origin: Origin,
    pub(crate) request_timeout: Option<Duration>,
    pub(crate) keepalive_timeout: Option<Duration>,
}

/// Which source decides what is served.
pub(crate) enum Origin {
    /// A configuration file.
    File(PathBuf),
    /// `--model`, with its alias and base.
    Model { model: String, alias: Option<String>, api_base: Option<String> },
    /// A credential of the Vercel AI Gateway in the environment; the text says which, or what is wrong with it.
    Vercel(String),
    /// Nothing: only `echo/…` can answer.
    Nothing,
}

impl Sources {
    /// Reads what the flags and the environment name.
    pub(crate) fn read(flags: &Flags, environment: &Environment) -> Result<Self, Box<dyn Error>> {
        let file = flags.config.clone().or_else(|| environment.get("CONFIG_FILE_PATH").map(PathBuf::from));
        let (loaded, origin) = match (file, &flags.model) {
            (Some(_), Some(_)) => {
                return Err("--config and --model exclude each other: the file says what is served".into());
            }
            (Some(path), None) => (load(&path, environment, &flags.allow_unsupported)?, Origin::File(path)),
            (None, Some(model)) => {
                let alias = flags.alias.clone();
                let origin = Origin::Model { model: model.clone(), alias, api_base: flags.api_base.clone() };
                (without_file(environment), origin)
            }
            (None, None) => {
                let origin = match credential_origin(environment) {
                    Ok(origin) => Origin::Vercel(origin.to_string()),
                    Err(error) if error.kind() == ErrorKind::CredentialMissing => Origin::Nothing,
                    // It may be renewed while the server runs, so this is no reason not to start.
                    Err(error) => Origin::Vercel(format!("a credential that will not do: {error}")),
                };
                (without_file(environment), origin)
            }
        };
        let (request_timeout, keepalive_timeout) = (flags.request_timeout, flags.keepalive_timeout);
        Ok(Self { loaded, origin, request_timeout, keepalive_timeout })
    }

    /// Tells every finding, and stops where one is fatal.
    pub(crate) fn refuse_fatal(&self) -> Result<(), String> {
        let findings = &self.loaded.diagnostics;
        findings.iter().for_each(|finding| eprintln!("{finding}"));
        match findings.iter().filter(|finding| finding.fatal).count() {
            0 => Ok(()),
            fatal => Err(format!("not started: {fatal} of the findings above cannot be passed over")),
        }
    }
}
