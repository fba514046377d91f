//! What a client is made of: environment, transport, providers, deployments, limits.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use trunkline_core::{Environment, Error, ErrorKind, Secret};
use trunkline_provider::{About, Limits, Provider, Registry, Transport, Waits};
use trunkline_router::{DeploymentSpec, Router, Routing};
use trunkline_transport::{HttpTransport, TransportOptions};

use crate::defaults::Defaults;
use crate::process_environment::process_environment;
use crate::{Client, providers};

/// Builds a [`Client`]. Everything has a default; later calls win over earlier ones.
///
/// ```
/// use trunkline::{Client, DeploymentSpec, Environment, Target};
///
/// let client = Client::builder()
///     .environment(Environment::from_iter([("OPENAI_API_KEY", "sk-example")]))
///     .api_key("vercel_ai_gateway", "vck_example")
///     .alias("fast", "vercel_ai_gateway/openai/gpt-5-mini")
///     .deployment(DeploymentSpec {
///         group: "local".into(),
///         model: "openai/qwen3".into(),
///         target: Target { api_base: Some("http://localhost:8080/v1".into()), ..Target::default() },
///         ..DeploymentSpec::default()
///     })
///     .build()?;
/// assert!(client.router().resolve("fast").is_ok());
/// # Ok::<(), trunkline::Error>(())
/// ```
#[must_use = "a client is made by `build`"]
pub struct ClientBuilder {
    environment: Environment,
    transport: Option<Arc<dyn Transport>>,
    limits: Limits,
    waits: Option<Waits>,
    registrations: Vec<Register>,
    defaults: BTreeMap<String, Defaults>,
    deployments: Vec<DeploymentSpec>,
    aliases: Vec<(String, String)>,
    routing: Routing,
}

/// Adds providers to a registry.
type Register = Box<dyn FnOnce(&mut Registry) + Send>;

impl ClientBuilder {
    /// A builder with an empty environment: keys come from what is said here alone.
    #[expect(
        clippy::new_without_default,
        reason = "`Client::builder` and `from_env` are the two ways to begin"
    )]
    pub fn new() -> Self {
        Self {
            environment: Environment::empty(),
            transport: None,
            limits: Limits::default(),
            waits: None,
            registrations: Vec::new(),
            defaults: BTreeMap::new(),
            deployments: Vec::new(),
            aliases: Vec::new(),
            routing: Routing::default(),
        }
    }

    /// A builder with the environment of this process, as it is now.
    pub fn from_env() -> Self {
        Self::new().environment(process_environment())
    }

    /// Takes keys, base URLs and proxies from this environment.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sends over this transport. Default: an [`HttpTransport`] with the proxies and certificates of the
    /// environment.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Sets how large replies and events may be.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long each part of a call may take, where neither its deployment nor the call itself says so.
    pub fn waits(mut self, waits: Waits) -> Self {
        self.waits = Some(waits);
        self
    }

    /// Adds a provider under a prefix: `parrot` for `parrot/<model>`. One that has the prefix already is replaced.
    pub fn provider(self, prefix: impl Into<String>, provider: impl Provider) -> Self {
        let prefix = prefix.into();
        let about = About { name: prefix.clone(), is_open: true, ..About::default() };
        self.register(move |registry| registry.register(prefix, Arc::new(provider), about))
    }

    /// Adds providers by the `register` function of their crate, or by a closure that builds them from the
    /// registry's transport and environment. The providers of this crate are there already.
    pub fn register(mut self, register: impl FnOnce(&mut Registry) + Send + 'static) -> Self {
        self.registrations.push(Box::new(register));
        self
    }

    /// Sets the key of the provider with this prefix, wherever a deployment or a call brings none of its own.
    ///
    /// It goes to that provider's base alone: a deployment or a call with another base URL brings its own key.
    pub fn api_key(mut self, prefix: impl Into<String>, api_key: impl Into<Secret>) -> Self {
        self.defaults.entry(prefix.into()).or_default().api_key = Some(api_key.into());
        self
    }

    /// Sets the base URL of the provider with this prefix, wherever a deployment or a call brings none of its own.
    pub fn api_base(mut self, prefix: impl Into<String>, api_base: impl Into<String>) -> Self {
        self.defaults.entry(prefix.into()).or_default().api_base = Some(api_base.into());
        self
    }

    /// Adds a deployment to its model group: a model under a name of your own, with key, base URL and defaults.
    pub fn deployment(mut self, deployment: DeploymentSpec) -> Self {
        self.deployments.push(deployment);
        self
    }

    /// Gives a model another name. `model` is a model group, or a model with its prefix.
    pub fn alias(mut self, alias: impl Into<String>, model: impl Into<String>) -> Self {
        self.aliases.push((alias.into(), model.into()));
        self
    }

    /// Sets how models are served: further attempts, fallbacks, rests, limits, hedges. The defaults are those of
    /// [`Routing`]: two further attempts, no fallbacks.
    pub fn routing(mut self, routing: Routing) -> Self {
        self.routing = routing;
        self
    }

    /// Makes the client. Nothing is connected before the first call.
    ///
    /// # Errors
    ///
    /// `Configuration` for a proxy that is no URL, a file of certificates that cannot be read, a key or base URL for
    /// a prefix that no provider has, an alias that leads nowhere, and two deployments with one id. `UnknownModel`
    /// for a deployment whose model begins with no known prefix.
    pub fn build(self) -> Result<Client, Error> {
        let Self {
            environment,
            transport,
            limits,
            waits,
            registrations,
            defaults,
            deployments,
            aliases,
            routing,
        } = self;
        let transport = transport.map_or_else(|| http_transport(&environment, limits), Ok)?;
        let mut registry = Registry::new(transport, environment, limits);
        providers::register(&mut registry);
        for register in registrations {
            register(&mut registry);
        }
        complete(&mut registry, defaults, waits)?;
        router(registry, deployments, aliases, routing).map(Client::from)
    }
}

