//! From settings to the router that serves them: deployments of the file, and those that stand elsewhere.

use std::sync::Arc;
use std::time::Duration;

use trunkline_config::{DeploymentSettings, Location, Settings};
use trunkline_core::Error;
use trunkline_prices::{PriceFile, Prices};
use trunkline_provider::{Registry, SendOptions, Target, Waits};
use trunkline_router::{DeploymentSpec, Router};

use crate::deployment::spec;
use crate::routing::routing;

/// What a router is assembled of.
#[derive(Clone, Debug)]
pub struct Assembly<'s> {
    settings: &'s Settings,
    bare: Vec<BareDeployment>,
    total_timeout: Option<Duration>,
    price_file: Option<Arc<PriceFile>>,
}

/// A deployment that no row describes: a name, and the model that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareDeployment {
    /// The name that callers use.
    pub group: String,
    /// The model, with its provider's prefix.
    pub model: String,
    /// Where it is called. Default: where its provider is.
    pub api_base: Option<String>,
}

/// A router, and what is not in it.
#[derive(Debug)]
pub struct Assembled {
    /// What serves.
    pub router: Router,
    /// The rows that cannot be served, where they stand, and why.
    pub left_out: Vec<(Location, Error)>,
}

impl<'s> Assembly<'s> {
    /// What the settings say.
    pub fn of(settings: &'s Settings) -> Self {
        Self { settings, bare: Vec::new(), total_timeout: None, price_file: None }
    }

    /// With deployments that no row describes. They cannot be left out.
    pub fn with_bare(mut self, bare: Vec<BareDeployment>) -> Self {
        self.bare = bare;
        self
    }

    /// With how long a call may take where its row and its group do not say, in place of what the settings say.
    pub fn with_total_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// With a price file that goes before all other lists of prices.
    pub fn with_price_file(mut self, file: Option<Arc<PriceFile>>) -> Self {
        self.price_file = file;
        self
    }

    /// The router for all of it, and for the rows that are `stored` besides. It goes on with what the one `before` has
    /// learned. Rows that are disabled are passed over: whoever read them has told of them.
    ///
    /// # Errors
    ///
    /// If a bare deployment cannot be served.
    pub fn router(
        &self,
        registry: &Arc<Registry>,
        before: Option<&Router>,
        stored: &[DeploymentSettings],
    ) -> Result<Assembled, Error> {
        let prices = before.map_or_else(Prices::bundled, |before| before.prices().clone());
        let prices = match &self.price_file {
            Some(file) => prices.with_file(Arc::clone(file)),
            None => prices.without_file(),
        };
        let routing = routing(self.settings, stored);
        let mut builder = Router::builder(Arc::clone(registry)).routing(routing).prices(prices);
        if let Some(before) = before {
            builder = builder.succeeding(before);
        }
        let send = self.send_options();
        for bare in &self.bare {
            builder.deployment(bare.spec(&send))?;
        }
        let mut left_out = Vec::new();
        let of_file = self.settings.deployments.iter().map(|row| (row, false));
        for (row, is_stored) in of_file.chain(stored.iter().map(|row| (row, true))) {
            if row.disabled.is_some() {
                continue;
            }
            if let Err(error) = builder.deployment(spec(row, self.send_options_of(row, &send), is_stored)) {
                left_out.push((row.location.clone(), error));
            }
        }
        for alias in &self.settings.aliases {
            builder.alias(&alias.alias, &alias.group, alias.hidden);
        }
        Ok(Assembled { router: builder.build(), left_out })
    }

    /// Tries whether a row that is to be stored could be served.
    ///
    /// # Errors
    ///
    /// Why it could not.
    pub fn try_stored(&self, row: &DeploymentSettings, registry: &Arc<Registry>) -> Result<(), Error> {
        let send = self.send_options_of(row, &self.send_options());
        Router::builder(Arc::clone(registry)).deployment(spec(row, send, true))
    }

    /// The rows of the file that have no key, with where they stand and the variables that one could stand in.
    pub fn without_key(&self, registry: &Registry) -> Vec<(Location, String)> {
        let is_own = |row: &&DeploymentSettings| {
            // Who names another base may need none, and a caller may bring one.
            let is_elsewhere = row.api_base.is_some() || row.mock_response.is_some();
            let of_caller = self.settings.general.client_side_credentials
                || row.configurable_clientside_auth_params.iter().any(|field| field == "api_key");
            row.disabled.is_none() && row.api_key.is_none() && !is_elsewhere && !of_caller
        };
        let rows = self.settings.deployments.iter().filter(is_own).filter_map(|row| {
            let registration = match &row.custom_llm_provider {
                Some(prefix) => registry.by_prefix(prefix),
                None => registry.find(&row.model).map(|(registration, _)| registration),
            };
            let about = &registration?.about;
            let variables = about.key_variables.join(" or ");
            let is_without = !about.has_credential && !about.is_open && !variables.is_empty();
            let told = || format!("`{}` has no key: set {variables}, or api_key in its row", row.group);
            is_without.then(|| (row.location.clone(), told()))
        });
        rows.collect()
    }

    fn send_options(&self) -> SendOptions {
        let (own, upstream) = (&self.settings.trunkline, &self.settings.upstream);
        let milliseconds = Duration::from_millis;
        SendOptions {
            waits: Waits {
                connect: milliseconds(own.connect_timeout_ms),
                first_event: upstream.stream_timeout.unwrap_or(milliseconds(own.first_event_timeout_ms)),
                idle: milliseconds(own.idle_timeout_ms),
                total: self.total_timeout.or(upstream.timeout).unwrap_or(milliseconds(own.total_timeout_ms)),
            },
            http2: upstream.http2,
            accept_invalid_certificates: !upstream.verify_certificates,
        }
    }

    /// The narrowest goes first: the deployment's own waits, its group's, those for all.
    fn send_options_of(&self, row: &DeploymentSettings, send: &SendOptions) -> SendOptions {
        let mut send = send.clone();
        let group = self.settings.trunkline.group_waits.get(&row.group).copied().unwrap_or_default();
        let waits = &mut send.waits;
        for (wait, own, of_group) in [
            (&mut waits.connect, row.connect_timeout, group.connect_timeout_ms),
            (&mut waits.first_event, row.stream_timeout, group.first_event_timeout_ms),
            (&mut waits.idle, row.idle_timeout, group.idle_timeout_ms),
            (&mut waits.total, row.timeout, group.total_timeout_ms),
        ] {
            *wait = own.or(of_group.map(Duration::from_millis)).unwrap_or(*wait);
        }
        send
    }
}

impl BareDeployment {
    /// A model under a name, called where its provider is.
    pub fn new(group: impl Into<String>, model: impl Into<String>) -> Self {
        Self { group: group.into(), model: model.into(), api_base: None }
    }

    fn spec(&self, send: &SendOptions) -> DeploymentSpec {
        let target = Target { api_base: self.api_base.clone(), send: send.clone(), ..Target::default() };
        DeploymentSpec {
            group: self.group.clone(),
            model: self.model.clone(),
            target,
            ..DeploymentSpec::default()
        }
    }
}
