//! Where the configuration comes from: a file, a flag, or the environment alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use trunkline_agents::{Origin, StartText};
use trunkline_assembly::{Assembled, Assembly, BareDeployment, price_file};
use trunkline_config::{
    Contents, Diagnostic, LoadError, Loaded, StoredRow, is_base, load_noting, without_file,
};
use trunkline_core::{Environment, Error, ErrorKind};
use trunkline_prices::PriceFile;
use trunkline_provider::Registry;
use trunkline_router::Router;
use trunkline_vercel_ai_gateway::credential_origin;

use crate::finding::tell;
use crate::flags::Flags;

/// What the server was told, and by whom.
pub(crate) struct Sources {
    pub(crate) loaded: Loaded,
    pub(crate) origin: Origin,
    /// What the files held.
    pub(crate) contents: Contents,
    pub(crate) flags: Flags,
    /// The last good one.
    price_file: Option<Arc<PriceFile>>,
    /// That of the process, without what a file lays over it.
    environment: Environment,
}

impl Sources {
    /// Reads what the flags and the environment name.
    pub(crate) fn read(flags: &Flags, environment: &Environment) -> Result<Self, Box<dyn std::error::Error>> {
        let file = flags.config.clone().or_else(|| environment.get("CONFIG_FILE_PATH").map(PathBuf::from));
        let (loaded, origin) = match (file, &flags.model) {
            (Some(_), Some(_)) => {
                return Err("--config and --model exclude each other: the file says what is served".into());
            }
            (Some(path), None) => {
                return Ok(Self::of_file(path, environment, flags, &mut Contents::default())?);
            }
            (None, Some(_)) if flags.api_base.as_deref().is_some_and(|base| !is_base(base)) => {
                return Err(
                    "--api_base must be a URL that begins with http:// or https:// and names a host".into()
                );
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
        let (flags, environment) = (flags.clone(), environment.clone());
        Ok(Self { loaded, origin, contents: Contents::default(), flags, price_file: None, environment })
    }

    /// Reads the file anew, and what it includes, and notes what they held even where they will not do. The price file is
    /// that of before until it is read.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is not YAML.
    pub(crate) fn anew(&self, file: PathBuf, contents: &mut Contents) -> Result<Self, LoadError> {
        let read = Self::of_file(file, &self.environment, &self.flags, contents)?;
        Ok(Self { price_file: self.price_file.clone(), ..read })
    }

    fn of_file(
        path: PathBuf,
        environment: &Environment,
        flags: &Flags,
        contents: &mut Contents,
    ) -> Result<Self, LoadError> {
        let loaded = load_noting(&path, environment, &flags.allow_unsupported, contents)?;
        let (flags, environment) = (flags.clone(), environment.clone());
        let (origin, contents) = (Origin::File(path), contents.clone());
        Ok(Self { loaded, origin, contents, flags, price_file: None, environment })
    }

    /// Reads the price file that is named, and notes with the others what it held. One that will not do changes no price.
    pub(crate) fn read_price_file(&mut self) -> Result<(), Error> {
        let read = price_file(&self.loaded, &mut self.contents)?;
        self.price_file = read.map(|(path, file)| {
            tracing::info!(prices.file = %path.display(), models = file.len(), "the price file is read");
            Arc::new(file)
        });
        Ok(())
    }

    /// The file that says what is served, if one does.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        match &self.origin {
            Origin::File(path) => Some(path),
            Origin::Model { .. } | Origin::Vercel(_) | Origin::Nothing => None,
        }
    }

    /// What the router is assembled of.
    pub(crate) fn assembly(&self) -> Assembly<'_> {
        let assembly = Assembly::of(&self.loaded.settings);
        let assembly = assembly.with_bare(self.bare()).with_total_timeout(self.flags.request_timeout);
        assembly.with_price_file(self.price_file.clone())
    }

    /// The router for all of it and for rows of the store, which goes on with what the one `before` has learned. Findings
    /// about the rows, and what of all cannot be served, are told.
    pub(crate) fn router(
        &self,
        registry: &Arc<Registry>,
        before: Option<&Router>,
        rows: &[StoredRow],
    ) -> Result<Router, Error> {
        let (stored, findings) = self.loaded.stored_deployments(rows);
        findings.iter().for_each(tell);
        let Assembled { router, left_out } = self.assembly().router(registry, before, &stored)?;
        for (location, why) in left_out {
            tracing::error!("{location}: the deployment is out of service: {why}");
        }
        Ok(router)
    }

    /// Tells which deployments of the file have no key.
    pub(crate) fn tell_without_key(&self, registry: &Registry) {
        for (location, why) in self.assembly().without_key(registry) {
            tracing::warn!("{location}: {why}");
        }
    }

    /// What is served without a file.
    fn bare(&self) -> Vec<BareDeployment> {
        const VERCEL: &str = "vercel_ai_gateway/*";
        let (all, any) = (BareDeployment::new(VERCEL, VERCEL), BareDeployment::new("*", VERCEL));
        match &self.origin {
            Origin::File(_) => Vec::new(),
            Origin::Model { model, alias, api_base } => {
                let named = BareDeployment::new(alias.as_ref().unwrap_or(model), model);
                vec![BareDeployment { api_base: api_base.clone(), ..named }]
            }
            Origin::Vercel(_) => vec![all, any],
            // Without a credential its models are refused with the variables to set, rather than not known.
            Origin::Nothing => vec![all, any, BareDeployment::new("echo/*", "echo/*")],
        }
    }

    /// What is printed at the start.
    pub(crate) fn start_text(
        &self,
        served: usize,
        callers: &str,
        scheme: &str,
        address: SocketAddr,
    ) -> String {
        let settings = &self.loaded.settings;
        let usable = settings.deployments.iter().find(|row| row.disabled.is_none());
        let (version, origin) = (env!("CARGO_PKG_VERSION"), &self.origin);
        let (rows, group) = (self.loaded.rows, usable.map(|row| row.group.as_str()));
        let has_key = settings.general.master_key.is_some();
        StartText { version, origin, rows, served, group, callers, scheme, address, has_key }.to_string()
    }

    /// Tells every finding, and stops where one is fatal.
    pub(crate) fn refuse_fatal(&self, tell: impl Fn(&Diagnostic)) -> Result<(), String> {
        let findings = &self.loaded.diagnostics;
        findings.iter().for_each(tell);
        match findings.iter().filter(|finding| finding.fatal).count() {
            0 => Ok(()),
            fatal => Err(format!("not started: {fatal} of the findings above cannot be passed over")),
        }
    }
}