fn http_transport(environment: &Environment, limits: Limits) -> Result<Arc<dyn Transport>, Error> {
    let mut options = TransportOptions::from_environment(environment);
    options.inflated_bytes_max = limits.reply_bytes_max;
    Ok(Arc::new(HttpTransport::new(options)?))
}

/// Gives the providers what the client sets for them.
fn complete(
    registry: &mut Registry,
    mut defaults: BTreeMap<String, Defaults>,
    waits: Option<Waits>,
) -> Result<(), Error> {
    let prefixes: Vec<Arc<str>> =
        registry.registrations().iter().map(|registration| Arc::clone(&registration.prefix)).collect();
    if let Some(unknown) = defaults.keys().find(|prefix| registry.by_prefix(prefix).is_none()) {
        let known = prefixes.join(", ");
        let message = format!("no provider has the prefix `{unknown}`; known prefixes: {known}");
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    for prefix in prefixes {
        let named = defaults.remove(&*prefix);
        if named.is_some() || waits.is_some() {
            Defaults { waits, ..named.unwrap_or_default() }.apply(&prefix, registry);
        }
    }
    Ok(())
}

fn router(
    registry: Registry,
    mut deployments: Vec<DeploymentSpec>,
    aliases: Vec<(String, String)>,
    routing: Routing,
) -> Result<Router, Error> {
    // An alias of a model group shares its deployments; one of a model with its prefix is a deployment of its own.
    let groups: Vec<String> = deployments.iter().map(|spec| spec.group.clone()).collect();
    let is_model = |name: &String| !groups.contains(name) && registry.find(name).is_some();
    let (of_models, of_groups): (Vec<_>, Vec<_>) =
        aliases.into_iter().partition(|(_, model)| is_model(model));
    let spec = |(group, model)| DeploymentSpec { group, model, ..DeploymentSpec::default() };
    deployments.extend(of_models.into_iter().map(spec));

    let mut router = Router::builder(Arc::new(registry)).routing(routing).direct(true);
    for deployment in deployments {
        router.deployment(deployment)?;
    }
    for (alias, group) in &of_groups {
        router.alias(alias, group, false);
    }
    let router = router.build();
    for (alias, group) in &of_groups {
        router.resolve(group).map_err(|error| {
            let message = format!("the alias `{alias}` leads nowhere: {error}");
            Error::new(ErrorKind::Configuration, message).with_source(error)
        })?;
    }
    Ok(router)
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientBuilder")
            .field("environment", &self.environment)
            .field("defaults", &self.defaults)
            .field("deployments", &self.deployments)
            .field("aliases", &self.aliases)
            .finish_non_exhaustive()
    }
}
