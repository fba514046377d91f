//! Where the configuration comes from: a file, a flag, or the environment alone.

use std::path::PathBuf;

use trunkline_config::{Diagnostic, Loaded, load, without_file};
use trunkline_core::{Environment, Error, ErrorKind};
use trunkline_vercel_ai_gateway::credential_origin;

use crate::flags::Flags;

/// What the server was told, and by whom.
pub(crate) struct Sources {
    pub(crate) loaded: Loaded,
    pub(crate) origin: Origin,
    pub(crate) request_timeout: Option<std::time::Duration>,
    pub(crate) keepalive_timeout: Option<std::time::Duration>,
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
    pub(crate) fn read(flags: &Flags, environment: &Environment) -> Result<Self, Error> {
        let seconds = |value: Option<f64>| match value.map(std::time::Duration::try_from_secs_f64) {
            None => Ok(None),
            Some(Ok(wait)) if !wait.is_zero() => Ok(Some(wait)),
            Some(_) => Err(Error::new(
                ErrorKind::Configuration,
                "--request_timeout must be a number of seconds above 0",
            )),
        };
        let request_timeout = seconds(flags.request_timeout)?;
        let keepalive_timeout = flags.keepalive_timeout.map(std::time::Duration::from_secs);
        let file = flags.config.clone().or_else(|| environment.get("CONFIG_FILE_PATH").map(PathBuf::from));
        let (loaded, origin) = match (file, &flags.model) {
            (Some(_), Some(_)) => {
                let message = "--config and --model exclude each other: the file says what is served";
                return Err(Error::new(ErrorKind::Configuration, message));
            }
            (Some(path), None) => {
                let loaded = load(&path, environment, &flags.allow_unsupported).map_err(|error| {
                    Error::new(ErrorKind::Configuration, error.to_string()).with_source(error)
                })?;
                (loaded, Origin::File(path))
            }
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
        Ok(Self { loaded, origin, request_timeout, keepalive_timeout })
    }

    /// Tells every finding, and stops where one is fatal.
    pub(crate) fn refuse_fatal(&self) -> Result<(), Error> {
        for diagnostic in &self.loaded.diagnostics {
            eprintln!("{diagnostic}");
        }
        let fatal = self.loaded.diagnostics.iter().filter(|diagnostic| diagnostic.fatal).count();
        if fatal == 0 {
            return Ok(());
        }
        let message = format!("not started: {fatal} of the findings above cannot be passed over");
        Err(Error::new(ErrorKind::Configuration, message))
    }

    /// The findings, for `check`.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        &self.loaded.diagnostics
    }
}
